"""Giving a run another name. What other runs say of it stays right.

Children name their parent in their notes, which are written anew. Their configurations hold paths into its folder,
and are never rewritten; where one points to the old name, that is kept as an alias, and no other run may have it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RunError, WorkbenchError
from core.runs import aliases, index
from core.runs.atomic import sync_path
from core.runs.names import check_name
from core.runs.notes import change_notes, read_notes
from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.store import RunStore


def rename_run(store: RunStore, old: str, new: str) -> Run:
    """The run `old` under the name `new`. Raises `RunError` when it is live, the name is taken, or it cannot be moved.

    When it raises, nothing has changed. Notes of a child that cannot be written keep the old name.
    """
    run = store.open(old)
    if run.name != old:
        raise RunError(f"There is no run {old!r}", next_step=f"Did you mean {run.name}? Renaming wants the full name.")
    check_name(new)
    if run.state().is_live:
        step = f"finetui stop {old}"
        raise RunError(f"{old} is being trained, or waits for it", "A trainer writes into its folder.", step)
    target = store.root / new
    if os.path.lexists(target):
        raise RunError(f"A run named {new} already exists", next_step="Choose another name.")
    if aliases.named_now(store.root, new) != old:
        require_free(store, new)
    is_needed = _is_pointed_to(store, run.path)
    change_notes(run, lambda tree: _remember(tree, old, new))
    try:
        aliases.lead(store.root, old, new, is_needed=is_needed)
        os.rename(run.path, target)  # fails when another process has made a run of that name meanwhile
    except OSError as broken:
        with suppress(OSError, WorkbenchError):
            aliases.lead(store.root, new, old, is_needed=False)
            change_notes(run, lambda tree: _remember(tree, new, old))
        why = broken.strerror or str(broken)
        raise RunError(f"Cannot rename {old}", why, f"Is {store.root} writable?") from None
    with suppress(OSError):
        sync_path(store.root)
    _tell_children(store, old, new)
    index.forget(store.root)  # rows of children name the base model after this run
    return Run(target)


def require_free(store: RunStore, name: str) -> None:
    """Raise `RunError` while configurations know another run by this name. One that none knows is given free."""
    now = aliases.named_now(store.root, name)
    if now and _is_pointed_to(store, store.root / name):
        raise RunError(
            f"{now} was called {name} once",
            "Other runs still point to it by that name: to its split or its model.",
            "Choose another name.",
        )
    if now:
        aliases.drop(store.root, name)


def new_name_of(store: RunStore, old: str) -> str:
    """The name that a run has now which was called `old` once; empty when there is none, or more than one."""
    found = [run.name for run in store.runs() if old in read_notes(run).was]
    return found[0] if len(found) == 1 else ""


def _is_pointed_to(store: RunStore, path: Path) -> bool:
    """Whether the configuration of another run names something in that folder, or its split by the bare name."""
    ways = {str(way).replace("\\", "\\\\").replace('"', '\\"') for way in (path.absolute(), path.resolve())}
    marks = [f"{way}{end}" for way in ways for end in ('"', "'", os.sep)] + [f'of = "{path.name}"']
    for run in store.runs():
        with suppress(OSError, ValueError):
            text = (run.path / "run.toml").read_text(encoding="utf-8") if run.path != path else ""
            if any(mark in text for mark in marks):
                return True
    return False


def _remember(tree: dict[str, Any], old: str, new: str) -> None:
    was = tree.get("was")
    tree["was"] = [*(name for name in (was if isinstance(was, list) else []) if name not in (old, new)), old]


def _tell_children(store: RunStore, old: str, new: str) -> None:
    def follow(tree: dict[str, Any]) -> None:
        if tree.get("parent") == old:
            tree["parent"] = new

    for one in store.runs():
        if read_notes(one).parent == old:
            with suppress(WorkbenchError):  # another's, or damaged: what it says is no worse than it was
                change_notes(one, follow)

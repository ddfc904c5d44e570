"""Which run a person means."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import RunError
from core.paths import expanded
from core.runs import Run, RunStore, find_root, trash
from core.runs.store import valid_name
from core.text import safe

_LETTERS = "Letters, digits, dot, dash and underscore, beginning with one of the first two; at most 64 of them."


def find_run(given: str, root: Path | None) -> Run:
    """The run of that name in the runs folder, or the run folder at that path. Raises `RunError`."""
    folder = expanded(given)
    if os.sep not in given:
        return _named(RunStore(find_root(root).path), given)
    if not (folder / "run.toml").is_file():
        raise RunError(f"{safe(given)} is not a run folder", "It has no run.toml.", "finetui runs lists the runs.")
    run = Run(folder.resolve())
    if not valid_name(run.name):  # it is part of the commands that are printed to be copied
        raise RunError(f"{safe(given)} has a name that no run may have", _LETTERS, "Rename the folder.")
    return run


def _named(store: RunStore, given: str) -> Run:
    names = store.names()
    if given == "last" and not names:
        raise RunError("There are no runs yet", f"Looked in {store.root}.", "finetui train FILE makes one.")
    if not any(name.startswith(given) for name in names):
        for place in trash.kept(store.root):
            if trash.name_of(place) == given:
                raise RunError(f"{given} is in the trash", next_step=f"Bring it back: finetui restore {given}")
    return store.open(given)


def live_or_last(name: str, root: Path | None) -> Run:
    """The run of that name; without one the newest that trains, else the newest. Raises `RunError`."""
    live = [] if name else RunStore(find_root(root).path).live()
    return live[0] if live else find_run(name or "last", root)

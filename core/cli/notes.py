"""Commands by which a person keeps runs in order: tag, note, rename, archive."""

from __future__ import annotations

import json as json_format
from typing import Annotated, Optional

import typer

from core.cli.console import out, say
from core.cli.find import find_run
from core.cli.options import JsonOption, RunArgument, RunsOption
from core.errors import ConfigError, RunError, WorkbenchError
from core.runs import RunStore, find_root
from core.runs.notes import Notes, edit, read_notes, valid_tag
from core.runs.run import Run
from core.text import safe


def tag(
    run: RunArgument,
    tags: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[TAG]...", help="Tags to give: baseline, or +baseline.", show_default=False),
    ] = None,
    remove: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--remove", metavar="TAG", help="A tag to take away. Can be given again.", show_default=False),
    ] = None,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Give a run tags, or take them away; without any, show those it has."""
    found = find_run(run, runs)
    gone = [one.removeprefix("+") for one in remove or []]
    for one in gone:
        if not valid_tag(one) and one not in read_notes(found).tags:
            raise RunError(f"{safe(one)!r} is no tag of {found.name}", next_step=f"finetui tag {found.name} shows them")
    before, after = edit(found, add=tags or [], remove=gone) if tags or gone else (_whole(found), _whole(found))
    if json:
        out(json_format.dumps({"run": found.name, "tags": list(after.tags)}))
        return
    if missing := [one for one in gone if one not in before.tags]:
        say(f"{found.name} had no {', '.join(missing)}")
    if after.tags:
        out(" ".join(after.tags))
    else:
        say(f"{found.name} has no tags · finetui tag {found.name} TAG")


def note(
    run: RunArgument,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[TEXT]...", help="The note; without one, show it.", show_default=False),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the note away.")] = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Write a note about a run in place of the one it had, or show it."""
    found = find_run(run, runs)
    words = " ".join(text or [])
    if clear and words:
        raise ConfigError("--clear takes the note away, a text replaces it", next_step="Use one of them.")
    before, after = edit(found, text=words) if words or clear else (_whole(found), _whole(found))
    if json:
        out(json_format.dumps({"run": found.name, "note": after.text}))
    elif clear:
        say(f"{found.name} has no note any more" if before.text else f"{found.name} had no note")
    elif not words and not after.text:
        say(f"{found.name} has no note · finetui note {found.name} TEXT")
    elif not words:
        out(after.text)
    else:
        say(f"{found.name} has a note" + (", in place of the one before" if before.text else ""))


def _whole(run: Run) -> Notes:
    """The notes of `run`. Raises `RunError` when they are damaged."""
    before, _ = edit(run)
    return before


def rename(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of the run: the whole of it, or 'last'.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Give a run another name. Runs that were made from it know it by that."""
    store = RunStore(find_root(runs).path)
    old = store.open(run).name if run == "last" else run
    found = store.rename(old, new)
    if json:
        out(json_format.dumps({"run": found.name, "was": old, "path": str(found.path)}))
    else:
        say(f"{old} is called {found.name} now")


def archive(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names of runs, or beginnings of them.")],
    undo: Annotated[bool, typer.Option("--undo", help="Bring them back into the list.")] = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Put runs aside: lists leave them out until they are asked for. Nothing moves on the disk."""
    found = [find_run(name, runs) for name in names]  # all of them are there before the first is changed
    done: list[str] = []
    problem: WorkbenchError | None = None
    for one in found:
        try:
            edit(one, archived=not undo)
            done.append(one.name)
        except WorkbenchError as wrong:
            problem = problem or wrong
    if json:
        out(json_format.dumps({"runs": done, "archived": not undo}))
    elif done:
        is_are = "is" if len(done) == 1 else "are"
        back = f" · back again: finetui archive --undo {' '.join(done)}"
        say(f"{', '.join(done)} {is_are} {'back in the list' if undo else 'put aside' + back}")
    if problem is not None:
        raise problem

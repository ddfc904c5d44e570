"""Commands on saved and live runs: runs, show, attach, stop, delete, restore."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.console import out, say
from core.cli.find import find_run
from core.cli.follow import json_of, watch
from core.cli.options import JsonOption, RunsOption
from core.cli.report import run_text, runs_text
from core.errors import RunError
from core.runs import Run, RunStore, Summary, find_root, read_history
from core.runs.store import TRASH

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Name of the run, a beginning of it, or 'last'.")]
LiveArgument = Annotated[
    str,
    typer.Argument(
        metavar="[RUN]",
        help="Name of the run, a beginning of it, or 'last'. Without: the newest that trains, else the newest.",
        show_default=False,
    ),
]


def runs(json: JsonOption = False, runs: RunsOption = None) -> None:
    """List the saved runs, best validation score first."""
    root = find_root(runs)
    found = RunStore(root.path).list()
    if json:
        out(json_format.dumps([_plain(one) for one in found]))
    elif not found:
        say(f"No runs in {root.path} ({root.reason}). finetui train FILE makes one.")
    else:
        out(runs_text(found))
        for one in found:
            if one.problem:
                say(f"{one.name}: {one.problem}")


def _plain(one: Summary) -> dict[str, Any]:
    return {**asdict(one), "path": str(one.path), "state": str(one.state), "tags": list(one.tags)}


def show(run: RunArgument, json: JsonOption = False, runs: RunsOption = None) -> None:
    """Show one run: settings, scores per class, baselines beside them."""
    found = find_run(run, runs)
    if json:
        out(json_of(found, found.state()))
        return
    history = read_history(found)
    out(run_text(found, history, found.state()))
    for one in history.warnings:
        say(f"! {one.title} {one.message}")


def _live_or_last(name: str, root: Path | None) -> Run:
    live = [] if name else RunStore(find_root(root).path).live()
    return live[0] if live else find_run(name or "last", root)


def attach(run: LiveArgument = "", json: JsonOption = False, runs: RunsOption = None) -> None:
    """Follow a run until it ends. ctrl+c stops watching; the run goes on."""
    sys.exit(watch(_live_or_last(run, runs), json=json, ours=False))


def stop(run: LiveArgument = "", runs: RunsOption = None) -> None:
    """Ask a run to finish its step, validate, and save the best weights."""
    found = _live_or_last(run, runs)
    state = found.state()
    if not state.is_live:
        raise RunError(f"{found.name} is not training", f"It is {state}.", "finetui runs lists all of them.")
    found.ask("stop")
    say(f"{found.name} stops after its step and saves · finetui attach {found.name}")


def delete(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs: RunsOption = None,
) -> None:
    """Move a run to the trash; `finetui restore` brings it back."""
    store = RunStore(find_root(runs).path)
    found = store.open(run)
    if not yes and not typer.confirm(f"Move {found.name} to the trash?", err=True):
        raise typer.Exit(1)
    store.delete(found.name)
    say(f"{found.name} is in the trash · finetui restore {found.name}")


def restore(
    run: Annotated[str, typer.Argument(metavar="NAME", help="Name in the trash; a run's name takes its newest.")],
    runs: RunsOption = None,
) -> None:
    """Bring a run back from the trash."""
    store = RunStore(find_root(runs).path)
    trash = store.root / TRASH
    entries = trash.iterdir() if trash.is_dir() else ()
    places = sorted(
        (place for place in entries if run in (place.name, place.name.rsplit("~", 1)[0])), key=lambda place: place.name
    )
    if not places:
        raise RunError(f"{run} is not in the trash", f"Looked in {trash}.")
    say(f"{store.restore(places[-1]).name} is back")

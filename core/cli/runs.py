"""Commands on saved runs: runs, show, attach, delete, restore."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from core.cli.console import out, say
from core.cli.find import find_run, live_or_last
from core.cli.follow import json_of, watch
from core.cli.options import JsonOption, LiveArgument, RunArgument, RunsOption
from core.cli.report import left_text, run_text, runs_text
from core.errors import RunError
from core.launch.again import is_left
from core.runs import Run, RunState, RunStore, Summary, find_root, read_history
from core.runs.absence import Silence, silence_text, why_gone
from core.runs.store import TRASH


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
            elif is_left(one.state):
                say(left_text(run := Run(one.path), read_history(run), one.state))


def _plain(one: Summary) -> dict[str, Any]:
    return {**asdict(one), "path": str(one.path), "state": str(one.state), "tags": list(one.tags)}


def show(run: RunArgument, json: JsonOption = False, runs: RunsOption = None) -> None:
    """Show one run: settings, scores per class, baselines beside them."""
    found = find_run(run, runs)
    history, state = read_history(found), found.state()
    if json:
        out(json_of(found, state, history))
        return
    out(run_text(found, history, state))
    quiet = silence_text(found, Silence(found).seconds(history, state))
    if told := why_gone(found, history) if state is RunState.INTERRUPTED else quiet:
        say(told)
    for one in history.warnings:
        say(f"! {one.title} {one.message}")
    if left := left_text(found, history, state):
        say(left)


def attach(run: LiveArgument = "", json: JsonOption = False, runs: RunsOption = None) -> None:
    """Follow a run until it ends. ctrl+c stops watching; the run goes on."""
    sys.exit(watch(live_or_last(run, runs), json=json, ours=False))


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

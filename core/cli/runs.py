"""Commands on saved runs: runs, show, attach, delete, restore."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from core.cli.console import out, say
from core.cli.ending import ending_lines, hint_lines, warning_text
from core.cli.find import find_run, live_or_last
from core.cli.follow import json_of, watch
from core.cli.options import JsonOption, LiveArgument, RunArgument, RunsOption
from core.cli.report import run_text, runs_text
from core.errors import ConfigError
from core.launch.again import is_left
from core.runs import Run, RunStore, Summary, find_root, read_history, trash
from core.runs.absence import Silence, silence_text


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
                for text in hint_lines(run := Run(one.path), read_history(run), one.state):
                    say(text)


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
    if quiet := silence_text(found, Silence(found).seconds(history, state)):
        say(quiet)
    for text in dict.fromkeys(map(warning_text, history.warnings)):
        say(text)
    for text in ending_lines(found, history, state):
        say(text)


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
    if not yes and not sys.stdin.isatty():
        raise ConfigError(
            f"{found.name} was not moved to the trash",
            "Without a terminal nobody can be asked.",
            f"finetui delete -y {found.name}",
        )
    if not yes and not typer.confirm(f"Move {found.name} to the trash?", err=True):
        raise typer.Exit(1)
    store.delete(found.name)
    say(f"{found.name} is in the trash · finetui restore {found.name}")


def restore(
    run: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Name in the trash, or a beginning of it; a run's name takes its newest."),
    ],
    runs: RunsOption = None,
) -> None:
    """Bring a run back from the trash."""
    store = RunStore(find_root(runs).path)
    say(f"{store.restore(trash.find(store.root, run)).name} is back")

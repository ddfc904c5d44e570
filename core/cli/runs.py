"""Commands on saved runs: runs, show, attach, delete, restore."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from core.cli.console import out, say
from core.cli.ending import ending_lines, hint_lines, warning_text
from core.cli.find import find_run, live_or_last
from core.cli.follow import json_of, watch
from core.cli.listing import (
    HINTS,
    AllOption,
    ArchivedOption,
    FilterArgument,
    LimitOption,
    Listing,
    ReverseOption,
    SizesOption,
    SortOption,
    listing,
    say_room,
)
from core.cli.options import JsonOption, LiveArgument, RunArgument, RunsOption
from core.cli.report import run_text, runs_text
from core.errors import ConfigError
from core.launch.again import is_left
from core.runs import Run, RunStore, Summary, find_root, read_history, trash
from core.runs.absence import Silence, silence_text
from core.runs.disk import Usage


def runs(
    words: FilterArgument = None,
    sort: SortOption = "f1",
    reverse: ReverseOption = False,
    limit: LimitOption = None,
    archived: ArchivedOption = False,
    everything: AllOption = False,
    sizes: SizesOption = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """List the saved runs, best validation score first."""
    root = find_root(runs)
    store = RunStore(root.path)
    found = listing(
        store, words or [], sort=sort, reverse=reverse, limit=limit, archived=archived, everything=everything,
        sizes=sizes,
    )  # fmt: skip
    if json:
        out(json_format.dumps([_plain(one, found.sizes) for one in found.shown]))
        return
    if not found.total:
        say(f"No runs in {root.path} ({root.reason}). finetui train FILE makes one.")
        return
    if found.shown:
        out(runs_text(found.shown, found.stars, found.sizes))
    else:
        say(f"None of {found.total} runs is like that.")
    if sizes:
        say_room(store, found)
    _say_more(found)


def _say_more(found: Listing) -> None:
    """What a list leaves out, what is wrong with its runs, which wait for somebody."""
    if found.hidden:
        say(f"{found.hidden} archived: finetui runs --all lists them too")
    waiting = 0
    for one in found.shown:
        if one.problem:
            say(f"{one.name}: {one.problem}")
        elif is_left(one.state):
            waiting += 1
            for text in hint_lines(run := Run(one.path), read_history(run), one.state) if waiting <= HINTS else ():
                say(text)
        if one.notes_problem:
            say(f"{one.name}: its tags and its note cannot be read: {one.notes_problem}")
    if waiting > HINTS:
        say(f"{waiting - HINTS} more were left: finetui show RUN says whether one can go on")


def _plain(one: Summary, sizes: Mapping[str, Usage] | None) -> dict[str, Any]:
    room = {"bytes": asdict(sizes[one.name])} if sizes else {}
    return {**asdict(one), "path": str(one.path), "state": str(one.state), "tags": list(one.tags), **room}


def show(
    run: RunArgument,
    epochs: Annotated[
        bool, typer.Option("--epochs", help="Every epoch of many, and the right answers per class in each.")
    ] = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Show one run: settings, scores per class and epoch, baselines beside them."""
    found = find_run(run, runs)
    history, state = read_history(found), found.state()
    if json:
        out(json_of(found, state, history))
        return
    out(run_text(found, history, state, epochs=epochs))
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

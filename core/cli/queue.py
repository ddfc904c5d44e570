"""`finetui queue`: the runs that wait for their turn, and what a person can do about the line."""

from __future__ import annotations

import json as json_format
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.cli.console import out, say, table
from core.cli.find import find_run
from core.cli.options import JsonOption, RunsOption
from core.cli.report import ago
from core.errors import ConfigError
from core.launch.again import go_on
from core.launch.queue import Worker, devices, ensure_served, is_served, suits, told, wanted
from core.runs import find_root
from core.runs.waiting import cancel, enqueue, hold, move, taken, waiting
from core.text import safe

FAR = 10**6
ACTIONS = ("add", "hold", "release", "up", "down", "first", "last", "cancel", "start")
_SHOWN = 5


def queue(
    action: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[ACTION]", help=f"One of {', '.join(ACTIONS)}; without: the line.", show_default=False),
    ] = None,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="The run it is about.", show_default=False)] = "",
    runs: RunsOption = None,
    json: JsonOption = False,
) -> None:
    """List the runs that wait for their turn, or change the line: finetui queue hold RUN.

    finetui train ... --queue puts a run at its end; add does it with one that was left or paused. A run that is held
    lets others pass. start works on the line again, after a reboot for example.
    """
    root = find_root(runs).path
    if action is not None:
        _act(action, run, runs, root)
    if action is None or json:
        _show(root, json)


def _act(action: str, name: str, runs: Path | None, root: Path) -> None:
    if action not in ACTIONS:
        raise ConfigError(f"There is no {safe(action)!r} in the queue", next_step=f"One of: {', '.join(ACTIONS)}.")
    if action == "start":
        say("working on it" if ensure_served(root) else "nothing waits that is not held")
        return
    if not name:
        raise ConfigError("Which run?", next_step=f"finetui queue {action} RUN")
    found = find_run(name, runs)
    ways = {"up": -1, "down": 1, "first": -FAR, "last": FAR}
    if action == "add" and found.has_facts():
        go_on(found, enqueue)
    elif action == "add":
        enqueue(found)
    elif action == "cancel":
        cancel(found)
    elif action in ways:
        move(found, ways[action])
    else:
        hold(found, held=action == "hold")
    if action in ("add", "release"):
        ensure_served(root)
    say(f"{found.name}: {_DONE[action]}")


_DONE = {
    "add": "waits for its turn",
    "hold": "held: others pass · finetui queue release",
    "release": "waits for its turn again",
    "up": "one place up",
    "down": "one place down",
    "first": "is next",
    "last": "is last",
    "cancel": "out of the queue; its folder stays",
}


def _show(root: Path, json: bool) -> None:
    line, now, history = waiting(root), taken(root), told(root)
    if json:
        found: dict[str, Any] = {
            "served": is_served(root),
            "training": [one.name for one, _, _ in now],
            "waiting": [{"run": one.name, **asdict(place)} for one, place in line],
            "done": history,
        }
        out(json_format.dumps(found))
        return
    rows = [["", "run", "since", ""]]
    rows += [["now", one.name, "", f"on {owner.host}"] for one, owner, _ in now]
    rows += [
        [str(number), one.name, ago(place.since), "held" if place.held else ""]
        for number, (one, place) in enumerate(line, 1)
    ]
    if len(rows) > 1:
        out(table(rows))
    else:
        say("Nothing waits. finetui train FILE --queue puts a run in the line.")
    for fact in history[-_SHOWN:]:
        words = {"ended": f"ended: {fact.get('state')}", "again": "vanished, is tried once more", "lost": "vanished"}
        what = words.get(str(fact.get("what")), "started")
        say(f"{ago(float(str(fact.get('t', 0))))}  {safe(fact.get('run'))} {what}")
    here = devices()
    for one, _ in line:
        if not any(suits(wanted(one), device) for device in here):
            say(f"{one.name} wants {safe(wanted(one))}; here is {', '.join(here)}")
    if any(not place.held for _, place in line) and not is_served(root):
        say("Nobody works on it: finetui queue start")


def work_queue(root: Annotated[Path, typer.Argument(help="The runs folder.")]) -> None:
    """Work on the queue of a runs folder: what `finetui queue` starts."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Worker(root).serve()

"""A run's facts as messages to a screen: what the Train room's thread does, without the room.

A message carries the event that ends its following, so that a room which has turned to another run knows its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from textual.message import Message

from core.errors import RunError, WorkbenchError
from core.runs import Batch, Run, RunStore, follow
from core.runs.resume import Outlook, outlook
from tui.widgets.run_facts import Card, card_of


@dataclass
class Opened(Message):
    """A run was found to follow, or none."""

    cancel: threading.Event
    run: Run | None
    card: Card | None
    problem: WorkbenchError | None = None


@dataclass
class Followed(Message):
    """What a run recorded since the last look."""

    cancel: threading.Event
    batch: Batch
    gone: bool = False
    outlook: Outlook | None = None
    """What resuming it would do; none while it is live."""


@dataclass
class LiveRuns(Message):
    """The names of the runs that train right now, newest first."""

    names: list[str]


def watch(store: RunStore, name: str, cancel: threading.Event) -> Iterator[Opened | Followed]:
    """Find the run, then follow it until it ends or `cancel` is set; raises nothing."""
    try:
        run = choose(store, name)
    except WorkbenchError as problem:
        yield Opened(cancel, None, None, problem)
        return
    yield Opened(cancel, run, card_of(run) if run is not None else None)
    if run is None:
        return
    try:
        last = None
        for batch in follow(run, cancel):
            last = batch.records[-1].event if batch.records else last
            found = None if batch.state.is_live else outlook(run, batch.state, last)
            yield Followed(cancel, batch, not run.path.is_dir(), found)
    except RunError as damaged:
        yield Opened(cancel, None, None, damaged)
    except (OSError, ValueError, TypeError) as broken:
        yield Opened(cancel, None, None, RunError(f"Cannot read {run.path}", str(broken)))


def live_runs(store: RunStore) -> LiveRuns:
    """Which runs train right now; none when the folder cannot be read."""
    try:
        return LiveRuns([run.name for run in store.live()])
    except (OSError, ValueError, RunError):
        return LiveRuns([])


def choose(store: RunStore, name: str) -> Run | None:
    """The run of that name; when it is gone or none was named a live run before the newest; none when there is none."""
    names = store.names()
    if name in names:
        return store.open(name)
    live = store.live()
    if live:
        return live[0]
    return store.open(names[0]) if names else None

"""Reading a run's facts: `follow` a live one as they come, `replay` what is there. Both are the same to a caller."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from core.runs.history import History, Record
from core.runs.log import LogReader
from core.runs.run import Run, RunState, decode_lines

PERIOD = 0.1
"""Seconds between two looks at the log."""

LOOKS_PER_STATE = 10
"""The state costs a few file reads: without news it is asked for on every tenth look only."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The facts that came since the last batch, and the run's state after them."""

    records: tuple[Record, ...]
    state: RunState


def replay(run: Run) -> Iterator[Record]:
    """Every fact of the log so far, in order."""
    for one in run.raw_records():
        yield Record(*one)


def read_history(run: Run) -> History:
    """The whole log folded."""
    history = History()
    history.extend(replay(run))
    return history


def follow(run: Run, cancelled: threading.Event | None = None, *, idle: float = math.inf) -> Iterator[Batch]:
    """Facts in order, none lost, in batches of 100 ms; a change of state at once, even without a fact.

    The first batch holds everything so far. Ends after the batch in which the run is no longer live, when `cancelled`
    is set, or when the folder is gone (then its last state is `INTERRUPTED`). After `idle` seconds without news a batch
    without facts comes.
    """
    cancelled = cancelled or threading.Event()
    reader = LogReader(run.events_path)
    state: RunState | None = None
    last, looks, told = None, 0, time.monotonic()
    while not cancelled.is_set():
        records = tuple(Record(*one) for one in decode_lines(reader.read_all()))
        if records:
            last = records[-1]
        looks += 1
        if records or state is None or looks % LOOKS_PER_STATE == 0:
            now = _state(run, last)
            if not now.is_live:  # facts may have come between the read and the look at the state
                rest = tuple(Record(*one) for one in decode_lines(reader.read_all()))
                if rest:
                    records, last = records + rest, rest[-1]
                    now = _state(run, last)
            if records or now is not state or time.monotonic() - told >= idle:
                state, told = now, time.monotonic()
                yield Batch(records, now)
            if not now.is_live:
                return
        cancelled.wait(PERIOD)


def _state(run: Run, last: Record | None) -> RunState:
    if not run.path.is_dir():
        return RunState.INTERRUPTED
    return run.state(last.event if last else None)

"""The list of runs without a widget: its columns, its order, its filter, and reading it from disk bit by bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.errors import RunError
from core.runs import History, Record, Run, RunState, RunStore, Summary
from core.runs.log import LogReader
from core.runs.resume import COMPLETE
from core.runs.run import decode_lines
from core.runs.store import summarise
from core.text import safe
from tui import format as fmt


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it shows, how wide it may get, how it sorts, and how soon it gives way in a narrow terminal."""

    key: str
    title: str
    text: Callable[[Summary], str]
    order: Callable[[Summary], Any]
    widest: int
    give_way: int
    is_number: bool = False
    is_falling: bool = False


def _number(value: float | None) -> float:
    """Runs without a score come last when scores fall."""
    return -math.inf if value is None or not math.isfinite(value) else value


def _state(summary: Summary) -> str:
    return "damaged" if summary.problem else summary.state.value


def _worst(summary: Summary) -> str:
    if summary.worst_f1 is None:
        return ""
    return f"{fmt.score(summary.worst_f1)} {safe(summary.worst_class)}"


def _tags(summary: Summary) -> str:
    """Its tags, and the run that it began with the weights of."""
    return safe(", ".join([*summary.tags, *([f"after {summary.parent}"] if summary.parent else [])]))


COLUMNS: tuple[Column, ...] = (
    Column("name", "run", lambda s: s.name, lambda s: s.name, 32, 0),
    Column("state", "state", _state, _state, 11, 6),
    Column("data", "data", lambda s: safe(s.data), lambda s: s.data.lower(), 28, 3),
    Column("model", "model", lambda s: safe(s.base), lambda s: s.base.lower(), 28, 7),
    Column("f1", "F1", lambda s: fmt.score(s.macro_f1), lambda s: _number(s.macro_f1), 5, 1, True, True),
    Column("accuracy", "acc", lambda s: fmt.score(s.accuracy), lambda s: _number(s.accuracy), 5, 5, True, True),
    Column("worst", "worst class", _worst, lambda s: _number(s.worst_f1), 24, 2, False, True),
    Column("time", "time", lambda s: fmt.span(s.seconds), lambda s: s.seconds, 7, 8, True),
    Column("age", "age", lambda s: fmt.age(max(time.time() - s.created, 0)), lambda s: -s.created, 7, 4, True),
    Column("tags", "tags", _tags, lambda s: (s.tags, s.parent), 30, 9),
)
BY_KEY = {column.key: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Order:
    """What the list is sorted by."""

    key: str = "f1"
    is_falling: bool = True

    def next(self, by: int) -> Order:
        """The order by the column after (or before) this one, in that column's natural direction."""
        keys = [column.key for column in COLUMNS]
        column = BY_KEY[keys[(keys.index(self.key) + by) % len(keys)]]
        return Order(column.key, column.is_falling)

    def clicked(self, key: str) -> Order:
        """By that column; the other way round when it is that one already."""
        if key == self.key:
            return Order(key, not self.is_falling)
        return Order(key, BY_KEY[key].is_falling)

    def apply(self, summaries: list[Summary]) -> list[Summary]:
        """The runs in this order; equal ones newest first."""
        newest = sorted(summaries, key=lambda summary: summary.created, reverse=True)
        return sorted(newest, key=BY_KEY[self.key].order, reverse=self.is_falling)


class Condition(Protocol):
    """One part of a filter."""

    def holds(self, summary: Summary) -> bool:
        """Whether this run stays in the list."""


@dataclass(frozen=True, slots=True)
class HasWord:
    """The word occurs in what the table shows of a run, in any case."""

    word: str

    def holds(self, summary: Summary) -> bool:
        """Whether this run stays in the list."""
        return any(self.word in column.text(summary).lower() for column in COLUMNS)


def parse_filter(text: str) -> tuple[Condition, ...]:
    """The conditions in what a person typed: every word must occur."""
    return tuple(HasWord(word) for word in safe(text).lower().split())


def matching(summaries: list[Summary], conditions: tuple[Condition, ...]) -> list[Summary]:
    """The runs for which every condition holds."""
    return [summary for summary in summaries if all(condition.holds(summary) for condition in conditions)]


def shown_columns(summaries: list[Summary], width: int) -> dict[str, int]:
    """Columns that fit into `width` cells, with their widths, in table order; the less important give way."""
    needs = {
        column.key: min(
            max([fmt.width_of(column.title) + 2, *(fmt.width_of(column.text(summary)) for summary in summaries)]),
            column.widest,
        )
        for column in COLUMNS
        if column.key != "tags" or any(map(_tags, summaries))
    }
    needs["name"] += 4  # the star and the sign of its state
    left, kept = width, set[str]()
    for column in sorted(COLUMNS, key=lambda column: column.give_way):
        if column.key in needs and needs[column.key] + 2 <= left:
            kept.add(column.key)
            left -= needs[column.key] + 2
    return {column.key: needs[column.key] for column in COLUMNS if column.key in kept or column.key == "name"}


def _unreadable(run: Run, why: str) -> Summary:
    """The row of a run that cannot be looked at."""
    return Summary(run.name, run.path, RunState.INTERRUPTED, 0.0, 0.0, "", "", None, None, "", None, (), why)


SCREENFUL = 40
"""So many runs are shown as soon as they are read."""


@dataclass(slots=True)
class _Live:
    """A live run's log, read as far as it went."""

    reader: LogReader
    history: History = field(default_factory=History)


def _stamp(run: Path) -> float:
    """When a trainer was started last on the run in this folder, or recorded something last."""
    times = [0.0]
    for name in ("launch.json", "events.jsonl"):
        with suppress(OSError):
            times.append((run / name).stat().st_mtime)
    return max(times)


@dataclass(slots=True)
class RunIndex:
    """Summaries by name, kept up to date from disk. Used by one thread at a time."""

    store: RunStore
    known: dict[str, Summary] = field(default_factory=dict)
    _live: dict[str, _Live] = field(default_factory=dict)
    _seen: dict[str, float] = field(default_factory=dict)

    def read(self, *, everything: bool, portion: int = 200) -> Iterator[dict[str, Summary]]:
        """Look at the folder and yield what is known after a screenful, after each `portion` of runs, and at the end.

        Without `everything` only new runs are read again, those that were live, and those that somebody went on with.
        """
        names = self.store.names()
        self.known = {name: summary for name, summary in self.known.items() if name in set(names)}
        read = 0
        for name in names:
            known = self.known.get(name)
            if known is not None and not everything and not known.state.is_live and not self._goes_on(known):
                continue
            self.known[name] = self._summary(name)
            read += 1
            if read % portion == 0 or read == SCREENFUL:
                yield dict(self.known)
        yield dict(self.known)

    def _goes_on(self, known: Summary) -> bool:
        """Whether something has happened to a run that was not complete."""
        return known.state not in COMPLETE and self._seen.get(known.name) != _stamp(known.path)

    def _summary(self, name: str) -> Summary:
        run = Run(self.store.root / name)
        self._seen[name] = _stamp(run.path)
        try:
            return self._read(run)
        except (OSError, RunError) as broken:
            self._live.pop(name, None)
            return _unreadable(run, str(broken))

    def _read(self, run: Run) -> Summary:
        name = run.name
        if (run.path / "metrics.json").exists():
            self._live.pop(name, None)
            return summarise(run)
        live = self._live.setdefault(name, _Live(LogReader(run.events_path)))
        while lines := live.reader.read():
            live.history.extend(Record(*one) for one in decode_lines(lines))
        summary = summarise(run, live.history)
        if not summary.state.is_live:
            self._live.pop(name, None)
        return summary

"""The list of runs without a widget: its columns, its order, and reading it from disk bit by bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.errors import RunError
from core.runs import History, Record, Run, RunState, RunStore, Summary
from core.runs.index import Index
from core.runs.log import LogReader
from core.runs.resume import COMPLETE
from core.runs.run import decode_lines
from core.runs.summary import summarise
from core.text import safe
from tui import format as fmt

MOST_TAGS = 12
"""Tags of a run that the table shows at most."""


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
    """Its tags, the group it is of, and the run that it began with the weights of."""
    group, parent = [f"in {summary.group}"] * bool(summary.group), [f"after {summary.parent}"] * bool(summary.parent)
    found = [*summary.tags[:MOST_TAGS], *group, *parent]
    return safe(", ".join(["notes damaged"] if summary.notes_problem else found))


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


SHARE = 5
"""A complete run is looked at again at every fifth look: only a person's notes change there."""


@dataclass(slots=True)
class RunIndex:
    """Summaries by name, kept up to date from disk. Used by one thread at a time."""

    store: RunStore
    known: dict[str, Summary] = field(default_factory=dict)
    _live: dict[str, _Live] = field(default_factory=dict)
    _index: Index | None = None
    _looks: int = 0

    def read(self, *, everything: bool, portion: int = 200) -> Iterator[dict[str, Summary]]:
        """Look at the folder and yield what is known: after a screenful of rows that had to be read from their files,
        after each `portion` of them, and at the end.

        Files that have not changed are not read again. Without `everything` some complete runs are not looked at.
        """
        index = self._index = self._index or Index(self.store.root)
        names = self.store.names()
        self.known = {name: self.known[name] for name in names if name in self.known}
        self._looks += 1
        read = index.reads
        for at, name in enumerate(names):
            known = self.known.get(name)
            if known and not everything and known.state in COMPLETE and at % SHARE != self._looks % SHARE:
                continue
            before = index.reads
            self.known[name] = self._summary(index, name)
            done = index.reads - read
            if index.reads > before and (done % portion == 0 or done == SCREENFUL):
                yield dict(self.known)
        index.save(names)
        yield dict(self.known)

    def _summary(self, index: Index, name: str) -> Summary:
        run = Run(self.store.root / name)
        try:
            return index.summary(run, self._read)
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

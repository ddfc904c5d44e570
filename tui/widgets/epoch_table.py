"""The epochs of an opened run as lines: training beside validation, F1 per class, which is the best, which are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.runs.epochs import EpochRow, kept_text, notable
from core.text import safe
from tui import format as fmt
from tui.widgets.canvas import Line, line

NAME = 12
"""Cells of a class name at the head of a column, at most."""

GAP = 2


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    cells: list[str]
    tone: str = ""
    is_left: bool = False

    @property
    def width(self) -> int:
        return max(map(fmt.width_of, [self.head, *self.cells]))


def epoch_table(rows: Sequence[EpochRow], names: Sequence[str], width: int) -> list[Line]:
    """A row per epoch, of many the first, the best and the last ones. Where there is room, losses and every class too.

    `names`: those of the classes.
    """
    if not rows:
        return []
    shown = notable(rows)
    columns, more = _columns(shown, [safe(name) for name in names])
    for column in more:
        if sum(one.width + GAP for one in [*columns, column]) - GAP > width:
            break
        columns.append(column)
    lines = [line((_joined(columns, [column.head for column in columns]), "muted"))]
    for at, row in enumerate(shown):
        parts = line()
        for number, column in enumerate(columns):
            gap = " " * GAP if number else ""
            text = fmt.cell(column.cells[at], column.width, right=not column.is_left)
            parts += line(gap, (text, "strong" if row is not None and row.is_best and not number else column.tone))
        lines.append(parts)
    return [*lines, *_told(rows, width)]


def _joined(columns: Sequence[_Column], cells: Sequence[str]) -> str:
    pairs = zip(columns, cells, strict=True)
    return (" " * GAP).join(fmt.cell(text, column.width, right=not column.is_left) for column, text in pairs)


def _columns(shown: Sequence[EpochRow | None], names: list[str]) -> tuple[list[_Column], list[_Column]]:
    """The columns that are always there, and those for which there may be room, the most wanted first."""
    star = "★" if fmt.unicode_terminal() else "*"

    def values(one: Sequence[float]) -> list[str]:
        return ["" if row is None else fmt.score(value) for row, value in zip(shown, one, strict=True)]

    def figure(number: int) -> list[str]:
        return values([math.nan if row is None else row.figures[number] for row in shown])

    marks = ["…" if row is None else f"{row.name}{star if row.is_best else ' '}" for row in shown]
    columns = [
        _Column("epoch", marks),
        _Column("train acc", values([math.nan if row is None else row.train_accuracy for row in shown])),
        _Column("val acc", figure(1)),
        _Column("macro F1", figure(2)),
        _Column("worst class", [_worst(row, names) for row in shown], "warn", is_left=True),
    ]
    more = [_Column("kept", ["kept" if row is not None and row.is_kept else "" for row in shown])]
    if not any(row is not None and row.is_kept for row in shown):
        more = []
    more += [
        _Column("train loss", values([math.nan if row is None else row.train_loss for row in shown])),
        _Column("val loss", figure(0)),
        _Column("weighted F1", figure(3)),
        *(_Column(f"F1 {name}", [_f1(row, at) for row in shown]) for at, name in enumerate(fmt.fit_apart(names, NAME))),
    ]
    return columns, more


def _f1(row: EpochRow | None, at: int) -> str:
    if row is None:
        return ""
    return fmt.score(row.scores.class_f1[at] if row.scores is not None and at < len(row.scores.class_f1) else math.nan)


def _worst(row: EpochRow | None, names: Sequence[str]) -> str:
    if row is None or row.scores is None or not row.scores.class_f1:
        return ""
    at = row.scores.worst
    return f"{fmt.score(row.scores.class_f1[at])} {fmt.fit(names[at] if at < len(names) else '', 24)}".rstrip()


def _told(rows: Sequence[EpochRow], width: int) -> list[Line]:
    star = "★" if fmt.unicode_terminal() else "*"
    kept = [round(row.epoch) for row in rows if row.is_kept]
    text = f"{star} the best" + (f" · weights kept of {kept_text(kept)}, in epochs/" if kept else "")
    return [line((fmt.fit(text, width), "muted"))]

"""The epochs of a run in the shell: their figures, the right answers per class, which weights were kept."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.cli.console import table
from core.runs import History, Run
from core.runs import epochs as rooms
from core.runs.epochs import EpochRow, epoch_rows, notable
from core.text import safe, shorten

NAME = 12
"""Letters of a class name at the head of a column."""

KEPT, CLASS, FIGURE = 1, 2, 10**9
"""What gives way: some figures first, then classes from the last to the first, then the mark of what is kept."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column; `cell` is asked for each row. The one with the highest `less` is left out first, 0 is never."""

    head: str
    cell: Callable[[EpochRow], str]
    less: int = 0


def epochs_text(run: Run, history: History, *, whole: bool = False) -> str:
    """What every epoch reached, the best one starred, kept ones marked; empty before there is one.

    `whole`: every epoch of many, and the right answers per class.
    """
    kept = rooms.kept(run.path)
    rows = epoch_rows(history, kept)
    if not rows:
        return ""
    names = [safe(name) for name in history.data.label_names] if history.data is not None else []
    shown = list(rows) if whole else notable(rows)
    lines = _figures(shown, names, is_kept=bool(kept))
    if whole and history.data is not None:
        lines += _right_answers(rows, names, history.data.validation)
    return "\n".join(lines)


def _figures(shown: Sequence[EpochRow | None], names: list[str], *, is_kept: bool) -> list[str]:
    columns = [
        _Column("epoch", lambda row: f"{row.name}{'*' if row.is_best else ' '}"),
        _Column("train loss", lambda row: _share(row.train_loss), FIGURE),
        _Column("val loss", lambda row: _share(row.figures[0]), FIGURE + 1),
        _Column("train acc", lambda row: _share(row.train_accuracy)),
        _Column("val acc", lambda row: _share(row.figures[1])),
        _Column("macro F1", lambda row: _share(row.figures[2])),
        _Column("weighted F1", lambda row: _share(row.figures[3]), FIGURE + 2),
    ]
    if is_kept:
        columns.append(_Column("kept", lambda row: "kept" if row.is_kept else "", KEPT))
    heads = _short(names)
    columns += [_Column(f"F1 {head}", _f1_of(at), CLASS + at) for at, head in enumerate(heads)]
    text, left_out = _within(columns, shown)
    lines = text.splitlines()
    if left_out:
        what = f"F1 of {left_out} more class{'es' * (left_out != 1)}"
        lines.append(f"* the best; {what}: a wider terminal, or --json")
    else:
        lines.append("* the best")
    return lines


def _f1_of(at: int) -> Callable[[EpochRow], str]:
    return lambda row: _share(row.scores.class_f1[at]) if row.scores and at < len(row.scores.class_f1) else ""


def _share(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"


def _short(names: Sequence[str]) -> list[str]:
    """The names cut short: at their end, at their beginning where they would read the same, else numbered."""
    first = [shorten(name, NAME) for name in names]
    cut = [
        f"…{name[1 - NAME :]}" if first.count(short) > 1 else short for name, short in zip(names, first, strict=True)
    ]
    return [f"{name} ({at})" if cut.count(name) > 1 else name for at, name in enumerate(cut, 1)]


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def _within(columns: list[_Column], shown: Sequence[EpochRow | None]) -> tuple[str, int]:
    """The table of as many columns as the terminal has room for (on a pipe all), and how many classes it has not."""
    left_out = 0
    while True:
        cells = [[column.head for column in columns]]
        for row in shown:
            cells.append([column.cell(row) for column in columns] if row else ["…", *[""] * (len(columns) - 1)])
        text = table(cells, frozenset(range(len(columns))))
        gone = max(columns, key=lambda column: column.less)
        if gone.less == 0 or max(map(len, text.splitlines())) <= _width():
            return text, left_out
        left_out += CLASS <= gone.less < FIGURE
        columns = [column for column in columns if column is not gone]


def _right_answers(rows: Sequence[EpochRow], names: list[str], counts: Sequence[int]) -> list[str]:
    """A line per class, a column per epoch: `7/9`, in as many blocks as the terminal's width asks for."""
    told = [(row, row.right(counts)) for row in rows]
    told = [(row, right) for row, right in told if right]
    if not told:
        return ["", "Right answers per class were not written down by the version that trained this run."]
    heads = [[f"{row.name}{'*' if row.is_best else ''}", *(f"{hits}/{count}" for hits, count in right)]
             for row, right in told]  # fmt: skip
    first = ["right answers", *(shorten(name, 24) for name in names)]
    lines, waiting = [], heads
    while waiting:
        taken = 1
        while taken < len(waiting) and _block_width(first, waiting[: taken + 1]) <= _width():
            taken += 1
        block, waiting = waiting[:taken], waiting[taken:]
        cells = [list(row) for row in zip(first, *block, strict=False)]
        lines += ["", *table(cells, frozenset(range(1, taken + 1))).splitlines()]
    return lines


def _block_width(first: list[str], block: list[list[str]]) -> int:
    return max(map(len, first)) + sum(2 + max(map(len, column)) for column in block)


# As JSON


def epochs_json(run: Run, history: History) -> list[dict[str, Any]]:
    """The same for scripts, by class name; what is not known is null."""
    names = history.data.label_names if history.data is not None else ()
    counts = history.data.validation if history.data is not None else ()
    return [_as_json(row, names, counts) for row in epoch_rows(history, rooms.kept(run.path))]


def _as_json(row: EpochRow, names: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "epoch": round(row.epoch, 4),
        "step": row.step,
        "train_loss": _or_none(row.train_loss),
        "train_accuracy": _or_none(row.train_accuracy),
        "validation": None,
        "best": row.is_best,
        "kept": row.is_kept,
    }
    if (scores := row.scores) is not None:
        right = [hits for hits, _ in row.right(counts)]
        found["validation"] = {
            "rows": scores.rows,
            "loss": None if scores.loss is None else _or_none(scores.loss),
            "accuracy": scores.accuracy,
            "macro_f1": scores.macro_f1,
            "weighted_f1": scores.weighted_f1,
            "class_f1": dict(zip(names, scores.class_f1, strict=False)),
            "class_recall": dict(zip(names, scores.class_recall, strict=False)),
            "class_right": dict(zip(names, right, strict=False)),
        }
    return found


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None

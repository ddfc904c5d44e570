"""Several files as one table with parts: laid out alike, columns matched, records numbered through all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.config import DataConfig
from core.data.columns import choose_columns
from core.data.reading.names import plain
from core.data.table import KEPT_BAD, PARTS, BadRow, Decision, Member, Table
from core.errors import DataError
from core.text import safe


@dataclass(frozen=True, slots=True)
class Piece:
    """One file: what people know it by, its part (or empty), and a way to read it as a configuration says."""

    name: str
    part: str
    read: Callable[[DataConfig], Table]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A file read, with the columns of the first one."""

    piece: Piece
    table: Table
    decisions: tuple[Decision, ...]


def join(pieces: Sequence[Piece], config: DataConfig, *, strict: bool) -> Table:
    """One table of all the files, the first of which says how they are laid out and which columns there are.

    A validation or test file without the text or label column is left out and said so, or with `strict` refused. Raises
    `DataError` for files that do not fit together.
    """
    if len(pieces) == 1:
        return pieces[0].read(config)
    first = _read(pieces[0], config)
    needed = _needed(first, config)
    fitted = [_Fitted(pieces[0], first, ())]
    asides: list[Decision] = []
    for piece in pieces[1:]:
        table = _laid_out_alike(piece, _read(piece, config), first, config)
        try:
            fitted.append(_fit(piece, table, pieces[0].name, first, needed))
        except DataError as misfit:
            if strict or piece.part in ("", PARTS[0]):
                raise
            asides.append(Decision("left out", piece.name, misfit.message))
    if len(fitted) == 1:
        return replace(first, reading=(*asides, *first.reading))
    return _stacked(fitted, asides)


def _read(piece: Piece, config: DataConfig) -> Table:
    """One of several files; what is wrong with it is told with its name."""
    try:
        return piece.read(config)
    except DataError as wrong:
        if piece.name in wrong.message or piece.name in wrong.title:
            raise
        raise DataError(wrong.title, f"{piece.name}: {wrong.message}", wrong.next_step) from None


def _needed(first: Table, config: DataConfig) -> tuple[str, ...]:
    """The columns that every file must have: text and label, or what of them is known."""
    try:
        columns = choose_columns(first, config)
    except DataError:
        return tuple(name for name in (*config.text, config.label) if name)
    return (*columns.text, columns.label)


def _layout(table: Table) -> dict[str, str]:
    return {one.what: one.value for one in table.reading if one.what in ("delimiter", "quoting", "header")}


def _laid_out_alike(piece: Piece, table: Table, first: Table, config: DataConfig) -> Table:
    """`table`, read again as the first file is laid out where the two would differ though their delimiter is the same.

    A short file tells less about itself than the training file does.
    """
    own, wanted = _layout(table), _layout(first)
    if not own or own.get("delimiter") != wanted.get("delimiter"):
        return table
    quoting, header = wanted["quoting"], wanted["header"]
    if any(one.what == "quoting" and "no quotes" in one.reason for one in first.reading):
        quoting = own["quoting"]  # the first file says nothing about quotes
    if header == "yes" and own["header"] == "no" and [plain(cell) for cell in _top(table)] != _plain(first):
        header = "no"  # its first line is no line of names: the columns are matched by position
    if (quoting, header) == (own["quoting"], own["header"]):
        return table
    return _read(piece, replace(config, quoting=quoting, header=header))


def _top(table: Table) -> list[str]:
    return [str(cell) for cell in table.frame.iloc[0]]


def _plain(table: Table) -> list[str]:
    return [plain(name) for name in table.columns]


def _fit(piece: Piece, table: Table, like: str, first: Table, needed: tuple[str, ...]) -> _Fitted:
    """`table` with the columns of `first`, in its order; what is missing is empty. Raises `DataError`."""
    names = first.columns
    if table.columns == names:
        return _Fitted(piece, table, ())
    if "no" in (_layout(table).get("header"), _layout(first).get("header")):
        if len(table.columns) != len(names):
            raise _misfit(piece, table, f"has {len(table.columns)} columns where {like} has {len(names)}")
        frame = table.frame.set_axis(list(names), axis="columns")
        reason = f"by position, as in {like}: one of the two has no header"
        return _Fitted(piece, replace(table, frame=frame), (Decision("columns", piece.name, reason),))
    own = {plain(name): name for name in reversed(table.columns)} | {name: name for name in table.columns}
    found = {name: own.get(name, own.get(plain(name), "")) for name in names}
    decisions = []
    if renamed := _renamed(table, first, found, needed):
        name, other = renamed
        found[name] = other
        reason = f"{safe(other)} is its {safe(name)}: the one column named otherwise than in {like}"
        decisions.append(Decision("columns", piece.name, reason))
    missing = [name for name in names if not found[name]]
    if lacking := [name for name in needed if name in missing]:
        raise _misfit(piece, table, f"has no column {' and no '.join(repr(safe(name)) for name in lacking)}")
    if len(missing) == len(names):
        raise _misfit(piece, table, f"shares no column with {like}")
    blank = pd.Series([""] * len(table.frame), dtype="str")
    frame = pd.DataFrame({name: table.frame[found[name]] if found[name] else blank for name in names})
    if missing:
        decisions.append(Decision("columns", piece.name, f"has no {_names(missing)}: empty in its rows"))
    if extra := [name for name in table.columns if name not in found.values()]:
        decisions.append(Decision("columns", piece.name, f"{_names(extra)} left out: {like} has no such column"))
    return _Fitted(piece, replace(table, frame=frame), tuple(decisions))


def _renamed(table: Table, first: Table, found: dict[str, str], needed: tuple[str, ...]) -> tuple[str, str] | None:
    """A column of `first` and the one of `table` that is it under another name, or nothing.

    Both have as many columns, all others have a namesake, and it looks the same: the text column that would be guessed,
    or labels that all occur in `first`.
    """
    missing = [name for name in first.columns if not found[name]]
    extra = [name for name in table.columns if name not in found.values()]
    if len(missing) != 1 or len(extra) != 1 or missing[0] not in needed:
        return None
    name, other = missing[0], extra[0]
    *texts, label = needed
    if name == label:
        known = set(first.frame[name].str.strip())
        return (name, other) if set(table.frame[other].str.strip()) <= known else None
    try:
        guessed = choose_columns(table, DataConfig(label=found.get(label, "")))
    except DataError:
        return None
    return (name, other) if guessed.text == (other,) and texts == [name] else None


def _misfit(piece: Piece, table: Table, why: str) -> DataError:
    columns = f"its columns are {_names(table.columns)}"
    step = "Name files with the same columns; --header no matches them by position."
    return DataError("These files do not fit together", f"{piece.name} {why}: {columns}.", step)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(safe(name) for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _stacked(fitted: list[_Fitted], asides: list[Decision]) -> Table:
    tables = [one.table for one in fitted]
    before = np.cumsum([0, *(table.read for table in tables)])
    bad = [BadRow(row.row + int(at), row.text) for table, at in zip(tables, before, strict=False) for row in table.bad]
    dropped: dict[str, int] = {}
    for table in tables:
        for reason, rows in table.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + rows
    parts = [one.piece.part for one in fitted]
    codes = [PARTS.index(part) if part else 0 for part in parts]
    several = len(set(parts)) > 1
    return Table(
        frame=pd.concat([table.frame for table in tables], ignore_index=True),
        rows=np.concatenate([table.rows + at for table, at in zip(tables, before, strict=False)]),
        source=tables[0].source,
        reading=(*asides, *_reading(fitted)),
        read=int(before[-1]),
        dropped=dropped,
        bad=tuple(bad[:KEPT_BAD]),
        members=tuple(Member(one.piece.name, one.piece.part, one.table.read) for one in fitted),
        part=np.repeat(np.array(codes, dtype=np.int8), [len(table.frame) for table in tables]) if several else None,
    )


def _reading(fitted: list[_Fitted]) -> tuple[Decision, ...]:
    """What was decided for the first file; of the others what differs, with their names."""
    first = fitted[0].table.reading
    common = {(one.what, one.value) for one in first}
    found = list(first)
    for file in fitted[1:]:
        found += file.decisions
        found += [
            replace(one, reason=f"{file.piece.name}: {one.reason}")
            for one in file.table.reading
            if (one.what, one.value) not in common
        ]
    return tuple(found)

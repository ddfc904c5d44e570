"""JSON and JSON Lines as a table of text cells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.data.table import BAD_LINE, KEPT_BAD, BadRow, Decision, Table, whole_table
from core.errors import DataError
from core.protocol import Progress

_PIECE = 50_000
_LONGEST_BAD = 5000
"""Characters kept of a line that is no record."""


@dataclass(slots=True)
class _Records:
    """The records of a file, in order, and what stands between them that is none."""

    shape: str
    records: list[dict[str, Any]]
    bad: list[BadRow] = field(default_factory=list)
    misfits: list[int] = field(default_factory=list)
    """The numbers of all that are none, those kept in `bad` included."""
    first: DataError | None = None
    """What is wrong with the first of them."""


def read_json(data: bytes, source: str, name: str, reading: tuple[Decision, ...], progress: Progress) -> Table:
    """JSON Lines, or one JSON document: a list of objects, or an object of equally long lists.

    A line that is no object is counted and left out. Raises `DataError`, also when that are more than half.
    """
    text = data.decode("utf-8").strip()
    found = _records(text, name, progress)
    if found.first and len(found.misfits) > len(found.records):
        raise found.first
    if not found.records:
        raise DataError("There are no rows", f"{name} holds no records.", "Name a table of texts and labels.")
    columns: dict[str, list[str]] = {}
    nuls = 0
    for key in _keys(found.records):
        columns[key], more = cells([one.get(key) for one in found.records])
        nuls += more
    reading = (*reading, *nul_decision(nuls), Decision("format", found.shape, "by its content"))
    table = whole_table(columns, source, reading)
    return _with_bad(table, found) if found.misfits else table


def _with_bad(table: Table, found: _Records) -> Table:
    """The table, its rows numbered with those records counted that are not in it."""
    read = table.read + len(found.misfits)
    rows = np.setdiff1d(np.arange(1, read + 1, dtype=np.int64), np.array(found.misfits, dtype=np.int64))
    return replace(table, rows=rows, read=read, dropped={BAD_LINE: len(found.misfits)}, bad=tuple(found.bad))


def looks_like_json(data: bytes) -> bool:
    """Whether a text begins as a JSON object, or as a list of objects."""
    start = data[:1000].lstrip()
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"]"))


def _records(text: str, name: str, progress: Progress) -> _Records:
    first, _, more = text.partition("\n")
    if more and text.startswith("{") and _loads(first) is not None:
        return _lines(text, name, progress)
    try:
        tree = _strict(text)
    except (ValueError, RecursionError) as broken:
        if (text.startswith("{") and more) or ("\n{" in text and not text.startswith("[")):
            return _lines(text, name, progress)
        raise DataError("This is no valid JSON", f"{name}: {broken}", "Mend the file, or save it as CSV.") from None
    return _Records("JSON", _of_tree(tree, name))


def _strict(text: str) -> Any:
    """JSON with numbers as they are written: `01` cannot occur, `1.0` stays `1.0`."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _loads(text: str) -> Any:
    try:
        return _strict(text)
    except (ValueError, RecursionError):
        return None


def _lines(text: str, name: str, progress: Progress) -> _Records:
    lines = text.split("\n")
    found = _Records("JSON Lines", [])
    for start in range(0, len(lines), _PIECE):
        piece = [line for line in lines[start : start + _PIECE] if line and not line.isspace()]
        # One call per piece is several times faster than one per line; whatever is wrong is then looked for by line.
        together = _loads(f"[{','.join(piece)}]")
        if together is None or len(together) != len(piece) or not all(type(one) is dict for one in together):
            numbered = enumerate(lines[start : start + _PIECE], start + 1)
            for number, line in numbered:
                if line.strip():
                    _add_line(found, line, number, name)
        else:
            found.records += together
        progress(min(start + _PIECE, len(lines)), len(lines), "rows")
    return found


def _add_line(found: _Records, line: str, number: int, name: str) -> None:
    """The record in line `number`, or what is wrong with it."""
    try:
        found.records.append(_line(line, number, name))
    except DataError as wrong:
        found.misfits.append(len(found.records) + len(found.misfits) + 1)
        found.first = found.first or wrong
        if len(found.bad) < KEPT_BAD:
            shown = line if len(line) <= _LONGEST_BAD else f"{line[:_LONGEST_BAD]}…"
            found.bad.append(BadRow(found.misfits[-1], shown))


def _line(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        record = _strict(line)
    except (ValueError, RecursionError) as broken:
        raise DataError(
            "A line is no valid JSON", f"{name}, line {number}: {broken}", f"Mend or remove line {number}."
        ) from None
    if not isinstance(record, dict):
        raise DataError(
            "A line is no JSON object",
            f"{name}, line {number} holds {line[:60]!r}.",
            'Each line must be an object such as {"text": "…", "label": "…"}.',
        )
    return record


def _of_tree(tree: Any, name: str) -> list[dict[str, Any]]:
    if isinstance(tree, list) and all(isinstance(one, dict) for one in tree):
        return tree
    if isinstance(tree, dict):
        lists = {key: value for key, value in tree.items() if isinstance(value, list)}
        lengths = {len(value) for value in lists.values()}
        if len(lists) == 1 and all(isinstance(one, dict) for one in next(iter(lists.values()))):
            return next(iter(lists.values()))
        if len(lists) > 1 and len(lengths) == 1:
            return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        columns = {key: value for key, value in tree.items() if isinstance(value, dict)}
        if len(columns) == len(tree) > 1 and len({tuple(value) for value in columns.values()}) == 1:
            rows = next(iter(columns.values()))
            return [{key: value[row] for key, value in columns.items()} for row in rows]
        return [tree]
    raise DataError(
        "This JSON is no table",
        f"{name} holds {type(tree).__name__} where a list of objects was expected.",
        'For example: [{"text": "…", "label": "…"}, …]',
    )


def _keys(records: list[dict[str, Any]]) -> list[str]:
    shapes = dict.fromkeys(map(tuple, records))
    return list(dict.fromkeys(key for shape in shapes for key in shape))


def cells(values: Iterable[Any]) -> tuple[list[str], int]:
    """Values as text, and how many NULs became � in them: an escape writes one where no byte of the file is one."""
    found = list(values)
    if set(map(type, found)) != {str}:
        found = [one if type(one) is str else _cell(one) for one in found]
    together = "".join(found)
    try:
        together.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, written as an escape
        found = [one.encode("utf-8", "replace").decode("utf-8") for one in found]
    nuls = together.count("\0")
    return ([one.replace("\0", "\ufffd") for one in found] if nuls else found), nuls


def nul_decision(nuls: int) -> tuple[Decision, ...]:
    """What became of so many NULs, or nothing where there are none. A fingerprint has them between its texts."""
    return (Decision("NUL bytes", str(nuls), "they mean nothing in a text and became �"),) if nuls else ()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

"""Whether the first line of a table names its columns."""

from __future__ import annotations

import re

from core.data.reading.names import LABEL_WORDS, OTHER_WORDS, TEXT_WORDS, plain, words_of
from core.data.table import Decision

_KNOWN = {*TEXT_WORDS, *LABEL_WORDS, *OTHER_WORDS}
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d+)?|\.\d+)([eE][+-]?\d+)?\s*")


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number."""
    return _NUMBER.fullmatch(cell) is not None


def decide_header(records: list[list[str]], width: int, asked: str) -> Decision:
    """`yes` or `no` for the first of these records, with the reason. `asked`: auto, yes or no."""
    if not records:
        return Decision("header", "no", "there are no lines")
    if asked != "auto":
        return Decision("header", asked, "as asked")
    value, reason = _look(records[0], [one for one in records[1:] if len(one) == width][:1000])
    return Decision("header", value, reason)


def _look(first: list[str], rest: list[list[str]]) -> tuple[str, str]:
    cells = [cell.strip() for cell in first]
    filled = [cell for cell in cells if cell]
    number = next((cell for cell in filled if is_number(cell)), "")
    if number:
        return "no", f"line 1 holds a number ({number[:24]})"
    if not filled:
        return "no", "line 1 is empty"
    if max(len(cell) for cell in filled) > 60 or max(len(cell.split()) for cell in filled) > 6:
        return "no", "line 1 holds a sentence, not names"
    columns = [[record[at].strip() for record in rest] for at in range(min(len(cells), len(rest[0])))] if rest else []
    for cell, column in zip(cells, columns, strict=False):
        if cell and cell in column and len(set(column)) * 2 <= len(column):
            return "no", f"{cell[:24]!r} of line 1 is a value further down too"
    known = next((cell for cell in filled if plain(cell) in _KNOWN or _KNOWN & set(words_of(cell)[-1:])), "")
    if known:
        return "yes", f"line 1 names a column {known[:24]!r}"
    if len(set(filled)) < len(filled):
        return "no", "line 1 has equal cells where names would differ"
    return _compare(cells, columns)


def _compare(cells: list[str], columns: list[list[str]]) -> tuple[str, str]:
    """Line 1 against the lines below it, column by column."""
    for cell, column in zip(cells, columns, strict=False):
        if cell and sum(map(is_number, column)) >= 0.9 * len(column):
            return "yes", f"{cell[:24]!r} stands above numbers"
    for cell, column in zip(cells, columns, strict=False):
        if cell and len(set(column)) * 3 <= len(column) and len(set(column)) <= 50:
            return "yes", f"{cell[:24]!r} is none of the values below it"
    return "no", "nothing tells line 1 from the others"

"""Which column holds the text, which the label, which the group: guessed with a reason, or as a person named them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from core.config import DataConfig
from core.config.recipe import told_by_line
from core.data.reading.header import is_number
from core.data.reading.names import GROUP_WORDS, LABEL_WORDS, OTHER_WORDS, TEXT_WORDS, plain, rank
from core.data.table import Decision, Table
from core.errors import DataError
from core.text import safe

_LOOKED_AT = 2000
_CELLS = 200_000
"""Cells that are looked at in a table of very many columns."""
_LONG = 2000
"""Characters of a cell that are looked at."""

MOST_CLASSES = 1000
"""A column with more different values than this is not taken for a label."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that matter, by name. `group` is empty when there is none."""

    text: tuple[str, ...]
    label: str
    group: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a column looks like, from up to 2 000 of its rows."""

    name: str
    rows: int
    distinct: int
    words: float
    chars: float
    numbers: float
    """Share of filled cells that are numbers."""
    foreign: float
    """Share of filled cells with characters beyond ASCII: not every script puts blanks between words."""

    @property
    def variety(self) -> float:
        """Different values per row."""
        return self.distinct / max(self.rows, 1)


def choose_columns(table: Table, config: DataConfig) -> Columns:
    """Text, label and group columns of `table`. Raises `DataError` when a named one is missing or none can be told."""
    names = table.columns
    for flag, asked in (("text", config.text), ("label", (config.label,)), ("group", (config.group,))):
        for name in asked:
            if name and name not in names:
                raise told_by_line(_unknown(name, flag, names), config)
    if config.label in config.text and config.label:
        raise DataError(
            "One column cannot be both",
            f"{safe(config.label)!r} is named as text and as label.",
            "Leave one of --text and --label away.",
        )
    if len(names) == 1:
        raise DataError(
            "There is only one column",
            f"{safe(names[0])!r} is all there is: texts without labels, or the wrong delimiter.",
            "Name the delimiter: --delimiter tab (or comma, semicolon, pipe).",
        )
    most = min(_LOOKED_AT, max(_CELLS // len(names), 20))
    sample = table.frame.iloc[:: max(len(table.frame) // most, 1)].head(most)
    facts = {
        name: _facts(column.tolist(), name)
        for name, column in zip(names, (one for _, one in sample.items()), strict=True)
    }
    label = Decision("label column", config.label, "as asked") if config.label else None
    text = Decision("text column", ", ".join(config.text), "as asked") if config.text else None
    if text is None:
        text = _guess_text([facts[name] for name in names if name not in (config.label, config.group)], names)
    chosen = config.text or (text.value,)
    if label is None:
        label = _guess_label([facts[name] for name in names if name not in (*chosen, config.group)], names)
    group = _group(facts, config.group, (*chosen, label.value))
    return Columns(chosen, label.value, config.group, (text, label, group))


def _facts(column: list[str], name: str) -> _Facts:
    cells = [cell[:_LONG] for cell in column if cell and not cell.isspace()]
    count = max(len(cells), 1)
    return _Facts(
        name=name,
        rows=len(cells),
        distinct=len({cell.strip() for cell in cells}),
        words=sum(len(cell.split()) for cell in cells) / count,
        chars=sum(map(len, cells)) / count,
        numbers=sum(map(is_number, cells)) / count,
        foreign=sum(not cell.isascii() for cell in cells) / count,
    )


def _guess_text(columns: list[_Facts], names: tuple[str, ...]) -> Decision:
    def score(one: _Facts) -> float:
        place = rank(one.name, TEXT_WORDS)
        named = 0.0 if place < 0 else 12.0 - place / 10
        length = max(min(one.words, 40.0), min(one.chars / 6, 40.0) if one.foreign > 0.3 else 0.0)
        return length * max(one.variety, 0.1) + named

    def is_text(one: _Facts) -> bool:
        spoken = one.words >= 2 or (one.foreign > 0.3 and one.chars >= 4)
        named = rank(one.name, TEXT_WORDS) >= 0
        return one.rows > 0 and one.numbers < 0.5 and (named or (spoken and one.variety > 0.05))

    fit = sorted((one for one in columns if is_text(one)), key=score, reverse=True)
    if not fit:
        raise DataError(
            "No text column found",
            f"None of the columns holds sentences: {_listed(names)}.",
            f"Name it: --text {_example(names)}",
        )
    best = fit[0]
    named = "named like one, " if rank(best.name, TEXT_WORDS) >= 0 else ""
    return Decision("text column", best.name, f"{named}{best.words:.0f} words a row, {best.variety:.0%} different")


def _guess_label(columns: list[_Facts], names: tuple[str, ...]) -> Decision:
    def score(one: _Facts) -> tuple[bool, bool, float, float]:
        place = rank(one.name, LABEL_WORDS)
        aside = plain(one.name) in OTHER_WORDS or rank(one.name, OTHER_WORDS) >= 0
        return one.distinct > 1, not aside, -place if place >= 0 else -1000.0, -float(one.distinct)

    def is_label(one: _Facts) -> bool:
        if one.rows == 0:
            return False
        few = one.distinct <= min(max(one.rows * 0.5, 2), MOST_CLASSES) and one.words <= 4
        return few or rank(one.name, LABEL_WORDS) >= 0

    fit = sorted((one for one in columns if is_label(one)), key=score, reverse=True)
    if not fit:
        raise DataError(
            "No label column found",
            f"None of the columns repeats a few values: {_listed(names)}.",
            f"Name it: --label {_example(names)}",
        )
    best = fit[0]
    named = "named like one, " if rank(best.name, LABEL_WORDS) >= 0 else ""
    values = f"{best.distinct} different value{'s' if best.distinct != 1 else ''} in {best.rows} rows looked at"
    return Decision("label column", best.name, f"{named}{values}")


def _group(facts: dict[str, _Facts], asked: str, taken: tuple[str, ...]) -> Decision:
    """A group is never chosen unasked, for it changes the split; likely columns are named."""
    if asked:
        return Decision("group column", asked, "as asked")
    likely = [
        one.name
        for one in facts.values()
        if one.name not in taken and rank(one.name, GROUP_WORDS) >= 0 and one.distinct > 1 and one.variety < 0.9
    ]
    hint = f"; {', '.join(likely)} would keep related rows together" if likely else ""
    return Decision("group column", "none", f"none was asked for{hint}")


def _unknown(name: str, flag: str, names: tuple[str, ...]) -> DataError:
    error = _no_column(name, flag, names)
    error.about = f"data.{flag}", name
    return error


def _no_column(name: str, flag: str, names: tuple[str, ...]) -> DataError:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6) or [
        one for one in names if one.lower() == name.lower()
    ]
    listed = [part.strip() for part in name.split(",")]
    if flag == "text" and len(listed) > 1 and set(listed) <= set(names):
        step = f"Several columns are named one by one: {' '.join(f'--text {safe(part)}' for part in listed)}"
        return DataError(f"There is no column {safe(name)!r}", f"The columns are {_listed(names)}.", step)
    step = f"Did you mean --{flag} {safe(near[0])}?" if near else f"--{flag} takes one of them."
    return DataError(f"There is no column {safe(name)!r}", f"The columns are {_listed(names)}.", step)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(safe(name) for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _example(names: tuple[str, ...]) -> str:
    return safe(names[-1]) if names else "NAME"

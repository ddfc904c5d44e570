"""How a delimited text is laid out: its delimiter, whether quotes frame fields, and whether line 1 names the columns.

Decided on a sample of 64 KB by trying each way and looking at what comes out, never by the file's name alone.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from core.config import DataConfig
from core.data.reading.header import decide_header
from core.data.table import Decision, unique_names
from core.errors import ConfigError, DataError

ONE_COLUMN = "\x1f"
"""Stands for 'no delimiter': the unit separator, which no text in a one-column file holds."""

_CANDIDATES = ("\t", "|", ";", ",")  # the rarer in prose, the earlier
_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe", " ": "space", ONE_COLUMN: "none"}
MOST_COLUMNS = 10_000
"""A table with more columns than this holds measures, or was cut at the wrong character."""

_OF_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How to cut a text into cells."""

    delimiter: str
    framed: bool
    """Whether quotes frame fields (standard) or are plain text."""
    header: bool
    names: tuple[str, ...]
    decisions: tuple[Decision, ...]
    above: int = 0
    """Lines on top that are no records."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What one delimiter makes of the sample."""

    delimiter: str
    quoting: Decision
    records: list[list[str]]
    width: int
    share: float
    """Share of records that have the commonest number of fields."""


def parse_delimiter(asked: str) -> str:
    """The character that a person means by `tab`, `comma`, `;`, ... Raises `ConfigError`."""
    names = {name: char for char, name in _NAMES.items() if char != ONE_COLUMN}
    char = names.get(asked.strip().lower() or asked, {"\\t": "\t"}.get(asked, asked))
    if len(char) != 1 or not char.isascii() or char in '"\n\r\0':
        known = ", ".join(names)
        raise ConfigError(f"{asked!r} cannot be a delimiter", next_step=f"One ASCII character, or one of {known}.")
    return char


def sniff(sample: str, cut: bool, config: DataConfig, suffix: str) -> Layout:
    """The layout of a text from its first 64 KB. `cut`: the text goes on after the sample.

    Raises `ConfigError`, and `DataError` for more columns than a table of texts has.
    """
    if config.delimiter:
        char = parse_delimiter(config.delimiter)
        best = _try(sample, cut, char, config.quoting)
        delimiter = Decision("delimiter", _NAMES.get(char, char), "as asked")
    else:
        best, reason = _best(sample, cut, config.quoting, suffix)
        delimiter = Decision("delimiter", _NAMES[best.delimiter], reason)
    above = [record[0] for record in takewhile(lambda one: _is_above(one, best.width), best.records)]
    best = replace(best, records=best.records[len(above) :])
    if best.width > MOST_COLUMNS:
        raise _too_wide(best.width, delimiter.value)
    header = decide_header(best.records, best.width, config.header)
    names = _column_names(best, header.value == "yes")
    decisions: tuple[Decision, ...] = (delimiter, best.quoting, header)
    if above:
        decisions = (*decisions, Decision("lines left out", str(len(above)), f"{above[0][:24]!r} on top is no row"))
    return Layout(best.delimiter, best.quoting.value == "standard", header.value == "yes", names, decisions, len(above))


def _is_above(record: list[str], width: int) -> bool:
    """Whether a line on top is no record: a comment without cells, or the delimiter as Excel writes it (`sep=;`)."""
    comment = len(record) == 1 < width and record[0].startswith("#")
    return comment or (width > 1 and record[0].lower().startswith("sep=") and len("".join(record)) <= 5)


def _too_wide(width: int, delimiter: str) -> DataError:
    return DataError(
        "Far too many columns",
        f"A line has {width} fields, cut at each {delimiter}: is this a table of texts?",
        "Name the right delimiter (--delimiter tab), or save the columns of text and label alone.",
    )


def _best(sample: str, cut: bool, quoting: str, suffix: str) -> tuple[_Trial, str]:
    own = _OF_SUFFIX.get(suffix, "")
    trials = [_try(sample, cut, char, quoting) for char in _CANDIDATES]
    fit = [one for one in trials if one.width > 1 and one.share >= (0.5 if one.delimiter == own else 0.8)]
    if not fit:
        alone = _try(sample, cut, ONE_COLUMN, quoting)
        return alone, "no character cuts the lines into equally many fields: one column"
    best = max(fit, key=lambda one: (int(one.share * 50), one.width, -_CANDIDATES.index(one.delimiter)))
    share = "all" if best.share == 1 else f"{best.share:.1%}"
    return best, f"{share} of the lines looked at have {best.width} fields with it"


def _try(sample: str, cut: bool, delimiter: str, quoting: str) -> _Trial:
    decision = (
        _decide_quoting(sample, cut, delimiter) if quoting == "auto" else Decision("quoting", quoting, "as asked")
    )
    records = _records(sample, cut, delimiter, decision.value == "standard")
    widths = Counter(len(record) for record in records)
    width, count = max(widths.items(), key=lambda one: (one[1], one[0]), default=(1, 0))
    return _Trial(delimiter, decision, records, width, count / len(records) if records else 0.0)


def _records(sample: str, cut: bool, delimiter: str, framed: bool) -> list[list[str]]:
    mode: Literal[0, 3] = 0 if framed else 3  # csv.QUOTE_MINIMAL, csv.QUOTE_NONE
    csv.field_size_limit(max(csv.field_size_limit(), len(sample) + 1))
    reader = csv.reader(io.StringIO(sample.replace("\r", " "), newline="\n"), delimiter=delimiter, quoting=mode)
    records = [record for record in reader if any(record)]
    return records[:-1] if cut and len(records) > 1 else records


def _decide_quoting(sample: str, cut: bool, delimiter: str) -> Decision:
    """Whether quotes frame fields: each quote at a field's start must close right before a delimiter or line end."""
    if '"' not in sample:
        return Decision("quoting", "standard", "there are no quotes")
    proper = needed = broken = 0
    edge = re.escape(delimiter)
    for found in re.finditer(rf'(?:\A|(?<=[{edge}\n]))"([^"]*(?:""[^"]*)*)("?)(.?)', sample, re.DOTALL):
        inner, closing, after = found.groups()
        if not closing and cut:
            continue
        if closing and after in ("", delimiter, "\n"):
            proper += 1
            needed += delimiter in inner or '"' in inner or "\n" in inner
        else:
            broken += 1
    if not proper and not broken:
        return Decision("quoting", "none", "quotes stand only inside of fields, as text")
    if broken * 20 > proper:
        return Decision(
            "quoting",
            "none",
            f"{broken} field{'s' * (broken != 1)} with a quote at the start that frames nothing: text",
        )
    if delimiter in ("\t", ONE_COLUMN) and needed * 2 < proper and not _column_framed(sample, cut, delimiter):
        return Decision("quoting", "none", f"{_fields(proper)} in quotes without need: the quotes are text")
    return Decision("quoting", "standard", f"{_fields(proper)} in quotes")


def _fields(number: int) -> str:
    return "1 field stands" if number == 1 else f"{number} fields stand"


def _column_framed(sample: str, cut: bool, delimiter: str) -> bool:
    """Whether some column stands in quotes (nearly) throughout: then a program wrote them around every text."""
    records = _records(sample, cut, delimiter, framed=False)
    framed: Counter[int] = Counter()
    for record in records:
        framed.update(at for at, cell in enumerate(record) if len(cell) > 1 and cell[0] == cell[-1] == '"')
    return bool(framed) and max(framed.values()) >= 0.9 * (len(records) - 1) > 0


def _column_names(trial: _Trial, header: bool) -> tuple[str, ...]:
    if not header:
        return tuple(f"column_{number}" for number in range(1, trial.width + 1))
    names: Sequence[str] = trial.records[0]
    full = [record for record in trial.records[1:] if len(record) == trial.width]
    if len(names) == trial.width - 1 and any(record[-1] for record in full):
        names = ["row", *names]  # R writes row names without a head; others end each row with a delimiter
    names = [*names, *[""] * (trial.width - len(names))]
    return tuple(unique_names(list(names)))

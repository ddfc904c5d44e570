"""Times as people write them, read to nanoseconds: one form for a whole column, chosen by what most cells are.

Whether 03/04/2020 is in March or in April is never told by one cell: every cell of the column is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from core.data.table import Decision, Ints, Table
from core.data.texts import Mask, arrow, blank, matching
from core.errors import DataError
from core.text import safe, shorten

UNREADABLE = "unreadable time"
"""Why a row is left out whose time says nothing."""

_LOOKED_AT = 1000
_SECOND = 1_000_000_000

_NAMED = (
    ("%d %b %Y", "31 Jan 2020"),
    ("%d %B %Y", "31 January 2020"),
    ("%d-%b-%Y", "31-Jan-2020"),
    ("%d-%b-%y", "31-Jan-20"),
    ("%b %d, %Y", "Jan 31, 2020"),
    ("%B %d, %Y", "January 31, 2020"),
    ("%d %b %Y %H:%M", "31 Jan 2020 14:05"),
    ("%d %b %Y %H:%M:%S", "31 Jan 2020 14:05:00"),
    ("%b %d, %Y %H:%M", "Jan 31, 2020 14:05"),
    ("%b %d, %Y %I:%M %p", "Jan 31, 2020 2:05 PM"),
    ("%a, %d %b %Y %H:%M:%S %z", "Fri, 31 Jan 2020 14:05:00 +0000"),
    ("%a %b %d %H:%M:%S %z %Y", "Fri Jan 31 14:05:00 +0000 2020"),
)

_NUMBERS = (
    r"^(?P<first>\d{1,2})[/. -](?P<second>\d{1,2})(?:[/.-]|,? )(?P<year>\d{4}|\d{2})"
    r"(?:[ T]|, )?(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<seconds>\d{2}))?)? ?(?P<half>[AaPp]\.?[Mm]\.?)?$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Nanoseconds since 1970 in UTC per row, shape `[rows]`, and which of them could be read."""

    nanoseconds: Ints
    readable: Mask
    decision: Decision


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """The same for the different cells of a column, and the form in words."""

    nanoseconds: Ints
    readable: Mask
    form: str


def read_times(table: Table, name: str) -> Times:
    """The times in the column `name` of `table`. Raises `DataError` when there is no such column or no time in it."""
    if name not in table.columns:
        known = ", ".join(safe(one) for one in table.columns[:20])
        raise DataError(f"There is no column {safe(name)!r}", f"The columns are {known}.", "--time takes one of them.")
    codes, different = pd.factorize(table.frame[name].str.strip())
    cells = arrow(pd.Series(different, dtype="str"))
    filled = cells.filter(~blank(cells))
    sample = filled.take(np.arange(0, len(filled), max(len(filled) // _LOOKED_AT, 1)))
    reader = max(_READERS, key=lambda one: int(one(sample).readable.sum()))
    found = reader(cells)
    if not found.readable.any():
        raise DataError(
            f"The column {safe(name)!r} holds no times",
            f"It holds {', '.join(repr(shorten(safe(str(cell)), 30)) for cell in sample[:3].to_pylist())}, …"
            if len(sample)
            else "Every cell is blank.",
            "Known are 2020-01-31 14:05 (ISO 8601), seconds or milliseconds since 1970, 31/01/2020, Jan 31, 2020.",
        )
    readable = found.readable[codes]
    lost = int((~readable).sum())
    left = f"; {lost} could not be read" if lost else ""
    return Times(found.nanoseconds[codes], readable, Decision("time column", name, f"{found.form}{left}"))


def _iso(cells: Any) -> _Read:
    """ISO 8601, from the year alone to nanoseconds; without a zone it is taken for UTC."""
    zoned = pc.replace_substring_regex(cells, r" ?(UTC|GMT)$", "Z")
    read = pd.to_datetime(_for_pandas(zoned, r"^\d{4}"), format="ISO8601", utc=True, errors="coerce")
    with_zone = matching(zoned, r"\d[ T]\d{1,2}:?\d{2}.*(Z|[+-]\d{2}:?\d{0,2})$") & read.notna().to_numpy()
    zone = "time zones as written" if with_zone.any() else "taken for UTC"
    if with_zone.any() and not with_zone[read.notna().to_numpy()].all():
        zone = "cells without a time zone taken for UTC"
    return _from_pandas(read, f"ISO 8601, {zone}")


def _epoch(cells: Any) -> _Read:
    """Seconds or milliseconds since 1970; the size of most numbers tells which."""
    fits = matching(cells, r"^\d{9,14}(\.\d+)?$")
    values = np.zeros(len(cells), dtype=np.float64)
    whole = np.zeros(len(cells), dtype=np.int64)
    texts = cells.filter(fits)
    values[fits] = pc.cast(texts, "float64").to_numpy(zero_copy_only=False)
    whole[fits] = pc.cast(pc.replace_substring_regex(texts, r"\..*", ""), "int64").to_numpy(zero_copy_only=False)
    milli = bool(fits.any() and np.median(values[fits]) >= 1e11)
    scale = _SECOND // 1000 if milli else _SECOND
    fits &= whole < np.iinfo(np.int64).max // scale
    parts = np.round((values - whole) * 1_000_000).astype(np.int64) * (scale // 1_000_000)
    form = f"{'milliseconds' if milli else 'seconds'} since 1970"
    return _Read(np.where(fits, whole * scale + parts, 0), fits, form)


def _numbers(cells: Any) -> _Read:
    """31/01/2020 or 01/31/2020, with or without a time of day."""
    found = pc.extract_regex(cells, _NUMBERS)
    fits = np.asarray(found.is_valid().to_numpy(zero_copy_only=False), dtype=bool)

    def field(name: str) -> Ints:
        texts = pc.if_else(found.is_valid(), pc.struct_field(found, name), "0")
        texts = pc.if_else(pc.equal(texts, ""), "0", texts)
        return np.asarray(pc.cast(texts, "int64").to_numpy(zero_copy_only=False), dtype=np.int64)

    first, second, year = field("first"), field("second"), field("year")
    day_first, reason = _day_first(first[fits], second[fits], cells.filter(fits))
    day, month = (first, second) if day_first else (second, first)
    year = np.where(year >= 100, year, np.where(year >= 69, year + 1900, year + 2000))  # as POSIX has it
    halves = pc.fill_null(pc.struct_field(found, "half"), "")
    hour = field("hour")
    hour = np.where(matching(halves, "^[aApP]"), hour % 12, hour) + 12 * matching(halves, "^[pP]")
    written = {"year": year, "month": month, "day": day, "hour": hour}
    written |= {"minute": field("minute"), "second": field("seconds")}
    sound = fits & (hour < 24) & (written["minute"] < 60) & (written["second"] < 60)
    frame = pd.DataFrame({name: np.where(sound, values, 1) for name, values in written.items()})
    read = _from_pandas(pd.to_datetime(frame, errors="coerce"), reason)
    return _Read(read.nanoseconds, read.readable & sound, reason)


def _day_first(first: Ints, second: Ints, cells: Any) -> tuple[bool, str]:
    """Whether the first number is the day, and what told so."""
    days, months = int((first > 12).sum()), int((second > 12).sum())
    if days > months:
        return True, "day first: a first number above 12 cannot be a month"
    if months > days:
        return False, "month first: a second number above 12 cannot be a month"
    if matching(cells, r"^\d+\.").any():
        return True, "day first, as dates with dots are: no number above 12 tells"
    return False, "taken for month first: no number above 12 tells (write 2020-01-31 to be sure)"


def _named(cells: Any) -> _Read:
    """Months by their English names, in the one order that reads most cells."""
    texts = _for_pandas(cells, r"\d{4}|-\d{2}$")
    sample = texts.iloc[:: max(len(texts) // _LOOKED_AT, 1)]

    def parsed(some: pd.Series, form: str) -> Any:
        return pd.to_datetime(some, format=form, utc=True, errors="coerce")

    form, example = max(_NAMED, key=lambda one: int(parsed(sample, one[0]).notna().sum()))
    return _from_pandas(parsed(texts, form), f"written like {example}")


def _for_pandas(cells: Any, pattern: str) -> pd.Series:
    """Only the cells with something like a year, the others blank: pandas takes "now" and "today" for times too."""
    return pd.Series(pc.if_else(pc.match_substring_regex(cells, pattern), cells, "").to_pylist(), dtype="str")


def _from_pandas(read: Any, form: str) -> _Read:
    readable = read.notna().to_numpy(dtype=bool)
    values = (read.dt.tz_convert(None) if read.dt.tz is not None else read).to_numpy(dtype="datetime64[us]")
    micro = np.where(readable, values.astype(np.int64), 0)
    readable = readable & (np.abs(micro) < np.iinfo(np.int64).max // 1000)
    return _Read(np.where(readable, micro * 1000, 0), readable, form)


_READERS: tuple[Callable[[Any], _Read], ...] = (_iso, _epoch, _numbers, _named)

"""Delimited text (CSV, TSV, TXT) as a table; every record is a row or a counted bad row.

Plain tables go through Arrow's parser, all others through pandas' C parser, which reads records of any width.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core.config import DataConfig
from core.data.reading.decode import SNIFF
from core.data.reading.quick import Spliced, read_quickly, without_blank_end
from core.data.reading.sniff import Layout, sniff
from core.data.table import BAD_ROW, BLANK_ROW, KEPT_BAD, BadRow, Decision, Ints, Table
from core.data.texts import Mask
from core.errors import DataError
from core.protocol import Progress

_CHUNK = 50_000
_BUFFER = 1 << 18
_SHOWN = 2
"""Cells of a row that is too long which are kept beyond the columns of the table."""
_MORE = _SHOWN + 1
"""Columns read beyond those the table has, to see which rows are too long, and which are longer than shown."""
_LONGEST = 16 << 20
"""Bytes of a line from which a file is no table of texts."""


def read_delimited(
    data: bytes, config: DataConfig, suffix: str, reading: tuple[Decision, ...], progress: Progress
) -> Table:
    """The table in `data` (UTF-8, `\\n` line ends), laid out as detected or as `config` says. Raises `DataError`."""
    data = data.lstrip(b"\n")
    _refuse_long_lines(data)
    sample, cut = _sample(data)
    layout = sniff(sample, cut, config, suffix)
    data = _from_first_record(data, layout)
    try:
        return _read(data, layout, config.source, reading, progress)
    except pd.errors.ParserError as broken:
        return _without_frames(broken, data, layout, config, reading, progress)


def _from_first_record(data: bytes, layout: Layout) -> bytes:
    """`data` without what stands above the first record: comments, and lines of nothing but delimiters."""
    if layout.above:
        data = data.split(b"\n", layout.above)[-1]
    empty = re.match(rb"(?:%b*\n)+" % re.escape(layout.delimiter.encode()), data)
    return data[empty.end() :] if empty else data


def _read(data: bytes, layout: Layout, source: str, reading: tuple[Decision, ...], progress: Progress) -> Table:
    reading = (*reading, *layout.decisions)
    if (frame := read_quickly(data, layout, progress)) is None:
        return _parse(data, layout, source, reading, progress)
    return _table(frame, np.arange(1, len(frame) + 1, dtype=np.int64), source, reading, len(frame), ())


def _refuse_long_lines(data: bytes) -> None:
    """Raise `DataError` for a line that no text is as long as. Looks at little more than one byte of each window."""
    start = 0
    while len(data) - start > _LONGEST:
        end = data.rfind(b"\n", start, start + _LONGEST)
        if end < 0:
            break
        start = end + 1
    else:
        return
    end = data.find(b"\n", start)
    size = (len(data) if end < 0 else end) - start
    line = data.count(b"\n", 0, start) + 1
    raise DataError(
        "A line is far too long for a table",
        f"Line {line} is {size / 1e6:.0f} MB long: is this a table of texts?",
        "Put each text on a line of its own; a long one may stand in quotes, over several lines.",
    )


def _sample(data: bytes) -> tuple[str, bool]:
    """What to sniff: the first 64 KB, longer when a line is, and the neighbourhood of the first quote."""
    end = SNIFF
    if len(data) > end and (line_end := data.find(b"\n", SNIFF // 2, 64 * SNIFF)) > end:
        end = line_end + 1
    head = data[:end]
    quote = data.find(b'"', end) if b'"' not in head else -1
    if quote >= 0:
        start = data.rfind(b"\n", 0, quote) + 1
        head = head[: head.rfind(b"\n") + 1] + data[start : start + SNIFF]
    return head.decode("utf-8", "ignore"), len(data) > end


def _without_frames(
    broken: Exception,
    data: bytes,
    layout: Layout,
    config: DataConfig,
    reading: tuple[Decision, ...],
    progress: Progress,
) -> Table:
    """A second reading with quotes as plain text, when a quote was opened and never closed."""
    record = re.search(r"starting at row (\d+)", str(broken))
    if record is None or not layout.framed:
        raise DataError("This table cannot be read", str(broken)) from None
    where = f"the quote opened in record {int(record[1]) - layout.header} is never closed"
    if config.quoting == "standard":
        raise DataError("A quote is never closed", f"{where[0].upper()}{where[1:]}.", "--quoting none") from None
    decision = Decision("quoting", "none", f"{where}: quotes are text")
    decisions = tuple(decision if one.what == "quoting" else one for one in layout.decisions)
    again = Layout(layout.delimiter, False, layout.header, layout.names, decisions)
    try:
        return _read(data, again, config.source, reading, progress)
    except pd.errors.ParserError as still:
        raise DataError("This table cannot be read", str(still)) from None


def _parse(data: bytes, layout: Layout, source: str, reading: tuple[Decision, ...], progress: Progress) -> Table:
    width = len(layout.names)
    good: list[pd.DataFrame] = []
    numbers: list[Ints] = []
    bad: list[BadRow] = []
    # The parser's rows begin with our own first line, then the header when there is one.
    read, misfits = -1 - layout.header, 0
    for piece in _chunks(data, layout):
        number = np.arange(read + 1, read + 1 + len(piece), dtype=np.int64)
        read += len(piece)
        chunk, number = piece[number > 0], number[number > 0]
        full = _blank(chunk.iloc[:, width:])
        for at in np.flatnonzero(~full)[: max(KEPT_BAD - len(bad), 0)]:
            cells = [str(cell) for cell in chunk.iloc[int(at)]]
            text = layout.delimiter.join(cells[:-1]).rstrip(layout.delimiter)
            bad.append(BadRow(int(number[at]), f"{text}{layout.delimiter}…" if cells[-1] else text))
        misfits += int((~full).sum())
        full_rows = chunk.iloc[:, :width]
        good.append(full_rows if full.all() else full_rows[full])
        numbers.append(number[full])
        progress(read, 0, "rows")
    frame = pd.concat(good, ignore_index=True)
    frame.columns = pd.Index(layout.names)
    table = _table(frame, np.concatenate(numbers), source, reading, read, tuple(bad))
    return replace(table, dropped={BAD_ROW: misfits} | table.dropped) if misfits else table


def _table(
    frame: pd.DataFrame, rows: Ints, source: str, reading: tuple[Decision, ...], read: int, bad: tuple[BadRow, ...]
) -> Table:
    """The table without its blank rows."""
    blank = _blank(frame)
    dropped = {BLANK_ROW: int(blank.sum())}
    if blank.any():
        frame, rows = frame[~blank].reset_index(drop=True), rows[~blank]
    return Table(
        frame=frame,
        rows=rows,
        source=source,
        reading=reading,
        read=read,
        dropped={reason: count for reason, count in dropped.items() if count},
        bad=bad,
    )


def _chunks(data: bytes, layout: Layout) -> Iterator[pd.DataFrame]:
    """Pieces of the table with some columns more than it has: what stands in those does not belong.

    Naming the columns to use makes the parser take rows of every width. A first line of our own sets the width, for
    otherwise the first row would.
    """
    columns = list(range(len(layout.names) + _MORE))
    ours = layout.delimiter.join("x" * len(columns)).encode() + b"\n"
    options: dict[str, Any] = {
        "sep": layout.delimiter,
        "header": None,
        "names": columns,
        "usecols": columns,
        "index_col": False,
        "dtype": str,
        "na_filter": False,
        "keep_default_na": False,
        "quoting": csv.QUOTE_MINIMAL if layout.framed else csv.QUOTE_NONE,
        "skip_blank_lines": False,
        "lineterminator": "\n",
        "engine": "c",
        "chunksize": _CHUNK,
    }
    with pd.read_csv(io.BufferedReader(Spliced(ours, without_blank_end(data)), _BUFFER), **options) as reader:
        yield from reader


def _blank(frame: pd.DataFrame) -> Mask:
    """Which rows hold nothing at all."""
    blank = np.ones(len(frame), dtype=bool)
    for name in frame.columns:
        if blank.any():
            blank &= (frame[name] == "").to_numpy(dtype=bool)
    return blank

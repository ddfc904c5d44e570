"""Delimited text (CSV, TSV, TXT) as a table, through pandas' C parser; every record is a row or a counted bad row."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from core.config import DataConfig
from core.data.decode import SNIFF
from core.data.sniff import Layout, sniff
from core.data.table import BAD_ROW, BLANK_ROW, BadRow, Decision, Ints, Table
from core.errors import DataError
from core.protocol import Progress

_CHUNK = 200_000
_KEPT_BAD = 1000
_SKIPPED = re.compile(r"Skipping line (\d+): expected (\d+) fields, saw (\d+)")


def read_delimited(
    data: bytes, config: DataConfig, suffix: str, reading: tuple[Decision, ...], progress: Progress
) -> Table:
    """The table in `data` (UTF-8, `\\n` line ends), laid out as detected or as `config` says. Raises `DataError`."""
    data = data.rstrip(b"\n")
    sample, cut = _sample(data)
    layout = sniff(sample, cut, config, suffix)
    try:
        return _parse(data, layout, config.source, reading, progress)
    except pd.errors.ParserError as broken:
        return _without_frames(broken, data, layout, config, reading, progress)


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
        return _parse(data, again, config.source, reading, progress)
    except pd.errors.ParserError as still:
        raise DataError("This table cannot be read", str(still)) from None


def _parse(data: bytes, layout: Layout, source: str, reading: tuple[Decision, ...], progress: Progress) -> Table:
    width = len(layout.names)
    chunks: list[pd.DataFrame] = []
    skipped: dict[int, int] = {}
    done = 0
    for chunk, found in _chunks(data, layout):
        chunks.append(chunk)
        skipped |= found
        done += len(chunk)
        progress(done, 0, "rows")
    frame = pd.concat(chunks, ignore_index=True) if len(chunks) > 1 else chunks[0]
    # The parser numbers records from 1 with our own first line among them, then the header when there is one.
    head = 1 + layout.header
    total = len(frame) + len(skipped) - head
    frame = frame.iloc[head:].reset_index(drop=True)
    frame.columns = pd.Index(layout.names)
    seen = {record - head: fields for record, fields in skipped.items()}
    bad = np.array(sorted(seen), dtype=np.int64)
    rows: Ints = np.delete(np.arange(1, total + 1, dtype=np.int64), bad - 1)
    blank = _blank(frame)
    dropped = {BAD_ROW: len(bad), BLANK_ROW: int(blank.sum())}
    if blank.any():
        frame, rows = frame[~blank].reset_index(drop=True), rows[~blank]
    return Table(
        frame=frame,
        rows=rows,
        source=source,
        reading=(*reading, *layout.decisions),
        read=total,
        dropped={reason: count for reason, count in dropped.items() if count},
        bad=_bad_rows(data, total + layout.header, layout.header, seen, width),
    )


def _chunks(data: bytes, layout: Layout) -> Iterator[tuple[pd.DataFrame, dict[int, int]]]:
    """Pieces of the table, and the records that were skipped: number -> fields seen.

    A first line of our own with the right number of fields goes in front, for the parser checks no width on line 1.
    """
    ours = layout.delimiter.join("x" * len(layout.names)).encode() + b"\n"
    options: dict[str, Any] = {
        "sep": layout.delimiter,
        "header": None,
        "names": list(range(len(layout.names))),
        "index_col": False,
        "dtype": str,
        "na_filter": False,
        "keep_default_na": False,
        "quoting": csv.QUOTE_MINIMAL if layout.framed else csv.QUOTE_NONE,
        "on_bad_lines": "warn",
        "skip_blank_lines": False,
        "lineterminator": "\n",
        "engine": "c",
        "chunksize": _CHUNK,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pd.read_csv(io.BytesIO(ours + data), **options) as reader:
            for chunk in reader:
                said = "\n".join(str(one.message) for one in caught)
                caught.clear()
                yield chunk, {int(found[1]): int(found[3]) for found in _SKIPPED.finditer(said)}


def _blank(frame: pd.DataFrame) -> Any:
    blank = np.ones(len(frame), dtype=bool)
    for name in frame.columns:
        if not blank.any():
            break
        blank &= (frame[name] == "").to_numpy(dtype=bool)
    return blank


def _bad_rows(data: bytes, records: int, head: int, seen: dict[int, int], width: int) -> tuple[BadRow, ...]:
    """The records with too many fields, as raw lines where each record is one line."""
    numbers = sorted(seen)[:_KEPT_BAD]
    if not numbers:
        return ()
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    if len(ends) + 1 != records:
        return tuple(BadRow(n, f"{seen[n]} fields where {width} were expected") for n in numbers)
    starts = np.concatenate(([0], ends + 1))
    stops = np.concatenate((ends, [len(data)]))
    return tuple(
        BadRow(n, data[starts[n - 1 + head] : stops[n - 1 + head]].decode("utf-8", "replace")) for n in numbers
    )

"""From the bytes of one file to a table: encoding, layout, header; every decision is kept with its reason."""

from __future__ import annotations

from core.config import DataConfig
from core.data.table import Table
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
PARQUET_SUFFIXES = (".parquet", ".pq")
DELIMITED_SUFFIXES = (".csv", ".tsv", ".tab")


def read(raw: bytes, config: DataConfig, name: str, suffix: str, progress: Progress) -> Table:
    """The table in the bytes of one file that is not packed.

    `name`: what people know the file by; `suffix`: the end of its name, in lower case with its dot. The content decides
    how it is read, the suffix only between ways that fit equally. Raises `DataError`, or `ConfigError` for a wrong
    setting.
    """
    if not raw:
        raise DataError("This file is empty", f"{name} has 0 bytes.", "Name a table of texts and labels.")
    # pandas' parsers and pyarrow are loaded only once there is something to read.
    from core.data.reading.decode import decode
    from core.data.reading.delimited import read_delimited
    from core.data.reading.parquet import read_parquet
    from core.data.reading.records import looks_like_json, read_json

    if raw.startswith(b"PAR1"):
        return _with_rows(read_parquet(raw, config.source, name, progress), name)
    if suffix in PARQUET_SUFFIXES and not config.encoding:
        raise DataError(
            "This is no Parquet file",
            f"{name} is named so but does not begin with PAR1.",
            "Give it the ending of what it is, such as .csv.",
        )
    text = decode(raw, config.encoding, name)
    del raw
    if not text.data or text.data.isspace():
        raise DataError("This file is empty", f"{name} holds only blanks.", "Name a table of texts and labels.")
    json = suffix in JSON_SUFFIXES or (suffix not in (".csv", ".tsv") and looks_like_json(text.data))
    if json and not config.delimiter:
        return _with_rows(read_json(text.data, config.source, name, text.decisions, progress), name)
    return _with_rows(read_delimited(text.data, config, suffix, text.decisions, progress), name)


def _with_rows(table: Table, name: str) -> Table:
    if len(table.frame) == 0:
        head = safe(", ".join(table.columns[:12]))
        raise DataError(
            "There are no rows",
            f"{name} holds the column names {head} and nothing below them." if head else f"{name} holds no rows.",
            "Is line 1 data and not a header? Then --header no.",
        )
    return table

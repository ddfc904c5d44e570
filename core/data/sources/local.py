"""From what a person named as the source to a table: finds the file, decides by its content how to read it."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from core.config import DataConfig
from core.data.reading.decode import Decoded, decode
from core.data.table import Table
from core.errors import DataError
from core.protocol import Progress, no_progress

SAMPLE = Path(__file__).parent.parent / "samples" / "reviews.jsonl"

_BLOCK = 1 << 23
_JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}


def locate(config: DataConfig) -> Path:
    """The file that a configuration's source means. Raises `DataError` when there is none."""
    return SAMPLE if config.source == "sample" else Path(config.source).expanduser()


def stamp(config: DataConfig) -> tuple[str, int, int]:
    """Path, size and time of the source: when these are equal, it was not changed meanwhile. Raises `DataError`."""
    path = locate(config)
    found = _stat(path, _shown(config))
    return str(path), found.st_size, found.st_mtime_ns


def read_table(config: DataConfig, progress: Progress = no_progress) -> Table:
    """The source of `config` as a table of text cells. Raises `DataError`, or `ConfigError` for a wrong setting."""
    path, name = locate(config), _shown(config)
    size = _stat(path, name).st_size
    if size == 0:
        raise DataError("This file is empty", f"{name} has 0 bytes.", "Name a table of texts and labels.")
    raw = _read_bytes(path, name, size, progress)
    suffix = path.suffix.lower()
    # pandas and pyarrow are loaded only once the file is known to be there.
    from core.data.reading.delimited import read_delimited
    from core.data.reading.records import looks_like_json, read_json, read_parquet

    if raw.startswith(b"PAR1"):
        return _with_rows(read_parquet(raw, config.source, name, progress), name)
    if suffix in (".parquet", ".pq") and not config.encoding:
        raise DataError("This is no Parquet file", f"{name} is named so but does not begin with PAR1.")
    text = decode(raw, config.encoding, name)
    del raw
    if not text.data.strip():
        raise DataError("This file is empty", f"{name} holds only blanks.", "Name a table of texts and labels.")
    if _is_json(text, suffix, config, looks_like_json(text.data)):
        return _with_rows(read_json(text.data, config.source, name, text.decisions, progress), name)
    return _with_rows(read_delimited(text.data, config, suffix, text.decisions, progress), name)


def _is_json(text: Decoded, suffix: str, config: DataConfig, looks_so: bool) -> bool:
    if config.delimiter:
        return False
    return suffix in _JSON_SUFFIXES or (looks_so and suffix not in (".csv", ".tsv"))


def _with_rows(table: Table, name: str) -> Table:
    if len(table.frame) == 0:
        head = ", ".join(table.columns[:12])
        raise DataError(
            "There are no rows",
            f"{name} holds the column names {head} and nothing below them." if head else f"{name} holds no rows.",
            "Is line 1 data and not a header? Then --header no.",
        )
    return table


def _shown(config: DataConfig) -> str:
    return config.given or config.source


def _stat(path: Path, name: str) -> os.stat_result:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError("No such file", name, _near(path)) from None
    except (OSError, ValueError) as broken:
        raise DataError("This file cannot be opened", f"{name}: {_why(broken)}") from None
    if S_ISDIR(found.st_mode):
        raise DataError("This is a folder", f"{name} is no file.", _inside(path))
    if not S_ISREG(found.st_mode):
        step = "Save it as a file: training reads the source again."
        raise DataError("This is no regular file", f"{name} is a pipe or a device.", step)
    return found


def _near(path: Path) -> str:
    """The file of the same folder with the most alike name, else the folder that was looked in."""
    import difflib

    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent} either."
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Looked in {path.parent.absolute()}."


def _inside(path: Path) -> str:
    endings = {".csv", ".tsv", ".txt", ".parquet", *_JSON_SUFFIXES}
    try:
        tables = sorted(one.name for one in path.iterdir() if one.suffix.lower() in endings)
    except OSError:
        tables = []
    return f"Name one of its files: {', '.join(tables[:5])}" if tables else "Name a CSV, TSV, JSONL or Parquet file."


def _read_bytes(path: Path, name: str, size: int, progress: Progress) -> bytes:
    blocks: list[bytes] = []
    done = 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                blocks.append(block)
                done += len(block)
                progress(done, max(size, done), "bytes")
    except OSError as broken:
        step = "Ask for the right to read it, or copy it." if isinstance(broken, PermissionError) else ""
        raise DataError("This file cannot be read", f"{name}: {_why(broken)}", step) from None
    return b"".join(blocks)


def _why(broken: OSError | ValueError) -> str:
    return (broken.strerror or str(broken)) if isinstance(broken, OSError) else str(broken)

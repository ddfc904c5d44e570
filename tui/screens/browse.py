"""The file tree of `textual-fspicker`, with the kinds of files we read."""

from __future__ import annotations

from pathlib import Path

from textual_fspicker import FileOpen, Filters

from core.config import DataConfig

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".ndjson", ".parquet", ".gz", ".zip")


def _readable(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def choose_file(now: DataConfig | None) -> FileOpen:
    """A dialog that results in a path or nothing; begins where the present file lies."""
    place = Path(now.source).parent if now is not None and Path(now.source).is_absolute() else Path.cwd()
    filters = Filters(("Data files", _readable), ("All files", lambda _: True))
    return FileOpen(place if place.is_dir() else Path.cwd(), title="Open a file", filters=filters)

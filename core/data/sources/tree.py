"""A source of several files, wherever they lie: a folder, an archive, a data set that was fetched.

One sub-folder per class makes documents of the files; files whose names say their part are parts; one table is the
table. Beyond that nothing is guessed: a person names the file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.config import DataConfig
from core.data.reading import read
from core.data.reading.ceiling import Ceiling
from core.data.sources.documents import class_folders, read_documents
from core.data.sources.entry import Entry, is_clutter, left_out, listed, wrapping
from core.data.sources.join import Piece, join
from core.data.sources.naming import TABLE_SUFFIXES, documents_of, part_and_rest, tables_of
from core.data.sources.opened import opened
from core.data.sources.unpack import suffix_of
from core.data.table import PARTS, Decision, Table
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

__all__ = ["Entry", "read_entries"]

_ONE_OF_MANY = re.compile(r"\d+[-_.]of[-_.]\d+")
_NO_PART = "its name says no part"


def read_entries(
    entries: Sequence[Entry],
    config: DataConfig,
    name: str,
    source: str,
    progress: Progress,
    decisions: tuple[Decision, ...] = (),
    ceiling: Ceiling | None = None,
) -> Table:
    """The table that files make together. Raises `DataError` when they make none, or several.

    `name`: what people know the source by; `source`: what the table says it came from; `decisions`: what was decided
    before, to stand first in the table's reading; `ceiling`: what counts all that is unpacked, made here where
    nobody has one yet.
    """
    config = replace(config, source=source)
    ceiling = ceiling or Ceiling(sum(one.size for one in entries), name)
    seen = sorted((one for one in entries if not is_clutter(one.path)), key=lambda one: one.path)
    classes = class_folders(documents_of(seen)) if len(seen) > 1 else None
    if classes is not None and len(classes.documents) > sum(suffix_of(one.path) in TABLE_SUFFIXES for one in seen):
        table = read_documents(classes, seen, config, name, progress, ceiling)
    else:
        table = _from_tables(seen, config, name, progress, ceiling)
    return replace(table, reading=(*decisions, *table.reading))


def _from_tables(seen: list[Entry], config: DataConfig, name: str, progress: Progress, ceiling: Ceiling) -> Table:
    tables = tables_of(seen)
    if not tables:
        what = f"Its files are {listed([one.path for one in seen])}." if seen else "It holds no files."
        raise DataError("There is nothing to read", f"{name}: {what}", "Name a CSV, TSV, JSONL or Parquet file.")
    if len(tables) == 1:
        chosen = [replace(tables[0], part="")]
        said: tuple[Decision, ...] = (Decision("file", safe(tables[0].path), "the only table in it"),)
    else:
        chosen = _in_parts(tables, name)
        said = _said(chosen)
    wrap = wrapping(chosen) if len(chosen) > 1 else ""
    pieces = [
        Piece(safe(one.path.removeprefix(wrap)), one.part, _reader(one, f"{name}/{safe(one.path)}", progress, ceiling))
        for one in chosen
    ]
    taken = {one.path for one in chosen}
    others = [one for one in tables if one.path not in taken]
    rest = [one for one in seen if one.path not in taken and one not in others]
    table = join(pieces, config, strict=False)
    asides = (*left_out(others, _NO_PART), *left_out(rest, "no table"))
    return replace(table, reading=(*said, *asides, *table.reading))


def _said(chosen: Sequence[Entry]) -> tuple[Decision, ...]:
    files = listed([one.path for one in chosen])
    parts = [part for part in PARTS if any(one.part == part for one in chosen)]
    if not parts:
        return (Decision("files", str(len(chosen)), f"pieces of one table by their names: {files}"),)
    return (Decision("parts", ", ".join(parts), f"by the names of the files: {files}"),)


def _in_parts(tables: list[Entry], name: str) -> list[Entry]:
    """Those of several tables that are one data set, each with its part. Raises `DataError` when that is unclear."""
    if any(one.part for one in tables):
        return _in_order([one for one in tables if one.part])
    wrap = wrapping(tables)
    sets: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for one in tables:
        part, rest = part_and_rest(one.path.removeprefix(wrap))
        sets[(*rest, suffix_of(one.path))].append(replace(one, part=part))
    every = [one for found in sets.values() for one in found]
    trains = [found for found in sets.values() if any(one.part == "train" for one in found)]
    if trains and all(_sets_with(part, sets.values()) <= 1 for part in PARTS):
        return _in_order([one for one in every if one.part])
    if len(trains) == 1:
        return _in_order([one for one in trains[0] if one.part])
    if len(sets) == 1 and not any(one.part for one in every) and all(_ONE_OF_MANY.search(one.path) for one in every):
        return every
    paths = [one.path for one in tables]
    step = f"Name one of them, such as {name}/{safe(paths[0])}"
    if not trains:
        step += "; or name the parts train, validation and test."
    raise DataError("There are several tables", f"{name} holds {listed(paths, 12)}.", step)


def _sets_with(part: str, sets: Iterable[list[Entry]]) -> int:
    return sum(any(one.part == part for one in found) for found in sets)


def _in_order(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda one: (PARTS.index(one.part), one.path))


def _reader(entry: Entry, name: str, progress: Progress, ceiling: Ceiling) -> Callable[[DataConfig], Table]:
    def read_it(config: DataConfig) -> Table:
        raw, suffix, unpacked = opened(entry, name, progress, ceiling)
        held = [raw]
        del raw  # the reader lets go of the bytes as soon as it can: a second name for them would keep them
        table = read(held.pop(), config, name, suffix, progress)
        return replace(table, reading=(*unpacked, *table.reading))

    return read_it

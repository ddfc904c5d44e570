"""Parts that lie beside the file and are not used, and classes that training never sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.config import DataConfig
from core.config.change import REMOTE, SAMPLE
from core.data.dataset import Loaded
from core.data.health.finding import Finding, many, quoted, rows_of
from core.data.reading import read
from core.data.reading.names import plain
from core.data.sources.naming import TABLE_SUFFIXES, part_and_rest
from core.data.sources.unpack import HEAD, packing, suffix_of
from core.data.table import PARTS
from core.errors import WorkbenchError
from core.protocol import no_progress
from core.text import safe

_LOOKED_AT = 64 * 1024
_MOST_FILES = 500


def parts(loaded: Loaded) -> Iterator[Finding]:
    """Given parts that no setting names, and classes that only held-out rows have."""
    yield from _beside(loaded)
    yield from _only_held_out(loaded)


def _beside(loaded: Loaded) -> Iterator[Finding]:
    """`dev.tsv` and `test.tsv` beside `train.tsv`: told by their names, then by their first lines."""
    table = loaded.table
    if table.members or table.part is not None or table.source == SAMPLE or table.source.startswith(REMOTE):
        return
    path = Path(table.source)
    part, rest = part_and_rest(path.name)
    if part != "train" or not path.is_file():
        return
    found: dict[str, list[tuple[Path, str]]] = {"validation": [], "test": []}
    for one in _files_beside(path):
        other, rest_of_it = part_and_rest(one.name)
        if other in found and rest_of_it == rest and (fit := _fit(one, loaded)):
            found[other].append((one, fit))
    # Two files for one part (`val.csv` and `dev.csv`): a person has to choose.
    single = {part: files[0] for part, files in found.items() if len(files) == 1}
    if single:
        names = " and ".join(safe(one.name) for one, _ in single.values())
        columns = "the same" if all(fit == "the same" for _, fit in single.values()) else "fitting"
        lie, them = ("lie", "them as the given parts") if len(single) > 1 else ("lies", "it as the given part")
        text = f"{names} {lie} beside {safe(path.name)} with {columns} columns: use {them}"
        settings: dict[str, object] = {f"data.{part}_file": str(one.absolute()) for part, (one, _) in single.items()}
        yield Finding("warn", "parts-beside", text, 0, settings=settings)


def _files_beside(path: Path) -> list[Path]:
    try:
        names = sorted(one for one in path.parent.iterdir() if suffix_of(one.name) in TABLE_SUFFIXES | {".txt"})
    except OSError:
        return []
    return [one for one in names[:_MOST_FILES] if one != path and one.is_file()]


def _fit(path: Path, loaded: Loaded) -> str:
    """`the same` or `fitting` for a file whose columns go with the table's, by its first 64 KB; empty for others.

    Columns without names fit by their number. One column may be named otherwise, but never the label.
    """
    columns, own = _columns_of(path), loaded.table.columns
    if not columns or len(columns) != len(own):
        return ""
    if any(one.what == "header" and one.value == "no" for one in loaded.table.reading):
        return "the same"
    other = {plain(name) for name in own} - {plain(name) for name in columns}
    if plain(loaded.columns.label) in other or len(other) > 1:
        return ""
    return "fitting" if other else "the same"


def _columns_of(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOKED_AT)
        if head.startswith(b"PAR1"):
            import pyarrow.parquet as pq

            return tuple(pq.read_schema(path).names)
        if packing(head[:HEAD]):
            return ()
        whole = head if len(head) < _LOOKED_AT else head[: head.rfind(b"\n") + 1]
        return read(whole, DataConfig(), path.name, suffix_of(path.name), no_progress).columns
    except (OSError, ValueError, WorkbenchError):  # what cannot be read is not offered
        return ()


def _only_held_out(loaded: Loaded) -> Iterator[Finding]:
    """Classes that only validation or test rows have: nothing is learnt of them, and every such row counts as wrong."""
    dataset = loaded.dataset
    if dataset.parts is None:
        return
    size = len(dataset.label_names)
    trained = np.bincount(dataset.labels[dataset.parts == PARTS.index("train")], minlength=size)
    if not trained.any():
        return
    for code in np.flatnonzero(trained == 0):
        name = dataset.label_names[int(code)]
        rows = rows_of(loaded, [int(code)])
        where = " and ".join(PARTS[part] for part in np.unique(dataset.parts[rows]))
        text = f"{quoted(name)} has {many(len(rows), 'row')} in {where} and none in train"
        yield Finding("bad", f"only-held-out:{name}", text, len(rows), f"drop-class:{name}", kept=rows)

"""The bytes of one file of many, unpacked where it is packed: `train.tsv.zip` among the files of a competition."""

from __future__ import annotations

import io

from core.data.reading.ceiling import Ceiling
from core.data.sources.archive import entries_of
from core.data.sources.entry import Entry, is_clutter, listed
from core.data.sources.naming import tables_of
from core.data.sources.unpack import ARCHIVES, HEAD, inflate, packing, suffix_of
from core.data.table import Decision
from core.errors import DataError
from core.protocol import Progress


def opened(entry: Entry, name: str, progress: Progress, ceiling: Ceiling) -> tuple[bytes, str, tuple[Decision, ...]]:
    """What is in a file, the suffix it is read by, and how it was unpacked. One level only. Raises `DataError`.

    `name`: what people know the file by; `ceiling`: the one of the whole source, for many small bombs are one too.
    """
    raw = entry.read()
    kind = packing(raw[:HEAD])
    if not kind:
        return raw, suffix_of(entry.path), ()
    if kind in ARCHIVES:
        inside, _ = entries_of(io.BytesIO(raw), kind, len(raw), name, progress, ceiling)
        tables = tables_of([one for one in inside if not is_clutter(one.path)])
        if len(tables) != 1:
            what = f"{name} is an archive itself, with {listed([one.path for one in tables]) or 'no table'}."
            raise DataError("An archive inside another", what, "Unpack it and name the table inside.")
        raw, suffix = tables[0].read(), suffix_of(tables[0].path)
    else:
        raw, suffix = inflate(raw, kind, name, progress, ceiling), suffix_of(entry.path)
    require_plain(raw, name)
    return raw, suffix, (Decision("compression", kind, "by its content"),)


def require_plain(raw: bytes, name: str) -> None:
    """Raise `DataError` when what came out of a packed file is packed again."""
    if kind := packing(raw[:HEAD]):
        step = "Unpack it and name the table inside."
        raise DataError("This file is packed more than once", f"{name} holds {kind} data again.", step)

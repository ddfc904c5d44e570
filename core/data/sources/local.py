"""A source on this machine: a file, plain or packed; a folder; a file inside an archive (`data.zip/reviews.csv`)."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from core.config import DataConfig
from core.data.reading import read
from core.data.reading.ceiling import Ceiling
from core.data.sources.archive import entries_of
from core.data.sources.entry import listed
from core.data.sources.folder import files_of, folder_stamp
from core.data.sources.opened import require_plain
from core.data.sources.tree import read_entries
from core.data.sources.unpack import ARCHIVES, HEAD, inflate, packing, suffix_of
from core.data.table import Decision, Table
from core.errors import DataError
from core.paths import expanded
from core.protocol import Progress, no_progress
from core.text import safe

SAMPLE = Path(__file__).parent.parent / "samples" / "reviews.jsonl"

_BLOCK = 1 << 23


def stamp(config: DataConfig) -> Hashable:
    """Path, size and time of what is read: when these are equal, it was not changed meanwhile. Raises `DataError`.

    Links are followed, so that one file has one stamp whatever it is named.
    """
    path, inside = _locate(config)
    name = _shown(config, inside)
    found = _stat(path, name)
    real = str(path.resolve())
    if S_ISDIR(found.st_mode):
        return real, folder_stamp(path, name)
    return real, inside, found.st_size, found.st_mtime_ns


def read_table(config: DataConfig, progress: Progress = no_progress) -> Table:
    """The file, folder or archive that `config` names as a table of text cells. Raises `DataError` or `ConfigError`."""
    path, inside = _locate(config)
    name = _shown(config, inside)
    found = _stat(path, name)
    if S_ISDIR(found.st_mode):
        entries = files_of(path, name, progress)
        if len(entries) == 1 and _packing_of(path / entries[0].path, name) in ARCHIVES:
            # A folder around one archive is that archive.
            return replace(
                read_table(replace(config, source=str(path / entries[0].path)), progress), source=config.source
            )
        return read_entries(entries, config, name, config.source, progress)
    kind = _packing_of(path, name)
    ceiling = Ceiling(found.st_size, name)
    if kind in ARCHIVES:
        with path.open("rb") as stream:
            return _from_archive(stream, kind, found.st_size, config, name, inside, progress, ceiling)
    raw = _read_bytes(path, name, found.st_size, progress)
    decisions: tuple[Decision, ...] = ()
    if kind:
        raw = inflate(raw, kind, name, progress, ceiling)
        decisions = (Decision("compression", kind, "by its content"),)
        if packing(raw[:HEAD]) == "tar":
            table = _from_archive(io.BytesIO(raw), "tar", len(raw), config, name, inside, progress, ceiling)
            return replace(table, reading=(*decisions, *table.reading))
        require_plain(raw, name)
    if inside:
        raise DataError("This is no archive", f"{name} holds no files, so no {safe(inside)} either.", f"Name {name}.")
    held = [raw]
    del raw  # the reader lets go of the bytes as soon as it can: a second name for them would keep them
    table = read(held.pop(), config, name, suffix_of(path.name), progress)
    return replace(table, reading=(*decisions, *table.reading))


def _locate(config: DataConfig) -> tuple[Path, str]:
    """The file or folder that a source means, and the path inside of it where that goes on into an archive."""
    if config.source == "sample":
        return SAMPLE, ""
    path = expanded(config.source)
    try:
        if not path.exists():
            archive = next((one for one in path.parents if one.is_file()), None)
            if archive is not None and packing(_head(archive)):
                return archive, path.relative_to(archive).as_posix()
    except (OSError, ValueError):  # whoever looks at the path itself says what is wrong with it
        pass
    return path, ""


def _from_archive(
    stream: BinaryIO,
    kind: str,
    size: int,
    config: DataConfig,
    name: str,
    inside: str,
    progress: Progress,
    ceiling: Ceiling,
) -> Table:
    entries, decisions = entries_of(stream, kind, size, name, progress, ceiling)
    if inside:
        chosen = [one for one in entries if one.path == inside or one.path.startswith(f"{inside}/")]
        if not chosen:
            paths = [one.path for one in entries]
            near = difflib.get_close_matches(inside, paths, n=1)
            step = f"Did you mean {name}/{safe(near[0])}?" if near else f"It holds {listed(paths)}."
            raise DataError("No such file in this archive", f"{name} holds no {safe(inside)}.", step)
        entries = chosen
    return read_entries(entries, config, name, config.source, progress, decisions, ceiling)


def _shown(config: DataConfig, inside: str) -> str:
    """What people know the file, folder or archive by."""
    name = config.given or config.source
    return safe(name.rstrip("/").removesuffix(f"/{inside}") if inside else name)


def _stat(path: Path, name: str) -> os.stat_result:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError("No such file", name, _near(path)) from None
    except (OSError, ValueError) as broken:
        raise DataError("This file cannot be opened", f"{name}: {_why(broken)}", "Is its name right?") from None
    if not S_ISREG(found.st_mode) and not S_ISDIR(found.st_mode):
        step = "Save it as a file: training reads the source again."
        raise DataError("This is no regular file", f"{name} is a pipe or a device.", step)
    return found


def _near(path: Path) -> str:
    """The file of the same folder with the most alike name, else the folder that was looked in."""
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {safe(path.parent)} either."
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean '{safe(near[0])}'?" if near else f"Looked in {safe(path.parent.absolute())}."


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD)


def _packing_of(path: Path, name: str) -> str:
    try:
        return packing(_head(path))
    except OSError as broken:
        raise _unreadable(broken, name) from None


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
        raise _unreadable(broken, name) from None
    return b"".join(blocks)


def _unreadable(broken: OSError, name: str) -> DataError:
    step = "Ask for the right to read it, or copy it." if isinstance(broken, PermissionError) else ""
    return DataError("This file cannot be read", f"{name}: {_why(broken)}", step)


def _why(broken: OSError | ValueError) -> str:
    return (broken.strerror or str(broken)) if isinstance(broken, OSError) else str(broken)

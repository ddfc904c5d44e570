"""The files of a folder, its sub-folders included; links to folders are not followed, pipes and devices not opened."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from stat import S_ISREG

from core.data.sources.entry import Entry, is_clutter
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

_MOST = 200_000
_OFTEN = 2000


def files_of(root: Path, name: str, progress: Progress) -> list[Entry]:
    """Every file below `root` but those that machines leave behind. Raises `DataError`."""
    found: list[Entry] = []
    for path, facts in _walk(root, name):
        found.append(Entry(path, facts.st_size, partial(_read, root, path, name)))
        if len(found) % _OFTEN == 0:
            progress(len(found), 0, "files")
    return found


def folder_stamp(root: Path, name: str) -> str:
    """A digest over the paths, sizes and times of every file. Raises `DataError`."""
    lines = sorted(f"{path}\0{facts.st_size}\0{facts.st_mtime_ns}" for path, facts in _walk(root, name))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _walk(root: Path, name: str) -> Iterator[tuple[str, os.stat_result]]:
    waiting, count = [""], 0
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(root / inside) as listing:
                for one in listing:
                    if is_clutter(f"{one.name}/") or is_clutter(one.name):
                        continue
                    path = inside + one.name
                    if one.is_dir(follow_symlinks=False):
                        waiting.append(f"{path}/")
                    elif (facts := _facts(one)) is not None:
                        yield path, facts
                        count += 1
        except OSError as broken:
            why = broken.strerror or str(broken)
            raise DataError("This folder cannot be read", f"{name}/{safe(inside)}: {why}") from None
        if count > _MOST:
            what = f"{name} holds more than {_MOST} files."
            raise DataError("This folder holds too many files", what, "Name the folder or the file with the data.")


def _facts(one: os.DirEntry[str]) -> os.stat_result | None:
    """Size and time of a regular file or of what a link leads to; None for all else."""
    try:
        facts = one.stat()
    except OSError:  # a link to nowhere
        return None
    return facts if S_ISREG(facts.st_mode) else None


def _read(root: Path, path: str, name: str) -> bytes:
    try:
        with open(root / path, "rb") as stream:
            return stream.read()
    except OSError as broken:
        step = "Ask for the right to read it, or copy it." if isinstance(broken, PermissionError) else ""
        why = broken.strerror or str(broken)
        raise DataError("This file cannot be read", f"{name}/{safe(path)}: {why}", step) from None

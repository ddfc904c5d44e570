"""How much room runs take on the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of the files of a run, or of several; what is one file under two names counts once."""

    total: int = 0
    checkpoints: int = 0
    epochs: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.total + other.total, self.checkpoints + other.checkpoints, self.epochs + other.epochs)


def usage(folder: Path) -> Usage:
    """That of one run folder, or of the trash. No link is followed; what cannot be read counts as nothing."""
    seen: set[tuple[int, int]] = set()
    parts = {"model": 0, "checkpoints": 0, "epochs": 0}
    for name in parts:  # the best weights first: epochs that share them take no room of their own
        parts[name] = _size(os.fspath(folder / name), seen)
    total = _size(os.fspath(folder), seen) + sum(parts.values())
    return Usage(total, parts["checkpoints"], parts["epochs"])


def usages(folders: Iterable[Path]) -> dict[str, Usage]:
    """Those of these folders, by their names."""
    return {folder.name: usage(folder) for folder in folders}


def _size(top: str, seen: set[tuple[int, int]]) -> int:
    """Bytes of the files below `top` that are not in `seen` yet."""
    found, waiting = 0, [top]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    one = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(one.st_mode):
                        waiting.append(entry.path)
                    elif stat.S_ISREG(one.st_mode) and (one.st_dev, one.st_ino) not in seen:
                        seen.add((one.st_dev, one.st_ino))
                        found += one.st_size
    return found

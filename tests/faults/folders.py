"""A folder that is committed in numbered versions, and what a reader finds of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from core.errors import RunError
from core.runs.atomic import commit_dir, recover_dir, verify_dir

ABSENT = -1
BROKEN = -2


def commit(target: Path, number: int, size: int = 12_000) -> None:
    """Commit version `number`: weights of `size` bytes, a folder inside, a small file that says the number."""
    with commit_dir(target) as folder:
        (folder / "weights").write_bytes(number.to_bytes(2, "big") * (size // 2))
        (folder / "deep").mkdir()
        (folder / "deep" / "notes").write_text(f"of version {number}\n")
        (folder / "number").write_text(str(number))


def seen(target: Path) -> int:
    """The version a reader finds: `ABSENT` without a folder there, `BROKEN` when it is refused or of two versions."""
    if not os.path.lexists(target):
        return ABSENT
    try:
        verify_dir(target)
        number = int((target / "number").read_text())
        whole = (target / "weights").read_bytes()[:2] == number.to_bytes(2, "big")
        whole = whole and (target / "deep" / "notes").read_text() == f"of version {number}\n"
    except (RunError, OSError, ValueError):
        return BROKEN
    return number if whole else BROKEN


def recovered(target: Path) -> int:
    """The same after the next owner has tidied up. Anything hidden that is left is `BROKEN`, too."""
    recover_dir(target)
    left = [path for path in target.parent.iterdir() if path.name.startswith(f".{target.name}.")]
    return BROKEN if left else seen(target)


@contextmanager
def unsynced() -> Iterator[None]:
    """Checks do not wait for a disk: nothing they do has to outlast them."""
    with mock.patch.object(os, "fsync"):
        yield


@dataclass(frozen=True, slots=True)
class Save:
    """Something that must be on the disk when it returns. `look` says what a reader finds: old, new, or else."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    look: Callable[[Path], str]
    exchange: bool = True

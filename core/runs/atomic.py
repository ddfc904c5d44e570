"""Files and folders that are either wholly there or not there at all.

`commit_dir` stages a folder beside its target, syncs every file, writes a manifest with sizes and sha256 last, syncs,
renames, and syncs the parent. A reader trusts a folder only through its manifest (`verify_dir`), and the manifest only
through its own sha256.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from core.errors import RunError


class UnreadableError(RunError):
    """A folder could not be read: it may be whole, and readable tomorrow."""


MANIFEST = "manifest.json"
_SEAL = ',\n "sha256": "'
_NO_SUCH_CALL = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)


def sync_path(path: Path) -> None:
    """Make what is known about a file or folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes | str) -> None:
    """Replace one file as a whole: a reader sees the old content or the new, never a part."""
    data = content.encode() if isinstance(content, str) else content
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(staged, "xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(staged, path)
    except BaseException:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _sealed(listing: dict[str, Any]) -> str:
    """The text of a manifest: the listing, then the sha256 of all that stands before."""
    body = json.dumps({"files": listing}, indent=1).removesuffix("\n}")
    return f'{body}{_SEAL}{hashlib.sha256(body.encode()).hexdigest()}"\n}}'


def _read_sealed(text: str) -> dict[str, Any]:
    """The listing in a manifest; the oldest have no seal. Raises `ValueError` when it is damaged."""
    body, seal, rest = text.rpartition(_SEAL)
    if seal and rest != hashlib.sha256(body.encode()).hexdigest() + '"\n}':
        raise ValueError("it differs from what was saved (sha256)")
    found = json.loads(text)
    if not seal and set(found) - {"files"}:
        raise ValueError("its own sha256 is not where it was written")
    listing: dict[str, Any] = found["files"]
    return listing


@contextmanager
def commit_dir(target: Path) -> Iterator[Path]:
    """Fill the folder this yields; on a clean exit it becomes `target`, replacing what was there.

    On an error nothing is left behind and an older `target` stays. The two change places in one step where the system
    can do that (Linux). Elsewhere the old one is renamed away first: a reader that falls into that gap finds no folder
    and has to look again, and `recover_dir` brings the old one back after a crash there.
    """
    staged = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    staged.mkdir()  # not its parents: a run that was moved to the trash must not come back as a hollow folder
    try:
        yield staged
        listing = {}
        for path in _files(staged):
            sync_path(path)
            listing[path.relative_to(staged).as_posix()] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
        with open(staged / MANIFEST, "x", encoding="utf-8") as handle:
            handle.write(_sealed(listing))
            handle.flush()
            os.fsync(handle.fileno())
        for folder in [path for path in staged.rglob("*") if path.is_dir()] + [staged]:
            sync_path(folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _swap_in(staged, target)


def _swap_in(staged: Path, target: Path) -> None:
    old = _old(target)
    try:
        if not os.path.lexists(target):
            os.rename(staged, target)
        elif not _exchange(staged, target):
            if os.path.lexists(old):
                sync_path(target.parent)
                _remove(old)
            os.rename(target, old)
            os.rename(staged, target)
    except OSError:
        if old.exists() and not target.exists():
            os.rename(old, target)
        shutil.rmtree(staged, ignore_errors=True)
        raise
    sync_path(target.parent)  # before anything of the old one goes: the renames may still be undone by a power cut
    _remove(staged)
    _remove(old)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; false where the system or the file system has no such call."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_SUCH_CALL:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def recover_dir(target: Path) -> None:
    """After a crash inside `commit_dir`: put the older folder back when there is none, clear what is left over away.

    Under the staged name lies a half-made folder, or the old one after an exchange; a folder that is in its place is
    always a whole one, so that neither is needed. For the owner of `target` alone: nobody may be committing it.
    """
    old = _old(target)
    if not os.path.lexists(target) and old.is_dir():
        os.rename(old, target)
    staged_name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]+\.new")
    try:
        left = [path for path in target.parent.iterdir() if path == old or staged_name.fullmatch(path.name)]
    except FileNotFoundError:
        return
    sync_path(target.parent)  # first the renames, then the removal of what they have replaced
    for path in left:
        _remove(path)


def verify_dir(folder: Path, *, contents: bool = True) -> None:
    """Check a committed folder against its manifest; `contents` false looks at names and sizes only.

    Raises `RunError` that names the file that is missing or differs.
    """
    try:
        entries = _read_sealed((folder / MANIFEST).read_bytes().decode())
        listing = {folder / name: (int(entry["size"]), str(entry["sha256"])) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise RunError(f"{folder.name} is not complete", f"{folder} has no readable {MANIFEST}: {broken!r}") from None
    for path, (size, digest) in listing.items():
        try:
            if not path.is_file() or path.stat().st_size != size:
                raise RunError(
                    f"{folder.name} is damaged", f"{path} is missing or has another size than when it was saved"
                )
            if contents and sha256_of(path) != digest:
                raise RunError(f"{folder.name} is damaged", f"{path} differs from what was saved (sha256)")
        except OSError as broken:
            raise UnreadableError(f"{folder.name} cannot be read", f"{path}: {broken.strerror}") from None

"""Files and folders that are either wholly there or not there at all.

`commit_dir` stages a folder beside its target, syncs every file, writes a manifest with sizes and sha256 last, syncs,
renames, and syncs the parent. A reader trusts a folder only through its manifest (`verify_dir`).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import RunError

MANIFEST = "manifest.json"


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
    except OSError:
        staged.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


@contextmanager
def commit_dir(target: Path) -> Iterator[Path]:
    """Fill the folder this yields; on a clean exit it becomes `target`, replacing what was there.

    On an error nothing is left behind and an older `target` stays. Between taking the old folder away and putting the
    new one there lie two renames; a reader that falls into that gap looks again (see `verify_dir`), and `recover_dir`
    brings the old one back after a crash there.
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
            json.dump({"files": listing}, handle, indent=1)
            handle.flush()
            os.fsync(handle.fileno())
        for folder in [path for path in staged.rglob("*") if path.is_dir()] + [staged]:
            sync_path(folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    _swap_in(staged, target)


def _swap_in(staged: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    try:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.rename(target, old)
        os.rename(staged, target)
    except OSError:
        if old.exists() and not target.exists():
            os.rename(old, target)
        shutil.rmtree(staged, ignore_errors=True)
        raise
    sync_path(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover_dir(target: Path) -> None:
    """After a crash inside `commit_dir`: put the older folder back when there is none, clear half-made ones away.

    For the owner of `target` alone: nobody may be committing it.
    """
    old = target.with_name(f".{target.name}.old")
    if not target.exists() and old.is_dir():
        os.rename(old, target)
        sync_path(target.parent)
    shutil.rmtree(old, ignore_errors=True)
    for staged in target.parent.glob(f".{target.name}.*.new"):
        shutil.rmtree(staged, ignore_errors=True)


def verify_dir(folder: Path, *, contents: bool = True) -> None:
    """Check a committed folder against its manifest; `contents` false looks at names and sizes only.

    Raises `RunError` that names the file that is missing or differs.
    """
    try:
        entries = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        listing = {folder / name: (int(entry["size"]), str(entry["sha256"])) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as broken:
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
            raise RunError(f"{folder.name} cannot be read", f"{path}: {broken.strerror}") from None

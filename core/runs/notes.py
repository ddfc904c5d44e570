"""What a person writes about a run: tags, a note, whether it is put aside. Kept in `notes.toml` of its folder.

The file may hold more than is known here, written by another version or by hand: every change reads it anew, changes
its own keys and puts the whole back in one step, one writer after another. A file that cannot be read is never
written over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.errors import DiskFullError, RunError
from core.runs.atomic import write_file
from core.runs.log import FULL
from core.runs.run import Run
from core.text import safe, shorten

FILE = "notes.toml"

MOST_TAGS = 64
"""Tags of one run."""

LONGEST_NOTE = 4000
"""Characters of a note."""

PATIENCE = 5.0
"""Seconds that a writer waits for the one before it."""

_TAG = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9._-]{0,31}")
_LETTERS = "Letters, digits, dot, dash and underscore, not a dash first; at most 32 of them."
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Notes:
    """What a person wrote about a run; `problem` says why it cannot be read, and is empty when it can."""

    tags: tuple[str, ...] = ()
    text: str = ""
    is_archived: bool = False
    parent: str = ""
    """The run whose weights this one began with, if there is one."""
    was: tuple[str, ...] = ()
    """Names that the run had before, the newest last."""
    problem: str = ""


def notes_of(tree: dict[str, Any]) -> Notes:
    """The notes in a read file; a key of another shape counts as absent."""
    text, parent = tree.get("note", ""), tree.get("parent", "")
    return Notes(
        _texts(tree.get("tags")),
        text if isinstance(text, str) else "",
        tree.get("archived") is True,
        str(parent),
        _texts(tree.get("was")),
    )


def _texts(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, list) else ()


def read_notes(run: Run) -> Notes:
    """The notes of `run`, empty ones when it has none. Raises nothing: `problem` tells what is damaged."""
    try:
        return notes_of(_tree(run))
    except RunError as broken:
        return Notes(problem=broken.message)


def valid_tag(tag: str) -> bool:
    """Whether this can be a tag: a short word that a filter and a shell take as it is."""
    return _TAG.fullmatch(tag) is not None


def tags_in(words: Iterable[str]) -> tuple[str, ...]:
    """The tags in what a person gave, each once: `+baseline`, `v2`. Raises `RunError` for what is none."""
    found = dict.fromkeys(word.removeprefix("+") for word in words)
    for tag in found:
        if not valid_tag(tag):
            raise RunError(f"{safe(shorten(tag, 40))!r} cannot be a tag", _LETTERS)
    if len(found) > MOST_TAGS:
        raise RunError(f"{len(found)} tags are too many", f"A run has {MOST_TAGS} at most.")
    return tuple(found)


def edit(
    run: Run,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    text: str | None = None,
    archived: bool | None = None,
) -> tuple[Notes, Notes]:
    """Change the notes of `run`; what is not given stays as it is. Returns them as they were and as they are.

    Raises `RunError` for a tag or a note that cannot be, a damaged file, a folder that is gone or cannot be written.
    """
    added, removed = tags_in(add), set(remove)
    text = None if text is None else _checked(text)

    def change(tree: dict[str, Any]) -> None:
        tags = [tag for tag in dict.fromkeys([*_texts(tree.get("tags")), *added]) if tag not in removed]
        if added and len(tags) > MOST_TAGS:
            raise RunError(f"{run.name} would have {len(tags)} tags", f"A run has {MOST_TAGS} at most.")
        if added or removed:
            _put(tree, "tags", tags)
        if text is not None:
            _put(tree, "note", text)
        if archived is not None:
            _put(tree, "archived", archived)

    before, after = change_notes(run, change)
    return notes_of(before), notes_of(after)


def _checked(text: str) -> str:
    clean = safe(text, newlines=True).strip()
    if len(clean) > LONGEST_NOTE:
        raise RunError(
            f"A note of {len(clean)} characters is too long", f"It has {LONGEST_NOTE} at most.", "Put it into a file."
        )
    return clean


def _put(tree: dict[str, Any], key: str, value: object) -> None:
    """Set a key, or take it away where it says nothing."""
    if value:
        tree[key] = value
    else:
        tree.pop(key, None)


# The file


def change_notes(run: Run, change: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let `change` edit what `notes.toml` holds, no other writer in between; the tree before and after it.

    Comments in the file are lost when it is written anew. Raises `RunError`, and `DiskFullError` when there is no room.
    """
    import tomli_w

    try:
        with _alone(run):
            before, after = _tree(run), _tree(run)
            change(after)
            if after != before:
                write_file(run.path / FILE, tomli_w.dumps(after))
    except OSError as broken:
        if not run.path.is_dir():
            raise _gone(run) from None
        kind = DiskFullError if broken.errno in FULL else RunError
        why, step = broken.strerror or str(broken), "Is its folder yours to write, and is the disk not full?"
        raise kind(f"The notes of {run.name} cannot be written", f"{run.path / FILE}: {why}", step) from None
    return before, after


def _gone(run: Run) -> RunError:
    return RunError(
        f"{run.name} is gone", f"{run.path} was deleted or renamed meanwhile.", "finetui runs lists what is there."
    )


def _tree(run: Run) -> dict[str, Any]:
    """What `notes.toml` holds, nothing when there is none. Raises `RunError` when it cannot be read."""
    path = run.path / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as broken:
        why = (broken.strerror if isinstance(broken, OSError) else "") or str(broken)
        raise RunError(
            f"The notes of {run.name} are damaged",
            f"{path}: {safe(shorten(why, 200))}",
            "Mend the file, or take it away: nothing else of the run depends on it.",
        ) from None


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Hold the folder against other writers of its notes; where a file system has no such locks, go on without.

    Raises `RunError` when the folder is gone, or another writer does not let go.
    """
    try:
        handle = os.open(run.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        raise _gone(run) from None
    try:
        _wait_for(handle, run)
        if not _is_same(handle, run):  # renamed while we waited
            raise _gone(run)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, run: Run) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            if refused.errno in _NO_LOCKS:
                return
            if refused.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > until:
                raise RunError(
                    f"The notes of {run.name} are being written by another process",
                    f"It has not let go for {PATIENCE:.0f} seconds.",
                    "Try again.",
                ) from None
            time.sleep(0.01)
        else:
            return


def _is_same(handle: int, run: Run) -> bool:
    try:
        there, held = run.path.lstat(), os.fstat(handle)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

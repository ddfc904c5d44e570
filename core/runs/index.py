"""What the rows of a list were read from, kept beside the runs: a thousand runs are listed without reading them again.

A row counts only as long as the files that it was made from are those it was made from, by their times, sizes and
numbers; so the index is never believed over a run. It may be deleted at any time, and is passed over when it is
damaged, of another version or of another user.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from core.runs.resume import COMPLETE, outlook
from core.runs.run import Run, RunState
from core.runs.summary import Summary, summarise

FILE = ".index.json"

FORMAT = 1
"""Counts the ways in which `summarise` has made rows from files."""

WORTH = 24
"""Runs from which on keeping them is worth a file in the folder."""

SETTLED = 2.0
"""Seconds for which a file must have been left alone: within one tick of a clock it can change unseen."""

_FILES = ("run.toml", "metrics.json", "data.json", "notes.toml", "events.jsonl", "member.json")
_EACH = 4
_METRICS = _FILES.index("metrics.json") * _EACH
_CHANGED = 1

Stamp: TypeAlias = tuple[int, ...]
"""Four numbers of each file that a row is made from, zeros where it is not there."""


def stamp_of(folder: str) -> Stamp:
    """When the files of the run in this folder were written and changed (ns), their sizes and their numbers."""
    found: list[int] = []
    for name in _FILES:
        try:
            seen = os.stat(f"{folder}/{name}")  # noqa: PTH116 - six thousand of them
        except OSError:
            found += (0, 0, 0, 0)
        else:
            found += (seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino)
    return tuple(found)


def _is_settled(stamp: Stamp) -> bool:
    return max(stamp[_CHANGED::_EACH]) < (time.time() - SETTLED) * 1e9


class Index:
    """The rows of the runs in one folder. Used by one thread at a time."""

    def __init__(self, root: Path) -> None:
        """Read what is kept there; nothing is no error."""
        self._path = root / FILE
        self._rows = _read(self._path, root)
        self._is_new = False
        self.reads = 0
        """How many rows were made from files so far."""

    def summary(self, run: Run, read: Callable[[Run], Summary] = summarise) -> Summary:
        """The row of `run`, by `read` when its files are not those that the known row was made from."""
        name, stamp = run.name, stamp_of(os.fspath(run.path))  # before the files are read, which may change meanwhile
        known = self._rows.get(name)
        if known is not None and known[0] == stamp and (same := _as_it_is(run, stamp, known[1])):
            return same
        self.reads += 1
        found = read(run)
        if not found.state.is_live and not found.problem and _is_settled(stamp):
            self._rows[name] = (stamp, found)
            self._is_new = True
        elif self._rows.pop(name, None):
            self._is_new = True
        return found

    def save(self, names: Collection[str]) -> None:
        """Keep the rows of these runs, which are all there are, when any has changed. Raises nothing."""
        gone = self._rows.keys() - set(names)
        for name in gone:
            del self._rows[name]
        if (self._is_new or gone) and len(self._rows) >= WORTH:
            _write(self._path, self._rows)
        self._is_new = False


def forget(root: Path) -> None:
    """Take the index below `root` away: what it says of one run depends on another that has changed."""
    with suppress(OSError):
        (root / FILE).unlink()


def _as_it_is(run: Run, stamp: Stamp, known: Summary) -> Summary | None:
    """The known row with what does not follow from its files alone; none when its run has gone on."""
    if known.state in COMPLETE and stamp[_METRICS]:
        return known
    with suppress(OSError):
        last = run.newest()
        state = run.state(last)
        if state is known.state:
            ahead = outlook(run, state, last)
            can_have_more = state in COMPLETE if stamp[_METRICS] else ahead.can_have_more
            can_finish = ahead.can_finish and not stamp[_METRICS]
            return replace(known, can_finish=can_finish, can_have_more=can_have_more)
    return None


# The file: a line that vouches for the rest, then the rows


def _read(path: Path, root: Path) -> dict[str, tuple[Stamp, Summary]]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            seen = os.fstat(handle)
            if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid():
                return {}
            head, body = file.readline(), file.read()
        if head.decode() != _head(body):
            return {}
        return {name: (tuple(stamp), _row(root, name, row)) for name, (stamp, row) in json.loads(body).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _head(body: bytes) -> str:
    shape = " ".join(one.name for one in fields(Summary))
    known = json.dumps({"format": FORMAT, "shape": shape, "sha256": hashlib.sha256(body).hexdigest()})
    return known + "\n"


def _row(root: Path, name: str, row: dict[str, Any]) -> Summary:
    values = {**row, "name": name, "path": root / name, "state": RunState(row["state"]), "tags": tuple(row["tags"])}
    return Summary(**values)


def _write(path: Path, rows: dict[str, tuple[Stamp, Summary]]) -> None:
    """Replace the file as a whole, not made durable: its first line tells when a power cut has taken a part of it."""
    plain = {name: (stamp, {**_plain(row), "state": str(row.state)}) for name, (stamp, row) in rows.items()}
    body = json.dumps(plain, separators=(",", ":")).encode()
    staged = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
    try:
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(handle, "wb") as file:
            file.write(_head(body).encode() + body)
        if path.is_symlink() or (path.exists() and path.stat().st_uid != os.geteuid()):
            raise PermissionError(1, "another user's", str(path))
        os.replace(staged, path)
    except OSError:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def _plain(row: Summary) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if key not in ("name", "path")}

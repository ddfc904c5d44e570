"""What the Hub and Kaggle share: names, bytes counted over several downloads, errors in the same words.

Answers of a service are remembered within the process: the data child asks no network at every cure.
"""

from __future__ import annotations

import errno
import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Generic, TypeVar

from core.errors import DataError
from core.protocol import Progress
from core.text import safe

AGAIN_SECONDS = 60.0
"""For how long a service that did not answer is not asked again."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Found = TypeVar("Found")


class Unanswered(Exception):
    """The service could not be asked: what was fetched before may serve. `error` is for the person when nothing was."""

    def __init__(self, error: DataError, why: str) -> None:
        super().__init__(error)
        self.error = error
        self.why = why


class Memory(Generic[Found]):
    """What a source was found to mean, by its name."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Found, float]] = {}

    def get(self, source: str) -> Found | None:
        """What is remembered of `source`, as long as it holds."""
        found = self._held.get(source)
        return found[0] if found and time.monotonic() < found[1] else None

    def put(self, source: str, found: Found, seconds: float = math.inf) -> None:
        """Remember what `source` means for so many seconds."""
        self._held[source] = (found, time.monotonic() + seconds)


class Counter:
    """The bytes of several downloads as one progress; `total` is 0 while it is not known."""

    def __init__(self, progress: Progress, total: int = 0) -> None:
        self._progress = progress
        self._done, self._total = 0, total

    def expect(self, total: int, done: int = 0) -> None:
        """Another download begins: it has `total` bytes, `done` of which are here already."""
        self._total += total
        self.add(done)

    def add(self, count: int) -> None:
        """So many bytes came; fewer than 0 when they come once more."""
        self._done = max(self._done + count, 0)
        self._progress(self._done, max(self._total, self._done) if self._total else 0, "downloading")


def names_of(path: str) -> list[str]:
    """`owner/name/more` as its parts; empty when one of them is no name or would lead out of a folder."""
    parts = path.strip("/").split("/")
    odd = any(part in ("", ".", "..") or safe(part) != part or "\\" in part for part in parts)
    return [] if odd or not all(_NAME.fullmatch(part) for part in parts[:2]) else parts


def today() -> str:
    """The date as decisions write it."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")


def date_of(path: Path) -> str:
    """When a file was last written, as decisions write it."""
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")


def wait_of(headers: Mapping[str, str]) -> int:
    """Seconds that a service asks to wait, 0 where it does not say: `Retry-After` (RFC 9110), else `RateLimit`."""
    lower = {key.lower(): str(value).strip() for key, value in headers.items()}
    after = lower.get("retry-after", "")
    if after.isdigit():
        return int(after)
    if after:
        try:
            return max(int((parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds()), 0)
        except (ValueError, TypeError):
            return 0
    limit = re.search(r"r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", lower.get("ratelimit", ""))
    return int(limit[1]) if limit else 0


def busy(service: str, status: int, seconds: int) -> Unanswered:
    """It answered 429, or that it is out of order."""
    if status == 429:
        what = "It answered 429: too many requests were made from here."
        step = (
            f"Try again in {_span(seconds)}." if seconds else "Try again in some minutes; logged in, more is allowed."
        )
        return Unanswered(DataError(f"{service} asks to wait", what, step), f"{service} asks to wait")
    step = f"Try again in {_span(seconds) if seconds else 'some minutes'}: the fault is on its side."
    error = DataError(f"{service} is out of order", f"It answered {status}.", step)
    return Unanswered(error, f"{service} answered {status}")


def unreachable(service: str, name: str, why: str = "no connection") -> Unanswered:
    """Nobody answered."""
    what = f"{name} is not among what was fetched before, so it cannot be read offline."
    step = "Connect to the network and try again; behind a proxy set HTTPS_PROXY."
    return Unanswered(DataError(f"{service} cannot be reached: {why}", what, step), f"offline, {why}")


def broken_off(service: str, name: str) -> DataError:
    """A download ended before its end."""
    step = "Try again: what is there already is kept or fetched once more, never read by half."
    return DataError("The download broke off", f"{service} sent less of {name} than it announced.", step)


def not_written(broken: OSError, folder: Path | str, setting: str) -> DataError:
    """What was fetched cannot be put into the cache `folder`, which `setting` names."""
    step = f"Make room there, or set {setting} to a folder on a larger disk."
    if broken.errno in _NO_ROOM:
        return DataError("There is no room for the download", f"{shown(folder)}: {broken.strerror}.", step)
    why = broken.strerror or type(broken).__name__
    step = f"Ask for the right to write there, or set {setting} to another folder."
    return DataError("The download cannot be kept", f"{shown(folder)}: {why}.", step)


def shown(path: Path | str) -> str:
    """A path as people write it, with `~` for their home."""
    try:
        return safe(f"~/{Path(path).relative_to(Path.home())}")
    except (ValueError, RuntimeError):
        return safe(path)


def _span(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes" if seconds < 7200 else f"{math.ceil(seconds / 3600)} hours"

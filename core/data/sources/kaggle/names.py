"""`kaggle:` names as they are typed, and where in the library's cache what they mean lies."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.data.sources.remote import names_of
from core.errors import DataError
from core.text import safe

PREFIX = "kaggle:"

_COMPETITION = ("competition", "competitions")


@dataclass(frozen=True, slots=True)
class Asked:
    """A source as it was typed. A competition has no owner; `version` 0 is the newest; `file` may be empty."""

    owner: str
    name: str
    version: int
    file: str

    @property
    def source(self) -> str:
        """The name that means exactly this version."""
        at = f"@{self.version}" if self.version else ""
        return f"{PREFIX}{self.owner or _COMPETITION[0]}/{self.name}{at}" + (f"/{self.file}" if self.file else "")


def parse(source: str) -> Asked:
    """What a source asks for. Raises `DataError` when it is no name."""
    path = source.removeprefix(PREFIX)
    found = re.fullmatch(r"([^/@]+/[^/@]+)(?:@(\d{1,6}))?((?:/[^/]+?)*?)(?:@(\d{1,6}))?/?", path)
    parts = names_of(found[1] + found[3]) if found else []
    if found is None or not parts:
        step = "It is written kaggle:owner/dataset or kaggle:competition/NAME, a file of it with /FILE behind."
        raise DataError("This is no name of Kaggle", f"{safe(source)!r} is not written as one.", step)
    owner, name, version = parts[0], parts[1], int(found[2] or found[4] or 0)
    if owner in _COMPETITION:
        if version:
            raise DataError("Competitions have no versions", safe(source), "Leave out the @ and its number.")
        owner = ""
    return Asked(owner, name, version, "/".join(parts[2:]))


def handle_of(asked: Asked) -> Any:
    """The same for the library."""
    from kagglehub.handle import CompetitionHandle, DatasetHandle

    return (
        DatasetHandle(asked.owner, asked.name, asked.version or None) if asked.owner else CompetitionHandle(asked.name)
    )


def path_here(asked: Asked) -> Path | None:
    """Where it lies in the library's cache, or nothing when it was not fetched whole."""
    from kagglehub.cache import Cache

    cache, handle = Cache(), handle_of(asked)
    if found := cache.load_from_cache(handle, asked.file or None):
        return Path(found)
    if asked.file and (whole := cache.load_from_cache(handle)):
        inside = Path(whole) / asked.file
        return inside if inside.is_file() else None
    return None


def newest_here(asked: Asked) -> Asked | None:
    """The newest version in the cache."""
    from kagglehub.cache import Cache

    first = Path(Cache().get_path(handle_of(replace(asked, version=1))))
    numbers = [int(one.name) for one in first.parent.glob("*") if one.name.isdigit()]
    found = [replace(asked, version=number) for number in sorted(numbers, reverse=True)]
    return next((one for one in found if path_here(one)), None)


def forget(asked: Asked) -> None:
    """Remove a download that is not what it should be: else the library would take it for whole, for ever."""
    from kagglehub.cache import Cache

    cache, handle = Cache(), handle_of(asked)
    with suppress(OSError):
        Path(cache.get_path(handle, asked.file) if asked.file else cache.get_archive_path(handle)).unlink()

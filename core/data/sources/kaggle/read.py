"""A data set or a competition of Kaggle as a table: found, fetched with progress, read like any folder."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

from core.config import DataConfig
from core.data.sources.entry import Entry
from core.data.sources.kaggle.client import SERVICE, counted, impatient_client, talking
from core.data.sources.kaggle.names import Asked, forget, handle_of, newest_here, parse, path_here
from core.data.sources.remote import AGAIN_SECONDS, Memory, Unanswered, broken_off, date_of
from core.data.table import Decision, Table
from core.errors import DataError
from core.protocol import Progress, no_progress
from core.text import safe

_TRIES = 3
"""How often a download that breaks off is taken up again."""

_MEMORY: Memory[tuple[Asked, Decision]] = Memory()


def stamp(config: DataConfig) -> tuple[str, int, int]:
    """The version that the source means: when it is the same, so is the data. Raises `DataError` when it means none."""
    return _resolve(config.source)[0].source, 0, 0


def read_table(config: DataConfig, progress: Progress = no_progress) -> Table:
    """The data set as a table of text cells, its source pinned to the version. Raises `DataError`."""
    from core.data.sources.tree import read_entries

    progress(0, 0, "finding")
    asked, version = _resolve(config.source)
    name = safe(config.given or config.source)
    path = _fetch(asked, name, progress)
    if not asked.owner:
        when = date_of(path)
        version = Decision("version", "none", f"competitions have none: these are the files fetched on {when}")
    table = read_entries(_entries(path), config, name, asked.source, progress, (version,))
    return replace(table, source=asked.source)


def _entries(path: Path) -> list[Entry]:
    if path.is_file():
        return [Entry(path.name, path.stat().st_size, path.read_bytes)]
    files = sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
    return [Entry(one.relative_to(path).as_posix(), one.stat().st_size, one.read_bytes) for one in files]


def _resolve(source: str) -> tuple[Asked, Decision]:
    """What a source means, and the decision about its version. Raises `DataError`."""
    if found := _MEMORY.get(source):
        return found
    asked, holds = parse(source), {}
    if not asked.owner:
        found = asked, Decision("version", "none", "competitions have none")
    elif asked.version:
        found = asked, Decision("version", str(asked.version), "as asked")
    else:
        try:
            newest = _newest(asked, safe(source))
            found = newest, Decision("version", str(newest.version), "the newest; the source is pinned to it")
        except Unanswered as silent:
            here = newest_here(asked)
            if here is None:
                raise silent.error from None
            when = f"{silent.why}: the version fetched on {date_of(path_here(here) or Path())}"
            found, holds = (here, Decision("version", str(here.version), when)), {"seconds": AGAIN_SECONDS}
    _MEMORY.put(source, found, **holds)
    return found


def _newest(asked: Asked, name: str) -> Asked:
    """The version that Kaggle has now. Raises `DataError`, and `Unanswered`."""
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = asked.owner, asked.name
    with talking(asked, name), impatient_client() as client:
        from kagglehub.exceptions import handle_call

        found = handle_call(lambda: client.datasets.dataset_api_client.get_dataset(request), handle_of(asked))
        return replace(asked, version=int(found.current_version_number))


def _fetch(asked: Asked, name: str, progress: Progress) -> Path:
    """Where the data lies, once it is here. Raises `DataError`; a download that broke off goes on the next time."""
    if here := path_here(asked):
        return here
    from kagglehub import registry
    from kagglehub.exceptions import DataCorruptionError
    from requests.exceptions import ChunkedEncodingError

    resolver = registry.dataset_resolver if asked.owner else registry.competition_resolver
    for tries_left in reversed(range(_TRIES)):
        try:
            with talking(asked, name), counted(progress):
                return Path(resolver(handle_of(asked), asked.file or None)[0])
        except Unanswered as silent:
            raise silent.error from None
        except ChunkedEncodingError:
            if not tries_left:
                raise broken_off(SERVICE, name) from None
        except (DataCorruptionError, zipfile.BadZipFile, ValueError):
            forget(asked)
            if not tries_left:
                step = "Try again; if it stays so, its owner has to mend it."
                raise DataError(
                    "The download came damaged", f"{name}: what {SERVICE} sent is no archive.", step
                ) from None
    raise AssertionError  # the last try returns or raises

"""A data set of the Hub as a table: found, fetched with progress, read like any source of several files."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.config import DataConfig
from core.data.sources.entry import Entry
from core.data.sources.hub.client import SERVICE, TIMEOUT_SECONDS, bar_class, missing, talking
from core.data.sources.hub.files import choose, choose_tables
from core.data.sources.hub.labels import (
    card_features,
    card_kinds,
    card_labels,
    file_columns,
    named,
    require_text,
    without_hidden,
)
from core.data.sources.hub.plan import Asked, File, Plan, local_path, parse, remember, remembered
from core.data.sources.remote import AGAIN_SECONDS, Counter, Memory, Unanswered, broken_off, today
from core.data.table import Decision, Table
from core.errors import DataError
from core.protocol import Progress, no_progress
from core.text import safe

_CONVERTED = "refs/convert/parquet"
"""Where the Hub itself keeps Parquet files made of data sets that come as something else."""
_ABANDONED_SECONDS = 3600.0

_MEMORY: Memory[tuple[Plan, Decision]] = Memory()


def stamp(config: DataConfig) -> tuple[str, int, int]:
    """The commit that the source means: when it is the same, so is the data. Raises `DataError` when it means none."""
    return _resolve(config.source)[0].source, 0, 0


def read_table(config: DataConfig, progress: Progress = no_progress) -> Table:
    """The data set as a table of text cells, its source pinned to the commit. Raises `DataError`."""
    from core.data.sources.tree import read_entries

    progress(0, 0, "finding")
    plan, commit = _resolve(config.source)
    name = safe(config.given or config.source)
    paths = _fetch(plan, name, progress)
    kinds, classes = file_columns(paths[0]) if paths[0].suffix in (".parquet", ".pq") else ({}, set())
    require_text(kinds, name)
    entries = [
        Entry(one.path, one.size, path.read_bytes, one.part) for one, path in zip(plan.files, paths, strict=True)
    ]
    table = read_entries(entries, config, name, plan.source, progress, (commit, *plan.said))
    table = named(table, {column: names for column, names in plan.labels.items() if column not in classes})
    return without_hidden(replace(table, source=plan.source), {*classes, *plan.labels})


def _resolve(source: str) -> tuple[Plan, Decision]:
    """What a source means, and the decision about its commit. Raises `DataError`."""
    if found := _MEMORY.get(source):
        return found
    asked, holds = parse(source), {}
    known = remembered(asked) if asked.pinned else None
    if known:
        found = known, Decision("commit", known.commit[:12], "as asked")
    else:
        try:
            plan = _ask(asked, source)
            newest = "as asked" if asked.revision else "the newest; the source is pinned to it"
            found = plan, Decision("commit", plan.commit[:12], newest)
        except Unanswered as silent:
            known = remembered(asked)
            if known is None:
                raise silent.error from None
            found = known, Decision("commit", known.commit[:12], f"{silent.why}: the commit fetched on {known.fetched}")
            holds = {"seconds": AGAIN_SECONDS}
    _MEMORY.put(source, found, **holds)
    return found


def _ask(asked: Asked, source: str) -> Plan:
    """What the Hub says that a name means. Raises `DataError`, and `Unanswered`."""
    from huggingface_hub import HfApi, errors

    api, name = HfApi(), safe(source)
    for repository, wanted in asked.candidates:
        with talking(name, repository):
            try:
                info = _info(api, repository, asked.revision)
            except errors.GatedRepoError:
                raise
            except (errors.RepositoryNotFoundError, errors.HFValidationError):
                continue
            except errors.RevisionNotFoundError:
                raise _no_revision(api, repository, asked.revision) from None
            except errors.HfHubHTTPError as refused:
                if refused.response.status_code == 401:
                    continue
                raise
            return _planned(api, info, wanted, asked, source)
    raise missing(name)


def _info(api: Any, repository: str, revision: str) -> Any:
    return api.dataset_info(repository, revision=revision or None, files_metadata=True, timeout=TIMEOUT_SECONDS)


def _no_revision(api: Any, repository: str, revision: str) -> DataError:
    refs = api.list_repo_refs(repository, repo_type="dataset")
    known = [one.name for one in (*refs.branches, *refs.tags)][:12]
    what = f"{safe(repository)} has {', '.join(map(safe, known))}."
    return DataError(f"There is no revision {safe(revision)!r}", what, "Name one of them, or a commit of 40 digits.")


def _planned(api: Any, info: Any, wanted: str, asked: Asked, source: str) -> Plan:
    """The files of a repository that make up what was asked for. Raises `DataError` when none do."""
    from huggingface_hub import errors

    card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}
    base = f"hub:{info.id}"
    name = f"{base}/{wanted}" if wanted else base
    files, commit, said = _files(info), str(info.sha), []
    choice = choose(files, card, wanted, safe(name))
    if choice is None and asked.revision in ("", "main"):
        with suppress(errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError):
            converted = _info(api, info.id, _CONVERTED)
            choice, commit = choose(_files(converted), {}, wanted, safe(name)), str(converted.sha)
            said = [Decision("files", "Parquet", "as the Hub converted them, for the data set holds none")]
    if choice is None:
        choice, commit, said = choose_tables(files, wanted, safe(name)), str(info.sha), []
    if choice is None:
        raise _no_tables(files, safe(name))
    features = card_features(card, choice.configuration)
    require_text(card_kinds(features), safe(name))
    return Plan(
        repository=str(info.id),
        configuration=choice.configuration,
        commit=commit,
        asked=source,
        fetched=today(),
        only=choice.only,
        files=choice.files,
        labels=card_labels(features),
        said=(*said, *choice.said),
    )


def _files(info: Any) -> list[File]:
    return [File(str(one.rfilename), int(one.size or 0)) for one in info.siblings or ()]


def _no_tables(files: list[File], name: str) -> DataError:
    if any(one.path.endswith(".py") and "/" not in one.path for one in files):
        what = f"{name} holds a loading script and no tables, and no code of a data set is run here."
        return DataError("This data set is a program", what, "Run it elsewhere, save a table, and open that.")
    ends = sorted({Path(one.path).suffix or one.path for one in files})[:8]
    what = f"{name} holds {', '.join(map(safe, ends)) or 'nothing'}."
    return DataError("There is no table in this data set", what, "Choose one with Parquet, CSV or JSON files.")


def _fetch(plan: Plan, name: str, progress: Progress) -> list[Path]:
    """Where the files of `plan` lie, once all are here. Raises `DataError`; what is here by then is kept."""
    found = [local_path(plan, one) for one in plan.files]
    if None in found:
        counter = Counter(progress)
        counter.expect(sum(one.size for one in plan.files))
        for one, path in zip(plan.files, found, strict=True):
            if path is None:
                _download(plan, one, name, counter)
            else:
                counter.add(one.size)
        found = [local_path(plan, one) for one in plan.files]
    paths = [path for path in found if path is not None]
    if len(paths) < len(found):
        raise broken_off(SERVICE, name)
    remember(plan)
    return paths


def _download(plan: Plan, file: File, name: str, counter: Counter) -> None:
    """Fetch one file into the Hub's cache, where it appears only once it is whole."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    # One that lies there with another size than the Hub says was damaged since.
    there = try_to_load_from_cache(plan.repository, file.path, repo_type="dataset", revision=plan.commit)
    try:
        with talking(name, plan.repository):
            path = hf_hub_download(
                plan.repository,
                file.path,
                repo_type="dataset",
                revision=plan.commit,
                tqdm_class=bar_class(counter),
                force_download=isinstance(there, str),
            )
    except Unanswered as silent:
        raise silent.error from None
    _sweep(Path(path))


def _sweep(file: Path) -> None:
    """Remove what killed downloads of this repository left behind: nobody else ever does."""
    for left in file.resolve().parent.glob("*.incomplete"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()

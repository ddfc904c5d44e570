"""What a name of the Hub was found to mean: the commit, its files, their parts. Kept once all files are here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.data.sources.remote import names_of
from core.data.table import Decision
from core.errors import DataError
from core.runs.atomic import write_file
from core.text import safe

PREFIX = "hub:"
DEFAULT = "default"
"""The configuration of a data set that has only one and gives it no name."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A source as it was typed: `hub:a/b/c@main` -> path `a/b/c`, revision `main`."""

    path: str
    revision: str

    @property
    def pinned(self) -> bool:
        """Whether it names one commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None

    @property
    def candidates(self) -> list[tuple[str, str]]:
        """(repository, configuration) in the order they are tried: `a/b` can be `b` of `a`, or configuration `b`."""
        first, *rest = self.path.split("/")
        found = [(f"{first}/{rest[0]}", "/".join(rest[1:]))] if rest else []
        return [*found, (first, "/".join(rest))] if len(rest) < 2 else found


@dataclass(frozen=True, slots=True)
class File:
    """A file of the repository: its path there, its bytes (0: not told), and the part it is (or empty)."""

    path: str
    size: int
    part: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which files of which commit make up the data."""

    repository: str
    configuration: str
    commit: str
    asked: str
    """The source it was found for."""
    fetched: str
    """When, as decisions write it."""
    only: bool
    """Whether the commit holds no other configuration: then its name says nothing."""
    files: tuple[File, ...]
    labels: dict[str, tuple[str, ...]]
    """Class names of columns with whole numbers, as the card says them."""
    said: tuple[Decision, ...] = ()

    @property
    def source(self) -> str:
        """The name that means exactly this, for ever."""
        inside = "" if self.only and self.configuration == DEFAULT else f"/{self.configuration}"
        return f"{PREFIX}{self.repository}{inside}@{self.commit}"

    def answers(self, asked: Asked) -> bool:
        """Whether it is what `asked` means, or meant when it was fetched.

        A name with a commit means one configuration of it, whatever a shorter name has meant; a plain name is answered
        by no branch.
        """
        whole = f"{PREFIX}{asked.path}@{asked.revision}"
        if asked.pinned:
            return whole in (self.source, self.asked)
        if asked.revision:
            return whole == self.asked
        return "@" not in self.asked and asked.path in (
            self.asked.removeprefix(PREFIX),
            self.source.removeprefix(PREFIX).partition("@")[0],
        )


def parse(source: str) -> Asked:
    """What a source asks for. Raises `DataError` when it is no name."""
    path, at, revision = source.removeprefix(PREFIX).partition("@")
    parts = names_of(path)
    if not parts or (at and not revision) or safe(revision) != revision or ".." in revision:
        what = f"{safe(source)!r} is not written as one."
        raise DataError("This is no name of the Hub", what, "It is written hub:owner/name or hub:owner/name/CONFIG.")
    return Asked("/".join(parts), revision)


def remember(plan: Plan) -> None:
    """Keep `plan` for later processes and for times without a network: all its files are here."""
    known = hashlib.sha256(f"{plan.configuration}\n{plan.asked}".encode()).hexdigest()[:12]
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a later reader only a request
        name = f"{plan.repository.replace('/', '--')}-{plan.commit[:12]}-{known}.json"
        write_file(_folder() / name, json.dumps(asdict(plan), ensure_ascii=True, indent=1))


def remembered(asked: Asked) -> Plan | None:
    """The newest plan that answers `asked` and whose files are all here."""
    found = [plan for plan in map(_load, _folder().glob("*.json")) if plan and plan.answers(asked)]
    found.sort(key=lambda one: one.fetched, reverse=True)
    return next((plan for plan in found if is_here(plan)), None)


def is_here(plan: Plan) -> bool:
    """Whether every file is in the Hub's cache, whole."""
    return all(local_path(plan, one) is not None for one in plan.files)


def local_path(plan: Plan, file: File) -> Path | None:
    """Where a file lies in the Hub's cache, or nothing when it is not there or not whole."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(plan.repository, file.path, repo_type="dataset", revision=plan.commit)
    if not isinstance(found, str):
        return None
    path = Path(found)
    return path if path.stat().st_size == (file.size or path.stat().st_size) else None


def _folder() -> Path:
    """Ours beside the Hub's cache, where its library keeps a place for others."""
    from huggingface_hub import cached_assets_path, constants

    return cached_assets_path("finetui", "datasets", "plans", assets_dir=constants.HF_ASSETS_CACHE)


def _load(path: Path) -> Plan | None:
    try:
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        plan = Plan(**tree)
        files = tuple(File(**one) for one in tree["files"])
        labels = {str(key): tuple(map(str, names)) for key, names in tree["labels"].items()}
        said = tuple(Decision(**one) for one in tree["said"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # an older or broken note: it is made anew
    return replace(plan, files=files, labels=labels, said=said)

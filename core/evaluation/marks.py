"""Fingerprints of the rows a run was scored on: scores compare where these are equal, and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import RunError
from core.evaluation.metrics import Ints
from core.runs.run import Run
from core.runs.store import TRASH
from core.training.events import TestScored

if TYPE_CHECKING:
    from core.data.dataset import Dataset


def mark_of(dataset: Dataset, rows: Ints) -> str:
    """A fingerprint of these rows: equal marks mean the same sentences with the same labels, in whatever order."""
    found = hashlib.sha256()
    for key in sorted(f"{dataset.texts[row]}\0{dataset.label_names[dataset.labels[row]]}" for row in rows):
        found.update(key.encode("utf-8", errors="surrogatepass") + b"\0")
    return found.hexdigest()


def runs_scored_on(run: Run, mark: str) -> int:
    """How many other runs beside this one were scored on the test rows of that mark: those in the trash too.

    What counts is the fact in the log, for a run that failed afterwards has looked as well. A run that cannot be read
    is passed over.
    """
    return sum(_was_scored_on(other, mark) for other in others(run))


def others(run: Run) -> Iterator[Run]:
    """Every run beside this one in its runs folder and in the trash there; folders that are none of ours too."""
    for folder in (run.path.parent, run.path.parent / TRASH):
        paths: list[Path] = []
        with suppress(OSError):
            paths = list(folder.iterdir())
        yield from (Run(path) for path in paths if path != run.path)


def _was_scored_on(other: Run, mark: str) -> bool:
    try:
        if other.read_json("data.json").get("test_mark") != mark:
            return False
        return any(isinstance(fact, TestScored) for _, _, fact in other.raw_records())
    except (RunError, OSError):
        return False

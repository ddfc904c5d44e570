"""What needs more than a glance at the data: each check by its name, one at a time, with progress.

lengths           tokens per text under the base model's own tokenizer, and how many a maximum length would cut
near-duplicates   texts that are nearly the same
pieces            rows cut from one text, and the column that tells which
leaks             held-out rows that training has seen
baseline          what "always the largest class" and TF-IDF with logistic regression score on this split
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from core.config import RunConfig
from core.data.dataset import Loaded
from core.data.health.finding import Finding
from core.data.table import Ints
from core.errors import DataError
from core.protocol import Progress
from core.text import safe


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check found: lines of the health report, and figures as plain JSON types."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


Check = Callable[[Loaded, RunConfig, Progress], Examined]


CHECKS = {
    "lengths": "core.data.health.lengths",
    "near-duplicates": "core.data.health.near",
    "pieces": "core.data.health.pieces",
    "leaks": "core.data.health.leaks",
    "baseline": "core.data.health.baseline",
}
"""Each check and its module, whose `check` is loaded only when called: every one needs another library."""


def examine(name: str, loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """Run one check. Raises `DataError` for an unknown one, and `Cancelled` through `progress`."""
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, n=1)
        step = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(CHECKS)}"
        raise DataError(f"There is no check {safe(name)!r}", next_step=step)
    if len(loaded.dataset.texts) == 0:
        return Examined()
    check: Check = import_module(CHECKS[name]).check
    return check(loaded, config, progress)


def evenly(count: int, most: int) -> Ints:
    """Positions of at most `most` out of `count` rows, in order and evenly spread: a sample that needs no seed."""
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.linspace(0, count - 1, most).astype(np.int64)

"""Rare classes, and the largest beside the smallest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.data.dataset import Loaded
from core.data.health.finding import Finding, many, quoted, rows_of
from core.data.table import Ints

RARE = 10
"""A class with fewer rows than this is called rare."""

MUCH = 0.05
"""From this share of the rows on, rare classes are merged rather than dropped."""


def balance(loaded: Loaded) -> Iterator[Finding]:
    """Rare classes, and the largest beside the smallest."""
    names = loaded.dataset.label_names
    counts = np.bincount(loaded.dataset.labels, minlength=len(names))
    if len(names) < 2:
        return
    rare = [code for code in range(len(names)) if counts[code] < RARE]
    if 0 < len(rare) <= 3:
        for code in rare:
            rows = rows_of(loaded, [code])
            level = "bad" if len(rows) < 3 else "warn"
            text = f"{quoted(names[code])} has {many(len(rows), 'row')}"
            yield Finding(level, f"rare:{names[code]}", text, len(rows), f"drop-class:{names[code]}", kept=rows)
    elif rare:
        rows = rows_of(loaded, rare)
        level = "bad" if min(counts[code] for code in rare) < 3 else "warn"
        text = f"{len(rare)} classes have fewer than {RARE} rows"
        yield Finding(level, "rare", text, len(rows), _cure(len(rows), len(rare), counts), kept=rows)
    else:
        yield Finding("ok", "rare", f"every class has {many(int(counts.min()), 'row')} or more", 0)
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    ratio = counts[largest] / counts[smallest]
    if ratio >= 10:
        rows = rows_of(loaded, [smallest])
        text = f"{quoted(names[largest])} has {ratio:.0f} times the rows of {quoted(names[smallest])}"
        settings: dict[str, object] = {"training.class_weights": "balanced"}
        yield Finding("warn", "imbalance", text, len(rows), settings=settings, kept=rows)


def _cure(rows: int, classes: int, counts: Ints) -> str:
    """Many rare classes together may be too much to lose; where every class is rare, no rule helps."""
    if classes == len(counts):
        return ""
    return f"merge-rare:{RARE}=other" if rows >= max(MUCH * counts.sum(), RARE) else f"drop-rare:{RARE}"

"""Equal texts, under one label or under several."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.data.cures.rows import conflicting, distinct, first_of_each, voted
from core.data.dataset import Loaded
from core.data.health.finding import Finding, many


def copies(loaded: Loaded) -> Iterator[Finding]:
    """Equal texts, under one label or under several."""
    dataset = loaded.dataset
    if not dataset.texts:
        return
    both = dataset.keys * len(dataset.label_names) + dataset.labels
    copies = np.flatnonzero(~first_of_each(both)).astype(np.int64)
    if len(copies):
        text = f"{many(len(copies), 'exact duplicate')} (case and spaces aside)"
        yield Finding("warn", "duplicates", text, len(copies), "drop-duplicates", kept=copies)
    else:
        yield Finding("ok", "duplicates", "no exact duplicates", 0)
    clash = np.flatnonzero(conflicting(dataset.keys, dataset.labels)).astype(np.int64)
    if len(clash):
        texts = len(distinct(dataset.keys[clash])[0])
        text = f"{many(texts, 'text')} under several labels ({many(len(clash), 'row')})"
        votes = voted(dataset.keys[clash], dataset.labels[clash])
        cure = "conflicts-majority" if (votes >= 0).any() else "drop-conflicts"
        yield Finding("warn", "conflicts", text, len(clash), cure, kept=clash)
    else:
        yield Finding("ok", "conflicts", "no text under two labels", 0)

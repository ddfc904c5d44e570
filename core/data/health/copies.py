"""Equal texts, under one label or under several."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.data.cures.rows import conflicting, distinct, later_copies, voted
from core.data.dataset import Dataset, Loaded
from core.data.health.finding import Finding, many
from core.data.table import PARTS, Ints


def copies(loaded: Loaded) -> Iterator[Finding]:
    """Equal texts, under one label or under several."""
    dataset = loaded.dataset
    if not dataset.texts:
        return
    both = dataset.keys * len(dataset.label_names) + dataset.labels
    parts = np.zeros(len(both), dtype=np.int64) if dataset.parts is None else dataset.parts.astype(np.int64)
    copies = np.flatnonzero(later_copies(both, parts)).astype(np.int64)
    if len(copies):
        text = f"{many(len(copies), 'exact duplicate')} (case and spaces aside)"
        yield Finding("warn", "duplicates", text, len(copies), "drop-duplicates", kept=copies)
    else:
        yield Finding("ok", "duplicates", "no exact duplicates", 0)
    clash = np.flatnonzero(conflicting(dataset.keys, dataset.labels)).astype(np.int64)
    if len(clash):
        texts = len(distinct(dataset.keys[clash])[0])
        text = f"{many(texts, 'text')} under several labels ({many(len(clash), 'row')})"
        cure = "conflicts-majority" if _settled(dataset, clash) else "drop-conflicts"
        yield Finding("warn", "conflicts", text, len(clash), cure, kept=clash)
    else:
        yield Finding("ok", "conflicts", "no text under two labels", 0)


def _settled(dataset: Dataset, clash: Ints) -> bool:
    """Whether a vote would change a label; of given parts only the training rows have one."""
    voters = clash if dataset.parts is None else clash[dataset.parts[clash] == PARTS.index("train")]
    labels = dataset.labels[voters]
    winners = voted(dataset.keys[voters], labels)
    return bool(((winners >= 0) & (winners != labels)).any())

"""Rows dealt into train, validation and the locked test part.

Copies of one text, and rows of one group, form a cluster, and clusters never break: what was trained on is never
validated or tested on. Seeded through numpy's `RandomState`, whose stream is frozen, so every machine deals the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.config import SplitConfig
from core.data.cures.rows import distinct
from core.data.dataset import Dataset
from core.data.split.trainable import check_trainable
from core.data.table import Ints
from core.errors import DataError
from core.text import safe

TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions in the data set, sorted, no row twice. `test` may be empty."""

    train: Ints
    validation: Ints
    test: Ints
    method: str = "stratified"
    reason: str = ""
    """Why it was dealt so, and what is to be known about it."""
    left_out: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Rows in no part: copies of held-out rows of a split that was used again."""


def split_rows(dataset: Dataset, config: SplitConfig) -> Split:
    """Deal the rows of `dataset`, class shares kept as far as clusters allow. Raises `DataError` when it cannot be."""
    check_trainable(dataset, config)
    if not config.keep_duplicates_together and dataset.groups is None:
        return _as_published(dataset, config)
    clusters = _clusters(dataset, config.keep_duplicates_together)
    part = _Dealer(dataset, clusters, config).deal()[clusters]
    train, validation, test = (np.flatnonzero(part == one).astype(np.int64) for one in (TRAIN, VALIDATION, TEST))
    return Split(train, validation, test)


def _as_published(dataset: Dataset, config: SplitConfig) -> Split:
    """scikit-learn's stratified split over codes by first appearance, row for row as write-ups use it."""
    from sklearn.model_selection import train_test_split

    codes, _ = pd.factorize(dataset.labels)
    rows = np.arange(len(codes), dtype=np.int64)
    test = rows[:0]
    try:
        size: float | int = config.validation
        if config.test > 0:
            rows, test = train_test_split(rows, test_size=config.test, random_state=config.seed, stratify=codes)
            size = max(round(len(codes) * config.validation), 1)
        train, validation = train_test_split(rows, test_size=size, random_state=config.seed, stratify=codes[rows])
    except ValueError as broken:
        step = "Take larger fractions, or keep duplicates together."
        raise DataError("These rows cannot be split", str(broken), step) from None
    return Split(np.sort(train), np.sort(validation), np.sort(test))


def _clusters(dataset: Dataset, by_text: bool) -> Ints:
    """A cluster number per row, 0 … n-1: rows with the same text or the same group are in one."""
    keys = dataset.keys if by_text else np.arange(len(dataset.texts), dtype=np.int64)
    if dataset.group_keys is not None:
        from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
        from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

        groups = dataset.group_keys + int(keys.max()) + 1
        size = int(groups.max()) + 1
        graph = coo_matrix((np.ones(len(keys), dtype=np.int8), (keys, groups)), shape=(size, size))
        keys = connected_components(graph, directed=False)[1].astype(np.int64)[keys]
    # By first appearance, so that the numbers depend on nothing but the rows.
    return pd.factorize(keys)[0].astype(np.int64)


class _Dealer:
    """Deals clusters to parts: mixed ones (several classes) one by one, pure ones class by class at once."""

    def __init__(self, dataset: Dataset, clusters: Ints, config: SplitConfig) -> None:
        self._names = dataset.label_names
        self._classes = len(self._names)
        count = int(clusters.max()) + 1
        pairs, self._size = distinct(clusters * self._classes + dataset.labels)
        self._cluster, self._label = pairs // self._classes, pairs % self._classes
        self._kinds = np.bincount(self._cluster, minlength=count)
        self._random = np.random.RandomState(config.seed)
        self._parts = (TRAIN, VALIDATION, TEST) if config.test > 0 else (TRAIN, VALIDATION)
        self._targets = _targets(np.bincount(dataset.labels, minlength=self._classes), config)
        self._filled = np.zeros_like(self._targets)
        self._part = np.full(count, TRAIN, dtype=np.int64)

    def deal(self) -> Ints:
        """The part of each cluster, shape `[clusters]`. Raises `DataError` when a class cannot be in every part."""
        self._deal_mixed()
        for label in range(self._classes):
            self._deal_pure(label)
        for part in self._parts:
            for label in range(self._classes):
                if len(self._holding(part, label)) == 0:
                    self._bring(part, label)
        return self._part

    def _deal_mixed(self) -> None:
        """Largest first, each to where it brings the class counts nearest to their targets."""
        mixed = np.flatnonzero(self._kinds[self._cluster] > 1)
        if len(mixed) == 0:
            return
        numbers, starts = np.unique(self._cluster[mixed], return_index=True)
        ends = np.append(starts[1:], len(mixed))
        order = self._random.permutation(len(numbers))
        weight = np.add.reduceat(self._size[mixed], starts)
        order = order[np.argsort(-weight[order], kind="stable")]
        scale = 1.0 / np.maximum(self._targets.sum(axis=0), 1)
        for at in order:
            which = mixed[starts[at] : ends[at]]
            labels, sizes = self._label[which], self._size[which]
            excess = self._filled[:, labels] - self._targets[:, labels]
            cost = ((2 * excess + sizes) * sizes * scale[labels]).sum(axis=1)
            part = min(self._parts, key=lambda one: float(cost[one]))
            self._part[numbers[at]] = part
            self._filled[part, labels] += sizes

    def _deal_pure(self, label: int) -> None:
        """Test, then validation, filled to their targets in random order; clusters too big for them stay in train."""
        which = np.flatnonzero((self._label == label) & (self._kinds[self._cluster] == 1))
        which = which[self._random.permutation(len(which))]
        for part in self._parts[:0:-1]:
            wanted = int(self._targets[part, label] - self._filled[part, label])
            if wanted <= 0:
                continue
            fits = which[self._size[which] <= max(wanted // 4, 1)]
            taken = fits[: int(np.searchsorted(np.cumsum(self._size[fits]), wanted, side="right"))]
            self._part[self._cluster[taken]] = part
            self._filled[part, label] += self._size[taken].sum()
            which = which[~np.isin(which, taken)]

    def _holding(self, part: int, label: int) -> Ints:
        """The (cluster, label) pairs of this label in this part."""
        found: Ints = np.flatnonzero((self._label == label) & (self._part[self._cluster] == part))
        return found

    def _bring(self, part: int, label: int) -> None:
        """Move the smallest cluster that holds `label` into `part`, from where nothing goes missing by that."""
        pairs = np.flatnonzero(self._label == label)
        for pair in pairs[np.argsort(self._kinds[self._cluster[pairs]] * 10**9 + self._size[pairs], kind="stable")]:
            cluster = int(self._cluster[pair])
            others = self._label[self._cluster == cluster]
            here = int(self._part[cluster])
            if here != part and all(len(self._holding(here, int(one))) > 1 for one in others):
                self._part[cluster] = part
                return
        raise DataError(
            "This class cannot be in every part",
            f"The rows of {safe(self._names[label])!r} hang together with other classes through equal texts or groups.",
            "--cure drop-conflicts, or split without the group column.",
        )


def _targets(counts: Ints, config: SplitConfig) -> Ints:
    """Rows wanted per part and class, shape `[3, classes]`; every part of a class gets one at least."""
    wanted = np.zeros((3, len(counts)), dtype=np.int64)
    for part, fraction in ((VALIDATION, config.validation), (TEST, config.test)):
        if fraction > 0:
            exact = counts * fraction
            floor = np.floor(exact).astype(np.int64)
            missing = round(float(counts.sum() * fraction)) - int(floor.sum())
            # Largest remainders; equal ones by the order of the classes.
            floor[np.argsort(-(exact - floor), kind="stable")[: max(missing, 0)]] += 1
            wanted[part] = np.maximum(floor, 1)
    wanted[TRAIN] = counts - wanted[VALIDATION] - wanted[TEST]
    return wanted

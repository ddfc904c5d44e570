"""Clusters of rows dealt to parts, class shares kept as far as clusters allow.

Copies of one text, and rows of one group, form a cluster, and clusters never break: what was trained on is never
validated or tested on. Seeded through numpy's `RandomState`, whose stream is frozen, so every machine deals the same.
"""

from __future__ import annotations

import heapq

import numpy as np

from core.data.cures.rows import distinct
from core.data.split.parts import TEST, TRAIN, VALIDATION
from core.data.table import Ints
from core.errors import DataError
from core.text import safe


def shares(labels: Ints, classes: int, validation: float, test: float) -> Ints:
    """Rows wanted per part and class, shape `[3, classes]`; a part with a fraction gets one of every class at least."""
    counts = np.bincount(labels, minlength=classes)
    wanted = np.zeros((3, classes), dtype=np.int64)
    for part, fraction in ((VALIDATION, validation), (TEST, test)):
        if fraction > 0:
            exact = counts * fraction
            floor = np.floor(exact).astype(np.int64)
            missing = round(float(counts.sum() * fraction)) - int(floor.sum())
            # Largest remainders; equal ones by the order of the classes.
            floor[np.argsort(-(exact - floor), kind="stable")[: max(missing, 0)]] += 1
            wanted[part] = np.where(counts > 0, np.maximum(floor, 1), 0)
    wanted[TRAIN] = counts - wanted[VALIDATION] - wanted[TEST]
    return wanted


def even(labels: Ints, classes: int, parts: int) -> Ints:
    """The same for `parts` equal ones, shape `[parts, classes]`."""
    counts = np.bincount(labels, minlength=classes)
    return (counts + np.arange(parts)[:, None]) // parts


class Dealer:
    """Deals clusters to parts: mixed ones (several classes) one by one, pure ones class by class at once.

    `labels` and `clusters` hold a code per row; `wanted` the rows of each class that each part should get, shape
    `[parts, classes]`. Parts that want nothing get nothing.
    """

    def __init__(self, labels: Ints, clusters: Ints, wanted: Ints, seed: int, names: tuple[str, ...]) -> None:
        self._names = names
        self._wanted = wanted
        self._parts = [part for part in range(len(wanted)) if part == TRAIN or wanted[part].any()]
        self._random = np.random.RandomState(seed)
        classes, count = wanted.shape[1], int(clusters.max()) + 1
        pairs, self._size = distinct(clusters * classes + labels)  # the (cluster, label) pairs that occur
        self._cluster, self._label = pairs // classes, pairs % classes
        self._kinds = np.bincount(self._cluster, minlength=count)
        self._starts = np.concatenate(([0], np.cumsum(self._kinds)))
        order = np.argsort(self._label, kind="stable")
        self._of_label = np.split(order, np.cumsum(np.bincount(self._label, minlength=classes))[:-1])
        self._filled = np.zeros_like(wanted)
        self._part = np.full(count, TRAIN, dtype=np.int64)
        self._rows = clusters

    def deal(self, needing: tuple[int, ...] | None = None, spare: int = 0) -> Ints:
        """The part of each row. What does not fit elsewhere goes to part 0.

        The parts `needing` every class (all of them when not told) get it or a `DataError` is raised; the others get it
        where it can be. `spare` is how many clusters of a class stay in part 0 at least.
        """
        self._deal_mixed()
        for label in range(len(self._of_label)):
            self._fill(label, spare)
        return self._finished(tuple(self._parts) if needing is None else needing)

    def deal_evenly(self) -> Ints:
        """The part of each row, all parts alike. Raises `DataError` when a class cannot be in every part."""
        self._deal_mixed()
        for label in range(len(self._of_label)):
            self._spread(label)
        return self._finished(tuple(self._parts))

    def _deal_mixed(self) -> None:
        """Largest first, each to where it brings the class counts nearest to what is wanted, by chi-square.

        Relative to what a part wants, for otherwise the largest would draw every cluster until the pure ones come.
        """
        numbers = np.flatnonzero(self._kinds > 1)
        if len(numbers) == 0:
            return
        order = self._random.permutation(len(numbers))
        weight = np.add.reduceat(self._size, self._starts[:-1])[numbers]
        order = order[np.argsort(-weight[order], kind="stable")]
        weights = (1.0 / np.maximum(self._wanted, 1)).tolist()
        excess = (self._filled - self._wanted).tolist()
        # Plain numbers: an array operation on the two or three classes of one cluster costs ten times this loop.
        labels, sizes, starts = self._label.tolist(), self._size.tolist(), self._starts.tolist()
        for cluster in numbers[order].tolist():
            span = range(starts[cluster], starts[cluster + 1])
            best, least = TRAIN, float("inf")
            for part in self._parts:
                over, scale, cost = excess[part], weights[part], 0.0
                for pair in span:
                    cost += (2 * over[labels[pair]] + sizes[pair]) * sizes[pair] * scale[labels[pair]]
                if cost < least:
                    best, least = part, cost
            self._part[cluster] = best
            for pair in span:
                excess[best][labels[pair]] += sizes[pair]
        self._filled = np.array(excess, dtype=np.int64) + self._wanted

    def _pure(self, label: int) -> Ints:
        """The pairs of clusters that hold this class only, in random order."""
        pairs: Ints = self._of_label[label]
        pairs = pairs[self._kinds[self._cluster[pairs]] == 1]
        order: Ints = pairs[self._random.permutation(len(pairs))]
        return order

    def _fill(self, label: int, spare: int) -> None:
        """The last part first, each to what it wants: small clusters first, then whatever brings it nearer to that."""
        pairs = self._pure(label)
        for part in self._parts[:0:-1]:
            wanted = int(self._wanted[part, label] - self._filled[part, label])
            if wanted <= 0:
                continue
            fits = pairs[self._size[pairs] <= max(wanted // 4, 1)]
            taken = fits[: int(np.searchsorted(np.cumsum(self._size[fits]), wanted, side="right"))]
            missing = wanted - int(self._size[taken].sum())
            taken = np.concatenate((taken, self._nearer(pairs[~np.isin(pairs, taken)], missing)))
            if spare:
                taken = taken[: max(len(pairs) - spare, 1)]
            self._part[self._cluster[taken]] = part
            self._filled[part, label] += self._size[taken].sum()
            pairs = pairs[~np.isin(pairs, taken)]

    def _nearer(self, pairs: Ints, missing: int) -> Ints:
        """Of these, in their order, each one with which fewer rows are missing (or too many) than without."""
        found = []
        for pair in pairs[self._size[pairs] < 2 * missing].tolist():
            if missing <= 0:
                break
            size = int(self._size[pair])
            if abs(missing - size) < missing:
                found.append(pair)
                missing -= size
        return np.array(found, dtype=np.int64)

    def _spread(self, label: int) -> None:
        """Largest first, each to the part with the fewest rows of the class so far, then with the fewest rows."""
        pairs = self._pure(label)
        pairs = pairs[np.argsort(-self._size[pairs], kind="stable")]
        heap = [(int(self._filled[part, label]), int(self._filled[part].sum()), part) for part in self._parts]
        heapq.heapify(heap)
        parts = []
        for size in self._size[pairs].tolist():
            here, total, part = heap[0]
            parts.append(part)
            heapq.heapreplace(heap, (here + size, total + size, part))
        self._part[self._cluster[pairs]] = parts
        for here, _, part in heap:
            self._filled[part, label] = here

    def _finished(self, needing: tuple[int, ...]) -> Ints:
        """The part of each row, once every class is where it has to be."""
        held = np.zeros_like(self._wanted)  # clusters per part and class
        np.add.at(held, (self._part[self._cluster], self._label), 1)
        for part in self._parts:
            for label, pairs in enumerate(self._of_label):
                if held[part, label] or len(pairs) == 0 or self._bring(part, label, held, needing):
                    continue
                if part in needing:
                    raise DataError(
                        "This class cannot be in every part",
                        f"The rows of {safe(self._names[label])!r} hang together with other classes "
                        "through equal texts or groups.",
                        "--cure drop-conflicts, or split without the group column.",
                    )
        return self._part[self._rows]

    def _bring(self, part: int, label: int, held: Ints, needing: tuple[int, ...]) -> bool:
        """Move the smallest cluster that holds `label` into `part`, from where nothing goes missing by that."""
        pairs = self._of_label[label]
        for pair in pairs[np.argsort(self._kinds[self._cluster[pairs]] * 10**9 + self._size[pairs], kind="stable")]:
            cluster = int(self._cluster[pair])
            here = int(self._part[cluster])
            labels = self._label[self._starts[cluster] : self._starts[cluster + 1]]
            may_lose = part in needing and here not in needing
            if here != part and (may_lose or (held[here, labels] > 1).all()):
                self._part[cluster] = part
                held[here, labels] -= 1
                held[part, labels] += 1
                return True
        return False

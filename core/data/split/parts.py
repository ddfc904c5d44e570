"""What every way to split yields, and what they share: the parts, clusters that never break, words for a person."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.table import Ints
from core.data.texts import Mask

TRAIN, VALIDATION, TEST = 0, 1, 2
"""Codes into `core.data.table.PARTS`."""

NOWHERE = -1
"""The code of a row in no part."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Positions in the data set, sorted, no row twice. `test` may be empty."""

    train: Ints
    validation: Ints
    test: Ints
    method: str = "stratified"
    """One of `SplitConfig.method`'s choices but `auto`; `again` for the split of another run."""
    reason: str = ""
    """Why it was dealt so, and what is to be known about it."""
    left_out: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Rows in no part: what became, or came as, copies of held-out rows of a split that was used again."""


def split_from(codes: Ints, method: str, reason: str) -> Split:
    """The split in which row `n` is in the part `codes[n]`."""
    rows = [np.flatnonzero(codes == part).astype(np.int64) for part in (TRAIN, VALIDATION, TEST, NOWHERE)]
    return Split(rows[TRAIN], rows[VALIDATION], rows[TEST], method, reason, rows[3])


def method_of(dataset: Dataset, config: SplitConfig) -> str:
    """What `auto` comes to: the parts that the data comes in, else groups, else equal class shares."""
    if config.of:
        return "again"
    if config.method != "auto":
        return config.method
    if dataset.parts is not None:
        return "given"
    return "stratified" if dataset.groups is None else "grouped"


def clusters(dataset: Dataset, by_text: bool, rows: Ints | None = None) -> Ints:
    """A cluster number per row (or per one of `rows`), 0 … n-1: the same text or the same group means the same one."""
    count = len(dataset.texts) if rows is None else len(rows)
    taken = slice(None) if rows is None else rows
    keys = pd.factorize(dataset.keys[taken])[0].astype(np.int64) if by_text else np.arange(count, dtype=np.int64)
    if dataset.group_keys is not None and count:
        from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
        from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

        groups = pd.factorize(dataset.group_keys[taken])[0].astype(np.int64) + int(keys.max()) + 1
        size = int(groups.max()) + 1
        graph = coo_matrix((np.ones(len(keys), dtype=np.int8), (keys, groups)), shape=(size, size))
        keys = connected_components(graph, directed=False)[1].astype(np.int64)[keys]
    # By first appearance, so that the numbers depend on nothing but the rows.
    return pd.factorize(keys)[0].astype(np.int64)


def crossing(codes: Ints, trained: Mask) -> Ints:
    """The codes that rows on both sides have: trained on, and held out."""
    return np.intersect1d(codes[trained], codes[~trained])


def kept_whole(dataset: Dataset, config: SplitConfig, where: str = "") -> str:
    """What is never cut in two, and where if not everywhere, as the end of a sentence."""
    whole = ["copies of one text"] * config.keep_duplicates_together + ["groups"] * (dataset.groups is not None)
    within = f" {where}" if where else ""
    if not whole:
        return f"; copies of one text may fall on two sides{within}"
    return f"; {' and '.join(whole)} stay on one side{within}"


def share(fraction: float) -> str:
    """A fraction as a person reads it: `15 %`."""
    return f"{100 * fraction:.3g} %"


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def number(count: int) -> str:
    """A count with thin groups of three: `1 234`."""
    return f"{count:,}".replace(",", " ")

"""The rule that keeps at most so many rows, each class in its share: `cap-rows:10000`."""

from __future__ import annotations

import numpy as np

from core.data.cures.rows import Rows
from core.data.table import Ints
from core.errors import ConfigError

SEED = 0
"""The draw is always the same: a cap stands in the configuration as its number alone."""


def cap_rows(rows: Rows, argument: str, reason: str) -> int:
    """Keep at most N rows, drawn within each class (and each given part) in its share, one at least.

    Raises `ConfigError` when N leaves not even one row for each.
    """
    most, classes = int(argument), max(len(rows.names), 1)
    parts = rows.parts()
    strata = rows.codes if parts is None else parts.astype(np.int64) * classes + rows.codes
    if len(strata) <= most:
        return 0
    _, stratum, counts = np.unique(strata, return_inverse=True, return_counts=True)
    if len(counts) > most:
        what = "class" if parts is None else "class in each part"
        raise ConfigError(
            f"Cure {reason!r}: not even a row for each {what}",
            f"There are {len(counts)} of them.",
            f"cap-rows:{len(counts)} or more, or leave rare classes out first: --cure drop-rare:10",
        )
    quota = shares(counts.astype(np.int64), most)
    order = np.random.RandomState(SEED).permutation(len(stratum))
    order = order[np.argsort(stratum[order], kind="stable")]
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    gone = np.ones(len(stratum), dtype=bool)
    gone[order[place < np.repeat(quota, counts)]] = False
    rows.drop(gone, reason)
    return 0


def shares(counts: Ints, total: int) -> Ints:
    """`total` dealt in proportion to `counts`, one to each at least, the rest by the largest remainder (Hamilton).

    Needs `len(counts) <= total <= counts.sum()`; no share is larger than its count.
    """
    exact = counts * (total / counts.sum())
    small = exact < 1
    while True:  # those lifted to one row take it from the others, which may fall below one by that
        rest = counts[~small].sum()
        exact = np.where(small, 1.0, counts * ((total - small.sum()) / max(rest, 1)))
        if not (exact < 1).any():
            break
        small |= exact < 1
    found = np.maximum(np.floor(exact + 1e-9).astype(np.int64), 1)
    missing = total - int(found.sum())
    found[np.argsort(-(exact - found), kind="stable")[: max(missing, 0)]] += 1
    return found

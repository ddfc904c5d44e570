"""Training rows of rare classes, repeated. Only training rows: a repeated row that is held out would count twice."""

from __future__ import annotations

import math

import numpy as np

from core.evaluation.metrics import Ints


def oversampled(rows: Ints, labels: Ints, how: str, seed: int) -> Ints:
    """`rows` (positions, `[rows]`) with those of smaller classes several times over, sorted.

    `labels` holds the code of every row of the data set, `[all rows]`. `balanced` lifts each class to the size of the
    largest one, `sqrt` to the geometric mean of that and its own, `none` none. Each row is repeated whole times, and
    what is missing then is drawn without replacement, so that no row stands more than one time ahead of another of its
    class. The draw depends on `seed` and the rows alone (random oversampling: Japkowicz & Stephen 2002).
    """
    if how == "none" or len(rows) == 0:
        return rows
    mine = labels[rows]
    largest = int(np.bincount(mine).max())
    draw = np.random.RandomState(seed)
    found = []
    for code in np.unique(mine):
        own = rows[mine == code]
        wanted = largest if how == "balanced" else round(math.sqrt(largest * len(own)))
        times, missing = divmod(wanted, len(own))
        found += [np.repeat(own, times), draw.choice(own, missing, replace=False)]
    return np.sort(np.concatenate(found))

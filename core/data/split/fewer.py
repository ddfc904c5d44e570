"""Part of the training rows, to see what more of them would bring: validation and test stay as they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from core.data.split.parts import Split, share
from core.data.table import Ints


def fewer_to_train(split: Split, labels: Ints, part: float, seed: int) -> Split:
    """`split` with this share of its training rows, each class in its share and with a row at least.

    The rows of a smaller share are among those of a larger one with the same seed, so that a curve over shares adds
    rows and never changes them. `labels` has a code per row of the data set.
    """
    draw = np.random.RandomState(seed)
    kept = []
    for code in np.unique(labels[split.train]):
        mine = split.train[labels[split.train] == code]
        kept.append(draw.permutation(mine)[: max(math.ceil(part * len(mine)), 1)])
    train = np.sort(np.concatenate(kept)) if kept else split.train
    unused = np.setdiff1d(split.train, train)
    return replace(
        split,
        train=train,
        left_out=np.sort(np.concatenate((split.left_out, unused))),
        reason=f"{split.reason}; {share(part)} of the training rows used",
    )

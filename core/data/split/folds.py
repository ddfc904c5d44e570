"""A split by folds: the test part dealt first and the same for every fold, the rest in equal parts that take turns."""

from __future__ import annotations

import numpy as np

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.dealing import Dealer, even, shares
from core.data.split.parts import TEST, TRAIN, VALIDATION, Split, clusters, kept_whole, share, split_from


def split_by_folds(dataset: Dataset, config: SplitConfig) -> Split:
    """Fold `config.fold` validates, the others train: over all folds every row that is not tested validates once.

    Raises `DataError` where a class cannot be in the test part and in every fold.
    """
    labels, names = dataset.labels, dataset.label_names
    together = clusters(dataset, config.keep_duplicates_together)
    codes = np.full(len(labels), TRAIN, dtype=np.int64)
    if config.test > 0:
        wanted = shares(labels, len(names), 0.0, config.test)
        codes = Dealer(labels, together, wanted, config.seed, names).deal(spare=config.folds)
    rows = np.flatnonzero(codes == TRAIN)
    # Clusters of the rest in numbers without gaps; they never reach into the test part.
    rest = np.unique(together[rows], return_inverse=True)[1].astype(np.int64)
    wanted = even(labels[rows], len(names), config.folds)
    fold = Dealer(labels[rows], rest, wanted, config.seed, names).deal_evenly()
    codes[rows[fold == config.fold - 1]] = VALIDATION
    tested = f"{share(config.test)} tested, the same for every fold" if (codes == TEST).any() else "no locked test part"
    reason = f"fold {config.fold} of {config.folds} validates, the others train; {tested}"
    return split_from(codes, "folds", f"{reason}{kept_whole(dataset, config)}")

"""Which way the rows are split, and the split."""

from __future__ import annotations

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.again import split_again
from core.data.split.by_time import split_by_time
from core.data.split.dealing import Dealer, shares
from core.data.split.fewer import fewer_to_train
from core.data.split.folds import split_by_folds
from core.data.split.given import split_given
from core.data.split.parts import Split, clusters, kept_whole, method_of, share, split_from
from core.data.split.published import split_as_published, split_blindly
from core.data.split.trainable import check_trainable

_WAYS = {
    "again": split_again,
    "given": split_given,
    "time": split_by_time,
    "folds": split_by_folds,
    "random": split_blindly,
}


def split_rows(dataset: Dataset, config: SplitConfig) -> Split:
    """The rows of `dataset` in their parts, with the reason. Raises `DataError` when it cannot be."""
    check_trainable(dataset, config)
    method = method_of(dataset, config)
    split = _WAYS[method](dataset, config) if method in _WAYS else _dealt(dataset, config, method)
    if config.train_share < 1:
        split = fewer_to_train(split, dataset.labels, config.train_share, config.seed)
    unused = "; the parts that the data comes in are not used"
    if dataset.parts is None or method in ("given", "again"):
        return split
    return Split(split.train, split.validation, split.test, method, f"{split.reason}{unused}", split.left_out)


def _dealt(dataset: Dataset, config: SplitConfig, method: str) -> Split:
    """All rows, with equal class shares as far as clusters allow."""
    if not config.keep_duplicates_together and dataset.groups is None:
        return split_as_published(dataset, config)
    labels, names = dataset.labels, dataset.label_names
    wanted = shares(labels, len(names), config.validation, config.test)
    together = clusters(dataset, config.keep_duplicates_together)
    codes = Dealer(labels, together, wanted, config.seed, names).deal()
    like = "equal class shares" if dataset.groups is None else "class shares as near as groups allow"
    test = f"{share(config.test)} tested" if config.test else "no locked test part"
    reason = f"{like}, {share(config.validation)} validated, {test}{kept_whole(dataset, config)}"
    return split_from(codes, method, reason)

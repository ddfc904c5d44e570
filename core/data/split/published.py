"""scikit-learn's splits, row for row as write-ups use them: copies of one text may fall on two sides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.parts import NOWHERE, TEST, TRAIN, VALIDATION, Split, kept_whole, split_from
from core.data.split.trainable import require_trained_classes
from core.errors import DataError


def split_as_published(dataset: Dataset, config: SplitConfig) -> Split:
    """`train_test_split` over label codes by first appearance: once for the test part, once for validation.

    Raises `DataError` where scikit-learn finds the fractions or classes too small.
    """
    from sklearn.model_selection import train_test_split

    labels, _ = pd.factorize(dataset.labels)
    rows = np.arange(len(labels), dtype=np.int64)
    codes = np.full(len(labels), NOWHERE, dtype=np.int64)
    try:
        size: float | int = config.validation
        if config.test > 0:
            rows, test = train_test_split(rows, test_size=config.test, random_state=config.seed, stratify=labels)
            codes[test] = TEST
            size = max(round(len(labels) * config.validation), 1)
        train, validation = train_test_split(rows, test_size=size, random_state=config.seed, stratify=labels[rows])
    except ValueError as broken:
        step = "Take larger fractions, or keep duplicates together."
        raise DataError("These rows cannot be split", str(broken), step) from None
    codes[train], codes[validation] = TRAIN, VALIDATION
    return split_from(
        codes, "stratified", f"equal class shares, as scikit-learn deals them{kept_whole(dataset, config)}"
    )


def split_blindly(dataset: Dataset, config: SplitConfig) -> Split:
    """`train_test_split` without a look at classes: once for what is held out, then that again into its two parts.

    Raises `DataError` where the fractions are too small, or a class is not in the training part.
    """
    from sklearn.model_selection import train_test_split

    codes = np.full(len(dataset.labels), TRAIN, dtype=np.int64)
    held = round(config.validation + config.test, 10)  # .2 + .1 would be a row more
    try:
        _, validation = train_test_split(np.arange(len(codes)), test_size=held, random_state=config.seed)
        if config.test > 0:
            validation, test = train_test_split(validation, test_size=config.test / held, random_state=config.seed)
            codes[test] = TEST
    except ValueError as broken:
        raise DataError("These rows cannot be split", str(broken), "Take larger fractions.") from None
    codes[validation] = VALIDATION
    require_trained_classes(dataset, codes)
    return split_from(codes, "random", "dealt blindly: class shares as they fall, copies and groups on any side")

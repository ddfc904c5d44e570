"""A split by time: trained on the earliest rows, tested on the latest, as a model meets its texts in use."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.parts import (
    TEST,
    TRAIN,
    VALIDATION,
    Split,
    clusters,
    kept_whole,
    number,
    split_from,
)
from core.data.split.trainable import require_trained_classes
from core.data.table import Ints
from core.errors import DataError

_DAY = 86_400_000_000_000


def split_by_time(dataset: Dataset, config: SplitConfig) -> Split:
    """Rows of one time are in one part, and a cluster is where its earliest row is: no copy of an old text is tested.

    Raises `DataError` when the times leave a part empty, or training without a class.
    """
    assert dataset.times is not None
    together = clusters(dataset, config.keep_duplicates_together)
    first = np.full(int(together.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, together, dataset.times)
    times = first[together]
    codes = np.full(len(times), TRAIN, dtype=np.int64)
    said = "trained on the earliest rows"
    begins = _borders(np.sort(times), config)
    shown = _shown(np.array(begins), dataset.times)
    for part, name, begin, text in zip((VALIDATION, TEST), ("validated", "tested"), begins, shown, strict=False):
        codes[times >= begin] = part
        said += f", {name} from {text} on"
    late = int((codes != np.searchsorted(begins, dataset.times, side="right")).sum())
    if late:
        said += f" ({number(late)} later rows are with the earlier ones they belong to)"
    require_trained_classes(dataset, codes)
    if config.test == 0:
        said += "; there is no locked test part"
    return split_from(codes, "time", f"{said}{kept_whole(dataset, config)}")


def _borders(times: Ints, config: SplitConfig) -> list[int]:
    """The times at which validation and test begin, nearest to their shares; `times` is sorted."""
    rows = len(times)
    starts = np.flatnonzero(np.concatenate(([True], times[1:] != times[:-1])))  # where a new time begins
    fractions = [config.validation + config.test] + [config.test] * (config.test > 0)
    if len(starts) < len(fractions) + 1:
        raise DataError(
            "There are too few different times",
            f"The {number(rows)} rows, copies with their earliest, have {len(starts)} different times; "
            f"a split needs {len(fractions) + 1}.",
            "Name another column: --time NAME, or --split-method stratified",
        )
    found: list[int] = []
    for place, fraction in enumerate(fractions):
        # Every part keeps one of the times at least.
        low, high = (found[-1] if found else 0) + 1, len(starts) - len(fractions) + place
        distance = np.abs(starts[low : high + 1] - rows * (1 - fraction))
        found.append(low + int(np.argmin(distance)))
    return [int(times[starts[one]]) for one in found]


def _shown(borders: Ints, times: Ints) -> list[str]:
    """Borders as dates; with the time of day where the data has one."""
    form = "%Y-%m-%d" if (times % _DAY == 0).all() else "%Y-%m-%d %H:%M"
    return [pd.Timestamp(int(one)).strftime(form) for one in borders]

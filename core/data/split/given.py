"""The parts that the data comes in, as they come; one that is missing is dealt out of the training rows."""

from __future__ import annotations

import numpy as np

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.dealing import Dealer, shares
from core.data.split.parts import (
    TEST,
    TRAIN,
    VALIDATION,
    Split,
    clusters,
    crossing,
    kept_whole,
    listed,
    number,
    share,
    split_from,
)
from core.data.table import PARTS, Ints
from core.data.texts import Mask
from core.errors import DataError


def split_given(dataset: Dataset, config: SplitConfig) -> Split:
    """No given row moves between parts, copies neither: the given split is the published one.

    The reason counts the texts and groups that are trained on and held out. Raises `DataError` where a missing part
    cannot be dealt.
    """
    assert dataset.parts is not None
    codes = dataset.parts.astype(np.int64)
    counts = np.bincount(codes, minlength=len(PARTS))
    came = [f"{number(int(count))} {name}" for name, count in zip(PARTS, counts, strict=True) if count]
    said = [f"the data comes in parts: {listed(came)} rows"]
    fractions = {VALIDATION: config.validation, TEST: config.test}
    missing = {part: value for part, value in fractions.items() if value > 0 and counts[part] == 0}
    if missing:
        _deal(dataset, config, codes, missing)
        whole = kept_whole(dataset, config, "within the training rows")
        said += [
            f"no rows were given for {PARTS[part]}: {share(value)} of the training rows, equal class shares{whole}"
            for part, value in missing.items()
        ]
    if across := _across(dataset, codes == TRAIN):
        said.append(f"{across} on two sides, as given")
    if config.test == 0:
        said.append("the given test part stays locked" if counts[TEST] else "there is no locked test part")
    return split_from(codes, "given", "; ".join(said))


def _across(dataset: Dataset, trained: Mask) -> str:
    """The texts and groups with rows on both sides of training, with their verb: `3 texts and 1 group stand`."""
    keys = {"text": dataset.keys, "group": dataset.group_keys}
    counts = {what: len(crossing(codes, trained)) for what, codes in keys.items() if codes is not None}
    found = [f"{number(count)} {what}{'s' * (count != 1)}" for what, count in counts.items() if count]
    return f"{listed(found)} {'stands' if sum(counts.values()) == 1 else 'stand'}" if found else ""


def _deal(dataset: Dataset, config: SplitConfig, codes: Ints, missing: dict[int, float]) -> None:
    """Move training rows to the missing parts. Classes too rare for all of them stay in training."""
    rows = np.flatnonzero(codes == TRAIN).astype(np.int64)
    labels, classes = dataset.labels[rows], len(dataset.label_names)
    wanted = shares(labels, classes, missing.get(VALIDATION, 0.0), missing.get(TEST, 0.0))
    together = clusters(dataset, config.keep_duplicates_together, rows)
    codes[rows] = Dealer(labels, together, wanted, config.seed, dataset.label_names).deal(needing=(TRAIN,))
    for part in missing:
        if not (codes == part).any():
            raise DataError(
                f"No {PARTS[part]} rows can be dealt out of the training part",
                f"It has {number(len(rows))} rows, and equal texts or groups hold them together.",
                f"Give a {PARTS[part]} file: --{PARTS[part]}-file FILE, or pool all rows: --split-method stratified",
            )

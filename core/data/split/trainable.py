"""Whether a data set can be trained on as it is, and the very flags that would mend it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np

from core.config import SplitConfig
from core.data.cures.rows import distinct
from core.data.split.parts import TEST, TRAIN, VALIDATION, listed, method_of
from core.data.table import PARTS, Ints
from core.errors import DataError
from core.text import safe, shorten

if TYPE_CHECKING:
    from core.data.dataset import Dataset

_NAMED = 5
_FEWEST = 2
"""Classes that a classifier needs."""


def check_trainable(dataset: Dataset, split: SplitConfig) -> None:
    """Raise `DataError`, with the flag that cures it, when a classifier cannot be trained on `dataset`.

    This is what can be told by counting; dealing may find more.
    """
    names = dataset.label_names
    total = len(dataset.texts)
    if total == 0:
        left = ", ".join(f"{safe(reason)}: {count}" for reason, count in dataset.dropped.items())
        raise DataError(
            "No rows are left", f"Of {dataset.read} rows: {left}.", "Take a cure away, or name other columns."
        )
    if len(names) == 1:
        raise DataError(
            "There is only one class",
            f"Every one of the {total} rows has the label {_shown(names[0])}.",
            "Name another column: --label NAME" if not _by_cures(dataset) else "Take a cure away.",
        )
    words = float(np.mean([len(name.split()) for name in names]))
    if (len(names) > 20 and len(names) * 4 > total) or (len(names) > 5 and words > 8):
        example = ", ".join(_shown(name) for name in names[:3])
        raise DataError(
            "The label column does not hold classes",
            f"It has {len(names)} different values in {total} rows ({example}, …): texts or row numbers?",
            "Name another column: --label NAME",
        )
    _check_method(dataset, split, method_of(dataset, split))


def require_trained_classes(dataset: Dataset, codes: Ints, instead: str = "--split-method stratified") -> None:
    """Raise `DataError` when a class has no training row; `codes` holds the part of each row, `instead` another way.

    A held-out part may be without a class, but nothing can be said about a class that was never trained on.
    """
    names = dataset.label_names
    rows = np.bincount(dataset.labels[codes == TRAIN], minlength=len(names))
    unseen = np.flatnonzero(rows == 0)
    if len(unseen) == 0:
        return
    missing = [names[code] for code in unseen]
    parts = [PARTS[part] for part in (VALIDATION, TEST) if np.isin(dataset.labels[codes == part], unseen).any()]
    where = f"only among the rows of {listed(parts)}" if parts else "in no part"
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    raise DataError(
        f"{len(missing)} classes are not in the training part" if len(missing) > 1 else "A class is not trained on",
        f"{', '.join(_shown(name) for name in missing[:_NAMED])}{more}: {where}.",
        f"{_drop(missing)}, or {instead}" if len(names) - len(missing) >= _FEWEST else instead,
    )


def _check_method(dataset: Dataset, split: SplitConfig, method: str) -> None:
    """What each way to split needs of the data."""
    match method:
        case "given":
            _check_given(dataset)
        case "time" if dataset.times is None:
            raise DataError("A split by time needs times", "No time column was named.", "Name it: --time COLUMN")
        case "grouped" if dataset.groups is None:
            raise DataError("A grouped split needs groups", "No group column was named.", "Name it: --group COLUMN")
        case "folds":
            parts = [f"{split.folds} folds", "the test part"][: 1 + (split.test > 0)]
            _require_rows(dataset, split, parts, split.folds + (split.test > 0))
        case "stratified" | "grouped":
            parts = ["training", "validation", "test"][: 3 if split.test > 0 else 2]
            _require_rows(dataset, split, parts, len(parts))


def _check_given(dataset: Dataset) -> None:
    if dataset.parts is None:
        step = "Name its files: --validation-file FILE --test-file FILE, or deal it: --split-method stratified"
        raise DataError("No parts were given", "The data comes as one table.", step)
    if not (dataset.parts == TRAIN).any():
        came = [name for code, name in enumerate(PARTS) if (dataset.parts == code).any()]
        raise DataError(
            "There are no training rows",
            f"All rows came as {listed(came)}.",
            "Name the training file as the source, or pool the rows: --split-method stratified",
        )
    require_trained_classes(dataset, dataset.parts.astype(np.int64))


def _by_cures(dataset: Dataset) -> bool:
    return any(":" in reason for reason in dataset.dropped)


def _require_rows(dataset: Dataset, split: SplitConfig, parts: list[str], needed: int) -> None:
    """Every class needs a row, or a text or group of its own, in each part."""
    rows = np.bincount(dataset.labels, minlength=len(dataset.label_names))
    places, what = rows, "row"
    if split.keep_duplicates_together:
        places, what = _different(dataset.keys, dataset.labels, len(rows)), "different text"
    if dataset.group_keys is not None:
        apart = _different(dataset.group_keys, dataset.labels, len(rows))
        if (apart < places).any():
            places, what = np.minimum(places, apart), "group"
    short = np.flatnonzero(places < needed)
    if len(short) == 0:
        return
    named = [(dataset.label_names[code], int(places[code])) for code in short]
    few = ", ".join(f"{_shown(name)} has {count}" for name, count in named[:_NAMED])
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    instead = _instead(split, int(places.min()), len(rows) - len(named))
    raise DataError(
        f"{len(named)} classes have too few rows" if len(named) > 1 else "A class has too few rows",
        f"{few}{more}; {listed(parts)} need one each, so {needed} {what}s at least.",
        _next_step([name for name, _ in named], rows, int(rows[short].max()), instead),
    )


def _instead(split: SplitConfig, least: int, left: int) -> str:
    """Other settings that would do, where there are any: fewer folds; no test part only where too few classes stay."""
    folds = least - (split.test > 0)
    if split.method == "folds":
        return f"--folds {folds}" if folds >= 2 else ""
    return "--test-fraction 0" if split.test > 0 and least >= 2 and left < _FEWEST else ""


def _different(keys: Ints, labels: Ints, classes: int) -> Ints:
    """How many different keys each class has, shape `[classes]`."""
    pairs, _ = distinct(keys * classes + labels)
    return np.bincount(pairs % classes, minlength=classes)


def _next_step(names: list[str], rows: Ints, most: int, instead: str) -> str:
    """Leave the classes `names` out or split another way; only the latter where less than two classes would stay."""
    if len(rows) - len(names) < _FEWEST:
        return f"{instead}, or take more rows" if instead else "Take more rows."
    return _cure(names, most, rows) + (f", or {instead}" if instead else "")


def _cure(names: list[str], most: int, rows: Ints) -> str:
    """One class by its name; several by their number of rows, unless that would take others along."""
    taken = int((rows <= most).sum())
    if len(names) > 1 and taken == len(names):
        return f"--cure drop-rare:{most + 1}"
    return _drop(names)


def _drop(names: list[str]) -> str:
    return " ".join(f"--cure {shlex.quote(f'drop-class:{safe(name)}')}" for name in names[:_NAMED])


def _shown(name: str) -> str:
    return repr(shorten(safe(name), 40))

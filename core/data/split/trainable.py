"""Whether a data set can be trained on as it is, and the very flags that would mend it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np

from core.config import SplitConfig
from core.data.cures.rows import distinct
from core.data.table import Ints
from core.errors import DataError
from core.text import safe, shorten

if TYPE_CHECKING:
    from core.data.dataset import Dataset

_NAMED = 5


def parts_needed(split: SplitConfig) -> int:
    """How many parts of the split need a row of every class."""
    return 3 if split.test > 0 else 2


def check_trainable(dataset: Dataset, split: SplitConfig) -> None:
    """Raise `DataError`, with the flag that cures it, when a classifier cannot be trained on `dataset`."""
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
    _require_rows(dataset, split)


def _by_cures(dataset: Dataset) -> bool:
    return any(":" in reason for reason in dataset.dropped)


def _require_rows(dataset: Dataset, split: SplitConfig) -> None:
    """Every class needs a row, or a text of its own, in each part."""
    needed = parts_needed(split)
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
    listed = ", ".join(f"{_shown(name)} has {count}" for name, count in named[:_NAMED])
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    parts = "training, validation and test" if needed == 3 else "training and validation"
    word = what if needed == 1 else f"{what}s"
    raise DataError(
        f"{len(named)} classes have too few rows" if len(named) > 1 else "A class has too few rows",
        f"{listed}{more}; {parts} need one each, so {needed} {word} at least.",
        _cure([name for name, _ in named], int(rows[short].max()), rows),
    )


def _different(keys: Ints, labels: Ints, classes: int) -> Ints:
    """How many different keys each class has, shape `[classes]`."""
    pairs, _ = distinct(keys * classes + labels)
    return np.bincount(pairs % classes, minlength=classes)


def _cure(names: list[str], most: int, rows: Ints) -> str:
    """One class by its name; several by their number of rows, unless that would take others along."""
    taken = int((rows <= most).sum())
    if len(names) > 1 and taken == len(names):
        return f"--cure drop-rare:{most + 1}"
    return " ".join(f"--cure {shlex.quote(f'drop-class:{safe(name)}')}" for name in names[:_NAMED])


def _shown(name: str) -> str:
    return repr(shorten(safe(name), 40))

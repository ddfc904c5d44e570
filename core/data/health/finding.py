"""One line of the health report: what is odd about a data set, the rows it touches, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from core.data.table import Ints
from core.data.texts import Mask
from core.text import safe, shorten

if TYPE_CHECKING:
    from core.data.dataset import Loaded

NONE: Ints = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One thing that was looked for, and the rows behind it.

    What mends it is a rule (`cure`) or other values of settings (`settings`), never both; where both are empty a person
    has to look.
    """

    level: str
    """`bad`, `warn` or `ok`."""
    code: str
    text: str
    rows: int
    cure: str = ""
    """A rule for `DataConfig.cures`, or empty."""
    settings: dict[str, object] = field(default_factory=dict)
    """`section.name` -> value: the settings that mend it."""
    kept: Ints = field(default_factory=lambda: NONE)
    """Positions in the data set of the rows behind it."""
    left_out: Ints = field(default_factory=lambda: NONE)
    """Positions in the table, where the rows are not in the data set any more."""


def many(count: int, what: str, others: str = "") -> str:
    """A count with its noun: `1 row`, `1 572 rows`."""
    return f"{count:,} ".replace(",", " ") + (what if count == 1 else others or what + "s")


def quoted(name: str) -> str:
    """A name from the data inside a sentence."""
    return f"'{shorten(safe(name), 30)}'"


def rows_of(loaded: Loaded, codes: list[int]) -> Ints:
    """Positions of the rows that have one of these labels."""
    return np.flatnonzero(np.isin(loaded.dataset.labels, codes)).astype(np.int64)


def mask_of(positions: Ints, rows: int) -> Mask:
    """Positions as a mask over `rows` rows."""
    mask = np.zeros(rows, dtype=bool)
    mask[positions] = True
    return mask

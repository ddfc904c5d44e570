"""Which run is the best: among those whose scores compare, for a score says nothing beside one on other rows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from core.runs.summary import Summary


def comparable_by(summary: Summary) -> tuple[str, ...]:
    """Equal for runs on the same data that were scored on the same validation rows.

    While a run has not told its rows, the name of its data has to do.
    """
    if summary.validation_mark:
        return summary.fingerprint, summary.validation_mark
    return (summary.data,)


def best_names(summaries: Iterable[Summary]) -> set[str]:
    """The run with the highest validation macro F1 among each set of runs whose scores compare; the older of equals."""
    best: dict[tuple[str, ...], tuple[float, float, str]] = {}
    for one in summaries:
        if one.macro_f1 is None or not math.isfinite(one.macro_f1):
            continue
        key, mine = comparable_by(one), (-one.macro_f1, one.created, one.name)
        best[key] = min(best.get(key, mine), mine)
    return {name for _, _, name in best.values()}

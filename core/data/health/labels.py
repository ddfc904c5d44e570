"""Labels that mean no label, several at once, the same in another spelling, a rating, or many numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.data.dataset import Loaded
from core.data.health.finding import Finding, many, quoted, rows_of
from core.data.reading.header import is_number
from core.data.table import Ints

_SURE = re.compile(r"no[ _-]?(code|label|class)|un(labell?ed|defined|assigned)|nan|null|missing|[?-]+")
_LIKELY = re.compile(r"un(known|sure)|n/?a|none")

MOST = 20
"""Lines of one kind at most: in a column that holds no classes nobody reads the thousandth."""

MANY = 20
"""More different numbers than this are measures, not classes."""


def labels(loaded: Loaded) -> Iterator[Finding]:
    """Labels that mean no label, several at once, the same in another spelling, a rating, or many numbers."""
    names = loaded.dataset.label_names
    counts = np.bincount(loaded.dataset.labels, minlength=len(names))
    yield from _multi_label(loaded)
    yield from islice(_no_labels(loaded), MOST)
    yield from islice(_spellings(loaded, counts), MOST)
    yield from _numbers(loaded, counts)
    if (rule := _rating(names)) is not None:
        text = f"labels are a rating of {names[0]} to {names[-1]}: bins make classes of it"
        yield Finding("warn", "rating", text, len(loaded.dataset.texts), rule)


def _no_labels(loaded: Loaded) -> Iterator[Finding]:
    names = loaded.dataset.label_names
    for code, name in enumerate(names):
        sure = _SURE.fullmatch(name.lower()) is not None
        if len(names) > 1 and (sure or _LIKELY.fullmatch(name.lower())):
            level = "bad" if sure else "warn"
            rows = rows_of(loaded, [code])
            text = f"{many(len(rows), 'row')} labelled {quoted(name)}: no class of its own?"
            yield Finding(level, f"no-label:{name}", text, len(rows), f"drop-class:{name}", kept=rows)


def _multi_label(loaded: Loaded) -> Iterator[Finding]:
    names = loaded.dataset.label_names
    known = frozenset(names)
    for separator in ("|", ";", ",", "/", "+"):
        codes = [code for code, name in enumerate(names) if _is_several(name, separator, known)]
        if codes:
            rows = rows_of(loaded, codes)
            text = f"{many(len(rows), 'row')} with several labels at once, such as {quoted(names[codes[0]])}"
            cure = "drop-multi-label" if separator == "|" else f"drop-multi-label:{separator}"
            yield Finding("bad", f"multi-label:{separator}", text, len(rows), cure, kept=rows)


def _is_several(name: str, separator: str, names: frozenset[str]) -> bool:
    parts = [part.strip() for part in name.split(separator)]
    if len(parts) < 2 or not all(parts):
        return False
    return separator == "|" or all(part in names for part in parts)


def _spellings(loaded: Loaded, counts: Ints) -> Iterator[Finding]:
    """`Positive` and `positive` are one class in two spellings: the commoner one wins."""
    names = loaded.dataset.label_names
    alike: dict[str, list[int]] = {}
    for code, name in enumerate(names):
        alike.setdefault(" ".join(name.lower().split()), []).append(code)
    for codes in alike.values():
        best = max(codes, key=lambda code: (counts[code], -code))
        for code in codes:
            if code != best:
                rows = rows_of(loaded, [code])
                text = f"{many(len(rows), 'row')} labelled {quoted(names[code])} beside {quoted(names[best])}"
                cure = f"rename-class:{names[code]}={names[best]}"
                yield Finding("warn", f"spelling:{names[code]}", text, len(rows), cure, kept=rows)


def _rating(names: tuple[str, ...]) -> str | None:
    try:
        values = [float(name) for name in names]
    except ValueError:
        return None
    whole = all(value.is_integer() and 0 <= value <= 10 for value in values)
    if not whole or not 4 <= len(values) <= 11:
        return None
    low, high = min(values), max(values)
    middle = (low + high) / 2
    if middle == int(middle):
        return f"bins:<={middle - 1:g}=negative,{middle:g}=drop,>={middle + 1:g}=positive"
    return f"bins:<={middle - 0.5:g}=negative,>={middle + 0.5:g}=positive"


def _numbers(loaded: Loaded, counts: Ints) -> Iterator[Finding]:
    """Many different numbers measure something: thirds of the rows make classes of them."""
    names = loaded.dataset.label_names
    read = [
        (float(name.replace(",", ".")), int(count))
        for name, count in zip(names, counts, strict=True)
        if is_number(name)
    ]
    pairs = sorted(pair for pair in read if math.isfinite(pair[0]))
    if len(pairs) <= MANY or len(pairs) < 0.9 * len(names):
        return
    values, weights = (np.array(column) for column in zip(*pairs, strict=True))
    whole = bool((values == np.floor(values)).all())
    # 0 … n or 1 … n without a gap is how classes are numbered; but 0 … 100 is a score.
    if whole and values[0] in {0, 1} and values[-1] != 100 and values[-1] - values[0] == len(values) - 1:
        return
    span = f"from {values[0]:g} to {values[-1]:g}"
    text = f"labels are {many(len(values), 'different number')} {span}: bins make classes of them"
    yield Finding("warn" if whole else "bad", "numbers", text, len(loaded.dataset.texts), _thirds(values, weights))


def _thirds(values: NDArray[np.float64], counts: Ints) -> str:
    """Bins with about a third of the rows each, cut at values that occur; empty when the values lump too much."""
    below = np.cumsum(counts) / counts.sum()
    cuts = [values[int(np.searchsorted(below, third))] for third in (1 / 3, 2 / 3)]
    low, high = (np.format_float_positional(cut, trim="-") for cut in cuts)
    if cuts[1] == values[-1]:
        cuts[1] = cuts[0]
    if cuts[0] == values[-1]:
        return ""
    if cuts[0] == cuts[1]:
        return f"bins:<={low}=low,>{low}=high"
    return f"bins:<={low}=low,<={high}=medium,>{high}=high"

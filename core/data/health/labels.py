"""Labels that mean no label, several at once, the same in another spelling, or a rating."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from core.data.dataset import Loaded
from core.data.health.finding import Finding, many, quoted, rows_of
from core.data.table import Ints

_SURE = re.compile(r"no[ _-]?(code|label|class)|un(labell?ed|defined|assigned)|nan|null|missing|[?-]+")
_LIKELY = re.compile(r"un(known|sure)|n/?a|none")


def labels(loaded: Loaded) -> Iterator[Finding]:
    """Labels that mean no label, several at once, the same in another spelling, or a rating."""
    names = loaded.dataset.label_names
    counts = np.bincount(loaded.dataset.labels, minlength=len(names))
    yield from _multi_label(loaded)
    for code, name in enumerate(names):
        sure = _SURE.fullmatch(name.lower()) is not None
        if len(names) > 1 and (sure or _LIKELY.fullmatch(name.lower())):
            level = "bad" if sure else "warn"
            rows = rows_of(loaded, [code])
            text = f"{many(len(rows), 'row')} labelled {quoted(name)}: no class of its own?"
            yield Finding(level, f"no-label:{name}", text, len(rows), f"drop-class:{name}", kept=rows)
    yield from _spellings(loaded, counts)
    if (rule := _rating(names)) is not None:
        text = f"labels are a rating of {names[0]} to {names[-1]}: bins make classes of it"
        yield Finding("warn", "rating", text, len(loaded.dataset.texts), rule)


def _multi_label(loaded: Loaded) -> Iterator[Finding]:
    names = loaded.dataset.label_names
    for separator in ("|", ";", ",", "/", "+"):
        codes = [code for code, name in enumerate(names) if _is_several(name, separator, names)]
        if codes:
            rows = rows_of(loaded, codes)
            text = f"{many(len(rows), 'row')} with several labels at once, such as {quoted(names[codes[0]])}"
            cure = "drop-multi-label" if separator == "|" else f"drop-multi-label:{separator}"
            yield Finding("bad", f"multi-label:{separator}", text, len(rows), cure, kept=rows)


def _is_several(name: str, separator: str, names: tuple[str, ...]) -> bool:
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

"""The health report: what is odd about a data set, how many rows it touches, and the rule that cures it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from core.data.dataset import EMPTY_LABEL, EMPTY_TEXT, Loaded
from core.data.rows import conflicting, distinct, first_of_each
from core.data.sniff import ONE_COLUMN
from core.data.table import BAD_ROW, Ints
from core.data.texts import Mask, holding, matching
from core.text import safe, shorten

RARE = 10
"""A class with fewer rows than this is called rare."""

_SURE = re.compile(r"no[ _-]?(code|label|class)|un(labell?ed|defined|assigned)|nan|null|missing|[?-]+")
_LIKELY = re.compile(r"un(known|sure)|n/?a|none")
_RESIDUE = r"\x{fffd}|Ã[\x{80}-\x{bf}©¨¶¼¤±³¡]|â€|Â[\x{80}-\x{bf}]|ï»¿"
_NONE: Ints = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One line of the health report and the rows behind it."""

    level: str
    """`bad`, `warn` or `ok`."""
    code: str
    text: str
    rows: int
    cure: str = ""
    """A rule for `DataConfig.cures`, or empty."""
    kept: Ints = field(default_factory=lambda: _NONE)
    """Positions in the data set of the rows behind it."""
    left_out: Ints = field(default_factory=lambda: _NONE)
    """Positions in the table, where the rows are not in the data set any more."""


def findings(loaded: Loaded) -> list[Finding]:
    """Everything found, worst first; what was looked for and is fine comes last."""
    found = [
        *_reading(loaded),
        *_labels(loaded),
        *_copies(loaded),
        *_residue(loaded),
        *_balance(loaded),
    ]
    return sorted(found, key=lambda one: ("bad", "warn", "ok").index(one.level))


def many(count: int, what: str, others: str = "") -> str:
    """A count with its noun: `1 row`, `1 572 rows`."""
    return f"{count:,} ".replace(",", " ") + (what if count == 1 else others or what + "s")


def _rows_of(loaded: Loaded, codes: list[int]) -> Ints:
    return np.flatnonzero(np.isin(loaded.dataset.labels, codes)).astype(np.int64)


def _reading(loaded: Loaded) -> Iterator[Finding]:
    """What reading the file left out or had to guess."""
    table = loaded.table
    if bad := table.dropped.get(BAD_ROW, 0):
        level = "bad" if bad * 100 > table.read else "warn"
        yield Finding(level, "bad-rows", f"{many(bad, 'row')} left out: not {len(table.columns)} fields", bad)
    for reason, code in ((EMPTY_TEXT, "empty-text"), (EMPTY_LABEL, "empty-label")):
        gone = loaded.left_out.get(reason, _NONE)
        if len(gone):
            yield Finding("warn", code, f"{many(len(gone), 'row')} left out: {reason}", len(gone), left_out=gone)
    guess = next((one for one in table.reading if one.what == "encoding" and "a guess" in one.reason), None)
    if guess is not None and loaded.dataset.texts:
        odd = np.flatnonzero(matching(loaded.dataset.column, r"[^\x00-\x7f]")).astype(np.int64)
        text = f"read as {guess.value}, for it is not UTF-8: look at {many(len(odd), 'row')}"
        yield Finding("warn", "encoding", text, len(odd), kept=odd)


def _labels(loaded: Loaded) -> Iterator[Finding]:
    """Labels that mean no label, several at once, the same in another spelling, or a rating."""
    names = loaded.dataset.label_names
    counts = np.bincount(loaded.dataset.labels, minlength=len(names))
    yield from _multi_label(loaded)
    for code, name in enumerate(names):
        sure = _SURE.fullmatch(name.lower()) is not None
        if len(names) > 1 and (sure or _LIKELY.fullmatch(name.lower())):
            level = "bad" if sure else "warn"
            rows = _rows_of(loaded, [code])
            text = f"{many(len(rows), 'row')} labelled {_q(name)}: no class of its own?"
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
            rows = _rows_of(loaded, codes)
            text = f"{many(len(rows), 'row')} with several labels at once, such as {_q(names[codes[0]])}"
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
                rows = _rows_of(loaded, [code])
                text = f"{many(len(rows), 'row')} labelled {_q(names[code])} beside {_q(names[best])}"
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


def _copies(loaded: Loaded) -> Iterator[Finding]:
    """Equal texts, under one label or under several."""
    dataset = loaded.dataset
    if not dataset.texts:
        return
    both = dataset.keys * len(dataset.label_names) + dataset.labels
    copies = np.flatnonzero(~first_of_each(both)).astype(np.int64)
    if len(copies):
        text = f"{many(len(copies), 'exact duplicate')} (case and spaces aside)"
        yield Finding("warn", "duplicates", text, len(copies), "drop-duplicates", kept=copies)
    else:
        yield Finding("ok", "duplicates", "no exact duplicates", 0)
    clash = np.flatnonzero(conflicting(dataset.keys, dataset.labels)).astype(np.int64)
    if len(clash):
        texts = len(distinct(dataset.keys[clash])[0])
        text = f"{many(texts, 'text')} under several labels ({many(len(clash), 'row')})"
        yield Finding("warn", "conflicts", text, len(clash), "drop-conflicts", kept=clash)
    else:
        yield Finding("ok", "conflicts", "no text under two labels", 0)


def _residue(loaded: Loaded) -> Iterator[Finding]:
    """Traces of text read in the wrong encoding, and of quotes that swallowed rows."""
    if not loaded.dataset.texts:
        return
    # Cheap substring tests first: the regular expression runs only over the few that pass.
    suspects = np.zeros(len(loaded.dataset.texts), dtype=bool)
    for mark in ("\ufffd", "Ã", "Â", "â€", "ï»¿"):
        suspects |= holding(loaded.dataset.column, mark)
    at = np.flatnonzero(suspects)
    if len(at):
        at = at[matching([loaded.dataset.texts[one] for one in at], _RESIDUE)].astype(np.int64)
    if len(at):
        text = f"{many(len(at), 'row')} with the residue of a wrong encoding (such as Ã© or �)"
        yield Finding("warn", "residue", text, len(at), kept=at)
    yield from _swallowed(loaded)


def _swallowed(loaded: Loaded) -> Iterator[Finding]:
    """Texts whose inner lines look like rows: a quote that was text opened a field and closed many lines later."""
    names = [name for name in loaded.dataset.label_names if name][:50]
    delimiter = next((one.value for one in loaded.table.reading if one.what == "delimiter"), "")
    char = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "none": ONE_COLUMN}.get(delimiter, delimiter)
    if not char or not names:
        return
    lines = np.flatnonzero(holding(loaded.dataset.column, "\n"))
    if len(lines) == 0:
        return
    edge, label = re.escape(char), "|".join(re.escape(name) for name in names)
    row = re.compile(rf"(?m)^(?:{label}){edge}|{edge}\"?(?:{label})\"?$")
    found = [int(at) for at in lines if row.search(loaded.dataset.texts[int(at)])]
    if found:
        text = f"{many(len(found), 'text')} seem to have swallowed rows: try --quoting none"
        yield Finding("bad", "swallowed", text, len(found), kept=np.array(found, dtype=np.int64))


def _balance(loaded: Loaded) -> Iterator[Finding]:
    """Rare classes, and the largest beside the smallest."""
    names = loaded.dataset.label_names
    counts = np.bincount(loaded.dataset.labels, minlength=len(names))
    if len(names) < 2:
        return
    rare = [code for code in range(len(names)) if counts[code] < RARE]
    if 0 < len(rare) <= 3:
        for code in rare:
            rows = _rows_of(loaded, [code])
            level = "bad" if len(rows) < 3 else "warn"
            text = f"{_q(names[code])} has {many(len(rows), 'row')}"
            yield Finding(level, f"rare:{names[code]}", text, len(rows), f"drop-class:{names[code]}", kept=rows)
    elif rare:
        rows = _rows_of(loaded, rare)
        level = "bad" if min(counts[code] for code in rare) < 3 else "warn"
        text = f"{len(rare)} classes have fewer than {RARE} rows"
        yield Finding(level, "rare", text, len(rows), f"drop-rare:{RARE}", kept=rows)
    else:
        yield Finding("ok", "rare", f"every class has {many(int(counts.min()), 'row')} or more", 0)
    largest, smallest = int(counts.argmax()), int(counts.argmin())
    ratio = counts[largest] / counts[smallest]
    if ratio >= 10:
        rows = _rows_of(loaded, [smallest])
        text = f"{_q(names[largest])} has {ratio:.0f} times the rows of {_q(names[smallest])}"
        yield Finding("warn", "imbalance", text, len(rows), kept=rows)


def _q(name: str) -> str:
    return f"'{shorten(safe(name), 30)}'"


def mask_of(positions: Ints, rows: int) -> Mask:
    """Positions as a mask over `rows` rows."""
    mask = np.zeros(rows, dtype=bool)
    mask[positions] = True
    return mask

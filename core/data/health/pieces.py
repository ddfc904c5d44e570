"""Rows cut from one another: phrases of a sentence, passages of a document. A random split of them flatters.

Where a column tells which rows belong together, rows that share a value of it share their rarer words far more often
than rows that do not. Without such a column, texts stand whole inside longer ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from core.config import RunConfig
from core.data.cures.rows import distinct, first_of_each
from core.data.dataset import Dataset, Loaded
from core.data.examine import Examined, evenly
from core.data.health.finding import Finding, many, quoted
from core.data.health.words import FEWEST_WORDS, blocks, most_rows, texts_of, word_codes
from core.data.reading.names import GROUP_WORDS, rank
from core.data.split.parts import crossing, method_of
from core.data.table import Ints
from core.protocol import Progress

TIED = 0.25
"""How much more of their rarer words (as a share of the shorter text's) rows of one value must have in common."""

CONTAINED = 0.15
"""Share of texts inside longer ones from which the file is called one of pieces: phrases of sentences reach .6, whole
messages and reviews stay below .05."""

_COLUMNS = 200
"""Columns looked at; nobody names a group in the ten thousandth."""
_PAIRS = 2000
_ASKED = 4000
"""Texts that are looked for inside the others."""
_OCCURRENCES = 3000
"""Of its rarest word, where a text is looked for."""
_RUN = 1000
"""Rows of a large file are taken in runs: pieces of one text mostly follow one another."""


def check(loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """The column that ties pieces of one text together; without one, how many texts stand inside others."""
    parts = given_parts(loaded.dataset, config)
    columns = {name: _tie(loaded, codes, progress) for name, codes in _columns(loaded, config)}
    facts: dict[str, object] = {"columns": {name: round(value, 3) for name, value in columns.items()}}
    best = max(columns, key=lambda name: columns[name], default="")
    if best and columns[best] >= TIED:
        return Examined([_of_column(loaded, config, best, parts)], facts)
    pieces, share, rows = _contained(loaded.dataset, parts, progress)
    facts |= {"contained_share": share, "rows": rows}
    if config.data.group and method_of(loaded.dataset, config.split) != "random":  # which the leaks tell
        return Examined([_of_group(loaded.dataset, config.data.group, parts)], facts)
    if share < CONTAINED:
        where = "" if parts is None else " across the given parts"
        return Examined([Finding("ok", "pieces", f"rows are no pieces of one another{where}", 0)], facts)
    where = "given parts share pieces of one text" if parts is not None else "a random split of them flatters"
    text = f"{share * 100:.0f} % of the texts are part of a longer one: {where}"
    named = (name for name in columns if rank(name, GROUP_WORDS) >= 0)
    likely = config.data.group or next(named, "")
    if likely:
        settings: dict[str, object] = {"data.group": likely, "split.method": "grouped"}
        finding = Finding("bad", "pieces", f"{text}; {quoted(likely)} may tell which belong together", len(pieces),
                          settings=settings, kept=pieces)  # fmt: skip
        return Examined([finding], facts)
    text += ", and no column tells which belong together"
    return Examined([Finding("bad", "pieces", text, len(pieces), kept=pieces)], facts)


def _of_group(dataset: Dataset, name: str, parts: Ints | None) -> Finding:
    """The rows of each group stay together, unless the data comes in parts that share groups."""
    groups = dataset.group_keys
    if parts is None or groups is None:
        return Finding("ok", "pieces", f"rows of one {quoted(name)} stay together", 0)
    shared = crossing(groups, parts == 0)
    if len(shared) == 0:
        return Finding("ok", "pieces", f"the given parts keep rows of one {quoted(name)} together", 0)
    behind = np.flatnonzero(np.isin(groups, shared))
    behind = behind[np.argsort(groups[behind], kind="stable")].astype(np.int64)
    text = f"{many(len(shared), 'group')} of {quoted(name)} in several of the given parts ({many(len(behind), 'row')})"
    settings: dict[str, object] = {"split.method": "grouped"}
    return Finding("bad", "pieces", text, len(behind), settings=settings, kept=behind)


def given_parts(dataset: Dataset, config: RunConfig) -> Ints | None:
    """The part of each row, where the data comes in parts and the split takes them as they are."""
    if dataset.parts is None or method_of(dataset, config.split) != "given":
        return None
    return dataset.parts.astype(np.int64)


def _of_column(loaded: Loaded, config: RunConfig, name: str, parts: Ints | None) -> Finding:
    codes = _codes(loaded, name)
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    behind = np.flatnonzero(counts[place] > 1)
    settings: dict[str, object] = {"data.group": name}
    text = f"rows of one {quoted(name)} are pieces of one text: keep them together"
    if parts is not None:
        behind = np.flatnonzero(np.isin(place, crossing(place.astype(np.int64), parts == 0)))
        settings["split.method"] = "grouped"
        text = f"pieces of one {quoted(name)} stand in several of the given parts"
        if len(behind) == 0:
            return Finding("ok", "pieces", f"the given parts keep rows of one {quoted(name)} together", 0)
    elif _inside(place, loaded.dataset.group_keys):
        return Finding("ok", "pieces", f"rows of one {quoted(name)}, pieces of one text, stay together", 0)
    behind = behind[np.argsort(place[behind], kind="stable")].astype(np.int64)
    return Finding("bad", "pieces", text, len(behind), settings=settings, kept=behind)


def _inside(place: Ints, groups: Ints | None) -> bool:
    """Whether the rows of each value are in one group: whatever that is named after, they stay together."""
    if groups is None:
        return False
    pairs, _ = distinct(place * (int(groups.max()) + 1) + groups)
    return len(pairs) == int(place.max()) + 1


def _codes(loaded: Loaded, name: str) -> Ints:
    """A code per row of the data set for the values of a column of the table; blank cells are values of their own."""
    cells = loaded.table.frame[name].iloc[loaded.at].str.strip()
    codes = pd.factorize(cells)[0].astype(np.int64)
    blank = (cells == "").to_numpy(dtype=bool)
    codes[blank] = len(codes) + np.arange(int(blank.sum()))
    return codes


def _columns(loaded: Loaded, config: RunConfig) -> Iterator[tuple[str, Ints]]:
    """Columns that may say which rows belong together: some values stand in several rows, none in a great many."""
    rows = len(loaded.dataset.texts)
    taken = {*loaded.columns.text, loaded.columns.label, config.data.time}
    for name in [one for one in loaded.table.columns if one not in taken][:_COLUMNS]:
        codes = _codes(loaded, name)
        different = len(distinct(codes)[0])
        if 10 <= different <= rows * 0.9 and different >= rows * 0.002:
            yield name, codes


def _tie(loaded: Loaded, codes: Ints, progress: Progress) -> float:
    """How much more rows of one value have in common than rows of several: 0 is chance, .6 phrases of a sentence.

    Both means are over seeded random pairs of different texts; what two texts have in common is the weight of their
    common words (log of the inverse share of texts that hold them) as a share of the lighter text's.
    """
    random, keys = np.random.RandomState(17), loaded.dataset.keys
    # The rows of a value are shuffled before neighbours are taken, so that any two may meet.
    order = np.lexsort((random.random_sample(len(codes)), codes))
    left, right = order[:-1], order[1:]
    at = np.flatnonzero((codes[left] == codes[right]) & (keys[left] != keys[right]))
    at = random.permutation(at)[:_PAIRS]
    if len(at) < 20:
        return 0.0
    words, starts = word_codes(texts_of(loaded.dataset, np.concatenate((left[at], right[at]))), progress)
    sets = [frozenset(words[low:high].tolist()) for low, high in pairwise(starts.tolist())]
    held = np.bincount(np.fromiter((word for one in sets for word in one), dtype=np.int64))
    weights = np.log((len(sets) + 1) / np.maximum(held, 1)).tolist()
    heavy = [sum(weights[word] for word in one) for one in sets]

    def in_common(ones: list[int], others: list[int]) -> float:
        progress(0, 0, "looking for pieces")
        shares = [
            sum(weights[word] for word in sets[one] & sets[other]) / max(min(heavy[one], heavy[other]), 1e-9)
            for one, other in zip(ones, others, strict=True)
        ]
        return float(np.mean(shares))

    ones, others = list(range(len(at))), list(range(len(at), 2 * len(at)))
    return in_common(ones, others) - in_common(ones, others[1:] + others[:1])


def _contained(dataset: Dataset, parts: Ints | None, progress: Progress) -> tuple[Ints, float, int]:
    """Rows that are part of a much longer text, each followed by one such; their share; how many rows were looked at.

    With `parts`, only where one of the two is a training row and the other is not.
    """
    rows = _runs(dataset)
    words, starts = word_codes(texts_of(dataset, rows), progress)
    lengths = np.diff(starts)
    fit = np.flatnonzero((lengths >= FEWEST_WORDS) & first_of_each(dataset.keys[rows]))
    asked = fit[evenly(len(fit), _ASKED)]
    found = []
    search = _Search(words, starts)
    for start, end in blocks(len(asked), progress, "looking for pieces", len(asked), 200):
        for one in asked[start:end].tolist():
            longer = search.longer(one)
            if parts is not None:
                longer = longer[(parts[rows[longer]] == 0) != (parts[rows[one]] == 0)]
            if len(longer):
                found += [one, int(longer[0])]
    share = len(found) / 2 / max(len(asked), 1) * len(fit) / max(len(rows), 1)
    return rows[pd.unique(np.array(found, dtype=np.int64))], share, len(rows)


def _runs(dataset: Dataset) -> Ints:
    """Positions of the rows to look at: all, or evenly spread runs."""
    count, most = len(dataset.texts), most_rows(dataset)
    if count <= most:
        return np.arange(count, dtype=np.int64)
    begins = np.linspace(0, count - _RUN, max(most // _RUN, 1)).astype(np.int64)
    return (begins[:, None] + np.arange(_RUN)).ravel()


class _Search:
    """Where a text stands inside longer ones: looked for only where its rarest word occurs."""

    def __init__(self, words: Ints, starts: Ints) -> None:
        self._words, self._starts = words, starts
        self._count = np.bincount(words)
        self._first = np.cumsum(self._count) - self._count
        self._places = np.argsort(words, kind="stable")
        self._row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    def longer(self, row: int) -> Ints:
        """The rows that hold all the words of `row` in their order without a gap, and at least a quarter more."""
        low, high = int(self._starts[row]), int(self._starts[row + 1])
        mine = self._words[low:high]
        rarest = int(self._count[mine].argmin())
        word = int(mine[rarest])
        first = int(self._first[word])
        places = self._places[first : first + min(int(self._count[word]), _OCCURRENCES)]
        begins, holders = places - rarest, self._row[places]
        ends = self._starts[holders + 1]
        room = (begins >= self._starts[holders]) & (begins + len(mine) <= ends)
        begins = begins[room & ((ends - self._starts[holders]) * 4 >= len(mine) * 5)]
        for step in range(len(mine)):
            if len(begins) == 0:
                break
            begins = begins[self._words[begins + step] == mine[step]]
        return self._row[begins]

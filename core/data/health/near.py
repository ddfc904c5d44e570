"""Texts that are nearly the same: another link, one hashtag more, a letter changed.

A text is the set of its words and word pairs. Pairs alone would make two tweets of eight words strangers after one
changed word; words alone would make a long review a copy of every other with the same everyday words. Scripts without
blanks between words count by the letter. Candidates come from MinHash signatures (Broder 1997) cut into bands
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, ch. 3); each pair is then measured exactly: none is a false
one. The bands are met by sorting, for the library's own index answers for one text at a time, five times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.config import RunConfig
from core.data.cures.rows import distinct
from core.data.dataset import Dataset, Loaded
from core.data.examine import Examined, evenly
from core.data.health.finding import Finding, many, quoted
from core.data.health.words import FEWEST_WORDS, blocks, most_rows, texts_of, word_codes
from core.data.table import Ints
from core.data.texts import arrow, keys_and_words
from core.protocol import Progress, no_progress

THRESHOLD = 0.8
"""Jaccard similarity from which two texts are called nearly the same: on tweets and text messages every pair above it
is one text with a change, while below .75 sentences begin to say different things."""

_ITEMS = 1 << 17
"""Of words or pairs that are worked on at a time."""
_PERMUTATIONS = 60
_RECALL = 0.99
"""Share of the pairs just at the threshold that the bands must bring together."""
_NEIGHBOURS = 4
"""Texts after it, within one band's bucket, that a text is compared with: a bucket of thousands is a chain, not n²."""

Values = NDArray[np.uint64]


def check(loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """Rows that are nearly the same as another one, pairs together."""
    dataset = loaded.dataset
    rows, groups = groups_of(dataset, progress)
    behind = _in_company(groups, dataset.keys[rows])
    facts = {"threshold": THRESHOLD, "rows": len(rows), "similar": len(behind)}
    where = f" (of {many(len(rows), 'row')} looked at)" if len(rows) < len(dataset.texts) else ""
    if len(behind) == 0:
        return Examined([Finding("ok", "near-duplicates", f"no near-duplicates{where}", 0)], facts)
    clusters = len(np.unique(groups[behind]))
    text = f"{many(len(behind), 'near-duplicate')} ({many(clusters, 'different text')}){where}"
    text += f", such as {quoted(dataset.texts[int(rows[behind[0]])])}"
    cure = f"drop-near-duplicates:{THRESHOLD:g}"
    found = Finding("warn", "near-duplicates", text, len(behind), cure, kept=rows[behind])
    return Examined([found], {**facts, "clusters": clusters})


_KNOWN: WeakKeyDictionary[Dataset, tuple[Ints, Ints]] = WeakKeyDictionary()


def groups_of(dataset: Dataset, progress: Progress) -> tuple[Ints, Ints]:
    """Positions of the rows looked at (a sample of a large file) and their groups; kept while the data set lives."""
    if dataset not in _KNOWN:  # two checks need it, and it takes seconds
        rows = evenly(len(dataset.texts), most_rows(dataset))
        _KNOWN[dataset] = rows, near_groups(texts_of(dataset, rows), THRESHOLD, progress)
    return _KNOWN[dataset]


def _in_company(groups: Ints, keys: Ints) -> Ints:
    """Positions of rows in a group that holds different texts, group by group in the order of their first rows."""
    size = int(keys.max()) + 1
    several = np.bincount(distinct(groups * size + keys)[0] // size) > 1
    at = np.flatnonzero(several[groups])
    return at[np.argsort(groups[at], kind="stable")].astype(np.int64)


def near_groups(texts: Sequence[str] | Any, threshold: float = THRESHOLD, progress: Progress = no_progress) -> Ints:
    """A group code per text (of a list or an Arrow array), shape `[texts]`: equal codes mean (nearly) the same text.

    Two texts are nearly the same when the sets of their words and word pairs have a Jaccard similarity of `threshold`
    or more; a group is whatever hangs together by such pairs. Raises `Cancelled` through `progress`.
    """
    if len(texts) == 0:
        return np.zeros(0, dtype=np.int64)
    column = arrow(texts)
    keys, _ = keys_and_words(column)
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    words, starts = word_codes(column.take(pa.array(first)), progress)
    enough = np.flatnonzero(np.diff(starts) >= FEWEST_WORDS)
    sets, sizes = _shingles(words, starts, enough, progress)
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    signatures = _signatures(sets, bounds, progress)
    pairs = _candidates(signatures, _width(threshold), progress)
    pairs = pairs[_similar(sets, bounds, pairs, threshold, progress)]
    return _components(enough[pairs], len(first))[place]


def _shingles(words: Ints, starts: Ints, rows: Ints, progress: Progress) -> tuple[Values, Ints]:
    """The different words and word pairs of these texts, one text after another, and how many each has."""
    found, sizes = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for start, end in blocks(len(rows), progress, "comparing words", len(words), _ITEMS):
        lengths = starts[rows[start:end] + 1] - starts[rows[start:end]]
        text = np.repeat(np.arange(end - start), lengths)
        at = np.arange(len(text)) + np.repeat(starts[rows[start:end]] - np.cumsum(lengths) + lengths, lengths)
        single = words[at]
        inner = text[1:] == text[:-1]
        pairs = ((single[:-1] + 1) << 31 | single[1:])[inner]
        texts, both = np.concatenate((text, text[1:][inner])), np.concatenate((single, pairs))
        order = np.lexsort((both, texts))
        texts, both = texts[order], both[order]
        fresh = np.concatenate(([True], (texts[1:] != texts[:-1]) | (both[1:] != both[:-1])))
        found.append(both[fresh].astype(np.uint64))
        sizes.append(np.bincount(texts[fresh], minlength=end - start))
    return np.concatenate(found), np.concatenate(sizes)


def _signatures(sets: Values, bounds: Ints, progress: Progress) -> NDArray[np.uint32]:
    """The MinHash of each set, shape `[sets, permutations]`."""
    progress(0, 0, "looking for near-duplicates")
    from datasketch import MinHash

    found = np.empty((len(bounds) - 1, _PERMUTATIONS), dtype=np.uint32)
    for start, end in blocks(len(found), progress, "looking for near-duplicates", len(sets), _ITEMS):
        edges = (bounds[start : end + 1] - bounds[start]).tolist()
        listed = sets[bounds[start] : bounds[end]].tolist()
        parts = (listed[low:high] for low, high in pairwise(edges))
        made = MinHash.generator(parts, num_perm=_PERMUTATIONS, seed=1, scheme="affine64", hashfunc=int)
        for at, one in enumerate(made, start):
            found[at] = one.hashvalues >> np.uint64(32)
    return found


def _width(threshold: float) -> int:
    """Rows a band may have at most for pairs at the threshold to meet in one of the bands with `_RECALL`."""
    fits = [width for width in range(1, 13) if 1 - (1 - threshold**width) ** (_PERMUTATIONS // width) >= _RECALL]
    return max(fits, default=1)


def _candidates(signatures: NDArray[np.uint32], width: int, progress: Progress) -> Ints:
    """Pairs of texts with an equal band, shape `[pairs, 2]`, each once."""
    count = len(signatures)
    found = np.zeros(0, dtype=np.int64)
    bands = _PERMUTATIONS // width
    for band in range(bands):
        progress(band, bands, "looking for near-duplicates")
        bucket = np.zeros(count, dtype=np.uint64)
        for column in range(band * width, (band + 1) * width):
            bucket = (bucket ^ signatures[:, column]) * np.uint64(0x9E3779B97F4A7C15)
            bucket ^= bucket >> np.uint64(29)
        order = np.argsort(bucket, kind="stable")
        bucket = bucket[order]
        met = [found]
        for step in range(1, _NEIGHBOURS + 1):
            same = bucket[step:] == bucket[:-step]
            met.append(order[:-step][same] * count + order[step:][same])
        found = np.unique(np.concatenate(met))
    return np.stack((found // max(count, 1), found % max(count, 1)), axis=1)


def _similar(sets: Values, bounds: Ints, pairs: Ints, threshold: float, progress: Progress) -> NDArray[np.bool_]:
    """Which pairs have a Jaccard similarity of `threshold` or more, measured exactly."""
    sizes = np.diff(bounds)
    found = np.zeros(len(pairs), dtype=bool)
    work = int(sizes[pairs].sum())
    for start, end in blocks(len(pairs), progress, "comparing near-duplicates", work, _ITEMS):
        which, values = [], []
        for side in (0, 1):
            rows = pairs[start:end, side]
            which.append(np.repeat(np.arange(end - start), sizes[rows]))
            first = np.repeat(bounds[rows] - np.cumsum(sizes[rows]) + sizes[rows], sizes[rows])
            values.append(sets[np.arange(len(first)) + first])
        pair, value = np.concatenate(which), np.concatenate(values)
        order = np.lexsort((value, pair))
        pair, value = pair[order], value[order]
        twice = (pair[1:] == pair[:-1]) & (value[1:] == value[:-1])
        common = np.bincount(pair[1:][twice], minlength=end - start)
        both = sizes[pairs[start:end]].sum(axis=1) - common
        found[start:end] = common >= threshold * both - 1e-9
    return found


def _components(pairs: Ints, count: int) -> Ints:
    """A number per text, the same for texts that hang together by pairs; numbered by first appearance."""
    from scipy.sparse import coo_matrix  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    found: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return found

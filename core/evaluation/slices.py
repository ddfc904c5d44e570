"""Scores of kinds of sentences: short and long ones, with a negation, an emoji, an address; or what a regex finds.

A slice is described by what the text is, never by what the model said, so its scores compare with those of the rest.
Intervals are bootstrap percentiles (`core.evaluation.intervals`). With many slices one in twenty differs by chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.evaluation.intervals import Interval, beside_the_rest, intervals
from core.evaluation.metrics import Ints
from core.evaluation.patterns import matching
from core.evaluation.predictions import Predictions
from core.text import safe, shorten
from core.text_rules import TEXT_RULES

FEW = 30
"""Rows below which a score says little."""

NEGATIONS = (
    "no not never none nobody nothing nowhere neither nor without hardly barely scarcely cannot cant dont doesnt didnt "
    "isnt arent wasnt werent wont wouldnt couldnt shouldnt hasnt havent hadnt aint"
).split()
"""English words that negate; any word that ends in n't does too."""

_NEGATION = re.compile(rf"\b(?:{'|'.join(NEGATIONS)}|\w{{1,10}}n['’]t)\b", re.IGNORECASE)
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3\u3030\u203c\u2049]")
_LETTERS = 3  # a text in capitals has at least so many: "OK" and "A+" are no shouting

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Slice:
    """One kind of sentence. Figures are none without rows; differences (to the rest) also where there is no rest."""

    key: str
    title: str
    rows: int
    share: float
    scores: dict[str, Interval] | None
    differences: dict[str, Interval] | None

    @property
    def says_little(self) -> bool:
        """Whether there are too few rows for the score to mean something."""
        return self.rows < FEW


def slices(part: Predictions, regex: str = "") -> list[Slice]:
    """Every slice of these rows, the user's regex last. Raises `ConfigError` when that cannot be used."""
    found = [*_by_length(part.texts), *((key, title, _mask(part, test)) for key, (title, test) in _KINDS.items())]
    if regex:
        found.append(("regex", f"/{regex}/", matching(part.texts, regex)))
    return [_scored(part, key, title, mask) for key, title, mask in found]


def slice_mask(part: Predictions, key: str, regex: str = "") -> Bools:
    """The rows of the slice with this key, as a mask. Raises `ConfigError` for none of ours."""
    if key in _KINDS:
        return _mask(part, _KINDS[key][1])
    if key == "regex" and regex:
        return matching(part.texts, regex)
    lengths = _by_length(part.texts)
    for known, _, mask in lengths:
        if known == key:
            return mask
    names = ", ".join([*(known for known, _, _ in lengths), *_KINDS])
    raise ConfigError(f"There is no slice {shorten(safe(key), 40)}", f"There are: {names}.")


def word_counts(texts: NDArray[np.object_]) -> Ints:
    """Words of each text, a word being what stands between blanks."""
    return np.array([len(str(text).split()) for text in texts], dtype=np.int64)


def _by_length(texts: NDArray[np.object_]) -> list[tuple[str, str, Bools]]:
    """Quarters by length in words. Equal lengths stay together, so quarters differ in size and may be fewer."""
    if len(texts) == 0:
        return []
    counts = word_counts(texts)
    tops = np.unique(np.quantile(counts, [0.25, 0.5, 0.75, 1.0], method="inverted_cdf"))
    place = np.searchsorted(tops, counts, side="left")
    found = []
    for at in range(len(tops)):
        mask = place == at
        low, high = int(counts[mask].min()), int(counts[mask].max())
        title = f"{low} to {high} words" if low < high else f"{low} word{'s' * (low != 1)}"
        found.append((f"length-{at + 1}", title, mask))
    return found


def _mask(part: Predictions, test: Callable[[str], bool]) -> Bools:
    return np.array([test(str(text)) for text in part.texts], dtype=bool)


def _is_capitals(text: str) -> bool:
    if "@" in text or "/" in text or "." in text:  # what it addresses does not shout
        for rule in ("urls", "mentions"):
            text = TEXT_RULES[rule].pattern.sub(" ", text)
    return text.isupper() and sum(letter.isalpha() for letter in text) >= _LETTERS


_KINDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "negation": ("has a negation", lambda text: _NEGATION.search(text) is not None),
    "emoji": ("has an emoji", lambda text: _EMOJI.search(text) is not None),
    "url": ("has a URL", lambda text: TEXT_RULES["urls"].pattern.search(text) is not None),
    "mention": ("has an @mention", lambda text: TEXT_RULES["mentions"].pattern.search(text) is not None),
    "capitals": ("all in capitals", _is_capitals),
}
"""Key -> what a person reads, and whether a text is one."""


def _scored(part: Predictions, key: str, title: str, mask: Bools) -> Slice:
    rows, classes, said = int(mask.sum()), len(part.label_names), part.said
    share = rows / len(part) if len(part) else 0.0
    if 0 < rows < len(part):
        return Slice(key, title, rows, share, *beside_the_rest(part.gold, said, mask, classes))
    return Slice(key, title, rows, share, intervals(part.gold, said, classes) if rows else None, None)

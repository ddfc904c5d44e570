"""Which words pushed a model to its answer: each is left out once, and the model is asked again.

Occlusion: Zeiler & Fergus 2014, sec. 4.1; words of a sentence left out: Li, Monroe & Jurafsky 2016, Understanding
Neural Networks through Representation Erasure. A push is the probability of the answer with all words minus that
without this one, so a word has none of its own where another says the same. It shows what the model hung on, and is
no proof that it would be right to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.errors import ConfigError
from core.evaluation.metrics import Floats
from core.inference.predictor import Predictor

MOST = 64
"""Variants that are asked for at most: longer texts are taken apart in groups of words."""

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # scripts without blanks: each letter is a word
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")


@dataclass(frozen=True, slots=True)
class Push:
    """A word, or a group of neighbours: `text[start:end]`. `push` > 0: towards the answer; < 0: away from it.

    `without`: the class that the model predicts when it is left out.
    """

    start: int
    end: int
    text: str
    push: float
    without: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one text and what pushed it. `probabilities`: per class, of the whole text.

    `grouped`: words that were left out together, at most. `truncated`: the model did not read the text to its end.
    """

    label: str
    probability: float
    probabilities: Floats
    pushes: tuple[Push, ...]
    grouped: int
    truncated: bool


def explain(predictor: Predictor, text: str, label: str = "", most: int = MOST) -> Explanation:
    """Leave each word of `text` out and ask again, all in one batch.

    `label`: the class whose probability is watched; the predicted one without. Raises `ConfigError` for none of the
    model's.
    """
    names = predictor.label_names
    if label and label not in names:
        raise ConfigError(f"The model knows no class {label}", f"It knows: {', '.join(names[:8])}.")
    spans = _grouped([found.span() for found in _WORD.finditer(text)], most)
    found = predictor.predict([text, *(_without(text, spans, at) for at in range(len(spans)))])
    whole = found.probabilities[0]
    code = names.index(label) if label else int(whole.argmax())
    pushes = tuple(
        Push(start, end, text[start:end], float(whole[code]) - float(row[code]), names[int(row.argmax())])
        for (start, end, _), row in zip(spans, found.probabilities[1:], strict=True)
    )
    largest = max((count for _, _, count in spans), default=1)
    return Explanation(names[code], float(whole[code]), whole.astype(float), pushes, largest, found.truncated[0])


def _grouped(words: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int, int]]:
    """(start, end, words) of at most `most` runs of neighbours, as equal in length as can be."""
    groups = min(len(words), most)
    cuts = [len(words) * at // groups for at in range(groups + 1)] if groups else []
    return [(words[a][0], words[b - 1][1], b - a) for a, b in pairwise(cuts)]


def _without(text: str, spans: Sequence[tuple[int, int, int]], at: int) -> str:
    """`text` without this span and the blanks behind it, so that no two blanks stand where one did."""
    start = spans[at][0]
    after = spans[at + 1][0] if at + 1 < len(spans) else len(text)
    return text[:start] + text[after:] if at + 1 < len(spans) else text[:start].rstrip()

"""The rows behind the scores: what a run got wrong, the most confident mistake first, or the rows of one cell.

A model that errs at .99 has learned something wrong, or the label is wrong; one that errs at .40 did not know.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigError
from core.evaluation.metrics import Ints
from core.evaluation.patterns import matching
from core.evaluation.predictions import Predictions
from core.evaluation.slices import slice_mask, word_counts
from core.text import safe, shorten

TOP = 3
"""Classes whose probabilities come with a row."""

Which = Literal["wrong", "right", "all"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a part are asked for; what is empty or none does not narrow it.

    `gold`, `said`: class names, a cell of the confusion matrix when both are given; `label`: either of them is this
    class. `words`: all of them are in the text, in any case. `min_words`, `max_words`: length between blanks.
    `slice`: a key of `core.evaluation.slices`.
    """

    which: Which = "wrong"
    gold: str = ""
    said: str = ""
    label: str = ""
    words: str = ""
    regex: str = ""
    min_words: int | None = None
    max_words: int | None = None
    slice: str = ""


def chosen(part: Predictions, wanted: Wanted) -> Ints:
    """Positions of the rows that are asked for, the most confident answer first.

    Raises `ConfigError` for a class or slice that there is not and a regex that cannot be used.
    """
    said = part.said
    mask = _of_which(part, wanted.which)
    for name, codes in ((wanted.gold, part.gold), (wanted.said, said)):
        if name:
            mask &= codes == class_code(part.label_names, name)
    if wanted.label:
        code = class_code(part.label_names, wanted.label)
        mask &= (part.gold == code) | (said == code)
    for word in wanted.words.casefold().split():
        mask &= np.array([word in str(text).casefold() for text in part.texts], dtype=bool)
    if wanted.min_words is not None or wanted.max_words is not None:
        counts = word_counts(part.texts)
        mask &= counts >= (wanted.min_words or 0)
        if wanted.max_words is not None:
            mask &= counts <= wanted.max_words
    if wanted.slice:
        mask &= slice_mask(part, wanted.slice, wanted.regex)
    if wanted.regex and wanted.slice != "regex":
        mask &= matching(part.texts, wanted.regex)
    return by_confidence(part, np.flatnonzero(mask))


def by_confidence(part: Predictions, rows: Ints) -> Ints:
    """These positions, the most confident answer first, equal ones in the order of the file."""
    found: Ints = rows[np.argsort(-part.confidence[rows], kind="stable")]
    return found


def _of_which(part: Predictions, which: Which) -> NDArray[np.bool_]:
    right: NDArray[np.bool_] = part.said == part.gold
    return {"wrong": ~right, "right": right, "all": np.ones(len(part), dtype=bool)}[which]


def page(part: Predictions, rows: Ints) -> list[dict[str, Any]]:
    """These positions as the screen and `--json` have them: text, gold, what was said and how sure, the top classes."""
    names, said = part.label_names, part.said
    found = []
    for at in rows.tolist():
        shares = part.probabilities[at]
        found.append(
            {
                "id": str(part.ids[at]),
                "row": int(part.rows[at]),
                "text": str(part.texts[at]),
                "gold": names[part.gold[at]],
                "said": names[said[at]],
                "right": bool(said[at] == part.gold[at]),
                "confidence": round(float(shares[said[at]]), 6),
                "gold_probability": round(float(shares[part.gold[at]]), 6),
                "top": [[names[code], round(float(shares[code]), 6)] for code in np.argsort(-shares)[:TOP]],
            }
        )
    return found


def class_code(names: Sequence[str], given: str) -> int:
    """The class a person means: by its name, in another case where only one fits. Raises `ConfigError`."""
    if given in names:
        return list(names).index(given)
    alike = [code for code, name in enumerate(names) if name.casefold() == given.casefold()]
    if len(alike) == 1:
        return alike[0]
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(given.casefold(), folded, n=1, cutoff=0.5)
    some = ", ".join(shorten(safe(name), 30) for name in names[:8]) + (" …" if len(names) > 8 else "")
    step = f"Did you mean {safe(folded[near[0]])}?" if near else ""
    raise ConfigError(f"There is no class {shorten(safe(given), 60)}", f"There are: {some}.", step)


def cell_of(names: Sequence[str], given: str) -> tuple[str, str]:
    """The two classes in `GOLD:SAID`; a side may be empty, and names may hold colons. Raises `ConfigError`."""
    splits = [(given[:at], given[at + 1 :]) for at, letter in enumerate(given) if letter == ":"]
    if not splits:
        raise ConfigError(
            f"{shorten(safe(given), 60)} is no cell", "A cell is GOLD:SAID.", f"For instance --cell {_example(names)}"
        )
    wrong: ConfigError | None = None
    for gold, said in splits:
        try:
            return tuple(names[class_code(names, one)] if one else "" for one in (gold, said))  # type: ignore[return-value]
        except ConfigError as unknown:
            wrong = wrong or unknown
    assert wrong is not None
    raise wrong


def _example(names: Sequence[str]) -> str:
    return safe(f"{names[0]}:{names[-1]}")

"""Probabilities for rows by models that were not trained on them, in a minute on a small CPU.

k folds of logistic regressions: over the mean states of the base encoder as it is before any training (one pass),
over words and word pairs, and over pieces of words; the mean of the three. None of them saw the row, or another copy of
its text. A run's own predictions are better on its validation rows; of its training rows it knows the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints
from core.protocol import Progress, no_progress

FOLDS = 5
STRENGTH_STATES, STRENGTH_WORDS = 3.0, 10.0
"""C of the regressions: on one draw of SMS spam with planted errors 3, 10 and 30 found the same ones."""


def folds_of(labels: Ints, keys: Ints, folds: int, seed: int = 0) -> Ints:
    """The fold of each row, 0 to folds - 1: every class dealt evenly, rows of one key (copies of a text) together."""
    texts, first, places = np.unique(keys, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(len(texts))
    order = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold = np.empty(len(texts), dtype=np.int64)
    fold[order] = np.arange(len(texts)) % folds
    found: Ints = fold[places]
    return found


def too_rare(labels: Ints, keys: Ints, classes: int) -> list[int]:
    """Classes that have rows, but of one text only: no model that has not seen that text can know the class."""
    return [code for code in range(classes) if len(np.unique(keys[labels == code])) == 1]


def out_of_fold(
    texts: Sequence[str],
    labels: Ints,
    keys: Ints,
    classes: int,
    states: NDArray[np.float32] | None,
    progress: Progress = no_progress,
) -> Floats:
    """Probabilities `[texts, classes]`. `keys` is equal for copies of a text; `states` are the encoder's, if there are.

    Every class with rows must have two texts at least (`too_rare`). `progress` is told (fold, all, what); what it
    raises ends the work.
    """
    from threadpoolctl import threadpool_limits

    features = [*_words(texts), *([] if states is None else [(_centred(states), STRENGTH_STATES)])]
    folds = min(FOLDS, len(np.unique(keys)))
    fold = folds_of(labels, keys, folds)
    found, done = np.zeros((len(texts), classes)), 0
    with threadpool_limits(1):  # several gain nothing on products this small
        for matrix, strength in features:
            for number in range(folds):
                progress(done, folds * len(features), "comparing with the labels")
                found[fold == number] += _fitted(matrix, labels, fold != number, strength, classes)
                done += 1
    return found / len(features)


def _words(texts: Sequence[str]) -> list[tuple[Any, float]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    whole = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\S+|\w+")
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    return [(one.fit_transform(texts), STRENGTH_WORDS) for one in (whole, pieces)]


def _centred(states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Around zero and of length one on average, so that one strength fits every encoder."""
    centred = states - states.mean(axis=0)
    size = float(np.sqrt((centred.astype(np.float64) ** 2).sum(axis=1).mean()))
    found: NDArray[np.float32] = centred / (size or 1.0)
    return found


def _fitted(matrix: Any, labels: Ints, trained: NDArray[np.bool_], strength: float, classes: int) -> Floats:
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((int((~trained).sum()), classes))
    known = np.unique(labels[trained])
    if len(known) == 1:
        found[:, known] = 1.0
        return found
    model = LogisticRegression(C=strength, max_iter=300)
    model.fit(matrix[trained], labels[trained])
    found[:, model.classes_] = model.predict_proba(matrix[~trained])
    return found

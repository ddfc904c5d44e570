"""What no network is needed for: the scores of "always the largest class" and of TF-IDF on this split's validation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from core.config import RunConfig
from core.data.dataset import Dataset, Loaded
from core.data.examine import Examined, evenly
from core.data.health.words import texts_of
from core.data.split import split_rows
from core.data.table import Ints
from core.errors import WorkbenchError
from core.evaluation.baseline import TfidfBaseline, majority
from core.evaluation.metrics import report
from core.protocol import Progress

TRAIN_ROWS = 20_000
VALIDATION_ROWS = 5_000
_CHARACTERS = 5_000
"""Of each text that are looked at."""
_WORDS = 600_000
"""Of all training texts together that are looked at."""


def check(loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """Both scores on the validation rows, or on an even sample of them; the test part stays untouched."""
    dataset = loaded.dataset
    progress(0, 0, "splitting")
    try:
        parts = split_rows(dataset, config.split)
    except WorkbenchError:  # the profile tells why
        return Examined()
    train = _rows(dataset, parts.train, TRAIN_ROWS)
    held = _rows(dataset, parts.validation, VALIDATION_ROWS)
    if len(train) == 0 or len(held) == 0:
        return Examined()
    gold = dataset.labels[held]
    facts: dict[str, object] = {
        "part": "validation",
        "train_rows": len(train),
        "validation_rows": len(held),
        "sampled": len(train) < len(parts.train) or len(held) < len(parts.validation),
        "majority": _scores(gold, majority(dataset.labels[parts.train], len(held)), dataset),
    }
    if len(np.unique(dataset.labels[train])) > 1:
        predicted = _meanwhile(lambda: _tfidf(dataset, train, held), progress, "training TF-IDF")
        facts["tfidf"] = _scores(gold, predicted, dataset)
    return Examined(facts=facts)


def _scores(gold: Ints, predicted: Ints, dataset: Dataset) -> dict[str, float]:
    scores = report(gold, predicted, len(dataset.label_names)).scores
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1, "weighted_f1": scores.weighted_f1}


def _rows(dataset: Dataset, rows: Ints, most: int) -> Ints:
    """An even sample of these rows: at most `most`, and fewer of long texts."""
    words = max(int(dataset.words.mean()), 1)
    return rows[evenly(len(rows), min(most, max(_WORDS // words, 500)))]


def _tfidf(dataset: Dataset, train: Ints, held: Ints) -> Ints:
    """The codes that TF-IDF with logistic regression gives the held-out rows."""

    def texts(rows: Ints) -> list[str]:
        return [text[:_CHARACTERS] for text in texts_of(dataset, rows).to_pylist()]

    return TfidfBaseline(texts(train), dataset.labels[train]).predict(texts(held))


def _meanwhile(work: Callable[[], Ints], progress: Progress, what: str) -> Ints:
    """What `work` returns or raises. It is done in a thread: a fit cannot be broken off, but it can be left alone."""
    pool = ThreadPoolExecutor(1)
    try:
        done = pool.submit(work)
        while not done.done():
            progress(0, 0, what)
            wait([done], timeout=0.15)
        return done.result()
    finally:
        pool.shutdown(wait=False)

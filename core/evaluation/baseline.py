"""What needs no network: always the largest class, and TF-IDF with logistic regression.

A score means something only beside these: a model that learned nothing looks fine on unbalanced data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.evaluation.metrics import Ints


def majority(train_labels: Ints, rows: int) -> Ints:
    """The largest training class, for every one of `rows` rows."""
    return np.full(rows, np.bincount(train_labels).argmax(), dtype=np.int64)


class TfidfBaseline:
    """TF-IDF over words and word pairs (sublinear counts), then logistic regression (L2, C=1, lbfgs)."""

    def __init__(self, texts: Sequence[str], labels: Ints) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self._vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\S+|\w+")
        self._model = LogisticRegression(max_iter=300, C=1.0)
        features = self._vectorizer.fit_transform(texts)
        # Several threads gain nothing on products this small and fight over cores that others use.
        with threadpool_limits(1):
            self._model.fit(features, labels)

    def predict(self, texts: Sequence[str]) -> Ints:
        """Codes for these texts, shape `[rows]`."""
        predicted: Ints = self._model.predict(self._vectorizer.transform(texts)).astype(np.int64)
        return predicted

"""Classification metrics from labels and predictions, in numpy alone: the training loop scores with these too.

Definitions as in scikit-learn (`precision_recall_fscore_support`, zero_division=0): F1 of a class is
2·TP / (2·TP + FP + FN), macro F1 its plain mean over the classes, weighted F1 its mean weighted by support.
A class that occurs neither in gold nor in the predictions is left out of the macro mean, as scikit-learn does when
no `labels` are passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.training.events import Scores

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Report:
    """Scores with what stands behind them, per class in the order of the label names."""

    scores: Scores
    precision: Floats
    recall: Floats
    support: Ints
    confusion: Ints


def confusion_matrix(gold: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts `[gold, predicted]`, shape `[classes, classes]`."""
    return np.bincount(gold * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _ratio(top: Floats | Ints, bottom: Floats | Ints) -> Floats:
    return np.divide(top, bottom, out=np.zeros(len(top)), where=np.asarray(bottom) > 0)


def report(gold: Ints, predicted: Ints, classes: int, loss: float | None = None) -> Report:
    """Every figure for these rows. `gold` and `predicted`: codes, shape `[rows]`. Raises `ValueError` on no rows."""
    if len(gold) == 0:
        raise ValueError("no rows to score")
    matrix = confusion_matrix(gold, predicted, classes)
    hits, support, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    f1, recall = _ratio(2 * hits, support + said), _ratio(hits, support)
    present = (support + said) > 0
    scores = Scores(
        rows=len(gold),
        accuracy=float(hits.sum() / len(gold)),
        macro_f1=float(f1[present].mean()),
        weighted_f1=float((f1 * support).sum() / len(gold)),
        class_f1=tuple(float(value) for value in f1),
        loss=loss,
        class_recall=tuple(float(value) for value in recall),
    )
    return Report(scores, _ratio(hits, said), recall, support, matrix)


def score(gold: Ints, predicted: Ints, classes: int, loss: float | None = None) -> Scores:
    """The scores alone."""
    return report(gold, predicted, classes, loss).scores


def log_loss(gold: Ints, logits: NDArray[np.float32]) -> float:
    """Mean cross-entropy in nats. `logits`: shape `[rows, classes]`."""
    wide = logits.astype(np.float64)
    below = wide - wide.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(below).sum(axis=1)) - below[np.arange(len(gold)), gold]))


def softmax(logits: NDArray[np.float32]) -> Floats:
    """Probabilities, shape `[rows, classes]`, each row summing to 1."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def as_dict(found: Report, names: tuple[str, ...]) -> dict[str, object]:
    """A report as `metrics.json` holds it."""

    def by_name(values: Floats | tuple[float, ...]) -> dict[str, float]:
        return {name: float(value) for name, value in zip(names, values, strict=True)}

    scores = found.scores
    return {
        "rows": scores.rows,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "weighted_f1": scores.weighted_f1,
        "loss": scores.loss,
        "class_f1": by_name(scores.class_f1),
        "class_precision": by_name(found.precision),
        "class_recall": by_name(found.recall),
        "support": {name: int(count) for name, count in zip(names, found.support, strict=True)},
        "confusion": found.confusion.tolist(),
    }

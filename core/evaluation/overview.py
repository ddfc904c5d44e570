"""Everything an opened run shows about one part of its rows: figures with intervals, classes, calibration, thresholds.

The temperature and the threshold are always found on validation; a test part shows what they are worth elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.errors import RunError
from core.evaluation import calibration as c
from core.evaluation.intervals import DRAWS, LEVEL, intervals
from core.evaluation.judgement import read_judgement
from core.evaluation.looked import looks
from core.evaluation.metrics import Floats, Ints, Report, report
from core.evaluation.predictions import Predictions
from core.evaluation.verdict import sentences
from core.runs.run import Run
from core.text import safe

PARTS = ("validation", "test")
STEPS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Thresholds that the table of coverage and accuracy shows."""

_KEYS = ("accuracy", "macro_f1", "weighted_f1")


def rows_of(run: Run, whole: Predictions, part: str) -> Predictions:
    """The rows of `validation` or `test`. Raises `RunError` when there is no such part, or none in this run."""
    if part not in PARTS:
        raise RunError(f"There is no part {safe(part)[:40]!r}", f"There are: {' and '.join(PARTS)}.")
    found = whole.part(part)
    if len(found):
        return found
    if part == "test":
        raise RunError(
            f"{run.name} has no locked test",
            "All rows that it did not learn from are validation rows.",
            f"finetui judge {run.name} judges those.",
        )
    other = f"finetui judge {run.name} --part test judges its test rows." if len(whole) else ""
    raise RunError(f"{run.name} has no rows of validation", "Its predictions hold none.", other)


def overview(run: Run, whole: Predictions, part: str = "validation", wished: float = c.WISHED) -> dict[str, Any]:
    """The overview of one part, as JSON. `wished`: accuracy that answered rows should reach.

    Raises `RunError` when the part has no rows.
    """
    rows = rows_of(run, whole, part)
    names, said = rows.label_names, rows.said
    found = report(rows.gold, said, len(names))
    spans = intervals(rows.gold, said, len(names))
    baselines = _baselines(run, rows, part)
    calibrated = _calibration(whole, rows)
    return {
        "run": run.name,
        "part": part,
        "rows": len(rows),
        "parts": {name: int((whole.parts == name).sum()) for name in PARTS},
        "label_names": list(names),
        "scores": {name: one.as_dict() for name, one in spans.items()},
        "interval": {"level": LEVEL, "draws": DRAWS, "method": "bootstrap percentile (Efron & Tibshirani 1993)"},
        "classes": _classes(found, names),
        "confusion": found.confusion.tolist(),
        "row_shares": _row_shares(found.confusion),
        "baselines": baselines,
        "calibration": calibrated,
        "thresholds": _thresholds(whole, rows, calibrated["temperature"], wished),
        "judgement": _judgement(run),
        "looks": looks(run) if len(whole.part("test")) else None,
        "sentences": sentences(found, names, spans, baselines, calibrated),
    }


def _classes(found: Report, names: tuple[str, ...]) -> list[dict[str, Any]]:
    said = found.confusion.sum(axis=0)
    return [
        {
            "name": name,
            "precision": float(found.precision[code]),
            "recall": float(found.recall[code]),
            "f1": found.scores.class_f1[code],
            "support": int(found.support[code]),
            "said": int(said[code]),
        }
        for code, name in enumerate(names)
    ]


def _row_shares(confusion: Ints) -> list[list[float | None]]:
    """Each cell as a share of its gold class; none in the row of a class without rows."""
    sums = confusion.sum(axis=1)
    return [
        [float(count / total) if total else None for count in row] for row, total in zip(confusion, sums, strict=True)
    ]


def _baselines(run: Run, rows: Predictions, part: str) -> list[dict[str, Any]]:
    """What needs no network, best known on the same part; `part` of each says which rows it was scored on.

    The majority class is that of training, and can be scored on any rows. TF-IDF was scored on validation alone.
    """
    saved = run.read_json("metrics.json").get("baselines")
    found = []
    try:
        for key, title in (("majority", "always the largest class"), ("tfidf", "TF-IDF + logistic regression")):
            if not saved or key not in saved:
                continue
            scores, where = saved[key]["validation"], "validation"
            figures = {name: float(scores[name]) for name in _KEYS}
            label = ""
            if key == "majority":
                code = int(np.asarray(scores["confusion"]).sum(axis=0).argmax())
                label, where = rows.label_names[code], part
                always = report(rows.gold, np.full(len(rows), code), len(rows.label_names)).scores
                figures = {name: getattr(always, name) for name in _KEYS}
            found.append({"name": key, "title": title, "label": label, "part": where, **figures})
    except (KeyError, TypeError, ValueError, IndexError) as broken:
        raise RunError(f"{run.name} is damaged", f"{run.path / 'metrics.json'}: {broken!r}") from None
    return found


def _calibration(whole: Predictions, rows: Predictions) -> dict[str, Any]:
    validation = whole.part("validation")
    fitted = c.fit_temperature(validation.probabilities, validation.gold)
    return {
        "temperature": fitted.value,
        "reason": fitted.reason,
        "fitted_on": fitted.rows,
        "before": _reliability(rows.probabilities, rows.gold),
        "after": _reliability(c.with_temperature(rows.probabilities, fitted.value), rows.gold),
    }


def _reliability(probabilities: Floats, gold: Ints) -> dict[str, Any]:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == gold
    width, mass = c.reliability(confidence, right), c.reliability(confidence, right, equal="mass")
    keys = ("low", "high", "rows", "confidence", "right")
    return {
        "confidence": float(confidence.mean()),
        "ece": c.calibration_error(width),
        "ece_mass": c.calibration_error(mass),
        "brier": c.brier(probabilities, gold),
        "nll": c.negative_log_likelihood(probabilities, gold),
        "bins": [{key: getattr(one, key) for key in keys} for one in width],
        "bins_mass": [{key: getattr(one, key) for key in keys} for one in mass],
    }


def _thresholds(whole: Predictions, rows: Predictions, temperature: float, wished: float) -> dict[str, Any]:
    """Coverage against accuracy, by calibrated confidence: at fixed steps, and where `wished` is reached."""
    validation = whole.part("validation")
    sure, right = _answers(validation, temperature)
    here, good = _answers(rows, temperature)
    picked = c.lowest_threshold(sure, right, wished)
    return {
        "wished": wished,
        "threshold": picked,
        "validation": None if picked is None else _plain(c.tradeoff(sure, right, picked)),
        "here": None if picked is None else _plain(c.tradeoff(here, good, picked)),
        "steps": [_plain(c.tradeoff(here, good, step)) for step in STEPS],
    }


def tradeoff_at(run: Run, whole: Predictions, part: str, threshold: float) -> dict[str, Any]:
    """What one threshold gives on a part, by confidence calibrated on validation. Raises `RunError` without rows."""
    rows, validation = rows_of(run, whole, part), whole.part("validation")
    sure, right = _answers(rows, c.fit_temperature(validation.probabilities, validation.gold).value)
    return _plain(c.tradeoff(sure, right, threshold))


def _answers(rows: Predictions, temperature: float) -> tuple[Floats, c.Bools]:
    sure = c.with_temperature(rows.probabilities, temperature).max(axis=1) if len(rows) else np.zeros(0)
    right: c.Bools = rows.said == rows.gold
    return sure, right


def _plain(one: c.Tradeoff) -> dict[str, Any]:
    keys = ("threshold", "rows", "coverage", "accuracy", "low", "high")
    return {key: getattr(one, key) for key in keys}


def _judgement(run: Run) -> dict[str, Any] | None:
    kept = read_judgement(run)
    return None if kept is None else {"temperature": kept.temperature, "unsure_below": kept.unsure_below}

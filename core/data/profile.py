"""What a person wants to know about a data set before training on it, as plain JSON types."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.config import DataConfig, SplitConfig
from core.data.dataset import Dataset, Loaded
from core.data.health import findings
from core.data.health.finding import Finding
from core.data.split.trainable import check_trainable
from core.data.table import Decision, Ints, Table
from core.errors import DataError, WorkbenchError
from core.text import safe

BINS = 20


def profile(
    loaded: Loaded, config: DataConfig, split: SplitConfig, found: list[Finding] | None = None
) -> dict[str, Any]:
    """The profile of a data set (its shape is told in `core.data.service`). Never raises for what is wrong with it."""
    dataset = loaded.dataset
    return {
        "source": dataset.source,
        "given": config.given,
        "members": _members(loaded.table),
        "columns": list(loaded.table.columns),
        "text": list(loaded.columns.text),
        "label": loaded.columns.label,
        "group": loaded.columns.group,
        "time": config.time,
        "reading": _reading(dataset.reading),
        "read": dataset.read,
        "kept": len(dataset.texts),
        "dropped": [{"reason": reason, "rows": rows} for reason, rows in dataset.dropped.items()],
        "cures": [{"cure": cure, "rows": dataset.effects.get(cure, 0)} for cure in config.cures],
        "classes": _classes(dataset),
        "findings": [as_dict(one) for one in (findings(loaded) if found is None else found)],
        "lengths": _lengths(dataset.words),
        "majority": _majority(dataset),
        "problem": problem(dataset, split),
    }


def profile_without_columns(table: Table, config: DataConfig, wrong: DataError) -> dict[str, Any]:
    """The same shape for a table whose text or label column cannot be told, so that a person can name them."""
    left = [*table.dropped.items(), (wrong.title.lower(), table.read - sum(table.dropped.values()))]
    return {
        "source": config.source,
        "given": config.given,
        "members": _members(table),
        "columns": list(table.columns),
        "text": [name for name in config.text if name in table.columns],
        "label": config.label if config.label in table.columns else "",
        "group": config.group if config.group in table.columns else "",
        "time": config.time if config.time in table.columns else "",
        "reading": _reading(table.reading),
        "read": table.read,
        "kept": 0,
        "dropped": [{"reason": reason, "rows": rows} for reason, rows in left],
        "cures": [{"cure": cure, "rows": 0} for cure in config.cures],
        "classes": [],
        "findings": [],
        "lengths": _lengths(np.zeros(0, dtype=np.int64)),
        "majority": {"name": "", "accuracy": 0.0, "macro_f1": 0.0},
        "problem": wrong.to_dict(),
    }


def problem(dataset: Dataset, split: SplitConfig) -> dict[str, str] | None:
    """Why this cannot be trained on as it is, as an error's fields; None when it can."""
    try:
        check_trainable(dataset, split)
    except WorkbenchError as wrong:
        return wrong.to_dict()
    return None


def _reading(decisions: tuple[Decision, ...]) -> list[dict[str, str]]:
    return [{"what": one.what, "value": safe(one.value), "reason": safe(one.reason)} for one in decisions]


def as_dict(one: Finding) -> dict[str, Any]:
    """A finding as plain JSON types; the rows behind it are asked for by its code."""
    return {
        "level": one.level,
        "code": one.code,
        "text": one.text,
        "rows": one.rows,
        "cure": one.cure,
        "settings": one.settings,
    }


def _members(table: Table) -> list[dict[str, Any]]:
    return [{"name": one.name, "part": one.part, "read": one.read} for one in table.members]


def _counts(dataset: Dataset) -> Ints:
    return np.bincount(dataset.labels, minlength=len(dataset.label_names))


def _classes(dataset: Dataset) -> list[dict[str, Any]]:
    counts = _counts(dataset)
    total = max(int(counts.sum()), 1)
    return [
        {"name": dataset.label_names[code], "rows": int(counts[code]), "share": float(counts[code] / total)}
        for code in np.argsort(-counts, kind="stable")
    ]


def _lengths(words: Ints) -> dict[str, Any]:
    if len(words) == 0:
        return {"unit": "words", "p50": 0, "p95": 0, "max": 0, "histogram": [0] * BINS}
    p50, p95, p99 = (int(value) for value in np.percentile(words, (50, 95, 99), method="higher"))
    histogram, _ = np.histogram(words[words <= p99], bins=BINS, range=(0, max(p99, 1)))
    return {"unit": "words", "p50": p50, "p95": p95, "max": int(words.max()), "histogram": histogram.tolist()}


def _majority(dataset: Dataset) -> dict[str, Any]:
    """What always answering the largest class scores: its F1 is 2a / (1 + a) for its share a, all others' is 0."""
    counts = _counts(dataset)
    if counts.sum() == 0:
        return {"name": "", "accuracy": 0.0, "macro_f1": 0.0}
    share = float(counts.max() / counts.sum())
    f1 = 2 * share / (1 + share) / len(counts)
    return {"name": dataset.label_names[int(counts.argmax())], "accuracy": share, "macro_f1": f1}

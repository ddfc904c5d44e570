"""A child that speaks the line protocol without data or model: for what a real one would do only with bad luck.

What it does follows from the configuration's source (or the run's path): `slow` never answers, `die` ends with words on
stderr, `bad` reports an error, `long` has many rows; all else is a small data set of three classes.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from core.config import from_dict
from core.errors import DataError
from core.preflight import require_sound
from core.protocol import Progress, serve

SOURCES = {"slow", "die", "bad"}
COUNTS = {"positive": 40, "negative": 30, "[/red] odd\x1b[31m": 5}


def _mood(request: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = request["config"]["data"]
    return data


def _react(request: dict[str, Any], progress: Progress) -> None:
    name = Path(_mood(request)["source"]).name
    if name == "slow":
        progress(120, 1000, "reading")
        threading.Event().wait()
    if name == "die":
        print("out of memory, said the fake", file=sys.stderr, flush=True)
        os._exit(3)
    if name == "bad":
        raise DataError("There is no file bad", "Nothing lies at /nowhere/[/bad].", "Check the path.")


def _classes(request: dict[str, Any]) -> dict[str, int]:
    cures = _mood(request)["cures"]
    return {name: rows for name, rows in COUNTS.items() if f"drop-class:{name}" not in cures}


def profile(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Three classes, one finding of each level."""
    _react(request, progress)
    kept = _classes(request)
    total = sum(kept.values())
    dropped = [{"reason": f"class {name}", "rows": rows} for name, rows in COUNTS.items() if name not in kept]
    return {
        "source": _mood(request)["source"], "given": _mood(request)["given"], "columns": ["text", "label", "[/b]"],
        "text": ["text"], "label": "label", "group": _mood(request)["group"],
        "reading": [{"what": "encoding", "value": "utf-8", "reason": "no byte says otherwise"}],
        "read": sum(COUNTS.values()), "kept": total, "dropped": dropped,
        "classes": [{"name": name, "rows": rows, "share": rows / total} for name, rows in kept.items()],
        "findings": [
            {"level": "ok", "code": "leaks", "text": "no leak found", "rows": 0, "cure": ""},
            {"level": "warn", "code": "duplicates", "text": "14 near [/duplicates]", "rows": 14,
             "cure": "drop-duplicates"},
            {"level": "bad", "code": "rare", "text": "one class is rare", "rows": 5, "cure": ""},
        ],
        "lengths": {"unit": "words", "p50": 21, "p95": 38, "max": 71, "histogram": [1, 5, 9, 4, 2] + [0] * 15},
        "majority": {"name": "positive", "accuracy": 0.53, "macro_f1": 0.23}, "problem": None,
    }  # fmt: skip


def check(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Only settings out of bounds and the source's mood stand in the way of a run."""
    require_sound(from_dict(request["config"]))
    _react(request, progress)
    return {}


def rows(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Every row of every class, filtered."""
    _react(request, progress)
    if Path(_mood(request)["source"]).name == "long":
        first = request["start"] + 1
        numbers = range(first, min(first + request["count"], 100_001))
        return {"total": 100_000, "rows": [{"row": n, "text": f"sentence {n} .", "label": "a"} for n in numbers]}
    labels = [name for name, many in _classes(request).items() for _ in range(many)]
    every = [(n, f"sentence {n} of \x1b]52;c;ZXZpbA==\x07 [/bold]", label) for n, label in enumerate(labels, 1)]
    if request["code"] == "duplicates":
        every = every[:14]
    found = [one for one in every if request["label"] in ("", one[2]) and request["filter"] in one[1]]
    page = found[request["start"] : request["start"] + request["count"]]
    return {"total": len(found), "rows": [{"row": n, "text": text, "label": label} for n, text, label in page]}


def split(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ten per cent each for validation and test."""
    _react(request, progress)
    kept = _classes(request)
    tenths = [rows // 10 for rows in kept.values()]
    train = [rows - 2 * tenth for rows, tenth in zip(kept.values(), tenths, strict=True)]
    return {"label_names": list(kept), "train": train, "validation": tenths, "test": tenths}


def classify(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Sure of what is long."""
    if Path(request["run"]).name == "slow":
        threading.Event().wait()
    sure = [min(0.5 + len(text) / 100, 0.99) for text in request["texts"]]
    return {
        "label_names": ["negative", "[/odd]"], "probabilities": [[1 - p, p] for p in sure], "milliseconds": 4.2,
        "engine": "onnx", "reason": "a verified graph", "truncated": [False for _ in sure],
    }  # fmt: skip


def warm(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """At once."""
    if Path(request["run"]).name == "slow":
        threading.Event().wait()
    return {"engine": "onnx", "seconds": 0.1, "label_names": ["negative", "[/odd]"]}


DEVICES = (
    '{"devices": [{"device": "cpu", "name": "[/Xeon", "free_bytes": 8000000000, "total_bytes": 16000000000,'
    ' "note": "2 cores"}]}'
)

if __name__ == "__main__":
    match sys.argv[1]:
        case "data":
            serve({"profile": profile, "rows": rows, "split": split, "check": check})
        case "classify":
            serve({"classify": classify, "warm": warm})
        case "devices":
            print(DEVICES)

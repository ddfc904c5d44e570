"""A child that speaks the line protocol without data or model: for what a real one would do only with bad luck.

What it does follows from the configuration's source (or the run's path): `slow` never answers, `die` ends with words on
stderr, `bad` reports an error, `long` has many rows, `parts` comes in three files, `stuck` is looked at for ever, `odd`
has rows that were left out; all else is a small data set of three classes.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from core.config import from_dict, to_dict
from core.config.recipe import recipe_named
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
    """Rows per class after the cures, those that leave none included."""
    kept = dict(COUNTS)
    for cure in _mood(request)["cures"]:
        name, _, argument = cure.partition(":")
        if name == "drop-class" and argument in kept:
            kept.pop(argument)
        elif name == "drop-duplicates" and "positive" in kept:
            kept["positive"] -= 14
        elif name == "rename-class":
            old, _, new = argument.partition("=")
            kept[new] = kept.get(new, 0) + kept.pop(old)
        elif name not in ("drop-duplicates", "strip") or argument == "x":
            raise DataError(f"There is nothing to cure with {cure}", next_step="Name another rule.")
    return dict(sorted(kept.items(), key=lambda pair: -pair[1]))


def _dropped(request: dict[str, Any]) -> dict[str, int]:
    """Rows that each cure dropped."""
    rows = {f"drop-class:{name}": count for name, count in COUNTS.items()} | {"drop-duplicates": 14}
    return {cure: rows[cure] for cure in _mood(request)["cures"] if cure in rows}


def _members(request: dict[str, Any]) -> list[dict[str, Any]]:
    if Path(_mood(request)["source"]).name != "parts":
        return []
    return [{"name": f"{part}.tsv", "part": part, "read": 25} for part in ("train", "validation", "test")]


def profile(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Three classes, one finding of each level, one that a setting mends."""
    _react(request, progress)
    mood, kept = {"encoding": "", "text": [], "label": "", **_mood(request)}, _classes(request)
    if mood["encoding"] == "utf-16":
        raise DataError("This is not utf-16", "Byte 0 says otherwise.", "Try --encoding utf-8.")
    total = sum(kept.values())
    dropped = [{"reason": cure, "rows": rows} for cure, rows in _dropped(request).items()]
    if Path(mood["source"]).name == "odd":
        dropped.append({"reason": "unreadable time", "rows": 3})
    return {
        "source": mood["source"], "given": mood["given"], "columns": ["text", "label", "[/b]"],
        "text": mood["text"] or ["text"], "label": mood["label"] or "label", "group": mood["group"],
        "time": "", "members": _members(request),
        "reading": [{"what": "encoding", "value": mood["encoding"] or "utf-8", "reason": "no byte says otherwise"},
                    {"what": "header", "value": "no", "reason": "line 1 is [/data]"},
                    {"what": "archive", "value": "zip", "reason": "by its content"}],
        "read": sum(COUNTS.values()), "kept": total, "dropped": dropped,
        "cures": [{"cure": cure, "rows": _dropped(request).get(cure, 0)} for cure in mood["cures"]],
        "classes": [{"name": name, "rows": rows, "share": rows / total} for name, rows in kept.items()],
        "findings": [
            {"level": "ok", "code": "leaks", "text": "no leak found", "rows": 0, "cure": ""},
            *([] if "drop-duplicates" in mood["cures"] else [
                {"level": "warn", "code": "duplicates", "text": "14 near [/duplicates]", "rows": 14,
                 "cure": "drop-duplicates", "settings": {}}]),
            {"level": "warn", "code": "imbalance", "text": "one class is much larger", "rows": 5, "cure": "",
             "settings": {"training.class_weights": "balanced"}},
            {"level": "bad", "code": "rare", "text": "one class is rare", "rows": 5, "cure": ""},
        ],
        "lengths": {"unit": "words", "p50": 21, "p95": 38, "max": 71, "histogram": [1, 5, 9, 4, 2] + [0] * 15},
        "majority": {"name": "positive", "accuracy": 0.53, "macro_f1": 0.23}, "problem": None,
    }  # fmt: skip


def examine(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Tokens, one grave finding that a column mends, and what has to be beaten."""
    name, check = Path(_mood(request)["source"]).name, request["check"]
    findings: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    while name == "stuck" and check == "near-duplicates":
        progress(43, 100, "comparing")
        threading.Event().wait(0.01)
    if check == "lengths" and name == "tokenless":
        facts = {"unavailable": "starter is not on this machine", "model": "starter"}
    elif check == "lengths":
        facts = {"unit": "tokens", "model": "starter", "p50": 25, "p95": 44, "max": 90, "histogram": [1] * 20,
                 "max_length": 64, "automatic": True, "truncated_share": 0.004, "rows": 75}  # fmt: skip
    elif check == "pieces" and not _mood(request)["group"]:
        findings.append({"level": "bad", "code": "pieces", "text": "rows are pieces of one another", "rows": 60,
                         "cure": "", "settings": {"data.group": "[/b]"}})  # fmt: skip
    elif check == "leaks" and name == "odd":
        raise DataError("No such luck")
    elif check == "baseline":
        scores = [{"accuracy": 0.5, "macro_f1": value, "weighted_f1": 0.4} for value in (0.23, 0.41)]
        facts = {"majority": scores[0], "tfidf": scores[1], "train_rows": 53, "validation_rows": 11}
    return {"findings": findings, "facts": facts}


def cures(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Three rules."""
    rules = [("drop-class", "drop-class:NAME", "Leave a class out.", True, "neutral"),
             ("drop-duplicates", "drop-duplicates", "Keep one of equal rows.", False, ""),
             ("strip", "strip:urls,mentions", "Strip these from [/the] texts.", True, "urls")]  # fmt: skip
    names = ("name", "shape", "sentence", "argument", "example")
    return {"rules": [dict(zip(names, rule, strict=True)) for rule in rules]}


def recipe(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """A recipe fits whose rules can be used here, as all do that have none."""
    _react(request, progress)
    tree = to_dict(recipe_named(request["name"]).applied(from_dict(request["config"])))
    _classes({"config": tree})
    return {"config": tree}


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
    code = request["code"]
    if code in _dropped(request):
        every = [(n, f"dropped {n}", "gone") for n in range(1, _dropped(request)[code] + 1)]
    elif code == "unreadable time":
        every = every[:3]
    elif code:
        every = every[: {"duplicates": 14, "rare": 5, "imbalance": 5, "pieces": 60}[code]]
    found = [one for one in every if request["label"] in ("", one[2]) and request["filter"] in one[1]]
    page = found[request["start"] : request["start"] + request["count"]]
    file = "train.tsv" if _members(request) else ""
    answer = [{"row": n, "file": file, "text": text, "label": label} for n, text, label in page]
    return {"total": len(found), "rows": answer}


def split(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ten per cent each for validation and test."""
    _react(request, progress)
    kept = _classes(request)
    tenths = [rows // 10 for rows in kept.values()]
    train = [rows - 2 * tenth for rows, tenth in zip(kept.values(), tenths, strict=True)]
    return {
        "label_names": list(kept), "train": train, "validation": tenths, "test": tenths, "left_out": 0,
        "method": "stratified", "reason": "equal class shares, copies of one text together",
    }  # fmt: skip


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


FORECAST = {"seconds": 90.0, "probed": False, "how": "at a guessed pace", "device": "cpu", "steps": 16, "parts": {},
            "peak_bytes": 1 << 30, "free_bytes": 8 << 30, "fits": True, "proposal": {}}  # fmt: skip


def estimate(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """A minute and a half, about."""
    _react(request, progress)
    return FORECAST


def probe(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """72 seconds; batches of more than 64 rows do not fit, and of 48 it is never told."""
    _react(request, progress)
    rows = request["config"]["training"]["batch_size"]
    if rows == 48:
        threading.Event().wait()
    measured = {**FORECAST, "seconds": 72.4, "probed": True, "how": "measured on cpu (fp32)"}
    if rows <= 64:
        return measured
    proposal = {"training.batch_size": rows // 2, "training.accumulation": 2}
    return measured | {"peak_bytes": 20 << 30, "fits": False, "proposal": proposal}


DEVICES = (
    '{"devices": [{"device": "cpu", "name": "[/Xeon", "free_bytes": 8000000000, "total_bytes": 16000000000,'
    ' "note": "2 cores"}]}'
)

if __name__ == "__main__":
    match sys.argv[1]:
        case "data":
            quick = {"profile": profile, "rows": rows, "split": split, "check": check, "cures": cures, "recipe": recipe}
            serve(quick, background={"examine": examine})
        case "classify":
            serve({"classify": classify, "warm": warm})
        case "forecast":
            serve({"estimate": estimate, "probe": probe})
        case "devices":
            print(DEVICES)

"""A child of the screen whose every answer is made of hostile strings: `hostile_child.py STRINGS.json COMMAND …`.

The source that is asked for says what comes: `mixed` is data that can be trained on, `refused` data that cannot, and
`error` an error.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from core.errors import DataError
from core.protocol import Progress, serve

STRINGS: list[str] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
NAMES = [name for name in dict.fromkeys(STRINGS) if name]
NEXT = itertools.cycle(STRINGS)


def some(count: int) -> list[str]:
    return [next(NEXT) for _ in range(count)]


def mood(request: dict[str, Any]) -> str:
    return Path(request["config"]["data"]["source"]).name


def react(request: dict[str, Any], progress: Progress) -> None:
    progress(1, 2, next(NEXT))
    if mood(request) == "error":
        raise DataError(*some(3))


def profile(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    react(request, progress)
    data, rows = request["config"]["data"], len(NAMES)
    problem = dict(zip(("kind", "title", "message", "next_step"), ["DataError", *some(3)], strict=True))
    return {
        "source": data["source"], "given": data["given"], "columns": NAMES[:12], "text": NAMES[:2], "label": NAMES[2],
        "group": NAMES[3], "time": "",
        "members": [{"name": one, "part": "train", "read": 1} for one in NAMES[:20]],
        "reading": [{"what": what, "value": next(NEXT), "reason": next(NEXT)}
                    for what in ("encoding", "header", "archive", "format", "delimiter", next(NEXT))],
        "read": rows, "kept": rows, "dropped": [{"reason": one, "rows": 1} for one in NAMES],
        "cures": [], "classes": [{"name": one, "rows": rows - at, "share": 1 / rows} for at, one in enumerate(NAMES)],
        "findings": [{"level": ("bad", "warn", "ok", one)[at % 4], "code": one, "text": one, "rows": at,
                      "cure": f"drop-class:{one}" if at % 2 else "", "settings": {"data.group": one}}
                     for at, one in enumerate(NAMES)],
        "lengths": {"unit": "words", "p50": 1, "p95": 2, "max": 3, "histogram": [1] * 20},
        "majority": {"name": next(NEXT), "accuracy": 0.5, "macro_f1": 0.2},
        "problem": problem if mood(request) == "refused" else None,
    }  # fmt: skip


def examine(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    progress(1, 2, next(NEXT))
    return {"findings": [], "facts": {"unavailable": next(NEXT)}}


def rows(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    found = [{"row": at, "file": STRINGS[at % 7], "text": text, "label": STRINGS[-at]}
             for at, text in enumerate(STRINGS, 1)]  # fmt: skip
    return {"total": len(found), "rows": found[request["start"] : request["start"] + request["count"]]}


def split(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    names = NAMES[:40]
    ones = [1] * len(names)
    return {"label_names": names, "train": ones, "validation": ones, "test": ones, "left_out": 0,
            "method": next(NEXT), "reason": next(NEXT)}  # fmt: skip


def cures(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    names = ("name", "shape", "sentence", "argument", "example")
    return {"rules": [dict(zip(names, (one, next(NEXT), next(NEXT), True, next(NEXT)), strict=True)) for one in NAMES]}


def check(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    raise DataError(*some(3))


def answer(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    names = some(12)
    return {"label_names": names, "probabilities": [[1 / 12] * 12 for _ in request["texts"]], "milliseconds": 1.0,
            "engine": next(NEXT), "reason": next(NEXT), "truncated": [True for _ in request["texts"]]}  # fmt: skip


def warm(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"engine": next(NEXT), "seconds": 0.1, "label_names": some(3)}


def forecast(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"seconds": 9.0, "probed": True, "how": next(NEXT), "device": next(NEXT), "steps": 1, "parts": {},
            "peak_bytes": 1 << 30, "free_bytes": 1 << 33, "fits": True, "proposal": {}}  # fmt: skip


if __name__ == "__main__":
    print(next(NEXT).encode("utf-8", "replace").decode(), file=sys.stderr)
    match sys.argv[2]:
        case "data":
            quick = {"profile": profile, "rows": rows, "split": split, "check": check, "cures": cures}
            serve(quick, background={"examine": examine})
        case "classify":
            serve({"classify": answer, "warm": warm})
        case "forecast":
            serve({"estimate": forecast, "probe": forecast})
        case "devices":
            found = {"device": next(NEXT), "name": next(NEXT), "free_bytes": 1, "total_bytes": 1, "note": next(NEXT)}
            print(json.dumps({"devices": [found, {**found, "device": "cpu"}]}))

"""A judging child for what a real one would do only with bad luck or with a model; the run's name says what.

`slow` never answers (of suspicious labels it tells how far it is), `die` ends with words on stderr, `bad` reports an
error. Every `good` pushes a text to its class, every `bad` away from it.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.protocol import Progress, serve

PUSHES = {"good": 0.5, "bad": -0.1}


def react(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Whatever is asked."""
    name = Path(request["run"]).name
    if name == "slow" and request["ask"] == "suspicious":
        progress(2, 5, "small models [/1]")
    if name == "slow":
        threading.Event().wait()
    if name == "die":
        print("out of memory, said the fake", file=sys.stderr, flush=True)
        os._exit(3)
    raise RunError("The predictions are [/damaged]", "3 of 9 rows hold no probabilities.", "Train the run again.")


def explain(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """By what the words say."""
    words = [
        {"start": one.start(), "end": one.end(), "text": one[0], "push": PUSHES.get(one[0], 0.0), "without": "fine"}
        for one in re.finditer(r"\S+", request["text"])
    ]
    return {"label": request["class"], "probability": 0.9, "probabilities": {}, "words": words, "grouped": 1,
            "truncated": len(words) > 50, "engine": "fake"}  # fmt: skip


if __name__ == "__main__":
    named = ("overview", "mistakes", "slices", "tradeoff", "keep", "suspicious", "decide", "decisions")
    serve({"explain": explain, **dict.fromkeys(named, react)})

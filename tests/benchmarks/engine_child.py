"""One measurement in a process of its own: `python -m tests.benchmarks.engine_child REQUEST`, JSON in and out.

The request names the engine and the work; `began` is when the parent started this process. What cannot be measured
here for want of a package is answered with `missing`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from tests.benchmarks.engine_work import Work, load_rows


def limit_cores(count: int) -> None:
    """Let this process use `count` cores at most, where the system allows to say so."""
    if count and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def train(request: dict[str, Any]) -> dict[str, Any]:
    """One training by one engine."""
    import torch

    from core.machine import usable_cores

    torch.set_num_threads(usable_cores())
    work, device, how = Work(**request["work"]), request["device"], request["how"]
    cold = how != "train"
    if request["engine"] == "ours":
        from tests.benchmarks import engine_ours as side

        options = dict(request["options"])
        if options.pop("cache", False):
            options["switches"] = side.caches()
        ready: Any = side.set_up(work, device, **options)
        ways: dict[str, Any] = {"train": side.train, "saved": side.train_saved, "until": side.train_until}
    else:
        from tests.benchmarks import peers as side  # type: ignore[no-redef]

        ready = side.set_up(work, device)
        ways = {"train": side.PEERS[request["engine"]], "saved": side.tuned_saved, "until": side.tuned_until}
    ready.began = request["began"]
    if not cold:
        from tests.benchmarks.peers import warm_up

        warm_up(torch.device(device))
    more = (request["accuracy"],) if how == "until" else ()
    found: dict[str, Any] = ways[how](ready, *more).plain()
    if device == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return found


def baseline(request: dict[str, Any]) -> dict[str, Any]:
    """Majority and TF-IDF, fitted on the training rows and scored on the held-out ones, imports included."""
    from core.evaluation.metrics import score

    rows = load_rows(Work(**request["work"]))
    began = time.perf_counter()
    from core.evaluation.baseline import TfidfBaseline, majority

    most = majority(rows.labels, len(rows.held_labels))
    said = TfidfBaseline(rows.texts, rows.labels).predict(rows.held_texts)
    seconds = time.perf_counter() - began
    held, floor = (score(rows.held_labels, codes, rows.classes) for codes in (said, most))
    return {
        "seconds": seconds,
        "seconds_all": seconds,
        "rows": len(rows.texts),
        "accuracy": held.accuracy,
        "macro_f1": held.macro_f1,
        "notes": [f"majority: accuracy {floor.accuracy:.3f}; {len(rows.held_texts)} rows scored"],
    }


def main() -> None:
    """Answer the request on stdout's last line."""
    request = json.loads(sys.argv[1])
    limit_cores(request["cores"])
    try:
        found = baseline(request) if request["how"] == "baseline" else train(request)
    except ImportError as absent:
        known = {"sklearn": "scikit-learn", None: str(absent)}
        found = {"missing": f"{known.get(absent.name, absent.name)} is missing"}
    print(json.dumps(found))


if __name__ == "__main__":
    main()

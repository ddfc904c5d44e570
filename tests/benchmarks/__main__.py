"""`make bench`: measure what the issues name. Each case prints a row and, with --json FILE, writes all of them.

python -m tests.benchmarks                     every case
python -m tests.benchmarks help first-paint    some of them
python -m tests.benchmarks --repeat 3 --json bench.json
python -m tests.benchmarks C1 C2 --data-folder FOLDER      the engine beside its peers (docs/performance.md)

The engine's cases take minutes each; unless they are named, each runs reduced to about one minute.
`python -m tests.benchmarks.engine` runs them alone, also where only torch, transformers and numpy are installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.machine import cpu_name, usable_cores
from tests.benchmarks import answer, data, engine, listing, sample, screen, startup

CASES: dict[str, tuple[str, str, Callable[[], float]]] = {
    "help": ("finetui --help, process start to end", "s", startup.help_seconds),
    "first-paint": ("first full frame of a fresh process in a pty at 80x24 (U1)", "s", startup.first_paint_seconds),
    "classify-cold": ("cold finetui classify RUN TEXT, shell start to answer (C9)", "s", answer.cold_seconds),
    "classify-warm": ("one sentence, resident child, median of 200 (C5)", "ms", answer.warm_milliseconds),
    "screen-memory": ("resident set of the screen while a run trains", "MB", screen.memory_megabytes),
    "screen-bytes": ("bytes to the terminal while a run trains, 120x40 (U3)", "KB/s", screen.kilobytes_per_second),
    "data-million": ("profile of 1 000 000 rows, child start to answer (C7)", "s", data.million_seconds),
    "data-screen": ("the same, enter key to class distribution on screen (C7)", "s", data.screen_seconds),
    "data-keys": ("key to paint while they load, p95 of 30 and more", "ms", data.screen_key_milliseconds),
    "odd-lines": ("hostile files of up to 200 MB, the slowest to be told apart", "s", data.odd_lines_seconds),
    "runs-first": ("finetui runs, 1 000 finished runs, nothing known of them", "s", listing.first_seconds),
    "runs-again": ("the same again, process start to end", "s", listing.again_seconds),
    "runs-rows": ("the rows of 1 000 known runs, without the start of a process", "s", listing.rows_seconds),
    "runs-room": ("key to the Runs room with 1 000 known runs", "s", listing.room_seconds),
    "train-sample": ("finetui train sample, launch to saved", "s", sample.train_seconds),
    "sample-folds": ("sample, out-of-fold macro F1 over 5 folds", "F1", sample.out_of_fold),
}
ONCE = {"data-keys", "data-million", "odd-lines", "sample-folds", "train-sample", "screen-bytes", "screen-memory"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    known = (*CASES, *engine.CASES)
    parser.add_argument("cases", nargs="*", help=f"any of {', '.join(known)}")
    parser.add_argument("--repeat", type=int, default=0, help="5 unless told")
    parser.add_argument("--json", type=Path)
    engine.options(parser)
    given = parser.parse_args()
    unknown = set(given.cases) - set(known)
    if unknown:
        parser.error(f"unknown case {', '.join(unknown)}; known: {', '.join(known)}")
    print(f"{cpu_name()}, {usable_cores()} cores, Python {platform.python_version()}")
    results: dict[str, Any] = {}
    for name in [name for name in given.cases or CASES if name in CASES]:
        title, unit, measure = CASES[name]
        values = [measure() for _ in range(1 if name in ONCE else given.repeat or 5)]
        middle = statistics.median(values)
        results[name] = {"title": title, "unit": unit, "median": middle, "all": values}
        spread = f"{min(values):.3g} to {max(values):.3g}" if len(values) > 1 else ""
        print(f"{name:<14} {middle:9.3f} {unit:<5} {spread:<18} {title}", flush=True)
    given.minute = given.minute or not given.cases
    if names := [name for name in given.cases or engine.CASES if name in engine.CASES]:
        results["engine"] = engine.run_cases(names, given)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

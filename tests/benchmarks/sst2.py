"""All 6 920 sentences of SST-2: our defaults against HF Trainer's usual settings, scored on the 1 821 test sentences.

python -m tests.benchmarks.sst2 --data-folder DIR --out FILE.jsonl --seeds 3
python -m tests.benchmarks.sst2 --data-folder DIR --out FILE.jsonl --markdown docs/recipes.md

Nothing is chosen here: each side has one setting, and its best epoch by the development sentences. Each run is a line
of the results file, written when it ends; what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.config import RunConfig
from core.machine import cpu_name, usable_cores
from tests.benchmarks.quality import Wanted, key_of, make, read
from tests.benchmarks.quality_data import Material, material
from tests.benchmarks.quality_stats import paired
from tests.measured import rewrite

SET = "sst2-whole"
PEER: dict[str, Any] = {"learning_rate": 5e-5, "epochs": 3}
BEGIN, END = "<!-- sst2: written by tests/benchmarks/sst2.py -->", "<!-- end of sst2 -->"


def ours() -> dict[str, Any]:
    """The defaults of a run with the starter."""
    training = RunConfig().training
    return {
        "learning_rate": 1e-4,
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        "warmup_ratio": training.warmup_ratio,
        "class_weights": training.weighting,
    }


def runs(seeds: int) -> list[Wanted]:
    """What is to be made: both sides, seed by seed."""
    wanted = []
    for seed in range(1, seeds + 1):
        wanted += [Wanted("final", SET, "ours", ours(), seed), Wanted("peers", SET, "peer", PEER, seed)]
    return wanted


def page(records: list[dict[str, Any]], data: Material) -> str:
    """The table."""
    sides = {side: [one for one in records if one["side"] == side] for side in ("ours", "peer")}
    seeds = sorted({one["seed"] for one in sides["ours"]} & {one["seed"] for one in sides["peer"]})
    said = {
        side: np.array([next(one["predictions"] for one in of if one["seed"] == seed) for seed in seeds])
        for side, of in sides.items()
    }
    gold = data.labels[data.test]
    found = paired(gold, said["ours"], said["peer"], data.classes, 1)
    low, high = found.interval()
    last, parts = records[-1], " / ".join(str(len(rows)) for rows in (data.train, data.validation, data.test))
    lines = [f"{last['date']}, {last['machine']}; {parts} rows, {len(seeds)} seeds:", ""]
    lines += ["| | settings | accuracy, development | accuracy, test | macro F1, test |", "|" + " --- |" * 5]
    for side, title in (("peer", "HF Trainer"), ("ours", "finetui")):
        of = [one for one in sides[side] if one["seed"] in seeds]
        settings = ", ".join(f"{name} {value}" for name, value in of[0]["settings"].items())
        cells = [_spread([one[part][what] for one in of]) for part, what in COLUMNS]
        lines.append(f"| {title} | {settings} | {' | '.join(cells)} |")
    points = f"{found.difference:+.2f} points of macro F1 on the test sentences"
    draws = f"95 % of the draws over rows between {low:+.2f} and {high:+.2f}"
    lines += ["", f"Ours less theirs: {points}, {draws} (paired bootstrap, the seeds averaged)."]
    return "\n".join(lines)


COLUMNS = (("validation", "accuracy"), ("test", "accuracy"), ("test", "macro_f1"))


def _spread(values: list[float]) -> str:
    mean = f"{100 * statistics.mean(values):.2f}"
    return f"{mean} ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else mean


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sst2", description=__doc__)
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    data = material(SET, given.data_folder)
    if given.markdown:
        rewrite(given.markdown, BEGIN, END, page(read(given.out), data))
        return
    for wanted in runs(given.seeds):
        if wanted.key in map(key_of, read(given.out)):
            continue
        record = make(wanted, data) | {
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{cpu_name()}, {usable_cores()} cores",
        }
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(wanted.side, wanted.seed, record["validation"], record["test"], f"{record['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()

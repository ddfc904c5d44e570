"""The quality experiment: our defaults against HF Trainer's usual settings, chosen on validation, reported on test.

python -m tests.benchmarks.quality --data-folder DIR --out FILE.jsonl --stage peers
python -m tests.benchmarks.quality --data-folder DIR --out FILE.jsonl --stage rates --sets sst2 smile
python -m tests.benchmarks.quality --data-folder DIR --out FILE.jsonl --stage final --chosen '{"learning_rate": 2e-4}'
python -m tests.benchmarks.quality --data-folder DIR --out FILE.jsonl --markdown docs/quality.md

Each run is a line of the results file, written when it ends; a run that is there already is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.benchmarks.quality_data import SOURCES, Material, material

SEEDS = (1, 2, 3, 4, 5)
PEER_RATES = (5e-5, 3e-5, 2e-5)
RATES = (2e-4, 1e-4, 3e-4, 5e-5)
STAGES = ("peers", "rates", "switches", "final")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run to make."""

    stage: str
    set: str
    side: str
    settings: dict[str, Any]
    seed: int

    @property
    def key(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@cache
def engine() -> str:
    """Which state of the training code made a run, in ten letters: candidates are compared within one."""
    from core.training import loop

    root = Path(loop.__file__).parents[1]
    files = [path for part in ("training", "modelling") for path in sorted((root / part).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:10]


def read(path: Path) -> list[dict[str, Any]]:
    """Every run in the results file, in the order they were made."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def key_of(record: dict[str, Any]) -> str:
    """The key of the `Wanted` that a record answers."""
    return Wanted(*(record[name] for name in ("stage", "set", "side", "settings", "seed"))).key


def chosen_for_peer(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The peer's settings for this set: best validation macro F1 of the runs with the first seed."""
    mine = [r for r in records if r["side"] == "peer" and r["set"] == name and r["seed"] == SEEDS[0]]
    best: dict[str, Any] = max(mine, key=lambda record: record["validation"]["macro_f1"])["settings"]
    return best


def peers(out: Path, sets: list[str]) -> Iterator[Wanted]:
    """Selection with one seed (learning rate at 4 epochs, then 3 epochs at the best), then all seeds with the best.

    Learning rates are tried from the highest down, the lowest only where the middle one is better than the highest.
    """
    for name in sets:
        for rate in PEER_RATES:
            if rate == PEER_RATES[-1] and chosen_for_peer(read(out), name)["learning_rate"] == PEER_RATES[0]:
                break
            yield Wanted("peers", name, "peer", {"learning_rate": rate, "epochs": 4}, SEEDS[0])
        best = chosen_for_peer(read(out), name)
        yield Wanted("peers", name, "peer", {**best, "epochs": 3}, SEEDS[0])
    for seed in SEEDS:
        for name in sets:
            yield Wanted("peers", name, "peer", chosen_for_peer(read(out), name), seed)


def rates(sets: list[str], seeds: tuple[int, ...], base: dict[str, Any]) -> Iterator[Wanted]:
    """Learning rate and batch size, then class weights."""
    for seed in seeds:
        for batch in (16, 32):
            for rate in RATES:
                for name in sets:
                    settings = {"learning_rate": rate, "batch_size": batch, "epochs": 4, **base}
                    yield Wanted("rates", name, "ours", settings, seed)


def switches(
    sets: list[str], seeds: tuple[int, ...], base: dict[str, Any], values: dict[str, list[Any]]
) -> Iterator[Wanted]:
    """`base`, then each switch of `values` alone set to each of its values."""
    for seed in seeds:
        for settings in [base, *({**base, field: value} for field, those in values.items() for value in those)]:
            for name in sets:
                yield Wanted("switches", name, "ours", settings, seed)


def final(sets: list[str], chosen: dict[str, Any]) -> Iterator[Wanted]:
    """The chosen settings, all seeds, with test."""
    for seed in SEEDS:
        for name in sets:
            yield Wanted("final", name, "ours", chosen, seed)


def make(wanted: Wanted, data: Material) -> dict[str, Any]:
    """The record of one run."""
    from core.evaluation.metrics import score
    from core.machine import cpu_has_bf16

    bf16, began = cpu_has_bf16(), time.perf_counter()
    if wanted.side == "peer":
        from tests.benchmarks.quality_peer import run_peer

        facts = run_peer(data, wanted.settings, wanted.seed, bf16)
    else:
        from tests.benchmarks.quality_ours import run_ours

        facts = run_ours(data, wanted.settings, wanted.seed, bf16, test=wanted.stage == "final")
    record = asdict(wanted) | facts | {"engine": engine(), "bf16": bf16, "seconds": time.perf_counter() - began}
    record["validation"] = max(facts["epochs"], key=lambda epoch: epoch["macro_f1"])
    if facts["predictions"] is not None:
        import numpy as np

        scores = score(data.labels[data.test], np.array(facts["predictions"]), data.classes)
        record["test"] = {"macro_f1": scores.macro_f1, "accuracy": scores.accuracy, "class_f1": scores.class_f1}
    return record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality", description=__doc__)
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results, one JSON line a run")
    parser.add_argument("--stage", choices=STAGES, nargs="*", default=[])
    parser.add_argument("--sets", choices=SOURCES, nargs="*", default=["sst2", "smile", "emotion", "sms"])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS[:2]), help="of rates and switches")
    parser.add_argument("--chosen", type=json.loads, default={}, help="settings as JSON: of the final, or the base")
    parser.add_argument("--switch", type=json.loads, default={}, help='values to try, as {"field": [value, ...]}')
    parser.add_argument("--markdown", type=Path, help="page whose tables are written anew from the results")
    given = parser.parse_args()
    engine()  # read and imported before anybody can change it
    seeds = tuple(given.seeds)
    plans = {
        "peers": lambda: peers(given.out, given.sets),
        "rates": lambda: rates(given.sets, seeds, given.chosen),
        "switches": lambda: switches(given.sets, seeds, given.chosen, given.switch),
        "final": lambda: final(given.sets, given.chosen),
    }
    load = cache(lambda name: material(name, given.data_folder))
    for stage in given.stage:
        for wanted in plans[stage]():
            if wanted.key in map(key_of, read(given.out)):
                continue
            record = make(wanted, load(wanted.set)) | ({"base": given.chosen} if stage == "switches" else {})
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            shown = {part: round(record[part]["macro_f1"], 4) for part in ("validation", "test") if part in record}
            print(
                wanted.set, wanted.side, wanted.settings, wanted.seed, shown, f"{record['seconds']:.0f} s", flush=True
            )
    if given.markdown:
        from tests.benchmarks.quality_report import write

        write(given.markdown, read(given.out), load)


if __name__ == "__main__":
    main()

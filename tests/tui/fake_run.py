"""A plausible run without a model: its facts through `Run.record`, its `metrics.json`, curves like a real one's."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.runs import Run, RunStore
from core.training import events as e

NAMES = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the run looks."""

    epochs: int = 4
    steps_per_epoch: int = 59
    names: tuple[str, ...] = NAMES
    quality: float = 0.9
    evals_per_epoch: int = 4
    stride: int = 3


def scores(level: float, names: tuple[str, ...], rows: int = 186, chance: random.Random | None = None) -> e.Scores:
    """Scores about `level`; the class in the middle is the worst."""
    chance = chance or random.Random(0)
    each = [
        max(0.0, min(1.0, level + 0.05 * math.cos(2 * math.pi * at / max(len(names), 1)) + chance.gauss(0, 0.008)))
        for at in range(len(names))
    ]
    macro = sum(each) / len(each)
    return e.Scores(rows, min(macro + 0.02, 1.0), macro, min(macro + 0.01, 1.0), tuple(each), 1.2 - macro)


def facts(shape: Shape) -> Iterator[e.Event]:
    """Everything a run of this shape records, from start to save, without its last fact."""
    chance, names = random.Random(3), shape.names
    yield e.RunStarted(4242, "box", "finetui train sample")
    for stage in ("start", "read", "split"):
        yield e.StageChanged(stage)
    rows = tuple(300 for _ in names)
    parts = tuple(64 for _ in names)
    yield e.DataReady("sample", names, 1240, 1236, rows, parts, parts)
    yield e.StageChanged("baselines")
    yield e.BaselinesScored(scores(0.22, names), scores(0.68, names))
    yield e.StageChanged("load")
    yield e.DeviceChosen("cpu", "2 cores", "fp32", 2, "no GPU found")
    yield e.StageChanged("tokenise")
    total = shape.epochs * shape.steps_per_epoch
    yield e.PlanMade("starter", 22_700_000, 22_700_000, 64, 3, shape.epochs, shape.steps_per_epoch, total, 21_000, 0.91)
    yield e.StageChanged("train")
    yield e.EvalFinished(0, 0.0, True, scores(0.2, names, chance=chance), 0.8)
    yield e.Heartbeat(1_100_000_000, 198.0)
    yield from _epochs(shape, total, chance)


def _level(shape: Shape, step: int, total: int) -> float:
    return 0.2 + (shape.quality - 0.2) * (1 - math.exp(-5.0 * step / total))


def _epochs(shape: Shape, total: int, chance: random.Random) -> Iterator[e.Event]:
    names, step, best = shape.names, 0, 0.0
    every = max(shape.steps_per_epoch // shape.evals_per_epoch, 1)
    for epoch in range(1, shape.epochs + 1):
        end = epoch * shape.steps_per_epoch
        while step < end:
            last = min(step + shape.stride, end)
            losses = tuple(
                max(0.02, 1.1 * math.exp(-3 * at / total) + chance.gauss(0, 0.09)) for at in range(step + 1, last + 1)
            )
            count = (last - step) * 16
            yield e.StepsFinished(step + 1, last, losses, 1e-4 * (1 - last / total), chance.uniform(0.6, 2), count,
                                  count * 24, (last - step) * 0.127)  # fmt: skip
            if step // every != last // every and last < end:
                yield e.EvalFinished(last, last / shape.steps_per_epoch, False,
                                     scores(_level(shape, last, total), names, 128, chance), 0.3)  # fmt: skip
            step = last
        reached = scores(_level(shape, step, total), names, chance=chance)
        yield e.EvalFinished(step, float(epoch), True, reached, 0.8)
        yield e.EpochFinished(epoch, step, 1.0 - 0.2 * epoch, 0.5 + 0.1 * epoch)
        if reached.macro_f1 > best:
            best = reached.macro_f1
            yield e.ModelSaved(step, float(epoch), "macro_f1", best)


def ending(shape: Shape) -> Iterator[e.Event]:
    """The last facts of a run that went through."""
    yield e.StageChanged("evaluate")
    yield e.ValidationScored(scores(shape.quality - 0.01, shape.names))
    yield e.TestScored(scores(shape.quality - 0.03, shape.names), 3)
    yield e.StageChanged("save")
    yield e.RunFinished("all epochs", False, 83.4)


def _part(found: e.Scores, names: tuple[str, ...]) -> dict[str, Any]:
    per_class = dict(zip(names, found.class_f1, strict=True))
    size = max(found.rows // len(names), 1)
    wrong = max(round(size * (1 - found.accuracy) / max(len(names) - 1, 1)), 1)
    matrix = [[size - wrong * (len(names) - 1) if a == b else wrong for b in names] for a in names]
    return {
        **{key: value for key, value in asdict(found).items() if key != "class_f1"},
        "class_f1": per_class,
        "class_precision": {name: min(value + 0.01, 1.0) for name, value in per_class.items()},
        "class_recall": {name: max(value - 0.01, 0.0) for name, value in per_class.items()},
        "support": dict.fromkeys(names, size),
        "confusion": matrix,
    }


def metrics(shape: Shape, *, stopped: bool = False) -> dict[str, Any]:
    """What `metrics.json` of such a run holds."""
    validation = _part(scores(shape.quality - 0.01, shape.names), shape.names)
    test = {**_part(scores(shape.quality - 0.03, shape.names), shape.names), "runs_scored": 3}
    return {
        "format": 1, "label_names": list(shape.names), "best_epoch": float(shape.epochs),
        "best_step": shape.epochs * shape.steps_per_epoch, "metric": "macro_f1", "seconds": 83.4,
        "reason": "stopped" if stopped else "all epochs", "validation": validation, "last_validation": validation,
        "test": None if stopped else test,
        "baselines": {"majority": {"validation": _part(scores(0.22, shape.names), shape.names)},
                      "tfidf": {"validation": _part(scores(0.68, shape.names), shape.names)}},
    }  # fmt: skip


def finished_run(
    store: RunStore, name: str = "", *, shape: Shape | None = None, config: RunConfig | None = None
) -> Run:
    """A run that went through, whole on disk."""
    shape = shape or Shape()
    run = store.create(config or RunConfig(), name)
    for fact in [*facts(shape), *ending(shape)]:
        run.record(fact)
    run.close()
    (run.path / "metrics.json").write_text(json.dumps(metrics(shape)))
    run.log_path.write_text("read 1240 rows\nsaved\n")
    return run


def partial_run(store: RunStore, name: str, *, steps: int = 118, shape: Shape | None = None) -> Run:
    """A run whose trainer has got to `steps` and whose log is still open: hold `run.lock()` to make it live."""
    run = store.create(RunConfig(), name)
    for fact in facts(shape or Shape()):
        run.record(fact)
        if isinstance(fact, e.StepsFinished) and fact.last >= steps:
            break
    return run


def live(run: Run, seconds: float, shape: Shape) -> None:
    """Record a run's facts over about `seconds`, as a trainer would, and obey a stop."""
    total = shape.epochs * shape.steps_per_epoch
    pause = seconds / max(total / shape.stride, 1)
    beat = time.monotonic()
    with run.lock():
        for fact in facts(shape):
            run.record(fact)
            if isinstance(fact, e.StepsFinished):
                time.sleep(pause)
                if time.monotonic() - beat > 10:
                    beat = time.monotonic()
                    run.record(e.Heartbeat(1_100_000_000 + random.randrange(10**7), random.uniform(180, 199)))
            elif isinstance(fact, e.StageChanged):
                time.sleep(min(pause * 4, 0.5))
            if run.control_path.exists():
                run.record(e.RunFinished("stopped by a person", True, seconds))
                run.close()
                return
        for fact in ending(shape):
            run.record(fact)
        run.close()
    (run.path / "metrics.json").write_text(json.dumps(metrics(shape)))


def main() -> None:
    """`python tests/tui/fake_run.py ROOT NAME SECONDS`: a live run for a look at the screen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("name")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--steps-per-epoch", type=int, default=59)
    given = parser.parse_args()
    live(
        RunStore(given.root).create(RunConfig(), given.name),
        given.seconds,
        Shape(steps_per_epoch=given.steps_per_epoch),
    )


if __name__ == "__main__":
    main()

"""Measuring a case: rounds in which every side has its turn, each in a fresh process, equal work asserted."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.engine_cases import Case, Side

ROOT = Path(__file__).parents[2]

STEADY = 0.15
"""Spread of the baseline, (largest - smallest) / median, above which rounds are measured again."""

EQUAL = ("rows", "epochs", "max_length", "sequences", "tokens", "mark")
"""What must be the same for every side of a round; the batch size too, where a side has none of its own."""

Found = dict[str, Any]


class UnequalWorkError(AssertionError):
    """Two sides of a round did not do the same work: their times may not be compared."""


class MissingError(Exception):
    """This machine lacks what a side needs; the message says what."""


def run_child(case: Case, side: Side, seed: int) -> Found:
    """One measurement in a fresh process. Raises `MissingError`, or `RuntimeError` with what the process printed."""
    work = replace(case.work, seed=seed, **side.own)
    request = {
        "engine": side.engine,
        "options": side.options,
        "work": asdict(work),
        "how": case.how,
        "accuracy": case.accuracy,
        "device": "cuda" if case.gpu else "cpu",
        "cores": 0 if case.gpu else case.cores,
        "began": time.time(),
    }
    hidden = {} if case.gpu else {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.engine_child", json.dumps(request)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | hidden,
    )
    if done.returncode:
        raise RuntimeError(f"{case.name}, {side.name}:\n{done.stdout[-1000:]}\n{done.stderr[-4000:]}")
    found: Found = json.loads(done.stdout.splitlines()[-1])
    if "missing" in found:
        raise MissingError(found["missing"])
    return found


def check_equal(case: Case, measured: dict[str, Found]) -> None:
    """Raise `UnequalWorkError` when the sides of one round differ in what they had to do."""
    if case.how in {"baseline", "screen"}:
        return
    own = {side.name: side.own for side in case.sides}
    for what in (*EQUAL, "batch_size"):
        if case.how == "until" and what in ("sequences", "tokens"):
            continue  # who reaches the accuracy earlier has seen less: that is what is measured
        seen = {name: found[what] for name, found in measured.items() if what not in own.get(name, {})}
        if len(set(seen.values())) > 1:
            raise UnequalWorkError(f"{case.name}: {what} differ: {seen}")


def spread(values: list[float]) -> float:
    """(largest - smallest) / median."""
    return (max(values) - min(values)) / statistics.median(values)


def measure(
    case: Case,
    repeat: int,
    once: Callable[[Case, Side, int], Found] = run_child,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """All rounds of `case`, as plain types: `rounds` (side -> figures), `dropped` ones, `missing` sides, `notes`.

    While the baseline's spread is above `STEADY`, the round farthest from its median is dropped and another one
    measured, at most `repeat` times. A round is judged by its baseline alone.
    """
    missing: dict[str, str] = {}
    rounds: list[dict[str, Found]] = []
    dropped: list[dict[str, Found]] = []
    number = 0
    while len(rounds) < repeat:
        measured: dict[str, Found] = {}
        for side in case.sides:
            if side.name in missing:
                continue
            try:
                measured[side.name] = once(case, side, case.work.seed + number)
            except MissingError as absent:
                missing[side.name] = str(absent)
                continue
            say(f"  round {number + 1}, {side.name}: {measured[side.name]['seconds']:.2f} s")
        check_equal(case, measured)
        number += 1
        if not measured:
            break
        rounds.append(measured)
        if len(rounds) == repeat and len(dropped) < repeat and (worst := _outlier(case, rounds)) is not None:
            say(f"  the baseline's spread is above {STEADY:.0%}: a round is measured again")
            dropped.append(rounds.pop(worst))
    notes = []
    if dropped:
        notes.append(f"{len(dropped)} rounds measured again, for their baseline was off")
    if rounds and _outlier(case, rounds) is not None:
        left = spread(_figures(case, rounds))
        notes.append(f"the baseline's spread is still {left:.0%}: this machine was not quiet")
    return {**case.plain(), "rounds": rounds, "dropped": dropped, "missing": missing, "notes": notes}


def _figures(case: Case, rounds: list[dict[str, Found]]) -> list[float]:
    baseline = next(iter(rounds[0]))
    return [figure(case.how, one[baseline]) for one in rounds]


def _outlier(case: Case, rounds: list[dict[str, Found]]) -> int | None:
    """The round whose baseline lies farthest from the median, when the spread is too large."""
    values = _figures(case, rounds)
    if 0.0 in values or spread(values) <= STEADY:
        return None
    middle = statistics.median(values)
    return max(range(len(values)), key=lambda place: abs(values[place] - middle))


def figure(how: str, found: Found) -> float:
    """What a case compares: rows a second, or seconds; 0 when its end was not reached."""
    if how in ("saved", "until"):
        return float(found["from_start"])
    if how == "baseline":
        return float(found["seconds"])
    return float(found["sequences"] / found["seconds"])

"""How fast this machine trained before: what arithmetic goes by until a probe has measured.

Work is counted in padded tokens times parameters: a backward pass costs twice a forward one, frozen weights need none.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import RunError
from core.machine import cpu_has_bf16
from core.runs import Run, RunStore
from core.training import events as e

LOOKED_AT = 20
"""So many of the newest runs are asked."""

PER_CORE = 1.2e10
"""Work a second of one core where nothing was ever trained: a slow core without bf16 does so much."""

WITH_BF16 = 2.0
"""How many times as much a core does that multiplies bf16."""

PER_GPU = 1e12
"""The same of a GPU of which nothing is known."""

FIXED = 12.0
"""Seconds until the first step where nothing was ever trained: imports, baselines, loading."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Work per second, seconds until the first step, and the run that both were seen in; none for a guess."""

    rate: float
    fixed: float
    run: str = ""


def work_of(tokens: float, parameters: float, trained: float) -> float:
    """Work of training on these padded tokens."""
    return tokens * (parameters + 2 * trained) / 3


def pace(root: Path, kind: str, cores: int) -> Pace:
    """The pace of the newest run below `root` that trained on this host's `kind` of device, else a careful guess."""
    store = RunStore(root)
    for name in store.names()[:LOOKED_AT]:
        with suppress(RunError, OSError, KeyError, TypeError, AttributeError):
            if found := _seen(Run(root / name), kind):
                return found
    guess = PER_CORE * max(cores, 1) * (WITH_BF16 if cpu_has_bf16() else 1.0)
    return Pace(PER_GPU if kind == "cuda" else guess, FIXED)


def _seen(run: Run, kind: str) -> Pace | None:
    facts = run.read_json("environment.json")
    if facts.get("host") != socket.gethostname() or device_kind(str(facts["device"]["device"])) != kind:
        return None
    plan, trained, work, seconds, began, first = None, 0, 0.0, 0.0, 0.0, 0.0
    for _, when, fact in run.raw_records():
        match fact:
            case e.RunStarted():
                began = began or when
            case e.PlanMade():
                plan, trained = fact, fact.trained_parameters
            case e.LayersJoined():
                trained = fact.parameters
            case e.StageChanged(stage="train"):
                first = first or when
            case e.StepsFinished() if plan is not None and plan.fill > 0:
                work += work_of(fact.tokens / plan.fill, plan.parameters, trained)
                seconds += fact.seconds
    if seconds <= 0:
        return None
    return Pace(work / seconds, max(first - began, 0.0), run.name) if work > 0 else None


def device_kind(device: str) -> str:
    """`cuda` of `cuda:1`."""
    return device.partition(":")[0]


def training_on(root: Path, device: str) -> str:
    """The name of a run below `root` that trains on `device` of this host now, or may be about to; empty when none."""
    for run in RunStore(root).live():
        facts: dict[str, object] = {}
        with suppress(RunError):
            facts = run.read_json("environment.json")
        if not facts:  # it has not chosen yet: its configuration says where it wants to go
            with suppress(RunError):
                wanted = run.config().training.device
                if wanted == "auto" or _numbered(wanted) == _numbered(device):
                    return run.name
            continue
        found = facts.get("device")
        where = str(found.get("device", "")) if isinstance(found, dict) else ""
        if facts.get("host") == socket.gethostname() and _numbered(where) == _numbered(device):
            return run.name
    return ""


def _numbered(device: str) -> str:
    """`cuda` is the first GPU."""
    return "cuda:0" if device == "cuda" else device

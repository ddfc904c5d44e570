"""Measure a few real steps of a run that was not started, and say what all of it will take.

Everything before the first step is done as the run would do it and its seconds are kept; then steps of several lengths
and a validation are timed. The weights are thrown away. Nothing heavy is imported on top: importing is part of what is
measured.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import RunConfig
from core.protocol import Progress, no_progress
from core.runs import RunStore
from core.runs.lock import pid_lives
from core.training.forecast import Forecast, estimate, likely_device, smaller_batch
from core.training.pace import training_on

if TYPE_CHECKING:
    from core.training.prepare import Prepared

SPARE = 0.9
"""Share of the memory that a proposal may fill."""

SCRATCH = "finetui-forecast-"

_STAGES = ("start", "read", "split", "baselines", "load", "tokenise")


class _OccupiedError(Exception):
    """A run of ours trains where we were about to measure."""

    def __init__(self, run: str, device: str) -> None:
        super().__init__(f"not measured while {run} trains on {device}")


def forecast(config: RunConfig, root: Path, progress: Progress = no_progress, launch: float = 0.0) -> Forecast:
    """The forecast of a run with `config`, measured; arithmetic where a run trains on the device now.

    `root`: the folder where runs live; `launch`: seconds that starting a process took. Raises `WorkbenchError` for
    what would end the run before its first step.
    """
    began = time.perf_counter()
    device = likely_device(config.training)
    try:
        several = config.training.device == "auto" and device != "cpu"  # which GPU it will be is chosen later
        if not several and (run := training_on(root, device)):
            raise _OccupiedError(run, device)
        with _scratch() as folder:
            prepared, stages = _prepared(config, root, folder, progress, began)
            stages["start"] += launch
            return _measured(config, root, prepared, stages, progress)
    except _OccupiedError as occupied:
        return estimate(config, root, progress, str(occupied))


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that is gone afterwards; those of probes that were killed go with it."""
    for old in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*-*"):
        owner = old.name.removeprefix(SCRATCH).split("-")[0]
        with suppress(OSError):
            if owner.isdigit() and not pid_lives(int(owner)) and old.stat().st_uid == os.getuid():
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-") as folder:
        yield Path(folder)


def _prepared(
    config: RunConfig, root: Path, folder: Path, progress: Progress, began: float
) -> tuple[Prepared, dict[str, float]]:
    """Do all that a run does before its first step; returns that and the seconds of each stage."""
    from core.data.split.again import beside
    from core.training import events as e
    from core.training.prepare import prepare
    from core.training.resume import Start

    chosen = beside(config.split, root)
    run = RunStore(folder).create(config.with_value("split.of", chosen.of), "probe")
    seconds = dict.fromkeys(_STAGES, 0.0)
    stage, last = "start", began
    steps = prepare(run, config.with_value("split.of", chosen.of), Start())
    while True:
        try:
            fact = next(steps)
        except StopIteration as end:
            seconds[stage] += time.perf_counter() - last
            prepared: Prepared = end.value
            return prepared, seconds
        if isinstance(fact, e.DeviceChosen) and (busy := training_on(root, fact.device)):
            raise _OccupiedError(busy, fact.device)
        if isinstance(fact, e.StageChanged):
            now = time.perf_counter()
            seconds[stage] += now - last
            stage, last = fact.stage, now
            progress(_STAGES.index(stage), len(_STAGES) + 2, stage)


def _measured(
    config: RunConfig, root: Path, prepared: Prepared, parts: dict[str, float], progress: Progress
) -> Forecast:
    from core.training.costs import planned, sampled_validations, scored_positions, step_seconds
    from core.training.prober import Prober
    from core.training.saving import snapshot_bytes

    job = prepared.job
    lengths = job.encoded.lengths
    plan = planned(lengths[job.train], config.training, by_length=job.techniques.length_buckets)
    probe = Prober(job)
    progress(len(_STAGES), len(_STAGES) + 2, "steps")
    parts["cache"] = probe.fill_cache()
    costs, first = probe.steps()
    epochs = step_seconds(replace(plan, shares=probe.shares()), costs, config.training.accumulation)
    progress(len(_STAGES) + 1, len(_STAGES) + 2, "validation")
    sample, sampled_rows = probe.validation()
    a_position = sample / max(scored_positions(lengths, sampled_rows), 1)
    full = a_position * scored_positions(lengths, job.validation)
    between = sampled_validations(epochs, sample)
    parts["steps"] = first + float(sum(one.sum() for one in epochs))
    parts["validate"] = full * (len(epochs) + 1) + sample * (between + 1)  # once more at the end, and once at step 0
    parts["save"] = probe.saving(root) * len(epochs)
    parts["test"] = a_position * scored_positions(lengths, prepared.split.test) if len(prepared.split.test) else 0.0

    largest = max(int((rows * longest).max()) for rows, longest in zip(plan.rows, plan.longest, strict=True))
    peak, limit = max(probe.memory.at(largest), probe.peak), probe.memory.limit
    if job.device.device.type == "cpu":  # a checkpoint lies there too while it is written
        peak += snapshot_bytes(len(job.engine.weights.master), job.engine.weights.trained)
    longest = max(int(one.max()) for one in plan.longest)
    room = SPARE * limit - probe.memory.base
    proposal = {}
    if probe.cut:
        peak, proposal = max(peak, limit + 1), smaller_batch(config.training, probe.cut)
    elif peak > limit:
        proposal = smaller_batch(config.training, int(room / max(probe.memory.slope * longest, 1)))
    steps = sum(len(one) for one in epochs)
    where = str(job.device.device)
    how = f"measured on {where} ({job.device.precision}): steps of {len(costs.positions)} lengths, one validation"
    return Forecast(sum(parts.values()), True, how, where, steps, parts, peak, limit, proposal)

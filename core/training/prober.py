"""Times the engine of a prepared job: steps of several lengths, a validation, a save, and the memory they take."""

from __future__ import annotations

import hashlib
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import torch

from core.machine import available_bytes
from core.modelling.encoding import Ints, batch_plan
from core.training.costs import StepCosts
from core.training.job import Job
from core.training.scoring import sample_size, stratified_sample

BUDGET = 5.0
"""Seconds of measuring steps after everything is loaded; with a large model what must be measured may take longer."""

ROUNDS = 6
"""Measurements of each length at most."""

QUARTILES = (0.0, 1.0, 0.5, 0.25, 0.75)
"""Which batches are measured, by their length among all, the most telling first."""

WRITTEN = 32 << 20
"""Bytes written to learn how fast the disk is."""


@dataclass(slots=True)
class Memory:
    """Peaks of steps in bytes by their padded positions, and what the process may have in all."""

    limit: int
    peaks: dict[int, int] = field(default_factory=dict)

    @property
    def slope(self) -> float:
        """Bytes a position."""
        least, most = min(self.peaks), max(self.peaks)
        return max(self.peaks[most] - self.peaks[least], 0) / (most - least) if most > least else 0.0

    @property
    def base(self) -> float:
        """Bytes without any position: weights, gradients, optimiser, libraries."""
        least = min(self.peaks)
        return self.peaks[least] - self.slope * least

    def at(self, positions: int) -> int:
        """Peak of a step with so many positions."""
        known = [peak for held, peak in self.peaks.items() if held <= positions]
        return max(*known, round(self.base + self.slope * positions)) if known else max(self.peaks.values())


class Prober:
    """Measures on the real rows of `job`. Its weights are of no use to anybody afterwards."""

    def __init__(self, job: Job, budget: float = BUDGET) -> None:
        self.job, self._budget = job, budget
        self._where = job.device.device
        self._cuda = self._where.type == "cuda"
        self._number = 0
        self._usual: Ints | None = None
        self.memory = Memory(self._limit())

    def steps(self) -> tuple[StepCosts, float]:
        """What steps cost, and what the very first one costs more. Raises `TrainingError` when not one row fits."""
        chosen = self._chosen()
        end = time.perf_counter() + self._budget
        firsts: dict[int, float] = {}
        times: dict[int, list[float]] = {}
        fitting: list[Ints] = []
        for rows in chosen:
            positions = self._positions(rows)
            if len(times) > 1 and time.perf_counter() > end:
                break
            if times and self.memory.at(positions) > self.memory.limit:
                continue  # it could take others down with it
            firsts[positions] = self._first(rows)
            times[positions] = [self._step(rows) for _ in range(2)]
            fitting.append(rows)
        self._usual = fitting[min(2, len(fitting) - 1)]
        while time.perf_counter() < end and len(times[self._positions(fitting[0])]) < ROUNDS:
            for rows in fitting:
                times[self._positions(rows)].append(self._step(rows))
        return self._costs(fitting, firsts, {at: statistics.median(found) for at, found in times.items()})

    def _costs(
        self, fitting: list[Ints], firsts: dict[int, float], middle: dict[int, float]
    ) -> tuple[StepCosts, float]:
        begun, *others = firsts
        new = [max(firsts[at] - middle[at], 0.0) for at in others]
        novel = statistics.median(new) if new else 0.0
        at = sorted(middle)
        update = self._update(fitting[-1], middle[self._positions(fitting[-1])])
        costs = StepCosts(np.array(at, dtype=float), np.array([middle[one] for one in at]), update, novel)
        return costs, max(firsts[begun] - middle[begun] - novel, 0.0)

    def _chosen(self) -> list[Ints]:
        """Training rows of full batches of the first epoch, of as many lengths as `QUARTILES` names and there are."""
        job, config = self.job, self.job.config
        mine = job.encoded.lengths[job.train]
        batches = batch_plan(mine, config.batch_size, config.seed, 0, by_length=job.techniques.length_buckets)
        most = max(len(batch) for batch in batches)
        full = sorted((batch for batch in batches if len(batch) == most), key=lambda batch: int(mine[batch].max()))
        found: dict[int, Ints] = {}
        for share in QUARTILES:
            batch = full[round(share * (len(full) - 1))]
            found.setdefault(int(mine[batch].max()), job.train[batch])
        return list(found.values())

    def _positions(self, rows: Ints) -> int:
        return len(rows) * int(self.job.encoded.lengths[rows].max())

    def _first(self, rows: Ints) -> float:
        """What the first step with `rows` costs; its peak is noted. Where memory ran out the engine cut the batch.

        On a GPU the second step counts too, less one that is like all after it: it may have been recorded.
        """
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._where)
        seconds = self._step(rows)
        if self._cuda:
            recorded = self._step(rows)
            seconds += max(recorded - self._step(rows), 0.0)
        self.memory.peaks[self._positions(rows)] = self._peak()
        return seconds

    def _step(self, rows: Ints, parts: int = 1) -> float:
        self._number += 1
        return self._timed(lambda: self.job.engine.step(self.job.labels, [rows] * parts, None, self._number, 0.0))

    def _update(self, rows: Ints, one: float) -> float:
        """Seconds of a step that are paid once, however many micro-batches it has; asked only where it has several."""
        if self.job.config.accumulation == 1:
            return 0.0
        two = statistics.median(self._step(rows, 2) for _ in range(3))
        return min(max(2 * one - two, 0.0), one)

    def shares(self) -> tuple[float, ...]:
        """What a step costs in each epoch before all has joined, as a share of one in which everything trains.

        Measured, after `steps`, with the head alone and with everything; between these it goes by the layers that
        train. Empty without gradual unfreezing.
        """
        engine, plan = self.job.engine, self.job.engine.unfreezing
        layers = plan.stage(plan.over).layers
        if self._usual is None or not plan.over or not layers:
            return ()
        whole = self._repeated(self._usual)
        engine.unfreeze(0)
        head = min(self._repeated(self._usual) / whole, 1.0)
        engine.unfreeze(plan.over)
        epochs = range(min(plan.over, self.job.config.epochs))
        return tuple(head + (1 - head) * plan.stage(epoch).layers / layers for epoch in epochs)

    def _repeated(self, rows: Ints) -> float:
        """Seconds of a step with `rows` when it is neither the first nor, on a GPU, the one that is recorded."""
        return statistics.median([self._step(rows) for _ in range(5)][2:])

    def fill_cache(self) -> float:
        """Compute what frozen layers give, as the loop does once; returns the seconds it takes."""
        rows = np.concatenate([self.job.train, self.job.validation])
        return self._timed(lambda: self.job.engine.keep_frozen(rows))

    def validation(self) -> tuple[float, Ints]:
        """Seconds of scoring a sample as it is scored between full validations, and the rows of it."""
        job = self.job
        size = sample_size(len(job.train) * job.config.epochs)
        rows = stratified_sample(job.labels, job.validation, size, job.config.seed)
        first = self._timed(lambda: job.engine.predict(rows))
        if first > self._budget / 3:
            return first, rows
        return statistics.median(self._timed(lambda: job.engine.predict(rows)) for _ in range(3)), rows

    def saving(self, root: Path) -> float:
        """Seconds of saving the weights once: taking them out, writing, syncing and summing them."""
        began = time.perf_counter()
        state = self.job.engine.state()
        taken = time.perf_counter() - began
        size = sum(weight.numel() * weight.element_size() for weight in state.values())
        block = os.urandom(min(size, WRITTEN))
        began = time.perf_counter()
        with suppress(OSError), tempfile.TemporaryFile(dir=root if root.is_dir() else None) as file:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            hashlib.sha256(block).digest()
        return taken + (time.perf_counter() - began) * size / len(block)

    def _timed(self, work: Callable[[], object]) -> float:
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self._cuda:
            torch.cuda.synchronize(self._where)

    def _peak(self) -> int:
        """The most that was in use: on the GPU since the last reset, of this process since it began on a CPU."""
        if self._cuda:
            return int(torch.cuda.max_memory_allocated(self._where))
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    @property
    def cut(self) -> int:
        """Rows of a micro-batch that the engine came down to, for want of memory; 0 when it did not have to."""
        return self.job.engine.micro_rows

    @property
    def peak(self) -> int:
        """The most that was in use by all that was measured last."""
        return self._peak()

    def _limit(self) -> int:
        """What this process may have in all."""
        if self._cuda:
            free: int = torch.cuda.mem_get_info(self._where)[0]
            return free + int(torch.cuda.memory_reserved(self._where))
        return available_bytes() + int(psutil.Process().memory_info().rss)

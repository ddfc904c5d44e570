"""A step recorded once per shape of its batch and replayed by one call (CUDA graphs).

An eager encoder spends its time launching kernels, about 24 ms a step whatever the length. A recording fixes shapes
and addresses: lengths are rounded up to buckets, and what changes from step to step (row numbers, learning rates, the
weight of the batch, the generator's seed) is written to fixed places before each replay.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Protocol

import torch

from core.text import safe
from core.training.device import Device

Work = Callable[[], None]

LIMIT = 256
"""Recordings that are kept; beyond, the one that was not used for longest goes."""

WORTH = 50
"""A run of fewer steps than this is over before its recordings have paid for themselves."""


class Backend(Protocol):
    """Who runs and records work."""

    def run(self, work: Work) -> None:
        """Do it, where it would be recorded: libraries set themselves up on first use, per stream."""

    def record(self, work: Work) -> Work:
        """Note what it would do, without doing it; returns what replays it. Raises `RuntimeError`."""

    def clear(self) -> None:
        """All recordings are about to go: let them end, and forget the memory they share."""


class Cuda:
    """Recording on one CUDA device. All recordings share one pool of memory, for one replays at a time."""

    def __init__(self, device: torch.device) -> None:
        """On `device`, which is the current one."""
        self._device = device
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def run(self, work: Work) -> None:
        """Do it on the side stream, in order with what was and will be asked of the current one."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                work()
        finally:
            current.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """Capture it. After a failure eager work goes on: what a broken capture leaves behind is put right."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self._device)
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                work()
        except RuntimeError:
            torch.cuda.set_stream(current)  # an error at the end of a capture leaves the side stream current
            with suppress(RuntimeError, AttributeError):
                torch._C._cuda_endAllocateToPool(self._device.index or 0, self._pool)
            # The generator would believe that it is still being captured, and refuse to draw.
            generator = torch.cuda.default_generators[self._device.index or 0]
            generator.graphsafe_set_state(generator.clone_state())
            raise
        return graph.replay

    def clear(self) -> None:
        """Take another pool: one that nothing refers to may not be used again."""
        torch.cuda.synchronize(self._device)
        self._pool = torch.cuda.graph_pool_handle()


def backend_for(device: Device, *, own: bool, wanted: bool, steps: int | None) -> tuple[Backend | None, str]:
    """Who records steps on `device`, or None; with the reason. `steps` is how many are planned, where that is known."""
    if device.device.type != "cuda":
        return None, f"steps are not recorded on {device.device.type}"
    if not wanted:
        return None, "recording of steps is switched off"
    if torch.cuda.get_device_capability(device.device) < (8, 0):
        return None, "steps are not recorded: the GPU is older than Ampere"
    if not own:
        return None, "steps are not recorded: this forward pass waits for the GPU"
    if steps is not None and steps < WORTH:
        return None, f"steps are not recorded: {steps} are too few"
    return Cuda(device.device), "each step is one CUDA graph"


class Graphs:
    """Recordings by the shape of what they work on.

    The first work of a shape is done eagerly, and counts as a step like any other; the second is recorded, which does
    nothing, and replayed. So nothing is ever done only to warm up, and there is nothing to undo.
    """

    def __init__(self, backend: Backend, limit: int = LIMIT) -> None:
        self._backend: Backend | None = backend
        self._limit = limit
        self._seen: set[Hashable] = set()
        self._kept: OrderedDict[Hashable, Work] = OrderedDict()
        self.failure = ""
        """Why nothing is recorded any more."""

    def __len__(self) -> int:
        return len(self._kept)

    def run(self, shape: Hashable, work: Work) -> None:
        """Do `work`, or replay what was recorded for `shape`: the two must be the same but for what static places hold.

        A recording that fails is no loss: from then on all work is eager.
        """
        if shape not in self._kept and shape in self._seen:
            self._record(shape, work)
        if replay := self._kept.get(shape):
            self._kept.move_to_end(shape)
            replay()
        elif self._backend is None:
            work()
        else:
            self._seen.add(shape)
            self._backend.run(work)

    def _record(self, shape: Hashable, work: Work) -> None:
        if self._backend is None:
            return
        try:
            self._kept[shape] = self._backend.record(work)
        except RuntimeError as failed:
            first = failed.__context__ or failed  # the end of a broken capture fails too, and says less
            self.failure = safe(str(first).partition("\n")[0])[:200]
            self.clear()
            self._backend = None
            return
        if len(self._kept) > self._limit:
            evicted, _ = self._kept.popitem(last=False)
            self._seen.discard(evicted)

    def clear(self) -> None:
        """Drop all recordings."""
        if self._backend is not None:
            self._backend.clear()
        self._kept.clear()
        self._seen.clear()

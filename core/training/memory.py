"""When memory runs out in a step: smaller micro-batches, whose gradients add up to that of the same batch."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import torch

from core.modelling.encoding import Ints

_SIGNS = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
_WORDS = {2: "two", 3: "three", 4: "four"}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out: CUDA, MPS, torch's allocator on a CPU, numpy and Python word it so."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(sign in str(error) for sign in _SIGNS)


def split(parts: Sequence[Ints], rows: int) -> list[Ints]:
    """The micro-batches `parts`, in their order, cut into pieces of at most `rows`; 0 leaves them as they are."""
    if rows <= 0:
        return list(parts)
    return [part[at : at + rows] for part in parts for at in range(0, len(part), rows)]


def free(device: torch.device) -> None:
    """Hand back what nothing uses any more, and what the allocator of `device` keeps for later."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def told(parts: Sequence[Ints]) -> tuple[str, str]:
    """Title and message for a person, now that a step goes through `parts`."""
    batch, largest = sum(len(part) for part in parts), max(len(part) for part in parts)
    count = _WORDS.get(len(parts), str(len(parts)))
    rows = f"{largest} row{'s' * (largest != 1)}"
    return (
        f"Out of memory: micro-batches of {rows}, {count} per step",
        f"The batch stays {batch}: same gradient, slower.",
    )

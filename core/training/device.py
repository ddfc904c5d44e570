"""Where the arithmetic runs, in which number format, with how many threads: decided once, with the reason."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

import torch

from core.config import TrainingConfig
from core.errors import DeviceError
from core.machine import cpu_has_bf16, cpu_name, list_gpus, usable_cores

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Device:
    """The decision."""

    device: torch.device
    name: str
    precision: str
    threads: int
    reason: str

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which forward passes run."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def keep_freed_memory() -> None:
    """Let the C library keep what is freed, for the next step takes it again (glibc only, elsewhere nothing happens).

    By default it gives large blocks back to the kernel at once, which then clears every page anew: an eighth of a
    training step on a CPU.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_M_MMAP_THRESHOLD, 1 << 30), (_M_TRIM_THRESHOLD, 1 << 30), (_M_TOP_PAD, 1 << 26)):
            mallopt(option, value)


def choose_device(config: TrainingConfig) -> Device:
    """The device, format and threads for `config` on this machine; sets torch's thread count.

    Raises `DeviceError` when what was asked for by name is not there.
    """
    # oneDNN builds a kernel per shape and keeps 1024 of them; an epoch of many lengths needs more. Read at first use.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    threads = config.threads or usable_cores()
    torch.set_num_threads(threads)
    keep_freed_memory()
    device, why = _pick(config.device)
    if device.type == "cuda":
        _settle_cuda(device)
        precision, because = _cuda_precision(config.precision, device)
        name = torch.cuda.get_device_name(device)
    elif device.type == "mps":
        precision, because, name = "fp32", "bf16 is not used on mps", "Apple GPU"
    else:
        precision, because = _cpu_precision(config.precision)
        name = cpu_name()
    return Device(device, name, precision, threads, f"{why}; {because}")


def _settle_cuda(device: torch.device) -> None:
    """Make `device` the current one, which streams and recordings are made on, and choose its kernels."""
    if device.index is not None:
        torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = False  # fp32 is fp32; what should be fast is bf16
    # cuDNN's attention builds a plan for every shape, some 30 ms each; flash and memory-efficient need none.
    torch.backends.cuda.enable_cudnn_sdp(False)


def _pick(asked: str) -> tuple[torch.device, str]:
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if asked == "auto":
        if cuda:
            return _freest_gpu()
        if mps:
            return torch.device("mps"), "an Apple GPU is there"
        return torch.device("cpu"), "no GPU is visible"
    kind, _, index = asked.partition(":")
    if kind == "cuda":
        count = torch.cuda.device_count() if cuda else 0
        if (not index.isdigit() and index) or int(index or 0) >= count:
            have = f"torch sees {count} CUDA device{'s' * (count != 1)} here."
            raise DeviceError(f"There is no device {asked}", have, "Use --device auto, or --device cpu.")
    if kind == "mps" and not mps:
        raise DeviceError("There is no Apple GPU here", next_step="Use --device auto, or --device cpu.")
    return torch.device(asked), "as asked"


def _freest_gpu() -> tuple[torch.device, str]:
    # Asked of the driver: torch's own question would take some hundred MB of every GPU, also of those we leave alone.
    gpus, names = list_gpus(), [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if [gpu.name for gpu in gpus] != names:  # a slice of a GPU, or another order than torch's
        return torch.device("cuda", 0), "the first GPU"
    best = max(range(len(gpus)), key=lambda index: gpus[index].free_bytes)
    return torch.device("cuda", best), f"the GPU with the most free memory, {gpus[best].free_bytes / 2**30:.0f} GiB"


def _cuda_precision(asked: str, device: torch.device) -> tuple[str, str]:
    native = torch.cuda.get_device_capability(device) >= (8, 0)
    if asked == "bf16" and not native:
        raise DeviceError("This GPU has no bf16", torch.cuda.get_device_name(device), "Use --precision auto or fp32.")
    if asked == "auto":
        return ("bf16", "the GPU computes in bf16") if native else ("fp32", "the GPU has no bf16")
    return asked, f"{asked} as asked"


def _cpu_precision(asked: str) -> tuple[str, str]:
    if asked == "fp32":
        return "fp32", "fp32 as asked"
    if not cpu_has_bf16():
        if asked == "bf16":
            raise DeviceError(
                "This CPU has no bf16 instructions",
                "bf16 would be emulated, about a hundred times slower.",
                "Use --precision auto or fp32.",
            )
        return "fp32", "the CPU has no bf16 instructions"
    if asked == "bf16":
        return "bf16", "bf16 as asked"
    ratio = probe_bf16()
    if ratio > 1.15:
        return "bf16", f"bf16 products ran {ratio:.1f} times as fast as fp32 in a probe"
    return "fp32", f"bf16 products ran only {ratio:.1f} times as fast as fp32 in a probe"


def probe_bf16(seconds: float = 0.2) -> float:
    """How many times as fast bf16 matrix products are as fp32 ones on this CPU now, measured for about `seconds`."""
    left, right = torch.randn(512, 384), torch.randn(384, 1536)
    pairs = {"fp32": (left, right), "bf16": (left.bfloat16(), right.bfloat16())}
    best = dict.fromkeys(pairs, float("inf"))
    for one, other in pairs.values():  # the first product of a format builds its kernel
        one @ other
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for kind, (one, other) in pairs.items():
            began = time.perf_counter()
            one @ other
            best[kind] = min(best[kind], time.perf_counter() - began)
    return best["fp32"] / best["bf16"]

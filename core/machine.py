"""What this machine has to train on, found without loading torch."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device: its name in a configuration, and how much of its memory is free right now (bytes)."""

    device: str
    name: str
    free_bytes: int
    total_bytes: int
    note: str = ""


def usable_cores() -> int:
    """Cores this process may use: the affinity mask and the cgroup's quota, whichever is less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(int(quota) // int(period), 1))
    return cores


def cpu_name() -> str:
    """The processor as the system names it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def list_devices() -> list[DeviceInfo]:
    """The CPU, then every NVIDIA GPU that `CUDA_VISIBLE_DEVICES` leaves visible."""
    import psutil

    memory = psutil.virtual_memory()
    cores = usable_cores()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    note = f"{cores} core{'s' * (cores != 1)}, load {load:.1f}"
    return [DeviceInfo("cpu", cpu_name(), memory.available, memory.total, note), *list_gpus()]


def list_gpus() -> list[DeviceInfo]:
    """Every NVIDIA GPU that `CUDA_VISIBLE_DEVICES` leaves visible and that the driver tells about."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    found = []
    for place, index in enumerate(_visible(pynvml.nvmlDeviceGetCount())):
        with suppress(pynvml.NVMLError):  # a GPU that has fallen off the bus
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name, note = pynvml.nvmlDeviceGetName(handle), ""
            with suppress(pynvml.NVMLError):  # a slice of a GPU does not tell
                note = f"{pynvml.nvmlDeviceGetUtilizationRates(handle).gpu} % busy"
            found.append(DeviceInfo(f"cuda:{place}", str(name), int(memory.free), int(memory.total), note))
    pynvml.nvmlShutdown()
    return found


def _visible(count: int) -> list[int]:
    """Physical indices in the order torch numbers them; device UUIDs are left to torch."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return list(range(count))
    indices = []
    for part in listed.split(","):
        if not part.strip().isdigit() or int(part) >= count:
            break
        indices.append(int(part))
    return indices

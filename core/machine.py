"""What this machine has to train on, found without loading torch."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
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


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 in hardware (avx512_bf16, amx_bf16, or Arm's bf16)."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def why_no_cuda(torch_version: Path | None = None, nodes: Path = Path("/dev")) -> str:
    """Why torch cannot have a CUDA device here, as far as that is seen without loading it; empty when it may have one.

    `torch_version` is torch's generated `version.py`, `nodes` the folder of the device nodes.
    """
    path = torch_version or _torch_version()
    built = path.read_text(encoding="utf-8") if path and path.is_file() else ""
    if re.search(r"^cuda\b.*= None$", built, re.MULTILINE) and not re.search(r"^hip\b.*= '", built, re.MULTILINE):
        return "torch is installed here as its build for the CPU."
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU."
    present = any(any(nodes.glob(pattern)) for pattern in ("nvidia[0-9]*", "nvhost-gpu", "nvgpu", "dxg", "kfd"))
    if platform.system() == "Linux" and not present:
        return "No driver offers a GPU here."
    return ""


def _torch_version() -> Path | None:
    found = importlib.util.find_spec("torch")  # finds the package and does not run it
    return Path(found.origin).parent / "version.py" if found and found.origin else None


def available_bytes() -> int:
    """Memory that a process could take now without anything being swapped out."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    import psutil

    return int(psutil.virtual_memory().available)


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

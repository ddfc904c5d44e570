"""What a run was trained with: versions, device, host, seed, and the command that repeats it."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.training.device import Device

PACKAGES = (
    "finetui",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "pandas",
    "scikit-learn",
    "pyarrow",
    "onnxruntime",
    "textual",
)


def versions() -> dict[str, str]:
    """Installed versions of what decides a result; packages that are not there are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def environment(device: Device, seed: int) -> dict[str, Any]:
    """The content of `environment.json`."""
    return {
        "versions": versions(),
        "system": platform.platform(),
        "host": socket.gethostname(),
        "device": {
            "device": str(device.device),
            "name": device.name,
            "precision": device.precision,
            "threads": device.threads,
            "reason": device.reason,
        },
        "seed": seed,
        "command": shlex.join([sys.executable, "-P", "-m", "core", *sys.argv[1:]]),
        "repeat": "finetui train --config run.toml",
    }

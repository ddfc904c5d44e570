"""What can be known to be wrong before a run folder exists, so that bad input leaves nothing behind."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.config import RunConfig, TrainingConfig, flag_of, problems
from core.errors import ConfigError, DeviceError
from core.machine import cpu_has_bf16, list_gpus, why_no_cuda

if TYPE_CHECKING:
    from core.data.dataset import Loaded


def require_sound(config: RunConfig) -> None:
    """Raise `ConfigError` when the configuration by itself cannot be used."""
    if found := problems(config):
        lines = "\n  ".join(f"{flag_of(one.path)}: {one.message}" for one in found)
        raise ConfigError("This configuration cannot be used", lines, "finetui train --help shows every bound.")


def require_device(training: TrainingConfig) -> None:
    """Raise `DeviceError` when a device or format was asked for by name that this machine is seen not to have.

    Nothing of torch is loaded: where the driver alone does not tell, the trainer will.
    """
    kind, _, index = training.device.partition(":")
    if kind == "mps" and (platform.system(), platform.machine()) != ("Darwin", "arm64"):
        raise DeviceError("There is no Apple GPU here", next_step="Use --device auto, or --device cpu.")
    if kind == "cuda":
        why = why_no_cuda() or _too_few(int(index or 0))
        if why:
            raise DeviceError(f"There is no device {training.device}", why, "Use --device auto, or --device cpu.")
    on_cpu = kind == "cpu" or (kind == "auto" and platform.system() == "Linux" and why_no_cuda())
    if training.precision == "bf16" and on_cpu and not cpu_has_bf16():
        raise DeviceError(
            "This CPU has no bf16 instructions",
            "bf16 would be emulated, about a hundred times slower.",
            "Use --precision auto or fp32.",
        )


def _too_few(index: int) -> str:
    """Why there is no GPU of that number, where the driver counts them and none is named otherwise."""
    gpus, listed = list_gpus(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if not gpus or index < len(gpus) or not all(part.strip().isdigit() for part in listed.split(",") if part):
        return ""
    return f"{len(gpus)} CUDA device{'s' * (len(gpus) != 1)} can be seen here."


def preflight(config: RunConfig, load: Callable[[], Loaded] | None = None) -> RunConfig:
    """Look at everything that needs neither a network nor torch. Raises `WorkbenchError`.

    `load` gives the data where somebody has it already. Returns `config` with its source and its parts' files
    pinned to what was read: a data set of the hub to its commit, corrections to the number of them.
    """
    from core.data.dataset import load as load_data
    from core.data.split import split_rows
    from core.modelling.catalogue import check_named
    from core.runs.corrections import pinned as pinned_corrections

    require_sound(config)
    require_device(config.training)
    check_named(config.model.base, config.model, config.training.gradual_unfreezing)
    if config.data.corrections:
        config = config.with_value("data.corrections", pinned_corrections(config.data.corrections))
    loaded = load() if load else load_data(config.data)
    split_rows(loaded.dataset, config.split)
    for setting, pinned in loaded.table.pinned.items():
        config = config.with_value(f"data.{setting}", pinned)
    return config

"""What can be known to be wrong before a run folder exists, so that bad input leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.config import RunConfig, flag_of, problems
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.data.dataset import Loaded


def require_sound(config: RunConfig) -> None:
    """Raise `ConfigError` when the configuration by itself cannot be used."""
    if found := problems(config):
        lines = "\n  ".join(f"{flag_of(one.path)}: {one.message}" for one in found)
        raise ConfigError("This configuration cannot be used", lines, "finetui train --help shows every bound.")


def preflight(config: RunConfig, load: Callable[[], Loaded] | None = None) -> RunConfig:
    """Look at everything that needs neither a network nor torch. Raises `WorkbenchError`.

    `load` gives the data where somebody has it already. Returns `config` with its source and its parts' files
    pinned to what was read: a data set of the hub to its commit.
    """
    from core.data.dataset import load as load_data
    from core.data.split import split_rows
    from core.modelling.catalogue import check_named

    require_sound(config)
    check_named(config.model.base)
    loaded = load() if load else load_data(config.data)
    split_rows(loaded.dataset, config.split)
    for setting, pinned in loaded.table.pinned.items():
        config = config.with_value(f"data.{setting}", pinned)
    return config

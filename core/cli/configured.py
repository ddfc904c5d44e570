"""The configuration that a command's options name: the same for looking at data, forecasting and training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.cli.find import find_run
from core.config import RunConfig, load, with_absolute_paths, with_source, with_values
from core.preflight import require_sound


def configured(values: dict[str, Any], source: str | None, path: Path | None, runs: Path | None) -> RunConfig:
    """`values` over the run.toml at `path`, or over the defaults; its source is `source`, else the sample.

    Paths are absolute, and so is a run whose split is used again. Raises `ConfigError` for what cannot be used, and
    `RunError` for a run that is not there.
    """
    config = load(path) if path else RunConfig()
    if source is not None or path is None:
        config = with_source(config, source or "sample")
    config = with_values(config, values)
    if config.split.of:
        config = config.with_value("split.of", str(find_run(config.split.of, runs).path))
    config = with_absolute_paths(config)
    require_sound(config)
    return config

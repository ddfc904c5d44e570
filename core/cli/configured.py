"""The configuration that a command's options name: the same for looking at data, forecasting and training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.cli.find import find_run
from core.config import RunConfig, load, with_absolute_paths, with_source, with_values
from core.config.recipe import recipe_named
from core.config.recipe import recipes as all_recipes
from core.errors import ConfigError
from core.preflight import require_sound
from core.runs.aliases import followed


def configured(values: dict[str, Any], source: str | None, path: Path | None, runs: Path | None) -> RunConfig:
    """`values` over the run.toml at `path`, a recipe, or the defaults; its source is `source`, else the recipe's, else
    the sample.

    Paths are absolute, and so is a run whose split is used again. Raises `ConfigError` for what cannot be used, and
    `RunError` for a run that is not there.
    """
    config = followed(load(path)) if path else RunConfig()
    recipe = recipe_named(values["data.recipe"]) if values.get("data.recipe") else None
    if recipe is not None and path is not None:
        raise ConfigError("--config and --recipe are two beginnings", next_step="Use one of them.")
    beginning = recipe if path is None else all_recipes().get(config.data.recipe)
    has_file = source is not None or config.data.source != RunConfig().data.source
    if beginning is not None and not has_file and beginning.wants_file:
        step = f"Name it: finetui train FILE {'--config' if path else '--recipe'} {path or beginning.name}"
        raise ConfigError(f"The recipe {beginning.name} needs its file", f"It is for {beginning.data}.", step)
    if source is not None or path is None:
        config = with_source(config, source or (recipe.source if recipe is not None else "") or "sample")
    config = with_values(config, values)
    if config.split.of:
        config = config.with_value("split.of", str(find_run(config.split.of, runs).path))
    config = with_absolute_paths(config)
    require_sound(config)
    return config

"""Changing a configuration: values by name, a source as a person gave it, paths that mean the same in any folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.config.parse import coerce
from core.config.recipe import recipe_named
from core.config.schema import RunConfig
from core.paths import expanded

SAMPLE = "sample"
REMOTE = ("hub:", "kaggle:")


def with_values(config: RunConfig, values: dict[str, Any]) -> RunConfig:
    """`config` with `section.name` set to each value; where a recipe is among them, beginning from that recipe.

    Raises `ConfigError` naming a setting whose type is wrong, and for a recipe that there is not.
    """
    if name := values.get("data.recipe"):
        config = recipe_named(name).applied(config)
        if values.get("data.cures"):  # rules are added to those of a recipe
            values = {**values, "data.cures": list(dict.fromkeys((*config.data.cures, *values["data.cures"])))}
    for path, value in values.items():
        given = tuple(value) if isinstance(value, list) else value
        config = config.with_value(path, coerce(path, given))
    return config


def absolute_source(given: str) -> str:
    """A source as a configuration keeps it: `sample` and remote names as they are, paths absolute, `~` opened."""
    if given == SAMPLE or given.startswith(REMOTE):
        return given
    return absolute_path(given)


def absolute_path(path: str) -> str:
    """A path that means the same from every folder."""
    try:
        return str(expanded(path).absolute())
    except RuntimeError:  # ~somebody who does not exist: whoever opens the path says that it is not there
        return str(Path(path).absolute())


def with_source(config: RunConfig, given: str) -> RunConfig:
    """`config` reading from what a person gave; `data.given` keeps that as it was typed."""
    return replace(config, data=replace(config.data, source=absolute_source(given), given=given))


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """`config` with its relative paths made absolute: the trainer runs in another folder."""
    if not Path(config.data.source).is_absolute():
        config = with_source(config, config.data.source)
    for name in ("validation_file", "test_file", "corrections"):
        if given := getattr(config.data, name):
            config = config.with_value(f"data.{name}", absolute_source(given))
    base = config.model.base
    if base != "starter" and (base.startswith((".", "~")) or expanded(base).is_dir()):
        config = config.with_value("model.base", absolute_path(base))
    if os.sep in config.split.of:  # a bare one is the name of a run
        config = config.with_value("split.of", absolute_path(config.split.of))
    return config

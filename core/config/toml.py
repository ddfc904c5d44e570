"""A configuration as TOML, and back. Unknown keys are refused with the nearest name."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.config.parse import coerce
from core.config.schema import FORMAT, SECTIONS, RunConfig, section_fields
from core.errors import ConfigError


class FormatError(ConfigError):
    """It was written in a format that this version does not know."""


def to_dict(config: RunConfig) -> dict[str, Any]:
    """The configuration as plain JSON and TOML types, every setting present."""
    return {
        section: {
            one.name: list(value) if isinstance(value := getattr(getattr(config, section), one.name), tuple) else value
            for one in section_fields(section)
        }
        for section in SECTIONS
    }


def from_dict(tree: dict[str, Any], base: RunConfig | None = None) -> RunConfig:
    """The configuration that `tree` describes, on top of `base` (the defaults when not given).

    Raises `ConfigError` for an unknown section or key, naming the nearest known one, and for a value of the wrong type.
    """
    config = base or RunConfig()
    tree = dict(tree)
    number = tree.pop("format", FORMAT)
    if number != FORMAT:
        raise FormatError(
            f"This configuration has format {number}",
            f"This version of finetui reads format {FORMAT}.",
            "Install a newer finetui.",
        )
    about = tree.pop("recipe", None)  # what a recipe says of itself sets nothing but its name
    if isinstance(about, dict) and "name" in about:
        config = config.with_value("data.recipe", coerce("data.recipe", about["name"]))
    for section, values in tree.items():
        _known("section", section, SECTIONS)
        if not isinstance(values, dict):
            raise ConfigError(f"[{section}] must be a table of settings")
        names = tuple(one.name for one in section_fields(section))
        given = {}
        for name, value in values.items():
            _known(f"setting in [{section}]", name, names)
            given[name] = coerce(f"{section}.{name}", value)
        config = replace(config, **{section: replace(getattr(config, section), **given)})  # once: lists read many
    return config


def _known(what: str, name: str, names: tuple[str, ...]) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}?" if near else "Known: " + ", ".join(names)
    raise ConfigError(f"Unknown {what}: {name!r}", next_step=hint)


def dumps(config: RunConfig) -> str:
    """The text of `run.toml`: exactly what `finetui train --config` takes."""
    import tomli_w  # here: who only trains, on a bare checkout, need not have it

    return tomli_w.dumps({"format": FORMAT, **to_dict(config)})


def loads(text: str, base: RunConfig | None = None) -> RunConfig:
    """Read what `dumps` wrote, or any part of it. Raises `ConfigError`."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as broken:  # TOMLDecodeError, numbers of thousands of digits, endless brackets
        raise ConfigError("This configuration is not valid TOML", str(broken)) from None
    return from_dict(tree, base)


def load(path: Path, base: RunConfig | None = None) -> RunConfig:
    """Read a configuration file. Raises `ConfigError` when it is missing, unreadable or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as broken:
        raise ConfigError(f"Cannot read the configuration {path}", str(broken)) from None
    return loads(text, base)

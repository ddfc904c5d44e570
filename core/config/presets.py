"""Named starting points: which settings each one changes, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.config.schema import RunConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """A few settings under a name, with the sentence that a person reads about them."""

    name: str
    title: str
    sentence: str
    values: tuple[tuple[str, Any], ...]


PRESETS: tuple[Preset, ...] = (
    Preset("quick", "Quick look", "Two epochs: is there anything to learn?",
           (("training.epochs", 2), ("training.patience", 0))),
    Preset("balanced", "Balanced", "The defaults.",
           (("training.epochs", RunConfig().training.epochs), ("training.patience", RunConfig().training.patience))),
    Preset("best", "Best", "Eight epochs, fewer when 3 bring no gain.",
           (("training.epochs", 8), ("training.patience", 3))),
)  # fmt: skip


def apply_preset(config: RunConfig, name: str) -> RunConfig:
    """`config` with the settings of that preset; every other setting stays. Raises `KeyError` for an unknown name."""
    for path, value in {preset.name: preset for preset in PRESETS}[name].values:
        config = config.with_value(path, value)
    return config


def preset_of(config: RunConfig) -> str:
    """The name of the preset whose settings this configuration has; empty when it has none's."""
    for preset in PRESETS:
        if all(config.get(path) == value for path, value in preset.values):
            return preset.name
    return ""

"""The configuration of a run: `RunConfig`, its settings with their sentences and bounds, TOML in and out."""

from core.config.change import absolute_source, with_absolute_paths, with_source, with_values
from core.config.command import arguments, command_line, flag_of
from core.config.fields import Spec
from core.config.parse import coerce, is_tuple, parse, type_of
from core.config.schema import (
    FORMAT,
    METRICS,
    SECTIONS,
    DataConfig,
    ModelConfig,
    Problem,
    RunConfig,
    SplitConfig,
    TrainingConfig,
    differing,
    problem_with,
    problems,
    settings,
    spec_of,
)
from core.config.toml import dumps, from_dict, load, loads, to_dict

__all__ = [
    "FORMAT",
    "METRICS",
    "SECTIONS",
    "DataConfig",
    "ModelConfig",
    "Problem",
    "RunConfig",
    "Spec",
    "SplitConfig",
    "TrainingConfig",
    "absolute_source",
    "arguments",
    "coerce",
    "command_line",
    "differing",
    "dumps",
    "flag_of",
    "from_dict",
    "is_tuple",
    "load",
    "loads",
    "parse",
    "problem_with",
    "problems",
    "settings",
    "spec_of",
    "to_dict",
    "type_of",
    "with_absolute_paths",
    "with_source",
    "with_values",
]

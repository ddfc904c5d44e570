"""From what a person typed to a value of the setting's own type."""

from __future__ import annotations

import math
import types
import typing
from functools import cache
from typing import Any

from core.config.schema import RunConfig, problem_with
from core.errors import ConfigError

_TRUE = {"yes", "true", "on", "1"}
_FALSE = {"no", "false", "off", "0"}


@cache
def _hints(section: str) -> dict[str, Any]:
    return typing.get_type_hints(type(getattr(RunConfig(), section)))


def type_of(path: str) -> Any:
    """The annotated type of `section.name`: int, float, bool, str or `tuple[str, ...]`."""
    section, name = path.split(".")
    return _hints(section)[name]


def is_tuple(kind: Any) -> bool:
    """Whether a setting's type is `tuple[str, ...]`."""
    return isinstance(kind, types.GenericAlias) and kind.__origin__ is tuple


def parse(path: str, text: str) -> Any:
    """The value that `text` means for the setting at `path`. Raises `ConfigError` that names the setting."""
    kind = type_of(path)
    name = path.split(".")[1].replace("_", " ")
    text = text.strip()
    try:
        value: Any
        if kind is bool:
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(text)
            value = text.lower() in _TRUE
        elif kind is int:
            value = int(text.replace("_", "").replace(" ", ""))
        elif kind is float:
            value = float(text)
        elif is_tuple(kind):
            value = tuple(part.strip() for part in text.split(",") if part.strip())
        else:
            value = text
    except ValueError:
        wanted = {int: "a whole number", float: "a number", bool: "yes or no"}[kind]
        raise ConfigError(f"{name}: {text!r} is not {wanted}") from None
    if message := problem_with(path, value):
        raise ConfigError(f"{name}: {message}")
    return value


def coerce(path: str, value: Any) -> Any:
    """A value read from TOML or JSON, checked against the setting's type. Raises `ConfigError`."""
    kind = type_of(path)
    if is_tuple(kind):
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return tuple(value)
        raise ConfigError(f"{path} must be a list of texts, not {value!r}")
    if kind is float and type(value) is int:
        return float(value) if abs(value) < 2**53 else math.inf  # float() of a huge one raises OverflowError
    if type(value) is not kind:
        raise ConfigError(f"{path} must be {kind.__name__}, not {value!r}")
    return value

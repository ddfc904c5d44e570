"""In which order runs are listed. Scores are those on validation, never on test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from core.errors import ConfigError
from core.runs.disk import Usage
from core.runs.summary import Summary

KEYS = ("f1", "accuracy", "worst", "time", "created", "name", "size")
"""What runs can be sorted by; all but the name fall, `created` has the newest first."""

_VALUES: dict[str, Callable[[Summary], float | None]] = {
    "f1": lambda one: one.macro_f1,
    "accuracy": lambda one: one.accuracy,
    "worst": lambda one: one.worst_f1,
    "time": lambda one: one.seconds,
    "created": lambda one: one.created,
}


def ordered(
    summaries: Iterable[Summary],
    key: str = "f1",
    *,
    reverse: bool = False,
    sizes: Mapping[str, Usage] | None = None,
) -> list[Summary]:
    """The runs by `key`, `reverse` the other way round; equal ones newest first, those without a value last either way.

    `sizes` by name are wanted for `size`. Raises `ConfigError` for a key that is not one of `KEYS`.
    """
    found = sorted(summaries, key=lambda one: one.created, reverse=True)
    if key == "name":
        return sorted(found, key=lambda one: one.name, reverse=reverse)
    if key == "size":
        return sorted(found, key=lambda one: (sizes or {}).get(one.name, Usage()).total, reverse=not reverse)
    if key not in _VALUES:
        raise ConfigError(f"Runs cannot be sorted by {key!r}", f"Known: {', '.join(KEYS)}.")
    values = {one.name: _known(_VALUES[key](one)) for one in found}
    with_value = [one for one in found if values[one.name] is not None]
    without = [one for one in found if values[one.name] is None]
    return sorted(with_value, key=lambda one: values[one.name] or 0.0, reverse=not reverse) + without


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

"""What a person decided about one source: how it is read, its cures on and off; and every step back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from core.config import DataConfig, RunConfig, with_values

DATA = "data."


Switches: TypeAlias = tuple[tuple[str, bool], ...]
"""Cures that stand in the list, each with whether it is in force."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A description of the data, and the way to it. `data.cures` are the switches that are on, in their order.

    Each change makes another recipe that knows the one `before` it. `values`: what this step sets in other sections of
    the configuration; `restored`: what they were.
    """

    data: DataConfig
    switches: Switches = ()
    before: Recipe | None = None
    what: str = ""
    """The last change, in a few words."""
    values: tuple[tuple[str, Any], ...] = ()
    restored: tuple[tuple[str, Any], ...] = ()

    def with_data(self, what: str, **values: Any) -> Recipe:
        """Another reading or other columns. Cures that name classes of another label column would make no sense."""
        kept = self.switches if values.get("label", self.data.label) == self.data.label else ()
        return self._step(what, replace(self.data, **values), kept)

    def cured(self, cure: str) -> Recipe | None:
        """With this cure in force at the end of the list, or where it stands in it; none when it is in force."""
        known = dict(self.switches)
        if cure in known:
            return None if known[cure] else self.switched(cure)
        return self._step(cure, self.data, (*self.switches, (cure, True)))

    def switched(self, cure: str) -> Recipe:
        """With this cure off when it was on, and on when it was off."""
        switches = tuple((one, is_on != (one == cure)) for one, is_on in self.switches)
        return self._step(f"{cure} {'on' if dict(switches)[cure] else 'off'}", self.data, switches)

    def with_settings(self, what: str, settings: dict[str, Any], config: RunConfig) -> Recipe:
        """With these values by `section.name`; `config` holds those in force. Raises `ConfigError` for a wrong one."""
        wanted = with_values(config, settings)
        own = {path.removeprefix(DATA): wanted.get(path) for path in settings if path.startswith(DATA)}
        others = [path for path in settings if not path.startswith(DATA)]
        step = self.with_data(what, **own)
        return replace(
            step,
            values=tuple((path, wanted.get(path)) for path in others),
            restored=tuple((path, config.get(path)) for path in others),
        )

    def _step(self, what: str, data: DataConfig, switches: Switches) -> Recipe:
        cures = tuple(cure for cure, is_on in switches if is_on)
        return Recipe(replace(data, cures=cures), switches, self, what)

    def changes(self) -> int:
        """How many steps lead back."""
        return 0 if self.before is None else 1 + self.before.changes()


def recipe_of(data: DataConfig) -> Recipe:
    """The beginning: this data, every cure of it on."""
    return Recipe(data, tuple((cure, True) for cure in data.cures))


def applied(config: RunConfig, recipe: Recipe, values: tuple[tuple[str, Any], ...] = ()) -> RunConfig:
    """`config` with the data of this recipe, and these values in other sections."""
    config = replace(config, data=recipe.data)
    for path, value in values:
        config = config.with_value(path, value)
    return config

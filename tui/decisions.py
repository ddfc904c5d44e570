"""What a person decided about one source: how it is read, its cures on and off; and every step back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from core.config import DataConfig, RunConfig, settings, with_values

DATA = "data."


Switches: TypeAlias = tuple[tuple[str, bool], ...]
"""Cures that stand in the list, each with whether it is in force."""

Values: TypeAlias = tuple[tuple[str, Any], ...]
"""Settings outside of the data, by `section.name`."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """A description of the data, and the way to it. `data.cures` are the switches that are on, in their order.

    Each change makes others that know those `before` it. `values`: what this step sets in other sections of the
    configuration; `restored`: what they were.
    """

    data: DataConfig
    switches: Switches = ()
    before: Decisions | None = None
    what: str = ""
    """The last change, in a few words."""
    values: Values = ()
    restored: Values = ()
    recipe: str = ""
    """The recipe that was taken in this step."""

    def with_data(self, what: str, **values: Any) -> Decisions:
        """Another reading or other columns. Cures that name classes of another label column would make no sense."""
        kept = self.switches if values.get("label", self.data.label) == self.data.label else ()
        return self._step(what, replace(self.data, **values), kept)

    def cured(self, cure: str) -> Decisions | None:
        """With this cure in force at the end of the list, or where it stands in it; none when it is in force."""
        known = dict(self.switches)
        if cure in known:
            return None if known[cure] else self.switched(cure)
        return self._step(cure, self.data, (*self.switches, (cure, True)))

    def switched(self, cure: str) -> Decisions:
        """With this cure off when it was on, and on when it was off."""
        switches = tuple((one, is_on != (one == cure)) for one, is_on in self.switches)
        return self._step(f"{cure} {'on' if dict(switches)[cure] else 'off'}", self.data, switches)

    def with_settings(self, what: str, settings: dict[str, Any], config: RunConfig) -> Decisions:
        """With these values by `section.name`; `config` holds those in force. Raises `ConfigError` for a wrong one."""
        wanted = with_values(config, settings)
        own = {path.removeprefix(DATA): wanted.get(path) for path in settings if path.startswith(DATA)}
        others = [path for path in settings if not path.startswith(DATA)]
        return self.with_data(what, **own)._setting(others, config, wanted)

    def with_recipe(self, name: str, config: RunConfig, after: RunConfig) -> Decisions:
        """With all that the recipe called `name` made of `config`, which is in force: its data, its rules, the rest."""
        others = [
            path for path, _, _ in settings() if not path.startswith(DATA) and config.get(path) != after.get(path)
        ]
        step = self._step(f"recipe {name}", after.data, decisions_of(after.data).switches)
        return replace(step._setting(others, config, after), recipe=name)

    def _step(self, what: str, data: DataConfig, switches: Switches) -> Decisions:
        cures = tuple(cure for cure, is_on in switches if is_on)
        return Decisions(replace(data, cures=cures), switches, self, what)

    def _setting(self, paths: list[str], config: RunConfig, wanted: RunConfig) -> Decisions:
        return replace(
            self,
            values=tuple((path, wanted.get(path)) for path in paths),
            restored=tuple((path, config.get(path)) for path in paths),
        )

    def changes(self) -> int:
        """How many steps lead back."""
        return 0 if self.before is None else 1 + self.before.changes()


def decisions_of(data: DataConfig) -> Decisions:
    """The beginning: this data, every cure of it on."""
    return Decisions(data, tuple((cure, True) for cure in data.cures))


def applied(config: RunConfig, decisions: Decisions, values: Values = ()) -> RunConfig:
    """`config` with the data of these decisions, and these values in other sections."""
    config = replace(config, data=decisions.data)
    for path, value in values:
        config = config.with_value(path, value)
    return config


class Decided:
    """The newest decisions about each source that was open: whoever comes back to one finds the cures again."""

    def __init__(self) -> None:
        self._newest: dict[str, Decisions] = {}

    def last(self, source: str) -> Decisions | None:
        """Those about this source; none where it was not open."""
        return self._newest.get(source)

    def about(self, data: DataConfig) -> Decisions:
        """Those that led to exactly this data; where none did, it is a beginning."""
        known = self._newest.get(data.source)
        if known is None or known.data != data:
            known = self._newest[data.source] = decisions_of(data)
        return known

    def keep(self, decisions: Decisions) -> None:
        """From now on these are the newest about their source."""
        self._newest[decisions.data.source] = decisions

    def forget(self, source: str) -> None:
        """The next who opens this source begins anew."""
        self._newest.pop(source, None)

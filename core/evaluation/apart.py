"""What sets runs apart: the settings that differ, and which runs are one setting over several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.config import RunConfig, settings
from core.evaluation.significance import PAIRED_FROM
from core.runs.run import Run

SEED = "training.seed"
_ELSEWHERE = frozenset({"data.given", "training.device", "training.threads", "training.onnx", "training.save_epochs"})
"""How the source was typed, where the run was computed, what it kept beside: no part of a setting over seeds."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that is not the same in all runs; `values` in the order of the runs."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same settings on the same data, but for the seed: `members` are places among the runs."""

    letter: str
    members: tuple[int, ...]
    seeds: tuple[int, ...]


def differing_settings(configs: Sequence[RunConfig]) -> tuple[Setting, ...]:
    """The settings whose values differ, data and split first; how a source was typed is none."""
    found = [Setting(path, tuple(config.get(path) for config in configs)) for path, _, _ in settings()]
    return tuple(one for one in found if one.path != "data.given" and any(v != one.values[0] for v in one.values))


def first_of_all(apart: Sequence[Setting], same_data: bool) -> str:
    """What differs beside the settings one compares, in words: `the data, the split and the seed`; empty if none."""
    sections = {one.path.split(".")[0] for one in apart}
    said = ["the data"] if "data" in sections or not same_data else []
    said += ["the split"] if "split" in sections else []
    said += ["the seed"] if any(one.path == SEED for one in apart) else []
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def groups_of(runs: Sequence[Run], configs: Sequence[RunConfig]) -> tuple[Group, ...]:
    """The groups among these runs: two or more with the same settings and different seeds.

    A run that repeats a seed of its group tells nothing new of the setting: it is in none.
    """
    alike: dict[tuple[Any, ...], dict[int, int]] = {}
    for place, (run, config) in enumerate(zip(runs, configs, strict=True)):
        values = tuple(config.get(path) for path, _, _ in settings() if path != SEED and path not in _ELSEWHERE)
        key = (*values, run.read_json("data.json").get("fingerprint"))
        alike.setdefault(key, {}).setdefault(config.training.seed, place)
    several = [one for one in alike.values() if len(one) > 1]
    return tuple(Group(chr(ord("A") + number), tuple(one.values()), tuple(one)) for number, one in enumerate(several))


def seeds_in_pairs(first: Group, second: Group) -> tuple[list[int], list[int], bool]:
    """The members of both, and whether they are compared in pairs: the same seeds, and enough of them, in one order."""
    if set(first.seeds) != set(second.seeds) or len(first.seeds) < PAIRED_FROM:
        return list(first.members), list(second.members), False
    sides = [dict(zip(group.seeds, group.members, strict=True)) for group in (first, second)]
    order = sorted(first.seeds)
    return [sides[0][seed] for seed in order], [sides[1][seed] for seed in order], True

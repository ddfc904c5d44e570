"""Making groups: the runs of one, with what each differs in, put in the line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.config import RunConfig, to_dict
from core.errors import ConfigError, RunError
from core.launch.queue import ensure_served
from core.runs.groups import Group, Member, add_member, create_group, folder_of
from core.runs.store import RunStore, valid_name
from core.runs.waiting import enqueue

MOST = 100
"""Members of a group: more than anybody looks at."""

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of the training rows in a learning curve: about evenly spaced on the logarithmic axis that it is drawn on."""

Planned = tuple[str, dict[str, Any]]
"""(what a member is called, the settings in which it differs)."""


def over_seeds(config: RunConfig, count: int) -> list[Planned]:
    """`count` members that differ in the seed of the training. Raises `ConfigError`."""
    _check(count, 2, "seeds")
    first = config.training.seed
    return [(f"seed {seed}", {"training.seed": seed}) for seed in range(first, first + count)]


def over_folds(config: RunConfig, count: int) -> list[Planned]:
    """`count` members of which each validates on another part of the rows. Raises `ConfigError`."""
    _check(count, 2, "folds")
    if config.split.of:
        raise ConfigError(
            "Folds deal the rows anew", "--split-of takes those of another run.", "Leave one of them out."
        )
    split = {"split.method": "folds", "split.folds": count}
    return [(f"fold {fold} of {count}", {**split, "split.fold": fold}) for fold in range(1, count + 1)]


def over_rows(config: RunConfig, shares: Sequence[float] = SHARES, seeds: int = 1) -> list[Planned]:
    """Members that train on growing shares of the training rows, each with `seeds` seeds. Raises `ConfigError`."""
    _check(len(shares) * seeds, 2, "members")
    if sorted(set(shares)) != list(shares) or not all(0.01 <= part <= 1 for part in shares):
        raise ConfigError("The shares must grow, from 0.01 to 1", next_step="For example: --shares 0.1,0.3,1")
    found = []
    for part in shares:
        for seed in range(config.training.seed, config.training.seed + seeds):
            named = f"{100 * part:g} % of the rows" + (f", seed {seed}" if seeds > 1 else "")
            found.append((named, {"split.train_share": part, "training.seed": seed}))
    return found


def make_group(
    store: RunStore, config: RunConfig, kind: str, plan: list[Planned], name: str, *, score_test: bool = False
) -> tuple[Group, list[Member]]:
    """Create the group and its runs, put them in the line, and have it worked on.

    The locked test is scored by none of them unless `score_test`: the members compete by validation. Raises what
    `create` and `create_group` do; runs made until then wait in the line.
    """
    config = config.with_value("training.score_test", score_test)
    group = Group(name, kind, len(plan), time.time(), config.training.metric, {"config": to_dict(config)})
    if folder_of(store.root, name).exists():
        raise RunError(f"A group named {name} already exists", next_step="Choose another name.")
    for at in range(1, len(plan) + 1):
        member = f"{name}-{at}"
        if (store.root / member).exists() or not valid_name(member):
            raise RunError(f"{member} cannot be a run of this group", "The name is taken, or too long.", "--name NAME")
    create_group(store, group)
    try:
        made = [_member(store, config, group.name, at, *one) for at, one in enumerate(plan, 1)]
    finally:
        ensure_served(store.root)
    return group, made


def _member(store: RunStore, config: RunConfig, group: str, index: int, what: str, values: dict[str, Any]) -> Member:
    for path, value in values.items():
        config = config.with_value(path, value)
    run = store.create(config, f"{group}-{index}")
    member = add_member(run, group, index, what, values)
    enqueue(run)
    return member


def _check(count: int, least: int, what: str) -> None:
    if not least <= count <= MOST:
        raise ConfigError(f"A group has {least} to {MOST} {what}, not {count}")


def free_name(root: Path, wanted: str) -> str:
    """`wanted`, or with a number behind it when there is such a group, or a run with the name of a member."""
    name, number = wanted, 2
    while folder_of(root, name).exists() or any(root.glob(f"{name}-[0-9]*")):
        name, number = f"{wanted}-{number}", number + 1
    return name

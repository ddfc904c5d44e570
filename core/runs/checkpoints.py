"""The resume points of a run: `checkpoints/step-N/`, committed whole, the newest two kept.

Newest means the highest step, never a clock. A checkpoint counts only if its manifest holds.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.errors import RunError
from core.runs.atomic import recover_dir, verify_dir

KEPT = 2
"""Checkpoints that stay: should the newest be damaged, there is the one before."""

NOT_WRITTEN = "No checkpoint could be written"
"""Title of the warning that says so."""

_PREFIX = "step-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place from which a run can go on."""

    step: int
    path: Path


def checkpoints_path(run: Path) -> Path:
    """Where the run in this folder keeps them."""
    return run / "checkpoints"


def place_of(run: Path, step: int) -> Path:
    """The folder of the checkpoint after `step`."""
    return checkpoints_path(run) / f"{_PREFIX}{step}"


def listed(run: Path) -> list[Checkpoint]:
    """What is there by name, newest first, not looked into."""
    found = []
    for path in checkpoints_path(run).glob(f"{_PREFIX}*"):
        number = path.name.removeprefix(_PREFIX)
        if number.isascii() and number.isdigit() and path.is_dir():
            found.append(Checkpoint(int(number), path))
    return sorted(found, key=lambda one: one.step, reverse=True)


def newest(run: Path, *, contents: bool = False) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint, and what is wrong with each newer one.

    `contents` reads every byte, as one does before going on from it; without, names and sizes are looked at.
    """
    damaged = []
    for one in listed(run):
        try:
            verify_dir(one.path, contents=contents)
        except RunError as broken:
            damaged.append(str(broken))
        else:
            return one, damaged
    return None, damaged


def prune(run: Path, keep: int = KEPT) -> None:
    """Remove all but the newest `keep` and what was left half-made. For the run's owner alone."""
    for one in listed(run)[keep:]:
        shutil.rmtree(one.path, ignore_errors=True)


def tidy(run: Path) -> None:
    """After a crash: clear half-made checkpoints away. For the run's owner alone."""
    folder = checkpoints_path(run)
    for staged in folder.glob(f".{_PREFIX}*"):
        name = staged.name.removeprefix(".").split(".")[0]
        recover_dir(folder / name)


def discard(run: Path) -> None:
    """Remove them all: the run is complete, nobody goes on from there."""
    shutil.rmtree(checkpoints_path(run), ignore_errors=True)

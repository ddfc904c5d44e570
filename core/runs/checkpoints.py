"""The resume points of a run: `checkpoints/step-N/`, committed whole, the newest two kept.

Newest means the highest step, never a clock. A checkpoint counts only if its manifest holds.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import RunError
from core.runs.atomic import UnreadableError, recover_dir, verify_dir

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
    """Remove all but the newest `keep`. For the run's owner alone."""
    for one in listed(run)[keep:]:
        _remove(one.path)


def _out_of_sight(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.gone")


def _remove(folder: Path) -> None:
    """Take a folder out of sight before its files go: whoever looks meanwhile finds it whole or not at all."""
    hidden = _out_of_sight(folder)
    with suppress(OSError):
        os.rename(folder, hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def tidy(run: Path) -> None:
    """After a crash: clear away what was half-made or half-removed. For the run's owner alone."""
    folder = checkpoints_path(run)
    for hidden in folder.glob(f".{_PREFIX}*"):
        if hidden.name.endswith(".gone"):
            shutil.rmtree(hidden, ignore_errors=True)
        else:
            recover_dir(folder / hidden.name.removeprefix(".").split(".")[0])
    for hidden in run.glob(f".{folder.name}.*.gone"):
        shutil.rmtree(hidden, ignore_errors=True)


def hide_damaged(run: Path, step: int) -> None:
    """Take what is damaged and newer than `step`, from where a run goes on, out of sight: it must not count as newest.

    It is removed when the next trainer tidies. What could not be read stays. For the run's owner alone.
    """
    for one in listed(run):
        if one.step > step:
            try:
                verify_dir(one.path)
            except UnreadableError:
                continue
            except RunError:
                with suppress(OSError):
                    os.rename(one.path, _out_of_sight(one.path))


def discard(run: Path) -> None:
    """Remove them all: the run is complete, nobody goes on from there."""
    _remove(checkpoints_path(run))

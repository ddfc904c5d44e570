"""Runs that wait for their turn: a file in the run's own folder says that it waits, and where in the line.

There is no list beside the runs that could disagree with them. Whoever starts a waiting run first takes that file away
by renaming it, which only one can do, on this host or another one of a shared file system; who changes a place does the
same, and puts it back.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.runs.atomic import write_file
from core.runs.lock import Owner, pid_lives, read_owner
from core.runs.run import QUEUED, Run, RunState

TAKEN = "taken.json"
"""Who has taken the run out of the line, until it has ended."""

_TAKING = ".taking."

STALE = 60.0
"""Seconds after which a place that somebody took to change it, and never put back, is put back by others."""

RETRIES = 1
"""A run whose trainer vanished is tried again this often, and then left where it stands."""


@dataclass(frozen=True, slots=True)
class Place:
    """A run's place in the line: the lowest position comes first. `attempts`: trainers that vanished before."""

    position: float
    held: bool = False
    attempts: int = 0
    since: float = 0.0


def place_of(run: Run) -> Place | None:
    """The place of `run` in the line, or none when it does not wait."""
    return _read(run.path / QUEUED)


def waiting(root: Path) -> list[tuple[Run, Place]]:
    """All runs below `root` that wait, the next one first."""
    found = [(run, place) for run in _with_file(root, QUEUED) if (place := place_of(run)) is not None]
    return sorted(found, key=lambda one: (one[1].position, one[1].since, one[0].name))


def enqueue(run: Run, *, first: bool = False) -> Place:
    """Put `run` at the end of the line, or before all others.

    Raises `RunError` when it waits or trains already, or the disk is full.
    """
    if place_of(run) is not None:
        raise RunError(f"{run.name} waits already", next_step=f"finetui queue release {run.name}, if it is held.")
    if run.state() is RunState.RUNNING or is_begun(run):
        raise RunError(f"{run.name} is being trained", next_step=f"finetui attach {run.name}")
    others = [place.position for _, place in waiting(run.path.parent)]
    position = (min(others, default=1.0) - 1.0) if first else (max(others, default=0.0) + 1.0)
    place = Place(position, since=time.time())
    _write(run, place)
    return place


def hold(run: Run, *, held: bool = True) -> None:
    """Let others pass before `run`, or let it be started again. Raises `RunError` when it does not wait."""
    with _changing(run) as place:
        place.append(replace(place[0], held=held))


def move(run: Run, by: int) -> None:
    """Move `run` so many places towards the end of the line (negative: the beginning). Raises `RunError`."""
    line = [(one.name, place.position) for one, place in waiting(run.path.parent)]
    names = [name for name, _ in line]
    if run.name not in names:
        raise _not_waiting(run)
    positions = [position for name, position in line if name != run.name]
    at = min(max(names.index(run.name) + by, 0), len(positions))
    low = positions[at - 1] if at else (positions[0] - 2.0 if positions else 0.0)
    high = positions[at] if at < len(positions) else low + 2.0
    with _changing(run) as place:
        place.append(replace(place[0], position=(low + high) / 2))


def cancel(run: Run) -> None:
    """Take `run` out of the line; its folder stays. Raises `RunError` when it does not wait."""
    with _changing(run):
        pass


def take(run: Run) -> Place | None:
    """Take `run` out of the line to start it; none when somebody else was faster, or it does not wait."""
    place = place_of(run)
    owner = asdict(Owner.me()) | {"attempts": place.attempts if place is not None else 0, "t": time.time()}
    staged = run.path / f"{_TAKING}{secrets.token_hex(4)}"
    try:
        os.rename(run.path / QUEUED, staged)
    except OSError:
        return None
    found = _read(staged) or Place(0.0)
    with suppress(OSError):
        write_file(run.path / TAKEN, json.dumps(owner | {"attempts": found.attempts}))
    with suppress(OSError):
        staged.unlink()
    return found


def taken(root: Path) -> list[tuple[Run, Owner, int]]:
    """(run, who took it, how many trainers vanished before) of every run that was taken and not let go."""
    found = []
    for run in _with_file(root, TAKEN):
        owner = read_owner(run.path, TAKEN)
        if owner is not None:
            with suppress(RunError, TypeError, ValueError):
                found.append((run, owner, int(run.read_json(TAKEN).get("attempts", 0))))
    return found


def let_go(run: Run, *, again: bool = False, attempts: int = 0) -> None:
    """What was taken has ended; `again` puts it back at the head of the line."""
    if again:
        first = min((place.position for _, place in waiting(run.path.parent)), default=1.0) - 1.0
        _write(run, Place(first, attempts=attempts, since=time.time()))
    with suppress(OSError):
        (run.path / TAKEN).unlink()


def is_begun(run: Run) -> bool:
    """Whether somebody has started `run`, or is about to: its trainer may not have said anything yet."""
    owner = read_owner(run.path, TAKEN)
    if owner is not None and not is_abandoned(owner):
        return True
    return run.state() is RunState.QUEUED and (run.path / "launch.json").exists() and place_of(run) is None


def leave_line(run: Run) -> None:
    """Forget that `run` waits or was taken: it goes to the trash."""
    for name in (QUEUED, TAKEN):
        with suppress(OSError):
            (run.path / name).unlink()


def is_abandoned(owner: Owner) -> bool:
    """Whether who took a run is known to be gone: a process of this host that does not live, or of an earlier boot."""
    if owner.host != Owner.me().host:
        return False
    return not (owner.is_local() and pid_lives(owner.pid))


def put_back_lost(root: Path) -> None:
    """Put places back that somebody took, to change or to start them, and was killed before it was done."""
    for path in (*root.glob(f"*/.{QUEUED}.*"), *root.glob(f"*/{_TAKING}*")):
        with suppress(OSError):
            if time.time() - path.stat().st_ctime <= STALE:
                continue
            if path.with_name(QUEUED).exists() or path.with_name(TAKEN).exists():
                path.unlink()  # it was put back, or started, all the same
            else:
                os.rename(path, path.with_name(QUEUED))


def _with_file(root: Path, name: str) -> list[Run]:
    return [Run(path.parent) for path in root.glob(f"*/{name}") if (path.parent / "run.toml").is_file()]


@contextmanager
def _changing(run: Run) -> Iterator[list[Place]]:
    """Yields a list with the place; what is appended is put back, and nothing is when nothing was."""
    staged = run.path / f".{QUEUED}.{secrets.token_hex(4)}"
    try:
        os.rename(run.path / QUEUED, staged)
    except OSError:
        raise _not_waiting(run) from None
    place = [_read(staged) or Place(0.0)]
    try:
        yield place
    except BaseException:
        os.rename(staged, run.path / QUEUED)
        raise
    if len(place) > 1:
        _write(run, place[-1])
    with suppress(OSError):
        staged.unlink()


def _not_waiting(run: Run) -> RunError:
    if run.state() is RunState.RUNNING or is_begun(run):
        return RunError(
            f"{run.name} is being trained, it does not wait in the queue", next_step=f"finetui stop {run.name}"
        )
    return RunError(f"{run.name} does not wait in the queue", next_step="finetui queue lists what does.")


def _write(run: Run, place: Place) -> None:
    try:
        write_file(run.path / QUEUED, json.dumps(asdict(place)))
    except OSError as broken:
        raise RunError(f"{run.name} cannot be put in the queue", broken.strerror or str(broken)) from None


def _read(path: Path) -> Place | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Place(
            float(fields["position"]), bool(fields["held"]), int(fields["attempts"]), float(fields.get("since", 0.0))
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Place(0.0) if path.exists() else None

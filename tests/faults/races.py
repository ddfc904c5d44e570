"""32 processes race for one thing: the runs folder, a name, the lock of a run. Exactly one gets it, and none hangs."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.config import RunConfig
from core.errors import RunError
from core.runs import Run, RunStore
from core.runs.lock import RunLock, is_held, read_owner
from tests.faults.score import Score, Tally

NAME = "races"
WHAT = "32 processes at once for one name, and for the lock of one run, then for that of its killed owner"
RACERS = 32
LIMIT = 120.0
"""Seconds after which a process that has not answered is held for hung."""

GOT, REFUSED, BROKE = b"G", b"R", b"B"


@dataclass(frozen=True, slots=True)
class Racer:
    """A child: it starts when `go` is closed, and says on `says` how it went."""

    pid: int
    says: int


def _start(act: Callable[[], None]) -> tuple[list[Racer], int]:
    """Children that wait, and what to close to let them go. A winner keeps what it has until it is killed."""
    hear, go = os.pipe()
    racers = []
    for _ in range(RACERS):
        said, say = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(go)
                os.read(hear, 1)  # returns in all of them at once
                os.write(say, _outcome(act))
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(say)
        racers.append(Racer(pid, said))
    os.close(hear)
    return racers, go


def _outcome(act: Callable[[], None]) -> bytes:
    try:
        act()
    except RunError as refused:
        return REFUSED if "already" in refused.title else BROKE + str(refused).encode()
    except BaseException as error:  # noqa: BLE001 - it is reported as what it is
        return BROKE + repr(error).encode()
    return GOT


def _answers(racers: list[Racer]) -> list[bytes]:
    """What each one says; empty for one that says nothing in time."""
    found, end = {}, time.monotonic() + LIMIT
    while len(found) < len(racers) and (left := end - time.monotonic()) > 0:
        waiting = {one.says: one.pid for one in racers if one.pid not in found}
        for handle in select.select(list(waiting), [], [], left)[0]:
            found[waiting[handle]] = os.read(handle, 4096)
    return [found.get(one.pid, b"") for one in racers]


def _end(racers: list[Racer]) -> None:
    for one in racers:
        os.kill(one.pid, signal.SIGKILL)
        os.waitpid(one.pid, 0)
        os.close(one.says)


def _race(act: Callable[[], None], tally: Tally, what: str, check: Callable[[int], str]) -> None:
    racers, go = _start(act)
    os.close(go)
    answers = _answers(racers)
    tally.tries += RACERS
    winners = [one.pid for one, said in zip(racers, answers, strict=True) if said == GOT]
    if len(winners) != 1:
        tally.spoiled(f"{what}: {len(winners)} owners")
    for said in answers:
        if said not in (GOT, REFUSED):
            tally.spoiled(f"{what}: {said[1:].decode() if said else 'no answer'}")
    if len(winners) == 1 and (wrong := check(winners[0])):
        tally.missed(f"{what}: {wrong}")
    _end(racers)


def _hold(run: Run, kept: list[RunLock]) -> None:
    lock = RunLock(run.path)
    lock.__enter__()
    kept.append(lock)


def _owned(run: Run, winner: int) -> str:
    owner = read_owner(run.path)
    if not is_held(run.path):
        return "the lock is not held by its owner"
    return "" if owner is not None and owner.pid == winner else f"{owner} is written down"


def run(tries: int, folder: Path) -> Score:
    """`tries` rounds; in each one 32 race for a name in a folder that is not there yet, then for the lock, twice."""
    tally = Tally()
    for number in range(tries):
        store = RunStore(folder / f"runs-{number}")
        _race(
            lambda store=store: str(store.create(RunConfig(), "prize")) and None,
            tally,
            "name",  # type: ignore[misc]
            lambda _, store=store: "" if store.names() == ["prize"] else str(store.names()),
        )  # type: ignore[misc]
        prize = Run(store.root / "prize")
        left = [path.name for path in store.root.iterdir() if path.name.endswith(".new")]
        if left or prize.config() != RunConfig():
            tally.spoiled(f"name: {left} left over")
        for what in ("lock", "lock of a killed owner"):
            kept: list[RunLock] = []
            _race(
                lambda run=prize, kept=kept: _hold(run, kept),
                tally,
                what,  # type: ignore[misc]
                lambda winner, run=prize: _owned(run, winner),
            )  # type: ignore[misc]
            if is_held(prize.path):
                tally.spoiled(f"{what}: held after all are dead")
    return tally.score(NAME, WHAT, f"{tries} rounds of three races")

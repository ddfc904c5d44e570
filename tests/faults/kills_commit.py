"""A process that commits a folder again and again is killed at random moments: what is visible is always whole."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from pathlib import Path

from tests.faults.folders import ABSENT, BROKEN, commit, recovered
from tests.faults.score import Score, Tally

NAME = "kills-commit"
WHAT = "SIGKILL at a random moment while a folder is committed again and again"


def _commit_forever(target: Path, first: int, tell: int, *, synced: bool) -> None:
    if not synced:  # a kill loses nothing of that, and the moments between two syncs are met more often
        os.fsync = lambda _: None
    number = first
    while True:
        commit(target, number % 60_000, 200_000)
        os.write(tell, struct.pack("i", number))  # acknowledged: from here on it must not be lost
        number += 1


def _killed(target: Path, first: int, chance: random.Random) -> list[int]:
    """The numbers that the child had acknowledged when it was killed."""
    hear, tell = os.pipe()
    synced = chance.random() < 0.3
    child = os.fork()
    if child == 0:
        try:
            _commit_forever(target, first, tell, synced=synced)
        finally:
            os._exit(1)
    os.close(tell)
    with open(hear, "rb", buffering=0) as acknowledged:
        said = acknowledged.read(4) if chance.random() < 0.8 else b""  # else also the very first one is hit
        time.sleep(chance.uniform(0, 0.02))  # the random moment is the test, nothing is awaited by it
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said += acknowledged.readall() or b""
    return [number for (number,) in struct.iter_unpack("i", said)]


def run(tries: int, folder: Path, *, seed: int = 0) -> Score:
    """Kill `tries` times. Each time what is visible must be whole, and at least as new as what was acknowledged."""
    tally, chance, target, newest = Tally(), random.Random(seed), folder / "model", ABSENT
    for number in range(tries):
        if number % 50 == 49:
            target.rename(folder / f"kept-{number}")  # now and then the first commit is what is hit
            newest = ABSENT
        acknowledged = _killed(target, max(newest, 0) + 1, chance)
        newest = max([newest, *acknowledged])
        found = recovered(target)
        tally.tries += 1
        if found == BROKEN:
            tally.spoiled("what was visible after a kill was not whole")
        elif found < newest:
            tally.missed(f"version {newest} was acknowledged, {found} was there")
        newest = max(found, ABSENT)
    return tally.score(NAME, WHAT, "after each: recover, verify, compare with the last acknowledged version")

"""A process that commits a folder again and again is killed at random moments: what is visible is always whole."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from core.runs.atomic import commit_dir, recover_dir, verify_dir


def _commit_forever(target: Path, ready: int) -> None:
    number = 0
    while True:
        with commit_dir(target) as folder:
            (folder / "weights").write_bytes(os.urandom(200_000))
            (folder / "number").write_text(str(number))
        if number == 0:
            os.write(ready, b"1")
        number += 1


def _round(target: Path, chance: random.Random) -> None:
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _commit_forever(target, tell)
        finally:
            os._exit(1)
    os.close(tell)
    os.read(hear, 1)  # the first commit is done: from here on something whole must be there
    time.sleep(chance.uniform(0, 0.02))  # the random moment is the test, nothing is awaited by it
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(hear)
    recover_dir(target)
    verify_dir(target)


def _kill(rounds: int, folder: Path) -> None:
    chance = random.Random(rounds)
    for _ in range(rounds):
        _round(folder / "model", chance)
    print(f"\n{rounds} kills: 0 invalid, 0 lost")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_ten_kills_leave_a_whole_folder(tmp_path: Path) -> None:
    _kill(10, tmp_path)


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_thousand_kills_leave_a_whole_folder(tmp_path: Path) -> None:
    _kill(1000, tmp_path)

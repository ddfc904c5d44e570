"""The process ends right before and right after every single call of a save: what is left is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.runs.atomic import recover_dir
from tests.faults.folders import ABSENT, BROKEN, commit, recovered, seen, unsynced
from tests.faults.layer import Call, layer
from tests.faults.score import Score, Tally

NAME = "boundaries"
WHAT = "killed before and after every call of a commit, and of the recovery from one"


def _ending_at(place: int) -> Callable[[Call, Callable[..., Any]], Any]:
    """A hook that ends the process at a boundary: 0 is before the first call, 1 after it, 2 before the second."""
    passed = 0

    def hook(_: Call, do: Callable[..., Any]) -> Any:
        nonlocal passed
        if passed == place:
            os._exit(9)
        result = do()
        if passed + 1 == place:
            os._exit(9)
        passed += 2
        return result

    return hook


def _ends_at(place: int, root: Path, act: Callable[[], None], *, exchange: bool) -> bool:
    """Do it in a child that ends at that boundary. False when it has fewer of them: then it was done."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with layer(root, _ending_at(place), exchange=exchange):
                act()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, 9):
        raise RuntimeError(f"the child of boundary {place} ended with {status}")
    return status == 9


def _commits(folder: Path, tally: Tally, old: int, *, exchange: bool, stride: int) -> None:
    place = 0
    while True:
        root = folder / "root"
        root.mkdir()
        target = root / "model"
        if old != ABSENT:
            commit(target, old)
        ended = _ends_at(place, root, lambda target=target: commit(target, 2), exchange=exchange)  # type: ignore[misc]
        at_once, found = seen(target), recovered(target)
        where = f"{'first' if old == ABSENT else 'replacing'} commit, boundary {place}"
        tally.tries += 1
        if BROKEN in (at_once, found) or found not in (old, 2):
            tally.spoiled(f"{where}: {at_once} before recovery, {found} after it")
        elif exchange and at_once not in (old, 2):
            tally.spoiled(f"{where}: a reader saw a gap")
        elif found == ABSENT != old or (not ended and found != 2):
            tally.missed(f"{where}: {found}")
        shutil.rmtree(root)
        if not ended:
            return
        place += stride


def _recoveries(folder: Path, tally: Tally) -> None:
    """Recovery itself is killed, where only the folder that was renamed away is whole."""
    place = 0
    while True:
        root = folder / "root"
        root.mkdir()
        target = root / "model"
        commit(target, 1)
        target.rename(root / ".model.old")
        commit(root / ".model.0a.new", 2)
        (root / ".model.0b.new").mkdir()
        ended = _ends_at(place, root, lambda target=target: recover_dir(target), exchange=True)  # type: ignore[misc]
        found = recovered(target)
        tally.tries += 1
        if found != 1:
            tally.missed(f"recovery, boundary {place}: {found}")
        shutil.rmtree(root)
        if not ended:
            return
        place += 1


def run(tries: int, folder: Path) -> Score:
    """`tries` 0 takes every boundary, else every third one or so: about that many."""
    tally, stride = Tally(), 1 if not tries else max(300 // tries, 1) | 1
    with unsynced():
        _commits(folder, tally, ABSENT, exchange=True, stride=stride)
        _commits(folder, tally, 1, exchange=True, stride=stride)
        _commits(folder, tally, 1, exchange=False, stride=stride)
        _recoveries(folder, tally)
    return tally.score(NAME, WHAT, "a first commit, one by exchange, one by two renames, and a recovery")

"""Power is cut during a save: its calls are recorded, and every prefix of them is replayed onto a disk that forgets."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from core.config import RunConfig
from core.runs import RunStore
from core.runs.atomic import write_file
from core.runs.log import LogReader, LogWriter
from tests.faults.disk import Disk, put
from tests.faults.folders import ABSENT, Save, commit, recovered, unsynced
from tests.faults.layer import CHANGES, Call, layer
from tests.faults.score import Score, Tally

NAME = "power"
WHAT = "power cut after every call of a save, with what was not synced dropped, torn or zeroed"

BEFORE, AFTER = "the old one", "the new one"


def _version(old: int) -> Callable[[Path], str]:
    def look(root: Path) -> str:
        return {old: BEFORE, 2: AFTER}.get(found := recovered(root / "model"), f"version {found}")

    return look


def _file(root: Path) -> str:
    content = (root / "metrics.json").read_bytes() if (root / "metrics.json").exists() else b""
    return {b"old" * 3000: BEFORE, b"new!" * 3000: AFTER}.get(content, f"{len(content)} other bytes")


def _run(root: Path) -> str:
    store = RunStore(root / "runs")
    if store.names() != ["one"]:
        return BEFORE
    return AFTER if store.open("one").config() == RunConfig() else "another configuration"


LINES = ["first " + "x" * 300, "second", "third"]


def _write_log(root: Path) -> None:
    writer = LogWriter(root / "events.jsonl")
    for line in LINES:
        writer.append(line)
    writer.close()


def _log(root: Path) -> str:
    """A log is not whole or absent: its last lines may lack or be torn. Once it is closed all of it is there."""
    return AFTER if LogReader(root / "events.jsonl").read_all() == LINES else BEFORE


def _nothing(_: Path) -> None:
    pass


SAVES = (
    Save("first commit", _nothing, lambda root: commit(root / "model", 2), _version(ABSENT)),
    Save("commit by exchange", lambda root: commit(root / "model", 1), lambda root: commit(root / "model", 2),
         _version(1)),
    Save("commit by two renames", lambda root: commit(root / "model", 1), lambda root: commit(root / "model", 2),
         _version(1), exchange=False),
    Save("file", lambda root: write_file(root / "metrics.json", "old" * 3000),
         lambda root: write_file(root / "metrics.json", "new!" * 3000), _file),
    Save("new run", lambda root: RunStore(root / "runs").prepare(),
         lambda root: str(RunStore(root / "runs").create(RunConfig(), "one")) and None, _run),
    Save("log", _nothing, _write_log, _log),
)  # fmt: skip


def _recorded(save: Save, root: Path) -> tuple[Disk, list[Call]]:
    root.mkdir()
    save.prepare(root)
    disk = Disk(root)
    with layer(root, exchange=save.exchange) as calls:
        save.act(root)
    return disk, [call for call in calls if call.kind in (*CHANGES, "fsync")]


def _replay(save: Save, folder: Path, tally: Tally, chance: random.Random, most: int) -> int:
    """Look at every prefix of the calls of one save; how many calls there were."""
    disk, calls = _recorded(save, folder / "real")
    seen: set[tuple[bool, int]] = set()
    for number in range(len(calls) + 1):
        if number:
            disk.apply(calls[number - 1])
        returned = number == len(calls)
        for tree in disk.states(chance, most):
            mark = hash(tuple(sorted(tree.items())))
            if (returned, mark) in seen:
                continue
            seen.add((returned, mark))
            root = folder / "cut"
            root.mkdir()
            put(tree, root)
            with unsynced():
                found = save.look(root)
            shutil.rmtree(root)
            tally.tries += 1
            where = f"{save.name}, after call {number} of {len(calls)}"
            if found not in (BEFORE, AFTER):
                tally.spoiled(f"{where}: {found}")
            elif returned and found != AFTER:
                tally.missed(f"{where}, which had returned: {found}")
    shutil.rmtree(folder / "real")
    return len(calls)


def run(tries: int, folder: Path, *, seed: int = 0) -> Score:
    """`tries`: at most about so many states of the disk after each call; equal ones are looked at once."""
    tally, chance, counts = Tally(), random.Random(seed), []
    for save in SAVES:
        counts.append(f"{save.name} {_replay(save, folder, tally, chance, tries)}")
    return tally.score(NAME, WHAT, f"tries are different states of the disk; calls: {', '.join(counts)}")

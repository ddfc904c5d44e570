"""How soon a thousand runs are listed, in the shell and on the screen.

The runs are whole on the disk as finished ones are, but for weights and rows: none of these is looked at by a list.
"""

from __future__ import annotations

import functools
import json
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path

from core.config import RunConfig
from core.runs import RunStore, index
from core.runs.notes import edit
from tests.benchmarks.startup import finetui
from tests.terminal.emulator import Terminal
from tests.tui.fake_run import Shape, finished_run

COUNT = 1000


@functools.cache
def thousand() -> Path:
    """A folder with so many finished runs, all older than what an index passes over for being too new."""
    store = RunStore(Path(tempfile.mkdtemp(prefix="finetui-bench-")) / "runs")
    store.prepare()
    chance, sync = random.Random(0), os.fsync
    os.fsync = lambda _: None  # making them durable one by one would take minutes
    try:
        for number in range(COUNT):
            config = RunConfig().with_value("training.epochs", chance.randrange(1, 9))
            run = finished_run(store, f"run-{number:04}", shape=Shape(quality=chance.uniform(0.4, 0.95)), config=config)
            facts = {"fingerprint": f"{number % 7:064}", "validation_mark": f"{number % 7:016}", "label_names": ["a"]}
            (run.path / "data.json").write_text(json.dumps(facts))
            for name in ("run.lock", "owner.json", "launch.json", "split.parquet", "predictions.parquet"):
                (run.path / name).write_text("{}")
            (run.path / "model").mkdir()
            edit(run, add=["baseline", f"v{number % 9}"])
    finally:
        os.fsync = sync
    time.sleep(index.SETTLED + 0.1)
    return store.root


def _listed() -> float:
    began = time.perf_counter()
    done = subprocess.run([finetui(), "runs", "--runs", str(thousand())], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.stdout.count("\n") != COUNT + 1:
        raise RuntimeError(done.stderr[-500:])
    return seconds


def first_seconds() -> float:
    """`finetui runs` when nothing is known of them."""
    (thousand() / index.FILE).unlink(missing_ok=True)
    return _listed()


def again_seconds() -> float:
    """The same again, process start to end."""
    if not (thousand() / index.FILE).exists():
        _listed()
    return _listed()


def rows_seconds() -> float:
    """The rows alone, without the start of a process."""
    store = RunStore(thousand())
    if not (store.root / index.FILE).exists():
        store.list()
    began = time.perf_counter()
    if len(store.list()) != COUNT:
        raise RuntimeError("some are missing")
    return time.perf_counter() - began


def room_seconds() -> float:
    """From the key to the Runs room with all of them."""
    if not (thousand() / index.FILE).exists():
        _listed()
    with Terminal([finetui()], FINETUI_RUNS=str(thousand())) as terminal:
        terminal.wait(lambda text: "1 Data" in text and "elp" in text.splitlines()[-1])
        began = time.perf_counter()
        terminal.send("4")
        terminal.wait(lambda text: "run-0" in text and f"{COUNT // 1000}\u2009000 runs in" in text)
        return time.perf_counter() - began

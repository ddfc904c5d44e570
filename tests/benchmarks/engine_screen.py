"""U4: the same run trained alone and watched by the screen, in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.engine_cases import Case, Side
from tests.benchmarks.engine_rounds import MissingError

ROWS_AN_EPOCH = 1188
"""Training rows of the bundled sample, about."""

PATIENCE = 1800.0
"""Seconds after which a run counts as lost."""


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """The screen, the trainer and who reads the pty share `count` cores, where the system allows to say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def once(case: Case, side: Side, seed: int) -> dict[str, Any]:
    """One run of the sample, alone or with a screen of 120x40 on its Train room. Raises `MissingError`."""
    try:
        from core.runs import RunStore
        from core.training.events import StepsFinished
        from tests.benchmarks.startup import finetui
        from tests.terminal.emulator import Terminal
    except ImportError as absent:
        raise MissingError(f"{absent.name} is missing") from None
    epochs = max(round(case.work.rows / ROWS_AN_EPOCH), 1)
    if not Path(finetui()).is_file():
        raise MissingError(f"finetui is not installed beside {Path(sys.executable).name}")
    with on_cores(case.cores), tempfile.TemporaryDirectory() as home:
        runs = Path(home) / "runs"
        places = {name: f"{home}/{name}" for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        command = [finetui(), "train", "sample", "--epochs", str(epochs), "--seed", str(seed), "--no-onnx"]
        command += ["--device", "cpu", "--name", "measured", "--runs", str(runs), "--detach"]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | places)
        run = RunStore(runs).open("measured")
        end = time.monotonic() + PATIENCE
        bytes_sent = 0
        if side.name == "watched":
            with Terminal([finetui(), "--runs", str(runs)], 120, 40, **places) as terminal:
                terminal.wait(lambda text: "seq/s" in text, 120)
                while run.state().is_live and time.monotonic() < end:
                    terminal.pump(1.0)
                bytes_sent = terminal.bytes_read
        else:
            while run.state().is_live and time.monotonic() < end:
                time.sleep(0.5)
        if run.state().is_live:
            run.ask("kill")
            raise RuntimeError(f"U4, {side.name}: the run has not ended after {PATIENCE:.0f} s")
        facts = [fact for _, _, fact in run.raw_records() if isinstance(fact, StepsFinished)]
        scores = run.read_json("metrics.json")["validation"]
    return {
        "seconds": sum(fact.seconds for fact in facts),
        "sequences": sum(fact.sequences for fact in facts),
        "tokens": sum(fact.tokens for fact in facts),
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "notes": [f"{bytes_sent / 1000:.0f} KB drawn"] if bytes_sent else [],
    }

"""What the screen costs while a run trains."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.startup import finetui
from tests.terminal.emulator import Terminal


@contextmanager
def watching(columns: int = 120, rows: int = 40) -> Iterator[Terminal]:
    """A screen on the Train room with a real run of the sample that has taken its first steps."""
    with tempfile.TemporaryDirectory() as runs:
        subprocess.run(
            [finetui(), "train", "sample", "--epochs", "20", "--name", "watched", "--runs", runs, "--detach"],
            check=True,
            capture_output=True,
        )
        try:
            with Terminal([finetui(), "--runs", runs], columns, rows) as terminal:
                terminal.wait(lambda text: "seq/s" in text, 90)
                yield terminal
        finally:
            subprocess.run([finetui(), "stop", "watched", "--runs", runs], check=False, capture_output=True)
            subprocess.run([finetui(), "attach", "watched", "--runs", runs], check=False, capture_output=True)


def memory_megabytes() -> float:
    with watching() as terminal:
        _pump_for(terminal, 20)
        return terminal.resident_bytes() / 1e6


def kilobytes_per_second() -> float:
    with watching() as terminal:
        _pump_for(terminal, 5)
        before = terminal.bytes_read
        _pump_for(terminal, 30)
        return (terminal.bytes_read - before) / 30 / 1000


def _pump_for(terminal: Terminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        terminal.pump(left)

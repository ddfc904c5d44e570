"""How soon the program is there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.terminal.emulator import Terminal


def finetui() -> str:
    """The installed console script."""
    return str(Path(sys.executable).with_name("finetui"))


def help_seconds() -> float:
    began = time.perf_counter()
    subprocess.run([finetui(), "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def first_paint_seconds() -> float:
    """Until the row of rooms and the footer both stand on the screen."""
    with tempfile.TemporaryDirectory() as folder, Terminal([finetui()], FINETUI_RUNS=f"{folder}/runs") as terminal:
        return terminal.wait(lambda text: "1 Data" in text and "5 Try" in text and "elp" in text.splitlines()[-1])

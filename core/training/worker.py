"""The trainer process: owns a run from its first fact to its last.

Signals and the control file become one answer to the loop's question "what do people ask?". Every fact is recorded
before anything else happens, and the last fact is written whatever goes wrong.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from types import FrameType

from core.errors import WorkbenchError
from core.launch.child import child_command, child_environment
from core.runs.atomic import recover_dir
from core.runs.log import LogReader
from core.runs.run import Run
from core.training import events as e

HEARTBEAT = 5.0
"""Seconds between two facts that say: alive."""


class Ears:
    """What people ask of the trainer: by signal, or by a line in the control file."""

    def __init__(self, run: Run) -> None:
        self._reader = LogReader(run.control_path)
        if run.tail():
            self._reader.read_all()  # what was asked of an earlier process is settled
        self._asked = ""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to stop

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked = "stop"

    def asked(self) -> str:
        """The newest request, `stop`, or nothing."""
        for line in self._reader.read_all():
            try:
                what = json.loads(line).get("ask")
            except (ValueError, AttributeError):
                continue
            if what == "stop":
                self._asked = "stop"
        return self._asked


def work(run: Run) -> int:
    """Train `run` in this process and return the exit code. Raises `RunError` when another process owns it."""
    with run.lock():
        recover_dir(run.model_path)
        ears = Ears(run)
        run.record(e.RunStarted(os.getpid(), socket.gethostname(), shlex.join(sys.argv)))
        run.record(e.StageChanged("start"))
        code = _train(run, ears)
        run.close()
    if code == 0 and run.model_path.is_dir():
        _export_in_background(run)
    return code


def _train(run: Run, ears: Ears) -> int:
    try:
        from core.training.session import train

        for fact in with_heartbeats(train(run, ears.asked)):
            run.record(fact)
    except WorkbenchError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        run.record(e.RunFailed(type(error).__name__, error.title, error.message, error.next_step))
        return error.exit_code
    except Exception as error:  # noqa: BLE001  # the border of the process: whatever happened must become a fact
        traceback.print_exc()
        kind, title, message, step = explain(error)
        run.record(e.RunFailed(kind, title, message, step))
        return 1
    return 0


def explain(error: Exception) -> tuple[str, str, str, str]:
    """(kind, title, message, next step) of an error that is not ours."""
    name, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or "can't allocate memory" in text:
        return (
            "OutOfMemory",
            "Out of memory",
            text[:300],
            "Halve the batch and double the accumulation (--batch-size 8 --accumulation 2), or lower --max-length.",
        )
    if isinstance(error, OSError) and error.errno == 28:
        return "DiskFull", "The disk is full", text[:300], "Make room; the best weights saved so far are kept."
    return name, "Training failed", f"{name}: {text}"[:500], "The log has the details: l in the screen, or log.txt."


def with_heartbeats(facts: Iterator[e.Event]) -> Iterator[e.Event]:
    """`facts`, and between them every few seconds what the process uses."""
    import psutil

    me = psutil.Process()
    me.cpu_percent()
    last = 0.0
    for fact in facts:
        yield fact
        if time.monotonic() - last >= HEARTBEAT and not isinstance(fact, e.RunFinished):
            last = time.monotonic()
            yield e.Heartbeat(me.memory_info().rss, me.cpu_percent())


def _export_in_background(run: Run) -> None:
    """Make the run's ONNX graph in a process of its own: cold answers come from it, and nobody waits for it here."""
    with open(run.log_path, "ab") as log:
        subprocess.Popen(
            child_command("export", str(run.path), "--onnx"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=os.sep,
            env=child_environment(),
            start_new_session=True,
        )

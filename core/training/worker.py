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
import threading
import time
import traceback
from contextlib import suppress
from types import FrameType

from core.errors import WorkbenchError
from core.launch.child import child_command, child_environment
from core.runs.atomic import recover_dir
from core.runs.log import LogReader
from core.runs.run import Run
from core.training import events as e

HEARTBEAT = 5.0
"""Seconds between two facts that say: alive."""

LISTEN = 0.2
"""Seconds between two looks at what people ask, while the trainer is busy with something long."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


class Ears:
    """What people ask of the trainer: by signal, or by a line in the control file.

    The first request means: finish the step, validate, save. A second SIGTERM or SIGINT, or the request `kill`, means
    now: `KeyboardInterrupt` is raised in the main thread, wherever that is.
    """

    def __init__(self, run: Run) -> None:
        self._reader = LogReader(run.control_path)
        self._reading = threading.Lock()
        if run.has_facts():
            self._reader.read_all()  # what was asked of an earlier process is settled
        self._asked = ""
        self._warned = False
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to stop

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked = "stop"
        if number == signal.SIGUSR2:  # a scheduler's notice; its SIGTERM may follow and is the first of those
            return
        if self._warned:
            self.close()
            raise KeyboardInterrupt
        self._warned = True

    def asked(self) -> str:
        """The newest request, `stop`, or nothing. For any thread."""
        with self._reading:
            lines = self._reader.read_all()
        for line in lines:
            try:
                what = json.loads(line).get("ask")
            except (ValueError, AttributeError):
                continue
            if what in ("stop", "kill"):
                self._asked = "stop"
            if what == "kill":
                self._warned = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        return self._asked

    def close(self) -> None:
        """Hear nothing more: the end is being written."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


class Pulse:
    """A thread beside the work that records signs of life and hears requests, however long a single call takes.

    A context manager; after it nothing of it is recorded any more, so that the last fact stays the last.
    """

    def __init__(self, run: Run, ears: Ears) -> None:
        self._run, self._ears = run, ears
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        import psutil

        me = psutil.Process()
        me.cpu_percent()
        due = time.monotonic() + HEARTBEAT
        while not self._ended.wait(LISTEN):
            with suppress(OSError):  # a full disk: the work itself meets it and tells
                self._ears.asked()
                if time.monotonic() >= due:
                    due = time.monotonic() + HEARTBEAT
                    self._run.record(e.Heartbeat(me.memory_info().rss, me.cpu_percent()))


def work(run: Run) -> int:
    """Train `run` in this process and return the exit code. Raises `RunError` when another process owns it."""
    with run.lock():
        recover_dir(run.model_path)
        code = _train(run, Ears(run))
        run.close()
    if code == 0 and run.model_path.is_dir() and run.config().training.onnx:
        _export_in_background(run)
    return code


def _train(run: Run, ears: Ears) -> int:
    """Record every fact; the last one is written here, when nothing else is recorded any more."""
    began = time.monotonic()
    last: e.Event | None
    try:
        run.record(e.RunStarted(os.getpid(), socket.gethostname(), shlex.join(sys.argv)))
        run.record(e.StageChanged("start"))
        with Pulse(run, ears):
            last, code = _facts(run, ears, began), 0
    except KeyboardInterrupt:
        last, code = _stopped_now(run, began), 130
    except WorkbenchError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        last, code = e.RunFailed(type(error).__name__, error.title, error.message, error.next_step), error.exit_code
    except Exception as error:  # noqa: BLE001  # the border of the process: whatever happened must become a fact
        traceback.print_exc()
        last, code = e.RunFailed(*explain(error)), 1
    ears.close()
    if last is not None:
        run.record(last)
    return code


def _facts(run: Run, ears: Ears, began: float) -> e.Event | None:
    """Record what training yields and return its last fact, unrecorded.

    Until the plan is made every fact is a border at which a request to stop ends the run.
    """
    from core.training.session import train

    planned = False
    for fact in train(run, ears.asked):
        if isinstance(fact, e.RunFinished | e.RunPaused):
            return fact
        run.record(fact)
        planned = planned or isinstance(fact, e.PlanMade)
        if not planned and ears.asked() == "stop":
            return e.RunFinished("stopped before the first step: there is no model", True, _since(began))
    return None


def _stopped_now(run: Run, began: float) -> e.RunFinished:
    run.close()  # it may have been in the middle of a line: the next fact begins a new one and counts anew
    recover_dir(run.model_path)
    kept = "the best weights saved so far are kept" if run.model_path.is_dir() else "there is no model"
    return e.RunFinished(f"stopped now by a person; {kept}", True, _since(began))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)


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

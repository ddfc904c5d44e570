"""The trainer process: owns a run from its first fact to its last.

Signals and the control file become one answer to the loop's question "what do people ask?". Every fact is recorded
before anything else happens, and the last fact is written whatever goes wrong.
"""

from __future__ import annotations

import json
import math
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
from typing import Any

from core.errors import PAUSED, WorkbenchError, kind_named
from core.launch.child import child_command, child_environment
from core.runs.atomic import recover_dir
from core.runs.checkpoints import discard, newest, tidy
from core.runs.log import FULL, LogReader
from core.runs.resume import check_open
from core.runs.run import Run
from core.secrets import without_secrets
from core.training import events as e

HEARTBEAT = 5.0
"""Seconds between two facts that say: alive."""

LISTEN = 0.2
"""Seconds between two looks at what people ask, while the trainer is busy with something long."""

BEFORE = e.STAGES[: e.STAGES.index("train")]
"""Stages in which there is no model yet."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


class Ears:
    """What people ask of the trainer: by signal, or by a line in the control file.

    A signal says that the machine is wanted for something else: write a checkpoint and leave (`pause`). A second
    SIGTERM or SIGINT, or the request `kill`, means now: `KeyboardInterrupt` is raised in the main thread, wherever
    that is.
    """

    def __init__(self, run: Run) -> None:
        self._reader = LogReader(run.control_path)
        self._reading = threading.Lock()
        early = self._early(run) if run.has_facts() else []
        self._asked = ""
        self._save = False
        self._warned = False
        self.killed = False
        """Whether a person asked to end at once."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to stop
        for line in early:
            self._hear(line)

    def _early(self, run: Run) -> list[str]:
        """What was asked since this process was launched; what came before was meant for an earlier one."""
        launch = run.read_json("launch.json")
        # Else it tells of an earlier one, and this one was started by hand. The launcher's number is noted first.
        is_ours = launch.get("pid") in (os.getpid(), os.getppid())
        launched = round(_number(launch.get("t")), 3) if is_ours else math.inf  # as requests write their time
        return [line for line in self._reader.read_all() if launched <= _number(_fields(line).get("t")) < math.inf]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked = self._asked or "pause"
        if number == signal.SIGUSR2:  # a scheduler's notice; its SIGTERM may follow and is the first of those
            return
        if self._warned:
            self.close()
            raise KeyboardInterrupt
        self._warned = True

    def listen(self) -> None:
        """Take in what was asked since. For any thread."""
        with self._reading:
            lines = self._reader.read_all()
        for line in lines:
            self._hear(line)

    def _hear(self, line: str) -> None:
        what = _fields(line).get("ask")
        if what in ("stop", "pause"):
            self._asked = what
        self._save = self._save or what == "save"
        if what == "kill":
            self._asked, self.killed, self._warned = "stop", True, True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def asked(self) -> str:
        """What a person wants: `stop`, `pause`, `save` (once), or nothing."""
        self.listen()
        if self._asked or not self._save:
            return self._asked
        self._save = False
        return "save"

    def ends(self) -> str:
        """`stop`, `pause` or nothing; a wish to save is kept for later."""
        self.listen()
        return self._asked

    def close(self) -> None:
        """Hear nothing more: the end is being written."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _fields(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.inf


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
                self._ears.listen()
                if time.monotonic() >= due:
                    due = time.monotonic() + HEARTBEAT
                    free = psutil.virtual_memory().available
                    self._run.record(e.Heartbeat(me.memory_info().rss, me.cpu_percent(), free))


def work(run: Run) -> int:
    """Train `run` in this process, from the start or on from where it was left, and return the exit code.

    Raises `RunError` when another process owns it, or it is complete.
    """
    with run.lock():
        check_open(run)
        recover_dir(run.model_path)
        tidy(run.path)
        code = _train(run, Ears(run))
        run.close()
        if isinstance(run.newest(), e.RunFinished):
            discard(run.path)
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
            last = _facts(run, ears, began)
        code = PAUSED if isinstance(last, e.RunPaused) else 0
    except KeyboardInterrupt:
        last, code = _left_now(run, ears, began), 130
    except WorkbenchError as error:
        print(without_secrets(f"{type(error).__name__}: {error}"), flush=True)
        last, code = e.RunFailed(type(error).__name__, error.title, error.message, error.next_step), error.exit_code
    except Exception as error:  # noqa: BLE001  # the border of the process: whatever happened must become a fact
        print(without_secrets(traceback.format_exc()), flush=True)
        last = e.RunFailed(*explain(error, run.name))
        code = max(kind_named(last.kind).exit_code, 1) if kind_named(last.kind) is not WorkbenchError else 1
    ears.close()
    if last is not None:
        run.record(last)
    return code


def _facts(run: Run, ears: Ears, began: float) -> e.Event | None:
    """Record what training yields and return its last fact, unrecorded.

    Until the plan is made, and after the last step, every fact is a border at which a request to pause ends the run;
    a request to stop does so before the first step.
    """
    from core.training.session import train

    again, stage = len(run.raw_records()) > 2, "start"
    for fact in train(run, ears.asked):
        if isinstance(fact, e.RunFinished | e.RunPaused):
            return fact
        run.record(fact)
        if isinstance(fact, e.StageChanged):
            stage = fact.stage
        if stage != "train" and ears.ends() == "pause":
            found, _ = newest(run.path)
            return e.RunPaused(found.step if found else 0)
        if stage in BEFORE and not again and ears.ends() == "stop":
            return e.RunFinished("stopped before the first step: there is no model", True, _since(began))
    return None


def _left_now(run: Run, ears: Ears, began: float) -> e.Event:
    """The last fact of a run that was ended in the middle of something."""
    run.close()  # it may have been in the middle of a line: the next fact begins a new one and counts anew
    recover_dir(run.model_path)
    found, _ = newest(run.path)
    if not ears.killed:
        return e.RunPaused(found.step if found else 0, "ended at once by a signal")
    kept = "the best weights saved so far are kept" if run.model_path.is_dir() else "there is no model"
    return e.RunFinished(f"stopped now by a person; {kept}", True, _since(began))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)


def explain(error: Exception, name: str) -> tuple[str, str, str, str]:
    """(kind, title, message, next step) of an error that is not ours, in the run of that name."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "can't allocate memory" in text:
        step = "Halve the batch and double the accumulation (--batch-size 8 --accumulation 2), or lower --max-length."
        return "MemoryFullError", "Out of memory", text[:300], step
    if (isinstance(error, OSError) and error.errno in FULL) or "No space left on device" in text:
        step = f"Make room, then: finetui resume {name}. The best weights saved so far are kept."
        return "DiskFullError", "The disk is full", text[:300], step
    return kind, "Training failed", f"{kind}: {text}"[:500], "The log has the details: l in the screen, or log.txt."


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

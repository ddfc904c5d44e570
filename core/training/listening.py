"""What a trainer hears and says beside its work: requests and signals, and signs of life."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any

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

    A signal says that the machine is wanted for something else: write a checkpoint and leave (`pause`). A second
    SIGTERM or SIGINT, or the request `kill`, means now: `KeyboardInterrupt` is raised in the main thread, wherever
    that is.
    """

    def __init__(self, run: Run) -> None:
        self._reader = LogReader(run.control_path)
        self._reading = threading.Lock()
        early = self._early(run)
        self._asked = ""
        self._save = False
        self._warned = False
        self.killed = False
        """Whether a person asked to end at once."""
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to stop
        for line in early:
            if _fields(line).get("ask") == "kill":  # nothing has begun that would have to be broken off
                self._asked = "stop"
            else:
                self._hear(line)

    def _early(self, run: Run) -> list[str]:
        """What was asked since this process was launched; what came before was meant for an earlier one."""
        launch = run.read_json("launch.json")
        if not launch and not run.has_facts():  # a scheduler's job, or started by hand: this is the first
            return self._reader.read_all()
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
    except (ValueError, RecursionError):
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

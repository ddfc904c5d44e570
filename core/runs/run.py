"""One run: its files by name, its facts, what people asked of it, and the state that follows from these."""

from __future__ import annotations

import json
import os
import time
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.config import RunConfig, load
from core.errors import ConfigError, RunError
from core.runs.atomic import write_file
from core.runs.history import Record
from core.runs.lock import RunLock, is_held, read_owner
from core.runs.log import LogReader, LogWriter, append_line, whole_lines
from core.training.events import Event, RunFailed, RunFinished, RunPaused, decode, encode

LAUNCH_GRACE = 20.0
"""Seconds that a started trainer may take until its first fact before it is held for dead."""

SILENCE = 60.0
"""Seconds without a fact after which a trainer on another host is held for dead."""


class RunState(StrEnum):
    """Derived from the facts and the lock, never stored."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_live(self) -> bool:
        """Whether facts may still come."""
        return self in (RunState.QUEUED, RunState.RUNNING)


class Run:
    """A run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: LogWriter | None = None
        self._number = 0

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def events_path(self) -> Path:
        """Every fact, append only."""
        return self.path / "events.jsonl"

    @property
    def control_path(self) -> Path:
        """What people asked of the trainer, append only."""
        return self.path / "control.jsonl"

    @property
    def log_path(self) -> Path:
        """What the trainer's process printed."""
        return self.path / "log.txt"

    @property
    def model_path(self) -> Path:
        """The best weights, in the form that transformers loads."""
        return self.path / "model"

    @property
    def onnx_path(self) -> Path:
        """The verified graph made from `model/`."""
        return self.path / "onnx"

    def config(self) -> RunConfig:
        """The configuration the run was created with. Raises `RunError` when the folder is damaged."""
        try:
            return load(self.path / "run.toml")
        except ConfigError as broken:
            raise RunError(f"{self.name} is damaged", f"{self.path / 'run.toml'}: {broken}") from None

    # The trainer's side

    def lock(self) -> RunLock:
        """The lock that the trainer holds for life."""
        return RunLock(self.path)

    def record(self, event: Event) -> None:
        """Append one fact. It is in the file before anyone else hears of it."""
        if self._writer is None:
            self._writer = LogWriter(self.events_path)  # ends a torn line, which may hold a whole fact
            self._number = max((number for number, _, _ in self.raw_records()), default=0)
        self._writer.append(encode(self._number + 1, time.time(), event))
        self._number += 1

    def close(self) -> None:
        """Make the recorded facts durable and let go of the log."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # The readers' side

    def raw_records(self) -> list[tuple[int, float, Event]]:
        """Every readable fact so far, in order; damaged lines are passed over."""
        return decode_lines(LogReader(self.events_path).read_all())

    def ask(self, what: str) -> None:
        """Ask something of the trainer: `stop`, `pause`, `save`. It looks every 100-200 ms."""
        append_line(self.control_path, json.dumps({"ask": what, "t": round(time.time(), 3), "pid": os.getpid()}))

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder, or an empty dict while it is not there. Raises `RunError` when damaged."""
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as broken:
            raise RunError(f"{self.name} is damaged", f"{self.path / name}: {broken}") from None
        if not isinstance(found, dict):
            raise RunError(f"{self.name} is damaged", f"{self.path / name} is not a JSON object")
        return found

    def notes(self) -> dict[str, Any]:
        """Tags and notes that a person gave, empty when none."""
        try:
            return tomllib.loads((self.path / "notes.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def note_launch(self, pid: int) -> None:
        """Remember that a trainer was started, so that one that dies before its first fact is noticed."""
        write_file(self.path / "launch.json", json.dumps({"pid": pid, "t": time.time()}))

    def _launched(self) -> float | None:
        try:
            return float(self.read_json("launch.json")["t"])
        except (RunError, KeyError, TypeError, ValueError):
            return None

    def state(self, last: Event | None = None, last_time: float = 0.0) -> RunState:
        """The state, derived. `last` and `last_time`: the newest fact when the caller knows it already."""
        if last is None:
            records = self.tail()
            last, last_time = (records[-1].event, records[-1].time) if records else (None, 0.0)
        match last:
            case RunFinished(stopped=stopped):
                return RunState.STOPPED if stopped else RunState.FINISHED
            case RunFailed():
                return RunState.FAILED
            case RunPaused():
                return RunState.PAUSED
        if is_held(self.path):
            return RunState.RUNNING
        if last is None:
            launched = self._launched()
            waiting = launched is None or time.time() - launched < LAUNCH_GRACE
            return RunState.QUEUED if waiting else RunState.INTERRUPTED
        owner = read_owner(self.path)
        if owner is not None and not owner.is_local() and time.time() - last_time < SILENCE:
            return RunState.RUNNING
        # The trainer lets go of the lock after its last fact: what looked unfinished above may have ended since.
        final = self.tail()
        if final and isinstance(final[-1].event, RunFinished | RunFailed | RunPaused):
            return self.state(final[-1].event, final[-1].time)
        return RunState.INTERRUPTED

    def tail(self, size: int = 64 << 10) -> list[Record]:
        """The facts in the last `size` bytes of the log, cheap for a long one."""
        try:
            with open(self.events_path, "rb") as handle:
                end = handle.seek(0, os.SEEK_END)
                handle.seek(max(end - size, 0))
                block = handle.read()
        except FileNotFoundError:
            return []
        if end > size:
            block = block[block.find(b"\n") + 1 :]
        return [Record(*one) for one in decode_lines(whole_lines(block))]


def decode_lines(lines: list[str]) -> list[tuple[int, float, Event]]:
    """The facts in these lines; a damaged line is passed over (numbers then show the gap)."""
    found = []
    for line in lines:
        try:
            found.append(decode(line))
        except ValueError:
            continue
    return found

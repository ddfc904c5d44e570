"""One run: its files by name, its facts, what people asked of it, and the state that follows from these."""

from __future__ import annotations

import json
import math
import os
import socket
import threading
import time
import tomllib
from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.config import RunConfig, load
from core.config.toml import FormatError
from core.errors import ConfigError, RunError
from core.runs.aliases import followed
from core.runs.atomic import write_file
from core.runs.lock import Owner, RunLock, is_held, pid_lives, read_owner
from core.runs.log import LogReader, LogWriter, append_line, whole_lines
from core.training.events import Event, RunFailed, RunFinished, RunPaused, decode, encode

LAUNCH_GRACE = 20.0
"""Seconds until its first fact that a trainer is waited for whose process cannot be seen from here."""

LAUNCH_LIMIT = 600.0
"""The same while its process lives: a slow disk takes minutes, but a process number is given out again one day."""

SILENCE = 60.0
"""Seconds without growth of the log after which a trainer on another host is held for dead."""

QUEUED = "queued.json"
"""The run's place in the line of those that wait for their turn (`core.runs.waiting`)."""

RESERVE, RESERVED = ".reserve", 1 << 18
"""A file of no use but its size: about a thousand facts."""

LAST_BLOCK = 4 << 10
"""Bytes at the end of a log that hold its last fact, as a rule."""


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
        self._unwritten: list[str] = []
        self._recording = threading.Lock()
        self._grown: tuple[int, float] | None = None

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
        """The configuration the run was created with; what it says of runs that were renamed since leads to them.

        Raises `RunError` when the folder is damaged.
        """
        try:
            return followed(load(self.path / "run.toml"), self.path.parent)
        except FormatError as newer:
            title = f"{self.name} was written by another version of finetui"
            raise RunError(
                title, f"{self.path / 'run.toml'}: {newer.title}. {newer.message}", newer.next_step
            ) from None
        except ConfigError as broken:
            raise RunError(f"{self.name} is damaged", f"{self.path / 'run.toml'}: {broken}") from None

    # The trainer's side

    def lock(self) -> RunLock:
        """The lock that the trainer holds for life."""
        return RunLock(self.path)

    def record(self, event: Event) -> None:
        """Append one fact. It is in the file before anyone else hears of it. For any thread of the trainer.

        While the disk is full, or does not answer, facts wait in memory: training is worth more than its log.
        """
        with self._recording:
            if self._writer is None:
                self._writer = LogWriter(self.events_path)  # ends a torn line, which may hold a whole fact
                self._number = max((number for number, _, _ in self.raw_records()), default=0) + len(self._unwritten)
            self._number += 1
            self._unwritten.append(encode(self._number, time.time(), event))
            try:
                self._write_out(self._writer)
            except OSError:
                if self._has_given_room():
                    with suppress(OSError):
                        self._write_out(self._writer)

    def reserve(self) -> None:
        """Take a little room on the disk, which is given back when the log has none: so that what ends is told."""
        with suppress(OSError):
            (self.path / RESERVE).write_bytes(b"\n" * RESERVED)

    def _has_given_room(self) -> bool:
        try:
            (self.path / RESERVE).unlink()
        except OSError:
            return False
        return True

    def _write_out(self, writer: LogWriter) -> None:
        while self._unwritten:
            writer.append(self._unwritten[0])
            del self._unwritten[0]

    def sync(self) -> None:
        """Make the recorded facts durable: before a checkpoint, whose history they are. For any thread."""
        with self._recording, suppress(OSError):  # without room for the log there is none for the checkpoint either
            if self._writer is not None:
                self._write_out(self._writer)
                self._writer.sync()

    def close(self) -> None:
        """Make the recorded facts durable and let go of the log. Raises `OSError` when some have no room still."""
        with self._recording:
            if self._writer is not None:
                try:
                    self._write_out(self._writer)
                finally:
                    self._writer.close()
                    self._writer = None

    # The readers' side

    def raw_records(self) -> list[tuple[int, float, Event]]:
        """Every readable fact so far, in order; damaged lines are passed over."""
        return decode_lines(LogReader(self.events_path).read_all())

    def newest(self) -> Event | None:
        """The last readable fact, or none."""
        return self._newest()[1]

    def has_facts(self) -> bool:
        """Whether a trainer has recorded anything yet."""
        return self._newest()[1] is not None

    def ask(self, what: str) -> None:
        """Ask the trainer for something; it looks every 100-200 ms.

        `stop`: finish the step, validate, save and end. `pause`: write a checkpoint and leave. `save`: write one and
        go on. `kill`: end now.
        """
        append_line(self.control_path, json.dumps({"ask": what, "t": round(time.time(), 3), "pid": os.getpid()}))

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder, or an empty dict while it is not there. Raises `RunError` when damaged."""
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as broken:
            raise RunError(f"{self.name} is damaged", f"{self.path / name}: {broken}") from None
        if not isinstance(found, dict):
            raise RunError(f"{self.name} is damaged", f"{self.path / name} is not a JSON object")
        return found

    def notes(self) -> dict[str, Any]:
        """Tags and notes that a person gave, empty when none."""
        try:
            return tomllib.loads((self.path / "notes.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}

    def note_launch(self, pid: int) -> None:
        """Remember that a trainer was started here, so that one that dies before its first fact is noticed."""
        owner = asdict(Owner.me()) | {"pid": pid}
        write_file(self.path / "launch.json", json.dumps(owner | {"t": time.time(), "said": self._size()}))

    def note_trainer(self, pid: int) -> None:
        """Replace the process number of `note_launch`, which was called before there was that process."""
        write_file(self.path / "launch.json", json.dumps(self.read_json("launch.json") | {"pid": pid}))

    def state(self, last: Event | None = None) -> RunState:
        """The state, derived. `last`: the newest fact when the caller knows it already."""
        size = -1
        if last is None:
            size, last = self._newest()
        found = _end_state(last) or self._state_without_end(last)
        if found in _WAKING and self._is_awaited():
            return RunState.QUEUED
        if found is RunState.INTERRUPTED and size != self._size():
            # The trainer lets go of the lock after its last fact: what looked unfinished may have ended since.
            found = _end_state(self._newest()[1]) or found
        return found

    def _state_without_end(self, last: Event | None) -> RunState:
        if is_held(self.path):
            return RunState.RUNNING
        if last is None:
            return RunState.INTERRUPTED  # or queued, as the caller finds out
        owner = read_owner(self.path)
        far = owner is not None and owner.host != socket.gethostname()  # a trainer of an earlier boot is gone
        return RunState.RUNNING if far and self._silence() < SILENCE else RunState.INTERRUPTED

    def _is_awaited(self) -> bool:
        """Whether a trainer may still come that has recorded nothing yet."""
        if (self.path / QUEUED).exists():
            return True
        try:
            launch = self.read_json("launch.json")
            began, said = float(launch["t"]), int(launch.get("said", 0))
        except (RunError, KeyError, TypeError, ValueError):
            began, said = _modified(self.path / "run.toml"), 0
        if self._size() != said:
            return False
        age = time.time() - began
        trainer = read_owner(self.path, "launch.json")
        if trainer is not None and trainer.is_local():
            return pid_lives(trainer.pid) and age < LAUNCH_LIMIT
        return age < LAUNCH_GRACE

    def _silence(self) -> float:
        """Seconds since the log grew, by this reader's own clock once it has seen that: the writer's may differ."""
        size, now = self._size(), time.monotonic()
        if self._grown is None:
            self._grown = (size, now - max(time.time() - _modified(self.events_path), 0.0))
        elif self._grown[0] != size:
            self._grown = (size, now)
        return now - self._grown[1]

    def _size(self) -> int:
        try:
            return self.events_path.stat().st_size
        except FileNotFoundError:
            return 0

    def _newest(self) -> tuple[int, Event | None]:
        """(size of the log, its last readable fact or none). Reads the end only, however long the log is."""
        try:
            with open(self.events_path, "rb") as handle:
                end, block = handle.seek(0, os.SEEK_END), LAST_BLOCK
                while True:
                    start = max(end - block, 0)
                    handle.seek(start)
                    lines = whole_lines(handle.read(end - start))
                    for line in reversed(lines[start > 0 :]):  # the first one may be the rest of a line
                        if found := decode_lines([line]):
                            return end, found[0][2]
                    if start == 0:
                        return end, None
                    block *= 8
        except FileNotFoundError:
            return 0, None


_WAKING = (RunState.INTERRUPTED, RunState.PAUSED, RunState.FAILED)
"""States that a trainer which was just started will end with its first fact."""


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return -math.inf


def _end_state(last: Event | None) -> RunState | None:
    """The state that a fact puts a run into for good, or none."""
    match last:
        case RunFinished(stopped=stopped):
            return RunState.STOPPED if stopped else RunState.FINISHED
        case RunFailed():
            return RunState.FAILED
        case RunPaused():
            return RunState.PAUSED
    return None


def decode_lines(lines: list[str]) -> list[tuple[int, float, Event]]:
    """The facts in these lines; a damaged line is passed over (numbers then show the gap)."""
    found = []
    for line in lines:
        try:
            found.append(decode(line))
        except ValueError:
            continue
    return found

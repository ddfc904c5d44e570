"""A trainer that says nothing, and one that is gone: since when, and why as far as can be known.

A trainer records a sign of life every five seconds whatever it does. One that has been silent for much longer is
stopped, or waits for a disk; one that is gone without a last fact was killed, or its machine was.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from core.errors import RunError
from core.runs.atomic import write_file
from core.runs.history import History
from core.runs.lock import read_owner
from core.runs.run import Run, RunState

SILENT = 20.0
"""Seconds without a fact from which on a trainer counts as silent: four signs of life were left out."""

FULL = 0.8
"""The share of the memory there is from which on a trainer that was killed had probably used it up."""

_STATES = {
    "T": "its process is stopped: kill -CONT {pid} lets it go on",
    "t": "a debugger holds its process",
    "D": "its process waits for a disk or a network folder",
}


class Silence:
    """How long a live run has said nothing, as one reader sees it.

    Counted by the reader's own clock from the newest fact on; of a run that was silent already at the first look, and
    is trained on this machine, by the time of that fact. So neither a sleeping laptop nor another machine's clock
    makes a trainer look silent.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._number = 0
        self._since = 0.0

    def seconds(self, history: History, state: RunState) -> float:
        """Seconds of silence when there are so many that a person should know, else 0."""
        now = time.monotonic()
        if history.last_number != self._number:
            is_first, self._number, self._since = self._number == 0, history.last_number, now
            if is_first and history.last_time and self._is_here():
                self._since -= max(time.time() - history.last_time, 0.0)
        if state is not RunState.RUNNING or not history.last_number:
            return 0.0
        quiet = now - self._since
        return quiet if quiet >= SILENT else 0.0

    def _is_here(self) -> bool:
        owner = read_owner(self._run.path)
        return owner is not None and owner.is_local()


def silence_text(run: Run, seconds: float) -> str:
    """`silent for 43 s: its process is stopped: kill -CONT 4711 lets it go on`; empty for no silence."""
    if not seconds:
        return ""
    text = f"silent for {_span(seconds)}"
    owner = read_owner(run.path)
    if owner is not None and owner.is_local():
        why = _STATES.get(_process_state(owner.pid), "").format(pid=owner.pid)
        return f"{text}: {why}" if why else text
    return text


def _span(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def _process_state(pid: int) -> str:
    """The letter by which Linux names what a process is doing, empty where it does not tell."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    return ""


def note_exit(run: Run, pid: int, code: int) -> None:
    """Keep how the trainer of that process number ended, as its parent saw it; raises nothing."""
    with suppress(OSError):  # a file of its own: the next trainer may be launched at this moment
        if code != 0 and run.path.is_dir():
            write_file(run.path / "exit.json", json.dumps({"pid": pid, "exit": code}))


def why_gone(run: Run, history: History) -> str:
    """Why a run was interrupted, as a sentence; empty when nothing is known. Raises nothing."""
    owner = read_owner(run.path) or read_owner(run.path, "launch.json")
    if owner is None:
        return ""
    if owner.host != socket.gethostname():
        return f"It ran on {owner.host}, which tells no more from here."
    if owner.boot and not owner.is_local():
        return "This machine was started anew since then."
    full = _memory_text(history)
    ended = _exit_of(run, owner.pid)
    if ended is None or ended >= 0:
        told = "" if ended is None else f"Its process {owner.pid} ended with exit code {ended}."
        return " ".join(part for part in (told, full) if part)
    name = f"signal {-ended}"
    with suppress(ValueError):
        name += f" ({signal.Signals(-ended).name})"
    return " ".join(part for part in (f"Its process {owner.pid} was ended by {name}.", full) if part)


def _exit_of(run: Run, pid: int) -> int | None:
    """The exit code that the parent of this process saw, negative for a signal."""
    with suppress(RunError):
        seen = run.read_json("exit.json")
        code = seen.get("exit")
        if seen.get("pid") == pid and isinstance(code, int):
            return code
    return None


def _memory_text(history: History) -> str:
    """What its last sign of life says of the memory, when that was nearly used up."""
    beat, total = history.heartbeat, memory_limit()
    if beat is None or not total or beat.memory < FULL * total:
        return ""
    return (
        f"At its last sign of life it held {beat.memory / 2**30:.1f} of the {total / 2**30:.1f} GiB of memory here: "
        "the system may have ended it for want of memory."
    )


def memory_limit() -> int:
    """Bytes of memory that a process here may use, 0 when not known: the machine's, or less in a container."""
    found = []
    with suppress(OSError, ValueError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # `max` is no number
            found.append(int(Path(path).read_text()))
    return min((size for size in found if size > 0), default=0)

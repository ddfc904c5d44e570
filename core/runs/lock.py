"""Who owns a run: a lock that its trainer holds for life and that readers query but never take.

An open-file-description lock (Linux) belongs to the open file, so that it goes with the process however that ends,
and `F_OFD_GETLK` asks about it without taking it. Where the system or the file system has none, the owner record is
believed as long as its process lives. Other hosts of a shared file system see the owner record and judge by the log's
growth.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import struct
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.runs.atomic import write_file

_HAS_OFD = hasattr(fcntl, "F_OFD_SETLK")
_FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux: type, whence, start, len, pid


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that trains a run."""

    pid: int
    host: str
    boot: str

    @classmethod
    def me(cls) -> Owner:
        """This process."""
        return cls(os.getpid(), socket.gethostname(), boot_id())

    def is_local(self) -> bool:
        """Whether the owner runs (or ran) on this host since its last boot."""
        return (self.host, self.boot) == (socket.gethostname(), boot_id())


def boot_id() -> str:
    """A text that changes with every boot, empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _flock(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0)


def pid_lives(pid: int) -> bool:
    """Whether a process of that number exists on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class RunLock:
    """Held by the one trainer of a run; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = -1
        self._by_record = False

    def __enter__(self) -> RunLock:
        """Take the lock. Raises `RunError` when another trainer holds it."""
        owner = read_owner(self._folder)
        try:
            self._handle = os.open(self._folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as broken:
            raise RunError(f"Cannot write to {self._folder}", broken.strerror or str(broken)) from None
        try:
            if _HAS_OFD:
                fcntl.fcntl(self._handle, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
            else:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as broken:
            # Any other error is a file system without locks (ENOLCK, as some cluster file systems answer).
            self._by_record = broken.errno not in (errno.EAGAIN, errno.EACCES)
            if not self._by_record or (owner is not None and _lives_here(owner)):
                os.close(self._handle)
                self._handle = -1
                who = f" (process {owner.pid} on {owner.host})" if owner else ""
                raise RunError(
                    f"{self._folder.name} is already being trained{who}",
                    next_step=f"finetui attach {self._folder.name}",
                ) from None
        try:
            write_file(self._folder / "owner.json", json.dumps(asdict(Owner.me())))
        except OSError as broken:
            self._let_go()  # or this process would hold it for the rest of its life
            raise RunError(f"Cannot write to {self._folder}", broken.strerror or str(broken)) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._by_record:  # without a lock the record is all that readers go by
            with suppress(OSError):
                (self._folder / "owner.json").unlink(missing_ok=True)
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._handle)
        self._handle = -1


def _lives_here(owner: Owner) -> bool:
    return owner.is_local() and pid_lives(owner.pid)


def read_owner(folder: Path, name: str = "owner.json") -> Owner | None:
    """The last process that trained this run, or none; `name`: another record of the same shape."""
    try:
        fields: dict[str, Any] = json.loads((folder / name).read_text())
        return Owner(int(fields["pid"]), str(fields["host"]), str(fields["boot"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def is_held(folder: Path) -> bool:
    """Whether a trainer on this host holds the run's lock. Never takes it, so readers cannot disturb a trainer."""
    try:
        handle = os.open(folder / "run.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        if _HAS_OFD:
            answer = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
            return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
    except OSError as broken:
        if broken.errno in (errno.EAGAIN, errno.EACCES):
            return True
    finally:
        os.close(handle)
    owner = read_owner(folder)
    return owner is not None and _lives_here(owner)

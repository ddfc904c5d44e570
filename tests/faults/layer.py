"""A layer under the functions through which Python changes a disk: it records, makes them fail, or ends the process.

Only calls below one folder pass through it. Files opened for writing write through `os.write` as long as it is there,
so that every change has one place.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from core.runs import atomic

CHANGES = ("create", "mkdir", "write", "truncate", "rename", "exchange", "unlink", "rmdir")
"""Kinds of calls that change what is on the disk."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Paths are absolute; `data` and `offset` are those of a write, `inode` that of the open file."""

    kind: str
    path: str
    other: str = ""
    inode: int = 0
    offset: int = 0
    data: bytes = b""


Hook = Callable[[Call, Callable[..., Any]], Any]
"""Gets the call and what does it (for a write with the bytes to write); its result is the call's."""


def plainly(_: Call, do: Callable[..., Any]) -> Any:
    """Do it, as if there were no layer."""
    return do()


@contextmanager
def layer(root: Path, hook: Hook = plainly, *, exchange: bool = True) -> Iterator[list[Call]]:
    """The calls below `root` that did not fail, in their order. `exchange` false: a system without that call."""
    calls: list[Call] = []

    def through(call: Call, do: Callable[..., Any]) -> Any:
        if not call.path.startswith(str(root)):
            return do()
        result = hook(call, do)
        calls.append(call)
        return result

    changed = _Functions(through, exchange)
    with (
        mock.patch.multiple(os, **changed.of_os()),
        mock.patch.object(builtins, "open", changed.open),
        mock.patch.object(io, "open", changed.open),
        mock.patch.object(atomic, "_exchange", changed.exchange),
    ):
        yield calls


def _where(path: Any, folder: int | None = None) -> str:
    base = str(Path(f"/proc/self/fd/{folder}").readlink()) if folder is not None else str(Path.cwd())
    return os.path.normpath(os.path.join(base, os.fsdecode(path)))  # noqa: PTH118 - no link is to be followed


def _open_file(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())


class _Functions:
    """The changed functions, each around the one that was there before."""

    def __init__(self, through: Hook, exchange: bool) -> None:
        self._through, self._can_exchange = through, exchange
        self._was = {name: getattr(os, name) for name in self._names}
        self._was_open, self._was_exchange = builtins.open, atomic._exchange

    _names = ("open", "write", "fsync", "ftruncate", "close", "rename", "replace", "mkdir", "unlink", "remove", "rmdir")

    def of_os(self) -> dict[str, Any]:
        return {name: getattr(self, f"os_{name}") for name in self._names}

    def os_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        where = _where(path, dir_fd)
        creates = bool(flags & os.O_CREAT) and not os.path.lexists(where)
        kind = "create" if creates else "truncate" if flags & os.O_TRUNC else "open"
        return int(self._through(Call(kind, where), lambda: self._was["open"](path, flags, mode, dir_fd=dir_fd)))

    def os_write(self, handle: int, data: bytes) -> int:
        found = os.fstat(handle)
        call = Call("write", _open_file(handle), "", found.st_ino, found.st_size, bytes(data))
        return int(self._through(call, lambda some=data: self._was["write"](handle, some)))

    def os_fsync(self, handle: int) -> None:
        inode = os.fstat(handle).st_ino
        self._through(Call("fsync", _open_file(handle), "", inode), lambda: self._was["fsync"](handle))

    def os_ftruncate(self, handle: int, length: int) -> None:
        call = Call("truncate", _open_file(handle), "", os.fstat(handle).st_ino, length)
        self._through(call, lambda: self._was["ftruncate"](handle, length))

    def os_close(self, handle: int) -> None:
        self._through(Call("close", _open_file(handle)), lambda: self._was["close"](handle))

    def os_rename(self, one: Any, other: Any, **more: Any) -> None:
        self._through(Call("rename", _where(one), _where(other)), lambda: self._was["rename"](one, other, **more))

    os_replace = os_rename

    def os_mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._through(Call("mkdir", _where(path, dir_fd)), lambda: self._was["mkdir"](path, mode, dir_fd=dir_fd))

    def os_unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._through(Call("unlink", _where(path, dir_fd)), lambda: self._was["unlink"](path, dir_fd=dir_fd))

    os_remove = os_unlink

    def os_rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._through(Call("rmdir", _where(path, dir_fd)), lambda: self._was["rmdir"](path, dir_fd=dir_fd))

    def exchange(self, one: Path, other: Path) -> bool:
        if not self._can_exchange:
            return False
        return bool(self._through(Call("exchange", str(one), str(other)), lambda: self._was_exchange(one, other)))

    def open(self, file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wxa"):
            return self._was_open(file, mode, *arguments, **more)
        flags = os.O_CLOEXEC | os.O_WRONLY | os.O_CREAT
        flags |= {"w": os.O_TRUNC, "x": os.O_EXCL, "a": os.O_APPEND}[(set(mode) & set("wxa")).pop()]
        written = io.BufferedWriter(_Written(self.os_open(file, flags, 0o666)))
        return written if "b" in mode else io.TextIOWrapper(written, encoding=more.get("encoding") or "utf-8")


class _Written(io.RawIOBase):
    """An open file that is written through `os.write`."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._handle

    def write(self, data: Any) -> int:
        return os.write(self._handle, bytes(data))

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._handle)

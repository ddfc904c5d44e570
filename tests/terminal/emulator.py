"""A real pty with a terminal emulator behind it, for measuring and for the terminal tests."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pyte

FINETUI = [sys.executable, "-P", "-m", "tui"]
"""The screen as a child, whatever lies in the current folder."""


class Terminal:
    """A program in a pty; what it draws lands on a pyte screen. A context manager that ends the program."""

    def __init__(self, command: list[str], columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.began = time.perf_counter()
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"} | environment)
            os.execvp(command[0], command)
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.bytes_read = 0
        self.raw = b""
        self.ended = False

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._handle)

    def text(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def send(self, keys: str) -> None:
        """Type."""
        os.write(self._handle, keys.encode())

    def pump(self, seconds: float) -> None:
        """Take in what the program draws for at most `seconds`; returns at once when something came."""
        ready, _, _ = select.select([self._handle], [], [], seconds)
        if not ready:
            return
        try:
            data = os.read(self._handle, 1 << 16)
        except OSError:  # the program has closed its end
            data = b""
        if not data:
            os.waitpid(self.pid, 0)
            self.ended = True
            return
        self.bytes_read += len(data)
        self.raw += data
        # pyte does not know the private sequences by which Textual asks about the terminal
        self._stream.feed(data.replace(b"\x1b[>1u", b"").replace(b"\x1b[<u", b""))

    def wait(self, seen: Callable[[str], bool], seconds: float = 30) -> float:
        """Wait until `seen(text)`; returns seconds since the start. Raises `TimeoutError` with the screen's text."""
        end = time.monotonic() + seconds
        while not seen(self.text()):
            if self.ended or time.monotonic() > end:
                raise TimeoutError(f"ended: {self.ended}\n{self.text()}")
            self.pump(0.02)
        return time.perf_counter() - self.began

    def wait_end(self, seconds: float = 30) -> float:
        """Wait until the program has ended; returns seconds since the call."""
        began = time.monotonic()
        while not self.ended:
            if time.monotonic() - began > seconds:
                raise TimeoutError(self.text())
            self.pump(0.02)
        return time.monotonic() - began

    def hang_up(self, seconds: float = 10) -> None:
        """Lose the line: close our end and wait until the program is gone. Raises `TimeoutError` when it stays."""
        os.close(self._handle)
        end = time.monotonic() + seconds
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise TimeoutError("the screen outlived its terminal")
            time.sleep(0.02)
        self.ended = True

    def resident_bytes(self) -> int:
        """The program's resident set."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise LookupError("VmRSS")

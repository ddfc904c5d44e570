"""A real pty with a terminal emulator behind it, for measuring and for the terminal tests."""

from __future__ import annotations

import fcntl
import os
import pty
import re
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

from core.launch import child_environment

FINETUI = [sys.executable, "-P", "-m", "tui"]
"""The screen as a child, whatever lies in the current folder."""


def screen(folder: Path, *words: str, columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
    """The screen on the runs of this folder."""
    inherited = {name: value for name, value in child_environment().items() if name == "PYTHONPATH"}
    return Terminal([*FINETUI, *words, "--runs", str(folder / "runs")], columns, rows, **inherited, **environment)


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
        self.code = 0
        """How the program ended: its exit code, negative for a signal."""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

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
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.ended = True
            return
        self.bytes_read += len(data)
        self.raw += data
        # pyte does not know the private sequences by which Textual asks about the terminal
        self._stream.feed(data.replace(b"\x1b[>1u", b"").replace(b"\x1b[<u", b""))

    def drain(self) -> None:
        """Take in all that was drawn, of a program that draws nothing more."""
        while select.select([self._handle], [], [], 0.05)[0] and not self.ended:
            self.pump(0)

    def wait(self, seen: Callable[[str], bool], seconds: float = 30) -> float:
        """Wait until `seen(text)`; returns seconds since the start. Raises `TimeoutError` with the screen's text."""
        end = time.monotonic() + seconds
        while not seen(self.text()):
            if self.ended or time.monotonic() > end:
                raise TimeoutError(f"ended: {self.ended}\n{self.text()}")
            self.pump(0.02)
        return time.perf_counter() - self.began

    def wait_stopped(self, seconds: float = 30) -> None:
        """Wait until the program was stopped by a signal; what it paints is read, or it could not get there."""
        end = time.monotonic() + seconds
        while os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                raise TimeoutError(self.text())
            self.pump(0.02)

    def wait_end(self, seconds: float = 30) -> float:
        """Wait until the program has ended; returns seconds since the call."""
        began = time.monotonic()
        while not self.ended:
            if time.monotonic() - began > seconds:
                raise TimeoutError(self.text())
            self.pump(0.02)
        return time.monotonic() - began

    def hang_up(self, seconds: float = 10, last_words: int = 0) -> float:
        """Lose the line: close our end and wait until the program is gone; returns the seconds that took.

        Raises `TimeoutError` when it stays; it is sent the signal `last_words`, if one is given, before it is killed.
        """
        os.close(self._handle)
        self._handle, began = -1, time.monotonic()
        while (gone := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if time.monotonic() - began > seconds:
                if last_words:
                    os.kill(self.pid, last_words)
                    time.sleep(0.5)
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                self.ended = True
                raise TimeoutError("the screen outlived its terminal")
            time.sleep(0.01)
        self.ended, self.code = True, os.waitstatus_to_exitcode(gone[1])
        return time.monotonic() - began

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program hears of it by SIGWINCH."""
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def modes_on(self) -> set[int]:
        """The private modes that are on by what the program sent: 1049 the alternate screen, 1000 and so on the mouse,
        25 the cursor, 7 the wrapping of lines; both of these are on in a terminal that nobody has touched."""
        found = {7, 25}
        for numbers, letter in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", self.raw):
            for number in map(int, numbers.split(b";")):
                (found.add if letter == b"h" else found.discard)(number)
        return found

    def line_settings(self) -> list[object]:
        """What `stty` would tell: the kernel's settings of this terminal."""
        return list(termios.tcgetattr(self._handle))

    def set_line(self, settings: list[object]) -> None:
        """Give the terminal these settings, as `stty` would."""
        termios.tcsetattr(self._handle, termios.TCSANOW, settings)  # type: ignore[arg-type]

    def wipe(self) -> None:
        """Forget all that was drawn."""
        self._screen.reset()

    def echoes(self) -> bool:
        """Whether the kernel shows what is typed, and gathers it to lines, as a shell's terminal does."""
        flags = termios.tcgetattr(self._handle)[3]
        return bool(flags & termios.ECHO and flags & termios.ICANON and flags & termios.ISIG)

    def resident_bytes(self) -> int:
        """The program's resident set."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise LookupError("VmRSS")

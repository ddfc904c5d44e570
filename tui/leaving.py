"""Leaving by signal: a polite kill restores the terminal, a lost line ends the screen without one.

The kernel follows SIGHUP with SIGCONT. Textual answers that by starting its output again, on a terminal that is gone,
and then waits for ever to write to it. So a hang-up first turns output and input away from the terminal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType


def _nothing(number: int, frame: FrameType | None) -> None:
    """The answer to a signal that no longer matters."""


def listen(leave: Callable[[], None]) -> None:
    """Call `leave` in the running loop on SIGHUP and SIGTERM. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def hung_up(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGCONT, _nothing)  # it may be under way already: a handler that is gone would be an error
        nowhere = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(nowhere, handle)
        os.close(nowhere)
        loop.call_soon_threadsafe(leave)

    signal.signal(signal.SIGHUP, hung_up)
    loop.add_signal_handler(signal.SIGTERM, leave)


def forget() -> None:
    """Undo `listen`."""
    if threading.current_thread() is threading.main_thread():
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

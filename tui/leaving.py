"""Leaving by signal, and coming back: a polite kill restores the terminal, a lost line ends the screen without one.

The kernel follows SIGHUP with SIGCONT. Textual answers that by starting its output again, on a terminal that is gone,
and then waits for ever to write to it; the thread that writes dies of the same, and a full queue then holds up whoever
draws. So a hang-up first turns output and input away from the terminal and keeps that queue empty.

After SIGSTOP nobody could put the terminal in order, and the shell has changed it since: it is set up anew on SIGCONT.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from textual.app import App

LOOK = 1.0
"""Seconds between two looks whether the terminal is still there: not everybody is told by SIGHUP that it is gone."""

LEAVE = (signal.SIGTERM, signal.SIGINT)
"""What ends the screen like `q`, without a question. ctrl+c is a key there and sends none."""


class Signals:
    """What the screen's process does when it is asked to leave, loses its terminal or was stopped.

    `catch` holds for the rest of the process: from before the terminal is taken until after it was given back. Between
    `begin` and `end` there is a screen that can leave; what was asked before is done at `begin`.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._was_asked = self._is_over = self._is_cut_off = self._is_continuing = False
        self._catches = False

    def catch(self) -> None:
        """Answer signals from now on. For the main thread."""
        self._catches = True
        for number in LEAVE:
            signal.signal(number, self._asked)
        signal.signal(signal.SIGHUP, self._hung_up)

    def begin(self) -> None:
        """There is a screen. To be called in its loop."""
        if not self._catches:
            return
        self._loop = asyncio.get_running_loop()
        signal.signal(signal.SIGCONT, self._continued)
        self._app.set_interval(LOOK, self._look)
        if self._was_asked:
            self._app.exit()

    def end(self) -> None:
        """The screen is about to close: nothing more can make it leave."""
        self._is_over = True

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._was_asked = True
        if self._loop is not None and not self._is_over:
            self._loop.call_soon_threadsafe(self._app.exit)

    def _hung_up(self, number: int, frame: FrameType | None) -> None:
        if self._loop is None:  # nothing was begun: go as any program goes
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self._is_cut_off = True  # SIGCONT is under way
        nowhere = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(nowhere, handle)
        os.close(nowhere)
        if (writer := getattr(self._app._driver, "_writer_thread", None)) is not None:
            threading.Thread(target=_drain, args=(writer,), daemon=True).start()
        self._asked(number, frame)

    def _look(self) -> None:
        """Leave when the terminal is gone: reading from it would go round and round at full speed."""
        line = select.poll()
        line.register(0, 0)  # asked for nothing: the end of the line is told all the same
        if not self._is_cut_off and line.poll(0):
            self._hung_up(signal.SIGHUP, None)

    def _continued(self, number: int, frame: FrameType | None) -> None:
        driver = self._app._driver
        if self._is_cut_off or self._is_continuing or self._is_over or driver is None or self._loop is None:
            return
        self._is_continuing = True
        try:
            if not getattr(driver, "_must_signal_resume", False):  # else it was SIGTSTP, and the driver had its say
                driver.suspend_application_mode()
            driver.resume_application_mode()
        finally:
            self._is_continuing = False
        self._loop.call_soon_threadsafe(self._paint)

    def _paint(self) -> None:
        with suppress(LookupError):  # no screen is open any more
            self._app.screen.refresh(layout=True)


def _drain(writer: Any) -> None:
    """Take what nobody writes any more, once the writing thread has died of the terminal's end."""
    writer.join()
    while writer._queue.get() is not None:
        continue

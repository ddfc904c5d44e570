"""Reading the list of runs in a thread, as often as there is news: live and new runs soon, the others in turn."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from textual import on, work
from textual.message import Message

from core.runs import Summary
from tui.messages import RunEnded, RunLaunched, RunsChanged
from tui.screens.run_changes import ChangingRoom
from tui.widgets.run_list import RunIndex

PERIOD = 2.0
"""Seconds between two looks at what is live or new."""

AGE_LOOKS = 15
"""Without news the ages are painted anew at every fifteenth look."""


@dataclass
class ListRead(Message):
    """Summaries of the runs, as far as they are read."""

    summaries: list[Summary]
    complete: bool


class ReadingRoom(ChangingRoom):
    """Knows the runs that there are."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Summary] = []
        self.is_complete = False
        """Whether all of them were read once."""
        self._cancel = threading.Event()
        self._index: RunIndex | None = None
        self._reading = threading.Lock()
        self._is_wanted = threading.Event()
        self._is_all_wanted = threading.Event()
        self._looks = 0

    def show_runs(self) -> None:
        """Paint them; there is news."""

    def listed(self) -> list[Summary]:
        """All runs that were read."""
        return self.runs

    def begin_reading(self) -> None:
        """Read all, and look again from time to time."""
        self._index = RunIndex(self.workbench.store)
        self.set_interval(PERIOD, self.look_again)
        self._is_all_wanted.set()
        self._read()

    def on_screen_resume(self) -> None:
        """Something may have ended meanwhile."""
        self.look_again()

    def on_unmount(self) -> None:
        """Let the thread go."""
        self._cancel.set()

    def look_again(self, *, everything: bool = False) -> None:
        """Look at what may have changed; `everything`: at all files of all runs."""
        if everything:
            self._is_all_wanted.set()
        if self._index is not None and self.is_current:
            self._read()

    @work(thread=True, group="list")
    def _read(self) -> None:
        self._is_wanted.set()
        if self._index is None or not self._reading.acquire(blocking=False):
            return  # a look is under way, and looks again when it is done
        try:
            while self._is_wanted.is_set() and not self._cancel.is_set():
                self._is_wanted.clear()
                everything = self._is_all_wanted.is_set()
                self._is_all_wanted.clear()
                self._read_once(self._index, everything)
        finally:
            self._reading.release()

    def _read_once(self, index: RunIndex, everything: bool) -> None:
        portion: dict[str, Summary] = {}
        for portion in index.read(everything=everything):
            if self._cancel.is_set():
                return
            if everything:
                self.post_message(ListRead(list(portion.values()), complete=False))
                self._cancel.wait(0.05)  # room for the screen: both want the interpreter
        self.post_message(ListRead(list(portion.values()), complete=True))

    @on(ListRead)
    def _came(self, message: ListRead) -> None:
        complete = message.complete or self.is_complete
        self._looks += 1
        if message.summaries == self.runs and complete == self.is_complete and self._looks % AGE_LOOKS:
            return
        self.runs, self.is_complete = message.summaries, complete
        self.show_runs()

    @on(RunLaunched)
    @on(RunsChanged)
    @on(RunEnded)
    def _news(self) -> None:
        self.look_again(everything=True)

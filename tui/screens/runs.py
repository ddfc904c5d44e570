"""Runs: every run of the folder in one table, the best of each data set starred, none ever lost by a slip."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from core.errors import RunError, WorkbenchError
from core.launch.again import is_left
from core.runs import Run, Summary, find_root
from core.runs.resume import COMPLETE
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.messages import RunEnded, RunLaunched, RunsChanged, RunSelected
from tui.screens.room import Room
from tui.screens.run_detail import RunDetail
from tui.thrift import StretchCompositor
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.field import Field
from tui.widgets.run_list import BY_KEY, Order, RunIndex, matching, parse_filter
from tui.widgets.run_table import RunTable

PERIOD = 2.0
"""Seconds between two looks at what is live or new."""

AGE_LOOKS = 15
"""Without news the ages are painted anew at every fifteenth look."""


@dataclass
class ListRead(Message):
    """Summaries by name, as far as they are read."""

    summaries: list[Summary]
    complete: bool


class RunsRoom(Room):
    """The table, its filter, and one line that says where the runs lie."""

    ROOM = "runs"
    FIRST_FOCUS = "#run-table"
    CSS_PATH = "../styles/runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._all: list[Summary] = []
        self._order = Order()
        self._trashed: list[Path] = []
        self._cancel = threading.Event()
        self._index: RunIndex | None = None
        self._reading = threading.Lock()
        self._is_wanted = threading.Event()
        self._is_complete = False
        self._looks = 0

    def skeleton(self) -> ComposeResult:
        """The line above and the filter; the table comes after the first frame."""
        yield Canvas(id="where")
        yield Field(placeholder="words, all of which a run must show", id="filter")

    async def fill(self) -> None:
        """The table, then the runs."""
        self.query_one("#filter").display = False
        await self.mount(RunTable(), Canvas(id="nothing"), after="#filter")
        self._index = RunIndex(self.workbench.store)
        self.set_interval(PERIOD, self._look_again)
        self._describe()
        self._read(everything=True)

    def on_screen_resume(self) -> None:
        """Something may have ended meanwhile."""
        self._look_again()

    def on_unmount(self) -> None:
        """Let the thread go."""
        self._cancel.set()

    def _look_again(self) -> None:
        if self._index is not None and self.is_current:
            self._read(everything=False)

    @work(thread=True, group="list")
    def _read(self, everything: bool) -> None:
        self._is_wanted.set()
        if self._index is None or not self._reading.acquire(blocking=False):
            return  # a look is under way, and looks again when it is done
        try:
            while self._is_wanted.is_set() and not self._cancel.is_set():
                self._is_wanted.clear()
                self._read_once(self._index, everything)
                everything = False
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
        complete = message.complete or self._is_complete
        self._looks += 1
        if message.summaries == self._all and complete == self._is_complete and self._looks % AGE_LOOKS:
            return
        self._all, self._is_complete = message.summaries, complete
        self._show()

    @on(RunLaunched)
    @on(RunsChanged)
    @on(RunEnded)
    def _changed(self) -> None:
        self._look_again()

    # Painting

    def on_resize(self) -> None:
        """Other columns may fit."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        for table in self.query(RunTable):
            shown = matching(self._all, parse_filter(self.query_one("#filter", Input).value))
            nothing = self._nothing(shown)
            table.display = not nothing
            table.show(shown, self._all, self._order)
            canvas = self.query_one("#nothing", Canvas)
            canvas.display = bool(nothing)
            canvas.show(nothing, width=self._width())
            self._describe(len(shown))

    def _nothing(self, shown: list[Summary]) -> list[Line]:
        if shown:
            return []
        if self._all:
            return [line("No run shows all these words. ", ("esc", "strong"), " drops the filter.")]
        if not self._is_complete:
            return [line(("reading…", "muted"))]
        root = self.workbench.store.root
        return [
            line(("No runs yet.", "strong")),
            line(f"Looked in {root} ({_reason(root)})."),
            line(
                ("ctrl+r", "strong"),
                " trains on the data in ",
                ("1", "strong"),
                " Data; in the shell: finetui train FILE",
            ),
        ]

    def _describe(self, shown: int = 0) -> None:
        root = self.workbench.store.root
        count = f"{fmt.count(shown)} of {fmt.count(len(self._all))}" if shown != len(self._all) else fmt.count(shown)
        runs = f"{count} run{'' if len(self._all) == 1 else 's'}" if self._all else "runs"
        more = "" if self._is_complete else "… reading"
        width = self._width()
        tail = f" · by {BY_KEY[self._order.key].title}{more}"
        place = fmt.fit(f"{safe(root)} ({_reason(root)})", max(width - len(runs) - len(tail) - 4, 10), keep_end=True)
        text = line((runs, "strong"), f" in {place}", (tail, "muted"))
        self.query_one("#where", Canvas).show([text], width=width)

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    # The filter

    def action_filter(self) -> None:
        """Type words that must occur."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _typed(self) -> None:
        self._show()

    @on(Input.Submitted, "#filter")
    def _filtered(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        self.focus_first()

    def action_leave(self) -> None:
        """`esc`: drop the filter, back to the table."""
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        super().action_leave()

    # What a person asks for

    @on(RunTable.Ordered)
    def _ordered(self, message: RunTable.Ordered) -> None:
        self._order = message.order
        self._show()

    @on(RunTable.Asked)
    async def _asked(self, message: RunTable.Asked) -> None:
        run = Run(self.workbench.store.root / message.name)
        match message.what:
            case "open":
                self.post_message(RunSelected(run.name))
                await self.app.push_screen(RunDetail(run))
            case "stop":
                self._stop(run)
            case "resume":
                self.workbench.resume_run(run)
            case "delete":
                self._delete(run.name)

    def offers(self, key: str) -> bool:
        """What a run can do in its state, and undoing while there is something to bring back."""
        current = self._current()
        is_live = current is not None and current.state.is_live
        match key:
            case "undo":
                return bool(self._trashed)
            case "stop":
                return current is not None and (is_live or current.can_finish)
            case "delete":
                return current is not None and not is_live
            case "resume":
                return current is not None and not is_live and (current.state not in COMPLETE or current.can_have_more)
        return True

    def in_footer(self, key: str) -> bool:
        """What `ctrl+r` would train is not seen here: `n` leads there."""
        return key != "start" and super().in_footer(key)

    def name_of(self, key: str) -> str:
        """A complete run with a model is trained for more epochs."""
        current = self._current()
        has_more = current is not None and current.can_have_more
        return "More epochs" if key == "resume" and has_more else super().name_of(key)

    def _current(self) -> Summary | None:
        return next((table.summary for table in self.query(RunTable)), None)

    async def action_ask_current(self) -> None:
        """To the Try room with the run under the cursor; there before the next key acts."""
        if name := self.query_one(RunTable).current:
            self.workbench.asked_run = name
        await self.run_action("app.go('try')")

    def _stop(self, run: Run) -> None:
        try:
            state = run.state()
            if is_left(state):
                self.workbench.finish_run(run)
                return
            if not state.is_live:
                self.notify(f"{run.name} is not being trained.", markup=False)
                return
            run.ask("stop")
        except (OSError, WorkbenchError) as broken:
            self.workbench.show_error(_as_error(broken, run.name))
            return
        self.notify(f"{run.name} stops after this step and saves.", markup=False)

    def _delete(self, name: str) -> None:
        try:
            self._trashed.append(self.workbench.store.delete(name))
        except (OSError, WorkbenchError) as broken:
            self.workbench.show_error(_as_error(broken, name))
            return
        if self.workbench.run_name == name:
            self.workbench.run_name = ""
        if self.workbench.asked_run == name:
            self.workbench.asked_run = ""
        self._all = [summary for summary in self._all if summary.name != name]
        self._show()
        self.refresh_bindings()
        self.post_message(RunsChanged())
        self.notify(f"{name} is in the trash. u brings it back.", markup=False)

    def action_undo(self) -> None:
        """Bring the run back that was deleted last."""
        if not self._trashed:
            self.notify("Nothing to bring back.")
            return
        place = self._trashed.pop()
        try:
            run = self.workbench.store.restore(place)
        except (OSError, WorkbenchError) as broken:
            self.workbench.show_error(_as_error(broken, place.name))
            return
        self.query_one(RunTable).go_to(run.name)
        self.refresh_bindings()
        self.notify(f"{run.name} is back.", markup=False)
        self.post_message(RunsChanged())

    async def action_new(self) -> None:
        """Set up another run."""
        await self.run_action("app.go('configure')")


def _reason(root: Path) -> str:
    found = find_root()
    return found.reason if found.path == root else "--runs"


def _as_error(broken: Exception, name: str) -> WorkbenchError:
    return broken if isinstance(broken, WorkbenchError) else RunError(f"That did not work for {name}", str(broken))

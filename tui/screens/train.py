"""Train: a live run as it happens, or the last one as it happened.

A thread follows the run folder and posts what is new; here it is folded into a `History` and shown. Nothing in this
room touches the trainer, but for the line that asks it to pause, to save or to stop.
"""

from __future__ import annotations

import threading
import time
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType

from core.runs import History, RunState, RunStore
from core.runs.absence import Silence, silence_text, why_gone
from tui.following import Followed, LiveRuns, Opened, live_runs, watch
from tui.keys import bindings
from tui.messages import RunEnded, RunLaunched
from tui.screens.asking import AskingRoom
from tui.thrift import StretchCompositor
from tui.widgets import run_ending as endings
from tui.widgets import run_facts as facts
from tui.widgets import run_progress
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.curves import Curves
from tui.widgets.log_pane import LogPane

TEXT_PERIOD = 0.25
"""Seconds between two paintings of the figures."""

CHART_TICKS = 4
"""The charts are drawn at every fourth of those."""

LIVE_TICKS = 20
"""And at every twentieth we look which runs are live."""

ROOM_FOR_BOTH = 30
"""Rows that a screen must have to show the log and the charts."""

NOTHING_YET = (
    "No run yet.",
    "ctrl+r trains on the data in the Data room with the settings in Configure.",
    "1 Data   2 Configure   n New run",
)


class TrainRoom(AskingRoom):
    """One run, live or replayed: both come through `follow`."""

    ROOM = "train"
    FIRST_FOCUS = "#curves"
    CSS_PATH = "../styles/train.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("train")

    def __init__(self) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._card = facts.Card("")
        self._silence: Silence | None = None
        self._cancel = threading.Event()
        self._wanted: str | None = None
        self._live: list[str] = []
        self._is_fresh = self._is_other = self._is_opening = False
        self._ticks = 0
        self._chart_is_old = False

    def skeleton(self) -> ComposeResult:
        """The lines above and below the place of the charts."""
        yield Canvas(id="live")
        yield Canvas(id="heading")
        yield Canvas(id="stages")
        yield Curves(id="curves")
        yield LogPane()
        yield Canvas(id="progress")
        yield Canvas(id="figures")

    async def fill(self) -> None:
        """Follow the run that is selected, or the newest."""
        self.set_interval(TEXT_PERIOD, self._tick)
        self._look_for_live()
        if self._wanted is None:
            self.open_run(self.workbench.run_name)

    def on_screen_resume(self) -> None:
        """Back in the room: another run may have been chosen, or this one gone on."""
        chosen = self.workbench.run_name
        if self._wanted is not None and (chosen != self._wanted or not self.state.is_live):
            self.open_run(chosen)

    def on_unmount(self) -> None:
        """Let the thread go."""
        self._cancel.set()

    def open_run(self, name: str) -> None:
        """Show the run of this name from now on; the newest one when the name is empty."""
        self._cancel.set()
        self._cancel = threading.Event()
        self._wanted, self._is_opening = name, True
        self._follow(self.workbench.store, name, self._cancel)

    # The thread's side

    @work(thread=True, group="follow")
    def _follow(self, store: RunStore, name: str, cancel: threading.Event) -> None:
        for message in watch(store, name, cancel):
            self.post_message(message)

    @work(thread=True, group="live", exclusive=True)
    def _look_for_live(self) -> None:
        self.post_message(live_runs(self.workbench.store))

    # What came

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        if message.cancel is not self._cancel:
            return
        is_same = self.run is not None and message.run is not None and message.run.path == self.run.path
        self.run, self._is_fresh, self._is_opening = message.run, True, False
        self._is_other = not is_same
        self.is_gone, self.left = False, endings.Left()
        is_finished = message.run is not None and message.run.name == self.finishing
        self.request = run_progress.Request.to_finish() if is_finished else None
        self.history, self.state = History(), RunState.QUEUED
        self._card = message.card or facts.Card("")
        self._silence = None if message.run is None else Silence(message.run)
        self._hide_log()
        if message.problem is not None:
            self.workbench.show_error(message.problem)
        self.set_class(message.run is None, "-empty")
        if message.run is None:
            self._show_empty()
        self._paint_live()

    @on(Followed)
    def _followed(self, message: Followed) -> None:
        if message.cancel is not self._cancel or self.run is None:
            return
        ended_now = self.state.is_live and not message.batch.state.is_live and not self._is_fresh
        self.history.extend(message.batch.records)
        self.state, self.is_gone = message.batch.state, message.gone
        self.left = endings.left_of(self._card, self.history, message.outlook)
        self._chart_is_old = True
        if self._is_fresh or not self.state.is_live:
            self.paint()
            self._paint_charts()
            self.refresh_bindings()
        self._is_fresh = self._is_other = self._is_opening = False
        if not self.state.is_live:
            self.finishing = ""
        if ended_now:
            self.post_message(RunEnded(self.run.name))
            self._look_for_live()

    @on(LiveRuns)
    def _live_came(self, message: LiveRuns) -> None:
        self._live = message.names
        self._paint_live()
        if self.run is not None and self.run.name in self._live and not self.state.is_live and not self._is_opening:
            self.open_run(self.run.name)  # somebody goes on with it, in another screen or a shell

    @on(RunLaunched)
    def _other_run(self, message: RunLaunched) -> None:
        self.open_run(message.name)

    # Painting

    def _tick(self) -> None:
        if not self.is_current:
            return
        self._ticks += 1
        if self._ticks % LIVE_TICKS == 0:
            self._look_for_live()
        if self.run is not None and self.state.is_live:
            self.paint()
            if self._ticks % CHART_TICKS == 0 and self._chart_is_old:
                self._paint_charts()

    def on_resize(self) -> None:
        """Lines are laid out for the width."""
        if self.run is not None:
            self.call_after_refresh(self.paint)
        elif self.has_class("-empty"):
            self.call_after_refresh(self._show_empty)

    def paint(self) -> None:
        """The lines of figures; the charts have a time of their own."""
        if self.run is None:
            return
        now, width, history = time.time(), self._width(), self.history
        is_ending = self.request is not None and self.request.what != "save"
        self._show("heading", [facts.heading(self._card, history, self.state, now, width, is_ending)])
        before = history.step == 0 and self.state.is_live
        self._show("stages", facts.stage_lines(history, now, width) if before else [])
        self._show("progress", self._progress(width))
        self._show("figures", self._figures(width))

    def _progress(self, width: int) -> list[Line]:
        if not self.state.is_live:
            return []
        if self.history.step == 0 or self.history.plan is None:  # the stages stand above
            doing = run_progress.phase(self.history, self.request) if self.request is not None else ""
            return [line((doing, "accent"))] if doing else []
        return [run_progress.progress(self.history, self.state, width, self.request)]

    def _figures(self, width: int) -> list[Line]:
        history = self.history
        if self.is_gone:
            return endings.wrapped("! The folder of this run is gone. 4 lists the others.", width, "bad")
        return [
            *endings.wrapped(self._absence(), width, "bad"),
            *endings.ending(history, self.state, width, self.left, self._why_gone()),
            *endings.continued(history, width),
            *facts.class_scores(history, width, title=self._title_of_scores()),
            *facts.figures(self._card, history, self.state, width, self.request),
            *endings.warnings(history, width),
        ]

    def _title_of_scores(self) -> str:
        if self.state.is_live:
            return ""
        return "last epoch:" if self.history.epochs else "last score:"

    def _why_gone(self) -> str:
        is_gone = self.run is not None and self.state is RunState.INTERRUPTED
        return why_gone(self.run, self.history) if self.run is not None and is_gone else ""

    def _absence(self) -> str:
        """What is known of a trainer that says nothing."""
        if self.run is None or self._silence is None:
            return ""
        told = silence_text(self.run, self._silence.seconds(self.history, self.state))
        return f"! {told}" if told else ""

    def _paint_charts(self) -> None:
        self._chart_is_old = False
        empty = facts.first_score(self.history) if self.state.is_live else "nothing was scored"
        self.query_one(Curves).show(self.history, empty=empty, fresh=self._is_fresh and self._is_other)

    def _paint_live(self) -> None:
        here = self.run.name if self.run is not None else ""
        parts = [(name, "inverse" if name == here else "muted") for name in self._live]
        spaced = [part for pair in parts for part in (pair, " ")]
        others = [name for name in self._live if name != here]
        self._show("live", [line("live: ", *spaced, (" [ ] switch", "muted"))] if others else [])

    def _show_empty(self) -> None:
        for name in ("heading", "stages", "progress"):
            self._show(name, [])
        self._show("figures", [line((text, "strong" if at == 0 else "")) for at, text in enumerate(NOTHING_YET)])

    def _show(self, name: str, lines: list[Line]) -> None:
        canvas = self.query_one(f"#{name}", Canvas)
        canvas.display = bool(lines)
        canvas.show(lines, width=self._width())

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    # What a person asks for

    def action_log(self) -> None:
        """Show or hide what the trainer printed."""
        pane = self.query_one(LogPane)
        if pane.display:
            self._hide_log()
            self.focus_first()
        elif self.run is not None:
            pane.follow(self.run.log_path)
            pane.focus()
            self.query_one(Curves).display = self.size.height >= ROOM_FOR_BOTH

    def _hide_log(self) -> None:
        self.query_one(LogPane).halt()
        self.query_one(Curves).display = self.run is not None

    def action_metric(self) -> None:
        """Another figure on the chart at the right."""
        self.query_one(Curves).next_metric()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The chart shows another figure where there is a chart."""
        if action == "metric":
            return self.run is not None and self.query_one(Curves).display
        return super().check_action(action, parameters)

    async def action_new(self) -> None:
        """Set up another run."""
        await self.run_action("app.go('configure')")

    async def action_leave_running(self) -> None:
        """Quit the screen; the trainer is a process of its own."""
        await self.run_action("app.leave_running")

    def action_leave(self) -> None:
        """`esc`: out of the log."""
        self._hide_log()
        super().action_leave()

    def action_previous_run(self) -> None:
        """The live run before this one."""
        self._switch(-1)

    def action_next_run(self) -> None:
        """The live run after this one."""
        self._switch(1)

    def _switch(self, by: int) -> None:
        if not self._live:
            self.notify("No run is live.")
            return
        here = self.run.name if self.run is not None else ""
        at = self._live.index(here) + by if here in self._live else 0
        name = self._live[at % len(self._live)]
        if name != here:
            self.workbench.run_name = name
            self.open_run(name)

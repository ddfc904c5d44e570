"""One run, opened: its scores, curves, classes, confusions and what was set differently."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from core.errors import RunError
from core.runs import Run
from core.runs.resume import COMPLETE
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.screens.room import Room
from tui.thrift import StretchCompositor
from tui.widgets import run_ending as endings
from tui.widgets import run_facts as facts
from tui.widgets import run_report as reports
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.confusion import ConfusionTable
from tui.widgets.curves import Curves

PERIOD = 2.0
"""Seconds between two looks whether a live run has ended."""


@dataclass
class ReportRead(Message):
    """The folder was read, or could not be."""

    report: reports.Report | None
    problem: RunError | None = None


class Sheet(VerticalScroll):
    """What scrolls; the keys of a list move it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "detail")

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_first(self) -> None:
        """To the top."""
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)


class RunDetail(Room):
    """Lies over the table; `esc` goes back to it."""

    ROOM = "runs"
    FIRST_FOCUS = "#sheet"
    CSS_PATH = "../styles/runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "opened")

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._subject = run
        self._report: reports.Report | None = None
        self._problem: RunError | None = None
        self._is_old = False

    def skeleton(self) -> ComposeResult:
        """The heading; the rest when the folder is read."""
        yield Canvas(id="heading")
        with Sheet(id="sheet"):
            yield Canvas(id="headline")
            yield Curves(id="curves")
            yield Canvas(id="classes", classes="panel")
            yield ConfusionTable()
            yield Canvas(id="settings", classes="panel")
            yield Canvas(id="place", classes="panel")

    async def fill(self) -> None:
        """Read the folder in a thread."""
        self.query_one("#heading", Canvas).show([line((self._subject.name, "strong"), (" reading…", "muted"))])
        for name, title in (
            ("classes", "classes on validation"),
            ("settings", "settings that differ"),
            ("place", "folder"),
        ):
            self.query_one(f"#{name}").border_title = title
        self.query_one(ConfusionTable).display = False
        self.set_interval(PERIOD, self._look_again)
        self._read(self._subject)

    def on_screen_resume(self) -> None:
        """Back from another room: the folder may have turned out unreadable, or the run have ended."""
        if self._problem is not None:
            self._give_up()
        elif self._is_old:
            self._is_old = False
            self._read(self._subject)
        else:
            self._look_again()

    def _look_again(self) -> None:
        if self.is_current and self._report is not None and self._report.state.is_live:
            self._read(self._subject, only_ended=True)

    @work(thread=True, group="report", exclusive=True)
    def _read(self, run: Run, only_ended: bool = False) -> None:
        try:
            if only_ended and run.state().is_live:
                return
            if not run.path.is_dir():
                raise RunError(
                    f"{run.name} is gone",
                    f"There is no {run.path} any more.",
                    "u in the table brings back what was deleted there.",
                )
            self.post_message(ReportRead(reports.read_report(run)))
        except OSError as broken:
            self.post_message(ReportRead(None, RunError(f"Cannot read {run.name}", str(broken))))
        except RunError as broken:
            self.post_message(ReportRead(None, broken))

    @on(ReportRead)
    def _came(self, message: ReportRead) -> None:
        if message.problem is not None:
            self._problem = message.problem
            if self.is_current:
                self._give_up()
            return
        self._report = message.report
        self._show()
        self.refresh_bindings()

    def _give_up(self) -> None:
        """Close, saying why. Only from the top: a screen closes by popping whatever lies there."""
        problem, self._problem = self._problem, None
        if problem is not None:
            self.dismiss()
            self.workbench.show_error(problem)

    def on_resize(self) -> None:
        """Lines are laid out for the width."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        report = self._report
        if report is None:
            return
        width = self.query_one("#sheet").content_size.width or self.app.size.width - 2
        back = line(("‹ esc  " if fmt.unicode_terminal() else "< esc  ", "muted"))
        room = self.query_one("#body").content_size.width
        heading = facts.heading(report.card, report.history, report.state, time.time(), room - len(back))
        self.query_one("#heading", Canvas).show([[*back, *heading]])
        curves = self.query_one(Curves)
        curves.styles.height = max(12, self.size.height * 2 // 5)
        curves.show(report.history, empty="nothing was scored", fresh=True)
        self._lines("headline", [*reports.headline(report, width), *self._ending(report, width)], width)
        self._lines("classes", reports.class_table(report.classes, width), width)
        self._lines("settings", reports.difference_lines(report.differences, width), width)
        self._lines("place", [line(safe(report.path))], width)
        table = self.query_one(ConfusionTable)
        table.display = report.confusion is not None
        if report.confusion is not None:
            table.show(report.confusion, width)

    @staticmethod
    def _ending(report: reports.Report, width: int) -> list[Line]:
        if report.state.is_live:
            return [line(("3 follows it live.", "accent"))]
        history = report.history
        lines: list[Line] = []
        if report.test is None:
            lines = endings.ending(history, report.state, width, report.left, report.why, is_opened=True)
        told = [*endings.resumptions(history, time.time(), width), *endings.continued(history, width)]
        return [*lines, *told, *endings.warnings(history, width, limit=4)]

    def _lines(self, name: str, lines: list[Line], width: int) -> None:
        canvas = self.query_one(f"#{name}", Canvas)
        canvas.display = bool(lines)
        canvas.show(lines, width=width)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a run that is not live can go on, and a complete one where it has a model."""
        if action == "resume":
            report = self._report
            if report is None or report.state.is_live:
                return False
            return report.state not in COMPLETE or report.left.can_have_more
        return super().check_action(action, parameters)

    def name_of(self, key: str) -> str:
        """A complete run with a model is trained for more epochs."""
        has_more = self._report is not None and self._report.left.can_have_more
        return "More epochs" if key == "resume" and has_more else super().name_of(key)

    def action_resume(self) -> None:
        """Go on with this run, or train it for more epochs."""
        self._is_old = True
        self.workbench.resume_run(self._subject)

    def action_leave(self) -> None:
        """`esc`: back to the table."""
        if self.is_current:
            self.dismiss()

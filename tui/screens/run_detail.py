"""One run, opened: its scores, curves, classes, confusions and what was set differently."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from core.errors import RunError
from core.runs import Run
from core.runs.resume import COMPLETE
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.screens.run_judged import JudgedRoom
from tui.thrift import StretchCompositor
from tui.widgets import run_ending as endings
from tui.widgets import run_facts as facts
from tui.widgets import run_report as reports
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.class_list import ClassList
from tui.widgets.confusion import ConfusionTable
from tui.widgets.curves import Curves
from tui.widgets.epoch_table import epoch_table
from tui.widgets.sheet import Sheet
from tui.widgets.threshold import ThresholdPane

PERIOD = 2.0
"""Seconds between two looks whether a live run has ended."""


@dataclass
class ReportRead(Message):
    """The folder was read, or could not be."""

    report: reports.Report | None
    problem: RunError | None = None


class RunDetail(JudgedRoom):
    """Lies over the table; `esc` goes back to it."""

    FIRST_FOCUS = "#sheet"
    CSS_PATH = "../styles/runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "opened")

    def __init__(self, run: Run) -> None:
        super().__init__(run)
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
            yield from self.judged_blocks()
            yield Curves(id="curves")
            yield Canvas(id="epochs", classes="panel")
            yield Canvas(id="settings", classes="panel")
            yield Canvas(id="place", classes="panel")

    async def fill(self) -> None:
        """Read the folder in a thread."""
        self.query_one("#heading", Canvas).show([line((self._subject.name, "strong"), (" reading…", "muted"))])
        for name, title in (
            ("epochs", "epochs"),
            ("settings", "settings that differ"),
            ("place", "folder"),
        ):
            self.query_one(f"#{name}").border_title = Content(title)
        for block in (ClassList, ConfusionTable, ThresholdPane):
            self.query_one(block).display = False
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
        self.paint()
        if message.report is not None and message.report.has_predictions and not message.report.state.is_live:
            self.ask_overview()
        classes, is_free = self.query_one(ClassList), self.focused is None or isinstance(self.focused, Sheet)
        if is_free and classes.display and not self.query_one(Sheet).scroll_offset.y:
            classes.focus(scroll_visible=False)
        self.refresh_bindings()

    def _give_up(self) -> None:
        """Close, saying why. Only from the top: a screen closes by popping whatever lies there."""
        problem, self._problem = self._problem, None
        if problem is not None:
            self.dismiss()
            self.workbench.show_error(problem)

    def on_resize(self) -> None:
        """Lines are laid out for the width."""
        self.call_after_refresh(self.paint)

    def paint(self) -> None:
        """Show what is known now: from the folder, and from the child that judges."""
        report = self._report
        if report is None or not self.query("#sheet"):
            return
        width = self.query_one(Sheet).scrollable_content_region.width or self.app.size.width - 2
        back = line(("‹ esc  " if fmt.unicode_terminal() else "< esc  ", "muted"))
        room = self.query_one("#body").content_size.width
        heading = facts.heading(report.card, report.history, report.state, time.time(), room - len(back))
        self.query_one("#heading", Canvas).show([[*back, *heading]])
        told = [*self.headline(report, width), *reports.origin(report), *self._ending(report, width)]
        self.lines_of("headline", told, width)
        self.show_judged(report, width)
        curves = self.query_one(Curves)
        curves.styles.height = max(12, self.size.height * 2 // 5)
        curves.show(report.history, empty="nothing was scored", fresh=True)
        names = report.history.data.label_names if report.history.data is not None else ()
        self.lines_of("epochs", epoch_table(report.epochs, names, width), width)
        self.lines_of("settings", reports.difference_lines(report.differences, width), width)
        self.lines_of("place", [line(safe(report.path))], width)

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a run that is not live can go on, and a complete one where it has a model; one with predictions can be
        looked into."""
        if action in ("slices", "labels"):
            return self.can_open()
        if action == "part":
            return self.overview is not None and (self.overview.has_test or self.overview.part == "test")
        if action == "resume":
            report = self._report
            if report is None or report.state.is_live:
                return False
            return report.state not in COMPLETE or report.left.can_have_more
        return super().check_action(action, parameters)

    def name_of(self, key: str) -> str:
        """A complete run with a model is trained for more epochs; a sign says what it does to the threshold."""
        if key == "part":
            return "Test part" if self.subject.part == "validation" else "Validation"
        if key in ("more", "open") and isinstance(self.focused, ThresholdPane):
            return "Higher" if key == "more" else "Type it"
        has_more = self._report is not None and self._report.left.can_have_more
        return "More epochs" if key == "resume" and has_more else super().name_of(key)

    def action_resume(self) -> None:
        """Go on with this run, or train it for more epochs."""
        self._is_old = True
        self.workbench.resume_run(self._subject)

    def action_metric(self) -> None:
        """Another figure on the chart at the right."""
        self.query_one(Curves).next_metric()

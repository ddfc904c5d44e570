"""What an opened run shows of its judging: verdict, intervals, classes, confusions, calibration, the threshold."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content

from core.errors import Cancelled, WorkbenchError
from core.runs import Run
from tui.judged import Overview, SliceFigures, overview_of, trade_of
from tui.row_filter import Scope
from tui.screens.judging import JudgingRoom, Subject
from tui.widgets import judged_lines as words
from tui.widgets import run_report as reports
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.class_list import ClassList
from tui.widgets.confusion import ConfusionTable
from tui.widgets.sheet import Sheet, WalkedOut
from tui.widgets.threshold import ThresholdPane

REST = 0.3
"""Seconds of rest after which a changed threshold is kept."""

FIRST = 3
"""Sentences that stand above the scores; the others come below."""


class JudgedRoom(JudgingRoom):
    """Asks the child for what the folder alone does not tell, and keeps what it said."""

    def __init__(self, run: Run) -> None:
        super().__init__(Subject(run))
        self.overview: Overview | None = None
        self._failure: WorkbenchError | None = None
        self._is_asking = False

    def judged_blocks(self) -> ComposeResult:
        """Classes, matrix and threshold have a cursor."""
        yield ClassList()
        yield ConfusionTable()
        yield Canvas(id="cell")
        yield Canvas(id="calibration", classes="panel")
        yield ThresholdPane()
        yield Canvas(id="also", classes="panel")

    def paint(self) -> None:
        """Show what is known now."""

    @work(exclusive=True, group="overview")
    async def ask_overview(self) -> None:
        """Everything about the part that is looked at."""
        self._is_asking, self._failure = True, None
        self.paint()
        try:
            answer = await self.judge("overview", newest="overview", part=self.subject.part)
        except WorkbenchError as error:
            self._failure = error
            if self.overview is not None:
                self.subject.part = self.overview.part
        else:
            self.overview = overview_of(answer)
            self.subject.looks = self.overview.looks
        self._is_asking = False
        if self.query("#sheet"):  # else the screen is being left
            self.paint()
            self.refresh_bindings()

    def on_screen_resume(self) -> None:
        """Test rows may have been looked at meanwhile, or the part changed; what was cancelled is asked for again."""
        found, subject = self.overview, self.subject
        is_old = found is not None and (found.part, found.looks) != (subject.part, subject.looks)
        if is_old or isinstance(self._failure, Cancelled):
            self.ask_overview()

    # As lines

    def headline(self, report: reports.Report, width: int) -> list[Line]:
        """The verdict in words, then the scores; those of the folder until the child has answered."""
        found = self.overview
        if found is None:
            return [*reports.scores(report, width), *self._state(report, width)]
        other = report.test if found.part == "validation" else report.validation
        table = words.score_table(found, other, report.runs_scored, width)
        return [*words.told(found.told[:FIRST], width), *table, *self._state(report, width)]

    def _state(self, report: reports.Report, width: int) -> list[Line]:
        if self._is_asking:
            return [line(("… ", "accent"), f"judging the {self.subject.part} rows", ("   esc cancels", "muted"))]
        if isinstance(self._failure, Cancelled):
            return [line(("cancelled: what was asked about this run", "muted"))]
        if self._failure is not None:
            return words.failure(self._failure, width)
        if not report.has_predictions and not report.state.is_live:
            return [line(("no predictions were saved: no intervals, sentences or calibration", "muted"))]
        return []

    def show_judged(self, report: reports.Report, width: int) -> None:
        """The blocks below the headline."""
        found = self.overview
        part = found.part if found is not None else "validation"
        classes = self.query_one(ClassList)
        classes.border_title = Content(f"classes on {part}, worst first")
        classes.display = bool(found or report.classes)
        classes.show(found.classes if found is not None else report.classes)
        confusion = reports.Confusion(found.names, found.confusion) if found is not None else report.confusion
        table = self.query_one(ConfusionTable)
        table.display = confusion is not None
        self._entitle(table)
        if confusion is not None:
            table.show(confusion, width, tallest=max(self.size.height - 7, 10))
        self.lines_of("cell", [table.told()] if confusion is not None else [], width)
        self.lines_of("calibration", words.calibration(found, width) if found is not None else [], width)
        self.query_one("#calibration").border_title = Content(f"calibration on {part}")
        self.lines_of("also", words.told(found.told[FIRST:], width) if found is not None else [], width)
        self.query_one("#also").border_title = Content("further")
        pane = self.query_one(ThresholdPane)
        pane.display = found is not None
        pane.border_title = Content(f"unsure below, on {part}")
        if found is not None and pane.show_of(found, width):
            self._weigh(pane.value)

    def lines_of(self, name: str, lines: list[Line], width: int) -> None:
        """Show these lines in a block, which goes away without any."""
        canvas = self.query_one(f"#{name}", Canvas)
        canvas.display = any(lines)
        canvas.show(lines, width=width)

    # Walking

    @on(WalkedOut)
    def _walked_out(self, message: WalkedOut) -> None:
        message.stop()
        self.query_one(Sheet).walk(message.block, message.by)

    @on(ClassList.OptionHighlighted)
    def _class_moved(self, event: ClassList.OptionHighlighted) -> None:
        event.stop()
        if event.option_list.has_focus:
            self.query_one(Sheet).reveal(event.option_list, event.option_index)

    @on(ConfusionTable.Moved)
    def _cell_moved(self, message: ConfusionTable.Moved) -> None:
        message.stop()
        table = message.table
        self._entitle(table)
        if table.has_focus:
            self._reveal(table)
        self.lines_of("cell", [table.told()], self.query_one(Sheet).scrollable_content_region.width)

    def _entitle(self, table: ConfusionTable) -> None:
        part = self.overview.part if self.overview is not None else "validation"
        table.border_title = Content(f"confusion on {part}, {'shares of each class' if table.is_shares else 'rows'}")

    def _reveal(self, table: ConfusionTable) -> None:
        """The line under the matrix says what its cell holds; the cell itself matters more."""
        sheet, cell = self.query_one(Sheet), self.query_one("#cell")
        if cell.display and table.size.height < sheet.size.height:
            sheet.reveal(cell, 0)
        sheet.reveal(table, table.cursor_row + 1)

    # Opening

    @on(ClassList.Opened)
    def _class_opened(self, message: ClassList.Opened) -> None:
        self.open_rows(Scope(label=message.name))

    @on(ConfusionTable.Opened)
    def _cell_opened(self, message: ConfusionTable.Opened) -> None:
        if message.rows:
            self.open_rows(Scope(gold=message.gold, said=message.said))
        else:
            self.notify("There is no row in this cell.")

    @work(exclusive=True, group="open")
    async def open_rows(self, scope: Scope) -> None:
        """The sentences of a class, a cell or a slice."""
        from tui.screens.mistakes import Mistakes

        if not self.can_open():
            self.notify("No predictions were saved with this run: its sentences cannot be shown.")
        elif self.is_current and await self.may_look(self.subject.part):
            self.app.push_screen(Mistakes(self.subject, scope))

    def can_open(self) -> bool:
        """Whether there are sentences to be shown."""
        return self.overview is not None or self._is_asking

    @work(exclusive=True, group="open")
    async def action_slices(self) -> None:
        """Scores of kinds of sentences."""
        from tui.screens.slices import Slices

        if self.can_open() and await self.may_look(self.subject.part):
            self.app.push_screen(Slices(self.subject, self._open_slice))

    def _open_slice(self, one: SliceFigures, regex: str) -> None:
        from tui.screens.mistakes import Mistakes

        self.app.push_screen(Mistakes(self.subject, Scope(slice=one.key, title=one.title, regex=regex)))

    def action_labels(self) -> None:
        """Labels that may be wrong: of validation and training rows, never of test."""
        from tui.screens.suspicious import Suspicious

        self.app.push_screen(Suspicious(self.subject))

    def action_part(self) -> None:
        """The figures of the other part: none of its sentences are shown by that."""
        self.subject.part = self.subject.other
        self.ask_overview()

    # The threshold

    @on(ThresholdPane.Changed)
    def _threshold_changed(self, message: ThresholdPane.Changed) -> None:
        self._weigh(message.value)

    @on(ThresholdPane.Typing)
    @work(exclusive=True, group="open")
    async def _type_threshold(self) -> None:
        from tui.screens.threshold_dialog import ThresholdDialog

        pane = self.query_one(ThresholdPane)
        value = await self.app.push_screen_wait(ThresholdDialog(pane.proposed))
        if value is not None:
            pane.set(value)
            self._weigh(value)

    @work(exclusive=True, group="threshold")
    async def _weigh(self, value: float) -> None:
        """Say what a threshold gives, and keep one that a person chose once it rests."""
        pane = self.query_one(ThresholdPane)
        try:
            answer = await self.judge("tradeoff", newest="tradeoff", part=self.subject.part, unsure_below=value)
            pane.trade = trade_of(answer)
            pane.draw()
            if pane.is_wanted:
                await asyncio.sleep(REST)
                await self.judge("keep", unsure_below=value)
                pane.is_kept, pane.is_wanted = value > 0, False
        except Cancelled:
            return
        except WorkbenchError as error:
            pane.problem = f"{error.title}: {error.message}"
        if pane.is_attached:
            pane.draw()

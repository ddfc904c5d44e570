"""The sentences behind a score: the most confident mistake first, each whole with the words that pushed the answer."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from core.errors import Cancelled, WorkbenchError
from core.text import safe
from tui import format as fmt
from tui.judged import Explanation, Found, Judged, SliceFigures, explanation_of, found_of
from tui.keys import bindings
from tui.row_filter import HINT, Scope
from tui.screens.judging import JudgingRoom, Subject
from tui.screens.modals import TextDialog
from tui.widgets import judged_lines as words
from tui.widgets.canvas import Canvas, line, spread
from tui.widgets.field import Field
from tui.widgets.mistake_list import MistakeList
from tui.widgets.row_list import PAGE, RowList
from tui.widgets.sentence_pane import SentencePane

TYPING = 0.15
"""Seconds of rest in typing before rows are searched."""


class Mistakes(JudgingRoom):
    """Opened on a class, a cell of the matrix, a slice, or all rows of the part."""

    FIRST_FOCUS = "#rows"
    CSS_PATH = "../styles/judging.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "mistaken")

    def __init__(self, subject: Subject, scope: Scope) -> None:
        super().__init__(subject)
        self.scope = scope
        self.is_all = False
        """Whether right answers are listed, too."""
        self._found: Found | None = None
        self._typed = ""
        self._failure: WorkbenchError | None = None

    def skeleton(self) -> ComposeResult:
        """The heading, the field, the list, the sentence."""
        yield Canvas(id="heading")
        field = Field(placeholder=HINT, id="filter")
        field.display = False
        yield field
        yield Canvas(id="nothing")
        yield MistakeList()
        yield SentencePane(self._explain)

    async def fill(self) -> None:
        """Ask for the rows."""
        self._paint()
        self.look()

    # Rows

    @work(exclusive=True, group="rows")
    async def look(self, rest: float = 0.0) -> None:
        """The rows that are wanted now, from the first one."""
        await asyncio.sleep(rest)
        self._failure, before = None, self._found
        self._found = None if rest == 0.0 else before
        self._paint()
        try:
            found = await self._page(0, "mistakes")
        except WorkbenchError as error:
            self._failure, self._found = error, before
        else:
            self._found = found
            self.subject.looks = found.looks or self.subject.looks
            for rows in self.query(MistakeList):
                rows.show(found.page)
        self._paint()

    async def _page(self, start: int, newest: str) -> Found:
        wanted = self.scope.request(self._typed, is_all=self.is_all)
        part = self.subject.part
        return found_of(await self.judge("mistakes", newest, part=part, start=start, count=PAGE, **wanted))

    @on(RowList.PageWanted)
    def _wanted(self, message: RowList.PageWanted) -> None:
        message.stop()
        self._more(message.start)

    @work(group="pages")
    async def _more(self, start: int) -> None:
        asked = self._found
        try:
            found = await self._page(start, "")
        except WorkbenchError as error:
            self._failure = error
            self._paint()
            return
        if asked is self._found:
            for rows in self.query(MistakeList):
                rows.add(found.page)

    # Painting

    def on_resize(self) -> None:
        """Lines follow the width."""
        self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        if not self.query("#nothing"):
            return  # the screen is being left
        width = self.query_one("#body").content_size.width
        back = "‹ esc  " if fmt.unicode_terminal() else "< esc  "
        parts = [self.subject.run.name, self.subject.part, fmt.fit(safe(self.scope.told()), 60)]
        left = line((back, "muted"), (parts[0], "strong"), (" · " + " · ".join(filter(None, parts[1:])), ""))
        heading = [spread(left, line((self._counted(), "strong")), width)]
        if self.subject.part == "test" and self._found is not None:
            heading += words.looks_lines(self._found.looks)
        rows, nothing = self.query_one(MistakeList), self._nothing(width)
        is_empty = self._found is None or not self._found.page.total
        self.query_one("#heading", Canvas).show(heading, width)
        canvas = self.query_one("#nothing", Canvas)
        canvas.display = bool(nothing)
        canvas.show(nothing, width)
        if is_empty and self.focused is rows:
            self.set_focus(None)  # else hiding it would hand the focus to the field
        rows.display = not is_empty
        self.query_one(SentencePane).display = not is_empty
        rows.border_title = Content("".join(character for character, _ in rows.titles()))
        if not is_empty and self.focused is None:
            self.focus_first()
        self.query_one(SentencePane).draw()
        self.refresh_bindings()

    def _counted(self) -> str:
        if self._found is None:
            return ""
        total = self._found.page.total
        kind = "row" if self.is_all or self.scope.is_cell else "mistake"
        of = self._found.rows if self.is_all or self.scope.is_cell else self._found.wrong
        return f"{fmt.count(total)} of {fmt.count(of)} {kind}{'s' * (of != 1)}"

    def _nothing(self, width: int) -> list[list[tuple[str, str]]]:
        """Why there are no rows, or what went wrong."""
        if isinstance(self._failure, Cancelled):
            return [line(("cancelled", "muted"))]
        if self._failure is not None:
            return words.failure(self._failure, width)
        if self._found is None:
            return [line(("… ", "accent"), f"looking for the {self.subject.part} rows", ("   esc cancels", "muted"))]
        if self._found.page.total:
            return []
        if self._typed:
            return [line("No row fits. ", ("esc", "strong"), " drops the filter.")]
        if self.is_all or self.scope.is_cell:
            return [line(f"There is no such row in {self.subject.part}.")]
        return [line("No mistakes here. ", ("space", "strong"), " lists the right answers, too.")]

    # The sentence under the cursor

    @on(MistakeList.Moved)
    def _moved(self, message: MistakeList.Moved) -> None:
        message.stop()
        self.query_one(SentencePane).show(message.row if isinstance(message.row, Judged) else None)

    async def _explain(self, row: Judged) -> Explanation:
        run = str(self.subject.run.path)
        params: dict[str, Any] = {"run": run, "text": row.text, "class": row.said}
        return explanation_of(await self.workbench.engine.ask("explain", "explain", newest="explain", **params))

    @on(RowList.Chosen)
    def _chosen(self, message: RowList.Chosen) -> None:
        message.stop()
        if isinstance(message.row, Judged):
            text = self.query_one(SentencePane).all_about(message.row)
            self.app.push_screen(TextDialog(f"Row {message.row.number}", text))

    # What a person asks for

    def action_filter(self) -> None:
        """Type what must hold."""
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value.strip() != self._typed:
            self._typed = event.value.strip()
            self.look(TYPING)

    @on(Input.Submitted, "#filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        event.input.display = bool(self._typed)
        self.set_focus(None)
        self.focus_first()

    def action_switch(self) -> None:
        """Mistakes alone, or right answers too."""
        self.is_all = not self.is_all
        self.look()

    @work(exclusive=True, group="open")
    async def action_part(self) -> None:
        """The other part; the first look at test rows is asked about."""
        if await self.may_look(self.subject.other):
            self.subject.part = self.subject.other
            self.look()

    def action_slices(self) -> None:
        """Scores of kinds of sentences; choosing one comes back here."""
        from tui.screens.slices import Slices

        self.app.push_screen(Slices(self.subject, self._slice_chosen))

    def _slice_chosen(self, one: SliceFigures, regex: str) -> None:
        self.scope = Scope(slice=one.key, title=one.title, regex=regex)
        self.app.pop_screen()
        self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The rows of a cell are all right or all wrong, and not every run has a test part."""
        if action == "switch":
            return not self.scope.is_cell
        if action == "part":
            return self.subject.looks is not None or self.subject.part == "test"
        return super().check_action(action, parameters)

    def name_of(self, key: str) -> str:
        """Where a switch leads."""
        if key == "part":
            return "Test" if self.subject.part == "validation" else "Validation"
        if key == "switch":
            return "Mistakes" if self.is_all else "All"
        return super().name_of(key)

    def action_leave(self) -> None:
        """`esc`: drop the filter, else back."""
        field = self.query_one("#filter", Field)
        if field.display or self._typed:
            field.display = False
            field.value = ""
            self.set_focus(None)
            self.focus_first()
        else:
            super().action_leave()

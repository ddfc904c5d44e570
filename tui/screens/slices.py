"""Kinds of sentences of a run and how well each is answered; a regex makes one more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from core.errors import Cancelled, WorkbenchError
from tui import format as fmt
from tui.judged import SliceFigures, looks_of, slices_of
from tui.keys import bindings
from tui.screens.judging import JudgingRoom, Subject
from tui.widgets import judged_lines as words
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.field import Field
from tui.widgets.slice_list import SliceList

NOTES = (
    "95 % intervals; the last column: accuracy here minus that of all other rows.",
    "< > mark what is not zero by its interval: so is one in twenty by chance alone.",
    "! fewer than 30 rows: the score says little.",
)


class Slices(JudgingRoom):
    """`chosen` is told which slice a person opened, and the regex."""

    FIRST_FOCUS = "#slices"
    CSS_PATH = "../styles/judging.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "sliced")

    def __init__(self, subject: Subject, chosen: Callable[[SliceFigures, str], None]) -> None:
        super().__init__(subject)
        self._chosen = chosen
        self._regex = ""
        self._failure: WorkbenchError | None = None
        self._is_asking = True

    def skeleton(self) -> ComposeResult:
        """The heading, the field, the list, how to read it."""
        yield Canvas(id="heading")
        field = Field(placeholder="a regex (RE2): the sentences that it finds something in", id="filter")
        field.display = False
        yield field
        yield Canvas(id="nothing")
        yield SliceList()
        yield Canvas(id="notes")

    async def fill(self) -> None:
        """Ask for the scores."""
        self.query_one(SliceList).border_title = "slices"
        self.look()

    @work(exclusive=True, group="slices")
    async def look(self) -> None:
        """The scores of the part that is looked at."""
        self._failure, self._is_asking = None, True
        self._paint()
        try:
            answer: dict[str, Any] = await self.judge("slices", "slices", part=self.subject.part, regex=self._regex)
        except WorkbenchError as error:
            self._failure = error
        else:
            self.subject.looks = looks_of(answer["looks"]) or self.subject.looks
            for found in self.query(SliceList):
                found.show(slices_of(answer))
        self._is_asking = False
        self._paint()

    def on_resize(self) -> None:
        """Lines follow the width."""
        self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        if not self.query("#notes"):
            return  # the screen is being left
        width = self.query_one("#body").content_size.width
        back = "‹ esc  " if fmt.unicode_terminal() else "< esc  "
        heading = [line((back, "muted"), (self.subject.run.name, "strong"), f" · {self.subject.part} · slices")]
        if self.subject.part == "test":
            heading += words.looks_lines(self.subject.looks)
        self.query_one("#heading", Canvas).show(heading, width)
        found, nothing = self.query_one(SliceList), self._nothing(width)
        canvas = self.query_one("#nothing", Canvas)
        canvas.display = bool(nothing)
        canvas.show(nothing, width)
        found.display = bool(found.slices)
        self.query_one("#notes").display = bool(found.slices)
        self.query_one("#notes", Canvas).show([line((text, "muted")) for text in NOTES], width)
        if found.display and self.focused is None:
            self.focus_first()
        self.refresh_bindings()

    def _nothing(self, width: int) -> list[Line]:
        if isinstance(self._failure, Cancelled):
            return [line(("cancelled", "muted"))]
        if self._failure is not None:
            return words.failure(self._failure, width)
        if self._is_asking:
            return [line(("… ", "accent"), "scoring kinds of sentences", ("   esc cancels", "muted"))]
        return []

    @on(SliceList.Opened)
    def _opened(self, message: SliceList.Opened) -> None:
        message.stop()
        if message.one.rows:
            self._chosen(message.one, self._regex)
        else:
            self.notify("There is no row of this kind.")

    def action_filter(self) -> None:
        """Type a regex."""
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._regex = event.value.strip()
        event.input.display = bool(self._regex)
        self.set_focus(None)
        self.focus_first()
        self.look()

    @work(exclusive=True, group="open")
    async def action_part(self) -> None:
        """The other part; the first look at a test part is asked about."""
        if await self.may_look(self.subject.other):
            self.subject.part = self.subject.other
            self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Not every run has a test part."""
        if action == "part":
            return self.subject.looks is not None or self.subject.part == "test"
        return super().check_action(action, parameters)

    def name_of(self, key: str) -> str:
        """Where the switch leads; words are a regex here."""
        if key == "part":
            return "Test" if self.subject.part == "validation" else "Validation"
        return "Regex" if key == "filter" else super().name_of(key)

    def action_leave(self) -> None:
        """`esc`: out of the field, else back."""
        field = self.query_one("#filter", Field)
        if field.has_focus:
            field.display = bool(self._regex)
            field.value = self._regex
            self.focus_first()
        else:
            super().action_leave()

"""A list of rows of any length: only the lines in sight are drawn, and pages are asked for when they come in sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from core.text import safe
from tui.facts import Page, Row
from tui.format import cell, width_of
from tui.keys import bindings

PAGE = 500
"""Rows in one page."""


class RowList(ScrollView, can_focus=True):
    """Row number (after its file, where there are several), label and text of each row, one line each."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--number", "rows--label", "rows--text", "rows--cursor"}
    DEFAULT_CSS = """
    RowList { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    RowList > .rows--number { color: $text-muted; }
    RowList > .rows--label { color: $text-accent; }
    RowList > .rows--cursor { background: $surface; }
    RowList:focus > .rows--cursor { background: $primary 35%; text-style: bold underline; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("data", "rows"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
        Binding("home", "first", show=False), Binding("end", "last", show=False),
        Binding("pageup", "page(-1)", show=False), Binding("pagedown", "page(1)", show=False),
    ]  # fmt: skip

    cursor: reactive[int] = reactive(0, repaint=False)

    @dataclass
    class PageWanted(Message):
        """The rows from `start` (from 0) come in sight and are not here."""

        start: int

    @dataclass
    class Chosen(Message):
        """A person opened this row."""

        row: Row

    def __init__(self) -> None:
        super().__init__(id="rows", classes="panel")
        self.total = 0
        self._pages: dict[int, Page] = {}
        self._asked: set[int] = set()
        self._widths = (1, 6, 0)

    def show(self, page: Page) -> None:
        """The first page of another query: forget all others."""
        self._pages, self._asked = {page.start // PAGE: page}, set()
        self.total = page.total
        label = max((width_of(safe(row.label[:40])) for row in page.rows), default=0)
        number = max((row.number for row in page.rows), default=1)
        file = max((width_of(safe(row.file)) for row in page.rows), default=0)
        self._widths = (len(str(number)), min(label, 16), min(file, 14))
        self.virtual_size = Size(self.size.width, self.total)
        self.cursor = 0
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def add(self, page: Page) -> None:
        """A further page of the same query."""
        self._pages[page.start // PAGE] = page
        number, label, file = self._widths
        numbers = [len(str(row.number)) + 1 for row in page.rows[-1:]]
        files = [min(width_of(safe(row.file)), 14) for row in page.rows[-1:]]
        self._widths = (max([number, *numbers]), label, max([file, *files]))
        self.refresh()

    def row_at(self, index: int) -> Row | None:
        """The row at a place in the list; none while its page is under way, which is then asked for."""
        number, place = divmod(index, PAGE)
        page = self._pages.get(number)
        if page is None:
            if number not in self._asked:
                self._asked.add(number)
                self.post_message(self.PageWanted(number * PAGE))
            return None
        return page.rows[place] if place < len(page.rows) else None

    def render_line(self, y: int) -> Strip:
        """One row, cut to the width."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= self.total:
            return Strip.blank(width, self.rich_style)
        row = self.row_at(index)
        number, label, file = self._widths
        place = cell(safe(row.file) if row else "", file) + " " if file else ""
        texts = (
            (place + (f"{row.number:>{number}} " if row else " " * number + " "), "number"),
            (cell(safe(row.label[:40]) if row else "", label) + " ", "label"),
            (
                cell(safe(row.text[: width * 4]) if row else "…", max(width - len(place) - number - label - 2, 1)),
                "text",
            ),
        )
        here = "cursor" if index == self.cursor else ""
        segments = [Segment(text, self.get_component_rich_style(f"rows--{here or part}")) for text, part in texts]
        return Strip(segments).adjust_cell_length(width)

    def watch_cursor(self, old: int, new: int) -> None:
        """Two lines change."""
        top = self.scroll_offset.y
        self.refresh(*(Region(0, index - top, self.size.width, 1) for index in (old, new)))
        self.scroll_to_region(Region(0, new, 1, 1), animate=False, force=True)

    def on_resize(self) -> None:
        """Lines are as wide as the list."""
        self.virtual_size = Size(self.size.width, self.total)

    def _to(self, index: int) -> None:
        self.cursor = max(0, min(index, self.total - 1))

    def action_cursor_up(self) -> None:
        """One row up."""
        self._to(self.cursor - 1)

    def action_cursor_down(self) -> None:
        """One row down."""
        self._to(self.cursor + 1)

    def action_page(self, by: int) -> None:
        """A screenful up or down."""
        self._to(self.cursor + by * max(self.size.height - 1, 1))

    def action_first(self) -> None:
        """To the first row."""
        self._to(0)

    def action_last(self) -> None:
        """To the last row."""
        self._to(self.total - 1)

    def action_open(self) -> None:
        """The whole text of the row."""
        if self.total and (row := self.row_at(self.cursor)):
            self.post_message(self.Chosen(row))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one on the same row opens it."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self._to(offset.y + self.scroll_offset.y)
            if event.chain == 2:
                self.action_open()

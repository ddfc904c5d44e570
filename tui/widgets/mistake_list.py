"""The sentences behind a score, one line each: how sure, what was said, what it is, the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from core.text import safe
from tui import format as fmt
from tui.facts import Page, Row
from tui.judged import Judged
from tui.keys import bindings
from tui.widgets.canvas import Line, line
from tui.widgets.row_list import RowList

NAME = 14
"""Cells that the name of a class has at most."""

_SURE = 5


class MistakeList(RowList, inherit_bindings=False):
    """Says which sentence is under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "mistakes"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
        Binding("home", "first", show=False), Binding("end", "last", show=False),
        Binding("pageup", "page(-1)", show=False), Binding("pagedown", "page(1)", show=False),
    ]  # fmt: skip

    @dataclass
    class Moved(Message):
        """The cursor is on this row; on none while its page is under way."""

        row: Row | None

    def __init__(self) -> None:
        super().__init__()
        self._names = (4, 2)

    def show(self, page: Page) -> None:
        """The first page of another question."""
        self._names = self._fitting(page, (4, 2))
        super().show(page)
        self._tell()

    def add(self, page: Page) -> None:
        """A further page of the same question; it may hold the row under the cursor."""
        self._names = self._fitting(page, self._names)
        super().add(page)
        if page.start <= self.cursor < page.start + len(page.rows):
            self._tell()

    @staticmethod
    def _fitting(page: Page, least: tuple[int, int]) -> tuple[int, int]:
        rows = [row for row in page.rows if isinstance(row, Judged)]
        said = [fmt.width_of(safe(row.said[:40])) for row in rows]
        gold = [fmt.width_of(safe(row.label[:40])) for row in rows]
        return min(max([least[0], *said]), NAME), min(max([least[1], *gold]), NAME)

    def titles(self) -> Line:
        """What the columns are; a title begins a cell to the right of its lines."""
        said, gold = self._names
        text = f"{fmt.cell('sure', _SURE - 1)}  {fmt.cell('said', said)}  {fmt.cell('is', gold)}  sentence"
        return line((text, "muted"))

    def render_line(self, y: int) -> Strip:
        """One row, cut to the width."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= self.total:
            return Strip.blank(width, self.rich_style)
        row = self.row_at(index)
        here = "cursor" if index == self.cursor else ""
        texts = [("…", "text")]
        if isinstance(row, Judged):
            said, gold = self._names
            room = max(width - _SURE - said - gold - 6, 1)
            texts = [
                (fmt.cell(fmt.score(row.confidence), _SURE) + "  ", "number"),
                (fmt.cell(safe(row.said[:40]), said) + "  ", "text"),
                (fmt.cell(safe(row.label[:40]), gold) + "  ", "label"),
                (fmt.cell(safe(row.text[: width * 4]), room), "text"),
            ]
        segments = [Segment(text, self.get_component_rich_style(f"rows--{here or part}")) for text, part in texts]
        return Strip(segments).adjust_cell_length(width)

    def watch_cursor(self, old: int, new: int) -> None:
        """Two lines change, and another sentence is looked at."""
        super().watch_cursor(old, new)
        self._tell()

    def _tell(self) -> None:
        self.post_message(self.Moved(self.row_at(self.cursor) if self.cursor < self.total else None))

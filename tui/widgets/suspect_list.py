"""Rows whose label looks wrong, one line each: what is decided, how sure, what it is, what it rather is, the text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from core.text import safe
from tui import format as fmt
from tui.facts import Page
from tui.keys import bindings
from tui.suspects import Mark, Suspect
from tui.widgets.canvas import Line, line
from tui.widgets.row_list import RowList

NAME = 14
"""Cells that the name of a class has at most."""

_DONE, _SURE = 8, 5


class SuspectList(RowList, inherit_bindings=False):
    """Says which row is under the cursor; `marks` has what is decided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "suspects"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
        Binding("home", "first", show=False), Binding("end", "last", show=False),
        Binding("pageup", "page(-1)", show=False), Binding("pagedown", "page(1)", show=False),
    ]  # fmt: skip

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or other rows are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[Suspect, ...] = ()
        """In the order they are listed."""
        self._marks: dict[tuple[str, str], Mark] = {}
        self._names = (2, 6)

    @property
    def here(self) -> Suspect | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < self.total else None

    def row_at(self, index: int) -> Suspect:
        """All rows are here."""
        return self.rows[index]

    def fill(self, rows: tuple[Suspect, ...]) -> None:
        """Other rows, from the first one."""
        self.rows = rows
        given = [fmt.width_of(safe(row.label[:40])) for row in rows]
        rather = [fmt.width_of(safe(row.suggested[:40])) for row in rows]
        self._names = min(max([2, *given]), NAME), min(max([6, *rather]), NAME)
        self.show(Page(0, len(rows), rows))
        self.post_message(self.Moved())

    def mark(self, marks: dict[tuple[str, str], Mark]) -> None:
        """What is decided now."""
        self._marks = marks
        self.refresh()

    def advance(self) -> None:
        """To the next row that nothing is decided about, if there is one."""
        later = range(self.cursor + 1, self.total)
        self._to(next((at for at in later if self.rows[at].key not in self._marks), self.cursor))

    def go_to(self, row: str) -> Suspect | None:
        """To the row of this id, and which that is; none when it is not listed."""
        for at, one in enumerate(self.rows):
            if one.id == row:
                self._to(at)
                return one
        return None

    def titles(self) -> Line:
        """What the columns are; a title begins a cell to the right of its lines."""
        given, rather = self._names
        cells = [fmt.cell("decided", _DONE - 1), fmt.cell("sure", _SURE), fmt.cell("is", given)]
        return line(("  ".join([*cells, fmt.cell("rather", rather), "text"]), "muted"))

    def render_line(self, y: int) -> Strip:
        """One row, cut to the width."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= self.total:
            return Strip.blank(width, self.rich_style)
        row, here = self.rows[index], "cursor" if index == self.cursor else ""
        mark, (given, rather) = self._marks.get(row.key), self._names
        other = mark.new if mark is not None and mark.new else row.suggested
        sure = "" if math.isnan(row.sure) else fmt.score(row.sure)
        room = max(width - _DONE - _SURE - given - rather - 8, 1)
        texts = [
            (fmt.cell(mark.word if mark is not None else "", _DONE) + "  ", "label"),
            (fmt.cell(("!" if row.is_likely else " ") + sure, _SURE) + "  ", "number"),
            (fmt.cell(safe(row.label[:40]), given) + "  ", "text"),
            (fmt.cell(safe(other[:40]), rather) + "  ", "label"),
            (fmt.cell(safe(row.text[: width * 4]), room), "text"),
        ]
        segments = [Segment(text, self.get_component_rich_style(f"rows--{here or part}")) for text, part in texts]
        return Strip(segments).adjust_cell_length(width)

    def watch_cursor(self, old: int, new: int) -> None:
        """Two lines change, and another row is looked at."""
        super().watch_cursor(old, new)
        self.post_message(self.Moved())

"""The rows that one of two runs got right and the other wrong, with their sentences: fixed, or broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from core.errors import Cancelled, WorkbenchError
from core.text import safe
from tui import format as fmt
from tui.compared import COMMON, Changed, Comparison, Pair, changed_of
from tui.facts import Row
from tui.keys import bindings
from tui.screens.compare_export import Judge
from tui.screens.modals import TextDialog
from tui.screens.room import Room
from tui.thrift import StretchCompositor
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.judged_lines import failure
from tui.widgets.row_list import PAGE, RowList
from tui.widgets.sentence import wrap_cells

NAME = 14
"""Cells that the name of a class has at most."""

KINDS = ("fixed", "broken")


class ChangeList(RowList, inherit_bindings=False):
    """One line per row: what each said, what it is, the sentence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "changes"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
        Binding("home", "first", show=False), Binding("end", "last", show=False),
        Binding("pageup", "page(-1)", show=False), Binding("pagedown", "page(1)", show=False),
    ]  # fmt: skip

    class Moved(Message):
        """The cursor is on another row."""

    @property
    def row(self) -> Row | None:
        """The row under the cursor, once its page is here."""
        return self.row_at(self.cursor) if self.cursor < self.total else None

    def render_line(self, y: int) -> Strip:
        """One row, cut to the width."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if index >= self.total:
            return Strip.blank(width, self.rich_style)
        row = self.row_at(index)
        here = "cursor" if index == self.cursor else ""
        texts = [("…", "text")]
        if isinstance(row, Changed):
            column = min(NAME, max(width // 6, 6))
            said = [f"{fmt.cell(safe(name[:40]), column)}  " for name in (row.before, row.after, row.label)]
            rest = max(width - 3 * (column + 2), 1)
            texts = [
                (said[0] + said[1], "number"),
                (said[2], "label"),
                (fmt.cell(safe(row.text[: width * 4]), rest), "text"),
            ]
        segments = [Segment(text, self.get_component_rich_style(f"rows--{here or part}")) for text, part in texts]
        return Strip(segments).adjust_cell_length(width)

    def titles(self, first: str, second: str) -> Line:
        """What the columns are."""
        column = min(NAME, max(self.size.width // 6, 6))
        names = [f"{fmt.cell(text, column)}  " for text in (f"{first} said", f"{second} said", "it is")]
        return line(("".join(names) + "sentence", "muted"))

    def watch_cursor(self, old: int, new: int) -> None:
        """Two lines change, and another sentence is looked at."""
        super().watch_cursor(old, new)
        self.post_message(self.Moved())


@dataclass
class _Head:
    """What was found: how many rows, of how many; or why there are none."""

    total: int = 0
    of: int = 0
    is_read: bool = False
    problem: WorkbenchError | None = None


class ChangedRows(Room):
    """Lies over the comparison; `esc` goes back to it."""

    ROOM = "runs"
    FIRST_FOCUS = "#rows"
    CSS_PATH = "../styles/compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "changed")

    def __init__(self, found: Comparison, pair: Pair, which: str, judge: Judge) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._found, self._pair, self._which, self._judge = found, pair, which, judge
        self._head = _Head()

    def skeleton(self) -> ComposeResult:
        """Heading, titles, list, and the row under the cursor whole."""
        yield Canvas(id="heading")
        yield Canvas(id="titles")
        yield ChangeList()
        yield Canvas(id="row")

    async def fill(self) -> None:
        """Ask for the first page."""
        self._read(0)
        self._show()

    @work(group="pages")
    async def _read(self, start: int) -> None:
        which, pair, part = self._which, self._pair, self._found.part
        asked = {"is_common": True} if part == COMMON else {"part": part}
        try:
            paths = [self._found.runs[at].path for at in (pair.first, pair.second)]
            answer = await self._judge("compare_rows", runs=paths, which=which, start=start, count=PAGE, **asked)
        except Cancelled:
            return
        except WorkbenchError as error:
            self._head = _Head(problem=error)
            self._show()
            return
        if which != self._which or not self.is_attached:
            return
        page = changed_of(answer, start)
        rows = self.query_one(ChangeList)
        if start:
            rows.add(page.page)
        else:
            rows.show(page.page)
        self._head = _Head(page.page.total, page.of, is_read=True)
        self._show()

    def on_resize(self) -> None:
        """Lines are laid out for the width."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.query("#row"):
            return
        width = self.query_one("#body").content_size.width or self.app.size.width - 2
        labels = self._found.labels
        first, second = labels[self._pair.first], labels[self._pair.second]
        right = second if self._which == "fixed" else first
        names = [self._found.runs[at].name for at in (self._pair.first, self._pair.second)]
        head = self._head
        told = (
            f"{fmt.count(head.total)} of {fmt.count(head.of)} {self._found.part} rows" if head.is_read else "reading…"
        )
        heading = line(("‹ esc  ", "muted"), (self._which, "strong"), f" · {told} · only {right} is right",
                       (f" · {first} {names[0]} · {second} {names[1]}", "muted"))  # fmt: skip
        self.query_one("#heading", Canvas).show([heading], width=width)
        rows = self.query_one(ChangeList)
        self.query_one("#titles", Canvas).show([rows.titles(first, second)], width=width)
        self.query_one("#row", Canvas).show(self._row_lines(rows.row, first, second, width), width=width)

    def _row_lines(self, row: Row | None, first: str, second: str, width: int) -> list[Line]:
        if self._head.problem is not None:
            return failure(self._head.problem, width)
        if self._head.is_read and not self._head.total:
            return [line((f"No row was {self._which}.", "muted"))]
        if not isinstance(row, Changed):
            return []
        return [_said(row, first, second), *wrap_cells(line(row.text), width)[:6]]

    @on(ChangeList.Moved)
    def _moved(self) -> None:
        self._show()

    @on(ChangeList.PageWanted)
    def _wanted(self, message: ChangeList.PageWanted) -> None:
        message.stop()
        self._read(message.start)

    @on(ChangeList.Chosen)
    def _chosen(self, message: ChangeList.Chosen) -> None:
        message.stop()
        row = message.row
        if isinstance(row, Changed):
            first, second = (self._found.labels[at] for at in (self._pair.first, self._pair.second))
            told = "".join(character for character, _ in _said(row, first, second))
            self.app.push_screen(TextDialog(f"Row {row.number}", f"{told}\n\n{row.text}"))

    def action_switch(self) -> None:
        """The other rows: those that were broken, or fixed."""
        self._which = KINDS[1 - KINDS.index(self._which)]
        self._head = _Head()
        self._read(0)
        self._show()

    def name_of(self, key: str) -> str:
        """What the switch leads to."""
        return KINDS[1 - KINDS.index(self._which)].capitalize() if key == "switch" else super().name_of(key)

    def in_footer(self, key: str) -> bool:
        """Nothing is started from here."""
        return key != "start" and super().in_footer(key)

    def action_leave(self) -> None:
        """`esc`: back to the comparison."""
        if self.is_current:
            self.dismiss()


def _said(row: Changed, first: str, second: str) -> Line:
    sides = ((first, row.before, row.before_p), (second, row.after, row.after_p))
    parts = line((f"row {fmt.count(row.number)}", "muted"))
    for label, said, share in sides:
        sign = ("✓", "good") if said == row.label else ("✗", "bad")
        parts += line(
            (" · ", "muted"), sign, f" {label} said ", (fmt.fit(safe(said), 24), "strong"), f" {fmt.score(share)}"
        )
    return parts + line((" · ", "muted"), "it is ", (fmt.fit(safe(row.label), 24), "strong"))

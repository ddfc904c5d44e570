"""The confusion matrix as a table: a row per gold class, a column per answer. `enter` opens a cell's sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.widgets.canvas import Line, line
from tui.widgets.run_report import Confusion
from tui.widgets.sheet import BLOCK, WalkedOut

SHARE_WIDTH = len(" 100 %")
NAMES = (14, 10, 8, 6)
"""Cells that the name of a class may have, from roomy to narrow."""

NOTABLE = 0.1
"""Share of a class's rows from which a confusion is marked."""

LEAST = 8
"""Lines that the matrix has at least, of many classes."""


class ConfusionTable(DataTable[Text]):
    """The diagonal is right; the cursor begins on what is confused most often."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "confusion"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
    ]  # fmt: skip

    @dataclass
    class Opened(Message):
        """A person wants the sentences of this cell."""

        gold: str
        said: str
        rows: int

    @dataclass
    class Moved(Message):
        """The cursor is on another cell, or that cell shows something else."""

        table: ConfusionTable

    def __init__(self) -> None:
        super().__init__(
            cursor_type="cell",
            zebra_stripes=False,
            id="confusion",
            cell_padding=1,
            fixed_columns=1,
            classes=f"panel {BLOCK}",
        )
        self.confusion: Confusion | None = None
        self.is_shares = False
        """Whether cells show shares of their row alone."""
        self._width = 0
        self._tallest = 0

    def show(self, confusion: Confusion, width: int, tallest: int = 0) -> None:
        """Show this matrix in `width` cells: shares give way first, then the ends of names; beyond that it scrolls.

        `tallest`: lines it may have; 0 for as many as it wants. The cursor stays where it is while it is used.
        """
        if (confusion, width, tallest) == (self.confusion, self._width, self._tallest):
            return
        is_same = self.confusion is not None and self.confusion.names == confusion.names
        cursor = self.current if is_same and self.has_focus else None
        self.confusion, self._width, self._tallest = confusion, width, tallest
        self._draw(cursor or _most_confused(confusion))

    def _draw(self, cursor: tuple[int, int]) -> None:
        confusion, width = self.confusion, self._width
        if confusion is None:
            return
        self.clear(columns=True)
        largest = max((count for row in confusion.counts for count in row), default=0)
        forms = list(_forms(confusion.names, len(fmt.count(largest)) + 2, self.is_shares))
        form = next((form for form in forms if form.total <= width), forms[-1])
        self.add_column(Text("is \\ said"), width=form.first)
        for name, column in zip(form.names, form.columns, strict=True):
            self.add_column(Text(name, justify="right"), width=column)
        for at, (name, counts) in enumerate(zip(form.names, confusion.counts, strict=True)):
            total = sum(counts)
            cells = [_cell(count, total, at == place, form) for place, count in enumerate(counts)]
            self.add_row(Text(name, style="bold"), *cells)
        lines = len(form.names) + 2 + (1 if form.total > width else 0)
        self.styles.height = min(lines, max(self._tallest, LEAST)) if self._tallest else lines
        self.move_cursor(row=cursor[0], column=cursor[1] + 1)

    @property
    def current(self) -> tuple[int, int] | None:
        """Row and column of the cell under the cursor; none on a name."""
        row, column = self.cursor_row, self.cursor_column - 1
        size = len(self.confusion.names) if self.confusion is not None else 0
        return (row, column) if 0 <= row < size and 0 <= column < size else None

    def told(self) -> Line:
        """What the cell under the cursor says, with whole names."""
        at = self.current
        if self.confusion is None or at is None:
            return []
        names, counts = self.confusion.names, self.confusion.counts[at[0]]
        count, total = counts[at[1]], sum(counts)
        share = f", {fmt.share(count / total)} of that class" if total else ""
        gold, said = (fmt.fit(safe(names[place]), 40) for place in at)
        verb = "and is called so" if at[0] == at[1] else f"called {said}"
        return line("is ", (gold, "strong"), f", {verb}: ", (_rows(count), "strong"), (share, "muted"))

    def on_data_table_cell_highlighted(self) -> None:
        """Names have no cell of their own: the cursor stays among the figures."""
        if self.cursor_column == 0 and len(self.columns) > 1:
            self.move_cursor(column=1)
        self.post_message(self.Moved(self))

    def on_data_table_cell_selected(self, event: DataTable.CellSelected) -> None:
        """A click on the cell under the cursor."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """The sentences of the cell."""
        at = self.current
        if self.confusion is not None and at is not None:
            names = self.confusion.names
            self.post_message(self.Opened(names[at[0]], names[at[1]], self.confusion.counts[at[0]][at[1]]))

    def action_switch(self) -> None:
        """Counts, or shares of each gold class."""
        self.is_shares = not self.is_shares
        self._draw(self.current or (0, 0))
        self.post_message(self.Moved(self))

    def action_cursor_up(self) -> None:
        """One class up, or out of the matrix."""
        if self.cursor_row <= 0:
            self.post_message(WalkedOut(self, -1))
        else:
            super().action_cursor_up()

    def action_cursor_down(self) -> None:
        """One class down, or out of the matrix."""
        if self.cursor_row >= self.row_count - 1:
            self.post_message(WalkedOut(self, 1))
        else:
            super().action_cursor_down()

    def action_first(self) -> None:
        """To the first class."""
        self.move_cursor(row=0)

    def action_last(self) -> None:
        """To the last class."""
        self.move_cursor(row=self.row_count - 1)


def _rows(count: int) -> str:
    return f"{fmt.count(count)} row{'s' * (count != 1)}"


def _most_confused(confusion: Confusion) -> tuple[int, int]:
    """The cell beside the diagonal with the most rows; the first one on it where nothing is confused."""
    cells = [(count, -a, -b) for a, row in enumerate(confusion.counts) for b, count in enumerate(row) if a != b]
    count, row, column = max(cells, default=(0, 0, 0))
    return (-row, -column) if count else (0, 0)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to lay the matrix out."""

    names: list[str]
    first: int
    columns: list[int]
    counts: bool
    shares: bool

    @property
    def total(self) -> int:
        return self.first + sum(self.columns) + 2 * (len(self.columns) + 1)


def _forms(names: tuple[str, ...], count_width: int, is_shares: bool) -> Iterator[_Form]:
    """From roomy to narrow. A share alone has room for its mark, too."""
    wanted = [(NAMES[0], True, True), *((longest, True, False) for longest in NAMES)]
    if is_shares:
        wanted = [(longest, False, True) for longest in NAMES]
    for longest, counts, shares in wanted:
        cut = fmt.fit_apart([safe(name) for name in names], longest)
        cell = count_width * counts + SHARE_WIDTH * shares + (2 if shares and not counts else 0)
        widths = [max(cell, fmt.width_of(name)) for name in cut]
        yield _Form(cut, max([9, *map(fmt.width_of, cut)]), widths, counts, shares)


def _cell(count: int, total: int, is_right: bool, form: _Form) -> Text:
    if count == 0:
        return Text("·" if fmt.unicode_terminal() else ".", justify="right", style="dim")
    share = count / total if total else 0.0
    notable = not is_right and share >= NOTABLE
    parts = [fmt.count(count)] * form.counts + [f"{share * 100:3.0f} %"] * form.shares
    text = ("! " if notable else "") + " ".join(parts)
    return Text(text, justify="right", style="bold" if is_right or notable else "")

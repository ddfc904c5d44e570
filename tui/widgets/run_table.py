"""The table of runs: as many columns as fit, a star at the best of each data set, the cursor stays on its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable

from core.runs import RunState, Summary
from core.runs.ranking import best_names
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.widgets.run_facts import SIGNS
from tui.widgets.run_list import BY_KEY, Order, shown_columns

PAGE = 200
"""Rows that the table holds at first; more are added when the cursor comes near the end."""

_BOLD = frozenset({"f1"})

_MARK = len("[x] ")
"""Cells that marks take before the names, as long as there are any."""


class RunTable(DataTable[Text]):
    """Shows summaries; owns the keys that act on the run under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "table")

    @dataclass
    class Asked(Message):
        """A person asked for something to be done with a run: `open`, `delete`, `tag`, `rename`, ..."""

        what: str
        name: str

    @dataclass
    class Ordered(Message):
        """A person asked for another order."""

        order: Order

    def __init__(self) -> None:
        super().__init__(cursor_type="row", zebra_stripes=False, id="run-table", cell_padding=1)
        self._shown: list[Summary] = []
        self._rest: list[Summary] = []
        self._stars: set[str] = set()
        self._limit = PAGE
        self._goal = ""
        self._cells: dict[str, list[str]] = {}
        self._widths: dict[str, int] = {}
        self.order = Order()
        self.marked: list[str] = []
        """The names of the marked runs, in the order that a person marked them; the filter may hide some."""

    @property
    def current(self) -> str:
        """The name of the run under the cursor, empty when the table is."""
        return self._shown[self.cursor_row].name if 0 <= self.cursor_row < len(self._shown) else ""

    @property
    def summary(self) -> Summary | None:
        """The run under the cursor, none when the table is empty."""
        return self._shown[self.cursor_row] if 0 <= self.cursor_row < len(self._shown) else None

    def go_to(self, name: str) -> None:
        """Put the cursor on the run of this name as soon as it is in the table: it may not be listed yet."""
        self._goal = name

    def show(self, summaries: list[Summary], everyone: list[Summary], order: Order) -> None:
        """Show these runs in this order; stars are given among `everyone`."""
        ordered = order.apply(summaries)
        at = next((at for at, row in enumerate(ordered) if row.name == self._goal), -1)
        self._limit = max(self._limit, at + 1)
        rows, self._rest = ordered[: self._limit], ordered[self._limit :]
        known = {row.name for row in everyone}
        self.marked = [name for name in self.marked if name in known]
        room = _MARK if self.marked else 0
        widths = shown_columns(rows, (self.size.width or self.app.size.width - 2) - room)
        widths["name"] += room
        self._stars = best_names(everyone)
        cells = {row.name: self._texts(row, widths) for row in rows}
        same = widths == self._widths and order == self.order and list(cells) == list(self._cells)
        self.order = order
        if same:
            self._update(cells, rows)
        else:
            self._rebuild(widths, cells, rows)
        if at >= 0:
            self._goal = ""
            self.move_cursor(row=at, animate=False)

    def _texts(self, row: Summary, widths: dict[str, int]) -> list[str]:
        return [self._text(row, key, row.name in self._stars) for key in widths]

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Near the end: another page."""
        event.stop()
        self.refresh_bindings()
        if self._rest and self.cursor_row >= len(self._shown) - 20:
            self._add_more(PAGE)

    def _add_more(self, count: int) -> None:
        more, self._rest = self._rest[:count], self._rest[count:]
        self._limit = len(self._shown) + len(more)
        for row in more:
            self._cells[row.name] = self._texts(row, self._widths)
            self._add(row)
        self._shown = [*self._shown, *more]

    def _add(self, row: Summary) -> None:
        pairs = zip(self._cells[row.name], self._widths, strict=True)
        self.add_row(*(self._styled(text, key, row) for text, key in pairs), key=row.name)

    def _update(self, cells: dict[str, list[str]], rows: list[Summary]) -> None:
        for at, (name, texts) in enumerate(cells.items()):
            for column, (new, old) in enumerate(zip(texts, self._cells[name], strict=True)):
                if new != old:
                    key = list(self._widths)[column]
                    self.update_cell_at(Coordinate(at, column), self._styled(new, key, rows[at]))
        self._cells, self._shown = cells, rows

    def _rebuild(self, widths: dict[str, int], cells: dict[str, list[str]], rows: list[Summary]) -> None:
        here, at = self.current, self.cursor_row
        self._cells, self._shown, self._widths = cells, rows, widths
        self.clear(columns=True)
        for key, width in widths.items():
            self.add_column(self._title(key), key=key, width=width)
        for row in rows:
            self._add(row)
        names = list(cells)
        if names:
            self.move_cursor(row=names.index(here) if here in cells else min(max(at, 0), len(names) - 1), animate=False)

    def _title(self, key: str) -> Text:
        column = BY_KEY[key]
        arrows = "▼▲" if fmt.unicode_terminal() else "v^"
        mark = arrows[0 if self.order.is_falling else 1] if key == self.order.key else ""
        return Text(column.title + mark, justify="right" if column.is_number else "left")

    def _text(self, row: Summary, key: str, star: bool) -> str:
        text = BY_KEY[key].text(row)
        if key == "name":
            glyph = ("★" if fmt.unicode_terminal() else "*") if star else " "
            mark = ("[x] " if row.name in self.marked else "[ ] ") if self.marked else ""
            text = f"{mark}{glyph}{'!' if row.problem else SIGNS[row.state].shown} {text}"
        return fmt.fit(text, BY_KEY[key].widest + (4 + _MARK if key == "name" else 0))

    def _styled(self, text: str, key: str, row: Summary) -> Text:
        style = "bold" if key in _BOLD else ""
        if key == "state" and (row.problem or row.state in (RunState.FAILED, RunState.INTERRUPTED)):
            style = "bold"
        return Text(safe(text), style=style, justify="right" if BY_KEY[key].is_number else "left", no_wrap=True)

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """A click on a title sorts by it."""
        event.stop()
        self.post_message(self.Ordered(self.order.clicked(str(event.column_key.value))))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """A click on the row under the cursor opens it, as enter does."""
        event.stop()
        self.action_open()

    def _ask(self, what: str) -> None:
        if self.current:
            self.post_message(self.Asked(what, self.current))

    def action_open(self) -> None:
        """Open the run under the cursor."""
        self._ask("open")

    def action_switch(self) -> None:
        """Mark the run under the cursor, or take the mark away."""
        name = self.current
        if name:
            self.marked = [one for one in self.marked if one != name] if name in self.marked else [*self.marked, name]
            self._ask("mark")

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self._ask("compare")

    def action_delete(self) -> None:
        """Move it to the trash."""
        self._ask("delete")

    def action_tag(self) -> None:
        """Change its tags."""
        self._ask("tag")

    def action_note(self) -> None:
        """Write a note about it."""
        self._ask("note")

    def action_rename(self) -> None:
        """Give it another name."""
        self._ask("rename")

    def action_archive(self) -> None:
        """Put it aside, or bring it back."""
        self._ask("archive")

    def action_stop(self) -> None:
        """Stop it and save."""
        self._ask("stop")

    def action_resume(self) -> None:
        """Go on with it, or train it for more epochs."""
        self._ask("resume")

    async def action_go(self, room: str) -> None:
        """To the Try room, with the run under the cursor."""
        await self.run_action("screen.ask_current" if room == "try" else f"app.go('{room}')")

    def action_sort_next(self) -> None:
        """Sort by the next column."""
        self.post_message(self.Ordered(self.order.next(1)))

    def action_sort_previous(self) -> None:
        """Sort by the column before."""
        self.post_message(self.Ordered(self.order.next(-1)))

    def action_first(self) -> None:
        """To the first run."""
        self.move_cursor(row=0, animate=False)

    def action_last(self) -> None:
        """To the last run, all of them added."""
        self._add_more(len(self._rest))
        self.move_cursor(row=self.row_count - 1, animate=False)

"""Lines that lead on: the rows behind a comparison, its pairs, what can be done where there is none. `enter` opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tui.keys import bindings
from tui.widgets.canvas import Line, clip
from tui.widgets.class_list import content_of
from tui.widgets.option_rows import OptionRows
from tui.widgets.sheet import WalkedOut


@dataclass(frozen=True, slots=True)
class Door:
    """One line. `what` it opens, and for which two runs, by their places; a line without `what` is a heading."""

    what: str
    cells: Line = field(compare=False)
    first: int = -1
    second: int = -1


class DoorList(OptionRows):
    """Shows doors; the cursor passes over headings and leaves at both ends."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "doors"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
    ]  # fmt: skip

    @dataclass
    class Opened(Message):
        """A person opened this door."""

        door: Door

    def __init__(self) -> None:
        super().__init__(id="doors", markup=False)
        self._doors: list[Door] = []

    @property
    def text(self) -> str:
        """What is on it, as plain text."""
        return "\n".join(str(option.prompt) for option in self.options)

    @property
    def current(self) -> Door | None:
        """The door under the cursor."""
        at = self.highlighted
        return self._doors[at] if at is not None and at < len(self._doors) else None

    def show(self, doors: list[Door]) -> None:
        """Show these; the cursor stays on its door when that is still there."""
        before = self.current
        self._doors = doors
        self.headings = frozenset(at for at, door in enumerate(doors) if not door.what)
        self.draw()
        if before in doors:
            self.highlighted = doors.index(before)

    def lines(self, width: int) -> Sequence[Content]:
        """A line per door, cut to the width."""
        return [content_of(clip(door.cells, width)) for door in self._doors]

    def _ends(self) -> tuple[int | None, int | None]:
        open_ = [at for at, door in enumerate(self._doors) if door.what]
        return (open_[0], open_[-1]) if open_ else (None, None)

    def action_cursor_up(self) -> None:
        """One line up, or out of the list."""
        if self.highlighted in (None, self._ends()[0]):
            self.post_message(WalkedOut(self, -1))
        else:
            super().action_cursor_up()

    def action_cursor_down(self) -> None:
        """One line down, or out of the list."""
        if self.highlighted in (None, self._ends()[1]):
            self.post_message(WalkedOut(self, 1))
        else:
            super().action_cursor_down()

    def action_open(self) -> None:
        """What the line leads to."""
        if self.current is not None and self.current.what:
            self.post_message(self.Opened(self.current))

    def on_option_list_option_selected(self, event: OptionRows.OptionSelected) -> None:
        """A click on a line opens it."""
        event.stop()
        self.action_open()

"""The classes of an opened run, the worst first, as a list: `enter` opens the sentences behind a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tui.judged import ClassFigures
from tui.keys import bindings
from tui.widgets.canvas import TONES, Line, in_locale
from tui.widgets.option_rows import OptionRows
from tui.widgets.run_report import class_table, worst_first
from tui.widgets.sheet import BLOCK, WalkedOut


def content_of(cells: Line) -> Content:
    """Cells as a content, neighbours of one tone together."""
    parts: list[tuple[str, str]] = []
    for character, tone in in_locale(cells):
        if parts and parts[-1][1] == TONES[tone]:
            parts[-1] = (parts[-1][0] + character, TONES[tone])
        else:
            parts.append((character, TONES[tone]))
    return Content.assemble(*parts)


class ClassList(OptionRows):
    """One line per class under a line of titles."""

    headings = frozenset({0})
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "classes"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
    ]  # fmt: skip

    @dataclass
    class Opened(Message):
        """A person wants the sentences of this class."""

        name: str

    def __init__(self) -> None:
        super().__init__(id="classes", classes=f"panel {BLOCK}", markup=False)
        self.figures: tuple[ClassFigures, ...] = ()

    @property
    def text(self) -> str:
        """What is on it, as plain text."""
        return "\n".join(str(option.prompt) for option in self.options)

    @property
    def current(self) -> str:
        """The class under the cursor; empty without one."""
        at = self.highlighted
        return self.figures[at - 1].name if at and at <= len(self.figures) else ""

    def show(self, classes: tuple[ClassFigures, ...]) -> None:
        """Show these; the cursor stays on its class, and begins on the worst."""
        before = self.current if (self.highlighted or 0) > 1 else ""
        self.figures = worst_first(classes)
        self.draw()
        names = [one.name for one in self.figures]
        if names:
            self.highlighted = 1 + (names.index(before) if before in names else 0)

    def lines(self, width: int) -> Sequence[Content]:
        """The titles and a line per class."""
        return [content_of(cells) for cells in class_table(self.figures, width)]

    def action_cursor_up(self) -> None:
        """One class up, or out of the list."""
        if self.highlighted in (None, 1):
            self.post_message(WalkedOut(self, -1))
        else:
            super().action_cursor_up()

    def action_cursor_down(self) -> None:
        """One class down, or out of the list."""
        if self.highlighted in (None, len(self.figures)):
            self.post_message(WalkedOut(self, 1))
        else:
            super().action_cursor_down()

    def action_open(self) -> None:
        """The sentences of the class."""
        if self.current:
            self.post_message(self.Opened(self.current))

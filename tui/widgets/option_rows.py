"""A list with a cursor whose lines we draw: the ground of the class bars and of the findings."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class OptionRows(OptionList):
    """An `OptionList` whose lines are made anew for the width it has, and which keeps its cursor when they change."""

    headings: frozenset[int] = frozenset()
    """Which lines the cursor passes over."""

    def lines(self, width: int) -> Sequence[Content]:
        """One content per line, for a line of `width` cells."""
        return ()

    def draw(self) -> None:
        """Make the lines anew."""
        cursor = self.highlighted
        width = self.scrollable_content_region.width or self.size.width
        lines = self.lines(width) if width else ()
        found = [Option(content, disabled=at in self.headings) for at, content in enumerate(lines)]
        self.set_options(found)
        first = next((at for at, option in enumerate(found) if not option.disabled), None)
        self.highlighted = first if cursor is None or first is None else min(cursor, len(found) - 1)

    def on_resize(self, event: events.Resize) -> None:
        """Bars follow the width."""
        self.call_after_refresh(self.draw)

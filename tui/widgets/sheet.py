"""What an opened run lies on: blocks one under another, of which some have a cursor; the arrows walk through all."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from tui.keys import bindings

BLOCK = "block"
"""The style class of a widget that the arrows walk into, and which tells when they walk out of it."""


class WalkedOut(Message):
    """The cursor of a block was moved beyond its first (`by` -1) or last (1) line."""

    def __init__(self, block: Widget, by: int) -> None:
        super().__init__()
        self.block, self.by = block, by


class Sheet(VerticalScroll):
    """What scrolls; the keys of a list move it where no block has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "detail"),
        Binding("up", "cursor_up", show=False), Binding("down", "cursor_down", show=False),
    ]  # fmt: skip

    def blocks(self) -> list[Widget]:
        """Those with a cursor that are on show, from top to bottom."""
        return [one for one in self.children if one.focusable and one.has_class(BLOCK)]

    def walk(self, block: Widget, by: int) -> None:
        """Go on from `block`: to the next one, above the first to the top, below the last by scrolling."""
        blocks = self.blocks()
        at = blocks.index(block) + by if block in blocks else -1
        if 0 <= at < len(blocks):
            blocks[at].focus()
        elif by < 0:
            self.scroll_home(animate=False)
        else:
            self.focus(scroll_visible=False)
            self.action_cursor_down()

    def reveal(self, block: Widget, line: int) -> None:
        """Bring a line of a block, counted from its first one, in sight; once the block itself has scrolled to it."""
        self.call_after_refresh(self._reveal, block, line)

    def _reveal(self, block: Widget, line: int) -> None:
        region = block.virtual_region
        y = region.y + block.gutter.top + line - block.scroll_offset.y
        self.scroll_to_region(Region(region.x, y, 1, 1), animate=False, force=True)

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False, immediate=True)

    def action_cursor_up(self) -> None:
        """One line up; into the lowest block once it is in sight."""
        shown = [one for one in self.blocks() if one.virtual_region.bottom > self.scroll_offset.y]
        last = self.blocks()[-1:]
        if shown and shown[-1:] == last and self.has_focus:
            last[0].focus()
        else:
            self.scroll_relative(y=-1, animate=False, immediate=True)

    def action_first(self) -> None:
        """To the top."""
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)

"""One line of sources to choose from: the sample, what was given lately, a way to the files; and a place for a path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message

from core.recent import remember
from core.text import safe
from tui.keys import bindings
from tui.sources import SAMPLE, short
from tui.widgets.chips import ChipBar
from tui.widgets.field import PathField

BROWSE = "\0browse"
"""The name of the chip that shows the files; no path has a NUL."""

WIDE = 110
FIELD, WIDE_FIELD = 26, 46
"""Cells that the field keeps at least, and on a screen of `WIDE` cells or more."""

LONGEST = 28
"""Cells of one chip's label."""

_ENDS = ((SAMPLE, "Sample reviews"), (BROWSE, "Browse…"))


class SourceBar(ChipBar):
    """`▸Sample reviews   ./smile.csv   Browse…`: chooses a source as it was given, or `BROWSE`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "source")

    def __init__(self) -> None:
        super().__init__(_ENDS, SAMPLE, id="source")

    def show_sources(self, current: str, recent: Sequence[str], width: int) -> None:
        """`current` is open; `recent` were given lately: as many as `width` cells take beside the present one."""
        given = [one for one in dict.fromkeys([current, *recent]) if one != SAMPLE]
        chips: list[tuple[str, str]] = []
        left = width - sum(len(label) + 2 for _, label in _ENDS)
        for one in given[:6]:
            label = short(safe(one), LONGEST if left >= LONGEST + 2 else max(left - 2, 16))
            left -= len(label) + 2
            if left < 0 and chips:
                break
            chips.append((one, label))
        self.show(current, [_ENDS[0], *chips, _ENDS[1]])


class Sources(Horizontal):
    """The bar and the field. Whatever is named in either comes as `Opened`; `recent` tells what was given before."""

    DEFAULT_CSS = "Sources { height: 1; }"

    @dataclass
    class Opened(Message):
        """Open this, as it was given; `BROWSE` to look at the files."""

        given: str

    def __init__(self, recent: Callable[[], list[str]]) -> None:
        super().__init__(id="sources")
        self._look = recent
        self._recent: list[str] = []
        self._current = SAMPLE
        self._typed: str | None = None

    def compose(self) -> ComposeResult:
        """The bar and the field."""
        yield SourceBar()
        yield PathField(placeholder="path or hub:owner/name", id="path")

    def on_resize(self, event: events.Resize) -> None:
        """As many recent sources as fit, and as much of what may be typed."""
        others = ", kaggle:owner/name" if event.size.width >= WIDE else ""
        self.query_one(PathField).placeholder = f"path or hub:owner/name{others}"
        self.show(self._current)

    def show(self, current: str) -> None:
        """This one is open."""
        self._current = current
        field = WIDE_FIELD if self.size.width >= WIDE else FIELD
        for bar in self.query(SourceBar):  # none when the screen is being left
            bar.show_sources(current, self._recent, self.size.width - field)

    @work(exclusive=True, group="recent")
    async def look_for_recent(self, opened: str = "") -> None:
        """Find out what was given before; `opened` was read just now and is remembered."""
        if opened and opened != SAMPLE:
            await asyncio.to_thread(remember, opened)
        self._recent = await asyncio.to_thread(self._look)
        self.show(self._current)

    def was_read(self) -> bool:
        """What was named could be read: the field is for the next. True when it has the focus for no reason now."""
        typed, self._typed = self._typed, None
        field = self.query_one(PathField)
        if typed is None or field.value != typed:
            return False
        field.value = ""
        return field.has_focus

    @on(ChipBar.Chosen)
    def _chosen(self, message: ChipBar.Chosen) -> None:
        message.stop()
        self.post_message(self.Opened(message.name))

    @on(PathField.Opened)
    def _typed_in(self, message: PathField.Opened) -> None:
        message.stop()
        self._typed = self.query_one(PathField).value  # it stays until it is read: a slip can be corrected
        self.post_message(self.Opened(message.given))

"""One line of sources to choose from: the sample, what was given lately, and a way to the files."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from core.text import safe
from tui.keys import bindings
from tui.sources import SAMPLE, short
from tui.widgets.chips import ChipBar

BROWSE = "\0browse"
"""The name of the chip that shows the files; no path has a NUL."""

_ENDS = ((SAMPLE, "Sample reviews"), (BROWSE, "Browse…"))


class SourceBar(ChipBar):
    """`▸Sample reviews   ./smile.csv   Browse…`: chooses a source as it was given, or `BROWSE`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "source")

    def __init__(self) -> None:
        super().__init__(_ENDS, SAMPLE, id="source")

    def show_sources(self, current: str, recent: list[str]) -> None:
        """`current` is open; `recent` were given lately. The present one is always among them."""
        given = [one for one in dict.fromkeys([current, *recent]) if one != SAMPLE][:2]
        self.show(current, [_ENDS[0], *((one, short(safe(one), 30)) for one in given), _ENDS[1]])

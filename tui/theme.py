"""The colours of the house, as a Textual theme; styles name theme variables only."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

FINETUI = Theme(
    name="finetui",
    primary="#7aa2f7",
    secondary="#9d8cf0",
    accent="#e0af68",
    foreground="#d5d9e5",
    background="#16181f",
    surface="#1d2029",
    panel="#262a36",
    success="#8fc97a",
    warning="#e0af68",
    error="#ee7b8a",
    dark=True,
    variables={"border-blurred": "#3b4152", "input-selection-background": "#7aa2f7 35%"},
)


class NoColour(LineFilter):
    """For `NO_COLOR`: no colour at all, while bold, reverse and underline stay and say what colour said."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same text with colourless styles."""
        return [Segment(text, _plain(style), control) for text, style, control in segments]


@lru_cache(4096)
def _plain(style: Style | None) -> Style | None:
    return style.without_color if style else None

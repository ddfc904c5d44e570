"""A widget that shows lines of styled cells and repaints only the cells that changed.

A `Static` repaints all of itself at each update; over SSH a clock that ticks would then cost a line of text a second.
Here the new lines are compared with the old ones, and what differs is all that travels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.text import safe
from tui import format as fmt

Cell: TypeAlias = tuple[str, str]
"""(character, name of a tone); the cell after a wide character holds the empty text."""

Line: TypeAlias = list[Cell]

Part: TypeAlias = str | tuple[str, str]
"""A plain text, or (text, tone)."""

BLANK: Cell = (" ", "")

TONES = {
    "": "",
    "muted": "$foreground 60%",
    "strong": "bold",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "accent": "$text-accent",
    "one": "$primary",
    "two": "bold $accent",
    "three": "$secondary",
    "inverse": "reverse",
    "toward": "bold underline $text-success on $success 20%",
    "against": "italic underline $text-error on $error 20%",
}
"""What a piece of text is, and how the theme shows that. No tone says something that the text does not."""


_ASCII = str.maketrans(
    {"◆": "D", "◇": "d", "□": "n",
     "●": "@", "○": "o", "▼": "V", "▽": "v", "★": "*", "✓": "+", "✗": "x", "■": "#", "▸": ">", "‹": "<", "‖": "=",
     "╌": "-", "┈": "~", "┊": ":", "│": "|", "┤": "|", "└": "+", "─": "-", "·": "-", "…": "~", "–": "-", "→": ">",
     "\u2009": " "}
)  # fmt: skip


def in_locale(cells: Line) -> Line:
    """The cells with our own signs in ASCII where the terminal has no UTF-8; a person's text stays as it is."""
    if fmt.unicode_terminal():
        return cells
    return [(character.translate(_ASCII), tone) for character, tone in cells]


def line(*parts: Part) -> Line:
    """Cells of these parts, in order. Text passes `safe()` here; markup means nothing."""
    cells: Line = []
    for part in parts:
        text, tone = (part, "") if isinstance(part, str) else part
        for character in safe(text):
            width = cell_len(character)
            if width > 0:
                cells.append((character, tone))
                cells.extend([("", tone)] * (width - 1))
    return cells


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left and `right` at the right edge of `width` cells; the left one gives way."""
    room = width - len(right)
    return [*clip(left, max(room - 1, 0)), BLANK, *right] if room > 0 else clip(right, width)


def clip(cells: Line, width: int) -> Line:
    """Exactly `width` cells: cut (with `…`) or filled with blanks."""
    if len(cells) <= width:
        return [*cells, *[BLANK] * (width - len(cells))]
    if width <= 0:
        return []
    kept = cells[: width - 1]
    if cells[width - 1][0] == "" and kept:  # do not keep half a wide character
        kept[-1] = BLANK
    return [*kept, ("…", "muted")]


def flow(parts: Sequence[Line], width: int, gap: str = "   ") -> list[Line]:
    """Parts set one after another into lines of at most `width` cells; a part is never torn unless it is too wide."""
    lines: list[Line] = []
    for part in parts:
        between = line((gap, "muted"))
        if lines and len(lines[-1]) + len(between) + len(part) <= width:
            lines[-1] = [*lines[-1], *between, *part]
        else:
            lines.append(list(part))
    return lines


def changed_spans(old: Line, new: Line) -> list[tuple[int, int]]:
    """[start, end) of the stretches where two lines of equal length differ; close ones are joined.

    A stretch of its own costs a cursor move and a colour code, some fifty bytes: a short gap is cheaper painted anew.
    """
    spans: list[tuple[int, int]] = []
    for at, (before, after) in enumerate(zip(old, new, strict=True)):
        if before == after:
            continue
        if spans and at - spans[-1][1] <= 16:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return [_whole(old, new, start, end) for start, end in spans]


def _whole(old: Line, new: Line, start: int, end: int) -> tuple[int, int]:
    """The span widened so that it cuts no wide character of either line."""
    while start > 0 and "" in (old[start][0], new[start][0]):
        start -= 1
    while end < len(new) and "" in (old[end][0], new[end][0]):
        end += 1
    return start, end


class Canvas(Widget):
    """Shows what was last given to `show()`."""

    DEFAULT_CSS = "Canvas { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id, classes=classes)
        self._rows: list[Line] = []
        self._tones: dict[str, Style] = {}

    @property
    def text(self) -> str:
        """What is on it, as plain text, for those who cannot look."""
        return "\n".join("".join(character for character, _ in cells).rstrip() for cells in self._rows)

    def show(self, lines: list[Line], width: int = 0) -> None:
        """Show these lines, cut to the widget's width; repaints what differs from the last ones.

        `width`: what the widget is going to have, for one that has not been laid out yet.
        """
        width = self.size.width or width
        new = [in_locale(clip(cells, width) if width else list(cells)) for cells in lines]
        old, self._rows = self._rows, new
        if len(old) != len(new) or any(len(a) != len(b) for a, b in zip(old, new, strict=False)):
            self.refresh(layout=len(old) != len(new))
            return
        regions = [
            Region(start, y, end - start, 1)
            for y, (before, after) in enumerate(zip(old, new, strict=True))
            for start, end in changed_spans(before, after)
        ]
        if regions:
            self.refresh(*regions)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as there are lines."""
        return len(self._rows)

    def notify_style_update(self) -> None:
        """The theme or the focus changed: tones are looked up anew."""
        self._tones.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """One row, neighbours of one tone merged into one segment."""
        width = self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, self._tone(""))
        segments: list[Segment] = []
        for character, tone in clip(self._rows[y], width):
            style = self._tone(tone)
            if segments and segments[-1].style is style:
                segments[-1] = Segment(segments[-1].text + character, style)
            else:
                segments.append(Segment(character, style))
        return Strip(segments, width)

    def _tone(self, name: str) -> Style:
        if name not in self._tones:
            # Not component classes: those are worked out for every canvas whenever a style sheet is read.
            tone = self.app.stylesheet.parse_style(TONES[name])
            self._tones[name] = (self.visual_style + tone).rich_style
        return self._tones[name]

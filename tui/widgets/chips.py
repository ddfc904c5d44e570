"""One line of things to choose from: left and right move, `enter` chooses, a click does both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class ChipBar(Widget, can_focus=True):
    """`▸Balanced  Quick look  Best`: the present one marked, the one under the cursor reversed while focused."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "cursor_up", show=False),
        Binding("right", "cursor_down", show=False),
    ]
    DEFAULT_CSS = "ChipBar { height: 1; width: auto; max-width: 75%; }"

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Chosen(Message):
        """This one, by its name."""

        bar: ChipBar
        name: str

        @property
        def control(self) -> ChipBar:
            """For `@on` with a selector."""
            return self.bar

    def __init__(self, chips: Sequence[tuple[str, str]], current: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._chips = list(chips)
        self._current = current
        self._spans: list[tuple[int, int]] = []

    def show(self, current: str, chips: Sequence[tuple[str, str]] | None = None) -> None:
        """Mark `current`; `chips` are (name, label)s, the former ones when not given."""
        is_other = chips is not None and list(chips) != self._chips
        self._chips = self._chips if chips is None else list(chips)
        self._current = current
        names = [name for name, _ in self._chips]
        if not self.has_focus or self.cursor >= len(names):
            self.cursor = names.index(current) if current in names else 0
        self.refresh(layout=is_other)

    def _labels(self) -> list[str]:
        return [f"{'▸' if name == self._current else ' '}{label} " for name, label in self._chips]

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as its labels."""
        return sum(len(label) for label in self._labels())

    def render(self) -> RenderResult:
        """The labels."""
        pieces: list[tuple[str, str]] = []
        self._spans, at = [], 0
        for place, label in enumerate(self._labels()):
            here = self.has_focus and place == self.cursor
            pieces.append((label, "bold reverse" if here else "bold" if label.startswith("▸") else ""))
            self._spans.append((at, at + len(label)))
            at += len(label)
        return Content.assemble(*pieces)

    def action_cursor_up(self) -> None:
        """To the left."""
        self.cursor = max(self.cursor - 1, 0)

    def action_cursor_down(self) -> None:
        """To the right."""
        self.cursor = min(self.cursor + 1, len(self._chips) - 1)

    def action_first(self) -> None:
        """To the first one."""
        self.cursor = 0

    def action_last(self) -> None:
        """To the last one."""
        self.cursor = len(self._chips) - 1

    def action_open(self) -> None:
        """Choose the one under the cursor."""
        self.post_message(self.Chosen(self, self._chips[self.cursor][0]))

    def on_focus(self) -> None:
        """The cursor shows."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor hides."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        for place, (start, end) in enumerate(self._spans):
            if start <= event.x < end:
                self.cursor = place
                self.action_open()

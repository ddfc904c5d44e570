"""How many rows each class has: bars, counts and shares, largest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from core.text import safe
from tui.facts import ClassCount, Profile
from tui.format import bar, cell, count, width_of
from tui.keys import bindings
from tui.widgets.option_rows import OptionRows

MANY = 12
"""More classes than these are shown as the ten largest and the number of the others, until somebody opens them."""


class ClassBalance(OptionRows):
    """The class distribution. `enter` opens a class's rows, `x` leaves the class out."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "classes")

    @dataclass
    class Chosen(Message):
        """Show the rows of this class."""

        name: str

    @dataclass
    class Excluded(Message):
        """Leave this class out."""

        name: str

    def __init__(self) -> None:
        super().__init__(id="classes", classes="panel", markup=False)
        self._counts: tuple[ClassCount, ...] = ()
        self._is_open = False
        self.border_title = "Classes"

    def show(self, profile: Profile) -> None:
        """Show this profile's classes."""
        self._counts, self._is_open = profile.classes, False
        number = len(profile.classes)
        kept = f"{count(profile.kept)} rows kept of {count(profile.read)}"
        self.border_title = Content(f"{number} class{'es' * (number != 1)} · {kept}")
        self.draw()

    def _shown(self) -> tuple[ClassCount, ...]:
        return self._counts if self._is_open or len(self._counts) <= MANY else self._counts[: MANY - 2]

    def lines(self, width: int) -> Sequence[Content]:
        """`happy  ███████▌  1 137  76.8 %`."""
        shown = self._shown()
        if not shown:
            return ()
        label = min(max(width_of(safe(one.name)) for one in shown), max(width // 3, 8))
        number = max(len(count(one.rows)) for one in shown)
        room = max(width - label - number - 10, 4)
        largest = shown[0].share or 1.0
        found = [
            Content.assemble(
                cell(safe(one.name), label), " ", (bar(one.share / largest, room), "$primary"), " ",
                f"{count(one.rows):>{number}} {one.share * 100:5.1f} %",
            )
            for one in shown
        ]  # fmt: skip
        rest = self._counts[len(shown) :]
        if rest:
            rows = sum(one.rows for one in rest)
            found.append(Content.styled(f"{len(rest)} more, {count(rows)} rows: enter shows them", "$foreground-muted"))
        return found

    def _here(self) -> ClassCount | None:
        at = self.highlighted
        return self._shown()[at] if at is not None and at < len(self._shown()) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is offered for a line that is not there."""
        if action in ("open", "exclude") and not self._counts:
            return False
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """The rows of this class, or the classes that were not shown."""
        if here := self._here():
            self.post_message(self.Chosen(here.name))
        elif self._counts:
            self._is_open = True
            self.draw()

    def action_exclude(self) -> None:
        """Leave the class under the cursor out."""
        if here := self._here():
            self.post_message(self.Excluded(here.name))

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
    """The class distribution. `enter` opens a class's rows, `x` leaves the class out, `a` gives it another name."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "classes")

    @dataclass
    class Chosen(Message):
        """Show the rows of this class."""

        name: str

    @dataclass
    class Excluded(Message):
        """Leave this class out."""

        name: str

    @dataclass
    class Renamed(Message):
        """Another name for this class is wanted."""

        name: str

    def __init__(self) -> None:
        super().__init__(id="classes", classes="panel", markup=False)
        self._counts: tuple[ClassCount, ...] = ()
        self._kept = self._read = 0
        self._is_open = False
        self.border_title = "Classes"

    def show(self, profile: Profile) -> None:
        """Show this profile's classes."""
        self._counts, self._is_open = profile.classes, False
        self._kept, self._read = profile.kept, profile.read
        self.draw()

    def draw(self) -> None:
        """The title follows the width like the bars."""
        super().draw()
        if self._read:
            self.border_title = Content(self._title(self.outer_size.width - 2))

    def _title(self, width: int) -> str:
        """`6 classes · 1 481 rows kept of 3 085 · 190:1`, the last being the largest class beside the smallest."""
        number = len(self._counts)
        head, ratio = f"{number} class{'es' * (number != 1)} · {count(self._kept)}", ""
        if number > 1:
            times = self._counts[0].rows / max(self._counts[-1].rows, 1)
            ratio = f" · {f'{times:.1f}' if times < 9.95 else count(round(times))}:1"
        whole = f"{head} rows kept of {count(self._read)}{ratio}"
        short = f"{head} of {count(self._read)}" if self._kept < self._read else f"{head} rows"
        return next((one for one in (whole, f"{short}{ratio}") if len(one) <= width), short)

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
        if action in ("open", "exclude", "rename") and not self._counts:
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

    def action_rename(self) -> None:
        """Ask for another name for the class under the cursor."""
        if here := self._here():
            self.post_message(self.Renamed(here.name))

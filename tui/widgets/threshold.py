"""The threshold below which a run is to say "unsure": what it gives, and how it is changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.judged import Overview, Trade
from tui.keys import bindings
from tui.widgets.canvas import Canvas
from tui.widgets.judged_lines import threshold
from tui.widgets.sheet import BLOCK, WalkedOut

STEP = 0.01


class ThresholdPane(Canvas, can_focus=True):
    """Shows one threshold; `+` and `-` change it, `enter` types it. What that gives comes from outside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("runs", "threshold"),
        Binding("up", "walk(-1)", show=False), Binding("down", "walk(1)", show=False),
        Binding("right", "more", show=False), Binding("left", "less", show=False),
    ]  # fmt: skip

    @dataclass
    class Changed(Message):
        """A person wants this threshold; 0 for none."""

        value: float

    class Typing(Message):
        """A person wants to type it."""

    def __init__(self) -> None:
        super().__init__(id="threshold", classes=f"panel {BLOCK}")
        self.value = 0.0
        self.trade: Trade | None = None
        """What `value` gives; none while that is asked for."""
        self.is_kept = False
        self.is_wanted = False
        """Whether a person asked for it and it is not kept yet."""
        self.problem = ""
        self._overview: Overview | None = None

    def show_of(self, found: Overview, width: int) -> bool:
        """Begin from what is kept for the run, or none. Says whether what it gives has to be asked for."""
        is_new = found is not self._overview
        if is_new:
            if not self.is_wanted:
                self.value, self.is_kept = found.kept, found.kept > 0
            self._overview = found
            self.trade = next((one for one in found.steps if one.threshold == self.value), None)
        self.draw(width)
        return is_new and (self.trade is None or self.is_wanted)

    def draw(self, width: int = 0) -> None:
        """Paint what is known now."""
        if self._overview is not None:
            width = self.size.width or width
            lines = threshold(self._overview, self.value, self.trade, self.is_kept, self.problem, width)
            self.show(lines, width)

    @property
    def proposed(self) -> float:
        """The threshold to begin typing from: the kept one, else the one that reaches the wished accuracy."""
        picked = self._overview.picked if self._overview is not None else None
        return self.value or (picked.threshold if picked is not None else 0.0)

    def set(self, value: float) -> None:
        """Show that this one is wanted; what it gives is on its way."""
        self.value, self.trade, self.problem, self.is_kept, self.is_wanted = value, None, "", False, True
        self.draw()

    def _by(self, step: float) -> None:
        value = min(max(round(self.value + step, 2), 0.0), 1.0)
        if value != self.value:
            self.set(value)
            self.post_message(self.Changed(value))

    def action_more(self) -> None:
        """A hundredth more; from none to what reaches the wished accuracy."""
        start = math.ceil(round(self.proposed * 100, 6)) / 100 if self.value == 0 else 0.0
        self._by(start or STEP)

    def action_less(self) -> None:
        """A hundredth less."""
        self._by(-STEP)

    def action_open(self) -> None:
        """Type it."""
        self.post_message(self.Typing())

    def action_walk(self, by: int) -> None:
        """Out of here."""
        self.post_message(WalkedOut(self, by))

"""Asks below which probability a run is to say "unsure"."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from tui.screens.modals import Dialog
from tui.widgets.field import Field


def probability(text: str) -> float | None:
    """What was typed as a probability: `.85`, `0.85`, `85 %`; empty is 0, no threshold. None: no such thing."""
    text = text.strip().replace(",", ".")
    scale = 100.0 if text.endswith("%") else 1.0
    try:
        value = float(text.removesuffix("%").strip() or "0") / scale
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


class ThresholdDialog(Dialog[float]):
    """Results in the threshold; 0 for none."""

    def __init__(self, value: float) -> None:
        super().__init__("Unsure below")
        self._value = value

    def content(self) -> ComposeResult:
        """The field, and what is wrong with it."""
        yield Static(Content("Answers less sure than this are called unsure; 0: every answer is given."))
        yield Field(f"{self._value:.4f}".rstrip("0").rstrip("."), id="number")
        yield Static(Content(" "), id="says")
        yield Static(Content.styled("enter keeps it for the run · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one(Field).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        value = probability(event.value)
        if value is None:
            self.query_one("#says", Static).update(Content.styled("✗ It is a probability, 0 to 1.", "$text-error"))
        else:
            self.dismiss(value)

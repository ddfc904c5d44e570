"""What is shown in place of a room when the terminal was made so small that nothing of it can be read."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import terminal


class TooSmall(ModalScreen[None]):
    """Says so, and goes when there is room again. Everything behind it goes on."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = "TooSmall { background: $background; } TooSmall > Static { width: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,ctrl+q,ctrl+c", "app.quit", show=False)]

    def compose(self) -> ComposeResult:
        """The one sentence, the figures first."""
        yield Static(Content(f"{terminal.LEAST[0]}x{terminal.LEAST[1]} is the least. q quits."))

    def on_screen_resume(self) -> None:
        """What lay above is gone: is it still true?"""
        self._go_if_roomy()

    def on_resize(self, event: events.Resize) -> None:
        """Perhaps there is room now."""
        self._go_if_roomy()

    def _go_if_roomy(self) -> None:
        if self.is_current and not terminal.is_too_small(*self.app.size):
            self.dismiss(None)

"""Which answer a sentence should have had: its classes, the one that the model said first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from core.text import safe
from tui.facts import Answer
from tui.format import cell, fit, share
from tui.screens.modals import Dialog
from tui.widgets.option_rows import OptionRows

_WIDE = 56


class ClassRows(OptionRows):
    """The classes, the most probable first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False), Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False), Binding("G", "last", show=False),
    ]  # fmt: skip

    def __init__(self, answer: Answer) -> None:
        super().__init__(id="right-answers", markup=False)
        self.ranked = sorted(answer.probabilities, key=lambda pair: -pair[1])

    def lines(self, width: int) -> Sequence[Content]:
        """`positive  94 %  what the model says`."""
        said = self.ranked[0][0]
        return [
            Content.assemble(
                (cell(safe(name), max(min(width - 30, 32), 8)), "bold"), f" {share(value):>6}",
                ("  what the model says" if name == said else "", "$foreground-muted"),
            )
            for name, value in self.ranked
        ]  # fmt: skip


class ChecklistDialog(Dialog[str]):
    """Results in the class that is right for a sentence."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("Save to the checklist")
        self._answer = answer

    def content(self) -> ComposeResult:
        """The sentence, the classes, the keys."""
        yield Static(Content.styled(fit(safe(self._answer.text[:400]), _WIDE), "bold"), id="sentence-kept")
        yield Static(Content("The right answer, for this run and every new one of its data:"))
        yield ClassRows(self._answer)
        yield Static(Content.styled("enter saves · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """Begin at what the model says."""
        self.query_one(ClassRows).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self.query_one(ClassRows).ranked[event.option_index][0])

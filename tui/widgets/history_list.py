"""The sentences that were filed, newest first, each with what the model said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from core.text import safe
from tui.facts import Answer
from tui.format import cell
from tui.keys import bindings
from tui.widgets.option_rows import OptionRows

MOST = 500


class HistoryList(OptionRows):
    """`enter` puts a sentence back into the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("try", "history"),
        Binding("up", "up_or_leave", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Ask about this text again."""

        text: str

    class LeftAbove(Message):
        """`↑` on the first line."""

    def __init__(self) -> None:
        super().__init__(id="history", classes="panel", markup=False)
        self.answers: list[tuple[str, Answer]] = []
        self.border_title = "History"

    def add(self, run: str, answer: Answer) -> None:
        """File an answer of that run."""
        self.answers = [(run, answer), *self.answers][:MOST]
        self.border_title = f"History · {len(self.answers)}"
        self.draw()

    def lines(self, width: int) -> Sequence[Content]:
        """`positive  94 %  brisk-otter  not a bad word to say about it`."""
        found = []
        for run, answer in self.answers:
            name, value = answer.best
            found.append(
                Content.assemble(
                    (cell(safe(name), 14), "bold"), f"{value * 100:4.0f} % ",
                    (cell(run, 14) + " ", "$foreground-muted"),
                    cell(safe(answer.text[: width * 4]), max(width - 36, 8)),
                )
            )  # fmt: skip
        return found

    @property
    def here(self) -> tuple[str, Answer] | None:
        """The run and the answer under the cursor."""
        at = self.highlighted
        return self.answers[at] if at is not None and at < len(self.answers) else None

    def action_up_or_leave(self) -> None:
        """One line up; from the first one back to the field."""
        if self.highlighted in (0, None):
            self.post_message(self.LeftAbove())
        else:
            self.action_cursor_up()

    def action_open(self) -> None:
        """Back into the field."""
        if self.here is None:
            raise SkipAction
        self.post_message(self.Chosen(self.here[1].text))

"""What the screens about one judged run share: the run and the part that is looked at, and how its child is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.runs import Run
from tui.judged import Looks
from tui.screens.modals import Question
from tui.screens.room import Room

KIND = "judge"
"""Of the child that is asked."""


@dataclass
class Subject:
    """What is looked at; one object for all screens that lie over one another. `may_look`: at test rows, too."""

    run: Run
    part: str = "validation"
    may_look: bool = False
    looks: Looks | None = None

    @property
    def other(self) -> str:
        """The part that is not looked at."""
        return "test" if self.part == "validation" else "validation"


class JudgingRoom(Room):
    """Lies over the table of runs; `esc` cancels what is asked for and goes back."""

    ROOM = "runs"

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject

    async def judge(self, ask: str, newest: str = "", **params: Any) -> dict[str, Any]:
        """The child's answer about the run. Raises `WorkbenchError`."""
        return await self.workbench.engine.ask(KIND, ask, newest=newest, run=str(self.subject.run.path), **params)

    async def may_look(self, part: str) -> bool:
        """Whether rows of `part` may be shown: those of a test part after a question, once for a run. In a worker."""
        if part != "test" or self.subject.may_look:
            return True
        looks = self.subject.looks
        told = "It was not looked at so far."
        if looks is not None and looks.looked:
            told = f"It has been looked at for {looks.looked} run{'s' * (looks.looked != 1)}."
        text = (
            "What is chosen after reading test rows is chosen by them, and the test score flatters from then on. "
            f"A look at this test part is counted and shown. {told}"
        )
        answers = [("stay", "Stay with validation"), ("look", "Look, and count it")]
        answer = await self.app.push_screen_wait(Question("Look at test rows", text, answers))
        self.subject.may_look = answer == "look"
        return self.subject.may_look

    def in_footer(self, key: str) -> bool:
        """What `ctrl+r` would train is not seen here."""
        return key != "start" and super().in_footer(key)

    def let_go(self) -> None:
        """Nobody waits for what is still asked."""
        if self.workbench.engine.busy(KIND):
            self.workbench.engine.cancel(KIND)

    def action_leave(self) -> None:
        """`esc`: back to what lies below."""
        if self.is_current:
            self.let_go()
            self.dismiss()

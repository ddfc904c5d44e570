"""A room that shows one run, and what a person can ask for there: of its trainer, or of a new one that goes on.

A request to a trainer is one line in the run's folder; whether it was heard is seen from the facts that follow.
"""

from __future__ import annotations

from core.errors import RunError
from core.launch.again import is_left
from core.runs import History, Run, RunState
from core.runs.resume import COMPLETE
from tui.screens.room import Room
from tui.widgets import run_ending as endings
from tui.widgets import run_progress


class AskingRoom(Room):
    """Knows the run on show, its state and history, and the newest request that was made here."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.state = RunState.QUEUED
        self.history = History()
        self.request: run_progress.Request | None = None
        self.finishing = ""
        """The run that is to be scored and saved as it was left."""
        self.left = endings.Left()
        self.is_gone = False
        """Whether the folder of the run has vanished."""

    def paint(self) -> None:
        """Show what has changed, at once."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A live run can be paused, saved and left, one that is not can go on; a live one can be stopped and saved,
        and so can what was left, where there is a checkpoint of it."""
        is_here = self.run is not None and not self.is_gone
        match action:
            case "pause" | "save" | "leave_running":
                return is_here and self.state.is_live
            case "stop":
                return is_here and (self.state.is_live or self.left.can_finish)
            case "resume":
                return is_here and not self.state.is_live and (self.state not in COMPLETE or self.left.can_have_more)
            case "fix":
                return is_here and bool(self.left.remedy)
        return super().check_action(action, parameters)

    def in_footer(self, key: str) -> bool:
        """While one run trains another is begun by `n`: there is no room for both."""
        is_live = self.run is not None and self.state.is_live
        return (key != "start" or not is_live) and super().in_footer(key)

    def name_of(self, key: str) -> str:
        """A complete run with a model is trained for more epochs."""
        return "More epochs" if key == "resume" and self.left.can_have_more else super().name_of(key)

    def action_stop(self) -> None:
        """Let the trainer finish the step, validate, save and end; score and save a run that was left."""
        if self.run is not None and is_left(self.state):
            self.finishing = self.run.name
            self.workbench.finish_run(self.run)
        else:
            self._ask("stop")

    def action_pause(self) -> None:
        """Let the trainer write a checkpoint and leave."""
        self._ask("pause")

    def action_save(self) -> None:
        """Let the trainer write a checkpoint and go on."""
        self._ask("save")

    def _ask(self, what: str) -> None:
        if self.run is None:
            return
        try:
            self.run.ask(what)
        except OSError as broken:
            self.workbench.show_error(RunError(f"Cannot write to {self.run.path}", str(broken)))
            return
        self.request = run_progress.Request.now(what, self.history)
        self.paint()

    def action_resume(self) -> None:
        """Go on with the run, or train it for more epochs."""
        if self.run is not None:
            self.finishing = ""
            self.workbench.resume_run(self.run)

    def action_fix(self) -> None:
        """Train anew with what would make a failed run fare better."""
        if self.run is not None:
            self.workbench.train_anew(self.run)

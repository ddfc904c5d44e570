"""Whether a run can go on, from where, and what else a person can do with it. Light: the screen asks this too."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from core.errors import RunError
from core.runs.checkpoints import checkpoints_path, newest
from core.runs.run import Run, RunState
from core.training.events import Event, RunFailed, RunFinished, RunPaused

COMPLETE = (RunState.FINISHED, RunState.STOPPED)
"""States in which a run has ended for good; more epochs are a run of their own."""

STUCK = "Cannot go on: "
"""What the reason of a pause begins with when a trainer could not even begin to go on."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What resuming a run would do. `why_not` is empty when it can go on; `step` is 0 where it begins again."""

    step: int
    why_not: str = ""
    next_step: str = ""
    can_finish: bool = False
    """Whether it can be scored and saved as it was left: it has a checkpoint, and no end."""
    can_have_more: bool = False
    """Whether it has ended and has a model, which another run can train for more epochs."""

    @property
    def possible(self) -> bool:
        """Whether it can go on."""
        return not self.why_not


def outlook(run: Run, state: RunState, last: Event | None) -> Outlook:
    """What resuming `run` would do, by its state and its last fact. Sizes are looked at, contents are not."""
    found, damaged = newest(run.path)
    step = found.step if found else 0
    if state.is_live:
        return Outlook(step, "It is training.", f"finetui attach {run.name}")
    if isinstance(last, RunFinished):
        return _ended(run, state, step)
    if found is None and damaged:
        again = f"To begin again from its first step, take {checkpoints_path(run.path)} away."
        return Outlook(0, "None of its checkpoints is whole.", again)
    anew = f"finetui train --config {shlex.quote(str(run.path / 'run.toml'))}"
    if isinstance(last, RunFailed) and last.kind == "NotFiniteError":
        lower = f"Train anew with a lower rate: {anew} --learning-rate ..."
        return Outlook(step, "It would diverge again at the same step.", lower, can_finish=step > 0)
    return Outlook(step, can_finish=step > 0)


def _ended(run: Run, state: RunState, step: int) -> Outlook:
    """That of a run which does not go on itself: by what lies in its folder, for it may have ended before any score."""
    more = f"More epochs are a run of their own: finetui resume {run.name} --epochs 2"
    if (run.path / "metrics.json").is_file():
        return Outlook(step, f"It is {state}: its test rows have been scored.", more, can_have_more=True)
    if run.model_path.is_dir():
        why = "It was ended at once: its best weights are kept, nothing was scored."
        return Outlook(step, why, more, can_have_more=True)
    anew = f"Train anew: finetui train --config {shlex.quote(str(run.path / 'run.toml'))}"
    return Outlook(step, "It ended before there was a model.", anew)


def reason_of(last: Event | None) -> str:
    """Why a run stopped, paused or failed, in the words of its last fact; empty when it has none."""
    match last:
        case RunFailed(title=title):
            return title
        case RunPaused(reason=reason) | RunFinished(reason=reason):
            return reason
    return ""


def place_text(step: int, steps: int) -> str:
    """`step 120 of 236`, or its beginning: where a run stands that takes so many steps (0: not known)."""
    if step == 0:
        return "the beginning"
    return f"step {step} of {steps}" if steps else f"step {step}"


def check_open(run: Run) -> None:
    """Raise `RunError` when `run` is complete: its trainer is not needed any more."""
    last = run.newest()
    if isinstance(last, RunFinished):
        found = outlook(run, run.state(last), last)
        raise RunError(f"{run.name} cannot go on", found.why_not, found.next_step)

"""Whether a run can go on, from where, and what else a person can do with it. Light: the screen asks this too."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import RunError
from core.runs.checkpoints import newest
from core.runs.run import Run, RunState
from core.training.events import Event, RunFailed, RunFinished

COMPLETE = (RunState.FINISHED, RunState.STOPPED)
"""States in which a run has its scores; more epochs are a run of their own."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What resuming a run would do. `why_not` is empty when it can go on; `step` is 0 where it begins again."""

    step: int
    why_not: str = ""
    next_step: str = ""

    @property
    def possible(self) -> bool:
        """Whether it can go on."""
        return not self.why_not


def outlook(run: Run, state: RunState, last: Event | None) -> Outlook:
    """What resuming `run` would do, by its state and its last fact. Sizes are looked at, contents are not."""
    found, _ = newest(run.path)
    step = found.step if found else 0
    if state.is_live:
        return Outlook(step, "It is training.", f"finetui attach {run.name}")
    if isinstance(last, RunFinished):
        more = f"More epochs are a run of their own: finetui resume {run.name} --epochs 2"
        return Outlook(step, f"It is {state}: its test rows have been scored.", more)
    if isinstance(last, RunFailed) and last.kind == "NotFiniteError":
        lower = f"finetui train --config {run.path / 'run.toml'} --learning-rate ..."
        return Outlook(step, "It would diverge again at the same step.", f"Train anew with a lower rate: {lower}")
    return Outlook(step)


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

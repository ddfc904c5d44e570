"""How far a live run is, what its trainer does besides training steps, and what becomes of a person's requests."""

from __future__ import annotations

from dataclasses import dataclass

from core.runs import History, RunState
from core.runs.checkpoints import NOT_WRITTEN
from core.training.events import CheckpointSaved
from tui import format as fmt
from tui.widgets.canvas import Line, line

_DOING = {
    "start": "starting", "read": "reading the data", "split": "splitting", "baselines": "scoring the baselines",
    "load": "loading the model", "tokenise": "tokenising",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked of the trainer in this room (`stop`, `pause` or `save`), and how things stood then."""

    what: str
    step: int
    checkpoint: CheckpointSaved | None
    warnings: int

    @classmethod
    def to_finish(cls) -> Request:
        """To score and save a run as it was left, without another step."""
        return cls("stop", -1, None, 0)

    @classmethod
    def now(cls, what: str, history: History) -> Request:
        """Asked at this moment of the history."""
        return cls(what, history.step, history.checkpoint, len(history.warnings))

    def is_done(self, history: History) -> bool:
        """Whether a checkpoint came of a wish for one, or a warning that none could be written."""
        if self.what != "save":
            return False
        told = any(one.title == NOT_WRITTEN for one in history.warnings[self.warnings :])
        return told or history.checkpoint is not self.checkpoint


def is_at_end(history: History) -> bool:
    """Whether every step of the plan is done."""
    return history.plan is not None and history.step >= history.plan.steps


def phase(history: History, request: Request | None) -> str:
    """What is done besides training steps, and what becomes of a person's request."""
    doing = {"evaluate": "scoring the best weights", "save": "saving"}.get(history.stage, "")
    before = history.stage != "train" and not doing
    if before and history.step:
        doing = _DOING.get(history.stage, history.stage)
        doing = doing if _is(request, "stop") else f"going on: {doing}"
    if not doing and (is_at_end(history) or (_is(request, "stop") and request and history.step > request.step)):
        is_scored = bool(history.evals) and history.evals[-1].step >= history.step
        doing = "saving" if is_scored else "validating"
    if request is None or request.is_done(history):
        return f"{doing}…" if doing else ""
    if request.what == "stop":
        return f"stopping: {doing or ('after this stage' if before else 'finishing the step')}…"
    if request.what == "pause":
        at_once = "writing a checkpoint" if history.step > request.step else "finishing the step"
        return f"pausing: {'after this stage' if before else at_once}…"
    if before:
        return "saving as soon as it trains…"
    return "saving: writing a checkpoint…" if history.step > request.step else "saving after this step…"


def _is(request: Request | None, what: str) -> bool:
    return request is not None and request.what == what


def progress(history: History, state: RunState, width: int, request: Request | None = None) -> Line:
    """`███████▌        50 %`, with what is done besides training steps."""
    plan = history.plan
    part = history.step / plan.steps if plan is not None and plan.steps else 0.0
    doing = phase(history, request) if state is RunState.RUNNING or request is not None else ""
    tail = line(f" {part * 100:3.0f} %", (f"  {doing}" if doing else "", "accent"))
    return [*line((fmt.bar(part, max(width - len(tail), 1)), "one")), *tail]


def saved(history: History, request: Request | None) -> Line:
    """`saved: step 118, 134 MiB, 0.4 s`, when a person asked for that and it is done."""
    found = history.checkpoint
    if request is None or found is None or not request.is_done(history) or found is request.checkpoint:
        return []
    return line((f"saved: step {fmt.count(found.step)}, {fmt.size(found.bytes)}, {fmt.span(found.seconds)}", "muted"))

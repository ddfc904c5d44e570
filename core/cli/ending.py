"""How a run ended, or why it does not go on, as lines for the shell; and what it warned of."""

from __future__ import annotations

from core.cli.report import left_text, remedy_text
from core.runs import History, Run, RunState
from core.runs.absence import why_gone
from core.runs.resume import STUCK, outlook, reason_of
from core.training import events as e


def ending_lines(run: Run, history: History, state: RunState) -> list[str]:
    """What became of a run, why, and the next step; empty while it is live, and of one that was scored."""
    if state.is_live:
        return []
    left = left_text(run, history, state)
    match history.end:
        case e.RunFailed(title=title, message=message, next_step=next_step):
            lines = [f"{run.name} failed: {title}", *(f"  {part}" for part in (message, next_step) if part)]
            if anew := remedy_text(run, history):
                return [*lines, f"  {anew}"]
            return [*lines, left] if left and "resume" not in next_step else lines
        case e.RunFinished(reason=reason):
            if run.read_json("metrics.json"):
                return []
            found = outlook(run, state, history.end)
            return [f"{run.name}: {reason}", f"  {found.why_not}", f"  {found.next_step}"]
        case e.RunPaused(reason=reason):
            if reason.startswith(STUCK):
                return [f"{run.name} is paused. {reason}", left]
            return [left, *([f"  {reason}"] if reason else [])]
    return [
        f"{run.name} was interrupted: its trainer is gone. {why_gone(run, history)}".rstrip(),
        f"  log: {run.log_path}",
        *([left] if left else []),
    ]


def hint_lines(run: Run, history: History, state: RunState) -> list[str]:
    """Of a run in a list: that it can go on, and why it does not; empty when it cannot."""
    left, reason = left_text(run, history, state), reason_of(history.end)
    return [left, *([f"  {reason}"] if reason else [])] if left else []


def warning_text(warning: e.Warned) -> str:
    """`! A checkpoint is damaged, the one before it is used: step-9 is damaged`."""
    return "! " + ": ".join(part for part in (warning.title, warning.message) if part)

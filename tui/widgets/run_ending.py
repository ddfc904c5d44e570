"""How a run ended and what it warned of, as lines of text."""

from __future__ import annotations

import math
import textwrap

from core.runs import History, RunState
from core.text import safe
from core.training.events import RunFailed, RunFinished
from tui import format as fmt
from tui.advice import here
from tui.widgets.canvas import Line, flow, line
from tui.widgets.run_facts import SIGNS


def warnings(history: History, width: int, limit: int = 1) -> list[Line]:
    """The newest warnings, each in two lines at most, and how many came before."""
    texts = [": ".join(part for part in (one.title, one.message) if part) for one in history.warnings[-limit:]]
    before = len(history.warnings) - len(texts)
    lines: list[Line] = []
    for text in texts:
        rows = wrapped(text, width - 2)
        lines += [[*line(("! " if at == 0 else "  ", "warn")), *row] for at, row in enumerate(rows[:2])]
    if before > 0:
        lines.append(line((f"  and {before} warning{'' if before == 1 else 's'} before", "muted")))
    return lines


def wrapped(text: str, width: int, tone: str = "") -> list[Line]:
    """A text as lines of at most `width` cells."""
    return [line((part, tone)) for part in textwrap.wrap(safe(text), max(width, 10))]


def scored_by(runs: int) -> str:
    """What a test figure may claim: how often that part was looked at."""
    return f"this test part has been scored by {runs} run{'' if runs == 1 else 's'}"


def ending(history: History, state: RunState, width: int) -> list[Line]:
    """How the run ended and what to do next; empty while it is live."""
    end = history.end
    if state.is_live:
        return []
    if isinstance(end, RunFailed):
        return [
            *wrapped(f"{SIGNS[state].shown} {end.title}", width, "bad"),
            *wrapped(end.message, width),
            *wrapped(" ".join(part for part in (here(end.next_step), "l shows the log.") if part), width, "accent"),
        ]
    if state is RunState.INTERRUPTED:
        return [
            *wrapped("! The trainer is gone: it recorded no end, and nobody holds the run.", width, "bad"),
            *wrapped("l shows what it printed last, n starts a new run.", width, "accent"),
        ]
    if not isinstance(end, RunFinished):
        return wrapped(f"{SIGNS[state].shown} Paused at step {history.step}: the trainer has left.", width, "warn")
    look = SIGNS[state]
    lines = wrapped(f"{look.shown} {look.word}: {end.reason} · {fmt.clock(end.seconds)}", width, look.tone)
    lines += flow([part for part in (_validation(history), _test(history)) if part], width)
    return [*lines, *wrapped("5 tries it, 4 lists all runs, n starts a new one.", width, "accent")]


def _validation(history: History) -> Line:
    best = history.validation or (history.best.scores if history.best is not None else None)
    if best is None or not math.isfinite(best.macro_f1):
        return []
    return line(
        "validation: macro F1 ", (fmt.score(best.macro_f1), "strong"), f" · accuracy {fmt.score(best.accuracy)}"
    )


def _test(history: History) -> Line:
    test = history.test
    if test is None:
        return []
    figures_ = f" · accuracy {fmt.score(test.scores.accuracy)} ({scored_by(test.runs_scored)})"
    return line("test: macro F1 ", (fmt.score(test.scores.macro_f1), "strong"), figures_)

"""How a run ended and what it warned of, as lines of text."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, field
from typing import Any

from core.launch.again import remedy
from core.runs import History, RunState
from core.runs.resume import STUCK, Outlook
from core.text import safe
from core.training.events import RunFailed, RunFinished, RunPaused
from tui import format as fmt
from tui.advice import here
from tui.widgets.canvas import Line, flow, line
from tui.widgets.run_facts import SIGNS, Card


@dataclass(frozen=True, slots=True)
class Left:
    """What can be done with a run that is not live: go on with it; and settings with which it would do better."""

    outlook: Outlook | None = None
    remedy: dict[str, Any] = field(default_factory=dict)

    @property
    def can_finish(self) -> bool:
        """Whether it can be scored and saved as it was left."""
        return self.outlook is not None and self.outlook.can_finish

    @property
    def can_have_more(self) -> bool:
        """Whether it has ended with a model, which can be asked, and trained for more epochs."""
        return self.outlook is not None and self.outlook.can_have_more


def left_of(card: Card, history: History, outlook: Outlook | None) -> Left:
    """The same, of a run with this card and history; `outlook` is none while it is live."""
    if outlook is None or card.config is None:
        return Left(outlook)
    return Left(outlook, remedy(card.config, history))


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


def ending(
    history: History,
    state: RunState,
    width: int,
    left: Left | None = None,
    why: str = "",
    *,
    is_opened: bool = False,
) -> list[Line]:
    """How the run ended and what to do next; empty while it is live. `why` it was interrupted, where that is known.

    `is_opened`: it is shown in the Runs room, where fewer keys work than in Train.
    """
    end, left = history.end, left or Left()
    log = "" if is_opened else "l shows what it printed last."
    if state.is_live:
        return []
    if isinstance(end, RunFailed):
        after = _after_failure(end, left, is_opened)
        return [
            *wrapped(f"{SIGNS[state].shown} {end.title}", width, "bad"),
            *wrapped(end.message, width),
            *wrapped(" ".join(part for part in (after, log) if part), width, "accent"),
        ]
    if state is RunState.INTERRUPTED:
        return [
            *wrapped(f"! Interrupted{_at(history.step, history)}: the trainer is gone. {why}", width, "bad"),
            *wrapped(f"{_goes_on(history, left, is_opened)} {log}", width, "accent"),
        ]
    if not isinstance(end, RunFinished):
        return _pause(end, history, left, width, is_opened)
    look = SIGNS[state]
    word = "" if end.reason.startswith(look.word) else f"{look.word}: "  # "stopped: stopped by a person"
    lines = wrapped(f"{look.shown} {word}{end.reason} · {fmt.clock(end.seconds)}", width, look.tone)
    lines += flow([part for part in (_validation(history), _test(history)) if part], width)
    return [*lines, *_after_end(history, left, width)]


def _after_end(history: History, left: Left, width: int) -> list[Line]:
    """What a run that has ended leaves to do; and why it has no scores, where it has none."""
    others = "4 lists all runs, n starts a new one."
    text = f"5 tries it, r trains more epochs, {others}" if left.can_have_more else others
    is_scored = history.test is not None or history.validation is not None
    why = left.outlook.why_not if left.outlook is not None and not is_scored else ""
    return [*wrapped(why, width), *wrapped(text, width, "accent")]


def _pause(end: RunPaused | None, history: History, left: Left, width: int, is_opened: bool) -> list[Line]:
    """Where it is paused, and why; a trainer that could not begin to go on says that in whole sentences."""
    reason, step = (end.reason, end.step) if end is not None else ("", history.step)
    stuck = wrapped(reason, width) if reason.startswith(STUCK) else []
    told = f" ({safe(reason)})" if reason and not stuck else ""
    at = line((f"{SIGNS[RunState.PAUSED].shown} paused{_at(step, history)}{told}", "warn"))
    onward = line((_goes_on(history, left, is_opened), "accent"))
    return [at, *stuck, onward] if stuck else flow([at, onward], width, " · ")


def _at(step: int, history: History) -> str:
    return f" at {_place(step, history)}" if step else " before the first step"


def _place(step: int, history: History) -> str:
    if step == 0:
        return "the beginning"
    return f"step {fmt.count(step)}" + (f" of {fmt.count(history.plan.steps)}" if history.plan is not None else "")


def _goes_on(history: History, left: Left, is_opened: bool) -> str:
    """What `r` and `s` would do with a run that has no end."""
    step = left.outlook.step if left.outlook is not None else 0
    if step == 0:
        return "r begins it again, for there is no checkpoint."
    where = "r goes on" if step == history.step else f"r goes on from {_place(step, history)}"
    return f"{where}." if is_opened else f"{where}, s scores and saves it as it is."


def _after_failure(end: RunFailed, left: Left, is_opened: bool) -> str:
    if left.remedy:
        told = " and ".join(f"{path.split('.')[1].replace('_', ' ')} {value:g}" for path, value in left.remedy.items())
        return f"{'3, then f' if is_opened else 'f'} trains anew with {told}."
    told = here(end.next_step)
    if left.outlook is None or not left.outlook.possible or "r goes on" in told:
        return told
    return f"{told} r tries again{f' from step {fmt.count(left.outlook.step)}' if left.outlook.step else ''}.".strip()


def continued(history: History, width: int) -> list[Line]:
    """That a run which went on did not do so bit by bit as if nothing had happened, and why; empty when it did."""
    if not history.resumed or history.resumed[-1].exact:
        return []
    fact = history.resumed[-1]
    rows = wrapped(f"continued from {_place(fact.step, history)}, not exact: {fact.reason}", width - 2)
    return [[*line(("! " if at == 0 else "  ", "warn")), *row] for at, row in enumerate(rows[:2])]


def resumptions(history: History, now: float, width: int) -> list[Line]:
    """When a run went on, and from where: the last times."""
    pairs = list(zip(history.resumed, history.resumed_times, strict=True))
    parts = [
        line(
            (
                f"resumed from {_place(fact.step, history)}, {fmt.age(max(now - moment, 0.0))} ago".replace(
                    "now ago", "now"
                ),
                "muted",
            )
        )
        for fact, moment in pairs[-3:]
    ]
    return flow(parts, width)


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

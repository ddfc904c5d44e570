"""One run as a row of a list: read from its files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.runs.history import History
from core.runs.notes import read_notes
from core.runs.resume import COMPLETE, outlook
from core.runs.run import Run, RunState


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the Runs table. Scores are those on validation: test figures are shown in an opened run only."""

    name: str
    path: Path
    state: RunState
    created: float
    seconds: float
    data: str
    base: str
    macro_f1: float | None
    accuracy: float | None
    worst_class: str
    worst_f1: float | None
    tags: tuple[str, ...]
    problem: str = ""
    fingerprint: str = ""
    """Of the data set; empty while it is not known."""
    validation_mark: str = ""
    """Of the validation rows: scores compare between runs where both are equal."""
    parent: str = ""
    """The run whose weights this one began with, if there is one."""
    can_finish: bool = False
    """Whether it can be scored and saved as it was left."""
    can_have_more: bool = False
    """Whether it has ended with a model, which another run can train for more epochs."""
    note: str = ""
    is_archived: bool = False
    """Whether a person put it aside: lists leave it out unless they are asked for it."""
    notes_problem: str = ""
    """Why its tags and its note cannot be read; the run itself may be whole."""
    group: str = ""
    """The group that it is a member of, if there is one."""


def created_at(run: Run) -> float:
    """When `run` was made, as unix time; 0 when that cannot be told."""
    try:
        return (run.path / "run.toml").stat().st_mtime
    except OSError:
        return 0.0


def base_name(base: str) -> str:
    """A base model in one word: of a folder its name, and for the model of a run the name of that run."""
    path = Path(base)
    return path.parent.name if path.name == "model" and path.parent.name else path.name


def summarise(run: Run, history: History | None = None) -> Summary:
    """The row of one run, from `metrics.json` when it is there, else from its log (or `history`, when that is read)."""
    from core.runs.follow import read_history
    from core.runs.groups import group_of

    created, problem, ahead = created_at(run), "", None
    data = base = worst = ""
    macro = accuracy = worst_f1 = None
    seconds, state = 0.0, RunState.INTERRUPTED
    try:
        config = run.config()
        data, base = Path(config.data.given or config.data.source).name, base_name(config.model.base)
        metrics = run.read_json("metrics.json")
        state = run.state()
        if not metrics:
            history = read_history(run) if history is None else history
            ahead = None if state.is_live else outlook(run, state, history.end)
            seconds = history.elapsed(time.time() if state.is_live else history.last_time)
            best = history.best or (history.full_evals[-1] if history.full_evals else None)
            names = history.data.label_names if history.data else ()
            if best and names:
                scores = best.scores
                macro, accuracy = scores.macro_f1, scores.accuracy
                worst, worst_f1 = names[scores.worst], scores.class_f1[scores.worst]
        else:
            seconds = float(metrics.get("seconds", 0.0))
            scored: dict[str, Any] = metrics["validation"]
            macro, accuracy = float(scored["macro_f1"]), float(scored["accuracy"])
            pairs = [(float(value), str(name)) for name, value in scored["class_f1"].items()]
            worst_f1, worst = min(pairs)
    except (RunError, ValueError, KeyError, TypeError, AttributeError, OSError) as broken:
        problem = str(broken) if isinstance(broken, RunError | OSError) else f"metrics.json is damaged: {broken!r}"
    notes = read_notes(run)
    return Summary(
        run.name,
        run.path,
        state,
        created,
        max(seconds, 0.0),
        data,
        base,
        macro,
        accuracy,
        worst,
        worst_f1,
        notes.tags,
        problem,
        *_marks(run),
        parent=notes.parent,
        can_finish=ahead is not None and ahead.can_finish,
        can_have_more=state in COMPLETE if ahead is None else ahead.can_have_more,
        note=notes.text,
        is_archived=notes.is_archived,
        notes_problem=notes.problem,
        group=group_of(run),
    )


def _marks(run: Run) -> tuple[str, str]:
    """(fingerprint of the data, mark of the validation rows), empty while they are not known."""
    try:
        facts = run.read_json("data.json")
    except RunError:
        return "", ""
    return str(facts.get("fingerprint", "")), str(facts.get("validation_mark", ""))

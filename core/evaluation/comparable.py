"""Which runs can be compared, on which rows; and where they cannot, why, and what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.config import RunConfig
from core.errors import ConfigError, RunError
from core.evaluation.alignment import Aligned, align, shared_rows
from core.evaluation.apart import differing_settings
from core.evaluation.common import Rows, ask_all, common_rows, shared_labels
from core.evaluation.looked import note_look
from core.evaluation.predictions import FILE, Predictions, read_predictions
from core.protocol import Progress, no_progress
from core.runs.run import Run
from core.text import safe

MOST = 8
"""Runs, or groups, that are compared at a time."""

MOST_RUNS = 64
COMMON = "common test"


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Runs that can be compared, with what they said."""

    runs: tuple[Run, ...]
    configs: tuple[RunConfig, ...]
    found: tuple[Predictions, ...]
    left_out: tuple[tuple[str, str], ...]


RowsOf: TypeAlias = Callable[[Chosen, str, Progress], tuple[Aligned, tuple[str, ...]]]
"""How the rows of a part are got: `rows_of`, or something that keeps what that gave."""


def choose(runs: Sequence[Run]) -> Chosen:
    """These runs with their predictions; one that has none is left out, and named.

    Raises `ConfigError` for one run, for the same one twice, and for too many; `RunError` when fewer than two remain.
    """
    paths = [run.path.resolve() for run in runs]
    if len(runs) < 2:
        raise ConfigError("One run cannot be compared", "It takes two at least.", "finetui runs lists them.")
    if len(runs) > MOST_RUNS:
        not_too_many(len(runs))
    if twice := [run.name for at, run in enumerate(runs) if paths[at] in paths[:at]]:
        raise ConfigError(f"{twice[0]} is named twice", "A run is not compared with itself.", "Name another run.")

    kept, left_out = [], []
    for run in runs:
        try:
            kept.append((run, run.config(), read_predictions(run)))
        except RunError as error:
            left_out.append((run.name, _why_none(run, error)))
    if len(kept) < 2:
        told = "; ".join(f"{name}: {why}" for name, why in left_out)
        raise RunError("Fewer than two of these runs can be compared", told, "Name others: finetui runs lists them.")
    sides = list(zip(*kept, strict=True))
    return Chosen(tuple(sides[0]), tuple(sides[1]), tuple(sides[2]), tuple(left_out))


def _why_none(run: Run, error: RunError) -> str:
    state = run.state()
    if state.is_live:
        return "it is being trained; its predictions come when it has finished"
    if not (run.path / FILE).is_file():
        return f"it has no predictions ({state})"
    return f"{error.title}. {error.message}".rstrip(". ")


def not_too_many(count: int) -> None:
    """Raise `ConfigError` when these are more runs, or groups, than are compared at a time."""
    if count > MOST:
        raise ConfigError(
            f"{count} runs are too many to compare",
            f"At most {MOST} at a time; runs that differ in their seed alone count as one.",
            "Name fewer: finetui runs lists them, best first.",
        )


def rows_of(chosen: Chosen, part: str, progress: Progress = no_progress) -> tuple[Aligned, tuple[str, ...]]:
    """What the runs said about the rows of a part, side by side, and what must be told of these rows.

    Raises `RunError` that says why there are no such rows, and what to do.
    """
    if part == COMMON:
        return _common(chosen, progress)
    _same_labels(chosen)
    parts = [one.part(part) for one in chosen.found]
    if none := [run.name for run, one in zip(chosen.runs, parts, strict=True) if not len(one)]:
        has = "has" if len(none) == 1 else "have"
        raise RunError(f"There is no {part} part to compare on", f"{', '.join(none)} {has} none.")
    aligned = align(parts)
    if aligned is None:
        raise _rows_differ(chosen, part, parts)
    return aligned, ()


def _same_labels(chosen: Chosen) -> None:
    names = [set(one.label_names) for one in chosen.found]
    if all(one == names[0] for one in names):
        return
    lacking: dict[tuple[str, ...], list[str]] = {}
    for run, mine in zip(chosen.runs, names, strict=True):
        lacking.setdefault(tuple(sorted(set.union(*names) - mine)), []).append(run.name)
    told = [
        f"{', '.join(who)} {'does' if len(who) == 1 else 'do'} not know {_some(lacks)}"
        for lacks, who in lacking.items()
        if lacks
    ]
    step = _offer(chosen, "on the labels that all of them know") if len(set.intersection(*names)) > 1 else ""
    raise RunError("These runs have different labels", "; ".join(told) + ".", step)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(safe(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _rows_differ(chosen: Chosen, part: str, parts: Sequence[Predictions]) -> RunError:
    counts = ", ".join(f"{run.name} {len(one)}" for run, one in zip(chosen.runs, parts, strict=True))
    apart = [one.path for one in differing_settings(chosen.configs) if one.path.split(".")[0] in ("data", "split")]
    why = f"Their settings differ in {', '.join(apart)}." if apart else "The data changed between them."
    message = f"Rows: {counts}; all have {shared_rows(parts)} of them. {why}"
    return RunError(
        f"These runs were not scored on the same {part} rows",
        message,
        _offer(chosen, "on what none of them trained on"),
    )


def _offer(chosen: Chosen, how: str) -> str:
    """How to compare all the same: on the rows that none has learned from, if there are any."""
    try:
        rows = common_rows(chosen.runs, chosen.found)
    except RunError:
        rows = None
    names = " ".join(run.name for run in chosen.runs)
    if rows:
        count = f"{len(rows)} test row{'s' * (len(rows) != 1)}"
        return f"finetui compare {names} --common compares {how}: {count}, which counts as a look at the test."
    again = f"finetui train … --split-of {chosen.runs[0].name}"
    return f"They have no common test rows either; a run on the same rows: {again}"


def _common(chosen: Chosen, progress: Progress) -> tuple[Aligned, tuple[str, ...]]:
    names = shared_labels(chosen.found)
    if len(names) < 2:
        raise RunError("These runs share fewer than two labels", "There is nothing to compare on.")
    rows = common_rows(chosen.runs, chosen.found)
    if not len(rows):
        raise RunError(
            "These runs have no common test rows",
            "A row must be in the test part of one of them, and no other may have trained on it.",
            f"finetui train … --split-of {chosen.runs[0].name} makes a run that compares.",
        )
    aligned = ask_all(chosen.runs, chosen.found, rows, progress)
    for run in chosen.runs:
        note_look(run, COMMON)
    return aligned, _common_notes(chosen, rows)


def _common_notes(chosen: Chosen, rows: Rows) -> tuple[str, ...]:
    told = [
        f"{len(rows)} rows that one of these runs tests on and that none trained on: this counts as a look at the test"
    ]
    if asked := [f"{run.name} {count}" for run, count in zip(chosen.runs, rows.asked, strict=True) if count]:
        told.append(f"Rows without a saved answer, asked of the models: {', '.join(asked)}")
    if chose := [f"of {run.name} {count}" for run, count in zip(chosen.runs, rows.chose, strict=True) if count]:
        told.append(f"Rows that chose the best epoch, which flatters a little: {', '.join(chose)}")
    if rows.unlike:
        told.append(f"{rows.unlike} rows are left out: the runs do not give them the same label")
    every = {name for one in chosen.found for name in one.label_names}
    if lost := sorted(every - set(rows.label_names)):
        told.append(f"Only the shared labels count, in gold and in answers; left out: {_some(lost)}")
    return tuple(told)

"""Labels of a run that may be wrong, ranked, each with its reason in words; and which row a person means by an id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.errors import ConfigError
from core.evaluation.judged_rows import FOLDS, VALIDATION, judged, rows_at, said_before, training_rows
from core.evaluation.predictions import Predictions, read_predictions, text_id
from core.evaluation.suspicious import Rank, Suspicion, suspicion
from core.protocol import Progress, no_progress
from core.runs.corrections import Decision, file_of, read_corrections
from core.runs.run import Run
from core.text import safe, shorten

SHORTEST_ID = 6
"""Digits of an id that are shown at least."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row whose label may be wrong."""

    id: str
    row: int
    """Record number in the source."""
    part: str
    text: str
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    likely: bool
    """Whether confident learning holds the label for wrong; else the row is only unusual for it."""
    source: str
    """Who says so: the run itself on validation, other runs, or small models by folds."""
    why: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates, the most suspicious first, and what they were found among."""

    rows: tuple[Candidate, ...]
    looked: int
    """Rows that were judged."""
    wrong: float
    """Labels estimated to be wrong among those."""
    decided: int
    """Rows that would be among the candidates, had nothing been decided about them."""
    label_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    digits: int = SHORTEST_ID
    """How much of an id tells it from all others of the run."""


def candidates(
    run: Run, *, everything: bool = False, rank: Rank = "relative", progress: Progress = no_progress
) -> Candidates:
    """What may be wrong in the labels of `run`: of its validation rows, with `everything` of its training rows too.

    Each source of probabilities is judged by itself, for thresholds of one say nothing of another. Raises `RunError`
    for a run without predictions.
    """
    found = judged(run, everything=everything, progress=progress)
    decided = _decided(run)
    listed: list[tuple[float, Candidate]] = []
    wrong, passed = 0.0, 0
    for source in dict.fromkeys(found.sources.tolist()):
        rows = found.rows.take(np.asarray(found.sources == source, dtype=bool))
        said = suspicion(rows.probabilities, rows.gold)
        wrong, figures = wrong + said.wrong, said.figure(rank)
        likely = said.confident | said.by_class | said.by_rate
        for at in np.flatnonzero(likely | (rows.said != rows.gold)):
            one = _candidate(rows, said, int(at), source, bool(likely[at]))
            if (text_id(one.text), one.given) in decided:
                passed += 1
                continue
            listed.append((float(figures[at]), one))
    listed.sort(key=lambda pair: (pair[0], pair[1].row))
    return Candidates(
        tuple(one for _, one in listed),
        len(found.rows),
        wrong,
        passed,
        found.rows.label_names,
        found.notes,
        digits_of(_ids(run, found.rows)),
    )


def _decided(run: Run) -> dict[tuple[str, str], Decision]:
    return {one.key: one for one in read_corrections(file_of(run), missing_ok=True).standing}


def _candidate(rows: Predictions, said: Suspicion, at: int, source: str, likely: bool) -> Candidate:
    names = rows.label_names
    code, other = int(rows.gold[at]), int(said.suggested[at])
    own, best = float(said.self_confidence[at]), float(rows.probabilities[at, other])
    usual = float(said.thresholds[code])
    who = {VALIDATION: "the model says", FOLDS: "models that have not seen it say"}.get(source, "other runs say")
    given, suggested = (shorten(safe(names[one]), 40) for one in (code, other))
    why = f"{who} {suggested} {best:.2f} and {given} {own:.2f}; rows labelled {given} have {usual:.2f} on average"
    return Candidate(
        id=str(rows.ids[at]),
        row=int(rows.rows[at]),
        part=str(rows.parts[at]),
        text=str(rows.texts[at]),
        given=names[code],
        suggested=names[other],
        given_probability=own,
        suggested_probability=best,
        likely=likely,
        source=source,
        why=why,
    )


def _ids(run: Run, rows: Predictions) -> list[str]:
    """The ids of all rows of `run`, as far as they are known."""
    import pyarrow
    import pyarrow.parquet

    try:
        known = pyarrow.parquet.read_table(run.path / "split.parquet", columns=["id"])["id"].to_pylist()
    except (OSError, KeyError, ValueError, pyarrow.ArrowException):
        known = []
    return [*known, *rows.ids.tolist()]


def digits_of(ids: Sequence[str]) -> int:
    """How many first digits tell any two different ones of these apart, `SHORTEST_ID` at least."""
    ordered = sorted(set(ids))
    shared = 0
    for one, two in pairwise(ordered):
        while one[: shared + 1] == two[: shared + 1]:
            shared += 1
    return max(shared + 1, SHORTEST_ID)


@dataclass(frozen=True, slots=True)
class Meant:
    """A row that a person named."""

    id: str
    part: str
    text: str
    label: str
    suggested: str
    """What it would be fixed to; empty where nobody has said anything about it yet."""


def rows_meant(run: Run, wanted: Sequence[str]) -> list[Meant]:
    """The rows of `run` whose ids begin so: held-out ones from its predictions, training ones from the data.

    Raises `ConfigError` for what begins no id or several, `RunError` when only the data could tell and it is gone.
    """
    held = read_predictions(run)
    places = {str(one): at for at, one in enumerate(held.ids)}
    found, missing = {}, []
    for one in wanted:
        mine = _beginning(one, list(places))
        if mine:
            found[one] = _meant(held, places[mine], suggested=True)
        else:
            missing.append(one)
    if missing:
        found |= _from_training(run, held, missing)
    return [found[one] for one in wanted]


def _meant(rows: Predictions, at: int, *, suggested: bool) -> Meant:
    others = rows.probabilities[at].copy()
    others[rows.gold[at]] = -1.0
    names = rows.label_names
    best = names[int(others.argmax())] if suggested and len(names) > 1 else ""
    return Meant(str(rows.ids[at]), str(rows.parts[at]), str(rows.texts[at]), names[int(rows.gold[at])], best)


def _from_training(run: Run, held: Predictions, wanted: Sequence[str]) -> dict[str, Meant]:
    dataset, at = training_rows(run, held.label_names)
    rows = rows_at(dataset, at)
    places = {str(one): place for place, one in enumerate(rows.ids)}
    found = {}
    said = said_before(run, dataset, held.label_names)
    for one in wanted:
        mine = _beginning(one, list(places))
        if not mine:
            step = f"finetui labels {run.name} lists candidates with their ids, --all those among the training rows."
            raise ConfigError(f"No row of {run.name} has an id that begins with {safe(shorten(one, 20))!r}", "", step)
        place = places[mine]
        known = said.get(mine)
        row = rows.take(np.array([place], dtype=np.int64))
        if known is not None:
            row.probabilities[0] = known
        found[one] = _meant(row, 0, suggested=known is not None)
    return found


def _beginning(given: str, ids: Sequence[str]) -> str:
    """The one id that begins so; empty for none. Raises `ConfigError` for several."""
    matches = [one for one in ids if one.startswith(given.lower())] if given else []
    if len(matches) > 1:
        raise ConfigError(
            f"{len(matches)} rows have an id that begins with {safe(shorten(given, 20))!r}",
            ", ".join(matches[:6]),
            "Give more of its digits.",
        )
    return matches[0] if matches else ""

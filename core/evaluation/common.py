"""The common test of runs whose rows differ: what none of them has learned from, asking the models where it must.

A row is in it when it lies in the locked test part of one run at least, and none of the others trained on it: not by
its id, not by its text, not by its record number where all read the same records (a cure may have changed the text).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import RunError
from core.evaluation.alignment import Aligned, among
from core.evaluation.metrics import Floats
from core.evaluation.predictions import Predictions, text_id
from core.protocol import Progress, no_progress
from core.runs.run import Run
from core.text import safe


@dataclass(frozen=True, slots=True)
class Rows:
    """The common rows of some runs, before any model was asked."""

    label_names: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """(run, position in its predictions) where each row was found: the first run that tested on it."""
    known: tuple[tuple[int, ...], ...]
    """Per run, the position of each row in its own predictions; -1: its model must be asked."""
    chose: tuple[int, ...]
    """Per run, how many of the rows are among those that chose its best epoch."""
    unlike: int
    """Rows left out because the runs do not give them the same label."""

    def __len__(self) -> int:
        return len(self.places)

    @property
    def asked(self) -> tuple[int, ...]:
        """Per run, how many rows its model must be asked about."""
        return tuple(sum(at < 0 for at in one) for one in self.known)


@dataclass(frozen=True, slots=True)
class _Side:
    """What one run knows of rows, by each way to name one: its id, its text, and perhaps its record number."""

    trained: tuple[set[object], ...]
    columns: tuple[list[object], ...]
    """What names each row that it has answered."""
    places: tuple[dict[object, int], ...]
    golds: list[str]

    def names(self, at: int) -> tuple[object, ...]:
        """Every name of one of its answered rows."""
        return tuple(column[at] for column in self.columns)

    def trained_on(self, names: tuple[object, ...]) -> bool:
        """Whether it has learned from the row with one of these names."""
        return any(name in known for name, known in zip(names, self.trained, strict=True))

    def place(self, names: tuple[object, ...]) -> int:
        """Where its answer to that row stands; -1: it has none."""
        found = (known[name] for name, known in zip(names, self.places, strict=True) if name in known)
        return next(found, -1)


def common_rows(runs: Sequence[Run], found: Sequence[Predictions]) -> Rows:
    """The common test of these runs; it may be empty. Raises `RunError` when a split cannot be read.

    Rows of labels that not all runs know are left out, and of rows that cannot be told apart (one text, where the runs
    read different records) one is kept.
    """
    names = shared_labels(found)
    same_records = len({_records(run) for run in runs}) == 1
    ways = ("id", "text", "row") if same_records else ("id", "text")
    sides = [_side(run, one, ways) for run, one in zip(runs, found, strict=True)]
    places: dict[object, tuple[int, int]] = {}
    unlike: set[object] = set()
    for number, (one, side) in enumerate(zip(found, sides, strict=True)):
        others = [other for at, other in enumerate(sides) if at != number]
        for at in np.flatnonzero(one.parts == "test").tolist():
            named, gold = side.names(at), side.golds[at]
            key = named[-1]
            if gold not in names or key in places or any(other.trained_on(named) for other in others):
                continue
            if any((there := other.place(named)) >= 0 and other.golds[there] != gold for other in others):
                unlike.add(key)
                continue
            places[key] = (number, at)
    chosen = tuple(places.values())
    known = tuple(tuple(side.place(sides[run].names(at)) for run, at in chosen) for side in sides)
    chose = tuple(
        sum(at >= 0 and one.parts[at] == "validation" for at in mine) for one, mine in zip(found, known, strict=True)
    )
    return Rows(names, chosen, known, chose, len(unlike))


def _records(run: Run) -> tuple[object, ...]:
    """Equal where record numbers mean the same."""
    facts, data = run.read_json("data.json"), run.config().data
    return data.source, data.validation_file, data.test_file, facts.get("read")


def shared_labels(found: Sequence[Predictions]) -> tuple[str, ...]:
    """The labels that all of these know, in the order of the first."""
    return tuple(name for name in found[0].label_names if all(name in one.label_names for one in found))


def _side(run: Run, one: Predictions, ways: Sequence[str]) -> _Side:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(run.path / "split.parquet")
        learned = [part == "train" for part in table["split"].to_pylist()]
        # the id of the text came later than the others
        names = [table[way].to_pylist() if way != "text" or way in table.column_names else [] for way in ways]
    except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException) as broken:
        raise RunError(f"The split of {run.name} cannot be read", safe(str(broken))[:300]) from None
    answered = {"id": one.ids.tolist(), "text": [text_id(text) for text in one.texts], "row": one.rows.tolist()}
    columns = tuple(answered[way] for way in ways)
    return _Side(
        tuple(set(itertools.compress(column, learned)) for column in names),
        columns,
        tuple({name: at for at, name in enumerate(column)} for column in columns),
        [one.label_names[code] for code in one.gold],
    )


def ask_all(runs: Sequence[Run], found: Sequence[Predictions], rows: Rows, progress: Progress = no_progress) -> Aligned:
    """The answers of every run to the common rows: those it wrote down, else its model's.

    Where the label sets differ the answer is the likeliest of the shared labels. Raises `RunError` naming a run whose
    model is needed and cannot be asked.
    """
    names, places = rows.label_names, rows.places
    texts = np.array([found[run].texts[at] for run, at in places], dtype=object)
    golds = [found[run].label_names[found[run].gold[at]] for run, at in places]
    sides = [
        _answers(run, one, known, texts, names, progress)
        for run, one, known in zip(runs, found, rows.known, strict=True)
    ]
    return Aligned(
        names,
        np.array([found[run].ids[at] for run, at in places], dtype=object),
        np.array([found[run].rows[at] for run, at in places], dtype=np.int64),
        texts,
        np.array([names.index(name) for name in golds], dtype=np.int64),
        np.stack(sides),
    )


def _answers(
    run: Run, one: Predictions, known: tuple[int, ...], texts: np.ndarray, names: tuple[str, ...], progress: Progress
) -> Floats:
    values = np.zeros((len(known), len(names)), dtype=np.float64)
    at = np.array(known, dtype=np.int64)
    there = at >= 0
    values[there] = among(one.probabilities[at[there]], one.label_names, names)
    if not there.all():
        from core.inference.predictor import open_predictor

        progress(0, int((~there).sum()), f"asking {run.name}")
        predictor = open_predictor(run.path)
        said = predictor.predict(texts[~there].tolist(), progress).probabilities
        values[~there] = among(said.astype(np.float64), tuple(predictor.label_names), names)
    return values

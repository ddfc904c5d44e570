"""Rows of a run with probabilities by models that were not trained on them: what suspicious labels are looked for in.

Three sources, the better first: the run's own predictions on its validation rows; the validation predictions of other
runs on the same data (those of folds cover every row that is not tested); and for the training rows that are left,
k folds of small models (`core.evaluation.out_of_fold`). Test rows are never among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, RunError, WorkbenchError
from core.evaluation.metrics import Floats, Ints
from core.evaluation.predictions import FILE, Predictions, read_predictions, row_ids
from core.protocol import Progress, no_progress
from core.runs.atomic import write_file
from core.runs.run import Run
from core.text import safe

if TYPE_CHECKING:
    from core.data.dataset import Dataset

VALIDATION, OTHERS, FOLDS = "validation", "other runs", "folds"

CACHE = "out-of-fold.parquet"
"""In the run folder: what the small models said, for they take a minute."""

_FORMAT = b"1"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Rows with their probabilities; `sources` has where those of each row came from. `notes`: what is to be known."""

    rows: Predictions
    sources: NDArray[np.object_]
    notes: tuple[str, ...] = ()


def judged(run: Run, *, everything: bool = False, progress: Progress = no_progress) -> Judged:
    """The validation rows of `run`; with `everything` its training rows too, where they can be had.

    What stands in the way of the training rows (a source that is gone, other classes) is among the notes. Raises
    `RunError` for a run without predictions.
    """
    validation = _read(run).part("validation")
    found = [(validation, VALIDATION)]
    notes: list[str] = []
    if everything:
        try:
            found += _training(run, validation, notes, progress)
        except Cancelled:
            raise
        except WorkbenchError as missing:
            why = " ".join(part for part in (missing.title + ".", missing.message) if part)
            notes.append(f"The training rows cannot be judged: {safe(why)}")
    together = [rows for rows, _ in found]
    sources = np.array([source for rows, source in found for _ in range(len(rows))], dtype=object)
    return Judged(_joined(together), sources, tuple(notes))


def _read(run: Run) -> Predictions:

    return read_predictions(run)


def training_rows(run: Run, names: Sequence[str]) -> tuple[Dataset, Ints]:
    """The data of `run` as it is now, and the positions of the rows that it was trained on.

    Raises `WorkbenchError` when the source is gone, or its classes are not `names` any more.
    """
    import pyarrow
    import pyarrow.parquet

    from core.data.kept import kept_dataset

    dataset = kept_dataset(run.config().data)
    if dataset.label_names != tuple(names):
        now, then = (", ".join(map(safe, some)) for some in (dataset.label_names, names))
        raise RunError("The data has other classes now", f"It has {now}; {run.name} was trained on {then}.")
    try:
        table = pyarrow.parquet.read_table(run.path / "split.parquet", columns=["id", "split"]).to_pydict()
    except (OSError, KeyError, ValueError, pyarrow.ArrowException) as broken:
        raise RunError(f"The split of {run.name} cannot be read", safe(str(broken))[:200]) from None
    trained = {one for one, part in zip(table["id"], table["split"], strict=True) if part == "train"}
    at = np.array([row for row, one in enumerate(row_ids(dataset)) if one in trained], dtype=np.int64)
    if len(at) == 0:
        raise RunError("The data has changed", f"None of the training rows of {run.name} is in it.")
    return dataset, at


def _training(
    run: Run, validation: Predictions, notes: list[str], progress: Progress
) -> Iterator[tuple[Predictions, str]]:
    progress(0, 0, "reading the data")
    names = validation.label_names
    dataset, at = training_rows(run, names)
    if run.read_json("data.json").get("fingerprint") != dataset.fingerprint:
        notes.append(f"The data has changed since {run.name} was trained: {len(at)} of its training rows are there.")
    rows = rows_at(dataset, at)
    known = _said_by_others(run, names)
    there = np.array([one in known for one in rows.ids], dtype=bool)
    if there.any():
        mine = rows.take(there)
        yield _with(mine, np.stack([np.mean(known[one], axis=0) for one in mine.ids])), OTHERS
    left = np.flatnonzero(~there)
    left = left[_can_be_judged(dataset, at[left], notes)]
    kept = _read_cache(run, dataset)
    if not all(one in kept for one in rows.ids[left]):
        found = _by_folds(run, dataset, at[left], notes, progress)
        _write_cache(run, dataset, rows.ids[left], found)
        kept = dict(zip(rows.ids[left].tolist(), found, strict=True))
    if len(left):
        yield _with(rows.take(left), np.stack([kept[one] for one in rows.ids[left]])), FOLDS


def said_before(run: Run, dataset: Dataset, names: tuple[str, ...]) -> dict[str, Floats]:
    """What is known already of training rows, by id: said by other runs, or kept of the small models."""
    others = {one: np.asarray(np.mean(said, axis=0)) for one, said in _said_by_others(run, names).items()}
    return _read_cache(run, dataset) | others


def rows_at(dataset: Dataset, at: Ints) -> Predictions:
    """The rows at these positions of the data, about which nothing is said yet: probabilities are 0."""
    parts = np.full(len(at), "train", dtype=object)
    texts = np.array([dataset.texts[int(row)] for row in at], dtype=object)
    ids = np.array(row_ids(dataset, at), dtype=object)
    nothing = np.zeros((len(at), len(dataset.label_names)))
    return Predictions(dataset.label_names, ids, dataset.rows[at], parts, texts, dataset.labels[at], nothing)


def _with(rows: Predictions, probabilities: Floats) -> Predictions:
    return Predictions(rows.label_names, rows.ids, rows.rows, rows.parts, rows.texts, rows.gold, probabilities)


def _joined(found: list[Predictions]) -> Predictions:
    names = ("ids", "rows", "parts", "texts", "gold", "probabilities")
    return Predictions(found[0].label_names, *(np.concatenate([getattr(one, name) for one in found]) for name in names))


def _said_by_others(run: Run, names: tuple[str, ...]) -> dict[str, list[Floats]]:
    """What other runs on the same data said about their validation rows, by the id of the row."""
    fingerprint = run.read_json("data.json").get("fingerprint")
    found: dict[str, list[Floats]] = {}
    for path in sorted(run.path.parent.iterdir()):
        with suppress(RunError, OSError):
            other = Run(path)
            if path == run.path or path.name.startswith(".") or not (path / FILE).is_file():
                continue
            if not fingerprint or other.read_json("data.json").get("fingerprint") != fingerprint:
                continue
            said = _read(other).part("validation")
            if said.label_names == names and not _knows_more(other):
                for one, probabilities in zip(said.ids, said.probabilities, strict=True):
                    found.setdefault(one, []).append(probabilities)
    return found


def _knows_more(run: Run) -> bool:
    """Whether a run began with weights of another: that one may have been trained on what this one validates on."""
    return (Path(run.config().model.base).parent / "run.toml").is_file()


def _can_be_judged(dataset: Dataset, at: Ints, notes: list[str]) -> NDArray[np.bool_]:
    """Which of the rows at these positions small models can say something about; `notes` gets why not of the others."""
    from core.evaluation.out_of_fold import too_rare

    names, labels = dataset.label_names, dataset.labels[at]
    rare = too_rare(labels, dataset.keys[at], len(names))
    if rare:
        classes = ", ".join(safe(names[code]) for code in rare)
        notes.append(f"Of {classes} there is one training text only: nothing can be said about its label.")
    fine: NDArray[np.bool_] = ~np.isin(labels, rare)
    if fine.any() and len(np.unique(labels[fine])) < 2:
        notes.append("The training rows that can be judged are all of one class: there is nothing to compare.")
        fine[:] = False
    return fine


def _by_folds(run: Run, dataset: Dataset, at: Ints, notes: list[str], progress: Progress) -> Floats:
    from core.evaluation.out_of_fold import out_of_fold

    texts = [dataset.texts[int(row)] for row in at]
    states = _states(run, texts, notes, progress)
    return out_of_fold(texts, dataset.labels[at], dataset.keys[at], len(dataset.label_names), states, progress)


def _states(run: Run, texts: list[str], notes: list[str], progress: Progress) -> NDArray[np.float32] | None:
    """The states of the run's base encoder as it was before it was ever fine-tuned; none where it cannot be had."""
    from dataclasses import replace

    from core.modelling.catalogue import locate
    from core.modelling.states import mean_states
    from core.training.device import choose_device

    config = run.config()
    base = config.model.base
    try:
        for _ in range(20):  # the model of a run has seen the labels: back to what that one began with
            before = Run(Path(base).parent)
            if not (before.path / "run.toml").is_file():
                break
            base = before.config().model.base
        device = choose_device(replace(config.training, device="auto"))
        return mean_states(locate(base), texts, device, config.model.max_length, progress)
    except Cancelled:
        raise
    except WorkbenchError as missing:
        notes.append(f"Judged by words alone, for the base model cannot be used: {safe(missing.title)}.")
        return None


def _mark(dataset: Dataset) -> dict[bytes, bytes]:
    return {b"finetui": _FORMAT, b"data": dataset.fingerprint.encode()}


def _read_cache(run: Run, dataset: Dataset) -> dict[str, Floats]:
    """What was kept of the rows of exactly this data, by id."""
    import pyarrow
    import pyarrow.parquet

    try:
        table: Any = pyarrow.parquet.read_table(run.path / CACHE)
        if {key: (table.schema.metadata or {}).get(key) for key in _mark(dataset)} != _mark(dataset):
            return {}
        columns = [table[str(code)].to_numpy().astype(np.float64) for code in range(len(dataset.label_names))]
        return dict(zip(table["id"].to_pylist(), np.stack(columns, axis=1), strict=True))
    except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException):
        return {}


def _write_cache(run: Run, dataset: Dataset, ids: NDArray[np.object_], probabilities: Floats) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {"id": ids.tolist(), **{str(code): column for code, column in enumerate(probabilities.T)}}
    table = pyarrow.table(columns).replace_schema_metadata(_mark(dataset))
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    with suppress(OSError):  # a run of somebody else is judged anew each time
        write_file(run.path / CACHE, sink.getvalue().to_pybytes())

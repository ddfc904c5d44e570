"""Which row went where, and what the model said about it: a run shows its mistakes when the source is gone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError
from core.evaluation.metrics import Floats, Ints
from core.runs.atomic import write_file
from core.text import safe

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split
    from core.runs.run import Run

FILE = "predictions.parquet"
_PROBABILITY = "p:"


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a run said about its held-out rows. All columns have one entry per row, in the order of the file."""

    label_names: tuple[str, ...]
    ids: NDArray[np.object_]
    """Identifies a row across runs (`row_id`)."""
    rows: Ints
    """1-based record numbers in the source."""
    parts: NDArray[np.object_]
    """`validation` or `test`."""
    texts: NDArray[np.object_]
    gold: Ints
    probabilities: Floats
    """Shape `[rows, classes]`, each row summing to 1."""

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def said(self) -> Ints:
        """The likeliest class of each row."""
        found: Ints = self.probabilities.argmax(axis=1).astype(np.int64)
        return found

    @property
    def confidence(self) -> Floats:
        """Its probability."""
        found: Floats = self.probabilities.max(axis=1)
        return found

    def take(self, which: NDArray[np.bool_] | Ints) -> Predictions:
        """These rows, by mask or position."""
        names = ("ids", "rows", "parts", "texts", "gold", "probabilities")
        return Predictions(self.label_names, *(getattr(self, name)[which] for name in names))

    def part(self, name: str) -> Predictions:
        """The rows of `validation` or `test`; there may be none."""
        return self.take(np.asarray(self.parts == name, dtype=bool))


def read_predictions(run: Run) -> Predictions:
    """What `run` said about its held-out rows. Raises `RunError` when it wrote nothing of the kind, or damaged."""
    import pyarrow
    import pyarrow.parquet

    path = run.path / FILE
    step = f"finetui show {run.name} says how it ended."
    if not path.is_file():
        raise RunError(
            f"{run.name} has no predictions", "They are written when a run has finished or was stopped.", step
        )
    try:
        table = pyarrow.parquet.read_table(path)
        names = tuple(one.removeprefix(_PROBABILITY) for one in table.column_names if one.startswith(_PROBABILITY))
        values = [table[f"{_PROBABILITY}{name}"].to_numpy() for name in names]
        place = {name: code for code, name in enumerate(names)}
        columns = {name: table[name].to_numpy(zero_copy_only=False) for name in ("id", "row", "split", "text", "gold")}
        gold = np.array([place[label] for label in columns["gold"]], dtype=np.int64)
        probabilities = np.stack(values, axis=1).astype(np.float64)
    except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException) as broken:
        raise RunError(f"The predictions of {run.name} cannot be read", safe(str(broken))[:300]) from None
    texts, rows = columns["text"].astype(object), columns["row"].astype(np.int64)
    parts = columns["split"].astype(object)
    return _sound(run, Predictions(names, columns["id"].astype(object), rows, parts, texts, gold, probabilities))


def _sound(run: Run, found: Predictions) -> Predictions:
    """`found` when its figures can be probabilities. Raises `RunError` for others."""
    off = ~np.isfinite(found.probabilities).all(axis=1)
    off |= (found.probabilities < 0).any(axis=1) | (np.abs(found.probabilities.sum(axis=1) - 1) > 0.01)
    if off.any():
        raise RunError(
            f"The predictions of {run.name} are damaged",
            f"{int(off.sum())} of {len(found)} rows hold no probabilities.",
            "Restore the file from a copy, or train the run again.",
        )
    return found


def row_id(text: str, group: str, row: int) -> str:
    """Identifies a row across runs: a hash of its text, its group and its number in the source."""
    return hashlib.sha256(f"{text}\0{group}\0{row}".encode("utf-8", errors="surrogatepass")).hexdigest()[:16]


def text_id(text: str) -> str:
    """Identifies a text wherever it stands."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]


def row_ids(dataset: Dataset, rows: Ints | None = None) -> list[str]:
    """The id of every row of `dataset`, or of those at the positions `rows`."""
    groups = dataset.groups
    rows = np.arange(len(dataset.texts)) if rows is None else rows
    return [
        row_id(dataset.texts[row], "" if groups is None else str(groups[row]), int(dataset.rows[row])) for row in rows
    ]


def write_split(path: Path, dataset: Dataset, split: Split) -> None:
    """`split.parquet`: one line per kept row, its id, its number in the source, the id of its text, and its part."""
    parts = np.empty(len(dataset.texts), dtype=object)
    for name in ("train", "validation", "test"):
        parts[getattr(split, name)] = name
    texts = [text_id(text) for text in dataset.texts]
    _write(path, {"id": row_ids(dataset), "row": dataset.rows, "text": texts, "split": parts.tolist()})


def write_predictions(path: Path, dataset: Dataset, split: Split, probabilities: dict[str, Floats]) -> None:
    """`predictions.parquet`: validation and test rows with text, gold label and a probability per class."""
    rows = np.concatenate([getattr(split, part) for part in probabilities])
    values = np.concatenate(list(probabilities.values()))
    names = dataset.label_names
    columns: dict[str, object] = {
        "id": row_ids(dataset, rows),
        "row": dataset.rows[rows],
        "split": [part for part, found in probabilities.items() for _ in range(len(found))],
        "text": [dataset.texts[row] for row in rows],
        "gold": [names[dataset.labels[row]] for row in rows],
    }
    columns |= {f"{_PROBABILITY}{name}": values[:, code].astype(np.float32) for code, name in enumerate(names)}
    _write(path, columns)


def _write(path: Path, columns: dict[str, object]) -> None:
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    write_file(path, sink.getvalue().to_pybytes())

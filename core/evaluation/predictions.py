"""Which row went where, and what the model said about it: a run shows its mistakes when the source is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.evaluation.metrics import Floats, Ints
from core.runs.atomic import write_file

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split


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
    columns |= {f"p:{name}": values[:, code].astype(np.float32) for code, name in enumerate(names)}
    _write(path, columns)


def _write(path: Path, columns: dict[str, object]) -> None:
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    write_file(path, sink.getvalue().to_pybytes())

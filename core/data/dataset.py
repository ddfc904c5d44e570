"""The data set that is trained on: texts and label codes, what was left out and why, and a fingerprint of it all."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.config import DataConfig
from core.config.recipe import told_by_line
from core.data.columns import Columns, choose_columns
from core.data.corrected import correct
from core.data.cures import apply_cures, parse_cure
from core.data.cures.rows import EMPTY_TEXT, Rows
from core.data.reading.header import is_number
from core.data.sources import read_table
from core.data.table import Codes, Decision, Ints, Table
from core.data.texts import Texts, arrow, blank, keys_and_words, sha_of_joined
from core.data.times import UNREADABLE, read_times
from core.errors import ConfigError
from core.protocol import Progress, no_progress

__all__ = ["Dataset", "Loaded", "clean", "load", "load_dataset"]

EMPTY_LABEL = "empty label"

_SCALES = (
    (
        "very negative",
        "negative",
        "somewhat negative",
        "neutral",
        "mixed",
        "somewhat positive",
        "positive",
        "very positive",
    ),
    ("neg", "neu", "pos"),
    ("bad", "ok", "good"),
    ("low", "medium", "high"),
    ("false", "true"),
    ("no", "yes"),
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Texts with their labels, ready to split.

    `labels` holds codes into `label_names`, shape `[rows]`; `rows` the 1-based record numbers in the source; `groups`
    a text per row (blank: in no group) or nothing. `read == len(texts) + sum(dropped.values())`.
    """

    texts: Texts
    labels: Ints
    label_names: tuple[str, ...]
    groups: NDArray[np.object_] | None
    rows: Ints
    source: str
    read: int
    dropped: dict[str, int]
    reading: tuple[Decision, ...]

    parts: Codes | None = field(default=None, repr=False)
    """A code into `PARTS` per row, when the data comes in parts."""
    times: Ints | None = field(default=None, repr=False)
    """Nanoseconds since 1970 per row, when a time column was named."""
    effects: dict[str, int] = field(default_factory=dict)
    """Rows that each cure dropped or changed, and the corrections (`corrections`)."""

    measured: tuple[Ints, Ints] | None = field(default=None, repr=False)
    """What `keys_and_words` found, when it was asked already."""

    @property
    def column(self) -> Any:
        """The texts as one Arrow array of `large_string`."""
        return arrow(self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """A sha256 over the texts and labels: equal ones mean the same data whatever file it came from."""
        return _fingerprint_of(self.column, self.label_names, self.labels)

    @cached_property
    def _measured(self) -> tuple[Ints, Ints]:
        return self.measured or keys_and_words(self.column)

    @property
    def keys(self) -> Ints:
        """A code below `rows` per text, shape `[rows]`; equal ones mean the same text but for case and white space."""
        return self._measured[0]

    @cached_property
    def group_keys(self) -> Ints | None:
        """A code per group, shape `[rows]`, or nothing. A row whose cell is blank is a group of its own."""
        if self.groups is None:
            return None
        codes = pd.factorize(self.groups)[0].astype(np.int64)
        alone = np.array([not str(group).strip() for group in self.groups], dtype=bool)
        codes[alone] = len(codes) + np.arange(int(alone.sum()))
        return codes

    @property
    def words(self) -> Ints:
        """Words per text, shape `[rows]`."""
        return self._measured[1]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A data set beside the table it came from, so that what left can be looked at too."""

    table: Table
    columns: Columns
    dataset: Dataset
    at: Ints
    """Positions in the table of the rows of the data set, in their order."""
    left_out: dict[str, Ints]
    """Positions in the table of the rows left out, by reason (records that never became a row are in `table.bad`)."""


def load_dataset(config: DataConfig, progress: Progress = no_progress) -> Dataset:
    """Read, choose columns, cure. Raises `DataError` for the data and `ConfigError` for a wrong setting."""
    return load(config, progress).dataset


def load(config: DataConfig, progress: Progress = no_progress) -> Loaded:
    """The same with everything around it, for a profile."""
    for text in config.cures:
        parse_cure(text)  # before a long file is read for nothing
    table = read_table(config, progress)
    return clean(table, choose_columns(table, config), config, progress)


def clean(table: Table, columns: Columns, config: DataConfig, progress: Progress = no_progress) -> Loaded:
    """The data set in a table: empty rows out, cures applied, labels corrected and coded.

    Raises `ConfigError` for a wrong cure, `DataError` for a time column that holds no times, and `RunError` for a file
    of corrections that cannot be read.
    """
    progress(0, 0, "cleaning")
    rows = _begin(table, columns)
    rows.drop(blank(rows.texts), EMPTY_TEXT)
    rows.drop_labels({""}, EMPTY_LABEL)
    times = read_times(table, config.time) if config.time else None
    if times is not None:
        rows.drop(~times.readable[rows.at], UNREADABLE)
    try:
        apply_cures(rows, config.cures, progress)
    except ConfigError as unfit:
        raise told_by_line(unfit, config) from None
    corrected = [correct(rows, config.corrections, lambda: _fingerprint(rows))] if config.corrections else []
    names, codes = _in_order(rows)
    texts = Texts(rows.texts)
    dataset = Dataset(
        texts=texts,
        labels=codes,
        label_names=names,
        groups=None if rows.groups is None else rows.groups.to_numpy(dtype=object),
        rows=table.rows[rows.at],
        source=table.source,
        read=table.read,
        dropped={**table.dropped, **{reason: len(gone) for reason, gone in rows.left_out.items()}},
        reading=(*table.reading, *columns.decisions, *([] if times is None else [times.decision]), *corrected),
        parts=None if table.part is None else table.part[rows.at],
        times=None if times is None else times.nanoseconds[rows.at],
        effects=rows.effects,
        measured=keys_and_words(texts, lambda done, total, _: progress(done, total, "comparing texts")),
    )
    return Loaded(table, columns, dataset, rows.at, rows.left_out)


def _begin(table: Table, columns: Columns) -> Rows:
    labels = pc.dictionary_encode(arrow(table.frame[columns.label]))
    codes, names = pd.factorize(np.array(pc.utf8_trim_whitespace(labels.dictionary).to_pylist(), dtype=object))
    return Rows(
        texts=_joined(table.frame, columns.text),
        codes=codes.astype(np.int64)[labels.indices.to_numpy(zero_copy_only=False)],
        names=[str(name) for name in names],
        groups=table.frame[columns.group] if columns.group else None,
        at=np.arange(len(table.frame), dtype=np.int64),
        part=table.part,
    )


def _joined(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """One column, or several with a line end between those that hold something."""
    texts: Any = frame[names[0]]
    for name in names[1:]:
        between = ((texts != "") & (frame[name] != "")).map({True: "\n", False: ""}).astype("str")
        texts = texts + between + frame[name]
    found: pd.Series = texts
    return found


def _fingerprint(rows: Rows) -> str:
    return _fingerprint_of(arrow(rows.texts), *_in_order(rows))


def _fingerprint_of(column: Any, names: tuple[str, ...], labels: Ints) -> str:
    found = sha_of_joined(column)
    found.update("\0".join(("", "", *names)).encode("utf-8", "surrogatepass"))
    found.update(labels.astype("<i8").tobytes())
    return str(found.hexdigest())


def _in_order(rows: Rows) -> tuple[tuple[str, ...], Ints]:
    """Label names in the order people expect, and codes into them; classes without rows are gone."""
    names = sort_labels(list(rows.present()))
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in rows.names], dtype=np.int64)
    return tuple(names), codes[rows.codes] if len(codes) else rows.codes


def sort_labels(names: list[str]) -> list[str]:
    """Numbers by value; a known scale (negative, neutral, positive) in its order; everything else by alphabet."""
    if all(map(is_number, names)):
        return sorted(names, key=lambda name: (float(name.replace(",", ".")), name))
    lower = [name.lower() for name in names]
    for scale in _SCALES:
        if set(lower) <= set(scale) and len(set(lower)) == len(lower):
            return sorted(names, key=lambda name: scale.index(name.lower()))
    return sorted(names)

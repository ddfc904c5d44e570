"""Answers about data for the line protocol: profile, rows, split. Keeps the last file and data set it loaded.

Every request carries `"config"`, what `core.config.to_dict` makes of a `RunConfig`.

    profile   -> source, given, members, columns, text, label, group, time, reading, read, kept, dropped, cures,
                 classes, findings, lengths, majority, problem                read == kept + the rows dropped
    rows      + start, count, filter, label, code
              -> total, rows: [{row, file, text, label}]                      row: record number in its file
                 not_held                                                     of bad rows: those counted beyond total
    split     -> label_names, train, validation, test, method, reason,        rows per class; how dealt and why;
                 left_out                                                     rows in no part
    examine   + check (one of `core.data.examine.CHECKS`), in the background
              -> findings, facts                                              what needs more than a glance
    cures     -> rules                                                        what `core.data.cures.catalogue` lists
    check     -> source, validation_file, test_file                           pinned to what was read; the error says
                                                                              why no run can train with this
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.config import DataConfig, RunConfig, from_dict, to_dict
from core.config.recipe import recipe_named
from core.data.columns import choose_columns
from core.data.cures import catalogue, parse_cure
from core.data.dataset import Loaded, clean
from core.data.examine import examine
from core.data.health import findings
from core.data.health.finding import Finding, mask_of
from core.data.profile import as_dict, profile, profile_without_columns
from core.data.sources import read_table, stamp
from core.data.split import split_rows
from core.data.table import BAD_LINE, BAD_ROW, Ints, Table
from core.data.texts import holding
from core.errors import DataError
from core.preflight import preflight
from core.protocol import Handler, Progress
from core.runs.corrections import state_of
from core.text import shorten

_ALONE = {".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".pq"}
"""Ends of files that are one table; whatever else is read again when other columns are chosen."""

MOST_ROWS = 5000
LONGEST_TEXT = 5000
"""Characters of one text that an answer carries; nobody reads more in a terminal."""


@dataclass(frozen=True)
class _Looked:
    """A data set and its findings, made once."""

    loaded: Loaded
    deeper: dict[str, Finding] = field(default_factory=dict)
    """What was found by examining, by code."""

    def finding(self, code: str) -> Finding | None:
        """The finding of this code, from the glance or from what was examined since."""
        return next((one for one in self.findings if one.code == code), self.deeper.get(code))

    @cached_property
    def findings(self) -> list[Finding]:
        """The health report."""
        return findings(self.loaded)


class DataService:
    """Owns the last table and the last data set, so that a cure or another page does not read the file again."""

    def __init__(self) -> None:
        self._table: tuple[object, Table] | None = None
        self._looked: tuple[object, _Looked] | None = None
        self._lock = threading.RLock()

    def handlers(self) -> dict[str, Handler]:
        """The requests it answers, by name."""
        quick = (self.profile, self.rows, self.split, self.check, self.cures, self.recipe)
        return {handler.__name__: handler for handler in quick}

    def background(self) -> dict[str, Handler]:
        """Those that take long and are answered beside the others."""
        return {"examine": self.examine}

    def profile(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Everything about the data set. Raises `DataError` when there is no table to speak of."""
        config = _config(request)
        with self._lock:
            table = self._read(config.data, progress)
        try:
            looked = self._look(config.data, progress)
        except DataError as wrong:
            if config.data.text and config.data.label:
                raise
            return profile_without_columns(table, config.data, wrong)
        progress(0, 0, "looking for faults")
        return profile(looked.loaded, config.data, config.split, looked.findings)

    def rows(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """A page of rows: all, of one label, holding some words, or those behind a finding or a cure.

        Raises `DataError` for a finding that there is not.
        """
        looked = self._look(_config(request).data, progress)
        start, count = _whole(request, "start", 0), min(_whole(request, "count", 100), MOST_ROWS)
        code, words, label = (str(request.get(key) or "") for key in ("code", "filter", "label"))
        if code == "bad-rows":
            return _bad_rows(looked.loaded.table, start, count, words)
        finding = looked.finding(code)
        if finding is not None and len(finding.left_out):
            return _table_rows(looked.loaded, finding.left_out, start, count, words)
        if code in looked.loaded.left_out:
            return _table_rows(looked.loaded, looked.loaded.left_out[code], start, count, words)
        if code and finding is None:
            raise DataError(f"There is no finding {code!r}", next_step="The profile names the codes of its findings.")
        return _kept_rows(looked.loaded, finding, start, count, words, label)

    def split(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Rows per class in each part. Raises `DataError` when this data cannot be split."""
        config = _config(request)
        dataset = self._look(config.data, progress).loaded.dataset
        parts = split_rows(dataset, config.split)
        names = dataset.label_names

        def counts(rows: Ints) -> list[int]:
            return [int(count) for count in np.bincount(dataset.labels[rows], minlength=len(names))]

        return {
            "label_names": list(names),
            "train": counts(parts.train),
            "validation": counts(parts.validation),
            "test": counts(parts.test),
            "method": parts.method,
            "reason": parts.reason,
            "left_out": len(parts.left_out),
        }

    def examine(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """One check that needs more than a glance. Raises `DataError` for a check that there is not."""
        config = _config(request)
        looked = self._look(config.data, progress)
        found = examine(str(request.get("check") or ""), looked.loaded, config, progress)
        looked.deeper.update({one.code: one for one in found.findings})
        return {"findings": [as_dict(one) for one in found.findings], "facts": found.facts}

    def cures(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Every rule that a cure may name."""
        return {"rules": catalogue()}

    def recipe(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """The configuration with the recipe called `name`. Raises what of it does not fit this data, and its line."""
        config = recipe_named(str(request.get("name") or "")).applied(_config(request))
        split_rows(self._look(config.data, progress).loaded.dataset, config.split)
        return {"config": to_dict(config)}

    def check(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Look at everything before a run is created. Raises what stands in its way."""
        config = _config(request)
        data = preflight(config, lambda: self._look(config.data, progress).loaded).data
        return {name: getattr(data, name) for name in ("source", "validation_file", "test_file", "corrections")}

    def _read(self, config: DataConfig, progress: Progress) -> Table:
        key = _table_key(config)
        if self._table is None or self._table[0] != key:
            self._table = self._looked = None  # before the next one is read: two would not fit where one does
            self._table = (key, read_table(config, progress))
        return self._table[1]

    def _look(self, config: DataConfig, progress: Progress) -> _Looked:
        for text in config.cures:
            parse_cure(text)
        with self._lock:
            table = self._read(config, progress)
            key = (self._table and self._table[0], config, state_of(config.corrections))
            if self._looked is None or self._looked[0] != key:
                self._looked = (key, _Looked(clean(table, choose_columns(table, config), config, progress)))
            return self._looked[1]


def _table_key(config: DataConfig) -> object:
    """Equal keys mean the same table. Files are joined by their text and label columns, so those count for several."""
    known = replace(config, recipe="", group="", time="", cures=(), corrections="")
    parts = config.validation_file or config.test_file
    if config.source == "sample" or (Path(config.source).suffix.lower() in _ALONE and not parts):
        known = replace(known, text=(), label="")
    return stamp(config), known


def _config(request: dict[str, Any]) -> RunConfig:
    tree = request.get("config", {})
    if not isinstance(tree, dict):
        raise DataError("This request has no configuration", '"config" must be an object.')
    return from_dict(tree)


def _whole(request: dict[str, Any], key: str, default: int) -> int:
    value = request.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(f'"{key}" must be a whole number of 0 or more', f"It is {value!r}.")
    return value


def _row(table: Table, number: int, text: str, label: str) -> dict[str, Any]:
    file, row = table.place(int(number))
    return {"row": row, "file": file, "text": shorten(text, LONGEST_TEXT), "label": label}


def _kept_rows(
    loaded: Loaded, finding: Finding | None, start: int, count: int, words: str, label: str
) -> dict[str, Any]:
    dataset = loaded.dataset
    mask = np.ones(len(dataset.texts), dtype=bool)
    if finding is not None:
        mask = mask_of(finding.kept, len(mask)) if len(finding.kept) else mask & bool(finding.rows)
    if label:
        names = dataset.label_names
        mask &= dataset.labels == (names.index(label) if label in names else -1)
    for word in words.split():
        mask &= holding(dataset.column, word, any_case=True)
    # A finding's own order: what is nearly the same stands together.
    at = finding.kept[mask[finding.kept]] if finding is not None and len(finding.kept) else np.flatnonzero(mask)
    page = [
        _row(loaded.table, dataset.rows[one], dataset.texts[one], dataset.label_names[dataset.labels[one]])
        for one in at[start : start + count]
    ]
    return {"total": len(at), "rows": page}


def _table_rows(loaded: Loaded, positions: Ints, start: int, count: int, words: str) -> dict[str, Any]:
    """Rows that were left out, as they stand in the table."""
    frame, table = loaded.table.frame, loaded.table
    if words:
        texts = frame[loaded.columns.text[0]].iloc[positions]
        for word in words.split():
            mask = holding(texts, word, any_case=True)
            positions, texts = positions[mask], texts[mask]
    page = []
    for at in positions[start : start + count]:
        cells = frame.iloc[int(at)]
        text = "\n".join(str(cells[name]) for name in loaded.columns.text)
        page.append(_row(table, table.rows[at], text, str(cells[loaded.columns.label])))
    return {"total": len(positions), "rows": page}


def _bad_rows(table: Table, start: int, count: int, words: str) -> dict[str, Any]:
    wanted = [word.lower() for word in words.split()]
    found = [one for one in table.bad if all(word in one.text.lower() for word in wanted)]
    page = [_row(table, one.row, one.text, "") for one in found[start : start + count]]
    gone = table.dropped.get(BAD_ROW, 0) + table.dropped.get(BAD_LINE, 0)
    return {"total": len(found), "rows": page, "not_held": max(gone - len(table.bad), 0)}

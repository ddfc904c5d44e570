"""The split of another run, used again row for row, so that two runs are compared on the same rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split.parts import NOWHERE, TEST, TRAIN, VALIDATION, Split, listed, number, split_from
from core.data.split.trainable import require_trained_classes
from core.data.table import PARTS, Ints
from core.data.texts import Mask
from core.errors import DataError
from core.evaluation.predictions import row_ids, text_id
from core.paths import expanded
from core.text import safe

_UNKNOWN = -2
"""The code of a row that the other run did not have."""

_WAYS = ("id", "text", "row")
"""How a row of the other run is known again, the surest first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """The rows of the other run: their ids, their part, and whether its record numbers mean those of this source."""

    frame: pd.DataFrame
    """`id`, `row`, `part` (a code) and, where it was written, `text`."""
    same_records: bool


def beside(config: SplitConfig, root: Path) -> SplitConfig:
    """`config` with the name of a run turned into the folder below `root`, when there is one."""
    found = root / config.of
    bare = bool(config.of) and os.sep not in config.of
    return replace(config, of=str(found)) if bare and found.is_dir() else config


def split_again(dataset: Dataset, config: SplitConfig) -> Split:
    """Known rows keep their part, new ones are trained on, what has become a copy of a held-out row is left out.

    A copy is a row with the same text (where copies are kept together) or the same group. Training rows that were one
    in the other run already stay: given parts may share texts, and the two runs are to be compared.

    Raises `DataError` when the other run has no split, or one of other data.
    """
    folder = expanded(config.of)
    name = safe(folder.name)
    known = _read(folder, dataset)
    match, way = _match(known, dataset)
    before = known.frame["part"].to_numpy()
    codes = np.where(match >= 0, before[match], _UNKNOWN).astype(np.int64)
    here = np.bincount(codes[codes >= 0], minlength=len(PARTS))
    if here[VALIDATION] == 0:
        what = "validation" if here[TEST] else "validation or test"
        step = "Name a run on this data: finetui runs lists them. Without --split-of the rows are dealt anew."
        raise DataError(f"{name} was split on other data", f"None of its {what} rows is here.", step)
    new, held = codes == _UNKNOWN, (codes == VALIDATION) | (codes == TEST)
    copies = (new | (codes == TRAIN)) & _became_like(dataset, held, way, config.keep_duplicates_together)
    codes[new] = TRAIN
    codes[copies] = NOWHERE
    became = int((copies & ~new).sum())
    others = "--split-of another run, or deal anew without it"
    require_trained_classes(dataset, codes, others)
    gone = np.ones(len(before), dtype=bool)
    gone[match[match >= 0]] = False
    said = [f"as in {name}: {number(int(here.sum()) - became)} rows where they were"]
    if count := int((new & ~copies).sum()):
        said.append(f"{number(count)} new rows trained on")
    if became:
        said.append(f"{number(became)} training rows that became copies of held-out ones left out")
    if count := int((copies & new).sum()):
        said.append(f"{number(count)} new copies of held-out rows left out")
    if gone.any():
        lost = np.bincount(before[gone & (before >= 0)], minlength=len(PARTS))
        parts = [f"{number(int(count))} {part}" for part, count in zip(PARTS, lost, strict=True) if count]
        said.append(f"{listed(parts) or number(int(gone.sum()))} rows of {name} are not here")
    if not here[TEST]:
        said.append("there is no locked test part")
    return split_from(codes, "again", "; ".join(said))


def _read(folder: Path, dataset: Dataset) -> _Known:
    """What the other run wrote about its split."""
    import pyarrow
    import pyarrow.parquet

    name = safe(folder.name)
    step = "Name a run of finetui runs, or the path of its folder; it has a split once it began to train."
    if not folder.is_absolute() and not folder.is_dir():
        raise DataError(f"There is no run folder {safe(str(folder))!r}", "It was looked for in this folder.", step)
    try:
        frame = pyarrow.parquet.read_table(folder / "split.parquet").to_pandas()
        parts = {part: code for code, part in enumerate(PARTS)}
        frame["part"] = [parts.get(part, NOWHERE) for part in frame["split"]]
        frame["row"] = frame["row"].astype(np.int64)
        for one in ["id", *{"text"} & set(frame)]:
            _numbers(frame[one])
    except FileNotFoundError:
        raise DataError(f"{name} has no split", f"There is no split.parquet in {safe(str(folder))}.", step) from None
    except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException) as broken:
        first = next(iter(safe(str(broken)).splitlines()), "")
        raise DataError(f"The split of {name} cannot be read", first, step) from None
    facts: object = None
    with suppress(OSError, ValueError):
        facts = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    same = isinstance(facts, dict) and (facts.get("source"), facts.get("read")) == (dataset.source, dataset.read)
    return _Known(frame, same)


def _match(known: _Known, dataset: Dataset) -> tuple[Ints, Ints]:
    """The row of `known` that each row here is, or -1, and the way it was found by, both `[rows]`: no row twice.

    By its id; else by its text, for the same rows may stand elsewhere in another file; else by its record number, for a
    cure may have changed the text (where source and number of records are the same).
    """
    frame, texts = known.frame, dataset.texts
    found = np.full(len(texts), -1, dtype=np.int64)
    by = np.full(len(texts), -1, dtype=np.int64)
    taken = np.zeros(len(frame), dtype=bool)
    for code, way in enumerate(_WAYS):
        wanted, free = np.flatnonzero(found < 0), np.flatnonzero(~taken)
        if len(wanted) == 0 or way not in frame or (way == "row" and not known.same_records):
            continue
        there = frame[way].to_numpy()[free]
        if way == "row":
            here, there = dataset.rows[wanted], there.astype(np.int64)
        else:
            ids = row_ids(dataset, wanted) if way == "id" else [text_id(texts[row]) for row in wanted]
            here, there = _numbers(ids), _numbers(there)
        at = _places(here, there)
        found[wanted[at >= 0]] = free[at[at >= 0]]
        by[wanted[at >= 0]] = code
        taken[found[found >= 0]] = True
    return found, by


def _numbers(ids: Iterable[str]) -> Ints:
    """Ids of 16 hexadecimal digits as numbers: a tenth of the time that texts take."""
    return np.frombuffer(bytes.fromhex("".join(ids)), dtype=">i8").astype(np.int64)


def _places(here: Ints, there: Ints) -> Ints:
    """Where each value of `here` stands in `there`, or -1; the second copy of a value is that in the second place."""
    codes = pd.factorize(np.concatenate((there, here)))[0].astype(np.int64)
    sides = [pd.Series(codes[: len(there)]), pd.Series(codes[len(there) :])]
    copies = [side.groupby(side).cumcount().to_numpy() for side in sides]
    most = max((int(one.max()) + 1 for one in copies if len(one)), default=1)
    first, second = (side.to_numpy() * most + copy for side, copy in zip(sides, copies, strict=True))
    return np.asarray(pd.Index(first).get_indexer(pd.Index(second)), dtype=np.int64)


def _became_like(dataset: Dataset, held: Mask, way: Ints, by_text: bool) -> Mask:
    """Which rows share a text or a group with a held-out one, and did not do so in the other run.

    A row found by its id has its old text and group, one found by its text its old text: two such rows that are alike
    now were alike then.
    """
    found = np.zeros(len(held), dtype=bool)
    if by_text:
        old = (way == _WAYS.index("id")) | (way == _WAYS.index("text"))
        found |= _anew(dataset.keys, held, old)
    if dataset.group_keys is not None:
        found |= _anew(dataset.group_keys, held, way == _WAYS.index("id"))
    return found


def _anew(codes: Ints, held: Mask, old: Mask) -> Mask:
    """Which rows have the code of a held-out one, but for pairs of old rows."""
    before = old & np.isin(codes, codes[held & old])
    found: Mask = np.isin(codes, codes[held]) & ~before
    return found

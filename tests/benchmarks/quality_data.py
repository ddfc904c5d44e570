"""The data sets of the quality experiment: which rows train, choose and judge, drawn once with a fixed seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.config import DataConfig
from core.modelling.encoding import Encoded, Ints, encode, load_tokenizer

SPLIT_SEED = 17
LONGEST = 96
TRAIN, VALIDATION, TEST = 800, 400, 1500
"""Rows at most; two slow cores have to train each set some sixty times."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One data set ready to train on. The parts are row numbers into `texts`, `labels` and `encoded`."""

    name: str
    title: str
    texts: list[str]
    labels: Ints
    label_names: tuple[str, ...]
    train: Ints
    validation: Ints
    test: Ints
    encoded: Encoded
    max_length: int
    pad: int

    @property
    def classes(self) -> int:
        return len(self.label_names)

    @property
    def imbalance(self) -> float:
        """Training rows of the largest class for each of the smallest."""
        counts = np.bincount(self.labels[self.train], minlength=self.classes)
        return float(counts.max() / max(counts.min(), 1))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a set comes from. `shares` is set where all rows are used, in these shares."""

    title: str
    config: Callable[[Path], DataConfig]
    shares: tuple[float, float, float] | None = None
    whole: bool = False
    """Every row of the parts that it comes in, however many."""
    rest_tests: bool = False
    """Every row that neither trains nor chooses is a test row: where scores lie near 100, few rows tell little."""


def _parts(folder: Path, train: str, validation: str, test: str, **more: Any) -> DataConfig:
    """A set that comes in three files; copies of a text go, the first part that has it keeps it."""
    names = {"source": train, "validation_file": validation, "test_file": test}
    return DataConfig(**{key: str(folder / name) for key, name in names.items()}, cures=("drop-duplicates",), **more)


SOURCES = {
    "sst2": Source(
        "SST-2 sentences",
        lambda at: _parts(at / "sst2_sentence", "train.tsv", "dev.tsv", "test.tsv", header="no", quoting="none"),
    ),
    "sst2-whole": Source(
        "SST-2, all sentences",
        lambda at: _parts(at / "sst2_sentence", "train.tsv", "dev.tsv", "test.tsv", header="no", quoting="none"),
        whole=True,
    ),
    "smile": Source(
        "SMILE",
        lambda at: DataConfig(
            source=str(at / "smile" / "smile-annotations-final.csv"),
            header="no",
            text=("column_2",),
            label="column_3",
            cures=("drop-multi-label:|", "drop-class:nocode", "drop-duplicates"),
        ),
        (0.70, 0.15, 0.15),
    ),
    "emotion": Source(
        "tweet_eval emotion",
        lambda at: _parts(at / "tweeteval_emotion", "train.csv", "val.csv", "test.csv", text=("text",), label="label"),
    ),
    "sms": Source(
        "SMS spam",
        lambda at: DataConfig(
            source=str(at / "sms_spam" / "sms.tsv"), header="no", quoting="none", cures=("drop-duplicates",)
        ),
        rest_tests=True,
    ),
    "music": Source(
        "musical instruments",
        lambda at: DataConfig(
            source=str(next((at / "amazon_musical_instruments").glob("*.csv"))),
            text=("reviewText",),
            label="overall",
            cures=("drop-duplicates",),
        ),
    ),
}


def material(name: str, folder: Path) -> Material:
    """The set `name` from `folder`, drawn and tokenised. Raises `WorkbenchError` when it is not there."""
    from core.data.dataset import load_dataset
    from core.modelling.catalogue import locate

    source = SOURCES[name]
    data = load_dataset(source.config(folder))
    if source.whole and data.parts is not None:
        train, validation, test = (np.flatnonzero(data.parts == part) for part in range(3))
    else:
        train, validation, test = drawn(data.labels, data.parts, source.shares)
    if source.rest_tests:
        test = np.setdiff1d(np.arange(len(data.labels)), np.concatenate([train, validation]))
    rows = np.concatenate([train, validation, test])
    texts = [data.texts[int(row)] for row in rows]
    tokenizer = load_tokenizer(locate("starter").folder)
    encoded, longest = encode(tokenizer, texts, 0, LONGEST)
    ends = np.cumsum([len(train), len(validation), len(test)])
    places = np.split(np.arange(len(rows)), ends[:-1])
    return Material(
        name,
        source.title,
        texts,
        data.labels[rows],
        data.label_names,
        *places,
        encoded,
        longest,
        int(tokenizer.pad_token_id or 0),
    )


def drawn(labels: Ints, parts: Ints | None, shares: tuple[float, float, float] | None) -> tuple[Ints, Ints, Ints]:
    """Row numbers that train, choose and judge: each class in its share, every class in each part where rows allow."""
    every = np.arange(len(labels))
    draw = np.random.default_rng(SPLIT_SEED)
    if parts is not None:
        train, validation, test = (every[parts == part] for part in range(3))
    else:
        test = _take(labels, every, round(shares[2] * len(every)) if shares else TEST, draw)
        rest = np.setdiff1d(every, test)
        validation = _take(labels, rest, round(shares[1] * len(every)) if shares else VALIDATION, draw)
        train = np.setdiff1d(rest, validation)
    if shares:
        return train, validation, test
    return (
        _take(labels, train, TRAIN, draw),
        _take(labels, validation, VALIDATION, draw),
        _take(labels, test, TEST, draw),
    )


def _take(labels: Ints, rows: Ints, size: int, draw: np.random.Generator) -> Ints:
    """About `size` of `rows`, each class in its share and with at least one row."""
    if len(rows) <= size:
        return rows
    chosen = []
    for code in np.unique(labels[rows]):
        mine = rows[labels[rows] == code]
        chosen.append(draw.choice(mine, max(round(size * len(mine) / len(rows)), 1), replace=False))
    return np.sort(np.concatenate(chosen))

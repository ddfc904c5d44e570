"""The split: every row once, no text on two sides, every class in every part, the same rows everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from core.config import SplitConfig
from core.data.dataset import Dataset
from core.data.split import Split, split_rows
from core.errors import DataError


def _dataset(rows: list[tuple[str, int]], groups: list[str] | None = None) -> Dataset:
    labels = np.array([label for _, label in rows], dtype=np.int64)
    return Dataset(
        texts=[text for text, _ in rows],
        labels=labels,
        label_names=tuple(f"class {code}" for code in range(int(labels.max()) + 1)),
        groups=None if groups is None else np.array(groups, dtype=object),
        rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        source="made",
        read=len(rows),
        dropped={},
        reading=(),
    )


def _parts(split: Split) -> list[np.ndarray]:
    return [part for part in (split.train, split.validation, split.test) if len(part)]


def _check(dataset: Dataset, split: Split, parts: int) -> None:
    found = _parts(split)
    assert len(found) == parts
    assert sorted(np.concatenate(found).tolist()) == list(range(len(dataset.texts)))
    for part in found:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
        assert set(dataset.labels[part].tolist()) == set(dataset.labels.tolist())


def _crossing(values: list[str], split: Split) -> set[str]:
    sides = [{values[row] for row in part} for part in _parts(split)]
    return {value for at, side in enumerate(sides) for other in sides[at + 1 :] for value in side & other}


def _within(split: Split, end: int) -> Split:
    return Split(*(part[part < end] for part in (split.train, split.validation, split.test)))


@st.composite
def _rows(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Two to four classes of three or more texts each, some of them many times over in odd case and spacing."""
    rows: list[tuple[str, int]] = []
    for label in range(draw(st.integers(2, 4))):
        for number in range(draw(st.integers(3, 25))):
            for _ in range(draw(st.sampled_from([1, 1, 1, 2, 7]))):
                text = draw(st.sampled_from(["text {} of {}", "TEXT  {} of {}", " text {}\tof {}\n"]))
                rows.append((text.format(number, label), label))
    return draw(st.permutations(rows)) if len(rows) < 60 else rows


@given(_rows(), st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.15, 0.4]), st.sampled_from([0.01, 0.15, 0.4]))
def test_no_duplicate_crosses_and_every_class_is_everywhere(
    rows: list[tuple[str, int]], seed: int, test: float, validation: float
) -> None:
    dataset = _dataset(rows)
    split = split_rows(dataset, SplitConfig(seed=seed, test=test, validation=validation))
    _check(dataset, split, 3 if test else 2)
    assert not _crossing([" ".join(text.lower().split()) for text, _ in rows], split)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 9)), min_size=20, max_size=120))
def test_texts_and_groups_that_tie_classes_together(made: list[tuple[int, int, int]]) -> None:
    """Texts under several labels, and groups of several classes: dealt without a crossing, or refused."""
    rows = [(f"text {text}", label) for text, label, _ in made]
    groups = [f"group {group}" for _, _, group in made]
    assume({label for _, label in rows} == {0, 1, 2})
    for given_groups in (None, groups):
        dataset = _dataset(rows, given_groups)
        try:
            split = split_rows(dataset, SplitConfig())
        except DataError:
            continue
        _check(dataset, split, 3)
        assert not _crossing([text for text, _ in rows], split)
        assert given_groups is None or not _crossing(groups, split)


def test_shares_of_classes_are_kept() -> None:
    dataset = _dataset([(f"text {n}", 0 if n % 10 else 1) for n in range(1000)])
    split = split_rows(dataset, SplitConfig(validation=0.2, test=0.1))
    assert [len(part) for part in _parts(split)] == [700, 200, 100]
    assert [int(dataset.labels[part].sum()) for part in _parts(split)] == [70, 20, 10]


def test_a_text_that_fills_half_the_data_is_trained_on() -> None:
    rows = [("call now", 0)] * 200 + [(f"text {n}", n % 2) for n in range(200)]
    split = split_rows(_dataset(rows), SplitConfig())
    assert set(range(200)) <= set(split.train.tolist())
    assert 0.1 < len(split.validation) / len(rows) < 0.2


def test_groups_stay_together() -> None:
    rows = [(f"phrase {n}", n % 2) for n in range(300)]
    groups = [f"sentence {n // 5}" for n in range(300)]
    dataset = _dataset(rows, groups)
    split = split_rows(dataset, SplitConfig())
    _check(dataset, split, 3)
    assert not _crossing(groups, split)
    assert 30 <= len(split.test) <= 60


@pytest.mark.parametrize("blank", ["", "  "])
def test_rows_without_a_group_are_not_one_group(blank: str) -> None:
    rows = [(f"phrase {n}", n % 2) for n in range(300)]
    groups = [f"sentence {n // 5}" if n < 60 else blank for n in range(300)]
    split = split_rows(_dataset(rows, groups), SplitConfig())
    assert [len(part) for part in _parts(split)] == [210, 45, 45]
    assert not _crossing([group or str(n) for n, group in enumerate(groups) if group.strip()], _within(split, 60))
    ungrouped = _dataset(rows, [blank] * 300)
    assert [part.tolist() for part in _parts(split_rows(ungrouped, SplitConfig()))] == [
        part.tolist() for part in _parts(split_rows(_dataset(rows), SplitConfig()))
    ]


def test_rows_without_a_group_are_enough_for_every_part() -> None:
    rows = [(f"phrase {n}", n % 2) for n in range(40)]
    _check(_dataset(rows, [""] * 40), split_rows(_dataset(rows, [""] * 40), SplitConfig()), 3)
    with pytest.raises(DataError, match="too few rows"):
        split_rows(_dataset(rows, ["one"] * 40), SplitConfig())


def test_the_same_rows_on_every_machine() -> None:
    dataset = _dataset([(f"text {n % 180}", n % 180 % 3) for n in range(200)])
    split = split_rows(dataset, SplitConfig(seed=17))
    marks = hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in _parts(split))).hexdigest()
    assert marks[:16] == "9ffdddd412d68fe0"
    again = split_rows(dataset, SplitConfig(seed=17))
    other = split_rows(dataset, SplitConfig(seed=18))
    assert all((a == b).all() for a, b in zip(_parts(split), _parts(again), strict=True))
    assert split.validation.tolist() != other.validation.tolist()


def test_a_published_split_is_repeated_row_for_row() -> None:
    """scikit-learn's split over codes by first appearance: other codes give other rows."""
    labels = np.random.RandomState(3).choice([2, 0, 1], size=300, p=[0.6, 0.3, 0.1])
    dataset = _dataset([(f"text {n % 250}", int(label)) for n, label in enumerate(labels)])
    split = split_rows(dataset, SplitConfig(test=0.0, validation=0.15, seed=17, keep_duplicates_together=False))
    codes = pd.factorize(dataset.labels)[0]
    train, validation = train_test_split(np.arange(300), test_size=0.15, random_state=17, stratify=codes)
    assert split.train.tolist() == sorted(train)
    assert split.validation.tolist() == sorted(validation)
    assert len(split.test) == 0


def test_unkept_duplicates_with_a_test_part() -> None:
    dataset = _dataset([(f"text {n % 50}", n % 2) for n in range(400)])
    split = split_rows(dataset, SplitConfig(keep_duplicates_together=False))
    _check(dataset, split, 3)
    assert (len(split.validation), len(split.test)) == (60, 60)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(DataError, match="too few rows"):
        split_rows(_dataset([("a b", 0), ("c d", 0), ("e f", 0), ("g h", 1)]), SplitConfig())
    few = [(f"text {n}", n % 4) for n in range(12)]
    with pytest.raises(DataError, match="cannot be split"):
        split_rows(_dataset(few), SplitConfig(validation=0.01, test=0.0, keep_duplicates_together=False))

"""Bootstrap intervals beside scipy's, and every drawn score beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from core.evaluation import intervals as room
from core.evaluation.intervals import FIGURES, beside_the_rest, intervals, scores_of_cells
from core.evaluation.metrics import Ints, score


def answers(rows: int, classes: int, seed: int = 0, right: float = 0.7) -> tuple[Ints, Ints]:
    chance = np.random.default_rng(seed)
    gold = chance.integers(classes, size=rows)
    return gold, np.where(chance.random(rows) < right, gold, chance.integers(classes, size=rows))


@given(st.integers(2, 5), st.integers(0, 10_000))
def test_every_drawn_score_is_scikit_learns(classes: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    golds, saids = np.divmod(np.arange(classes * classes), classes)
    counts = chance.integers(0, 3, size=(4, classes * classes)) * chance.integers(0, 2, size=classes * classes)
    counts[:, -1] += 1
    for found, cells in zip(scores_of_cells(counts, golds, saids), counts, strict=True):
        gold, said = np.repeat(golds, cells), np.repeat(saids, cells)
        f1 = [reference.f1_score(gold, said, average=kind, zero_division=0) for kind in ("macro", "weighted")]
        assert found == pytest.approx([reference.accuracy_score(gold, said), *f1], abs=1e-12, rel=0)


def test_the_interval_of_an_accuracy_is_that_of_the_binomial_it_is_drawn_from() -> None:
    gold, said = answers(200, 4)
    found = intervals(gold, said, 4, draws=20_000)["accuracy"]
    exact = stats.binom.ppf([0.025, 0.975], 200, found.value) / 200
    assert [found.low, found.high] == pytest.approx(exact, abs=1 / 200 + 1e-9)


@pytest.mark.parametrize("dear", [0, 10**9], ids=["cells drawn", "rows drawn"])
def test_the_intervals_are_scipys(dear: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "DEAR", dear)
    gold, said = answers(150, 3)
    found = intervals(gold, said, 3, draws=4000)
    for name in FIGURES:
        theirs = stats.bootstrap(
            (np.arange(150),),
            lambda rows, name=name: getattr(score(gold[rows], said[rows], 3), name),
            vectorized=False,
            n_resamples=2000,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert [found[name].low, found[name].high] == pytest.approx([theirs.low, theirs.high], abs=0.012), name


def test_the_difference_to_the_rest_is_scipys() -> None:
    gold, said = answers(300, 3)
    here = np.arange(300) < 80
    said[:40] = (gold[:40] + 1) % 3
    scores, off = beside_the_rest(gold, said, here, 3, draws=4000)
    right = (gold == said).astype(float)
    theirs = stats.bootstrap(
        (right[here], right[~here]),
        lambda one, other, axis: one.mean(axis=axis) - other.mean(axis=axis),
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert [off["accuracy"].low, off["accuracy"].high] == pytest.approx([theirs.low, theirs.high], abs=0.015)
    assert off["accuracy"].high < 0
    assert (
        off["macro_f1"].value == score(gold[here], said[here], 3).macro_f1 - score(gold[~here], said[~here], 3).macro_f1
    )
    assert scores["accuracy"].value == right[here].mean()


def test_the_same_seed_gives_the_same_interval_around_the_score_itself() -> None:
    gold, said = answers(90, 5)
    found = intervals(gold, said, 5)
    assert found == intervals(gold, said, 5)
    assert found != intervals(gold, said, 5, seed=1)
    whole = score(gold, said, 5)
    for name in FIGURES:
        assert found[name].value == getattr(whole, name)
        assert found[name].low < found[name].value < found[name].high


def test_many_classes_are_drawn_in_blocks_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gold, said = answers(400, 40)
    whole = intervals(gold, said, 40, draws=600)["macro_f1"]
    monkeypatch.setattr(room, "_NUMBERS", 4000)
    blocks = intervals(gold, said, 40, draws=600)["macro_f1"]
    assert [blocks.low, blocks.high] == pytest.approx([whole.low, whole.high], abs=0.01)


def test_no_rows_have_no_interval() -> None:
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="no rows"):
        intervals(none, none, 2)

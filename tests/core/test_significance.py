"""Intervals, tests and corrections: against scipy, scikit-learn, and every possible resample of a few rows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from core.evaluation.metrics import Floats, Ints, score
from core.evaluation.significance import (
    MEASURES,
    bootstrap_p,
    draw_scores,
    group_draws,
    holm,
    interval_of,
    mcnemar,
    scores_of,
    seed_test,
)


def models(rows: int, classes: int, right: tuple[float, ...], seed: int = 0) -> tuple[Ints, Ints]:
    """(gold, answers of several models `[models, rows]`)."""
    draw = np.random.default_rng(seed)
    gold = draw.integers(0, classes, rows)
    said = [np.where(draw.random(rows) < share, gold, draw.integers(0, classes, rows)) for share in right]
    return gold, np.array(said)


def test_scores_from_cells_are_scikit_learns() -> None:
    gold, said = models(150, 5, (0.8, 0.5, 0.1))
    found = scores_of(gold, said, 7)  # two classes that nobody has
    for at, one in enumerate(said):
        assert found["accuracy"][at] == pytest.approx(reference.accuracy_score(gold, one), abs=1e-12)
        for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
            expected = reference.f1_score(gold, one, average=average, zero_division=0)
            assert found[name][at] == pytest.approx(expected, abs=1e-12)


def test_the_draws_are_those_of_rows_drawn_with_replacement() -> None:
    """Of 5 rows there are 3 125 resamples: their distribution is known, not estimated."""
    gold, said = np.array([0, 0, 1, 1, 2]), np.array([[0, 1, 1, 1, 0], [0, 0, 0, 1, 2]])
    every = []
    for rows in itertools.product(range(5), repeat=5):
        some = np.array(rows)
        both = [score(gold[some], one[some], 3) for one in said]
        every.append(
            [getattr(both[1], name) - getattr(both[0], name) for name in ("macro_f1", "accuracy", "weighted_f1")]
        )
    expected = np.array(every)
    drawn = draw_scores(gold, said, 3, draws=40_000)
    for at, name in enumerate(MEASURES):
        found = drawn[name][:, 1] - drawn[name][:, 0]
        assert found.mean() == pytest.approx(expected[:, at].mean(), abs=0.01)
        assert found.std() == pytest.approx(expected[:, at].std(), abs=0.01)
        for value in np.unique(expected[:, at].round(9)):
            at_most = np.mean(expected[:, at] <= value + 1e-7)
            assert np.mean(found <= value + 1e-7) == pytest.approx(at_most, abs=0.012)


def test_the_interval_is_that_of_scipys_bootstrap() -> None:
    gold, said = models(300, 3, (0.8, 0.7))
    right = (said == gold).astype(float)
    drawn = draw_scores(gold, said, 3)["accuracy"]
    found = interval_of(float(right[1].mean() - right[0].mean()), drawn[:, 1] - drawn[:, 0])
    expected = stats.bootstrap(
        (right[0], right[1]), lambda one, two, axis: two.mean(axis=axis) - one.mean(axis=axis), paired=True,
        vectorized=True, method="percentile", n_resamples=9_999, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)
    assert found.low < found.value < found.high


def test_the_same_rows_are_drawn_for_all_models() -> None:
    gold, said = models(200, 4, (0.7, 0.6))
    drawn = draw_scores(gold, np.array([said[0], said[1], said[0]]), 4, draws=500)
    assert np.array_equal(drawn["macro_f1"][:, 0], drawn["macro_f1"][:, 2])
    apart = drawn["macro_f1"][:, 2] - drawn["macro_f1"][:, 0]
    assert interval_of(0.0, apart).low == interval_of(0.0, apart).high == 0
    assert bootstrap_p(apart) == 1


def test_the_same_question_gets_the_same_answer() -> None:
    gold, said = models(100, 3, (0.7, 0.6))
    one, two = (draw_scores(gold, said, 3, draws=300)["macro_f1"] for _ in range(2))
    assert np.array_equal(one, two)
    assert len(np.unique(one[:, 0])) > 50


def test_chunks_of_many_cells_make_whole_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.evaluation.significance._CHUNK", 100)
    gold, said = models(80, 3, (0.7, 0.6))
    assert draw_scores(gold, said, 3, draws=333)["accuracy"].shape == (333, 2)


def test_fewer_draws_where_cells_are_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    gold, said = models(60, 3, (0.7, 0.6))
    assert len(draw_scores(gold, said, 3)["accuracy"]) == 10_000
    monkeypatch.setattr("core.evaluation.significance._BINOMIALS", 10)
    assert len(draw_scores(gold, said, 3)["accuracy"]) == 2_000


def answered(fixed: int, broken: int, both: int = 5) -> tuple[Ints, Ints, Ints]:
    gold = np.zeros(fixed + broken + both, dtype=np.int64)
    first, second = gold.copy(), gold.copy()
    first[:fixed], second[fixed : fixed + broken] = 1, 1
    return gold, first, second


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_scipys_binomial_test(fixed: int, broken: int) -> None:
    found = mcnemar(*answered(fixed, broken))
    assert (found.fixed, found.broken) == (fixed, broken)
    rows = fixed + broken
    if rows == 0:
        assert found.p == found.exact == 1
        return
    assert found.exact == pytest.approx(stats.binomtest(fixed, rows, 0.5).pvalue, rel=1e-10)
    # mid-p: half of the probability of what was seen, on each side
    less = min(fixed, broken)
    seen = stats.binom.pmf(less, rows, 0.5)
    middle = 1 - seen / 2 if fixed == broken else 2 * (stats.binom.cdf(less, rows, 0.5) - seen / 2)
    assert found.p == pytest.approx(middle, rel=1e-9)
    assert 0 < found.p <= found.exact


def test_mcnemar_of_many_rows_neither_overflows_nor_vanishes() -> None:
    found = mcnemar(*answered(20_500, 20_000))
    assert found.exact == pytest.approx(stats.binomtest(20_500, 40_500, 0.5).pvalue, rel=1e-9)
    assert mcnemar(*answered(3_000, 0)).p < 1e-300


def level(kind: str, rows: int) -> float:
    """How often a test at 5 % calls a fair coin unfair, over every outcome of so many discordant rows."""
    found = [getattr(mcnemar(*answered(fixed, rows - fixed)), kind) for fixed in range(rows + 1)]
    return float(sum(stats.binom.pmf(fixed, rows, 0.5) for fixed, p in enumerate(found) if p <= 0.05))


def test_mid_p_keeps_its_level_where_the_exact_test_is_too_careful() -> None:
    """As Fagerland et al. 2013 found: near 5 %, over numbers of discordant rows as they come."""
    middle, exact = ([level(kind, rows) for rows in range(6, 60)] for kind in ("p", "exact"))
    assert max(exact) <= 0.05
    assert 0.04 < np.mean(middle) <= 0.05
    assert np.mean(exact) < 0.035


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_stepwise_procedure_rejects(values: list[float]) -> None:
    found = holm(values)
    assert all(1 >= new >= old for new, old in zip(found, values, strict=True))
    for level in (0.01, 0.05, 0.2):
        rejected: set[int] = set()  # Holm 1979: the smallest first, until one stands
        for place, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if values[at] * (len(values) - place) > level:
                break
            rejected.add(at)
        assert {at for at, one in enumerate(found) if one <= level} == rejected


def test_holm_leaves_one_value_and_multiplies_the_smallest() -> None:
    assert holm([0.03]) == [0.03]
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_the_bootstraps_p_meets_five_percent_where_the_interval_meets_zero() -> None:
    draws = np.random.default_rng(0).normal(1.0, 1.0, 9_999)
    shifted = draws - np.percentile(draws, 2.5)  # its 95 % interval begins at 0
    assert bootstrap_p(shifted) == pytest.approx(0.05, abs=0.001)
    assert bootstrap_p(-shifted) == pytest.approx(0.05, abs=0.001)
    assert bootstrap_p(draws + 99) == 2 / 10_000


def seeds(apart: float, scatter: float, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """(draws `[draws, 2 count]`, scores `[2 count]`) of two groups whose seeds scatter so, on rows that hardly do."""
    draw = np.random.default_rng(seed)
    scores = np.concatenate([draw.normal(0.7, scatter, count), draw.normal(0.7 + apart, scatter, count)])
    return scores + draw.normal(0, 1e-4, (4_000, 1)), scores


def test_seeds_that_scatter_widen_the_interval_as_students_t_does() -> None:
    drawn, scores = seeds(0.05, 0.02, 8)
    one, two = list(range(8)), list(range(8, 16))
    found = interval_of(0.0, group_draws(drawn, scores, one, two, paired=False))
    expected = stats.ttest_ind(scores[two], scores[one], equal_var=False).confidence_interval()
    assert found.low == pytest.approx(expected.low, abs=0.003)
    assert found.high == pytest.approx(expected.high, abs=0.003)
    paired = interval_of(0.0, group_draws(drawn, scores, one, two, paired=True))
    expected = stats.ttest_rel(scores[two], scores[one]).confidence_interval()
    assert paired.low == pytest.approx(expected.low, abs=0.004)
    assert paired.high == pytest.approx(expected.high, abs=0.004)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_drawn_seeds_scatter_as_the_standard_error_of_so_few(count: int) -> None:
    _, scores = seeds(0.05, 0.02, count)
    one, two = list(range(count)), list(range(count, 2 * count))
    drawn = np.tile(scores, (40_000, 1))  # the rows stay as they are
    error = math.sqrt(sum(scores[side].var(ddof=1) / count for side in (one, two)))
    degrees = stats.ttest_ind(scores[two], scores[one], equal_var=False).df
    expected = error * stats.t.ppf(0.975, degrees) / stats.norm.ppf(0.975)
    found = group_draws(drawn, scores, one, two, paired=False)
    assert found.std() == pytest.approx(expected, rel=0.02)
    assert found.mean() == pytest.approx(scores[two].mean() - scores[one].mean(), abs=0.03 * expected)


def test_seeds_that_agree_leave_the_rows_alone() -> None:
    gold, said = models(200, 3, (0.8, 0.6))
    twice = np.array([said[0], said[0], said[1], said[1]])
    drawn, scores = draw_scores(gold, twice, 3, draws=2_000)["macro_f1"], scores_of(gold, twice, 3)["macro_f1"]
    found = group_draws(drawn, scores, [0, 1], [2, 3], paired=False)
    assert found == pytest.approx(drawn[:, 2] - drawn[:, 0], abs=1e-12)


def test_three_seeds_of_nothing_are_seldom_called_a_difference() -> None:
    """The settings are alike, the seeds scatter: 5 of 100 may be called different, and twice that is too many."""
    called = 0
    for trial in range(200):
        drawn, scores = seeds(0.0, 0.03, 3, trial)
        called += bootstrap_p(group_draws(drawn, scores, [0, 1, 2], [3, 4, 5], paired=False)) <= 0.05
    assert called <= 20


def test_the_test_over_seeds_is_scipys() -> None:
    one, two = [0.71, 0.74, 0.70, 0.72], [0.75, 0.78, 0.74, 0.79]
    welch, paired = seed_test(one, two, paired=False), seed_test(one, two, paired=True)
    assert welch is not None
    assert paired is not None
    for found, expected in ((welch, stats.ttest_ind(two, one, equal_var=False)), (paired, stats.ttest_rel(two, one))):
        assert found.p == pytest.approx(expected.pvalue, rel=1e-10)
        assert found.t == pytest.approx(expected.statistic, rel=1e-10)
        assert found.degrees == pytest.approx(expected.df, rel=1e-10)
    uneven = seed_test(one, two[:3], paired=False)
    assert uneven is not None
    assert uneven.p == pytest.approx(stats.ttest_ind(two[:3], one, equal_var=False).pvalue, rel=1e-10)


def test_nothing_is_said_over_seeds_that_are_too_few_or_do_not_scatter() -> None:
    assert seed_test([0.7, 0.8], [0.9, 0.95, 0.9], paired=False) is None
    assert seed_test([0.7, 0.7, 0.7], [0.9, 0.9, 0.9], paired=False) is None
    assert seed_test([0.1, 0.2, 0.3], [0.2, 0.3, 0.4], paired=True) is None
    assert not math.isnan(bootstrap_p(np.zeros(10)))

"""How sure a model may be: scores beside scikit-learn's, a planted temperature, thresholds tried one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics as reference

from core.config import RunConfig
from core.errors import ConfigError, RunError
from core.evaluation import calibration as c
from core.evaluation.judgement import Judgement, drop_judgement, keep_judgement, read_judgement
from core.evaluation.metrics import Floats, Ints, softmax
from core.runs import RunStore


def drawn(rows: int, classes: int = 3, sharpness: float = 1.0, seed: int = 0) -> tuple[Floats, Floats, Ints]:
    """(logits times `sharpness`, their probabilities, labels drawn from what the plain logits say)."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(rows, classes), scale=1.5)
    shares = softmax(logits.astype(np.float32))
    gold = np.array([chance.choice(classes, p=one / one.sum()) for one in shares])
    sharp = logits * sharpness
    return sharp, softmax(sharp.astype(np.float32)), gold


sure = st.lists(st.tuples(st.sampled_from([0.4, 0.5, 0.55, 0.7, 0.8, 0.9, 0.93, 1.0]), st.booleans()), min_size=1)


@given(sure)
def test_the_error_of_calibration_is_what_its_definition_says(rows: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([one for one, _ in rows]), np.array([hit for _, hit in rows])
    bins = c.reliability(confidence, right)
    assert len(bins) == 10
    expected = 0.0
    for at in range(10):
        inside = (confidence > at / 10 + 1e-9) & (confidence <= (at + 1) / 10 + 1e-9)
        assert bins[at].rows == inside.sum()
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert c.calibration_error(bins) == pytest.approx(expected, abs=1e-12)


@given(sure)
def test_bins_of_equal_mass_hold_every_row_once_and_equal_ones_together(rows: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([one for one, _ in rows]), np.array([hit for _, hit in rows])
    bins = c.reliability(confidence, right, equal="mass")
    assert sum(one.rows for one in bins) == len(rows)
    assert all(one.rows for one in bins)
    assert all(one.low <= one.confidence <= one.high + 1e-12 for one in bins)
    assert sum(one.right * one.rows for one in bins) == pytest.approx(right.sum())


def test_bins_of_equal_mass_are_even_where_no_two_rows_are_alike() -> None:
    confidence = np.linspace(0.3, 0.99, 200)
    assert [one.rows for one in c.reliability(confidence, confidence > 0.5, equal="mass")] == [20] * 10


def test_scores_of_probabilities_are_scikit_learns() -> None:
    _, shares, gold = drawn(300)
    theirs = reference.brier_score_loss(gold, shares, labels=[0, 1, 2], scale_by_half=False)
    assert c.brier(shares, gold) == pytest.approx(theirs, abs=1e-12)
    assert c.negative_log_likelihood(shares, gold) == pytest.approx(reference.log_loss(gold, shares), abs=1e-12)


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 2.5])
def test_the_temperature_is_the_one_with_the_least_loss(sharpness: float) -> None:
    logits, shares, gold = drawn(4000, sharpness=sharpness)
    found = c.fit_temperature(shares, gold)
    theirs = optimize.minimize_scalar(
        lambda log: c.negative_log_likelihood(softmax((logits / np.exp(log)).astype(np.float32)), gold),
        bounds=(-3, 3),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found.value == pytest.approx(np.exp(theirs.x), rel=1e-3)
    assert found.value == pytest.approx(sharpness, rel=0.1)
    assert (found.reason, found.rows) == ("", 4000)
    mended = c.with_temperature(shares, found.value)
    assert c.negative_log_likelihood(mended, gold) <= c.negative_log_likelihood(shares, gold)


def test_a_temperature_changes_probabilities_as_it_would_the_logits() -> None:
    logits, shares, _ = drawn(50)
    assert c.with_temperature(shares, 1.0) == pytest.approx(shares, abs=1e-7)
    expected = softmax((logits / 1.7).astype(np.float32))
    assert c.with_temperature(shares, 1.7) == pytest.approx(expected, abs=1e-6)
    ranks = np.argsort(shares, axis=1)
    assert (np.argsort(c.with_temperature(shares, 1.7), axis=1) == ranks).all()


def test_a_temperature_that_nothing_speaks_for_is_one_or_at_its_bound() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    right = c.fit_temperature(shares, np.array([0, 1, 0]))
    assert (right.value, right.rows) == (1.0, 3)
    assert "without a mistake" in right.reason
    wrong = c.fit_temperature(shares, np.array([1, 0, 1]))
    assert wrong.value == c.HOTTEST
    assert "highest" in wrong.reason
    assert c.fit_temperature(shares[:0], np.zeros(0, dtype=np.int64)).reason == "there are no rows to fit it on"


def test_a_probability_of_zero_is_no_infinite_loss() -> None:
    shares = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.4]])
    gold = np.array([0, 1, 0])
    assert np.isfinite(c.negative_log_likelihood(shares, gold))
    assert np.isfinite(c.with_temperature(shares, c.fit_temperature(shares, gold).value)).all()


@given(sure, st.sampled_from([0.5, 0.8, 0.95, 1.0]))
def test_no_threshold_that_reaches_what_is_wished_answers_more(rows: list[tuple[float, bool]], wished: float) -> None:
    confidence, right = np.array([one for one, _ in rows]), np.array([hit for _, hit in rows])
    found = c.lowest_threshold(confidence, right, wished)
    every = np.arange(0, 10_001, 10) / 10_000
    kept = [c.tradeoff(confidence, right, step) for step in every]
    reaching = [one for one in kept if one.accuracy is not None and one.accuracy >= wished]
    if found is None:
        assert not reaching
        return
    picked = c.tradeoff(confidence, right, found)
    assert picked.accuracy is not None
    assert picked.accuracy >= wished
    assert picked.rows == max(one.rows for one in reaching)


def test_coverage_and_accuracy_of_a_threshold() -> None:
    confidence, right = np.array([0.9, 0.8, 0.6, 0.5]), np.array([True, True, False, True])
    found = c.tradeoff(confidence, right, 0.6)
    assert (found.rows, found.coverage, found.accuracy) == (3, 0.75, 2 / 3)
    none = c.tradeoff(confidence, right, 0.95)
    assert (none.rows, none.accuracy, none.low, none.high) == (0, None, 0.0, 1.0)


@given(st.integers(1, 500), st.data())
def test_the_interval_of_a_share_is_scipys(rows: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, rows))
    theirs = stats.binomtest(hits, rows).proportion_ci(method="wilson")
    assert c.wilson(hits, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_what_was_decided_for_a_run_is_kept_and_taken_back(store: RunStore) -> None:
    run = store.create(RunConfig(), "kept")
    assert read_judgement(run) is None
    keep_judgement(run, Judgement(1.4, 0.7, 120))
    assert read_judgement(run) == Judgement(1.4, 0.7, 120)
    for below in (-0.1, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="cannot be a threshold"):
            keep_judgement(run, Judgement(1.4, below))
    assert read_judgement(run) == Judgement(1.4, 0.7, 120)
    drop_judgement(run)
    drop_judgement(run)
    assert read_judgement(run) is None


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": 1}', '{"format": 9, "temperature": 1, "unsure_below": 0.5}',
     '{"format": 1, "temperature": -1, "unsure_below": 0.5}', '{"format": 1, "temperature": 1, "unsure_below": "x"}'],
)  # fmt: skip
def test_a_damaged_decision_is_refused_by_name(text: str, store: RunStore) -> None:
    run = store.create(RunConfig(), "kept")
    (run.path / "judgement.json").write_text(text)
    with pytest.raises(RunError) as refused:
        read_judgement(run)
    assert "judgement.json" in str(refused.value)

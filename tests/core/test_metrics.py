"""Scores against scikit-learn's, to twelve digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from core.evaluation.baseline import TfidfBaseline, majority
from core.evaluation.metrics import Ints, as_dict, confusion_matrix, log_loss, report, score, softmax

EXACT = {"abs": 1e-12, "rel": 0}


@st.composite
def answers(draw: st.DrawFn) -> tuple[Ints, Ints, int]:
    """(gold, predicted, number of classes); classes may be missing from either."""
    classes = draw(st.integers(2, 6))
    rows = draw(st.integers(1, 60))
    codes = st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)
    return np.array(draw(codes)), np.array(draw(codes)), classes


@given(answers())
def test_every_figure_is_scikit_learns(given: tuple[Ints, Ints, int]) -> None:
    gold, predicted, classes = given
    found = report(gold, predicted, classes)
    labels = list(range(classes))
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        gold, predicted, labels=labels, zero_division=0
    )
    assert found.precision == pytest.approx(precision, **EXACT)
    assert found.recall == pytest.approx(recall, **EXACT)
    assert np.array(found.scores.class_f1) == pytest.approx(f1, **EXACT)
    assert found.support.tolist() == support.tolist()
    assert found.confusion.tolist() == reference.confusion_matrix(gold, predicted, labels=labels).tolist()
    scores = found.scores
    assert scores.rows == len(gold)
    assert scores.accuracy == pytest.approx(reference.accuracy_score(gold, predicted), **EXACT)
    macro = reference.f1_score(gold, predicted, average="macro", zero_division=0)
    weighted = reference.f1_score(gold, predicted, average="weighted", zero_division=0)
    assert scores.macro_f1 == pytest.approx(macro, **EXACT)
    assert scores.weighted_f1 == pytest.approx(weighted, **EXACT)
    assert score(gold, predicted, classes) == scores


@given(answers(), st.randoms(use_true_random=False))
def test_loss_and_probabilities_are_scikit_learns(given: tuple[Ints, Ints, int], chance: object) -> None:
    gold, _, classes = given
    draw = np.random.default_rng(len(gold))
    logits = draw.normal(size=(len(gold), classes), scale=4).astype(np.float32)
    probabilities = softmax(logits)
    assert probabilities.sum(axis=1) == pytest.approx(1.0, **EXACT)
    expected = reference.log_loss(gold, probabilities, labels=list(range(classes)))
    assert log_loss(gold, logits) == pytest.approx(expected, abs=1e-12, rel=1e-12)


def test_huge_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, -1e4], [3e38, 3e38]], dtype=np.float32)
    assert softmax(logits).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    assert log_loss(np.array([0, 1]), logits) == pytest.approx(math.log(2) / 2)


def test_no_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        report(np.array([], dtype=np.int64), np.array([], dtype=np.int64), 2)


def test_the_matrix_counts_gold_in_rows() -> None:
    assert confusion_matrix(np.array([0, 0, 1]), np.array([1, 0, 1]), 2).tolist() == [[1, 1], [0, 1]]


def test_the_saved_form_names_every_class() -> None:
    found = as_dict(report(np.array([0, 0, 1]), np.array([1, 0, 1]), 2, 0.5), ("bad", "good"))
    assert found["support"] == {"bad": 2, "good": 1}
    assert found["class_recall"] == {"bad": 0.5, "good": 1.0}
    assert found["confusion"] == [[1, 1], [0, 1]]
    assert found["loss"] == 0.5


def test_the_majority_baseline_says_the_largest_class() -> None:
    assert majority(np.array([2, 1, 2, 0, 2]), 3).tolist() == [2, 2, 2]


def test_the_tfidf_baseline_learns_an_easy_task() -> None:
    texts = [f"{word} film number {n}" for n in range(20) for word in ("good", "bad")]
    baseline = TfidfBaseline(texts, np.array([1, 0] * 20))
    assert baseline.predict(["good trip", "bad trip"]).tolist() == [1, 0]


def test_the_tfidf_baseline_takes_texts_of_one_letter_and_emoji() -> None:
    baseline = TfidfBaseline(["a", "b", "☃", "!"] * 3, np.array([0, 1, 0, 1] * 3))
    assert len(baseline.predict(["a", "", "☃"])) == 3

"""Labels that may be wrong: the figures of confident learning, planted errors found, and what cannot be judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Cancelled, RunError
from core.evaluation import judged_rows
from core.evaluation.candidates import candidates, digits_of
from core.evaluation.labels_service import handlers
from core.evaluation.out_of_fold import folds_of
from core.evaluation.suspicious import suspicion
from core.protocol import no_progress
from core.runs import Run, RunStore
from core.runs.atomic import commit_dir
from tests.core.labelled import config_of, finished_run, flipped, reviews, write

PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9], [0.8, 0.2]])
GIVEN = np.array([0, 0, 0, 1, 1, 1])


def test_the_figures_are_those_of_the_paper_on_six_rows() -> None:
    found = suspicion(PROBABILITIES, GIVEN)
    # Means of the given class: (.9 + .7 + .2) / 3 and (.6 + .9 + .2) / 3.
    assert found.thresholds == pytest.approx([0.6, 1.7 / 3])
    # Rows that reach a threshold: 0 and 1 as class 0, 2 as class 1; 3 and 4 as class 1, 5 as class 0.
    assert found.joint.tolist() == [[2, 1], [1, 2]]
    assert found.wrong == pytest.approx(2)
    assert found.confident.tolist() == [False, False, True, False, False, True]
    assert found.by_class.tolist() == found.by_rate.tolist() == found.confident.tolist()
    assert found.margin == pytest.approx([0.8, 0.4, -0.6, 0.2, 0.8, -0.6])
    assert found.suggested.tolist() == [1, 1, 1, 0, 0, 0]
    assert found.order("self-confidence").tolist() == [2, 5, 3, 1, 0, 4]
    assert found.order("margin").tolist() == [2, 5, 3, 1, 0, 4]


def test_a_row_is_ranked_against_what_is_usual_in_its_class() -> None:
    sure, unsure = [[0.99, 0.01]] * 8, [[0.55, 0.45]] * 7
    rows = np.array([*sure, [0.5, 0.5], *unsure, [0.55, 0.45]])
    given = np.array([0] * 9 + [1] * 8)
    found = suspicion(rows, given)
    assert found.order("self-confidence")[0] == 9, "any row of the class that nothing is sure about"
    assert found.order()[0] == 8, "the one that stands out in its own class"


@given(st.integers(2, 5), st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_the_joint_adds_up_to_the_labels(classes: int, seed: int, rows: int) -> None:
    draw = np.random.default_rng(seed)
    probabilities, labels = draw.dirichlet(np.ones(classes), rows), draw.integers(0, classes, rows)
    found = suspicion(probabilities, labels)
    assert found.joint.sum(axis=1) == pytest.approx(np.bincount(labels, minlength=classes))
    assert 0 <= found.wrong <= rows
    assert sorted(found.order().tolist()) == list(range(rows))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=10, max_size=80), st.integers(2, 5))
def test_folds_keep_copies_together_and_share_every_class_out(rows: list[tuple[int, int]], folds: int) -> None:
    labels = np.array([label for label, _ in rows])
    keys = np.array([label * 10 + key for label, key in rows])
    fold = folds_of(labels, keys, folds)
    assert all(len(set(fold[keys == key])) == 1 for key in set(keys))
    for label in set(labels):
        if len(set(keys[labels == label])) > 1:
            assert len(set(fold[labels == label])) > 1, "no fold holds all there is of a class"


def planted(store: RunStore, folder: Path, base: Path | str, at: list[int]) -> tuple[Run, set[int]]:
    """A run on reviews with wrong labels at these positions, and their record numbers."""
    source = write(folder / "reviews.jsonl", flipped(reviews(), at))
    return finished_run(store, config_of(source, base)), {one + 1 for one in at}


AT = list(range(3, 200, 17))


def test_planted_errors_come_first_in_validation_and_in_training(
    store: RunStore, tmp_path: Path, tiny_base: Path
) -> None:
    run, wrong = planted(store, tmp_path, tiny_base, AT)
    found = candidates(run, everything=True)
    test = {one.row for one in found.rows if one.part == "test"}
    assert not test, "test rows are never shown"
    judged = wrong & {one.row for one in found.rows}
    first = {one.row for one in found.rows[: len(AT)]}
    assert len(judged) >= 8
    assert len(judged & first) >= len(judged) - 1
    assert {one.source for one in found.rows[: len(AT)]} == {"validation", "folds"}
    best = found.rows[0]
    assert best.likely
    assert best.given != best.suggested
    assert best.suggested in best.why
    assert found.looked == 170


def test_validation_rows_are_judged_when_the_source_is_gone(store: RunStore, tmp_path: Path) -> None:
    run, wrong = planted(store, tmp_path, "starter", AT)
    (tmp_path / "reviews.jsonl").unlink()
    found = candidates(run, everything=True)
    assert found.rows
    assert {one.row for one in found.rows if one.likely} <= wrong
    assert {one.part for one in found.rows} == {"validation"}
    assert "training rows cannot be judged" in found.notes[0]


def test_words_alone_judge_where_the_base_model_is_gone(store: RunStore, tmp_path: Path) -> None:
    run, wrong = planted(store, tmp_path, tmp_path / "nowhere", AT)
    found = candidates(run, everything=True)
    assert any("words alone" in note for note in found.notes)
    assert wrong & {one.row for one in found.rows if one.source == "folds"}


def test_what_took_a_minute_is_kept_until_the_data_changes(
    store: RunStore, tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = planted(store, tmp_path, tiny_base, AT)
    first = candidates(run, everything=True)
    monkeypatch.setattr(judged_rows, "_by_folds", lambda *_: pytest.fail("computed again"))
    assert candidates(run, everything=True) == first
    (tmp_path / "reviews.jsonl").write_text(
        (tmp_path / "reviews.jsonl").read_text() + '{"text":"x","label":"positive"}'
    )
    with pytest.raises(pytest.fail.Exception):
        candidates(run, everything=True)


def test_a_person_who_cancels_is_heard(store: RunStore, tmp_path: Path, tiny_base: Path) -> None:
    run, _ = planted(store, tmp_path, tiny_base, AT)

    def progress(done: int, total: int, what: str) -> None:
        if total:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        candidates(run, everything=True, progress=progress)


def test_other_runs_on_the_same_data_judge_the_rows_they_validated(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "reviews.jsonl", flipped(reviews(), AT))
    config = config_of(source).with_value("split.method", "folds").with_value("split.folds", 3)
    first = finished_run(store, config, "fold-1")
    for fold in (2, 3):
        finished_run(store, config.with_value("split.fold", fold), f"fold-{fold}")
    monkeypatch.setattr(judged_rows, "_by_folds", lambda *_: pytest.fail("every row was judged by a fold"))
    found = candidates(first, everything=True)
    assert {one.source for one in found.rows} == {"validation", "other runs"}
    assert found.looked == 170
    assert {one.row for one in found.rows if one.likely} <= {one + 1 for one in AT}


def test_a_run_that_began_with_a_fine_tuned_model_does_not_judge(store: RunStore, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.jsonl", reviews())
    config = config_of(source).with_value("split.method", "folds").with_value("split.folds", 3)
    first = finished_run(store, config, "fold-1")
    with commit_dir(first.model_path):
        pass
    finished_run(store, config.with_value("split.fold", 2).with_value("model.base", str(first.model_path)), "child")
    dataset, _ = judged_rows.training_rows(first, ("negative", "positive"))
    assert judged_rows.said_before(first, dataset, dataset.label_names) == {}


def test_a_class_of_one_row_is_told_and_not_accused(store: RunStore, tmp_path: Path, tiny_base: Path) -> None:
    source = write(tmp_path / "reviews.jsonl", flipped(reviews(), AT))
    run = finished_run(store, config_of(source, tiny_base))
    dataset, at = judged_rows.training_rows(run, ("negative", "positive"))
    dataset.labels[:] = 1
    dataset.labels[at[4]] = 0
    notes: list[str] = []
    assert not judged_rows._can_be_judged(dataset, at, notes).any(), "one class is left: there is nothing to compare"
    assert "negative" in notes[0]


def test_data_with_other_classes_leaves_validation(store: RunStore, tmp_path: Path) -> None:
    run, _ = planted(store, tmp_path, "starter", AT)
    write(tmp_path / "reviews.jsonl", [(text, label.upper()) for text, label in reviews()])
    found = candidates(run, everything=True)
    assert "NEGATIVE" in found.notes[0]
    assert {one.part for one in found.rows} == {"validation"}


def test_without_predictions_there_is_nothing_to_judge(store: RunStore, tmp_path: Path) -> None:
    run, _ = planted(store, tmp_path, "starter", AT)
    (run.path / "predictions.parquet").unlink()
    with pytest.raises(RunError, match="no predictions"):
        candidates(run)


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_no_rows_have_no_wrong_labels(classes: int) -> None:
    found = suspicion(np.zeros((0, classes)), np.zeros(0, dtype=np.int64))
    assert found.wrong == 0
    assert len(found.order()) == 0


def test_probabilities_that_are_none_are_refused(store: RunStore, tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.jsonl", reviews())
    with pytest.raises(RunError, match="damaged"):
        candidates(finished_run(store, config_of(source), right=float("nan")))


def test_ids_are_as_short_as_they_may_be() -> None:
    assert digits_of(["0000000a11111111", "0000000b11111111"]) == 8
    assert digits_of(["a", "b"]) == 6


def test_the_screen_asks_for_the_same_and_decides(store: RunStore, tmp_path: Path) -> None:
    run, _ = planted(store, tmp_path, "starter", AT)
    asked, path = handlers(), str(run.path)
    page = asked["suspicious"]({"run": path, "count": 2}, no_progress)
    assert len(page["rows"]) == 2 < page["total"]
    wishes = [{"do": "fix", "id": page["rows"][0]["id"]}, {"do": "keep", "id": page["rows"][1]["id"]}]
    made = asked["decide"]({"run": path, "wishes": wishes, "why": "seen"}, no_progress)
    assert [one["do"] for one in made["made"]] == ["fix", "keep"]
    assert made["touched"][0]["part"] == "validation"
    assert made["touched"][0]["after"]["accuracy"] > made["touched"][0]["before"]["accuracy"]
    after = asked["suspicious"]({"run": path}, no_progress)
    assert after["decided"] == 2
    assert after["total"] == page["total"] - 2
    listed = asked["decisions"]({"run": path}, no_progress)
    assert [one["decision"]["why"] for one in listed["standing"]] == ["seen", "seen"]
    json.dumps(listed)

"""Runs beside each other: rows that match or do not, verdicts, groups over seeds, the common test, exports."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from core.data.texts import Texts
from core.errors import Cancelled, ConfigError, DataError, RunError
from core.evaluation.changed import rows_between
from core.evaluation.compare import Comparison, Part, compare
from core.evaluation.compare_service import handlers
from core.evaluation.comparison_export import as_csv, as_json, as_markdown, rows_csv, rows_markdown
from core.evaluation.curves import curves, thinned
from core.evaluation.looked import looks
from core.evaluation.predictions import read_predictions, write_predictions
from core.protocol import no_progress
from core.runs import RunStore
from core.training import events as e
from tests.core.compared import scored_run, sheet, split_of, write_data, write_scores
from tests.tiny import tiny_model

DATA = sheet()
SPLIT = split_of(DATA)


def part(found: Comparison, name: str = "validation") -> Part:
    return next(one for one in found.parts if one.name == name)


def test_scores_and_differences_are_scikit_learns(store: RunStore) -> None:
    runs = [scored_run(store, name, DATA, SPLIT, right=r, chance=c) for name, r, c in (("a", 0.9, 1), ("b", 0.6, 2))]
    found = compare(runs)
    for name in ("validation", "test"):
        values = []
        for run, scores in zip(runs, part(found, name).scores, strict=True):
            said = read_predictions(run).part(name)
            values.append([
                reference.f1_score(said.gold, said.said, average="macro", zero_division=0),
                reference.accuracy_score(said.gold, said.said),
                reference.f1_score(said.gold, said.said, average="weighted", zero_division=0),
            ])  # fmt: skip
            assert [scores.macro_f1, scores.accuracy, scores.weighted_f1] == pytest.approx(values[-1], abs=1e-12)
        (pair,) = part(found, name).pairs
        apart = [pair.differences[what].value for what in ("macro_f1", "accuracy", "weighted_f1")]
        assert apart == pytest.approx(np.subtract(values[1], values[0]), abs=1e-12)


def test_two_models_differ_or_no_difference_is_shown(store: RunStore) -> None:
    good = scored_run(store, "good", DATA, SPLIT, right=0.95, chance=1)
    poor = scored_run(store, "poor", DATA, SPLIT, right=0.4, chance=2)
    (pair,) = part(compare([good, poor])).pairs
    assert pair.differs
    assert pair.verdict == "these two models differ on these rows"
    assert pair.differences["macro_f1"].high < 0
    alike = scored_run(store, "alike", DATA, SPLIT, right=0.95, chance=3)
    (pair,) = part(compare([good, alike])).pairs
    assert not pair.differs
    assert pair.verdict == "no difference is shown on these 50 rows"
    low, high = pair.differences["macro_f1"].low, pair.differences["macro_f1"].high
    assert low <= pair.differences["macro_f1"].value <= high


def test_a_model_that_knows_one_class_only_differs_in_macro_f1(store: RunStore) -> None:
    """As often right, and yet another model: it never says the rarer class."""
    gold = np.array([0] * 80 + [1] * 20, dtype=np.int64)
    data = replace(DATA, texts=Texts([f"text {at}" for at in range(100)]), labels=gold, rows=np.arange(1, 101))
    data = replace(data, label_names=("happy", "sad"))
    split = replace(SPLIT, train=np.arange(0), validation=np.arange(100), test=np.arange(0))
    sides = []
    for name, wrong in (("always", range(80, 100)), ("both", range(20))):
        said = np.eye(2)[np.where(np.isin(np.arange(100), list(wrong)), 1 - gold, gold)]
        run = store.create(scored_run(store, f"{name}-of", DATA, SPLIT).config(), name)
        write_data(run, data, split)
        write_scores(run, data, split, {"validation": said * 0.8 + 0.1})
        sides.append(run)
    (pair,) = part(compare(sides, part="validation")).pairs
    assert pair.differences["accuracy"].value == 0
    assert not pair.differs
    assert pair.f1_differs
    assert pair.verdict == (
        "these two models differ on these rows in macro F1; in right answers none is shown on these 100 rows"
    )


def test_three_runs_are_corrected_for_three_pairs(store: RunStore) -> None:
    runs = [scored_run(store, f"r{at}", DATA, SPLIT, right=r, chance=at) for at, r in enumerate((0.9, 0.7, 0.8))]
    pairs = part(compare(runs)).pairs
    assert [(one.first, one.second) for one in pairs] == [(0, 1), (0, 2), (1, 2)]
    smallest = min(pairs, key=lambda one: one.test.p)
    assert smallest.p == pytest.approx(min(3 * smallest.test.p, 1))
    alone = part(compare([runs[0], runs[1]])).pairs[0]
    assert alone.p == alone.test.p


def test_only_the_settings_that_differ_are_told_data_split_and_seed_first(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    other = scored_run(store, "other", DATA, SPLIT, seed=7, chance=2, training__learning_rate=3e-5, split__of="one")
    found = compare([one, other])
    assert {(s.path, s.values) for s in found.settings} == {
        ("split.of", ("", "one")), ("training.learning_rate", (0.0, 3e-5)), ("training.seed", (42, 7)),
    }  # fmt: skip
    assert found.differs_first == "the split and the seed"


def test_a_source_that_changed_between_the_runs_is_told(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    other = scored_run(store, "other", DATA, SPLIT, chance=2)
    facts = other.read_json("data.json") | {"fingerprint": "changed"}
    (other.path / "data.json").write_text(json.dumps(facts))
    found = compare([one, other])
    assert found.differs_first == "the data"
    assert any("changed between the runs" in note for note in found.notes)


def test_a_run_that_a_person_stopped_is_told(store: RunStore) -> None:
    one, other = (scored_run(store, name, DATA, SPLIT, chance=at) for at, name in enumerate(("one", "other")))
    assert compare([one, other]).notes == ()
    other.record(e.RunFinished("stopped by a person", True, 1.0))
    other.close()
    assert compare([one, other]).notes == ("stopped by a person: other",)


def test_rows_match_in_whatever_order_they_were_written(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, right=0.7, chance=1)
    turned = replace(SPLIT, validation=SPLIT.validation[::-1].copy(), test=SPLIT.test[::-1].copy())
    other = store.create(one.config(), "other")
    write_data(other, DATA, turned)
    said = read_predictions(one)
    write_scores(other, DATA, turned, {name: said.part(name).probabilities[::-1] for name in ("validation", "test")})
    (pair,) = part(compare([one, other])).pairs
    assert (pair.test.fixed, pair.test.broken) == (0, 0)
    assert pair.p == 1


def test_the_same_sentences_of_another_file_match_by_their_text(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, right=0.7, chance=1)
    elsewhere = replace(DATA, rows=DATA.rows + 1000, source="copy.csv")
    other = scored_run(store, "other", elsewhere, SPLIT, right=0.7, chance=1)
    (pair,) = part(compare([one, other])).pairs
    assert (pair.test.fixed, pair.test.broken) == (0, 0)


def test_label_names_in_another_order_are_the_same_labels(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, right=0.7, chance=1)
    turned = replace(DATA, label_names=DATA.label_names[::-1], labels=2 - DATA.labels)
    other = store.create(one.config(), "other")
    write_data(other, turned, SPLIT)
    said = read_predictions(one)
    write_scores(other, turned, SPLIT, {n: said.part(n).probabilities[:, ::-1] for n in ("validation", "test")})
    (pair,) = part(compare([one, other])).pairs
    assert (pair.test.fixed, pair.test.broken) == (0, 0)
    assert pair.differences["macro_f1"].value == 0


# Rows that differ


def test_other_rows_are_refused_with_the_reason_and_the_offer(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    other = scored_run(store, "other", DATA, split_of(DATA, 5), chance=2, split__seed=5)
    with pytest.raises(RunError) as refused:
        compare([one, other], part="validation")
    said = read_predictions(one).part("validation"), read_predictions(other).part("validation")
    shared = len(set(said[0].ids) & set(said[1].ids))
    assert 0 < shared < 50
    assert f"all have {shared} of them" in refused.value.message
    assert "split.seed" in refused.value.message
    assert "data." not in refused.value.message
    assert "finetui compare one other --common" in refused.value.next_step
    assert "look at the test" in refused.value.next_step


def test_a_part_that_does_not_compare_does_not_hide_the_one_that_does(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    untested = replace(SPLIT, train=np.sort(np.r_[SPLIT.train, SPLIT.test]), test=np.arange(0))
    other = scored_run(store, "other", DATA, untested, chance=2, split__test=0.0)
    found = compare([one, other])
    assert [one.name for one in found.parts] == ["validation"]
    ((name, why),) = found.refused
    assert name == "test"
    assert "other has none" in why.message
    with pytest.raises(RunError, match="no test part"):
        compare([one, other], part="test")


def test_the_common_test_holds_what_nobody_trained_on(store: RunStore) -> None:
    """Both were split anew: the rows are told from the two splits alone, and the models are asked for none of them."""
    splits = SPLIT, split_of(DATA, 5)
    runs = [
        scored_run(store, name, DATA, split, chance=at, right=0.7, split__seed=at)
        for at, (name, split) in enumerate(zip(("one", "other"), splits, strict=True))
    ]
    test = [set(split.test.tolist()) for split in splits]
    trained = [set(split.train.tolist()) for split in splits]
    expected = (test[0] | test[1]) - trained[0] - trained[1]
    found = compare(runs, common=True)
    (common,) = found.parts
    assert common.rows == len(expected) > 5
    assert "look at the test" in common.notes[0]
    rows = [*rows_between(runs, "fixed", common=True).found, *rows_between(runs, "broken", common=True).found]
    assert rows
    assert {one.row - 1 for one in rows} <= expected
    assert looks(runs[1])["looked"] == 1


def test_a_row_that_another_run_trained_on_under_another_text_is_not_common(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    cured = replace(DATA, texts=Texts([text.upper() for text in DATA.texts]))
    trains_all = replace(SPLIT, train=np.sort(np.r_[SPLIT.train, SPLIT.test[5:]]), test=SPLIT.test[:5])
    other = scored_run(store, "other", cured, trains_all, chance=2, data__cures=("strip-urls",))
    (common,) = compare([one, other], common=True).parts
    assert common.rows == 5


def test_models_are_asked_where_they_have_not_answered(store: RunStore) -> None:
    """Two runs on different files: neither has met the rows of the other."""
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    elsewhere = sheet(80, seed=9, source="elsewhere.csv")
    other = scored_run(store, "other", elsewhere, split_of(elsewhere, validation=20, test=20), chance=2)
    with pytest.raises(RunError, match="one has lost its model"):
        compare([one, other], common=True)
    for run in (one, other):
        tiny_model(run, DATA.label_names)
    found = compare([one, other], common=True)
    (common,) = found.parts
    assert common.rows == 50 + 20
    assert any("one 20, other 50" in note for note in common.notes)
    from core.inference.predictor import open_predictor

    mine = read_predictions(other).part("test")
    asked = open_predictor(one.path).predict(mine.texts.tolist()).probabilities.argmax(axis=1)
    known = read_predictions(one).part("test")
    right = np.r_[known.said == known.gold, asked == mine.gold]
    assert common.scores[0].accuracy == pytest.approx(right.mean(), abs=1e-12)


def test_runs_without_common_rows_are_told_so(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    held = np.sort(np.r_[SPLIT.test, SPLIT.validation])
    turned = replace(SPLIT, train=held, validation=SPLIT.train[:50], test=SPLIT.train[50:])
    other = scored_run(store, "other", DATA, turned, chance=2, split__seed=3)
    with pytest.raises(RunError) as refused:
        compare([one, other], common=True)
    assert "no common test rows" in refused.value.title
    assert "--split-of one" in refused.value.next_step
    with pytest.raises(RunError) as refused:
        compare([one, other])
    assert "--common" not in refused.value.next_step


def test_different_labels_are_refused_by_name_and_shared_ones_compared_on_request(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    more = replace(DATA, label_names=("negative", "positive", "odd"), labels=np.array([0, 2, 1])[DATA.labels])
    other = scored_run(store, "other", more, SPLIT, chance=2)
    with pytest.raises(RunError) as refused:
        compare([one, other])
    assert refused.value.message == "one does not know odd; other does not know neutral."
    assert "--common" in refused.value.next_step
    found = compare([one, other], common=True)
    (common,) = found.parts
    assert common.label_names == ("negative", "positive")
    assert common.rows == int(np.sum(DATA.labels[SPLIT.test] != 1))
    assert any("neutral, odd" in note for note in common.notes)


def test_rows_that_were_labelled_anew_are_left_out_of_the_common_test(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, chance=1)
    labels = DATA.labels.copy()
    labels[SPLIT.test[:4]] = (labels[SPLIT.test[:4]] + 1) % 3
    other = scored_run(store, "other", replace(DATA, labels=labels), SPLIT, chance=2)
    with pytest.raises(RunError, match="not scored on the same test rows"):
        compare([one, other], part="test")
    (common,) = compare([one, other], common=True).parts
    assert common.rows == 46
    assert any(note.startswith("4 rows are left out") for note in common.notes)


# Which runs


def test_what_cannot_be_compared_is_refused(store: RunStore) -> None:
    runs = [scored_run(store, f"r{at}", DATA, SPLIT, chance=at, training__epochs=at + 1) for at in range(9)]
    with pytest.raises(ConfigError, match="One run"):
        compare(runs[:1])
    with pytest.raises(ConfigError, match="r0 is named twice"):
        compare([runs[0], runs[1], runs[0]])
    with pytest.raises(ConfigError, match="9 runs are too many"):
        compare(runs)
    assert len(compare(runs[:8], part="validation").parts[0].pairs) == 28


def test_runs_without_predictions_are_named_and_the_others_compared(store: RunStore) -> None:
    one, two = (scored_run(store, name, DATA, SPLIT, chance=at) for at, name in enumerate(("one", "two")))
    bare = store.create(one.config(), "bare")
    bare.record(e.RunFailed("DataError", "no", "", ""))
    bare.close()
    live = store.create(one.config(), "live")
    live.record(e.RunStarted(1, "here", ""))
    live.close()
    with live.lock():
        found = compare([one, bare, two, live])
        assert [run.name for run in found.runs] == ["one", "two"]
        left = dict(found.left_out)
        assert left["bare"] == "it has no predictions (failed)"
        assert "being trained" in left["live"]
        with pytest.raises(RunError) as refused:
            compare([one, bare, live])
    assert refused.value.title == "Fewer than two of these runs can be compared"
    assert "bare: " in refused.value.message
    assert "live: it is being trained" in refused.value.message


def test_damaged_predictions_are_named_and_not_compared(store: RunStore) -> None:
    one, two, bad, torn = (
        scored_run(store, n, DATA, SPLIT, chance=at) for at, n in enumerate(("one", "two", "bad", "torn"))
    )
    said = {name: np.full((50, 3), np.nan) for name in ("validation", "test")}
    write_predictions(bad.path / "predictions.parquet", DATA, SPLIT, said)
    (torn.path / "predictions.parquet").write_bytes(b"PAR1 half of it")
    found = compare([one, bad, torn, two])
    assert [run.name for run in found.runs] == ["one", "two"]
    assert "damaged" in dict(found.left_out)["bad"]
    assert "cannot be read" in dict(found.left_out)["torn"]


def test_the_test_part_says_how_many_runs_it_has_scored(store: RunStore) -> None:
    runs = [scored_run(store, f"r{at}", DATA, SPLIT, chance=at, training__epochs=at + 1) for at in range(4)]
    found = compare(runs[:2])
    assert part(found, "test").runs_scored == 4
    assert part(found).runs_scored == 0
    assert part(found, "test").runs_looked == 0
    assert rows_between(runs[:2], "broken", part="test").found
    assert part(compare(runs[:2]), "test").runs_looked == 2


# Groups over seeds


def compared_groups(store: RunStore, shares: tuple[float, float], seeds: tuple[int, ...] = (1, 2, 3)) -> Comparison:
    data = sheet(900)
    split = split_of(data, validation=300, test=300)
    runs = []
    for at, (name, right) in enumerate(zip("ab", shares, strict=True)):
        for seed in seeds:
            given = {"right": right, "seed": seed, "chance": 50 * at + seed, "training__epochs": at + 1}
            runs.append(scored_run(store, f"{name}{seed}", data, split, **given))
    return compare(runs, part="validation")


def test_settings_over_seeds_are_compared_as_groups(store: RunStore) -> None:
    found = compared_groups(store, (0.9, 0.6))
    assert [(one.letter, one.members, one.seeds) for one in found.groups] == [
        ("A", (0, 1, 2), (1, 2, 3)), ("B", (3, 4, 5), (1, 2, 3)),
    ]  # fmt: skip
    (group,) = part(found).groups
    means = [np.mean([part(found).scores[at].macro_f1 for at in side]) for side in ((0, 1, 2), (3, 4, 5))]
    apart = group.differences["macro_f1"]
    assert apart.value == pytest.approx(means[1] - means[0], abs=1e-12)
    assert apart.low < apart.value < apart.high < 0
    assert group.verdict == "setting A scores higher in macro F1 over 3 seeds"
    assert group.over_seeds is not None
    assert group.over_seeds.kind == "Welch"
    assert not any("better" in one.verdict for one in part(found).pairs)


def test_settings_that_do_as_well_show_no_difference(store: RunStore) -> None:
    (group,) = part(compared_groups(store, (0.8, 0.8))).groups
    assert group.verdict == "no difference between settings A and B is shown over 3 seeds"


def test_two_seeds_are_too_few_to_speak_of_a_setting(store: RunStore) -> None:
    (group,) = part(compared_groups(store, (0.95, 0.3), seeds=(1, 2))).groups
    assert group.verdict.startswith("2 seeds are too few")
    assert group.over_seeds is None


def test_five_seeds_in_common_are_compared_in_pairs(store: RunStore) -> None:
    (group,) = part(compared_groups(store, (0.9, 0.7), seeds=(1, 2, 3, 4, 5))).groups
    assert group.over_seeds is not None
    assert (group.over_seeds.kind, group.over_seeds.degrees) == ("paired", 4)


def test_one_seed_and_a_seed_that_is_repeated_make_no_group(store: RunStore) -> None:
    runs = [scored_run(store, f"a{at}", DATA, SPLIT, seed=seed, chance=at) for at, seed in enumerate((1, 2, 2))]
    alone = scored_run(store, "alone", DATA, SPLIT, seed=1, chance=9, training__epochs=9)
    found = compare([*runs, alone], part="validation")
    assert [one.members for one in found.groups] == [(0, 1)]
    assert part(found).groups == ()
    assert any("one seed only: a2, alone" in note for note in found.notes)


def test_where_a_run_was_computed_is_no_part_of_its_setting(store: RunStore) -> None:
    one = scored_run(store, "one", DATA, SPLIT, seed=1, training__device="cpu", training__threads=1)
    other = scored_run(store, "other", DATA, SPLIT, seed=2, training__onnx=False)
    assert len(compare([one, other]).groups) == 1


def test_ten_runs_of_two_settings_are_not_too_many(store: RunStore) -> None:
    assert len(compared_groups(store, (0.9, 0.7), seeds=(1, 2, 3, 4, 5)).runs) == 10


# Rows


def test_fixed_and_broken_rows_are_those_only_one_has_right(store: RunStore) -> None:
    one, two = (scored_run(store, n, DATA, SPLIT, right=r, chance=c) for n, r, c in (("one", 0.7, 1), ("two", 0.8, 2)))
    first, second = (read_predictions(run).part("validation") for run in (one, two))
    right = first.said == first.gold, second.said == second.gold
    (pair,) = part(compare([one, two])).pairs
    fixed, broken = ~right[0] & right[1], right[0] & ~right[1]
    for kind, mask, count in (("fixed", fixed, pair.test.fixed), ("broken", broken, pair.test.broken)):
        found = rows_between([one, two], kind)
        assert {row.text for row in found.found} == set(first.texts[mask])
        assert len(found.found) == count > 0
        wrong = [row.before_p if kind == "fixed" else row.after_p for row in found.found]
        assert wrong == sorted(wrong, reverse=True)
        for row in found.found:
            assert ((row.before == row.gold), (row.after == row.gold)) == ((kind == "broken"), (kind == "fixed"))
            assert row.text == DATA.texts[row.row - 1]


def test_rows_want_two_runs_and_a_kind(store: RunStore) -> None:
    runs = [scored_run(store, f"r{at}", DATA, SPLIT, chance=at, training__epochs=at + 1) for at in range(3)]
    with pytest.raises(ConfigError, match="between two runs"):
        rows_between(runs, "fixed")
    with pytest.raises(ConfigError, match="not mended"):
        rows_between(runs[:2], "mended")


# Curves


def test_curves_are_by_epoch_and_leave_gaps_out(store: RunStore) -> None:
    run = scored_run(store, "one", DATA, SPLIT)
    found = curves(run)
    assert [epoch for epoch, _ in found.train_loss] == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
    assert [loss for _, loss in found.train_loss] == pytest.approx([1.0, 0.9, 0.7, 0.6, *[0.5] * 5])
    assert [epoch for epoch, _ in found.macro_f1] == [1.0, 2.0]
    assert found.loss == ((1.0, 0.5), (2.0, 0.5))
    assert curves(scored_run(store, "bare", DATA, SPLIT, curves=False)).train_loss == ()


def test_a_long_curve_has_a_screens_worth_of_points() -> None:
    points = [(float(at), float(at % 7)) for at in range(10_001)]
    found = thinned(points)
    assert len(found) <= 200
    assert found[-1][0] == 10_000
    assert sum(value for _, value in found) / len(found) == pytest.approx(3, abs=0.2)


# Exports


@pytest.fixture
def odd(store: RunStore) -> Comparison:
    """Labels and texts that a spreadsheet would run, and that would break a table."""
    texts = Texts([f"=HYPERLINK({at}) | \x1b[31m<b>" for at in range(200)])
    data = replace(sheet(labels=("=1+1", "a|b")), texts=texts)
    one, two = (
        scored_run(store, name, data, SPLIT, right=0.7, chance=at, training__epochs=at)
        for at, name in enumerate(("one", "two"), 1)
    )
    return compare([one, two])


def test_csv_holds_every_figure_and_no_formula(odd: Comparison) -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(odd))))
    (line,) = [one for one in lines if (one["table"], one["part"], one["what"]) == ("pair", "test", "macro_f1")]
    apart = part(odd, "test").pairs[0].differences["macro_f1"]
    assert [float(line[key]) for key in ("value", "low", "high")] == [apart.value, apart.low, apart.high]
    assert [one["value"] for one in lines if one["what"] == "training.epochs"] == ["1", "2"]
    rows = list(csv.DictReader(io.StringIO(rows_csv(rows_between(odd.runs, "fixed")))))
    assert rows
    assert all(one["text"].startswith("'=HYPERLINK") for one in rows)
    assert any(one["gold"] == "'=1+1" for one in rows)


def test_markdown_has_whole_tables_whatever_the_labels_hold(odd: Comparison) -> None:
    for text in (as_markdown(odd), rows_markdown(rows_between(odd.runs, "fixed"), ("one", "two"))):
        assert "\x1b" not in text
        assert "<b>" not in text.replace("\\<b>", "")
        table = [line for line in text.splitlines() if line.startswith("|")]
        assert table
        bars = [line.replace("\\|", "").count("|") for line in table]
        heads = [at for at, line in enumerate(table) if "---" in line]
        for at, end in zip(heads, [*(one - 1 for one in heads[1:]), len(table)], strict=True):
            assert len(set(bars[at - 1 : end])) == 1
    assert f"{part(odd).scores[0].macro_f1:.3f}" in as_markdown(odd)


def test_json_holds_everything_and_is_json(odd: Comparison) -> None:
    found = json.loads(json.dumps(as_json(odd), allow_nan=False))
    assert [one["name"] for one in found["runs"]] == ["one", "two"]
    assert found["runs"][0]["curves"]["macro_f1"]
    pair = found["parts"][0]["pairs"][0]
    assert pair["mcnemar"]["fixed"] == part(odd).pairs[0].test.fixed
    assert pair["differences"]["accuracy"]["low"] <= pair["differences"]["accuracy"]["high"]
    assert found["settings"] == [{"path": "training.epochs", "values": [1, 2]}]


# The screen's side


def test_the_screen_gets_the_same_by_requests(store: RunStore) -> None:
    runs = [scored_run(store, n, DATA, SPLIT, right=0.7, chance=c) for n, c in (("one", 1), ("two", 2))]
    ask, paths = handlers(), [str(run.path) for run in runs]
    found = ask["compare"]({"runs": paths}, no_progress)
    assert found == as_json(compare(runs))
    assert ask["compare"]({"runs": paths, "as": "csv"}, no_progress) == {"text": as_csv(compare(runs))}
    whole = ask["compare_rows"]({"runs": paths, "which": "broken"}, no_progress)
    page = ask["compare_rows"]({"runs": paths, "which": "broken", "start": 1, "count": 2}, no_progress)
    assert page["rows"] == whole["rows"][1:3]
    assert page["total"] == len(whole["rows"]) > 2


def test_whoever_is_told_of_progress_can_end_the_work(store: RunStore) -> None:
    runs = [scored_run(store, n, DATA, SPLIT, chance=c) for n, c in (("one", 1), ("two", 2))]

    def enough(done: int, total: int, what: str) -> None:
        raise Cancelled("A newer request took its place")

    with pytest.raises(Cancelled):
        compare(runs, progress=enough)


@pytest.mark.parametrize(
    ("ask", "wrong"),
    [
        ("compare", {"runs": "one"}),
        ("compare", {"runs": [1, 2]}),
        ("compare", {"part": "train"}),
        ("compare", {"as": "xml"}),
        ("compare_rows", {"part": "both"}),
        ("compare_rows", {"start": -1}),
        ("compare_rows", {"count": True}),
        ("compare_rows", {"which": None}),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(store: RunStore, ask: str, wrong: dict[str, object]) -> None:
    runs = [scored_run(store, n, DATA, SPLIT, chance=c) for n, c in (("one", 1), ("two", 2))]
    with pytest.raises((DataError, ConfigError)):
        handlers()[ask]({"runs": [str(run.path) for run in runs]} | wrong, no_progress)


def test_what_the_common_test_would_take_is_told_without_a_look(store: RunStore) -> None:
    other = sheet(200, seed=7, source="other.csv")
    runs = [
        scored_run(store, "one", DATA, SPLIT, chance=1),
        scored_run(store, "two", other, split_of(other), chance=2),
        scored_run(store, "three", DATA, SPLIT, chance=3),
    ]
    paths = [str(run.path) for run in runs]
    of_three = len(SPLIT.test)
    found = handlers()["common_rows"]({"runs": paths}, no_progress)
    assert found == {"rows": of_three + 50, "asked": [["one", 50], ["two", of_three], ["three", 50]]}
    assert handlers()["common_rows"]({"runs": [paths[0], paths[2]]}, no_progress) == {"rows": of_three, "asked": []}
    assert not any((run.path / "looked.jsonl").exists() for run in runs)


def test_rows_are_kept_for_the_next_page_until_a_run_says_something_else(store: RunStore) -> None:
    runs = [scored_run(store, n, DATA, SPLIT, right=0.7, chance=c) for n, c in (("one", 1), ("two", 2))]
    ask, paths = handlers(), [str(run.path) for run in runs]
    first = ask["compare_rows"]({"runs": paths, "which": "fixed"}, no_progress)
    assert ask["compare_rows"]({"runs": paths[::-1], "which": "broken"}, no_progress)["total"] == first["total"]
    assert ask["compare_rows"]({"runs": paths, "which": "fixed", "part": "test"}, no_progress)["part"] == "test"
    anew = scored_run(store, "anew", DATA, SPLIT, right=1.0, chance=5)
    (runs[1].path / "predictions.parquet").write_bytes((anew.path / "predictions.parquet").read_bytes())
    after = ask["compare_rows"]({"runs": paths, "which": "fixed"}, no_progress)
    assert after["total"] > first["total"]
    assert ask["compare_rows"]({"runs": paths, "which": "broken"}, no_progress)["total"] == 0

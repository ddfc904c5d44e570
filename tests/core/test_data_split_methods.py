"""Each way to split: what it promises, what it says, and what it asks of the data."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from core.config import DataConfig, SplitConfig
from core.data.dataset import Dataset, load_dataset
from core.data.split import Split, split_rows
from core.data.split.trainable import check_trainable
from core.data.table import PARTS
from core.errors import DataError

DAY = 86_400_000_000_000


def _made(
    rows: list[tuple[str, str]],
    *,
    groups: list[str] | None = None,
    parts: str = "",
    days: list[int] | None = None,
) -> Dataset:
    """A data set of (text, label); `parts` has a letter per row: r training, v validation, t test."""
    names = sorted({label for _, label in rows})
    return Dataset(
        texts=[text for text, _ in rows],
        labels=np.array([names.index(label) for _, label in rows], dtype=np.int64),
        label_names=tuple(names),
        groups=None if groups is None else np.array(groups, dtype=object),
        rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        source="made",
        read=len(rows),
        dropped={},
        reading=(),
        parts=np.array(["rvt".index(one) for one in parts], dtype=np.int8) if parts else None,
        times=None if days is None else np.array(days, dtype=np.int64) * DAY,
    )


def _rows(count: int, classes: str = "ab", word: str = "text") -> list[tuple[str, str]]:
    return [(f"{word} {n}", classes[n % len(classes)]) for n in range(count)]


def _sizes(split: Split) -> list[int]:
    return [len(split.train), len(split.validation), len(split.test)]


def _crossing(values: list[str], split: Split) -> set[str]:
    sides = [{values[row] for row in part} for part in (split.train, split.validation, split.test)]
    return (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])


def _all_once(split: Split, rows: int) -> None:
    assert np.sort(np.concatenate((split.train, split.validation, split.test))).tolist() == list(range(rows))


# auto


@pytest.mark.parametrize(
    ("given_parts", "groups", "method"),
    [("", None, "stratified"), ("", "g", "grouped"), ("r" * 80 + "v" * 20 + "t" * 20, "g", "given")],
)
def test_what_auto_comes_to(given_parts: str, groups: str | None, method: str) -> None:
    names = None if groups is None else [f"{groups}{n // 3}" for n in range(120)]
    split = split_rows(_made(_rows(120), groups=names, parts=given_parts), SplitConfig())
    assert split.method == method
    assert split.reason


# given


def test_given_parts_stay_as_they_come_copies_included() -> None:
    rows = [*_rows(60), *_rows(20), *_rows(20)]  # validation and test repeat training texts
    split = split_rows(_made(rows, parts="r" * 60 + "v" * 20 + "t" * 20), SplitConfig())
    assert split.train.tolist() == list(range(60))
    assert split.validation.tolist() == list(range(60, 80))
    assert split.test.tolist() == list(range(80, 100))
    came = "the data comes in parts: 60 train, 20 validation and 20 test rows"
    assert split.reason == f"{came}; 20 texts stand on two sides, as given"


def test_what_given_parts_share_is_counted_and_nothing_more_is_promised() -> None:
    rows = [*_rows(60), *_rows(3), *_rows(20, word="other")]
    groups = [f"group {n}" for n in range(60)] + ["group 7"] * 3 + [""] * 20
    split = split_rows(_made(rows, groups=groups, parts="r" * 60 + "t" * 23), SplitConfig(validation=0.1))
    trained = {rows[row][0] for row in split.train}
    texts = len(trained & {rows[row][0] for row in split.test})
    assert texts
    assert f"; {texts} text{'s' * (texts > 1)} and 1 group stand on two sides, as given" in split.reason
    assert "copies of one text and groups stay on one side within the training rows" in split.reason


def test_given_parts_that_share_nothing_are_told_of_nothing() -> None:
    split = split_rows(_made(_rows(100), parts="r" * 60 + "v" * 20 + "t" * 20), SplitConfig())
    assert "two sides" not in split.reason


def test_a_missing_validation_part_is_dealt_out_of_training() -> None:
    rows = [(f"text {n // 2}", "ab"[n // 2 % 2]) for n in range(200)] + _rows(40, word="other")
    groups = [f"group {n // 4}" for n in range(240)]
    split = split_rows(_made(rows, groups=groups, parts="r" * 200 + "t" * 40), SplitConfig(validation=0.2))
    assert _sizes(split) == [160, 40, 40]
    assert split.test.tolist() == list(range(200, 240))
    assert "no rows were given for validation: 20 % of the training rows, equal class shares" in split.reason
    assert not _crossing([text for text, _ in rows], split)
    assert not _crossing(groups, split)


def test_a_missing_test_part_is_dealt_too_unless_none_is_wanted() -> None:
    dataset = _made(_rows(120), parts="r" * 100 + "v" * 20)
    split = split_rows(dataset, SplitConfig(test=0.1))
    assert _sizes(split) == [90, 20, 10]
    assert "no rows were given for test: 10 % of the training rows" in split.reason
    untested = split_rows(dataset, SplitConfig(test=0.0))
    assert _sizes(untested) == [100, 20, 0]
    assert "no locked test part" in untested.reason


def test_a_given_test_part_is_used_whatever_the_fraction() -> None:
    split = split_rows(_made(_rows(120), parts="r" * 80 + "v" * 20 + "t" * 20), SplitConfig(test=0.0))
    assert _sizes(split) == [80, 20, 20]
    assert "the given test part stays locked" in split.reason


def test_a_rare_class_stays_in_training_when_a_part_is_dealt_out() -> None:
    rows = [*_rows(60), ("only one", "rare"), *_rows(20, word="other")]
    split = split_rows(_made(rows, parts="r" * 61 + "t" * 20), SplitConfig())
    assert 60 in split.train
    assert len(split.validation) > 5


def test_a_class_that_only_the_test_part_has_is_refused_and_pooling_cures_it() -> None:
    rows = [*_rows(60), *_rows(20, "ab", "v"), *_rows(20, "abc", "t")]
    dataset = _made(rows, parts="r" * 60 + "v" * 20 + "t" * 20)
    with pytest.raises(DataError) as caught:
        check_trainable(dataset, SplitConfig())
    assert "'c': only among the rows of test" in caught.value.message
    assert caught.value.next_step == "--cure drop-class:c, or --split-method stratified"
    pooled = split_rows(dataset, SplitConfig(method="stratified"))
    assert pooled.reason.endswith("the parts that the data comes in are not used")
    _all_once(pooled, 100)


def test_given_without_parts_or_without_training_rows_is_refused() -> None:
    with pytest.raises(DataError, match="No parts were given"):
        check_trainable(_made(_rows(60)), SplitConfig(method="given"))
    with pytest.raises(DataError, match="no training rows"):
        check_trainable(_made(_rows(60), parts="v" * 30 + "t" * 30), SplitConfig())


def test_training_rows_that_cannot_spare_any_are_told_so() -> None:
    rows = [("one text", "a"), ("another", "b"), *_rows(20, word="test")]
    with pytest.raises(DataError, match="No validation rows can be dealt") as caught:
        split_rows(_made(rows, parts="rr" + "t" * 20), SplitConfig())
    assert "--validation-file" in caught.value.next_step


# grouped


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("aaab")), min_size=40, max_size=300),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_no_group_is_on_two_sides_whatever_the_groups(made: list[tuple[int, str]], seed: int, test: float) -> None:
    rows = [(f"text {n}", label) for n, (_, label) in enumerate(made)]
    groups = [f"group {group}" for group, _ in made]
    assume(len({label for _, label in rows}) == 2)
    try:
        split = split_rows(_made(rows, groups=groups), SplitConfig(method="grouped", test=test, seed=seed))
    except DataError:
        reject()
    _all_once(split, len(rows))
    assert not _crossing(groups, split)


def _phrases(path: Path) -> Path:
    """Phrases cut from 400 sentences, each with its sentence's number; most are as neutral as the phrase is short."""
    draw = np.random.RandomState(7)
    words = [f"word{n}" for n in range(900)]
    lines = ["PhraseId\tSentenceId\tPhrase\tSentiment"]
    for sentence in range(400):
        said = draw.choice(words, size=draw.randint(6, 18))
        mood = int(draw.choice(5, p=[0.1, 0.2, 0.3, 0.25, 0.15]))
        for _ in range(draw.randint(4, 16)):
            start = draw.randint(0, len(said) - 1)
            end = draw.randint(start + 1, len(said) + 1)
            label = mood if end - start > 5 else 2
            lines.append(f"{len(lines)}\t{sentence}\t{' '.join(said[start:end])}\t{label}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_phrases_of_one_sentence_stay_together_with_shares_kept(tmp_path: Path) -> None:
    source = str(_phrases(tmp_path / "phrases.tsv"))
    dataset = load_dataset(DataConfig(source=source, group="SentenceId"))
    assert len(dataset.texts) > 3000
    split = split_rows(dataset, SplitConfig(keep_duplicates_together=False))
    assert split.method == "grouped"
    assert dataset.groups is not None
    assert not _crossing([str(group) for group in dataset.groups], split)
    _all_once(split, len(dataset.texts))
    whole = np.bincount(dataset.labels, minlength=5) / len(dataset.labels)
    for rows, wanted in ((split.train, 0.7), (split.validation, 0.15), (split.test, 0.15)):
        assert len(rows) / len(dataset.texts) == pytest.approx(wanted, abs=0.01)
        assert np.bincount(dataset.labels[rows], minlength=5) / len(rows) == pytest.approx(whole, abs=0.02)


def test_one_group_that_holds_a_whole_class_is_refused_with_the_flag() -> None:
    rows = [*_rows(60), *[(f"rare {n}", "c") for n in range(9)]]
    groups = [f"group {n}" for n in range(60)] + ["all of c"] * 9
    with pytest.raises(DataError) as caught:
        check_trainable(_made(rows, groups=groups), SplitConfig(method="grouped"))
    assert caught.value.message.startswith("'c' has 1; training, validation and test need one each, so 3 groups")
    assert caught.value.next_step == "--cure drop-class:c"


def test_a_grouped_split_needs_groups() -> None:
    with pytest.raises(DataError, match="needs groups"):
        check_trainable(_made(_rows(60)), SplitConfig(method="grouped"))


# as published


@pytest.mark.parametrize("seed", [17, 3])
def test_a_write_up_is_repeated_row_for_row_with_a_rare_class(seed: int) -> None:
    """SMILE's shape: six classes, the rarest with 6 rows, tweets that repeat; codes by first appearance."""
    draw = np.random.RandomState(1)
    labels = np.repeat(["happy", "not-relevant", "angry", "surprise", "sad", "disgust"], [1137, 214, 57, 35, 32, 6])
    draw.shuffle(labels)
    rows = [(f"tweet {draw.randint(1400)}", str(label)) for label in labels]
    codes = pd.factorize(labels)[0]
    train, validation = train_test_split(np.arange(1481), test_size=0.15, random_state=seed, stratify=codes)
    config = SplitConfig(test=0.0, validation=0.15, seed=seed, keep_duplicates_together=False)
    split = split_rows(_made(rows), config)
    assert _sizes(split) == [1258, 223, 0]
    assert split.train.tolist() == sorted(train)
    assert split.validation.tolist() == sorted(validation)
    assert "copies of one text may fall on two sides" in split.reason


# time


def test_the_earliest_rows_train_and_the_latest_are_tested() -> None:
    days = [(n * 37) % 100 for n in range(100)]
    split = split_rows(_made(_rows(100), days=days), SplitConfig(method="time", validation=0.2, test=0.1))
    sides = [sorted(days[row] for row in part) for part in (split.train, split.validation, split.test)]
    assert sides == [list(range(70)), list(range(70, 90)), list(range(90, 100))]
    assert "validated from 1970-03-12 on, tested from 1970-04-01 on" in split.reason


def test_a_copy_of_an_old_text_is_never_tested_and_equal_times_are_on_one_side() -> None:
    rows = [*_rows(90), *_rows(10)]  # the last ten repeat the first ten
    days = [n // 6 for n in range(100)]
    split = split_rows(_made(rows, days=days), SplitConfig(method="time"))
    assert set(range(90, 100)) <= set(split.train.tolist())
    assert not _crossing([str(days[row]) if row < 90 else f"late {row}" for row in range(100)], split)
    assert "10 later rows are with the earlier ones" in split.reason
    _all_once(split, 100)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=20, max_size=150),
    st.sampled_from([0.0, 0.15, 0.4]),
)
def test_no_row_is_trained_on_that_is_later_than_a_tested_one_of_its_own(
    made: list[tuple[int, int]], test: float
) -> None:
    rows = [(f"text {text}", "ab"[n % 2]) for n, (text, _) in enumerate(made)]
    days = [day for _, day in made]
    try:
        split = split_rows(_made(rows, days=days), SplitConfig(method="time", test=test))
    except DataError:
        reject()
    _all_once(split, len(rows))
    assert not _crossing([text for text, _ in rows], split)
    first: dict[str, int] = {}
    for (text, _), day in zip(rows, days, strict=True):
        first[text] = min(day, first.get(text, day))
    sides = [[first[rows[row][0]] for row in part] for part in (split.train, split.validation, split.test) if len(part)]
    assert len(sides) == 2 + (test > 0)
    assert all(max(early) < min(late) for early, late in pairwise(sides))


def test_a_held_out_part_may_lack_a_class_but_training_may_not() -> None:
    days = list(range(100))
    early = [(f"text {n}", "c" if n < 10 else "ab"[n % 2]) for n in range(100)]
    split = split_rows(_made(early, days=days), SplitConfig(method="time"))
    assert _sizes(split) == [70, 15, 15]
    late = [(f"text {n}", "c" if n >= 90 else "ab"[n % 2]) for n in range(100)]
    with pytest.raises(DataError) as caught:
        split_rows(_made(late, days=days), SplitConfig(method="time"))
    assert "'c': only among the rows of test" in caught.value.message
    assert "--cure drop-class:c" in caught.value.next_step


def test_too_few_different_times_are_refused() -> None:
    with pytest.raises(DataError, match="too few different times"):
        split_rows(_made(_rows(60), days=[n % 2 for n in range(60)]), SplitConfig(method="time"))
    with pytest.raises(DataError, match="needs times"):
        check_trainable(_made(_rows(60)), SplitConfig(method="time"))


def _timed(path: Path, cells: list[str], name: str = "when") -> Dataset:
    lines = [f"text\tlabel\t{name}"] + [f"some text {n}\t{'ab'[n % 2]}\t{cell}" for n, cell in enumerate(cells)]
    path.write_text("\n".join(lines) + "\n")
    return load_dataset(DataConfig(source=str(path), text=("text",), label="label", time=name))


@pytest.mark.parametrize(
    ("cells", "wanted", "said"),
    [
        (["2020-01-31", "2020-02-01T10:00:00Z", "2020-02-01 10:00+02:00"], "31 1.10 1.08", "without a time zone"),
        (["1580428800", "1580551200", "1580544000.0"], "31 1.10 1.08", "seconds since 1970"),
        (["1580428800000", "1580551200000", "1580544000000"], "31 1.10 1.08", "milliseconds since 1970"),
        (["31/01/2020", "1/2/2020 10:00", "01.02.20 08:00:00"], "31 1.10 1.08", "day first"),
        (["01/31/2020", "02/01/2020 10:00", "2/1/2020 8:00 AM"], "31 1.10 1.08", "month first"),
        (["01 31, 2020", "02 1, 2020", "02 1, 2020"], "31 1.00 1.00", "month first"),
        (["Jan 31, 2020", "Feb 1, 2020", "Feb 01, 2020"], "31 1.00 1.00", "Jan 31, 2020"),
        (["31.01.2020", "1.2.2020", "soon"], "31 1.00", "1 could not be read"),
        (["Fri Jan 31 00:00:00 +0000 2020", "Sat Feb 01 12:00:00 +0200 2020", ""], "31 1.10", "could not be read"),
    ],
)
def test_times_as_people_write_them(tmp_path: Path, cells: list[str], wanted: str, said: str) -> None:
    dataset = _timed(tmp_path / "a.tsv", cells)
    base = pd.Timestamp("2020-01-31").value
    meant = {"31": base, "1.00": base + DAY, "1.10": base + DAY * 34 // 24, "1.08": base + DAY * 32 // 24}
    assert dataset.times is not None
    assert dataset.times.tolist() == [meant[one] for one in wanted.split()]
    assert dataset.reading[-1].what == "time column"
    assert said in dataset.reading[-1].reason
    assert dataset.read == len(dataset.texts) + sum(dataset.dropped.values())
    assert dataset.dropped.get("unreadable time", 0) == 3 - len(dataset.texts)


@pytest.mark.parametrize(
    ("cells", "said"), [(["01/02/2020", "03/04/2020"], "month first"), (["01.02.2020", "03.04.2020"], "day first")]
)
def test_dates_that_can_be_read_both_ways_are_said_to_be(tmp_path: Path, cells: list[str], said: str) -> None:
    reason = _timed(tmp_path / "a.tsv", cells).reading[-1].reason
    assert said in reason
    assert "no number above 12 tells" in reason


@pytest.mark.parametrize("cells", [["611857364396965889", "614484565059596288"], ["1", "2"], ["now", "today"]])
def test_a_column_without_times_is_refused(tmp_path: Path, cells: list[str]) -> None:
    with pytest.raises(DataError, match="'when' holds no times"):
        _timed(tmp_path / "a.tsv", cells)


def test_an_unknown_time_column_is_refused_with_the_names(tmp_path: Path) -> None:
    _timed(tmp_path / "a.tsv", ["2020", "2021"])
    with pytest.raises(DataError, match="no column 'then'") as caught:
        load_dataset(DataConfig(source=str(tmp_path / "a.tsv"), text=("text",), label="label", time="then"))
    assert "when" in caught.value.message


# folds


@given(st.integers(2, 6), st.sampled_from([0.0, 0.15]), st.integers(0, 100), st.integers(0, 3))
def test_every_row_validates_once_and_the_test_part_is_the_same(folds: int, test: float, seed: int, tied: int) -> None:
    rows = [(f"text {n // 2}", "aab"[n // 2 % 3]) for n in range(120)]
    groups = [f"group {n // (2 + 4 * tied)}" if n < 60 and tied else f"alone {n // 2}" for n in range(120)]
    dataset = _made(rows, groups=groups if tied else None)
    config = SplitConfig(method="folds", folds=folds, test=test, seed=seed)
    splits = [split_rows(dataset, replace(config, fold=fold)) for fold in range(1, folds + 1)]
    rest = np.sort(np.concatenate([split.validation for split in splits]))
    assert len({tuple(split.test.tolist()) for split in splits}) == 1
    assert np.sort(np.concatenate((rest, splits[0].test))).tolist() == list(range(120))
    for split in splits:
        _all_once(split, 120)
        assert not _crossing([text for text, _ in rows], split)
        assert not _crossing(groups, split)
        assert set(dataset.labels[split.validation].tolist()) == {0, 1}
        assert len(split.validation) == pytest.approx(len(rest) / folds, abs=8 if tied else 4)


def test_a_class_of_one_big_cluster_and_few_others_still_reaches_every_fold() -> None:
    rows = [*_rows(80), *[("the same words", "c")] * 60, *[(f"rare {n}", "c") for n in range(5)]]
    for fold in range(1, 6):
        split = split_rows(_made(rows), SplitConfig(method="folds", fold=fold))
        assert "c" in {rows[row][1] for row in split.validation}
        assert "c" in {rows[row][1] for row in split.train}
        assert "c" in {rows[row][1] for row in split.test}


def test_more_folds_than_texts_of_a_class_are_refused_with_the_number_that_fits() -> None:
    rows = [*_rows(80), *[(f"rare {n // 2}", "c") for n in range(8)]]
    with pytest.raises(DataError) as caught:
        check_trainable(_made(rows), SplitConfig(method="folds", folds=5))
    assert "'c' has 4; 5 folds and the test part need one each, so 6 different texts" in caught.value.message
    assert caught.value.next_step == "--cure drop-class:c, or --folds 3"
    check_trainable(_made(rows), SplitConfig(method="folds", folds=3))


def test_no_step_is_named_that_leaves_less_than_two_classes() -> None:
    with pytest.raises(DataError) as caught:
        check_trainable(_made(_rows(50)), SplitConfig(method="folds", folds=100))
    assert caught.value.next_step == "--folds 24, or take more rows"
    check_trainable(_made(_rows(50)), SplitConfig(method="folds", folds=24))
    rows = [*_rows(40, "a"), *_rows(2, "b", "other")]
    with pytest.raises(DataError) as caught:
        check_trainable(_made(rows), SplitConfig())
    assert caught.value.next_step == "--test-fraction 0, or take more rows"
    check_trainable(_made(rows), SplitConfig(test=0.0))
    with pytest.raises(DataError) as caught:
        check_trainable(_made(rows[:41]), SplitConfig())
    assert caught.value.next_step == "Take more rows."


def test_a_class_that_cannot_be_left_out_is_not_offered_to_be() -> None:
    rows = [*_rows(30, "a"), *_rows(20, "ab", "test")]
    with pytest.raises(DataError) as caught:
        check_trainable(_made(rows, parts="r" * 30 + "t" * 20), SplitConfig())
    assert caught.value.next_step == "--split-method stratified"


def test_the_parts_have_the_order_that_codes_mean() -> None:
    split = split_rows(_made(_rows(6), parts="rrvvtt"), SplitConfig())
    assert [getattr(split, name).tolist() for name in PARTS] == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(("groups", "rows"), [(40, 5), (20, 10), (30, 6)])
def test_few_large_groups_still_come_near_their_shares(groups: int, rows: int) -> None:
    """Each group is of one class and larger than a quarter of what a part wants of it."""
    total = groups * rows
    made = _made(
        [(f"text {group} {row}", "ab"[group % 2]) for group in range(groups) for row in range(rows)],
        groups=[f"g{group}" for group in range(groups) for _ in range(rows)],
    )
    split = split_rows(made, SplitConfig(seed=3))
    for part in (split.validation, split.test):
        assert abs(len(part) - 0.15 * total) <= rows
    assert not _crossing([f"g{at // rows}" for at in range(total)], split)

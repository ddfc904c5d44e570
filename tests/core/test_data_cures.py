"""Cures: what they keep, what they count, how a wrong one is answered; and the data set that comes out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import DataConfig, SplitConfig
from core.data.columns import choose_columns
from core.data.cures import CURES, catalogue, parse_cure
from core.data.cures.cap import shares
from core.data.cures.rows import voted
from core.data.dataset import Dataset, clean, load, load_dataset, sort_labels
from core.data.health import findings
from core.data.health.finding import Finding
from core.data.split.trainable import check_trainable
from core.data.table import PARTS, whole_table
from core.errors import ConfigError, DataError

ROWS = [
    ("one fine day", "happy"),
    ("nothing to say", "nocode"),
    ("both at once", "happy|sad"),
    ("one fine  DAY", "happy"),
    ("one fine day", "sad"),
    ("rain again today", "sad"),
    ("sun again today", "happy"),
    ("what is this", "disgust"),
]


def _load(path: Path, *cures: str, rows: list[tuple[str, str]] = ROWS) -> Dataset:
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    dataset = load_dataset(DataConfig(source=str(path), cures=cures))
    assert dataset.read == len(dataset.texts) + sum(dataset.dropped.values())
    return dataset


def _labels(dataset: Dataset) -> list[str]:
    return [dataset.label_names[code] for code in dataset.labels]


@pytest.mark.parametrize(
    ("cures", "rows", "dropped"),
    [
        ((), [1, 2, 3, 4, 5, 6, 7, 8], {}),
        (("drop-class:nocode",), [1, 3, 4, 5, 6, 7, 8], {"drop-class:nocode": 1}),
        (
            ("drop-class:nocode", "drop-multi-label"),
            [1, 4, 5, 6, 7, 8],
            {"drop-class:nocode": 1, "drop-multi-label": 1},
        ),
        (("drop-multi-label:o",), [1, 3, 4, 5, 6, 7, 8], {"drop-multi-label:o": 1}),
        (("keep-classes: sad, happy",), [1, 4, 5, 6, 7], {"keep-classes: sad, happy": 3}),
        (("drop-duplicates",), [1, 2, 3, 5, 6, 7, 8], {"drop-duplicates": 1}),
        (("drop-conflicts",), [2, 3, 6, 7, 8], {"drop-conflicts": 3}),
        (("drop-rare:2",), [1, 4, 5, 6, 7], {"drop-rare:2": 3}),
    ],
)
def test_what_stays_and_what_is_counted(
    tmp_path: Path, cures: tuple[str, ...], rows: list[int], dropped: dict[str, int]
) -> None:
    dataset = _load(tmp_path / "a.tsv", *cures)
    assert dataset.rows.tolist() == rows
    assert dataset.dropped == dropped


def test_rename_and_merge(tmp_path: Path) -> None:
    dataset = _load(tmp_path / "a.tsv", "rename-class:disgust=sad", "rename-class:happy|sad=mixed")
    assert dataset.label_names == ("happy", "mixed", "nocode", "sad")
    assert _labels(dataset)[-1] == "sad"
    rows = [("a b", "x=y"), ("c d", "z"), ("e f", "x=y")]
    assert _load(tmp_path / "a.tsv", "rename-class:x=y=w", rows=rows).label_names == ("w", "z")


def test_order_matters(tmp_path: Path) -> None:
    merged = _load(tmp_path / "a.tsv", "rename-class:disgust=sad", "drop-rare:2")
    assert "what is this" in merged.texts
    assert merged.label_names == ("happy", "sad")


def test_bins_of_stars(tmp_path: Path) -> None:
    rows = [(f"text number {n}", value) for n, value in enumerate(["1.0", "2", "3.0", "4", "5", "none", "9"])]
    dataset = _load(tmp_path / "a.tsv", "bins:<=2=negative,3=drop,>=4=positive", rows=rows)
    assert _labels(dataset) == ["negative", "negative", "positive", "positive", "positive"]
    assert sorted(dataset.dropped.values()) == [1, 1]
    gap = _load(tmp_path / "a.tsv", "bins:<2=low,>4=high", rows=rows)
    assert _labels(gap) == ["low", "high", "high"]


@pytest.mark.parametrize(
    ("cure", "said"),
    [
        ("drop-clas:x", "drop-class:NAME"),
        ("nonsense", "drop-duplicates"),
        ("drop-class", "drop-class:NAME"),
        ("drop-rare:few", "drop-rare:N"),
        ("rename-class:a", "rename-class:OLD=NEW"),
        ("bins:low", "bins:"),
        ("drop-duplicates:all", "drop-duplicates"),
        ("drop-class:nocde", "nocode"),
        ("keep-classes:happy,sat", "sad"),
        ("rename-class:hapy=sad", "happy"),
        ("merge-classes:happy=", "merge-classes:A,B=NEW"),
        ("merge-classes:,=x", "merge-classes:A,B=NEW"),
        ("merge-classes:hapy,sad=x", "happy"),
        ("merge-rare:few=other", "merge-rare:N=NAME"),
        ("merge-rare:3", "merge-rare:N=NAME"),
        ("drop-near-duplicates:2", "drop-near-duplicates:LIKENESS"),
        ("drop-near-duplicates:much", "drop-near-duplicates:LIKENESS"),
        ("conflicts-majority:2", "conflicts-majority"),
        ("cap-rows:0", "cap-rows:N"),
        ("cap-rows:" + "9" * 5000, "cap-rows:N"),
        ("strip:links", "strip:urls,mentions,html,emails"),
        ("strip", "strip:urls,mentions,html,emails"),
    ],
)
def test_a_wrong_cure_names_what_is_meant(tmp_path: Path, cure: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path / "a.tsv", cure)
    assert said in caught.value.next_step


def test_empty_texts_and_labels_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n  ,a\nsome words,\nmore words, a \nother words,b\n,\n")
    dataset = load_dataset(DataConfig(source=str(path)))
    assert dataset.texts == ["more words", "other words"]
    assert dataset.label_names == ("a", "b")
    assert dataset.dropped == {"blank line": 1, "empty text": 1, "empty label": 1}
    assert dataset.rows.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["10", "9", "1"], ["1", "9", "10"]),
        (["5.0", "1.0"], ["1.0", "5.0"]),
        (["positive", "negative", "neutral"], ["negative", "neutral", "positive"]),
        (["Positive", "Negative"], ["Negative", "Positive"]),
        (["b", "a", "10"], ["10", "a", "b"]),
        (["nan", "1", "2"], ["1", "2", "nan"]),
    ],
)
def test_the_order_of_labels(given: list[str], wanted: list[str]) -> None:
    assert sort_labels(given) == wanted


def test_the_fingerprint_is_of_the_data_not_of_the_file(tmp_path: Path) -> None:
    first = _load(tmp_path / "a.tsv", "drop-class:nocode")
    (tmp_path / "b.csv").write_text("label,text\n" + "".join(f"{b},{a}\n" for a, b in ROWS if b != "nocode"))
    assert load_dataset(DataConfig(source=str(tmp_path / "b.csv"))).fingerprint == first.fingerprint
    assert _load(tmp_path / "a.tsv").fingerprint != first.fingerprint


def _classes(**counts: int) -> list[tuple[str, str]]:
    return [(f"text {name} number {n}", name) for name, count in counts.items() for n in range(count)]


def test_sound_data_is_trainable(tmp_path: Path) -> None:
    check_trainable(_load(tmp_path / "a.tsv", rows=_classes(a=3, b=9)), SplitConfig())
    check_trainable(_load(tmp_path / "a.tsv", rows=_classes(a=2, b=9)), SplitConfig(test=0.0))


@pytest.mark.parametrize(
    ("rows", "title", "step"),
    [
        (_classes(a=9), "only one class", "--label"),
        (_classes(a=9, b=1, c=9), "too few rows", "--cure drop-class:b"),
        (_classes(a=9, b=1, c=2, d=9), "2 classes have too few rows", "--cure drop-rare:3"),
        (_classes(a=9, b=9) + [("same words", "c")] * 5, "too few rows", "--cure drop-class:c"),
        (_classes(**{f"k{n}": 2 for n in range(40)}), "does not hold classes", "--label"),
    ],
)
def test_what_cannot_be_trained_on_names_the_flag(
    tmp_path: Path, rows: list[tuple[str, str]], title: str, step: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_trainable(_load(tmp_path / "a.tsv", rows=rows), SplitConfig())
    assert title in caught.value.title
    assert step in caught.value.next_step


def test_no_rows_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No rows are left"):
        check_trainable(_load(tmp_path / "a.tsv", "drop-rare:99"), SplitConfig())


def test_the_flag_that_is_named_does_cure(tmp_path: Path) -> None:
    rows = _classes(a=9, b=1, c=2, d=8)
    with pytest.raises(DataError) as caught:
        check_trainable(_load(tmp_path / "a.tsv", rows=rows), SplitConfig())
    cure = caught.value.next_step.removeprefix("--cure ")
    check_trainable(_load(tmp_path / "a.tsv", cure, rows=rows), SplitConfig())


def test_merging(tmp_path: Path) -> None:
    merged = _load(tmp_path / "a.tsv", "merge-classes:sad,disgust=upset")
    assert merged.label_names == ("happy", "happy|sad", "nocode", "upset")
    assert merged.effects == {"merge-classes:sad,disgust=upset": 3}
    rare = _load(tmp_path / "a.tsv", "merge-rare:2=other")
    assert rare.label_names == ("happy", "other", "sad")
    assert _labels(rare) == ["happy", "other", "other", "happy", "sad", "sad", "happy", "other"]
    assert rare.effects == {"merge-rare:2=other": 3}


def test_names_may_hold_commas_quotes_and_equals_signs(tmp_path: Path) -> None:
    rows = [("a b", "yes, please"), ("c d", "x=y"), ("e f", '5"'), ("g h", "no")]
    merged = _load(tmp_path / "a.tsv", 'merge-classes:"yes, please",x=y="a, b"', rows=rows)
    assert merged.label_names == ('5"', "a, b", "no")
    assert _load(tmp_path / "a.tsv", 'merge-classes:5",no=rest', rows=rows).label_names == (
        "rest",
        "x=y",
        "yes, please",
    )
    assert _load(tmp_path / "a.tsv", 'keep-classes:"yes, please",x=y', rows=rows).label_names == ("x=y", "yes, please")
    assert "yes, please=" in _load(tmp_path / "a.tsv", "rename-class:no=yes, please=", rows=rows).label_names


def test_the_first_of_several_labels(tmp_path: Path) -> None:
    rows = [("a b", "happy|sad"), ("c d", " | sad"), ("e f", "sad"), ("g h", "|"), ("i j", "sad, happy")]
    found = _load(tmp_path / "a.tsv", "keep-first-label", rows=rows)
    assert _labels(found) == ["happy", "sad", "sad", "|", "sad, happy"]
    assert found.effects == {"keep-first-label": 2}
    assert _labels(_load(tmp_path / "a.tsv", "keep-first-label:,", rows=rows))[-1] == "sad"


def test_the_majority_settles_conflicts_and_ties_are_left_out(tmp_path: Path) -> None:
    rows = [
        *[("good film", "pos"), ("Good  film", "pos"), ("good film", "neg"), ("GOOD FILM", "neu")],
        *[("so so", "neu"), ("so so", "neg"), ("alone", "neg"), ("again", "pos"), ("again", "pos")],
    ]
    found = _load(tmp_path / "a.tsv", "conflicts-majority", rows=rows)
    assert found.rows.tolist() == [1, 2, 3, 4, 7, 8, 9]
    assert _labels(found) == ["pos"] * 4 + ["neg", "pos", "pos"]
    assert found.dropped == {"conflicts-majority": 2}
    assert found.effects == {"conflicts-majority": 4}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=40))
def test_the_vote_is_that_of_counting_by_hand(pairs: list[tuple[int, int]]) -> None:
    keys, codes = (np.array(column, dtype=np.int64) for column in (zip(*pairs, strict=True) if pairs else ([], [])))
    wanted = []
    for key, _ in pairs:
        counted = Counter(code for other, code in pairs if other == key).most_common()
        wanted.append(-1 if len(counted) > 1 and counted[0][1] == counted[1][1] else counted[0][0])
    assert voted(keys, codes).tolist() == wanted


def test_near_duplicates_keep_the_first(tmp_path: Path) -> None:
    long = "the whole story of the film was told very slowly by the man who had made it long ago and far away"
    rows = [(long, "a"), ("something else is said here about another thing", "b"), (long + " again", "a"), (long, "b")]
    found = _load(tmp_path / "a.tsv", "drop-near-duplicates:0.8", rows=rows)
    assert found.rows.tolist() == [1, 2]
    assert found.effects == {"drop-near-duplicates:0.8": 2}
    assert _load(tmp_path / "a.tsv", "drop-near-duplicates:1", rows=rows).rows.tolist() == [1, 2, 3]


def _parts(*cures: str, **texts: list[str]) -> Dataset:
    """A data set of given parts, under labels a and b in turn."""
    listed = [text for part in texts.values() for text in part]
    codes = [PARTS.index(part) for part, several in texts.items() for _ in several]
    labels = ["ab"[number % 2] for number in range(len(listed))]
    table = replace(whole_table({"text": listed, "label": labels}, "parts", ()), part=np.array(codes, dtype=np.int8))
    config = DataConfig(source="parts", cures=cures)
    dataset = clean(table, choose_columns(table, config), config).dataset
    assert dataset.read == len(dataset.texts) + sum(dataset.dropped.values())
    return dataset


def _rows(count: int, word: str) -> list[str]:
    return [f"{word} number {n}" for n in range(count)]


def test_leaks_leave_the_training_part_only() -> None:
    seen = ["seen in test", "seen in validation"]
    found = _parts(
        "drop-leaks",
        train=[*_rows(4, "train"), *seen, "Seen  in TEST"],
        validation=[*_rows(2, "held"), seen[1]],
        test=[seen[0], seen[1]],
    )
    assert found.dropped == {"drop-leaks": 3}
    assert found.texts == [*_rows(4, "train"), *_rows(2, "held"), seen[1], *seen]


def test_a_training_row_never_costs_a_held_out_one() -> None:
    texts = ["seen in test", "seen in validation"]
    found = _parts(
        "drop-duplicates",
        train=[*_rows(4, "train"), texts[0], "-", texts[1], "--", "Train number 0"],
        validation=["+", texts[1], "++", texts[0]],
        test=["*", texts[0], "**", texts[0]],
    )
    assert found.dropped == {"drop-duplicates": 5}
    assert found.parts is not None
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 2)] == ["*", texts[0], "**"]
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 1)] == ["+", texts[1], "++"]
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 0)] == [*_rows(4, "train"), "-", "--"]


def test_near_copies_of_held_out_texts_leave_the_training_part() -> None:
    """The training row ties two test rows together that are not near to one another: both stay."""
    words = "the whole story of the film was told very slowly by the man who had made it long ago".split()
    first, middle, last = (" ".join(words[low : low + 16]) for low in (0, 1, 2))
    found = _parts(
        "drop-near-duplicates:0.85",
        train=[middle, *_rows(2, "train"), middle + " now"],
        validation=["quite another text that nobody repeats", middle],
        test=[first, last, first + " then", *_rows(2, "test")],
    )
    assert found.parts is not None
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 2)] == [first, last, *_rows(2, "test")]
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 1)] == ["quite another text that nobody repeats"]
    assert [found.texts[at] for at in np.flatnonzero(found.parts == 0)] == _rows(2, "train")


def test_labels_of_held_out_rows_neither_vote_nor_change() -> None:
    """Labels are a and b in turn: of three training copies two say a; the test part says b and a tie."""
    train = ["one text", "x", "One text", "one  text", "two", "two"]
    found = _parts("conflicts-majority", train=train, validation=["y", "one text"], test=["two", "one text", "two"])
    assert found.parts is not None
    assert _labels(found) == ["a", "b", "a", "a", "a", "b", "a", "b", "a"]
    assert found.dropped == {"conflicts-majority": 2}
    assert found.texts == ["one text", "x", "One text", "one  text", "y", "one text", "two", "one text", "two"]


def test_conflicts_with_training_rows_cost_training_rows_only() -> None:
    found = _parts(
        "drop-conflicts",
        train=["one", "x", "two", "y"],
        validation=["z", "one", "three", "three"],
        test=["w", "two", "three", "v"],
    )
    assert found.texts == ["x", "y", "z", "one", "w", "two", "three", "v"]


def test_the_offer_for_conflicts_across_parts_mends_them() -> None:
    listed, codes = ["same", "two", "other", "Same", "two", "three"], [0, 0, 0, 2, 2, 2]
    table = replace(
        whole_table({"text": listed, "label": list("abcbbc")}, "parts", ()), part=np.array(codes, dtype=np.int8)
    )
    config = DataConfig(source="parts")
    loaded = clean(table, choose_columns(table, config), config)
    told = {one.code: one for one in findings(loaded)}
    assert told["duplicates"].kept.tolist() == [1]  # the training row: that is the one which would go
    offer = told["conflicts"]
    assert (offer.rows, offer.cure) == (2, "drop-conflicts")
    mended = clean(table, loaded.columns, replace(config, cures=(offer.cure,)))
    assert {one.code: one.level for one in findings(mended)}["conflicts"] == "ok"
    assert mended.dataset.texts == ["two", "other", "Same", "two", "three"]


def test_leaks_need_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="parts"):
        _load(tmp_path / "a.tsv", "drop-leaks")


def test_a_cap_keeps_the_shares(tmp_path: Path) -> None:
    rows = _classes(a=700, b=250, c=48, d=2)
    found = _load(tmp_path / "a.tsv", "cap-rows:100", rows=rows)
    assert np.bincount(found.labels).tolist() == [69, 25, 5, 1]
    assert found.rows.tolist() == sorted(found.rows.tolist())
    assert found.effects == {"cap-rows:100": 900}
    assert _load(tmp_path / "a.tsv", "cap-rows:100", rows=rows).rows.tolist() == found.rows.tolist()
    assert len(_load(tmp_path / "a.tsv", "cap-rows:1000", rows=rows).texts) == 1000
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path / "a.tsv", "cap-rows:3", rows=rows)
    assert "cap-rows:4" in caught.value.next_step


def test_a_cap_keeps_the_given_parts() -> None:
    found = _parts("cap-rows:40", train=_rows(160, "train"), validation=_rows(40, "held"))
    assert found.parts is not None
    kept = np.bincount(found.parts.astype(np.int64) * 2 + found.labels)
    assert kept.tolist() == [16, 16, 4, 4]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.integers(0, 10**6))
def test_shares_add_up_and_leave_nobody_out(counts: list[int], drawn: int) -> None:
    total = len(counts) + drawn % (sum(counts) - len(counts) + 1)
    found = shares(np.array(counts), total)
    assert found.sum() == total
    assert (found >= 1).all()
    assert (found <= np.array(counts)).all()
    exact = np.array(counts) * (total / sum(counts))
    assert (found < np.maximum(exact, 1) + 1).all()


def test_every_effect_is_counted(tmp_path: Path) -> None:
    cures = ("drop-class:nocode", "rename-class:disgust=sad", "drop-duplicates", "drop-rare:2")
    assert _load(tmp_path / "a.tsv", *cures).effects == dict(zip(cures, (1, 1, 1, 1), strict=True))
    stars = [(f"text number {n}", value) for n, value in enumerate(["1", "2", "3", "4", "high"])]
    found = _load(tmp_path / "a.tsv", "bins:<=2=low,3=drop,4=high", rows=stars)
    assert found.effects == {"bins:<=2=low,3=drop,4=high": 5}


def test_the_catalogue_is_plain_and_its_examples_are_rules() -> None:
    found = catalogue()
    assert json.loads(json.dumps(found)) == found
    assert [one["name"] for one in found] == list(CURES)
    for one in found:
        rule = f"{one['name']}:{one['example']}" if one["example"] else one["name"]
        assert parse_cure(rule)[0].shape == one["shape"]
        assert one["sentence"].endswith(".")
        if one["argument"]:
            with pytest.raises(ConfigError):
                parse_cure(one["name"])
        else:
            parse_cure(one["name"])


def _found(path: Path, rows: list[tuple[str, str]], *cures: str) -> dict[str, Finding]:
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return {one.code: one for one in findings(load(DataConfig(source=str(path), cures=cures)))}


def test_conflicts_offer_the_majority_where_there_is_one(tmp_path: Path) -> None:
    tied = [*_classes(a=20, b=20), ("so so", "a"), ("so so", "b")]
    assert _found(tmp_path / "a.tsv", tied)["conflicts"].cure == "drop-conflicts"
    led = [*tied, ("well", "a"), ("well", "a"), ("well", "b")]
    found = _found(tmp_path / "a.tsv", led)["conflicts"]
    assert (found.cure, found.rows) == ("conflicts-majority", 5)
    assert _found(tmp_path / "a.tsv", led, found.cure)["conflicts"].rows == 0


def test_imbalance_offers_weights(tmp_path: Path) -> None:
    found = _found(tmp_path / "a.tsv", _classes(a=200, b=20))["imbalance"]
    assert (found.cure, found.settings) == ("", {"training.class_weights": "balanced"})
    assert "imbalance" not in _found(tmp_path / "a.tsv", _classes(a=190, b=20))


@pytest.mark.parametrize(("large", "cure"), [(60, "merge-rare:10=other"), (900, "drop-rare:10"), (0, "")])
def test_many_rare_classes_are_merged_when_they_are_much(tmp_path: Path, large: int, cure: str) -> None:
    rows = _classes(**{f"k{n}": 5 for n in range(5)}, **({"a": large, "b": large} if large else {}))
    found = _found(tmp_path / "a.tsv", rows)["rare"]
    assert (found.cure, found.rows) == (cure, 25)
    if cure:
        assert _found(tmp_path / "a.tsv", rows, cure)["rare"].rows == 0


def test_measures_offer_bins_of_a_third_each(tmp_path: Path) -> None:
    rows = [(f"text number {n}", f"{n / 99 * 2 - 1:.4f}") for n in range(99)]
    found = _found(tmp_path / "a.tsv", rows)["numbers"]
    assert found.level == "bad"
    binned = _load(tmp_path / "a.tsv", found.cure, rows=rows)
    assert binned.label_names == ("low", "medium", "high")
    assert np.bincount(binned.labels).tolist() == [33, 33, 33]
    lumped = [(f"text number {n}", str(max(n * 1.5, 150))) for n in range(150)]
    cure = _found(tmp_path / "a.tsv", lumped)["numbers"].cure
    assert _load(tmp_path / "a.tsv", cure, rows=lumped).label_names == ("low", "high")


def test_numbered_classes_are_no_measures(tmp_path: Path) -> None:
    numbered = [(f"text number {n}", str(n % 40)) for n in range(400)]
    assert "numbers" not in _found(tmp_path / "a.tsv", numbered)
    scores = [(f"text number {n}", str(n % 101)) for n in range(404)]
    assert _found(tmp_path / "a.tsv", scores)["numbers"].level == "warn"


def test_a_column_of_texts_taken_for_labels_is_answered_all_the_same(tmp_path: Path) -> None:
    rows = [(f"text {n}", f"{'A' if n % 3 else 'a'} LABEL, {n // 3}, nan") for n in range(6000)]
    found = _found(tmp_path / "a.tsv", rows)
    assert len([code for code in found if code.startswith("spelling:")]) == 20

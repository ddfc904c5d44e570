"""The rows behind the scores: mistakes in order, cells, filters, slices, and who has looked at test rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.evaluation.looked import looks, note_look
from core.evaluation.metrics import report
from core.evaluation.mistakes import Wanted, cell_of, chosen, class_code, page
from core.evaluation.predictions import Predictions
from core.evaluation.slices import FEW, slice_mask, slices
from core.runs import RunStore
from tests.core.judged import judged_run, predictions, sure_of

TEXTS = [
    "I did not like it at all",
    "GREAT PHONE!!!",
    "Straße see https://example.org/x now",
    "thanks @anna it's fine 😀",
    "good",
    "isn’t bad but http is no address",
]


@pytest.fixture
def told() -> Predictions:
    gold, said = [0, 2, 1, 1, 2, 0], [2, 2, 2, 0, 0, 2]
    return predictions(gold, sure_of(said, 3, [0.6, 0.9, 0.7, 0.95, 0.8, 0.7]), texts=TEXTS)


def test_the_most_confident_mistake_comes_first_and_equal_ones_as_in_the_file(told: Predictions) -> None:
    assert chosen(told, Wanted()).tolist() == [3, 4, 2, 5, 0]
    assert chosen(told, Wanted(which="all")).tolist() == [3, 1, 4, 2, 5, 0]
    assert chosen(told, Wanted(which="right")).tolist() == [1]


def test_a_cell_holds_its_rows_on_the_diagonal_too(told: Predictions) -> None:
    assert chosen(told, Wanted("all", gold="bad", said="good")).tolist() == [5, 0]
    assert chosen(told, Wanted("all", gold="good", said="good")).tolist() == [1]
    assert chosen(told, Wanted("all", gold="good")).tolist() == [1, 4]
    assert chosen(told, Wanted("all", gold="fine", said="fine")).tolist() == []
    assert chosen(told, Wanted(label="fine")).tolist() == [3, 2]
    assert chosen(told, Wanted(label="bad")).tolist() == [3, 4, 5, 0]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Wanted("all", words="IT"), [3, 0]),
        (Wanted("all", words="it like"), [0]),
        (Wanted("all", words="STRASSE"), [2]),
        (Wanted("all", min_words=6), [5, 0]),
        (Wanted("all", max_words=1), [4]),
        (Wanted("all", min_words=2, max_words=5), [3, 1, 2]),
        (Wanted("all", regex="^[Gg]"), [1, 4]),
        (Wanted("all", regex="(?i)^g.*t"), [1]),
        (Wanted("all", slice="negation"), [5, 0]),
        (Wanted("all", slice="emoji"), [3]),
        (Wanted("all", slice="url"), [2]),
        (Wanted("all", slice="mention"), [3]),
        (Wanted("all", slice="capitals"), [1]),
        (Wanted("all", slice="regex", regex="good"), [4]),
        (Wanted("wrong", slice="negation", words="like"), [0]),
        (Wanted("wrong", slice="negation", regex="address"), [5]),
    ],
)
def test_filters_narrow_the_rows(told: Predictions, wanted: Wanted, rows: list[int]) -> None:
    assert chosen(told, wanted).tolist() == rows


@pytest.mark.parametrize(
    ("key", "texts", "others"),
    [
        ("capitals", ["@anna STOP IT", "WHY? www.x.org/a", "ÄRGER"], ["OK", "A+ 10", "Stop IT", "@anna", "123 !!!"]),
        ("negation", ["CANNOT", "don't", "hasn’t", "no."], ["nothingness", "knot", "ant", "notable"]),
        ("emoji", ["🇩🇪", "☀", "ok ❤️"], [":-)", "ok!", "→ 50 €", "™"]),
        ("url", ["see http://a.b", "www.example.org"], ["a.b.c", "http is a word"]),
        ("mention", ["@anna hi", "so @bob_1"], ["me@example.org", "@ 5", "@ home"]),
    ],
)
def test_a_slice_is_what_its_title_says(key: str, texts: list[str], others: list[str]) -> None:
    every = [*texts, *others]
    told = predictions([0] * len(every), sure_of([0] * len(every), 3), texts=every)
    assert [text for text, flag in zip(every, slice_mask(told, key), strict=True) if flag] == texts


def test_a_row_says_what_it_is_and_what_was_said(told: Predictions) -> None:
    (row,) = page(told, chosen(told, Wanted(gold="fine", said="bad")))
    assert (row["id"], row["row"], row["text"]) == ("id3", 4, TEXTS[3])
    assert (row["gold"], row["said"], row["right"]) == ("fine", "bad", False)
    assert (row["confidence"], row["gold_probability"]) == (0.95, 0.025)
    assert row["top"][0] == ["bad", 0.95]


def test_a_regex_that_would_never_end_elsewhere_ends(told: Predictions) -> None:
    slow = predictions([0] * 50, sure_of([0] * 50, 3), texts=["a" * 2000 + "!"] * 50)
    assert chosen(slow, Wanted("all", regex="(a+)+$")).tolist() == []
    assert len(chosen(slow, Wanted("all", regex="(a+)+!$"))) == 50


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{9999}", "\ud800", "x" * 501])
def test_a_regex_that_cannot_be_used_is_refused(pattern: str, told: Predictions) -> None:
    with pytest.raises(ConfigError, match="regex"):
        chosen(told, Wanted(regex=pattern))


def test_a_text_that_is_no_unicode_is_searched_all_the_same() -> None:
    odd = predictions([0, 0], sure_of([1, 1], 3), texts=["half \ud83d pair", "whole"])
    assert chosen(odd, Wanted(regex="half")).tolist() == [0]


def test_a_class_is_found_in_any_case_or_the_nearest_one_named() -> None:
    names = ("Angry", "happy", "HAPPY", "a:b", "b")
    assert class_code(names, "angry") == 0
    assert class_code(names, "happy") == 1
    with pytest.raises(ConfigError) as refused:
        class_code(names, "hapy")
    assert "Did you mean" in refused.value.next_step
    with pytest.raises(ConfigError, match="no class Happy"):
        class_code(names, "Happy")
    assert cell_of(names, "a:b:b") == ("a:b", "b")
    assert cell_of(names, "angry:") == ("Angry", "")
    assert cell_of(names, ":b") == ("", "b")
    for wrong in ("angry", "angry:joy", "x:y:z"):
        with pytest.raises(ConfigError):
            cell_of(names, wrong)


def test_a_slice_is_scored_as_its_rows_alone_and_beside_the_rest() -> None:
    chance = np.random.default_rng(0)
    negated = np.arange(400) % 4 == 0
    gold = chance.integers(3, size=400)
    said = np.where(negated & (chance.random(400) < 0.7), (gold + 1) % 3, gold)
    texts = [f"it is {'not ' if flag else ''}so {'very ' * (at % 9)}good" for at, flag in enumerate(negated)]
    told = predictions(gold.tolist(), sure_of(said.tolist(), 3), texts=texts)
    found = {one.key: one for one in slices(told, regex="very very very very very very very very g")}
    one = found["negation"]
    alone = report(gold[negated], said[negated], 3).scores
    rest = report(gold[~negated], said[~negated], 3).scores
    assert one.scores is not None
    assert one.differences is not None
    assert (one.rows, one.share, one.says_little) == (100, 0.25, False)
    assert (one.scores["accuracy"].value, one.scores["macro_f1"].value) == (alone.accuracy, alone.macro_f1)
    assert one.differences["macro_f1"].value == alone.macro_f1 - rest.macro_f1
    assert one.differences["accuracy"].high < -0.4
    assert (found["emoji"].rows, found["emoji"].scores, found["emoji"].differences) == (0, None, None)
    assert 0 < found["regex"].rows == sum(at % 9 == 8 for at in range(400))
    quarters = [one for key, one in found.items() if key.startswith("length")]
    assert sum(one.rows for one in quarters) == 400
    assert all(slice_mask(told, one.key).sum() == one.rows for one in quarters)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_quarters_by_length_hold_every_row_once(words: list[int]) -> None:
    told = predictions([0] * len(words), sure_of([0] * len(words), 3), texts=["w " * count for count in words])
    quarters = [one for one in slices(told) if one.key.startswith("length")]
    masks = [slice_mask(told, one.key) for one in quarters]
    assert np.sum(masks, axis=0).tolist() == [1] * len(words)
    assert [one.rows < FEW for one in quarters] == [one.says_little for one in quarters]


def test_an_unknown_slice_names_those_there_are(told: Predictions) -> None:
    with pytest.raises(ConfigError, match="negation, emoji, url"):
        chosen(told, Wanted(slice="sarcasm"))


def test_looks_are_counted_over_the_runs_with_the_same_test_rows(store: RunStore) -> None:
    told = predictions([0, 1, 1], sure_of([0, 1, 0], 3), parts=["validation", "test", "test"])
    one, two, other = (judged_run(store, name, told, mark=mark) for name, mark in (("a", "m"), ("b", "m"), ("c", "x")))
    assert looks(one) == {"scored": 2, "looked": 0}
    assert note_look(one, "mistakes")
    assert note_look(one, "slices")
    assert note_look(other, "mistakes")
    assert looks(one) == looks(two) == {"scored": 2, "looked": 1}
    assert note_look(two, "mistakes")
    store.delete("b")
    assert looks(one) == {"scored": 2, "looked": 2}
    (one.path / "looked.jsonl").write_text("torn\n{")
    assert looks(one) == {"scored": 2, "looked": 1}

"""Words left out one by one: pushes are differences of the model's own answers, and long texts stay cheap."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError
from core.inference.explain import MOST, explain
from core.inference.predictor import Prediction, Predictor, open_predictor
from core.protocol import Progress, no_progress
from tests.tiny import exported_run


class Keyword(Predictor):
    """Says positive by .9 where it reads `good`, else negative by .8; remembers what it was asked."""

    engine = "keyword"

    def __init__(self) -> None:
        self.label_names = ("negative", "positive")
        self.asked: list[list[str]] = []

    def predict(self, texts: Sequence[str], progress: Progress = no_progress) -> Prediction:
        self.asked.append(list(texts))
        rows = [[0.1, 0.9] if "good" in text.split() else [0.8, 0.2] for text in texts]
        return Prediction(np.array(rows, dtype=np.float32), [len(text.split()) > 99 for text in texts])

    def logits(self, ids: object, mask: object) -> object:  # type: ignore[override]
        raise NotImplementedError


def test_the_word_that_decides_has_the_push() -> None:
    model = Keyword()
    found = explain(model, "  this is good,  really good \n")
    assert (found.label, found.grouped, found.truncated) == ("positive", 1, False)
    assert found.probability == pytest.approx(0.9)
    pushes = {one.text: (round(one.push, 3), one.without) for one in found.pushes}
    assert pushes == {
        "this": (0.0, "positive"),
        "is": (0.0, "positive"),
        "good,": (0.0, "positive"),
        "really": (0.0, "positive"),
        "good": (0.7, "negative"),
    }
    assert len(model.asked) == 1, "all variants are asked for together"


def test_a_push_away_from_the_class_that_is_watched_is_below_zero() -> None:
    found = explain(Keyword(), "so good", label="negative")
    assert found.label == "negative"
    assert found.probability == pytest.approx(0.1)
    assert [round(one.push, 3) for one in found.pushes] == [0.0, -0.7]


def test_each_word_is_left_out_once_and_the_rest_stays_as_it_was() -> None:
    model = Keyword()
    found = explain(model, "a  bb\tc")
    assert model.asked == [["a  bb\tc", "bb\tc", "a  c", "a  bb"]]
    assert ["a  bb\tc"[one.start : one.end] for one in found.pushes] == ["a", "bb", "c"]


def test_a_long_text_is_taken_apart_in_groups() -> None:
    model = Keyword()
    text = " ".join(["dull"] * 149 + ["good"] + ["dull"] * 50)
    found = explain(model, text)
    assert len(model.asked[0]) == MOST + 1
    assert " ".join(one.text for one in found.pushes) == text
    assert found.grouped == 4
    assert found.truncated
    (strongest,) = [one for one in found.pushes if one.push > 0.5]
    assert "good" in strongest.text.split()


def test_a_script_without_blanks_is_taken_apart_by_letters() -> None:
    found = explain(Keyword(), "とても good 映画")
    assert [one.text for one in found.pushes] == ["と", "て", "も", "good", "映", "画"]


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_without_words_has_an_answer_and_no_pushes(text: str) -> None:
    found = explain(Keyword(), text)
    assert (found.label, found.pushes) == ("negative", ())


def test_a_class_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="knows no class joy"):
        explain(Keyword(), "good", label="joy")


def test_pushes_are_differences_of_a_real_models_answers(tmp_path: Path) -> None:
    shutil.copytree(exported_run().path, tmp_path / "tiny")
    predictor = open_predictor(tmp_path / "tiny")
    found = explain(predictor, "not a good film \ud800")
    texts = ["not a good film \ud800", "a good film \ud800", "not good film \ud800", "not a film \ud800"]
    answers = predictor.predict(texts).probabilities
    code = int(answers[0].argmax())
    assert found.label == predictor.label_names[code]
    expected = [answers[0][code] - row[code] for row in answers[1:]]
    assert [one.push for one in found.pushes[:3]] == pytest.approx(expected, abs=1e-6)
    assert any(abs(one.push) > 1e-4 for one in found.pushes)

"""The stand-ins of the write-ups have the shape they stand for, and the page says what the records hold."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import standins
from tests.benchmarks.recipes_page import section, spread, write_page


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a few reviews and sentences."""
    music, sst = tmp_path / "amazon_musical_instruments", tmp_path / "sst2_sentence"
    music.mkdir()
    sst.mkdir()
    with (music / "reviews.csv").open("w", newline="") as file:
        rows = [(f"this string number {n} is fine for me", float(n % 5 + 1)) for n in range(400)]
        csv.writer(file).writerows([("reviewText", "overall"), *rows, ("word " * 90, 5.0)])
    lines = [
        f"the film number {n} was {'good and warm' if n % 2 else 'bad and cold'} to look at\t{n % 2}" for n in range(60)
    ]
    (sst / "train.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_stand_ins_have_the_columns_and_classes_of_the_originals(data: Path, tmp_path: Path) -> None:
    made = standins.make(data, tmp_path / "out")
    with made["app-reviews"].open(newline="") as file:
        scores = Counter(row["score"] for row in csv.DictReader(file))
    assert scores == {"1": 80, "2": 80, "3": 80, "4": 80, "5": 80}
    with made["online-reviews"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["stars"] for row in rows)["1"] == 75
    assert max(len(row["review"].split()) for row in rows) <= standins.LONGEST
    with made["movie-reviews"].open(newline="") as file:
        phrases = list(csv.DictReader(file, delimiter="\t"))
    assert list(phrases[0]) == ["PhraseId", "SentenceId", "Phrase", "Sentiment"]
    whole = {row["SentenceId"]: row["Phrase"] for row in reversed(phrases)}
    assert all(row["Phrase"] in whole[row["SentenceId"]] for row in phrases), "each is a piece of its sentence"
    assert {row["Sentiment"] for row in phrases} <= set("01234")
    again = standins.make(data, tmp_path / "again")
    assert all(again[name].read_bytes() == path.read_bytes() for name, path in made.items())


def _scores(value: float) -> dict[str, Any]:
    names = ("weighted_f1", "macro_f1", "accuracy")
    return {
        **dict.fromkeys(names, value),
        "class_f1": {"sad": value, "happy": value},
        "support": {"sad": 5, "happy": 9},
    }


def _record(recipe: str, seed: int, best: float, last: float) -> dict[str, Any]:
    metrics = {
        "label_names": ["sad", "happy"],
        "validation": _scores(best),
        "last_validation": _scores(last),
        "test": None,
        "baselines": {"majority": {"validation": _scores(0.1)}, "tfidf": {"validation": _scores(0.2)}},
    }
    return {
        "recipe": recipe,
        "seed": seed,
        "model": "starter",
        "command": f"finetui train tweets.csv --recipe {recipe}",
        "data": "tweets.csv",
        "rows": {"train": 80, "validation": 14, "test": 0},
        "kept": 94,
        "read": 100,
        "metrics": metrics,
        "date": "2026-01-02",
        "machine": "a machine",
    }


def test_the_page_puts_last_and_best_epoch_floors_and_the_write_up_side_by_side(tmp_path: Path) -> None:
    records = [_record("smile", 1, 0.6, 0.5), _record("smile", 2, 0.8, 0.5), _record("smile-as-written", 1, 0.4, 0.3)]
    records.append({"recipe": "smile", "warned": ["'sad' has 5 rows"], "majority": {}})
    text = section("smile", records)
    assert "| ours, as we would, starter, 2 seeds | 80 / 14 / 0 | **0.500** ± 0.000 | **0.700** ± 0.141 |" in text
    assert "| ours, as written, starter, 1 seed | 80 / 14 / 0 | **0.300** | **0.400** |" in text
    assert "| always the largest class, as we would | 80 / 14 / 0 | 0.100 |" in text
    assert "weighted F1, last epoch 0.850; weighted F1, best epoch 0.861" in text
    assert "*SMILE tweets, as we would*: 'sad' has 5 rows." in text
    assert "disgust 0 of 1" in text
    page = tmp_path / "page.md"
    page.write_text("<!-- smile: written by tests/benchmarks/recipes.py -->\n<!-- end of smile -->\n")
    write_page(page, records)
    assert "± 0.141" in page.read_text()


def test_one_seed_has_no_deviation() -> None:
    assert spread([0.5]) == "**0.500**"
    assert spread([0.4, 0.6]) == "**0.500** ± 0.141"

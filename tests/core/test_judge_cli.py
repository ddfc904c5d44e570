"""`finetui judge` and `finetui mistakes` as a person calls them, and the child that judges for the screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from core.cli import main
from core.evaluation.predictions import Predictions
from core.launch import child_command, child_environment
from core.runs import Run, RunStore
from tests.core.judged import always_happy, judged_run, predictions, sure_of, write
from tests.tiny import exported_run


@pytest.fixture(autouse=True)
def here_are_the_runs(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_RUNS", str(store.root))


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code of a command, its data and its messages."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def mixed(rows: int = 240, classes: int = 4, seed: int = 0) -> Predictions:
    """A model that is right in about two of three rows, half of them validation."""
    chance = np.random.default_rng(seed)
    gold = chance.integers(classes, size=rows)
    said = np.where(chance.random(rows) < 0.6, gold, chance.integers(classes, size=rows))
    sure = np.where(said == gold, 0.8, 0.6) + chance.random(rows) * 0.2 - 0.1
    names = [f"class {at}" for at in range(classes)]
    texts = [f"text {at} " + "very " * (at % 17) + ("not good" if at % 3 else "GOOD \x1b[31m") for at in range(rows)]
    parts = ["validation" if at % 2 else "test" for at in range(rows)]
    told = sure_of(said.tolist(), classes, sure.tolist())
    return predictions(gold.tolist(), told, names=names, texts=texts, parts=parts)


def test_a_model_that_learned_nothing_is_seen_at_a_glance(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(store, "epoch-1", always_happy(), largest=2)
    code, told, _ = called(capsys, "judge", "epoch-1")
    lines = told.splitlines()
    assert code == 0
    assert lines[2] == "✗ Answers happy to every row: accuracy 0.767, macro F1 0.145, the same as always"
    assert lines[3] == "  the largest class. It tells no two sentences apart."
    assert "Every row of angry, disgust, not-relevant, sad and surprise is wrong." in told
    assert ["disgust", "·", "·", "1", "·", "·", "·"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80


def test_every_figure_is_scikit_learns(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    told = mixed()
    judged_run(store, "one", told)
    found = json.loads(called(capsys, "judge", "one", "--json")[1])
    rows = told.part("validation")
    precision, recall, f1, support = reference.precision_recall_fscore_support(rows.gold, rows.said, zero_division=0)
    for at, one in enumerate(found["classes"]):
        figures = [one["precision"], one["recall"], one["f1"], one["support"]]
        assert figures == pytest.approx([precision[at], recall[at], f1[at], support[at]], abs=1e-12)
    assert found["confusion"] == reference.confusion_matrix(rows.gold, rows.said).tolist()
    shares = reference.confusion_matrix(rows.gold, rows.said, normalize="true")
    assert np.array(found["row_shares"]) == pytest.approx(shares, abs=1e-12)
    for name, kind in (("macro_f1", "macro"), ("weighted_f1", "weighted")):
        score = found["scores"][name]
        assert score["value"] == pytest.approx(reference.f1_score(rows.gold, rows.said, average=kind), abs=1e-12)
        assert score["low"] < score["value"] < score["high"]
    assert found["parts"] == {"validation": 120, "test": 120}
    assert [one["name"] for one in found["baselines"]] == ["majority", "tfidf"]


@pytest.mark.parametrize("words", [[], ["--shares"], ["--part", "test"], ["--wish", "0.999"]])
@pytest.mark.parametrize("classes", [2, 9, 40])
def test_the_overview_fits_eighty_columns(
    classes: int, words: list[str], store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    told = mixed(classes=classes)
    long = tuple(f"{name} of a rather long name" for name in told.label_names)
    judged_run(store, "one", replace(told, label_names=long))
    code, text, _ = called(capsys, "judge", "one", *words)
    assert code == 0
    assert max(map(len, text.splitlines())) <= 80
    assert ("what is confused most often" in text) == (classes == 40)


def test_the_matrix_counts_true_classes_in_rows_or_shares_them_out(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_run(store, "one", predictions([0, 0, 0, 1], sure_of([0, 2, 2, 1], 3)))
    _, counts, _ = called(capsys, "judge", "one")
    assert ["bad", "1", "·", "2"] in [line.split() for line in counts.splitlines()]
    _, shares, _ = called(capsys, "judge", "one", "--shares")
    lines = [line.split() for line in shares.splitlines()]
    assert ["bad", "0.33", "0.00", "0.67"] in lines
    assert ["good", "-", "-", "-"] in lines
    assert ["good", "0.000", "0.000", "-", "0", "2"] in lines
    assert "No row here is good: its F1 of 0 counts in macro F1." in shares


def test_a_test_part_uses_what_validation_taught(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(store, "one", mixed())
    on_validation = json.loads(called(capsys, "judge", "one", "--json", "--wish", "0.9")[1])
    on_test = json.loads(called(capsys, "judge", "one", "--json", "--wish", "0.9", "--part", "test")[1])
    assert on_test["calibration"]["temperature"] == on_validation["calibration"]["temperature"]
    assert on_test["thresholds"]["threshold"] == on_validation["thresholds"]["threshold"]
    assert on_test["thresholds"]["validation"]["accuracy"] >= 0.9
    assert on_test["thresholds"]["here"] != on_test["thresholds"]["validation"]
    assert [one["part"] for one in on_test["baselines"]] == ["test", "validation"]


def test_looking_at_test_rows_is_counted_and_shown(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        judged_run(store, name, mixed())
    for words in (("judge", "one"), ("mistakes", "one"), ("mistakes", "one", "--slices")):
        assert called(capsys, *words)[0] == 0
    assert "scored by 2 runs and looked at for 0 runs." in called(capsys, "judge", "one", "--part", "test")[1]
    assert "scored by 2 runs and looked at for 1 run." in called(capsys, "mistakes", "two", "--part", "test")[1]
    assert "looked at for 2 runs." in called(capsys, "mistakes", "one", "--part", "test", "--slices")[1]
    assert "looked at for 2 runs." in called(capsys, "judge", "two")[1]


def test_a_look_that_cannot_be_written_down_is_said(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    run = judged_run(store, "one", mixed())
    (run.path / "looked.jsonl").mkdir()
    code, told, _ = called(capsys, "mistakes", "one", "--part", "test", "--limit", "1")
    assert code == 0
    assert "This look could not be counted" in told


def test_mistakes_are_numbered_and_nothing_in_them_acts_on_the_terminal(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_run(store, "one", mixed())
    code, told, messages = called(capsys, "mistakes", "one", "--limit", "3")
    assert code == 0
    assert [line.split()[0] for line in told.splitlines() if "it is" in line] == ["1", "2", "3"]
    assert "\x1b" not in told
    assert max(map(len, told.splitlines())) <= 80
    total = json.loads(called(capsys, "mistakes", "one", "--json")[1])["total"]
    judged_run(store, "long", predictions([0], sure_of([1], 3), texts=["a few words more " * 99]))
    _, long, _ = called(capsys, "mistakes", "long")
    assert (len(long.splitlines()), long.rstrip()[-1]) == (5, "…")
    assert f"… {total - 3} more: --limit {total}" in messages


def test_filters_of_the_command_narrow_the_rows(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(store, "one", mixed())

    def rows(*words: str) -> list[dict[str, Any]]:
        code, told, _ = called(capsys, "mistakes", "one", "--json", "--limit", "1000", *words)
        assert code == 0
        found: list[dict[str, Any]] = json.loads(told)["rows"]
        assert found
        return found

    sure = [one["confidence"] for one in rows()]
    assert sure == sorted(sure, reverse=True)
    assert not any(one["right"] for one in rows())
    assert {(one["gold"], one["said"]) for one in rows("--cell", "class 1:CLASS 2")} == {("class 1", "class 2")}
    assert {one["right"] for one in rows("--cell", "class 1:class 1")} == {True}
    assert {one["right"] for one in rows("--class", "class 3", "--all")} == {True, False}
    assert all("class 3" in (one["gold"], one["said"]) for one in rows("--class", "class 3"))
    assert all("not" in one["text"] for one in rows("--words", "NOT very"))
    assert all(4 <= len(one["text"].split()) <= 6 for one in rows("--min-words", "4", "--max-words", "6"))
    assert all("GOOD" in one["text"] for one in rows("--regex", "GO+D"))
    assert all("not" in one["text"] for one in rows("--slice", "negation"))


def test_slices_are_a_table_of_scores(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(store, "one", mixed())
    code, told, _ = called(capsys, "mistakes", "one", "--slices", "--regex", "text 1[13] ")
    assert code == 0
    assert "has a negation" in told
    assert "/text 1[13] / !" in told
    assert "No row: has an emoji, has a URL, has an @mention, all in capitals." in told
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("judge",), "Which run?"),
        (("judge", "one", "--part", "tset"), "There is no part 'tset'"),
        (("mistakes", "one", "--class", "clas 1"), "Did you mean class 1?"),
        (("mistakes", "one", "--cell", "class 1"), "is no cell"),
        (("mistakes", "one", "--cell", "class 1:joy"), "There is no class joy"),
        (("mistakes", "one", "--regex", "("), "The regex ( cannot be used"),
        (("mistakes", "one", "--slice", "irony"), "There is no slice irony"),
        (("mistakes", "one", "--slices", "--words", "a"), "--slices does not go with --words"),
        (("mistakes", "one", "--explain", "4000"), "There is no row 4000 to explain"),
        (("mistakes", "one", "--explain", "1"), "one has no model"),
        (("judge", "one", "--unsure-below", "1.2"), "1.2 cannot be a threshold"),
        (("judge", "bare"), "bare has no predictions"),
        (("mistakes", "bare"), "bare has no predictions"),
        (("judge", "torn"), "The predictions of torn cannot be read"),
        (("judge", "nan"), "The predictions of nan are damaged"),
        (("judge", "lone", "--part", "test"), "lone has no locked test"),
        (("mistakes", "lone", "--part", "test"), "lone has no locked test"),
        (("judge", "worn"), "worn is damaged"),
    ],
)
def test_bad_input_is_answered_in_words(
    words: tuple[str, ...], said: str, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    told = mixed()
    judged_run(store, "one", told)
    judged_run(store, "lone", told.part("validation"))
    (judged_run(store, "bare", told).path / "predictions.parquet").unlink()
    (judged_run(store, "torn", told).path / "predictions.parquet").write_bytes(b"PAR1 torn")
    (judged_run(store, "worn", told).path / "metrics.json").write_text('{"baselines": {"majority": {}}}')
    told.probabilities[3] = np.nan
    judged_run(store, "nan", told)
    code, _, messages = called(capsys, *words)
    assert code == 2
    assert said in messages
    assert "Traceback" not in messages


def test_odd_parts_are_judged_with_a_word_of_warning(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    judged_run(store, "perfect", predictions([0, 1, 2] * 12, sure_of([0, 1, 2] * 12, 3)))
    _, told, _ = called(capsys, "judge", "perfect")
    assert "No mistake in 36 rows: up to 8.0% wrong answers would still fit (95 %)." in told
    assert "without a mistake nothing says how sure is too sure" in " ".join(told.split())
    assert "95% right is reached without a threshold: 1.000 on validation." in told
    assert "No mistakes: all 36 rows of validation are right." in called(capsys, "mistakes", "perfect")[2]
    judged_run(store, "alone", predictions([1, 1], sure_of([1, 1], 3)))
    _, told, _ = called(capsys, "judge", "alone")
    assert "Only rows of fine are here" in told
    assert "2 rows: too few for a score to say much." in told
    judged_run(store, "narrow", predictions([1] * 40, sure_of([1] * 30 + [0] * 10, 3)))
    _, told, _ = called(capsys, "judge", "narrow")
    assert "All rows here are of one class" in told
    assert "No row here is good: macro F1 leaves it out." in told
    run = judged_run(store, "young", mixed())
    (run.path / "metrics.json").unlink()
    code, told, _ = called(capsys, "judge", "young")
    assert code == 0
    assert "largest class" not in told


def test_a_threshold_is_kept_for_the_run_and_taken_back(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    run = judged_run(store, "one", mixed())
    _, told, _ = called(capsys, "judge", "one", "--unsure-below", ".7")
    assert "Kept for this run: unsure below 0.7 at temperature" in told
    kept = json.loads((run.path / "judgement.json").read_text())
    found = json.loads(called(capsys, "judge", "one", "--json")[1])
    assert kept["temperature"] == found["calibration"]["temperature"]
    assert found["judgement"] == {"temperature": kept["temperature"], "unsure_below": 0.7}
    _, told, _ = called(capsys, "judge", "one", "--unsure-below", "0")
    assert "Kept for this run" not in told
    assert not (run.path / "judgement.json").exists()


@pytest.fixture
def explained(store: RunStore) -> Run:
    """A run with a real model and mistakes in words it knows."""
    store.prepare()
    shutil.copytree(exported_run().path, store.root / "tiny")
    run = Run(store.root / "tiny")
    texts = ["not a good film", "very bad food"]
    told = predictions([0, 1], sure_of([1, 0], 3), names=("negative", "neutral", "positive"), texts=texts)
    write(run, told)
    return run


def test_a_mistake_is_taken_apart_by_words(explained: Run, capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _ = called(capsys, "mistakes", "tiny", "--explain", "2")
    assert code == 0
    assert "very bad food" in told
    assert all(f"  {word} " in told for word in ("very", "bad", "food"))
    assert "film" not in told
    found = json.loads(called(capsys, "mistakes", "tiny", "--explain", "1", "--json")[1])
    assert [one["text"] for one in found["explanation"]["words"]] == ["not", "a", "good", "film"]
    assert found["explanation"]["label"] == "neutral"


class Child:
    """The service as the screen starts it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            child_command("judge", "--jsonl"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            cwd=os.sep,
            text=True,
        )

    def ask(self, ask: str, run: Path | str | None, **body: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"id": 1, "ask": ask, "run": run and str(run), **body}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def child() -> Iterator[Child]:
    found = Child()
    yield found
    found.process.communicate(timeout=60)
    assert found.process.returncode == 0


def test_the_child_judges_pages_explains_and_survives_bad_requests(
    child: Child, explained: Run, store: RunStore
) -> None:
    one = judged_run(store, "one", mixed()).path
    found = child.ask("overview", one)["result"]
    assert (found["rows"], found["part"]) == (120, "validation")
    whole = child.ask("mistakes", one, part="test")["result"]
    page = child.ask("mistakes", one, part="test", start=2, count=3)["result"]
    assert page["rows"] == whole["rows"][2:5]
    assert page["looks"] == {"scored": 1, "looked": 1, "counted": True}
    assert len((one / "looked.jsonl").read_text().splitlines()) == 1
    assert child.ask("mistakes", one, start=10_000)["result"]["rows"] == []
    assert {kind["key"] for kind in child.ask("slices", one)["result"]["slices"]} >= {"negation", "url", "length-1"}
    told = child.ask("explain", explained.path, text="not good")["result"]
    assert [word["text"] for word in told["words"]] == ["not", "good"]
    assert child.ask("keep", one, unsure_below=0.7)["result"]["judgement"]["unsure_below"] == 0.7
    for ask, bad in (
        ("overview", {"run": None}), ("overview", {"run": str(store.root)}), ("overview", {"wished": "much"}),
        ("mistakes", {"start": -1}), ("mistakes", {"which": "odd"}), ("mistakes", {"words": 3}),
        ("mistakes", {"max_words": "x"}), ("slices", {"part": "train"}), ("explain", {"text": None}), ("keep", {}),
    ):  # fmt: skip
        error = child.ask(ask, **{"run": str(one), **bad})["error"]
        assert error["kind"] in ("DataError", "ConfigError", "RunError"), (ask, bad, error)


def test_predictions_that_were_written_anew_are_read_anew(child: Child, store: RunStore) -> None:
    run = judged_run(store, "one", predictions([0, 1], sure_of([0, 1], 3)))
    assert child.ask("overview", run.path)["result"]["scores"]["accuracy"]["value"] == 1
    write(run, predictions([0, 1, 2], sure_of([1, 1, 1], 3)))
    assert child.ask("overview", run.path)["result"]["rows"] == 3
    (run.path / "predictions.parquet").unlink()
    assert child.ask("overview", run.path)["error"]["title"] == "one has no predictions"

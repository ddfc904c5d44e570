"""Every epoch's weights and figures: what is kept loads alone and answers as the log says, whatever comes between."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from core.cli import epochs as shown
from core.cli.follow import json_of
from core.cli.report import run_text
from core.config import RunConfig
from core.errors import RunError
from core.inference.predictor import open_epoch
from core.launch import child_command, child_environment, start
from core.runs import History, Record, Run, RunState, RunStore, epochs, read_history
from core.runs.atomic import commit_dir, sha256_of, verify_dir
from core.training import events as e
from core.training import saving, worker
from core.training.job import EpochDone
from tests.core.test_resume_runs import dropout_config, until
from tests.core.test_session import wait_end

GOLDEN = Path(__file__).parent.parent / "golden" / "runs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("epochs")


@pytest.fixture(scope="module")
def config(folder: Path) -> RunConfig:
    """Slow enough that epochs differ, with averaged weights in the second half."""
    return dropout_config(folder, epochs=6, learning_rate=1e-3, averaging=0.5, save_epochs=True)


@pytest.fixture(scope="module")
def run(folder: Path, config: RunConfig) -> Run:
    run = RunStore(folder / "runs").create(config, "kept")
    start(run)
    assert wait_end(run) is RunState.FINISHED, run.log_path.read_text()
    return run


def figures(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json_of(run, run.state(), read_history(run)))["epochs"]
    return found


def test_each_epoch_loads_with_transformers_and_gives_what_was_logged_and_is_shown(run: Run) -> None:
    import pandas as pd
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    frame = pd.read_parquet(run.path / "predictions.parquet")
    rows = frame[frame["split"] == "validation"]
    names = run.read_json("metrics.json")["label_names"]
    gold = np.array([names.index(one) for one in rows["gold"]])
    assert epochs.kept(run.path) == [1, 2, 3, 4, 5, 6]
    losses = []
    for told in figures(run):
        place = epochs.place_of(run.path, round(told["epoch"]))
        verify_dir(place)
        model = AutoModelForSequenceClassification.from_pretrained(place)
        tokenizer = AutoTokenizer.from_pretrained(place)
        with torch.inference_mode():
            logits = model(**tokenizer(list(rows["text"]), return_tensors="pt", padding=True)).logits.double()
        said, reached = logits.argmax(-1).numpy(), told["validation"]
        loss = reference.log_loss(gold, logits.softmax(-1).numpy(), labels=[0, 1])
        assert loss == pytest.approx(reached["loss"], abs=1e-4)  # the averaged weights, where those were scored
        assert reference.accuracy_score(gold, said) == pytest.approx(reached["accuracy"], abs=1e-6)
        recall = reference.recall_score(gold, said, average=None, labels=[0, 1], zero_division=0)
        f1 = reference.f1_score(gold, said, average=None, labels=[0, 1], zero_division=0)
        assert recall == pytest.approx(list(reached["class_recall"].values()), abs=1e-6)
        assert f1 == pytest.approx(list(reached["class_f1"].values()), abs=1e-6)
        right = [int((said[gold == code] == code).sum()) for code in (0, 1)]
        assert list(reached["class_right"].values()) == right
        assert f"{told['epoch']:g}" in {text.split()[0].rstrip("*") for text in table_of(run)}
        losses.append(round(loss, 6))
    assert len(set(losses)) == 6, "they are six different models"


def table_of(run: Run) -> list[str]:
    """The rows of the table of epochs."""
    lines = run_text(run, read_history(run), run.state()).splitlines()
    first = next(at for at, text in enumerate(lines) if text.startswith("epoch  train loss"))
    return lines[first + 1 : first + 1 + len(epochs.epoch_rows(read_history(run)))]


def test_the_best_epoch_is_written_once_and_starred(run: Run) -> None:
    best = run.read_json("metrics.json")["best_epoch"]
    other = next(epoch for epoch in range(1, 7) if epoch != best)
    mine = (run.model_path / "model.safetensors").stat().st_ino
    assert (epochs.place_of(run.path, round(best)) / "model.safetensors").stat().st_ino == mine
    assert (epochs.place_of(run.path, other) / "model.safetensors").stat().st_ino != mine
    assert [text.split()[0] for text in table_of(run) if "*" in text] == [f"{best:g}*"]
    assert [told["epoch"] for told in figures(run) if told["best"]] == [best]
    assert [told["kept"] for told in figures(run)] == [True] * 6
    assert [fact.epoch for fact in read_history(run).epochs_saved] == [1, 2, 3, 4, 5, 6]


def test_show_says_what_is_kept_and_how_large_it_is(run: Run) -> None:
    text = run_text(run, read_history(run), run.state(), epochs=True)
    size = sum(path.stat().st_size for path in epochs.epochs_path(run.path).rglob("*") if path.is_file())
    assert f"6 epochs (1-6) kept in epochs/, {size / 2**20:.3g} MiB together" in text
    last = figures(run)[-1]["validation"]["class_right"]
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("right answers"))
    assert [line.split()[-1] for line in lines[first + 1 : first + 3]] == [f"{last[name]}/18" for name in last]


def test_classify_asks_the_epoch_that_was_named(run: Run) -> None:
    words = ("classify", "kept", "the film was good on day 7", "--json", "--runs", str(run.path.parent))

    def ask(*more: str) -> subprocess.CompletedProcess[str]:
        command = child_command(*words, *more)
        return subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)

    said = json.loads(ask("--epoch", "1").stdout)["probabilities"]["positive"]
    first, last = (open_epoch(run.path, epoch).predict([words[2]]).probabilities[0][1] for epoch in (1, 6))
    assert said == pytest.approx(first, abs=1e-5)
    assert said != pytest.approx(last, abs=1e-3)
    refused = ask("--epoch", "7")
    assert refused.returncode == 2
    assert "kept has no weights of epoch 7" in refused.stderr
    assert "1-6 are kept" in refused.stderr


def test_an_epoch_of_a_run_that_keeps_none_and_one_that_is_damaged(run: Run, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "golden", tmp_path / "golden")
    with pytest.raises(RunError, match="golden kept no epochs"):
        open_epoch(tmp_path / "golden", 1)
    shutil.copytree(run.path, tmp_path / "spoiled")
    (epochs.place_of(tmp_path / "spoiled", 2) / "model.safetensors").write_bytes(b"short")
    with pytest.raises(RunError, match="Epoch 2 of spoiled cannot be used"):
        open_epoch(tmp_path / "spoiled", 2)


def test_a_killed_run_writes_later_epochs_anew_and_all_are_those_of_an_unbroken_one(
    run: Run, config: RunConfig
) -> None:
    broken = RunStore(run.path.parent).create(config, "broken")
    child = start(broken)
    until(broken, e.EpochSaved, lambda: os.kill(child.pid, signal.SIGKILL))
    child.wait()
    assert broken.state() is RunState.INTERRUPTED
    there = epochs.kept(broken.path)
    assert there
    for stale in range(there[-1], 9):  # of another future, which the log knows nothing of
        shutil.rmtree(epochs.place_of(broken.path, stale), ignore_errors=True)
        shutil.copytree(broken.model_path, epochs.place_of(broken.path, stale))
    start(broken)
    assert wait_end(broken) is RunState.FINISHED, broken.log_path.read_text()
    assert epochs.kept(broken.path) == epochs.kept(run.path)
    for epoch in epochs.kept(run.path)[there[-1] :]:
        verify_dir(epochs.place_of(broken.path, epoch))
        digests = [sha256_of(epochs.place_of(one.path, epoch) / "model.safetensors") for one in (broken, run)]
        assert digests[0] == digests[1], epoch
    assert [told["kept"] for told in figures(broken)] == [True] * 6


def test_without_room_an_epoch_is_not_kept_that_is_said_once_and_training_goes_on(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunStore(tmp_path / "runs").create(replace(config, training=replace(config.training, epochs=3)), "narrow")
    real = saving.room_needed

    def enough_for_the_model_alone(_: object) -> SimpleNamespace:
        return SimpleNamespace(free=least[0])

    least = [1 << 40]

    def remembered(parameters: int, trained: int) -> tuple[int, int]:
        found = real(parameters, trained)
        least[0] = found[0]
        return found

    monkeypatch.setattr(saving, "room_needed", remembered)
    monkeypatch.setattr(saving, "disk_usage", enough_for_the_model_alone)
    assert worker.work(run) == 0
    titles = [fact.title for fact in read_history(run).warnings]
    assert titles == [
        "There is little room on the disk for checkpoints",
        "There is little room on the disk for the weights of every epoch",
        "The weights of epoch 1 could not be saved",
    ]
    assert epochs.kept(run.path) == []
    verify_dir(run.model_path)
    assert len(read_history(run).epochs) == 3


def in_memory(run: Run) -> Any:
    """A prepared run as far as saving looks."""
    engine = SimpleNamespace(state=dict)
    return SimpleNamespace(
        job=SimpleNamespace(engine=engine, model=None), tokenizer=None, max_length=8, text_rules=(), base_origin="tiny",
        dataset=SimpleNamespace(label_names=("no", "yes")), sizes=(1000, 1000),
    )  # fmt: skip


def test_a_disk_that_fills_up_while_an_epoch_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "full")
    models = saving.EpochModels(run, in_memory(run), saving.BestModel(run, in_memory(run)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.modelling.build.save_model", full)
        (told,) = models.save(EpochDone(5, 1.0, "macro_f1", 0.5))
        assert isinstance(told, e.Warned)
        assert told.title == "The weights of epoch 1 could not be saved"
        assert told.message.startswith("No space left on device.")
        assert list(models.save(EpochDone(10, 2.0, "macro_f1", 0.5))) == []  # it was said already
        assert epochs.kept(run.path) == []
    monkeypatch.setattr("core.modelling.build.save_model", lambda model, tokenizer, folder, *_: None)
    assert list(models.save(EpochDone(15, 3.0, "macro_f1", 0.5))) == [e.EpochSaved(3, 15)]
    assert epochs.kept(run.path) == [3]


def test_without_hard_links_the_best_epoch_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "fat")
    with commit_dir(run.model_path) as folder:
        (folder / "model.safetensors").write_bytes(b"weights")
    best = saving.BestModel(run, in_memory(run))
    best.step = 5

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    assert list(saving.EpochModels(run, in_memory(run), best).save(EpochDone(5, 1.0, "macro_f1", 0.5))) == [
        e.EpochSaved(1, 5)
    ]
    copied = epochs.place_of(run.path, 1) / "model.safetensors"
    verify_dir(copied.parent)
    assert copied.read_bytes() == b"weights"
    assert copied.stat().st_ino != (run.model_path / "model.safetensors").stat().st_ino


def test_room_for_the_epochs_still_to_come_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "room")
    whole = saving.room_needed(22_000_000, 22_000_000)[1]
    monkeypatch.setattr(saving, "disk_usage", lambda path: SimpleNamespace(free=whole + 3 * 88_000_000))
    assert list(saving.check_room(run, 22_000_000, 22_000_000, 3)) == []
    (told,) = saving.check_room(run, 22_000_000, 22_000_000, 4)
    assert isinstance(told, e.Warned)
    assert "the weights of every epoch" in told.title


def test_a_crash_in_the_middle_of_an_epochs_folder_is_tidied(tmp_path: Path) -> None:
    root = epochs.epochs_path(tmp_path)
    root.mkdir()
    for name in ("1", ".2.old", ".3.0a1b2c3d.new", ".4.0a1b2c3d.gone"):
        with commit_dir(root / "x") as folder:
            (folder / "config.json").write_text(name)
        (root / "x").rename(root / name)
    epochs.tidy(tmp_path)
    assert sorted(path.name for path in root.iterdir()) == ["1", "2"]
    assert (root / "2" / "config.json").read_text() == ".2.old"
    epochs.tidy(tmp_path / "never kept any")


def test_logs_of_before_are_read_and_shown(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "golden", tmp_path / "golden")
    old = Run(tmp_path / "golden")
    history = read_history(old)
    assert history.full_evals[0].scores.class_recall == ()
    text = run_text(old, history, old.state(), epochs=True)
    assert "not written down" in text
    assert [line.split()[0] for line in table_of(old)] == ["1", "2*", "3"]
    assert figures(old)[0]["validation"]["class_recall"] == {}


# Without a model


NAMES = tuple(f"class number {at}" for at in range(20))


def told(count: int, best: int, names: tuple[str, ...] = NAMES) -> History:
    """A history of so many epochs, scored alike but for the best one."""
    history, each = History(), (0.5,) * len(names)
    facts: list[e.Event] = [e.DataReady("x", names, 9, 9, (9,) * len(names), (4,) * len(names), ())]
    for epoch in range(1, count + 1):
        facts += [
            e.EpochFinished(epoch, epoch * 10, 0.5, 0.75),
            e.EvalFinished(epoch * 10, float(epoch), True, e.Scores(80, 0.5, 0.5, 0.5, each, None, each), 0.1),
        ]
        facts += [e.ModelSaved(epoch * 10, float(epoch), "macro_f1", 0.5)] if epoch == best else []
    history.extend(Record(number, float(number), fact) for number, fact in enumerate(facts, 1))
    return history


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_the_table_is_never_wider_than_the_terminal(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "wide")
    monkeypatch.setattr(shown, "_width", lambda: width)
    text = shown.epochs_text(run, told(30, 9), whole=True)
    assert max(map(len, text.splitlines())) <= max(width, 64)  # a sentence may be longer
    table = [line for line in text.splitlines() if not line.startswith("*")]
    assert max(map(len, table)) <= width
    assert "val acc" in text
    assert text.count("2/4") == 30 * 20, "no right answer is left out at any width"
    assert text.count("F1 …ss number") == {40: 0, 60: 1, 80: 2, 132: 5}[width]
    assert "more classes" in text


def test_of_many_epochs_the_first_the_best_and_the_last_are_shown(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "long")
    first = [line.split()[0] for line in shown.epochs_text(run, told(30, 9, ("a", "b"))).splitlines()[1:-1]]
    assert first == ["1", "…", "9*", "…", "25", "26", "27", "28", "29", "30"]
    assert len(epochs.notable(epochs.epoch_rows(told(12, 9)))) == 12
    assert None not in epochs.notable(epochs.epoch_rows(told(13, 7)))[:1]


def test_a_part_of_an_epoch_and_one_that_is_not_scored_yet_are_told() -> None:
    history = told(2, 1, ("a", "b"))
    scores = e.Scores(8, 0.5, 0.5, 0.5, (0.5, 0.5))
    for number, fact in enumerate((e.EpochFinished(3, 30, 0.4, 0.8), e.EvalFinished(34, 3.4, True, scores, 0.1)), 90):
        history.apply(Record(number, 0.0, fact))
    rows = epochs.epoch_rows(history, [1])
    assert [(row.name, row.scores is None, row.is_best, row.is_kept) for row in rows] == [
        ("1", False, True, True),
        ("2", False, False, False),
        ("3", True, False, False),
        ("3.4", False, False, False),
    ]
    assert np.isnan(rows[-1].train_accuracy)
    history.apply(Record(99, 0.0, e.RunResumed(10, True)))
    assert [row.name for row in epochs.epoch_rows(history)] == ["1"]


def test_epochs_that_were_saved_after_the_step_gone_back_to_do_not_count() -> None:
    history = History()
    for number, fact in enumerate(
        (e.EpochSaved(1, 10), e.EpochSaved(2, 20), e.RunResumed(10, True), e.EpochSaved(2, 20), e.EpochSaved(3, 30)), 1
    ):
        history.apply(Record(number, 0.0, fact))
    assert [fact.epoch for fact in history.epochs_saved] == [1, 2, 3]
    history.apply(Record(9, 0.0, e.RunResumed(10, True)))
    assert [fact.epoch for fact in history.epochs_saved] == [1]


def test_which_epochs_are_there_in_words() -> None:
    assert epochs.kept_text([1, 2, 3, 5, 8, 9]) == "1-3, 5, 8-9"
    assert epochs.kept_text([4]) == "4"

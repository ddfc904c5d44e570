"""A whole run of a small file with a tiny model, through the real trainer process: what its folder holds in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.cli.report import runs_text
from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig, TrainingConfig
from core.evaluation.marks import runs_scored_on
from core.launch import start
from core.runs import Run, RunState, RunStore, Summary, follow, read_history
from core.runs.atomic import verify_dir
from core.runs.ranking import best_names
from core.training import events as e
from tests.tiny import tiny_bert

GOOD = ["good", "great", "lovely", "fine"]
BAD = ["bad", "awful", "poor", "sad"]
THINGS = ["film", "meal", "room", "phone", "song", "trip", "book", "game"]


def write_reviews(path: Path, rows: int = 240) -> Path:
    draw = np.random.default_rng(5)
    lines = ["text,label"]
    for number in range(rows):
        word, label = (draw.choice(GOOD), "positive") if number % 2 else (draw.choice(BAD), "negative")
        lines.append(f"the {draw.choice(THINGS)} was {word} on day {number},{label}")
    path.write_text("\n".join(lines) + "\n")
    return path


def config_for(folder: Path, source: Path, **training: object) -> RunConfig:
    words = [*GOOD, *BAD, *THINGS, "the", "was", "on", "day"]
    model = folder / "tiny"
    if not model.exists():
        tiny_bert(model, words=words)
    given = {
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "precision": "fp32",
        "threads": 1,
        "onnx": False,
    } | training
    return RunConfig(
        DataConfig(source=str(source), given=source.name),
        SplitConfig(),
        ModelConfig(base=str(model)),
        TrainingConfig(**given),  # type: ignore[arg-type]
    )


def wait_end(run: Run) -> RunState:
    state = RunState.QUEUED
    for batch in follow(run):
        state = batch.state
    return state


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("session")
    run = RunStore(folder / "runs").create(config_for(folder, write_reviews(folder / "reviews.csv")), "first")
    child = start(run)
    assert wait_end(run) is RunState.FINISHED, run.log_path.read_text()
    assert child.wait() == 0
    return run


def test_the_folder_holds_what_the_design_names(finished: Run) -> None:
    names = {path.name for path in finished.path.iterdir()}
    assert {
        "run.toml",
        "data.json",
        "split.parquet",
        "environment.json",
        "events.jsonl",
        "model",
        "predictions.parquet",
        "metrics.json",
        "README.md",
        "log.txt",
        "run.lock",
    } <= names
    verify_dir(finished.model_path)


def test_it_learned_and_says_so_beside_the_baselines(finished: Run) -> None:
    metrics = finished.read_json("metrics.json")
    assert metrics["validation"]["macro_f1"] > metrics["baselines"]["majority"]["validation"]["macro_f1"] + 0.3
    assert metrics["test"]["runs_scored"] == 1
    assert metrics["test"]["rows"] == 36


def test_baselines_come_before_the_first_step_and_the_chart_has_ten_points(finished: Run) -> None:
    events = [event for _, _, event in finished.raw_records()]
    kinds = [type(event) for event in events]
    assert kinds.index(e.BaselinesScored) < kinds.index(e.StepsFinished)
    assert kinds.count(e.EvalFinished) >= 10
    history = read_history(finished)
    assert history.loss_steps == list(range(1, history.plan.steps + 1))  # type: ignore[union-attr]
    assert history.evals[0].step == 0


def test_the_test_part_is_scored_once_and_with_the_best_weights(finished: Run) -> None:
    import pandas as pd

    events = [event for _, _, event in finished.raw_records()]
    assert sum(isinstance(event, e.TestScored) for event in events) == 1
    frame = pd.read_parquet(finished.path / "predictions.parquet")
    test = frame[frame["split"] == "test"]
    said = np.where(test["p:positive"] > test["p:negative"], "positive", "negative")
    metrics = finished.read_json("metrics.json")
    assert (said == test["gold"]).mean() == pytest.approx(metrics["test"]["accuracy"])


def test_the_saved_model_loads_with_transformers_alone_and_gives_the_same_logits(finished: Run, tmp_path: Path) -> None:
    script = tmp_path / "load.py"
    script.write_text(
        "import json, sys, torch\n"
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer\n"
        "model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1])\n"
        "tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])\n"
        "texts = json.loads(sys.argv[2])\n"
        "with torch.inference_mode():\n"
        "    logits = model(**tokenizer(texts, return_tensors='pt', padding=True)).logits\n"
        "assert 'core' not in sys.modules\n"
        "print(json.dumps([model.config.id2label, logits.softmax(-1).tolist()]))\n"
    )
    import pandas as pd

    frame = pd.read_parquet(finished.path / "predictions.parquet").head(8)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", str(script), str(finished.model_path), json.dumps(list(frame["text"]))],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=True,
    )
    labels, probabilities = json.loads(done.stdout.splitlines()[-1])
    assert labels == {"0": "negative", "1": "positive"}
    assert np.allclose(probabilities, frame[["p:negative", "p:positive"]].to_numpy(), atol=1e-5)


def test_no_textual_in_a_whole_trainer(finished: Run, tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(finished.config(), "again")
    code = (
        "import sys\nfrom pathlib import Path\nfrom core.runs import Run\nfrom core.training.worker import work\n"
        f"assert work(Run(Path({str(run.path)!r}))) == 0\n"
        "bad = {'textual', 'plotext', 'tui'} & set(sys.modules)\nassert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, cwd=tmp_path)
    assert run.state() is RunState.FINISHED


def test_the_same_configuration_gives_the_same_model(finished: Run, tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(finished.config(), "twin")
    start(run)
    assert wait_end(run) is RunState.FINISHED
    first, second = (one.read_json("metrics.json")["validation"] for one in (finished, run))
    assert first == second
    weights = [(one.model_path / "model.safetensors").read_bytes() for one in (finished, run)]
    assert weights[0] == weights[1]


def test_a_second_run_on_the_same_test_rows_is_counted(finished: Run) -> None:
    run = RunStore(finished.path.parent).create(finished.config().with_value("training.epochs", 1), "second")
    start(run)
    assert wait_end(run) is RunState.FINISHED
    assert run.read_json("metrics.json")["test"]["runs_scored"] == 2


def test_looks_at_the_test_rows_are_counted_wherever_the_run_is_now(finished: Run, tmp_path: Path) -> None:
    """A sibling with a torn file, one that failed after it was scored, one in the trash, one on other rows."""
    mark = finished.read_json("data.json")["test_mark"]
    store = RunStore(tmp_path)
    scored = next(event for _, _, event in finished.raw_records() if isinstance(event, e.TestScored))

    def add(name: str, facts: str, *events: e.Event) -> Run:
        run = store.create(finished.config(), name)
        (run.path / "data.json").write_text(facts)
        for event in events:
            run.record(event)
        run.close()
        return run

    mine, others = json.dumps({"test_mark": mark}), json.dumps({"test_mark": "other"})
    me = add("me", mine, scored)
    assert runs_scored_on(me, mark) == 0
    add("torn", '{"test_mark": "', scored)
    add("elsewhere", others, scored)
    add("unscored", mine)
    assert runs_scored_on(me, mark) == 0
    (add("failed", mine, scored, e.RunFailed("DiskFull", "The disk is full", "", "")).path / "metrics.json").write_text(
        ""
    )
    store.delete(add("thrown-away", mine, scored, e.RunFinished("trained", False, 1.0)).name)
    assert runs_scored_on(me, mark) == 2


def test_the_mark_of_rows_is_that_of_what_they_say(finished: Run) -> None:
    facts = finished.read_json("data.json")
    assert len({facts["fingerprint"], facts["validation_mark"], facts["test_mark"]}) == 3
    summary = next(one for one in RunStore(finished.path.parent).list() if one.name == finished.name)
    assert (summary.fingerprint, summary.validation_mark) == (facts["fingerprint"], facts["validation_mark"])


def test_only_runs_on_the_same_rows_compete(finished: Run) -> None:
    one = next(one for one in RunStore(finished.path.parent).list() if one.name == finished.name)

    def like(name: str, macro_f1: float | None, data: str = "", rows: str = "rows") -> Summary:
        return replace(one, name=name, macro_f1=macro_f1, fingerprint=data or "data", validation_mark=rows)

    runs = [
        like("a", 0.7),
        like("b", 0.9),
        like("c", 0.8, "data", "other rows"),
        like("d", 0.6, "other"),
        like("e", None),
    ]
    assert best_names(runs) == {"b", "c", "d"}
    starred = [words[1] for text in runs_text(runs).splitlines() if (words := text.split())[0] == "*"]
    assert sorted(starred) == ["b", "c", "d"]
    assert best_names([like("f", 0.5, rows=""), like("g", 0.6, "other", rows="")]) == {"g"}  # the data's name has to do


def test_ending_early_is_said(tmp_path: Path) -> None:
    source = write_reviews(tmp_path / "reviews.csv", 100)
    config = config_for(tmp_path, source, epochs=50, patience=2, learning_rate=1e-8)
    run = RunStore(tmp_path / "runs").create(config, "early")
    start(run)
    assert wait_end(run) is RunState.FINISHED
    metrics = run.read_json("metrics.json")
    assert metrics["reason"] == "stopped early: 2 epochs without a better macro_f1; best at epoch 1 of 50"
    end = run.raw_records()[-1][2]
    assert isinstance(end, e.RunFinished)
    assert (end.reason, end.stopped) == (metrics["reason"], False)
    assert metrics["last_validation"]["loss"] != metrics["validation"]["loss"]  # those of the last epoch, of the best
    history = read_history(run)
    assert history.best is not None
    assert metrics["validation"]["loss"] == pytest.approx(history.best.scores.loss, abs=1e-4)
    assert metrics["last_validation"]["loss"] == pytest.approx(history.full_evals[-1].scores.loss, abs=1e-4)


def test_a_label_with_the_signs_of_markdown_keeps_the_card_whole(tmp_path: Path) -> None:
    source = tmp_path / "odd.csv"
    source.write_text(write_reviews(source, 100).read_text().replace("positive", "a|b").replace("negative", "`c`"))
    run = RunStore(tmp_path / "runs").create(config_for(tmp_path, source, epochs=1), "odd")
    start(run)
    assert wait_end(run) is RunState.FINISHED
    card = (run.path / "README.md").read_text()
    assert "A classifier of `` `c` ``, `a|b`, fine-tuned" in card
    rows = [text for text in card.splitlines() if text.startswith(("| `a", "| `` `c"))]
    assert [text.split("|")[1:3] for text in rows if "c" in text] == [[" `` `c` `` ", rows[0].split("|")[2]]]
    assert all(len(re.split(r"(?<!\\)\|", text)) == 7 for text in rows)
    assert len(rows) == 2


def test_stopping_saves_a_usable_model(tmp_path: Path) -> None:
    source = write_reviews(tmp_path / "reviews.csv", 400)
    run = RunStore(tmp_path / "runs").create(config_for(tmp_path, source, epochs=1000), "long")
    child = start(run)
    asked = False
    for batch in follow(run):
        if any(isinstance(record.event, e.StepsFinished) for record in batch.records) and not asked:
            asked = True
            run.ask("stop")
    assert asked
    assert run.state() is RunState.STOPPED
    assert child.wait() == 0
    verify_dir(run.model_path)
    assert run.read_json("metrics.json")["validation"]["rows"] == 60


def test_a_killed_trainer_is_seen_as_interrupted_and_its_best_model_stays(tmp_path: Path) -> None:
    source = write_reviews(tmp_path / "reviews.csv", 400)
    run = RunStore(tmp_path / "runs").create(config_for(tmp_path, source, epochs=1000), "killed")
    child = start(run)
    state = RunState.QUEUED
    for batch in follow(run):
        state = batch.state
        if any(isinstance(record.event, e.ModelSaved) for record in batch.records):
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
    assert state is RunState.INTERRUPTED
    verify_dir(run.model_path)


def test_no_locked_test_is_allowed_and_said(tmp_path: Path) -> None:
    config = config_for(tmp_path, write_reviews(tmp_path / "reviews.csv"), epochs=1).with_value("split.test", 0.0)
    run = RunStore(tmp_path / "runs").create(config, "untested")
    start(run)
    assert wait_end(run) is RunState.FINISHED
    assert run.read_json("metrics.json")["test"] is None
    assert "No locked test" in (run.path / "README.md").read_text()

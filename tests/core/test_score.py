"""The locked test of a run that did not score it: scored once, later, and by nobody twice."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from core.config import RunConfig, with_source, with_values
from core.data.dataset import load_dataset
from core.data.split import split_rows
from core.errors import RunError
from core.launch import child_command, child_environment
from core.launch.again import more_epochs
from core.protocol import no_progress
from core.runs import Run, RunState, RunStore, read_history
from core.training.score import score_test
from core.training.session import train


@pytest.fixture
def run(tmp_path: Path, tiny_base: Path) -> Run:
    """A tiny run on half of the training rows that has not looked at its test part."""
    lines = [f"a {'good' if n % 2 else 'bad'} film number {n},{'up' if n % 2 else 'down'}" for n in range(120)]
    (tmp_path / "films.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    config = with_values(
        with_source(RunConfig(), str(tmp_path / "films.csv")),
        {
            "model.base": str(tiny_base),
            "training.epochs": 1,
            "training.score_test": False,
            "training.onnx": False,
            "split.train_share": 0.5,
        },
    )
    made = RunStore(tmp_path / "runs").create(config, "quiet")
    with made.lock():
        for fact in train(made, lambda: ""):
            made.record(fact)
    made.close()
    return made


def test_a_run_can_leave_its_locked_test_alone(run: Run) -> None:
    assert run.read_json("metrics.json")["test"] is None
    assert set(pd.read_parquet(run.path / "predictions.parquet")["split"]) == {"validation"}
    assert "The locked test part was not scored" in (run.path / "README.md").read_text()


def test_it_is_scored_later_and_once(run: Run) -> None:
    before = pd.read_parquet(run.path / "predictions.parquet")
    scored = score_test(run, no_progress)
    frame = pd.read_parquet(run.path / "predictions.parquet")
    rows = frame[frame["split"] == "test"]
    names = [name.removeprefix("p:") for name in frame.columns if name.startswith("p:")]
    said = [names[at] for at in rows[[f"p:{name}" for name in names]].to_numpy().argmax(axis=1)]
    assert scored.scores.accuracy == pytest.approx(accuracy_score(rows["gold"], said), abs=1e-12)
    assert scored.scores.macro_f1 == pytest.approx(f1_score(rows["gold"], said, average="macro"), abs=1e-12)
    split = pd.read_parquet(run.path / "split.parquet")
    assert sorted(rows["id"]) == sorted(split[split["split"] == "test"]["id"])
    pd.testing.assert_frame_equal(frame[frame["split"] == "validation"], before)
    assert run.read_json("metrics.json")["test"]["runs_scored"] == 1
    assert run.state() is RunState.FINISHED
    assert read_history(run).test is not None
    with pytest.raises(RunError, match="has scored its locked test already"):
        score_test(run, no_progress)


def test_whoever_dies_after_the_look_has_looked_and_the_run_stays_finished(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import core.training.score as room

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(room, "write_file", full)
        with pytest.raises(OSError, match="No space"):
            score_test(run, no_progress)
    assert run.state() is RunState.FINISHED
    assert run.read_json("metrics.json")["test"] is None
    score_test(Run(run.path), no_progress)
    assert run.read_json("metrics.json")["test"]["runs_scored"] == 1
    looks = [fact for _, _, fact in run.raw_records() if type(fact).__name__ == "TestScored"]
    assert len(looks) == 1, "it was one look"


def test_a_child_trains_on_the_same_rows(run: Run) -> None:
    child = more_epochs(run, 1)
    assert child.split.train_share == 1.0
    split = pd.read_parquet(run.path / "split.parquet")
    again = split_rows(load_dataset(child.data), child.split)
    assert len(again.train) == int((split["split"] == "train").sum())


def test_what_cannot_be_scored_is_said(run: Run, tmp_path: Path) -> None:
    waits = RunStore(tmp_path / "runs").create(RunConfig(), "waits")
    with pytest.raises(RunError, match="waits is"):
        score_test(waits, no_progress)
    films = tmp_path / "films.csv"
    films.write_text(films.read_text() + "one more film,up\n")
    with pytest.raises(RunError, match="has changed"):
        score_test(run, no_progress)
    assert run.read_json("metrics.json")["test"] is None


def test_in_a_shell(run: Run) -> None:
    root = str(run.path.parent)

    def finetui(*words: str) -> subprocess.CompletedProcess[str]:
        command = child_command(*words, "--runs", root)
        return subprocess.run(command, capture_output=True, text=True, env=child_environment())

    assert "The locked test was not scored: finetui score RUN" in finetui("show", "quiet").stdout
    assert json.loads(finetui("score", "quiet", "--json").stdout)["rows"] == 18
    assert "best epoch, locked test" in finetui("show", "quiet").stdout
    assert finetui("score", "quiet").returncode == 2

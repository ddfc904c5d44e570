"""Runs that are left and taken up again, through real trainer processes: what the folder and its readers say."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import RunConfig
from core.errors import DiskFullError, RunError
from core.launch import start
from core.runs import Record, Run, RunState, RunStore, follow, read_history
from core.runs.atomic import sha256_of
from core.runs.checkpoints import listed, newest
from core.runs.resume import outlook
from core.training import events as e
from core.training import saving, worker
from tests.core.test_session import config_for, wait_end, write_reviews


def dropout_config(folder: Path, **training: object) -> RunConfig:
    config = config_for(folder, write_reviews(folder / "reviews.csv"), **training)
    return replace(config, model=replace(config.model, dropout=0.2))


def until(run: Run, kind: type[e.Event], then: object = None) -> list[Record]:
    """All facts of a live run; at the first of that kind `then` is called."""
    seen: list[Record] = []
    done = False
    for batch in follow(run):
        seen += batch.records
        if not done and any(isinstance(record.event, kind) for record in batch.records):
            done = True
            if callable(then):
                then()
    assert done
    return seen


def test_a_signal_pauses_and_the_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    store, config = RunStore(tmp_path / "runs"), dropout_config(tmp_path, epochs=60)
    whole = store.create(config, "whole")
    child = start(whole)
    assert wait_end(whole) is RunState.FINISHED
    assert child.wait() == 0
    assert not listed(whole.path)  # nobody goes on from there

    run = store.create(config, "broken")
    child = start(run)
    until(run, e.StepsFinished, lambda: os.kill(child.pid, signal.SIGTERM))
    assert child.wait() == 75
    last = run.newest()
    found, damaged = newest(run.path, contents=True)
    assert found is not None
    assert not damaged
    assert last == e.RunPaused(found.step)
    assert run.state() is RunState.PAUSED
    assert outlook(run, run.state(), last).possible

    again = start(run)
    seen: list[Record] = []
    for batch in follow(run):  # at once: a reader does not take the run for paused any more
        seen += batch.records
    assert again.wait() == 0
    assert run.state() is RunState.FINISHED
    resumed = [record.event for record in seen if isinstance(record.event, e.RunResumed)]
    assert resumed == [e.RunResumed(found.step, True)]
    history, unbroken = read_history(run), read_history(whole)
    assert history.loss_steps == unbroken.loss_steps == list(range(1, len(unbroken.losses) + 1))
    assert history.losses == unbroken.losses
    assert [(point.step, point.scores) for point in history.full_evals] == [
        (point.step, point.scores) for point in unbroken.full_evals
    ]
    assert sha256_of(run.model_path / "model.safetensors") == sha256_of(whole.model_path / "model.safetensors")
    metrics = [one.read_json("metrics.json") for one in (run, whole)]
    assert metrics[0]["test"]["macro_f1"] == metrics[1]["test"]["macro_f1"]
    with pytest.raises(RunError, match="broken cannot go on"):
        worker.work(run)


def test_a_pause_before_the_first_step_and_changed_data(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(dropout_config(tmp_path, epochs=2), "early")
    child = start(run)
    until(run, e.RunStarted, lambda: run.ask("pause"))
    assert child.wait() == 75
    assert run.newest() == e.RunPaused(0)
    (run.path / "data.json").write_text('{"fingerprint": "of other rows"}')
    child = start(run)
    assert wait_end(run) is RunState.PAUSED  # it is where it was
    assert child.wait() == 2
    paused = run.newest()
    assert isinstance(paused, e.RunPaused)
    assert paused.reason.startswith("Cannot go on: The data has changed since this run began. ")
    (run.path / "data.json").unlink()
    start(run)
    assert wait_end(run) is RunState.FINISHED
    assert [(fact.step, fact.exact) for fact in read_history(run).resumed] == [(0, True)]


def test_save_now_is_acknowledged_while_training_goes_on(tmp_path: Path) -> None:
    config = config_for(tmp_path, write_reviews(tmp_path / "many.csv", 3000), epochs=100, batch_size=4)
    run = RunStore(tmp_path / "runs").create(config, "saving")
    start(run)
    acknowledged: list[e.CheckpointSaved] = []
    for batch in follow(run):
        for record in batch.records:
            if isinstance(record.event, e.StepsFinished) and not acknowledged:
                run.ask("save")
            if isinstance(record.event, e.CheckpointSaved) and record.event.epoch % 1:  # no end of an epoch
                acknowledged.append(record.event)
                run.ask("stop")
    assert run.state() is RunState.STOPPED
    assert acknowledged[0].bytes > 1000
    assert outlook(run, run.state(), run.newest()).why_not


@contextmanager
def no_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No model can be saved in here."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.modelling.build.save_model", full)
        yield


class _Job:
    """A job whose weights are these."""

    class engine:  # noqa: N801
        @staticmethod
        def state() -> dict[str, object]:
            return {}


def test_the_best_weights_wait_for_room_and_a_run_without_them_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace
    from typing import Any

    from core.training.job import Better

    run = RunStore(tmp_path / "runs").create(RunConfig(), "full")
    dataset = SimpleNamespace(label_names=("no", "yes"))
    prepared: Any = SimpleNamespace(
        job=SimpleNamespace(engine=_Job.engine, model=None),
        tokenizer=None,
        dataset=dataset,
        max_length=8,
        text_rules=(),
        base_origin="tiny",
    )
    best, better = saving.BestModel(run, prepared), Better(6, 1.0, "macro_f1", 0.8)
    with no_room(monkeypatch):
        told = list(best.save(better))
        assert [fact.title for fact in told if isinstance(fact, e.Warned)] == [
            "The best weights so far could not be saved"
        ]
        assert list(best.again()) == []  # it was said already
        with pytest.raises(DiskFullError, match="finetui resume full"):
            best.settle()
        assert not run.model_path.exists()
    saved: list[Path] = []
    monkeypatch.setattr("core.modelling.build.save_model", lambda model, tokenizer, folder, *_: saved.append(folder))
    assert list(best.again()) == [e.ModelSaved(6, 1.0, "macro_f1", 0.8)]
    assert best.step == 6
    assert run.model_path.is_dir()
    assert list(best.again()) == []
    best.settle()


def test_room_is_looked_at_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "room")
    least, whole = saving.room_needed(22_000_000, 22_000_000)
    assert whole > least > 2 * 4 * 22_000_000

    def left(free: int) -> list[e.Event]:
        monkeypatch.setattr(saving, "disk_usage", lambda path: type("Usage", (), {"free": free}))
        return list(saving.check_room(run, 22_000_000, 22_000_000))

    assert left(whole) == []
    assert [type(fact) for fact in left(whole - 1)] == [e.Warned]
    with pytest.raises(DiskFullError, match="no room on the disk for the model"):
        left(least - 1)


def test_a_run_keeps_its_own_split_when_the_one_it_came_from_is_another(tmp_path: Path) -> None:
    store, config = RunStore(tmp_path / "runs"), dropout_config(tmp_path, epochs=1)
    first = store.create(config, "first")
    start(first)
    assert wait_end(first) is RunState.FINISHED
    run = store.create(config.with_value("split.of", "first").with_value("training.epochs", 3), "second")
    child = start(run)
    until(run, e.PlanMade, lambda: run.ask("pause"))
    assert child.wait() == 75
    marks = run.read_json("data.json")
    store.delete("first")
    again = store.create(config.with_value("split.seed", 99), "first")
    start(again)
    assert wait_end(again) is RunState.FINISHED
    start(run)
    assert wait_end(run) is RunState.FINISHED
    assert run.read_json("data.json") == marks != again.read_json("data.json")
    assert run.read_json("metrics.json")["test"]["rows"] == first_rows(marks)


def first_rows(marks: dict[str, object]) -> int:
    rows = marks["rows"]
    assert isinstance(rows, dict)
    return int(rows["test"])

"""Runs made from runs: what a child trains on, how it is called, and what is proposed for one that failed."""

from __future__ import annotations

import pytest

from core.config import RunConfig
from core.errors import RunError
from core.launch import again
from core.runs import History, Record, Run, RunStore
from core.runs.atomic import commit_dir
from core.runs.summary import summarise
from core.training import events as e


def failed(kind: str, rate: float = 0.0) -> History:
    history = History()
    plan = e.PlanMade("x", 1, 1, 64, 0, 2, 10, 20, 100, 1.0, "", rate)
    history.extend([Record(1, 1.0, plan), Record(2, 2.0, e.RunFailed(kind, "", "", ""))])
    return history


def complete(store: RunStore, name: str) -> Run:
    """A run with a model and a split, as far as its child looks."""
    run = store.create(RunConfig().with_value("data.cures", ("strip:urls",)), name)
    with commit_dir(run.model_path) as folder:
        (folder / "config.json").write_text("{}")
    (run.path / "split.parquet").write_bytes(b"")
    return run


def test_more_epochs_keep_data_cures_and_rows_and_begin_with_the_model(store: RunStore) -> None:
    parent = complete(store, "brisk-otter")
    config = again.more_epochs(parent, 3)
    assert config.data == parent.config().data
    assert config.split.of == str(parent.path)
    assert config.model.base == str(parent.model_path)
    assert config.training.epochs == 3


def test_children_are_numbered_and_know_their_parent(store: RunStore) -> None:
    parent = complete(store, "brisk-otter")
    config = again.more_epochs(parent, 1)
    first = again.make(config, parent, again.MORE)
    second = again.make(config, parent, again.MORE)
    third = again.make(config, first, again.MORE)
    assert [one.name for one in (first, second, third)] == [
        "brisk-otter-more",
        "brisk-otter-more2",
        "brisk-otter-more3",
    ]
    assert [summarise(one).parent for one in (parent, first, second, third)] == [
        "",
        "brisk-otter",
        "brisk-otter",
        "brisk-otter-more",
    ]
    assert summarise(first).base == "brisk-otter", "not `model`, the folder"
    long = complete(store, "x" * 64)
    assert again.make(config, long, again.MORE).name == "x" * 55 + "-more"


def test_without_a_whole_model_there_are_no_more_epochs(store: RunStore) -> None:
    empty = store.create(RunConfig(), "empty")
    with pytest.raises(RunError, match="no model"):
        again.more_epochs(empty, 1)
    damaged = complete(store, "damaged")
    (damaged.model_path / "config.json").write_text("[]")
    with pytest.raises(RunError, match="damaged"):
        again.more_epochs(damaged, 1)


def test_each_failure_has_its_remedy_where_there_is_one() -> None:
    config = RunConfig()
    assert again.remedy(config, failed("MemoryFullError")) == {"training.batch_size": 8, "training.accumulation": 2}
    assert again.remedy(config.with_value("training.batch_size", 1), failed("MemoryFullError")) == {}
    assert again.remedy(config, failed("NotFiniteError", 1e-4)) == {"training.learning_rate": 3.3e-5}
    assert again.remedy(config, failed("DiskFullError")) == {}
    assert again.remedy(config, History()) == {}


def test_what_cannot_go_on_starts_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(again, "start", lambda run: started.append(run.name))
    done = store.create(RunConfig(), "done")
    done.record(e.RunFinished("trained", False, 1.0))
    done.close()
    left = store.create(RunConfig(), "left")
    left.record(e.RunPaused(0))
    left.close()
    with pytest.raises(RunError, match="cannot go on"):
        again.go_on(done)
    with pytest.raises(RunError, match="nothing of left to save"):
        again.finish(left)
    assert started == []
    assert again.go_on(left).step == 0
    assert started == ["left"]

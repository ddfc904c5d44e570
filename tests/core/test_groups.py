"""Groups as one object: what their runs differ in, their mean and deviation, sweeps that choose by validation."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import core.launch.groups
import core.launch.sweep
from core.cli.groups import group_text, mean_text, more_rows
from core.config import RunConfig, with_values
from core.data.split.fewer import fewer_to_train
from core.data.split.parts import Split
from core.errors import ConfigError, RunError
from core.launch import child_command, child_environment
from core.launch.groups import free_name, make_group, over_folds, over_rows, over_seeds
from core.launch.queue import Worker
from core.launch.sweep import Sweep, check, plan, stop_sweep, tried
from core.runs import Run, RunState, RunStore
from core.runs.groups import create_group, folder_of, group_of, members, read_group, standing
from core.runs.waiting import waiting

TRAINER = """
import json, sys, time
from pathlib import Path
from core.runs import Run
from core.training import events as e
run = Run(Path(sys.argv[1]))
with run.lock():
    config = run.config()
    rate, share = config.training.learning_rate or 1e-4, config.split.train_share
    reached = 0.9 - abs(rate - 1e-4) * 1e3 - 0.2 * (1 - share) + config.training.seed % 10 * 0.01
    run.record(e.RunStarted(1, "here", ""))
    stopped, asked = False, set()
    for epoch in range(1, config.training.epochs + 1):
        value = max(reached * epoch / config.training.epochs, 0.0)
        scores = e.Scores(10, value, value, value, (value, value))
        run.record(e.EvalFinished(epoch, float(epoch), True, scores, 0.0))
        while config.training.epochs == 5 and not (run.path / f"heard-{epoch}").exists():
            time.sleep(0.01)  # whoever follows has taken this in, and asked for what it wants, when that file is there
        stopped = run.control_path.exists() and "stop" in run.control_path.read_text()
        if stopped:
            break
    scored = {"macro_f1": value, "accuracy": value, "class_f1": {"a": value, "b": value}}
    (run.path / "metrics.json").write_text(json.dumps({"validation": scored, "seconds": 1.0}))
    run.record(e.RunFinished("trained", stopped, 1.0))
    run.close()
"""


def trainers(run: Run, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-P", "-c", TRAINER, str(run.path)]
    return subprocess.Popen(words, env=child_environment(), stdin=subprocess.DEVNULL)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """A store whose queue is worked on by a thread of this process."""
    threads: list[threading.Thread] = []

    def served(root: Path) -> bool:
        thread = threading.Thread(target=Worker(root, ["cpu"], trainers, period=0.01).serve)
        thread.start()
        threads.append(thread)
        return True

    monkeypatch.setattr(core.launch.groups, "ensure_served", served)
    monkeypatch.setattr(core.launch.sweep, "ensure_served", served)
    yield RunStore(tmp_path / "runs")
    for thread in threads:
        thread.join()


def _wait(store: RunStore) -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and isinstance(thread, threading.Thread) and not thread.daemon:
            thread.join()


def test_seeds_are_one_object_with_a_mean_and_a_deviation(store: RunStore) -> None:
    group, made = make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 3), "happy")
    assert [one.run.name for one in made] == ["happy-1", "happy-2", "happy-3"]
    assert [one.run.config().training.seed for one in made] == [42, 43, 44]
    assert not any(one.run.config().training.score_test for one in made), "none of them may look at the locked test"
    _wait(store)
    found = standing(store.root, group)
    values = found.values("macro_f1")
    assert values == pytest.approx([0.92, 0.93, 0.94])
    assert found.mean("macro_f1") == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    assert found.best is not None
    assert found.best[0].run.name == "happy-3"
    text = group_text(found)
    assert "macro F1  0.930 ± 0.010  (validation, 3 runs)" in text
    assert max(map(len, text.splitlines())) <= 80 + len(str(store.root))
    assert group_of(Run(store.root / "happy-2")) == "happy"


def test_a_member_stays_one_under_another_name(store: RunStore) -> None:
    group, made = make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 2), "pair")
    _wait(store)
    made[0].run.path.rename(store.root / "renamed")
    assert [one.run.name for one in members(store.root, "pair")] == ["renamed", "pair-2"]
    assert len(standing(store.root, group).finished) == 2


def test_folds_and_rows_are_planned() -> None:
    folds = over_folds(RunConfig(), 4)
    assert [values["split.fold"] for _, values in folds] == [1, 2, 3, 4]
    rows = over_rows(RunConfig(), (0.25, 0.5, 1.0))
    assert [values["split.train_share"] for _, values in rows] == [0.25, 0.5, 1.0]
    for wrong in ((0.5, 0.2), (0.0, 1.0), (0.5,)):
        with pytest.raises(ConfigError):
            over_rows(RunConfig(), wrong)
    with pytest.raises(ConfigError):
        over_seeds(RunConfig(), 1)
    with pytest.raises(ConfigError):
        over_folds(RunConfig(), 1000)


def test_fewer_rows_lie_within_more_of_them() -> None:
    labels = np.repeat(np.arange(3), [100, 40, 3])
    split = Split(np.arange(0, 143, dtype=np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), reason="dealt")
    before: set[int] = set()
    for part in (0.1, 0.3, 0.5, 1.0):
        found = fewer_to_train(split, labels, part, 17)
        now = set(found.train.tolist())
        assert before <= now
        assert np.bincount(labels[found.train], minlength=3).tolist() == [
            max(math.ceil(part * count), 1) for count in (100, 40, 3)
        ]
        assert len(now) + len(found.left_out) == 143
        before = now
    assert "10 % of the training rows used" in fewer_to_train(split, labels, 0.1, 17).reason


def test_a_curve_says_what_more_rows_are_worth(store: RunStore) -> None:
    group, _ = make_group(store, RunConfig(), "curve", over_rows(RunConfig(), (0.25, 0.5, 1.0)), "curve")
    _wait(store)
    found = standing(store.root, group)
    assert more_rows(found).startswith("From 50 % to 100 % of the rows: +10.0 points of macro F1 for each doubling")
    assert "may be chance" in more_rows(found), "one seed each tells nothing of chance"
    assert "█" in group_text(found) or "#" in group_text(found)


def test_a_sweep_tries_every_listed_combination_once(store: RunStore) -> None:
    what = [tried("learning_rate=1e-4,3e-4,5e-4"), tried("batch-size=8,16")]
    group = plan(with_values(RunConfig(), {"training.epochs": 2}), what, 0, "grid")
    assert group.planned == 6
    create_group(store, group)
    Sweep(store.root, "grid").serve()
    _wait(store)
    found = standing(store.root, group)
    seen = {(one.values["training.learning_rate"], one.values["training.batch_size"]) for one, _ in found.finished}
    assert len(seen) == 6
    assert found.best is not None
    assert found.best[0].values["training.learning_rate"] == 1e-4
    assert "finetui score" in group_text(found)
    assert not any(one.run.config().training.score_test for one, _ in found.members)


def test_a_sweep_goes_on_where_its_driver_was_ended(store: RunStore) -> None:
    group = plan(with_values(RunConfig(), {"training.epochs": 1}), [tried("learning_rate=1e-5..1e-3")], 4, "ranged")
    create_group(store, group)
    first = Sweep(store.root, "ranged")
    study = first._study()
    trial = study.ask()
    run = store.create(first.base.with_value("training.learning_rate", 5e-5), "ranged-1")
    core.launch.sweep.add_member(run, "ranged", trial.number + 1, "left", {"training.learning_rate": 5e-5})
    core.launch.sweep.enqueue(run)  # and here the driver was killed
    Sweep(store.root, "ranged").serve()
    _wait(store)
    found = standing(store.root, group)
    assert len(found.finished) == 4
    assert run.state() is RunState.FINISHED
    rates = [one.values["training.learning_rate"] for one, _ in found.members]
    assert all(1e-5 <= rate <= 1e-3 for rate in rates)


def test_a_hopeless_member_ends_early(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = core.launch.sweep.scores

    def heard(run: Run, metric: str) -> Iterator[tuple[float, int]]:
        for value, epoch in scores(run, metric):
            yield value, epoch
            (run.path / f"heard-{epoch}").touch()

    monkeypatch.setattr(core.launch.sweep, "scores", heard)
    rates = "1e-4,1.1e-4,1.2e-4,1.3e-4,1.4e-4,8e-4,8.1e-4,8.2e-4"
    group = plan(with_values(RunConfig(), {"training.epochs": 5}), [tried(f"learning_rate={rates}")], 0, "median")
    create_group(store, group)
    Sweep(store.root, "median").serve()
    _wait(store)
    stopped = [one for one, summary in standing(store.root, group).members if summary.state is RunState.STOPPED]
    rates_stopped = {one.values["training.learning_rate"] for one in stopped}
    assert 8e-4 in rates_stopped, "a member far below the others is asked to stop"
    assert 1e-4 not in rates_stopped


def test_seeds_tell_a_gain_from_chance(store: RunStore) -> None:
    plan = over_rows(RunConfig(), (0.5, 1.0), seeds=3)
    group, _ = make_group(store, RunConfig(), "curve", plan, "sure")
    _wait(store)
    assert "more rows of this kind would help" in more_rows(standing(store.root, group))
    last = Run(store.root / "sure-6")
    metrics = last.read_json("metrics.json")
    metrics["validation"]["macro_f1"] = 0.2
    last.path.joinpath("metrics.json").write_text(json.dumps(metrics))
    assert "do not tell from chance" in more_rows(standing(store.root, group))


def test_the_best_is_that_of_the_groups_own_metric(store: RunStore) -> None:
    config = RunConfig().with_value("training.metric", "accuracy")
    group, made = make_group(store, config, "seeds", over_seeds(config, 2), "by-accuracy")
    _wait(store)
    metrics = made[0].run.read_json("metrics.json")
    metrics["validation"]["accuracy"] = 0.99
    made[0].run.path.joinpath("metrics.json").write_text(json.dumps(metrics))
    found = standing(store.root, group)
    assert found.best is not None
    assert found.best[0].run.name == "by-accuracy-1"


def test_a_strangers_run_is_never_taken_for_a_member(store: RunStore) -> None:
    store.create(RunConfig().with_value("training.seed", 777), "grid-1")
    group = plan(RunConfig(), [tried("batch_size=8,16")], 0, "grid")
    create_group(store, group)
    with pytest.raises(RunError, match="already exists"):
        Sweep(store.root, "grid").serve()
    assert members(store.root, "grid") == []
    assert free_name(store.root, "grid") == "grid-2"
    store.create(RunConfig(), "pair-2")
    with pytest.raises(RunError, match="cannot be a run of this group"):
        make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 2), "pair")
    assert not (store.root / "pair-1").exists(), "nothing half-made"


def test_folds_and_the_split_of_another_run_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="deal the rows anew"):
        over_folds(RunConfig().with_value("split.of", "other"), 3)


def test_a_sweep_can_be_stopped(store: RunStore) -> None:
    group = plan(RunConfig(), [tried("batch_size=8,16,32")], 0, "ended")
    create_group(store, group)
    stop_sweep(store.root, "ended")
    Sweep(store.root, "ended").serve()
    assert standing(store.root, group).members == ()
    assert waiting(store.root) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("learning_rat=1,2", "no setting"),
        ("learning_rate", "names no values"),
        ("learning_rate=", "names no values"),
        ("epochs=5..1", "no range"),
        ("schedule=linear..cosine", "has no range"),
        ("schedule=straight", "not one of"),
        ("epochs=0,2", "out of bounds"),
        ("source=a,b", "cannot try"),
        ("score_test=true,false", "cannot try"),
        ("split-seed=1,2", "cannot try"),
        ("metric=accuracy,loss", "cannot try"),
    ],
)
def test_what_cannot_be_tried_is_said(words: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check([tried(words)], 0)


def test_what_makes_no_sweep_is_said() -> None:
    with pytest.raises(ConfigError, match="no end"):
        check([tried("learning_rate=1e-5..1e-3")], 0)
    with pytest.raises(ConfigError, match="named twice"):
        check([tried("epochs=1,2"), tried("epochs=3")], 0)
    with pytest.raises(ConfigError, match="tries something"):
        check([], 3)
    assert check([tried("epochs=1,2"), tried("batch_size=8,16")], 3) == 3
    assert check([tried("epochs=1,2")], 9) == 2


def test_groups_that_are_not_there_or_damaged(store: RunStore) -> None:
    with pytest.raises(RunError, match="There is no group"):
        read_group(store.root, "nothing")
    make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 2), "once")
    _wait(store)
    with pytest.raises(RunError, match="already exists"):
        make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 2), "once")
    assert free_name(store.root, "once") == "once-2"
    assert read_group(store.root, "on").name == "once"
    (folder_of(store.root, "once") / "group.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        read_group(store.root, "once")
    assert mean_text((0.5, math.nan)) == "0.500"


def test_in_a_shell(store: RunStore, tmp_path: Path) -> None:
    make_group(store, RunConfig(), "seeds", over_seeds(RunConfig(), 2), "pair")
    _wait(store)

    def finetui(*words: str) -> subprocess.CompletedProcess[str]:
        command = child_command(*words, "--runs", str(store.root))
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=child_environment())

    assert "pair" in finetui("groups").stdout
    found = json.loads(finetui("groups", "pair", "--json").stdout)
    assert found["macro_f1"]["mean"] == pytest.approx(0.925)
    assert [one["what"] for one in found["members"]] == ["seed 42", "seed 43"]
    assert finetui("groups", "nobody").returncode == 2
    assert finetui("groups", "pair", "--stop").returncode == 2
    assert finetui("group", "sample", "--over", "moons").returncode == 2
    assert finetui("sweep", "sample").returncode == 2

"""How long and how much memory: what is told before a run, by arithmetic and by measuring a tiny model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig, TrainingConfig, dumps, to_dict
from core.errors import DataError, ModelError
from core.runs import Run, RunStore
from core.training import events as e
from core.training.costs import Planned, StepCosts, planned, sampled_validations, step_seconds
from core.training.environment import environment
from core.training.forecast import estimate, smaller_batch
from core.training.forecast_service import handlers
from core.training.pace import pace, training_on
from core.training.probe import forecast
from core.training.prober import Memory, Prober
from tests.core.test_cli import finetui
from tests.core.test_loop import DEVICE
from tests.core.test_session import config_for, write_reviews

STRAIGHT = StepCosts(np.array([100.0, 200.0]), np.array([1.0, 3.0]))


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    return config_for(tmp_path, write_reviews(tmp_path / "reviews.csv"), epochs=2)


def begun(root: Path, config: RunConfig, name: str, seconds: float) -> Run:
    """A run that did 10 steps of 1000 tokens in all, in so many seconds, on a model of 300 parameters."""
    run = RunStore(root).create(config, name)
    (run.path / "environment.json").write_text(json.dumps(environment(DEVICE, 1)))
    plan = e.PlanMade("tiny", 300, 300, 16, 0, 1, 10, 10, 1000, 1.0)
    for fact in (e.RunStarted(1, "here", ""), e.StageChanged("train"), plan):
        run.record(fact)
    run.record(e.StepsFinished(1, 10, (1.0,) * 10, 1e-4, 1.0, 80, 1000, seconds))
    run.close()
    return run


def test_steps_lie_on_the_line_between_what_was_measured() -> None:
    assert STRAIGHT.of(np.array([50.0, 100.0, 150.0, 200.0, 300.0])).tolist() == [0.0, 1.0, 2.0, 3.0, 5.0]
    single = StepCosts(np.array([100.0]), np.array([2.0]))
    assert single.of(np.array([50.0])).tolist() == [1.0]


def test_every_batch_of_every_epoch_is_counted() -> None:
    plan = Planned((np.array([10, 10, 5]),), (np.array([10, 20, 20]),), epochs=3)
    seconds = step_seconds(plan, STRAIGHT, accumulation=1)
    assert [one.tolist() for one in seconds] == [[1.0, 3.0, 1.0]] * 3
    with_new = step_seconds(plan, replace(STRAIGHT, novel=0.5), accumulation=1)
    assert with_new[0].sum() - seconds[0].sum() == pytest.approx(1.5)  # three shapes, once each
    assert with_new[1].tolist() == seconds[1].tolist()


def test_an_accumulated_step_updates_once() -> None:
    plan = Planned((np.array([10, 10, 5]),), (np.array([10, 20, 20]),), epochs=1)
    (seconds,) = step_seconds(plan, replace(STRAIGHT, update=0.25), accumulation=2)
    assert seconds.tolist() == [1.0 + 3.0 - 0.25, 1.0]


def test_batches_are_laid_out_as_training_does() -> None:
    lengths = np.arange(1, 101)
    plan = planned(lengths, TrainingConfig(batch_size=8, epochs=20))
    assert plan.epochs == 20
    assert all(rows.sum() == 100 for rows in plan.rows)
    assert int((plan.rows[0] * plan.longest[0]).sum()) < 8 * 100 * 13  # sorted by length: little padding


def test_samples_between_validations_follow_the_rule_of_the_loop() -> None:
    cheap = sampled_validations([np.full(100, 1.0)], cost=1e-6)
    dear = sampled_validations([np.full(100, 1.0)], cost=1e6)
    assert dear == 8  # ten points with the first and the last, however dear
    assert cheap > 40
    assert sampled_validations([np.full(5, 1.0)] * 10, cost=1e6) == 0  # ten epochs are points enough


def test_a_smaller_batch_keeps_the_rows_of_a_step() -> None:
    found = smaller_batch(TrainingConfig(batch_size=48, accumulation=2), 20)
    assert found == {"training.batch_size": 16, "training.accumulation": 6}
    assert smaller_batch(TrainingConfig(batch_size=16), 0) == {}


def test_memory_grows_with_the_batch() -> None:
    memory = Memory(1000, {100: 500, 200: 600})
    assert memory.at(600) == 1000
    assert memory.base == 400
    assert memory.at(100) == 500


def test_the_pace_is_that_of_the_newest_run_here(config: RunConfig, tmp_path: Path) -> None:
    guessed = pace(tmp_path / "runs", "cpu", 2)
    assert guessed.run == ""
    begun(tmp_path / "runs", config, "slow", seconds=10.0)
    known = pace(tmp_path / "runs", "cpu", 2)
    assert (known.run, known.rate) == ("slow", pytest.approx(1000 * 300 / 10))
    assert pace(tmp_path / "runs", "cuda", 2).run == ""


def test_arithmetic_says_what_it_rests_on_and_follows_the_pace(config: RunConfig, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    guessed = estimate(config, runs)
    assert not guessed.probed
    assert "guessed" in guessed.how
    begun(runs, config, "slow", seconds=1000.0)
    slow = estimate(config, runs)
    assert "slow" in slow.how
    assert slow.parts["steps"] > 100 * guessed.parts["steps"]
    twice = estimate(config.with_value("training.epochs", 4), runs)
    assert twice.steps == 2 * slow.steps
    assert twice.parts["steps"] == pytest.approx(2 * slow.parts["steps"])


def test_a_model_that_is_not_here_counts_as_bert_base(config: RunConfig, tmp_path: Path) -> None:
    found = estimate(config.with_value("model.base", "nobody/no-such-model"), tmp_path / "runs")
    assert "not on this machine" in found.how
    assert found.peak_bytes is not None
    assert found.peak_bytes > 2 << 30
    answer = handlers()["probe"](
        {"config": to_dict(config.with_value("model.base", "nobody/no-such-model")), "runs": str(tmp_path)},
        lambda *_: None,
    )
    assert not answer["probed"]  # nothing is fetched only to foretell


def test_measuring_leaves_nothing_behind(config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.prober.BUDGET", 0.1)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    stages: list[str] = []
    found = forecast(config, tmp_path / "runs", lambda done, total, what: stages.append(what))
    assert found.probed
    assert found.device == "cpu"
    assert found.steps == 2 * 21
    assert found.parts["steps"] > 0
    assert found.seconds == pytest.approx(sum(found.parts.values()))
    assert found.fits
    assert found.peak_bytes is not None
    assert found.peak_bytes > 100 << 20
    assert stages[-2:] == ["steps", "validation"]
    assert not list((tmp_path / "scratch").iterdir())
    assert not (tmp_path / "runs").exists()


def test_frozen_layers_and_accumulation_are_measured_too(config: RunConfig, tmp_path: Path) -> None:
    changed = config.with_value("model.frozen_layers", 1).with_value("training.accumulation", 2)
    found = forecast(changed, tmp_path / "runs")
    assert found.steps == 2 * 11
    assert found.parts["cache"] > 0


def test_epochs_in_which_little_trains_are_foretold_to_take_less(config: RunConfig, tmp_path: Path) -> None:
    longer = config.with_value("training.epochs", 4)
    work = [
        estimate(longer.with_value("training.gradual_unfreezing", over), tmp_path / "runs").parts["steps"]
        for over in (0, 1, 2, 4)
    ]
    assert work == sorted(work, reverse=True)
    assert len(set(work)) == 4
    assert work[3] > work[0] / 3  # everything is still passed forward
    frozen = longer.with_value("model.frozen_layers", 2)
    same = [
        estimate(one, tmp_path / "runs").parts["steps"]
        for one in (frozen, frozen.with_value("training.gradual_unfreezing", 2))
    ]
    assert same[0] == same[1]  # the head is all that ever trains
    absent = longer.with_value("model.base", "nobody/no-such-model")
    gradual = estimate(absent.with_value("training.gradual_unfreezing", 2), tmp_path / "runs")
    assert gradual.parts["steps"] < estimate(absent, tmp_path / "runs").parts["steps"]
    assert gradual.peak_bytes == estimate(absent, tmp_path / "runs").peak_bytes  # in the end all of it trains


def test_a_measured_forecast_weighs_each_epoch_by_what_trains_in_it(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that counts what trains: the same run is foretold by the work, not by the noise of this machine."""

    def step(self: Prober, rows: object, parts: int = 1) -> float:
        return 0.25 + self.job.engine.weights.active / self.job.engine.weights.trained

    monkeypatch.setattr(Prober, "_step", step)
    longer = config.with_value("training.epochs", 4)
    at_once = forecast(longer, tmp_path / "runs")
    gradual = forecast(longer.with_value("training.gradual_unfreezing", 2), tmp_path / "runs")
    assert at_once.parts["steps"] == pytest.approx(4 * 21 * 1.25)
    early = gradual.parts["steps"] / (21 * 1.25) - 2  # two epochs of the head, and of it with one of two layers
    head = (early - 0.5) / 1.5
    assert 0.2 < head < 0.3  # the quarter that is paid in every step, and the few weights of the head


def test_the_pace_of_a_gradual_run_counts_what_it_trained(config: RunConfig, tmp_path: Path) -> None:
    run = begun(tmp_path / "runs", config, "slow", seconds=10.0)
    run.record(e.LayersJoined(10, 2, 0, 2, False, 0))
    run.record(e.StepsFinished(11, 20, (1.0,) * 10, 1e-4, 1.0, 80, 1000, 10.0))
    run.close()
    assert pace(tmp_path / "runs", "cpu", 2).rate == pytest.approx((1000 * 300 + 1000 * 100) / 20)


def test_nothing_is_measured_where_a_run_trains(config: RunConfig, tmp_path: Path) -> None:
    run = begun(tmp_path / "runs", config, "busy-bee", seconds=1.0)
    with run.lock():
        assert training_on(tmp_path / "runs", "cpu") == "busy-bee"
        assert training_on(tmp_path / "runs", "cuda:0") == ""
        found = forecast(config.with_value("training.device", "cpu"), tmp_path / "runs")
    assert not found.probed
    assert "not measured while busy-bee trains on cpu" in found.how
    assert training_on(tmp_path / "runs", "cpu") == ""


def test_what_no_run_can_use_is_refused(config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        forecast(config.with_value("model.base", str(tmp_path)), tmp_path / "runs")
    with pytest.raises(DataError):
        handlers()["estimate"]({"config": to_dict(config)}, lambda *_: None)


def test_the_command_tells_people_and_scripts(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(dumps(config))
    words = ("forecast", "--config", "tiny.toml", "--runs", "runs")
    said = finetui(*words, "--no-probe", "--epochs", "3", cwd=tmp_path).stdout
    assert "time    ~ " in said
    assert "63 steps" in said
    measured = json.loads(finetui(*words, "--json", cwd=tmp_path).stdout)
    assert measured["probed"]
    assert measured["seconds"] > 0
    assert finetui(*words, "--epochs", "0", cwd=tmp_path).returncode == 2
    request = json.dumps({"id": 1, "ask": "estimate", "config": to_dict(config), "runs": str(tmp_path / "runs")})
    answer = finetui("forecast", "--jsonl", cwd=tmp_path, stdin=request + "\n").stdout
    assert json.loads(answer.splitlines()[-1])["result"]["steps"] == 42


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [("model.frozen_layers", 50, "cannot be frozen"), ("model.max_length", 2000, "no positions for 2000")],
)
def test_arithmetic_refuses_what_the_model_does_not_have(
    config: RunConfig, tmp_path: Path, path: str, value: int, said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        estimate(config.with_value(path, value), tmp_path / "runs")


def test_a_batch_is_never_larger_than_the_data(config: RunConfig, tmp_path: Path) -> None:
    large, whole = (config.with_value("training.batch_size", rows) for rows in (4096, 4000))
    assert estimate(large, tmp_path / "runs").peak_bytes == estimate(whole, tmp_path / "runs").peak_bytes

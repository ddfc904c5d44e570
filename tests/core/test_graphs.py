"""Recorded steps, with a recorder for the CPU that keeps what a recording is: shapes and places fixed, nothing done.

What changes from step to step must reach a replay through the fixed places, or these runs end with other weights than
those of the plain engine. The same on a real GPU is in test_gpu.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.modelling.plan import Techniques
from core.training import engine as engines
from core.training import events as e
from core.training.device import Device
from core.training.graphs import WORTH, Graphs, Work, backend_for
from core.training.job import Job
from tests.core.engine_bench import CONFIG, DEVICE, RECORDABLE, job, largest_difference, losses_of, trained

pytestmark = pytest.mark.usefixtures("one_thread")


class Recorder:
    """Stands in for a GPU: a replay does what was recorded, with every number of the host as it was then."""

    def __init__(self, breaks_at: int = 0) -> None:
        self.ran = self.recorded = self.replayed = 0
        self.breaks_at = breaks_at

    def run(self, work: Work) -> None:
        self.ran += 1
        work()

    def record(self, work: Work) -> Work:
        self.recorded += 1
        if self.recorded == self.breaks_at:
            raise RuntimeError("operation not permitted when stream is capturing\nand much more")

        def replay() -> None:
            self.replayed += 1
            work()

        return replay

    def clear(self) -> None:
        pass


Recorded = Callable[..., Job]


@pytest.fixture
def recorded(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A job whose steps are recorded."""

    def make(recorder: Recorder, **settings: Any) -> Job:
        with monkeypatch.context() as patch:
            patch.setattr(engines, "backend_for", lambda *_, **__: (recorder, "recorded for a test"))
            found = job(tiny_base, Techniques(), **settings)
            assert found.engine.own is not None
        return found

    return make


@pytest.mark.parametrize(("settings", "frozen"), RECORDABLE)
def test_recorded_steps_train_the_weights_that_eager_ones_train(
    tiny_base: Path, recorded: Recorded, settings: dict[str, Any], frozen: int
) -> None:
    config = replace(CONFIG, epochs=4, **settings)
    recorder = Recorder()
    wanted, plain = trained(job(tiny_base, Techniques(), config, frozen=frozen))
    one: Any = recorded(recorder, config=config, frozen=frozen)
    found, facts = trained(one)
    assert recorder.replayed > recorder.ran > 0  # some steps ran eagerly first, most were replayed
    assert (one.engine.cache is not None) == (frozen == 1)
    assert largest_difference(wanted, found) < 1e-5
    assert np.allclose(losses_of(facts), losses_of(plain), atol=1e-5)
    accuracies = [
        [fact.train_accuracy for fact in each if isinstance(fact, e.EpochFinished)] for each in (plain, facts)
    ]
    assert accuracies[0] == accuracies[1]


def test_the_fused_attention_trains_the_same_weights(tiny_base: Path, recorded: Recorded) -> None:
    wanted, _ = trained(job(tiny_base, Techniques()))
    one: Any = recorded(Recorder())
    one.engine.own.fused = True
    found, _ = trained(one)
    assert largest_difference(wanted, found) < 1e-5


def test_to_record_is_to_do_nothing(recorded: Recorded) -> None:
    """Neither weights nor the optimiser's state nor the gradient change by a recording."""
    one: Any = recorded(Recorder())
    engine, rows = one.engine, one.train[:8]
    engine.step(one.labels, [rows], None, 1, 1e-3)

    def everything() -> list[torch.Tensor]:
        state = [value for weight in engine.optimiser.state.values() for value in weight.values()]
        return [one.clone() for one in (engine.weights.master, engine.weights.grad, *state)]

    class Stop(Exception):
        pass

    class Still(Recorder):
        def record(self, work: Work) -> Work:
            def stop() -> None:
                raise Stop

            return stop

    before = everything()
    engine._graphs._backend = Still()
    with pytest.raises(Stop):
        engine.step(one.labels, [rows], None, 2, 1e-3)
    assert all(torch.equal(was, now) for was, now in zip(before, everything(), strict=True))


def test_a_recording_that_fails_costs_nothing_but_speed(tiny_base: Path, recorded: Recorded) -> None:
    wanted, _ = trained(job(tiny_base, Techniques()))
    recorder = Recorder(breaks_at=2)
    found, facts = trained(recorded(recorder))
    assert largest_difference(wanted, found) < 1e-5
    assert recorder.recorded == 2
    (told,) = [fact for fact in facts if isinstance(fact, e.Warned)]
    assert told.message == "operation not permitted when stream is capturing"


def test_only_so_many_recordings_are_kept_and_the_stalest_goes() -> None:
    done: list[int] = []
    recorder = Recorder()
    graphs = Graphs(recorder, limit=2)
    for shape in (1, 1, 2, 2, 1, 3, 3):
        graphs.run(shape, lambda shape=shape: done.append(shape))  # type: ignore[misc]
    assert done == [1, 1, 2, 2, 1, 3, 3]
    assert len(graphs) == 2
    before = recorder.recorded
    graphs.run(1, lambda: done.append(1))
    assert recorder.recorded == before  # used more lately than 2
    graphs.run(2, lambda: done.append(2))
    assert recorder.recorded == before  # it may have been the last time: eager at first, as any new shape
    graphs.run(2, lambda: done.append(2))
    assert recorder.recorded == before + 1


def test_steps_are_recorded_where_it_is_possible_and_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Device(torch.device("cuda", 0), "test", "bf16", 1, "for a test")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    usual: dict[str, Any] = {"own": True, "wanted": True, "steps": 1000}
    for device, change, reason in (
        (DEVICE, {}, "cpu"),
        (replace(DEVICE, device=torch.device("mps")), {}, "mps"),
        (gpu, {}, "Ampere"),
        (gpu, {"wanted": False}, "switched off"),
    ):
        found, why = backend_for(device, **{**usual, **change})
        assert found is None
        assert reason in why
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    for change, reason in (({"own": False}, "waits"), ({"steps": WORTH - 1}, "too few")):
        found, why = backend_for(gpu, **{**usual, **change})
        assert found is None
        assert reason in why

"""What only a GPU can show: recorded steps train what eager ones train, and memory that runs out is survived.

Run with `pytest -m gpu tests/core/test_gpu.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import TrainingConfig
from core.modelling.plan import Techniques
from core.training import events as e
from core.training import graphs, loop
from core.training.device import choose_device
from core.training.halves import Halves
from core.training.job import Job
from core.training.loop import fit
from core.training.standing import Keep
from tests.core.engine_bench import CONFIG, RECORDABLE, job, largest_difference, losses_of, trained

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available() or torch.cuda.get_device_capability() < (8, 0), reason="no GPU that records"
    ),
]

LONG = replace(CONFIG, epochs=4)
EAGER = replace(Techniques(), cuda_graphs=False)


@pytest.fixture(autouse=True)
def short_runs_are_recorded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "WORTH", 0)


def on_gpu(tiny_base: Path, techniques: Techniques, config: TrainingConfig = LONG, **settings: Any) -> Job:
    precision = settings.pop("precision", "fp32")
    one = job(tiny_base, techniques, config, **settings)
    one.device = choose_device(replace(config, device="cuda:0", precision=precision))
    return one


def recordings(one: Job) -> int:
    return 0 if one.engine._graphs is None else len(one.engine._graphs)


@pytest.mark.parametrize(("settings", "frozen"), RECORDABLE)
def test_recorded_steps_train_the_weights_that_eager_ones_train(
    tiny_base: Path, settings: dict[str, Any], frozen: int
) -> None:
    config = replace(LONG, **settings)
    eager, recorded = (on_gpu(tiny_base, one, config, frozen=frozen) for one in (EAGER, Techniques()))
    wanted, plain = trained(eager)
    found, facts = trained(recorded)
    assert recordings(eager) == 0
    assert recordings(recorded) > 0, recorded.engine.reason
    assert not [fact for fact in facts if isinstance(fact, e.Warned)]
    assert np.allclose(losses_of(facts), losses_of(plain), atol=1e-5)
    assert largest_difference(wanted, found) < 1e-5


@pytest.mark.parametrize("frozen", [0, 1])
def test_recordings_follow_the_layers_that_join(tiny_base: Path, frozen: int) -> None:
    """What was recorded while the head alone trained must not be replayed when layers have joined."""
    config = replace(LONG, epochs=6, gradual_unfreezing=2, layer_decay=0.5, max_grad_norm=0.1)
    eager, recorded = (on_gpu(tiny_base, one, config, frozen=frozen) for one in (EAGER, Techniques()))
    wanted, plain = trained(eager)
    found, facts = trained(recorded)
    assert recordings(recorded) > 0, recorded.engine.reason
    assert len([fact for fact in facts if isinstance(fact, e.LayersJoined)]) == 3 - frozen
    assert not [fact for fact in facts if isinstance(fact, e.Warned)]
    assert np.allclose(losses_of(facts), losses_of(plain), atol=1e-5)
    assert largest_difference(wanted, found) < 1e-5


def test_the_gpu_trains_the_weights_that_the_cpu_trains(tiny_base: Path) -> None:
    wanted, *_ = trained(job(tiny_base, Techniques(), CONFIG))
    found, *_ = trained(on_gpu(tiny_base, EAGER, CONFIG))
    assert largest_difference(wanted, found) < 1e-4


def test_a_training_that_is_left_goes_on_with_the_same_recordings(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_BACK", -1.0)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", -1.0)
    wanted, whole = trained(on_gpu(tiny_base, Techniques(), dropout=0.1))
    snapshot = next(
        item.take()
        for item in fit(on_gpu(tiny_base, Techniques(), dropout=0.1))
        if isinstance(item, Keep) and item.step == 9
    )
    one = on_gpu(tiny_base, Techniques(), dropout=0.1)
    facts = list(fit(one, snapshot))
    assert facts[0] == e.RunResumed(9, True)
    assert recordings(one) > 0
    assert np.allclose(losses_of(facts), losses_of(whole)[9:], atol=1e-4)
    assert largest_difference(one.engine.state(), wanted) < 1e-4


def test_bf16_follows_the_losses_of_fp32(tiny_base: Path) -> None:
    wanted = np.array(losses_of(trained(on_gpu(tiny_base, Techniques()))[1]))
    one = on_gpu(tiny_base, Techniques(), precision="bf16")
    losses = np.array(losses_of(trained(one)[1]))
    assert recordings(one) > 0
    assert one.engine.weights.working.dtype == torch.bfloat16
    assert np.abs(losses - wanted).max() < 0.05


@pytest.mark.parametrize("techniques", [EAGER, Techniques()])
def test_dropout_draws_anew_in_every_step_and_the_same_in_every_run(tiny_base: Path, techniques: Techniques) -> None:
    first, *_ = trained(on_gpu(tiny_base, techniques, dropout=0.3))
    again, *_ = trained(on_gpu(tiny_base, techniques, dropout=0.3))
    other, *_ = trained(on_gpu(tiny_base, techniques, replace(LONG, seed=7), dropout=0.3))
    assert largest_difference(first, again) < 1e-4  # attention's own gradient adds up in changing order
    assert largest_difference(first, other) > 1e-3
    one = on_gpu(tiny_base, techniques, dropout=0.3)
    rows = one.train[:8]
    seen = {float(one.engine.step(one.labels, [rows], None, number, 0.0).loss) for number in range(1, 9)}
    assert len(seen) == 8  # same rows, same weights: only the draws differ


def test_steps_leave_the_device_alone(tiny_base: Path) -> None:
    """Nothing in a step that was recorded makes the host wait."""
    one = on_gpu(tiny_base, Techniques())
    rows = one.train[:8]
    for number in (1, 2, 3):
        one.engine.step(one.labels, [rows], None, number, 1e-4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        one.engine.step(one.labels, [rows], None, 4, 1e-4)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_memory_that_runs_out_is_survived(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, *_ = trained(on_gpu(tiny_base, Techniques()))
    real, failed = Halves.gradient, []

    def gradient(self: Halves, fed: Any, *args: Any, **kwargs: Any) -> None:
        real(self, fed, *args, **kwargs)
        if fed.count > 4 and not torch.cuda.is_current_stream_capturing():
            failed.append(fed.count)
            torch.empty(1 << 50, dtype=torch.uint8, device="cuda")

    monkeypatch.setattr(Halves, "gradient", gradient)
    one = on_gpu(tiny_base, Techniques())
    found, facts = trained(one)
    assert failed == [8]
    assert recordings(one) > 0
    assert len([fact for fact in facts if isinstance(fact, e.Warned)]) == 1
    assert largest_difference(wanted, found) < 1e-4


def test_a_capture_that_fails_is_survived(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With dropout: the generator must draw again after the broken capture."""
    real = Halves.gradient

    def gradient(self: Halves, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        if torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize()  # not permitted there

    monkeypatch.setattr(Halves, "gradient", gradient)
    one = on_gpu(tiny_base, Techniques(), dropout=0.1)
    _, facts = trained(one)
    losses = losses_of(facts)
    assert recordings(one) == 0
    assert [fact.title for fact in facts if isinstance(fact, e.Warned)] == [
        "Steps are no longer recorded, they take longer"
    ]
    assert np.isfinite(losses).all()
    assert len(losses) == 4 * 6

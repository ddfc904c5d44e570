"""Memory that runs out in a step: training goes on in smaller micro-batches, to the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import TrainingError
from core.modelling.plan import Techniques
from core.training import events as e
from core.training.halves import Halves
from core.training.loop import fit
from core.training.memory import is_out_of_memory
from tests.core.engine_bench import CONFIG, job, largest_difference, trained

pytestmark = pytest.mark.usefixtures("one_thread")

CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
CPU = RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")


def runs_out(monkeypatch: pytest.MonkeyPatch, most: int, error: BaseException, *, after: int = 0) -> list[int]:
    """From the call after `after` on, memory is too small for more than `most` rows; returns the rows of each call.

    The gradient is there by then: what a step leaves behind that ran out of memory must not stay in it.
    """
    real, called = Halves.gradient, []

    def gradient(self: Halves, fed: Any, *args: Any, **kwargs: Any) -> None:
        called.append(fed.count)
        real(self, fed, *args, **kwargs)
        if fed.count > most and len(called) > after:
            raise error

    monkeypatch.setattr(Halves, "gradient", gradient)
    return called


@pytest.mark.parametrize("error", [CUDA, CPU, MemoryError("Unable to allocate 8 GiB")])
@pytest.mark.parametrize("settings", [{}, {"class_weights": "balanced", "label_smoothing": 0.1}, {"accumulation": 2}])
def test_the_weights_are_those_of_a_run_with_small_micro_batches_from_the_start(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, settings: dict[str, Any]
) -> None:
    config = replace(CONFIG, **settings)
    careful = job(tiny_base, Techniques(), config)
    careful.engine.micro_rows = 4
    wanted, _ = trained(careful)
    called = runs_out(monkeypatch, 4, error)
    found, facts = trained(job(tiny_base, Techniques(), config))
    assert called[0] == 8
    assert called.count(8) == 1  # remembered for the rest of the run
    assert largest_difference(wanted, found) < 1e-6
    steps = [step for fact in facts if isinstance(fact, e.StepsFinished) for step in range(fact.first, fact.last + 1)]
    assert steps == list(range(1, len(steps) + 1))
    assert sum(fact.sequences for fact in facts if isinstance(fact, e.StepsFinished)) == 2 * 44
    (told,) = [fact for fact in facts if isinstance(fact, e.Warned)]
    batch = 8 * config.accumulation
    assert told.title == f"Out of memory: micro-batches of 4 rows, {'four' if batch == 16 else 'two'} per step"
    assert f"stays {batch}" in told.message


def test_in_the_middle_of_a_run_and_down_to_one_row(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, _ = trained(job(tiny_base, Techniques()))
    called = runs_out(monkeypatch, 1, CUDA, after=1)
    found, facts = trained(job(tiny_base, Techniques()))
    assert largest_difference(wanted, found) < 1e-5
    assert called[:5] == [8, 8, 4, 2, 1]
    assert [fact.title.split(": ")[1] for fact in facts if isinstance(fact, e.Warned)] == [
        "micro-batches of 4 rows, two per step",
        "micro-batches of 2 rows, four per step",
        "micro-batches of 1 row, 8 per step",
    ]


def test_where_one_row_is_too_much_the_error_says_what_to_do(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs_out(monkeypatch, 0, CUDA)
    one = job(tiny_base, Techniques())
    before = one.engine.state()
    with pytest.raises(TrainingError, match="Out of memory") as failed:
        list(fit(one))
    assert "--max-length" in failed.value.next_step
    assert largest_difference(before, one.engine.state()) == 0


def test_other_errors_are_not_taken_for_want_of_memory(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_out_of_memory(RuntimeError("index out of range"))
    called = runs_out(monkeypatch, 4, RuntimeError("index out of range"))
    with pytest.raises(RuntimeError, match="index out of range"):
        list(fit(job(tiny_base, Techniques())))
    assert called == [8]


def test_rows_that_do_not_divide_evenly_are_all_there(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job(tiny_base, Techniques())
    called = runs_out(monkeypatch, 3, CUDA)
    done = one.engine.step(one.labels, [one.train[:7]], None, 1, 1e-3)
    assert called == [7, 4, 2, 2, 2, 1]
    assert done.sequences == 7
    assert np.isfinite(float(done.loss))

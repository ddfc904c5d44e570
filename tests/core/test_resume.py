"""A training that is left at any step and taken up again ends as if nothing had happened, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import RunConfig, TrainingConfig
from core.errors import DeviceError, ModelError, NotFiniteError, RunError, TrainingError
from core.modelling.plan import Techniques
from core.runs.atomic import commit_dir
from core.runs.checkpoints import checkpoints_path, listed, newest, place_of
from core.runs.run import Run
from core.training import events as e
from core.training import loop
from core.training.checkpoint import Keeper, read, write
from core.training.job import Better, Ending, Job, Outcome
from core.training.loop import fit
from core.training.resume import Start, best_on_disk, start_of
from core.training.standing import Keep, Snapshot
from tests.core.engine_bench import CONFIG, job, losses_of

EPOCHS, STEPS = 4, 24
"""Six steps an epoch: 44 rows in batches of 8."""

pytestmark = pytest.mark.usefixtures("one_thread")

LEARNING = replace(CONFIG, epochs=EPOCHS, schedule="linear", warmup_ratio=0.1, averaging=0.5, label_smoothing=0.1)

SETTINGS: dict[str, tuple[TrainingConfig, dict[str, Any]]] = {
    "plain": (LEARNING, {}),
    "accumulated": (replace(LEARNING, accumulation=2, batch_size=4), {}),
    "weighted": (replace(LEARNING, class_weights="balanced", layer_decay=0.9), {}),
    "frozen": (replace(LEARNING, averaging=0.0), {"frozen": 1}),
    "bf16": (LEARNING, {"precision": "bf16"}),
    "foreign": (LEARNING, {"techniques": Techniques(own_forward=False)}),
    "gradual": (replace(LEARNING, gradual_unfreezing=2, averaging=0.9), {"precision": "bf16"}),
    "gradual foreign": (replace(LEARNING, gradual_unfreezing=2), {"techniques": Techniques(own_forward=False)}),
}

POINTS = {"plain": tuple(range(1, STEPS + 1)), "gradual": (1, 6, 7, 9, 12, 13)}
"""Where a training is left; "gradual" lets layers join after steps 6 and 12."""


@pytest.fixture(autouse=True)
def _at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer a checkpoint after each step."""
    monkeypatch.setattr(loop, "READ_BACK", -1.0)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", -1.0)


def made(base: Path, name: str) -> Job:
    config, more = SETTINGS[name]
    return job(
        base,
        more.get("techniques", Techniques()),
        config,
        dropout=0.1,
        **{k: v for k, v in more.items() if k != "techniques"},
    )


def left_at(one: Job, step: int, *, closed: bool = True) -> tuple[Snapshot, list[Any]]:
    """A training left right after `step`, and what it had said."""
    said: list[Any] = []
    facts = fit(one)
    for item in facts:
        said.append(item)
        if isinstance(item, Keep) and item.step == step:
            snapshot = item.take()
            if not closed or snapshot.facts["progress"]["closed"] or step % 6:
                facts.close()
                return snapshot, said
    raise AssertionError(f"step {step} was never offered")


def ended(facts: Generator[Any, None, Outcome]) -> tuple[Outcome, list[Any]]:
    said: list[Any] = []
    while True:
        try:
            said.append(next(facts))
        except StopIteration as end:
            return end.value, said


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module", params=sorted(SETTINGS))
def unbroken(
    request: pytest.FixtureRequest, tiny_base: Path
) -> tuple[str, dict[str, torch.Tensor], list[Any], Outcome]:
    one = made(tiny_base, request.param)
    outcome, said = ended(fit(one))
    return request.param, one.engine.state(), said, outcome


def test_twenty_points_and_the_borders_go_on_to_the_same_bits(
    unbroken: tuple[str, dict[str, torch.Tensor], list[Any], Outcome], tiny_base: Path, tmp_path: Path
) -> None:
    name, weights, whole, outcome = unbroken
    for step in POINTS.get(name, (1, 6, 13, 18, 23)):
        snapshot, before = left_at(made(tiny_base, name), step, closed=step != 12)
        write(tmp_path, snapshot)
        found, damaged = newest(tmp_path, contents=True)
        assert found is not None
        assert (found.step, damaged) == (step, [])
        other = made(tiny_base, name)
        last, after = ended(fit(other, read(found)))
        first = after[0]
        assert isinstance(first, e.RunResumed)
        assert (first.step, first.exact, first.reason) == (step, True, "")
        assert same(other.engine.state(), weights), f"{name} left at {step}"
        assert (last.ending, last.step) == (outcome.ending, outcome.step)
        assert (last.logits == outcome.logits).all()
        assert losses_of(before)[:step] + losses_of(after) == losses_of(whole)
        assert _scores(before, step) + _scores(after) == _scores(whole)
        # Newest means the highest step: make room for the next, earlier or later.
        for one in listed(tmp_path):
            one.path.rename(tmp_path / f"{name}-{one.step}")


def _scores(said: list[Any], until: int = STEPS) -> list[tuple[Any, ...]]:
    """Full validations, ends of epochs and best weights, without the times."""
    found: list[tuple[Any, ...]] = []
    for one in said:
        match one:
            case e.EvalFinished(full=True) if 0 < one.step <= until:
                found.append(("scores", one.step, one.scores))
            case e.EpochFinished():
                found.append(("epoch", one.epoch, one.step, one.train_loss, one.train_accuracy))
            case Better():
                found.append(("better", one.step, one.value))
    return found


def test_patience_counts_on(tiny_base: Path) -> None:
    config = replace(CONFIG, epochs=20, patience=3, learning_rate=1e-8)
    whole, _ = ended(fit(job(tiny_base, Techniques(), config)))
    assert whole.ending is Ending.PATIENCE
    for step in (whole.step - 7, whole.step - 6, whole.step):
        snapshot, _ = left_at(job(tiny_base, Techniques(), config), step)
        last, _ = ended(fit(job(tiny_base, Techniques(), config), snapshot))
        assert (last.ending, last.step) == (Ending.PATIENCE, whole.step)


def test_what_cannot_be_as_it_was_is_said_and_training_goes_on(tiny_base: Path) -> None:
    snapshot, _ = left_at(made(tiny_base, "plain"), 8)
    other = made(tiny_base, "plain")
    other.device = replace(other.device, threads=2, name="another CPU")
    last, said = ended(fit(other, snapshot))
    assert last.step == STEPS
    assert said[0] == e.RunResumed(8, False, "processor another CPU, was test; threads 2, was 1")


def test_other_settings_are_no_exact_continuation_and_other_rows_none_at_all(tiny_base: Path) -> None:
    snapshot, _ = left_at(made(tiny_base, "plain"), 8)
    other = made(tiny_base, "plain")
    other.config = replace(other.config, learning_rate=2e-3)
    first = next(fit(other, snapshot))
    assert first == e.RunResumed(8, False, "other settings")
    other = made(tiny_base, "plain")
    other.train = other.train[:-1]
    with pytest.raises(RunError, match="not those it was trained on"):
        next(fit(other, snapshot))


def test_a_stop_that_was_cut_short_is_a_stop_still(tiny_base: Path) -> None:
    one, wishes = made(tiny_base, "plain"), iter(["", "", "stop"])
    one.asked = lambda: next(wishes)
    snapshots = [item.take() for item in fit(one) if isinstance(item, Keep) and item.urgent]
    assert [snapshot.step for snapshot in snapshots] == [2]
    last, said = ended(fit(made(tiny_base, "plain"), snapshots[0]))
    assert (last.ending, last.step) == (Ending.STOPPED, 2)
    assert not losses_of(said)


def test_a_pause_leaves_at_once_and_a_wish_to_save_goes_on(tiny_base: Path) -> None:
    one, wishes = made(tiny_base, "plain"), iter(["", "save", "", "pause"])
    one.asked = lambda: next(wishes)
    outcome, said = ended(fit(one))
    assert outcome.ending is Ending.PAUSED
    assert outcome.step == said[-1].step == 3
    urgent = [item.step for item in said if isinstance(item, Keep) and item.urgent]
    assert urgent == [1, 3]
    assert not any(isinstance(item, e.EpochFinished) for item in said)


def test_a_run_that_diverges_keeps_no_such_place_and_names_its_rows(tiny_base: Path) -> None:
    one = made(tiny_base, "plain")
    facts = fit(one)
    for item in facts:
        if isinstance(item, Keep) and item.step == 4:
            break
    with torch.no_grad():
        one.engine.weights.master.fill_(torch.nan)
    with pytest.raises(TrainingError, match="A weight is not a number after step 4"):
        item.take()
    with pytest.raises(NotFiniteError) as found:
        list(facts)
    assert found.value.step == 5
    assert 0 < len(found.value.rows) <= 8
    assert set(found.value.rows) <= set(one.train.tolist())


def test_a_checkpoint_of_another_model_is_refused(tiny_base: Path) -> None:
    snapshot, _ = left_at(made(tiny_base, "plain"), 2)
    other = made(tiny_base, "frozen")
    with pytest.raises(ModelError, match="does not fit"):
        list(fit(other, snapshot))


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(tiny_base: Path, tmp_path: Path) -> None:
    for step in (3, 9, 15):
        write(tmp_path, left_at(made(tiny_base, "plain"), step)[0])
    assert [one.step for one in listed(tmp_path)] == [15, 9]
    state = place_of(tmp_path, 15) / "state.safetensors"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 4
    state.write_bytes(content)
    found, damaged = newest(tmp_path, contents=True)
    assert found is not None
    assert found.step == 9
    assert len(damaged) == 1
    assert "step-15 is damaged" in damaged[0]
    run = Run(tmp_path)
    start = start_of(run)
    assert (start.step, start.damaged) == (9, tuple(damaged))
    assert [one.step for one in listed(tmp_path)] == [9]  # it must not count as one of the newest two
    (place_of(tmp_path, 9) / "progress.json").unlink()
    with pytest.raises(RunError, match="None of its checkpoints is whole"):
        start_of(run)
    assert [one.step for one in listed(tmp_path)] == [9]  # nothing is taken away


def test_a_checkpoint_of_a_newer_program_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    snapshot, _ = left_at(made(tiny_base, "plain"), 2)
    snapshot.facts["format"] = 2
    write(tmp_path, snapshot)
    found, _ = newest(tmp_path, contents=True)
    assert found is not None
    with pytest.raises(RunError, match="newer finetui"):
        read(found)


def saved_model(run: Run, step: int, value: float) -> None:
    with commit_dir(run.model_path) as folder:
        (folder / "finetui.json").write_text(json.dumps({"step": step, "value": value}))


@pytest.mark.parametrize("at", [6, 18])
@pytest.mark.parametrize("spoiled", ["gone", "flipped", "older", ""])
def test_best_weights_that_are_not_there_are_made_again_or_missed_aloud(
    tiny_base: Path, tmp_path: Path, at: int, spoiled: str
) -> None:
    run = Run(tmp_path)
    snapshot, before = left_at(made(tiny_base, "plain"), 18)
    steps = [item.step for item in before if isinstance(item, Better)]
    snapshot.facts["progress"]["best_step"] = at  # the weights of the snapshot itself, or earlier ones
    assert steps
    if spoiled != "gone":
        saved_model(run, 3 if spoiled == "older" else at, 0.25)
    if spoiled == "flipped":
        (run.model_path / "finetui.json").write_text('{"step": 18, "value": 1.25}')
    told = list(best_on_disk(run, snapshot))
    progress = snapshot.facts["progress"]
    if not spoiled:
        assert not told
        assert progress["best_step"] == at
        return
    assert len(told) == (at != 18)
    if spoiled == "older" and at != 18:
        assert (progress["best"], progress["best_step"]) == (0.25, 3)
        return
    assert progress["best"] is None
    _, said = ended(fit(made(tiny_base, "plain"), snapshot))
    assert next(item for item in said if isinstance(item, Better)).step == 18  # at once, before any step


def test_a_device_that_is_gone_is_replaced_by_what_there_is(tiny_base: Path) -> None:
    snapshot, _ = left_at(made(tiny_base, "plain"), 2)
    begun = Start(True, snapshot)
    config = RunConfig(training=replace(CONFIG, device="cpu", threads=3))
    kept = begun.device(config)
    assert (kept.precision, kept.threads) == ("fp32", 1)  # as the run had them, not as the machine would choose
    there = begun.device(RunConfig(training=replace(CONFIG, device="cuda:900")))
    assert there.device.type in ("cpu", "cuda", "mps")
    with pytest.raises(DeviceError):
        Start().device(RunConfig(training=replace(CONFIG, device="cuda:900")))
    snapshot.facts["conditions"] |= {"cached layers": 0, "device": "cuda", "recorded steps": False}
    assert not begun.techniques().activation_cache
    assert not begun.techniques().cuda_graphs
    assert Start().techniques() == Techniques()


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), MemoryError()])
def test_no_room_for_a_checkpoint_is_said_once_and_the_last_one_stays(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    from core.training import checkpoint

    monkeypatch.setattr(checkpoint, "REST", 0.0)
    keeper, one = Keeper(tmp_path), made(tiny_base, "plain")
    heard: list[e.Event] = []

    def full(*_: object) -> None:
        raise trouble

    for item in fit(one):
        if isinstance(item, Keep):
            keeper.offer(item)
            keeper.wait()
            heard += keeper.news()
            if item.step == 3:
                monkeypatch.setattr(checkpoint, "save_file", full)
            if item.step == 10:
                monkeypatch.undo()
                monkeypatch.setattr(checkpoint, "REST", 0.0)
                monkeypatch.setattr(loop, "READ_BACK", -1.0)
                monkeypatch.setattr(loop, "CHECKPOINT_EVERY", -1.0)
    warned = [fact for fact in heard if isinstance(fact, e.Warned)]
    assert [fact.title for fact in warned] == ["No checkpoint could be written"]
    assert "the last one is of step 3" in warned[0].message
    steps = [fact.step for fact in heard if isinstance(fact, e.CheckpointSaved)]
    assert set(range(1, STEPS + 1)) - set(steps) == set(range(4, 11))
    assert [found.step for found in listed(tmp_path)] == [STEPS, STEPS - 1]
    assert not [path for path in checkpoints_path(tmp_path).iterdir() if path.name.startswith(".")]
    assert json.loads((place_of(tmp_path, STEPS) / "progress.json").read_text())["progress"]["step"] == STEPS


def test_checkpoints_take_a_tenth_of_the_time_at_most_but_a_person_need_not_wait(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import checkpoint

    monkeypatch.setattr(checkpoint, "REST", 1e9)
    keeper, one = Keeper(tmp_path), made(tiny_base, "plain")
    for item in fit(one):
        if isinstance(item, Keep):
            keeper.offer(item)
            if item.step == 2:
                keeper.offer(replace(item, urgent=True))
            keeper.wait()
    steps = [fact.step for fact in keeper.news() if isinstance(fact, e.CheckpointSaved)]
    assert steps == [1, 2, STEPS]

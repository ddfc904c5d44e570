"""The training loop on a tiny random BERT and a task that a look at one word solves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from core.config import ModelConfig, TrainingConfig
from core.errors import ModelError, TrainingError
from core.modelling.build import build_model, count_parameters, encoder_layers, read_weights, save_model
from core.modelling.catalogue import locate
from core.modelling.encoding import Encoded, collate, encode, load_tokenizer
from core.training import events as e
from core.training.device import Device
from core.training.job import Better, Ending, Job, Outcome
from core.training.loop import Yielded, fit
from core.training.scoring import metric_value, stratified_sample
from core.training.standing import Keep

pytestmark = pytest.mark.usefixtures("one_thread")

DEVICE = Device(torch.device("cpu"), "test", "fp32", 1, "for a test")
FAST = TrainingConfig(epochs=3, batch_size=8, learning_rate=3e-3, threads=1)
STEADY = 1e-3
"""AdamW's epsilon where weights are compared: a key's bias has no gradient but rounding, which a small one blows up."""

GOOD, BAD = ("good", "great", "love", "happy"), ("bad", "awful", "hate", "sad")
PLAIN = ("the", "film", "was", "phone", "food", "trip", "really", "very")


@dataclass(frozen=True)
class Task:
    """Encoded rows with their labels."""

    base: Path
    encoded: Encoded
    labels: np.ndarray[Any, np.dtype[np.int64]]
    pad: int


def encoded_task(base: Path, texts: list[str], labels: list[int]) -> Task:
    tokenizer = load_tokenizer(base)
    return Task(base, encode(tokenizer, texts, 0, 64)[0], np.array(labels), int(tokenizer.pad_token_id))


@pytest.fixture(scope="module")
def task(tiny_base: Path) -> Task:
    """240 texts of different length; the label says whether a good word is in them."""
    draw = np.random.default_rng(0)
    texts, labels = [], []
    for row in range(240):
        words = [str(word) for word in draw.choice(PLAIN, size=draw.integers(2, 9))]
        words.insert(int(draw.integers(0, len(words))), str(draw.choice(GOOD if row % 2 else BAD)))
        texts.append(" ".join(words))
        labels.append(row % 2)
    return encoded_task(tiny_base, texts, labels)


def job(task: Task, config: TrainingConfig = FAST, *, train: int = 160, dropout: float = 0.0) -> Job:
    classes = int(task.labels.max()) + 1
    names = tuple(f"class {code}" for code in range(classes))
    model: Any = build_model(locate(str(task.base)), ModelConfig(dropout=dropout), names, config.seed)
    if dropout == 0:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    rows = np.arange(len(task.labels))
    return Job(model, DEVICE, config, task.encoded, task.labels, rows[:train], rows[train:], classes, task.pad)


def weights(one: Job) -> dict[str, torch.Tensor]:
    return one.engine.state()


def outcome_of(facts: Generator[Yielded, None, Outcome]) -> Outcome:
    while True:
        try:
            next(facts)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


T = TypeVar("T", bound=Yielded)


def of(kind: type[T], found: list[Yielded]) -> list[T]:
    return [one for one in found if isinstance(one, kind)]


@pytest.fixture(scope="module")
def trained(task: Task) -> tuple[Job, list[Yielded]]:
    one = job(task, replace(FAST, epochs=8, learning_rate=6e-3))
    return one, list(fit(one))


def test_it_learns(trained: tuple[Job, list[Yielded]]) -> None:
    losses = [loss for fact in of(e.StepsFinished, trained[1]) for loss in fact.losses]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
    before, *_ = of(e.EvalFinished, trained[1])
    *_, last = [fact.scores for fact in of(e.EvalFinished, trained[1]) if fact.full]
    first = before.scores
    assert before.step == 0
    assert first.accuracy < 0.75
    assert last.accuracy > 0.9
    assert last.macro_f1 > 0.9
    assert last.loss is not None
    assert first.loss is not None
    assert last.loss < first.loss


def test_step_facts_are_contiguous_and_add_up(trained: tuple[Job, list[Yielded]]) -> None:
    facts = of(e.StepsFinished, trained[1])
    steps = [step for fact in facts for step in range(fact.first, fact.last + 1)]
    assert steps == list(range(1, 161))
    assert all(len(fact.losses) == fact.last - fact.first + 1 for fact in facts)
    assert sum(fact.sequences for fact in facts) == 8 * 160
    assert sum(fact.tokens for fact in facts) == 8 * int(trained[0].encoded.lengths[:160].sum())
    assert all(fact.seconds > 0 and fact.learning_rate >= 0 and math.isfinite(fact.grad_norm) for fact in facts)


def test_epochs_are_told_with_how_they_went(trained: tuple[Job, list[Yielded]]) -> None:
    epochs = of(e.EpochFinished, trained[1])
    assert [(one.epoch, one.step) for one in epochs] == [(epoch, 20 * epoch) for epoch in range(1, 9)]
    assert epochs[-1].train_loss < epochs[0].train_loss
    assert epochs[-1].train_accuracy > epochs[0].train_accuracy
    assert all(0 <= one.train_accuracy <= 1 for one in epochs)
    losses = [loss for fact in of(e.StepsFinished, trained[1]) for loss in fact.losses]
    assert epochs[0].train_loss == pytest.approx(np.mean(losses[:20]), rel=1e-4)


def test_facts_come_in_an_order_that_never_goes_back(trained: tuple[Job, list[Yielded]]) -> None:
    places = [
        one.last if isinstance(one, e.StepsFinished) else one.step  # type: ignore[union-attr]
        for one in trained[1]
    ]
    assert places == sorted(places)
    evals = of(e.EvalFinished, trained[1])
    assert [one.step for one in evals if one.full] == list(range(20, 161, 20))
    assert evals[0].step == 0  # before anything is learned, on the sample
    assert len({one.step for one in evals}) == len(evals)
    assert all(one.scores.rows == 80 for one in evals if one.full)


def test_better_is_said_only_after_a_full_validation_that_is(trained: tuple[Job, list[Yielded]]) -> None:
    best = -math.inf
    for before, one in itertools.pairwise(trained[1]):
        improved = isinstance(before, e.EvalFinished) and before.full and before.step > 0 and (
            before.scores.macro_f1 > best
        )  # fmt: skip
        assert isinstance(one, Better) == improved
        if isinstance(one, Better) and isinstance(before, e.EvalFinished):
            best = before.scores.macro_f1
            assert (one.step, one.epoch, one.metric, one.value) == (before.step, before.epoch, "macro_f1", best)
    assert best > 0.9


@pytest.mark.parametrize(("epochs", "train"), [(1, 160), (1, 96), (2, 56), (4, 160), (7, 24), (12, 16)])
def test_the_chart_has_at_least_ten_points(task: Task, epochs: int, train: int) -> None:
    found = list(fit(job(task, replace(FAST, epochs=epochs), train=train)))
    steps = [one.step for one in of(e.EvalFinished, found)]
    assert len(steps) >= 10
    assert len(set(steps)) == len(steps)


def test_a_run_of_few_steps_is_scored_after_each(task: Task) -> None:
    found = list(fit(job(task, replace(FAST, epochs=1), train=40)))
    assert [one.step for one in of(e.EvalFinished, found)] == [0, 1, 2, 3, 4, 5]


def test_a_stop_ends_with_a_full_validation_and_weights_to_keep(task: Task) -> None:
    one = job(task, replace(FAST, epochs=1000))
    one.asked = lambda: "stop"
    found = [item for item in fit(one) if not isinstance(item, Keep)]
    last, better = found[-2:]
    assert isinstance(last, e.EvalFinished)
    assert last.full
    assert last.step == of(e.StepsFinished, found)[-1].last > 0
    assert isinstance(better, Better)
    assert better.step == last.step
    assert len(of(Better, found)) == 1


def test_a_stop_after_the_best_keeps_the_best(task: Task) -> None:
    one, seen = job(task, replace(FAST, epochs=40)), []
    one.asked = lambda: "stop" if len(of(e.EpochFinished, seen)) >= 5 else ""
    for item in fit(one):
        seen.append(item)
    assert len(of(e.EpochFinished, seen)) <= 6
    full = [fact for fact in of(e.EvalFinished, seen) if fact.full and fact.step > 0]
    assert of(Better, seen)[-1].value == max(fact.scores.macro_f1 for fact in full)
    assert full[-1].step == of(e.StepsFinished, seen)[-1].last


def test_a_loss_that_is_no_number_names_its_step(task: Task) -> None:
    one = job(task)
    facts = fit(one)
    before = next(fact for fact in facts if isinstance(fact, e.StepsFinished))
    with torch.no_grad():
        next(one.model.parameters()).fill_(math.nan)
    seen = []
    with pytest.raises(TrainingError, match=f"not a number at step {before.last + 1}\n") as found:
        seen.extend(facts)
    assert not of(e.StepsFinished, seen)
    assert "lower learning rate" in found.value.next_step


def test_a_rate_far_too_high_is_no_success(task: Task) -> None:
    one = job(task, replace(FAST, learning_rate=1e30, max_grad_norm=0, warmup_ratio=0))
    with pytest.raises(TrainingError, match=r"not a number at step \d+\n"):
        list(fit(one))


def test_two_micro_batches_equal_one_batch(task: Task) -> None:
    """Sixteen training rows: every step sees the same ones however they are cut."""
    config = replace(FAST, epochs=4, learning_rate=1e-3, adam_epsilon=STEADY)
    whole = job(task, replace(config, batch_size=16), train=16)
    parts = job(task, replace(config, batch_size=8, accumulation=2), train=16)
    found = [list(fit(whole)), list(fit(parts))]
    losses = [[loss for fact in of(e.StepsFinished, one) for loss in fact.losses] for one in found]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert len(losses[0]) == 4
    start = weights(job(task, config, train=16))
    for (name, one), other in zip(weights(whole).items(), weights(parts).values(), strict=True):
        assert torch.allclose(one, other, atol=1e-5), name
    assert any(not torch.allclose(one, start[name], atol=1e-4) for name, one in weights(whole).items())


@pytest.mark.parametrize("kind", ["balanced", "sqrt"])
def test_micro_batches_of_unlike_classes_weigh_as_one_batch(task: Task, kind: str) -> None:
    rare = replace(task, labels=np.where(np.arange(len(task.labels)) % 5 == 0, 1, 0))
    config = replace(FAST, epochs=3, learning_rate=1e-3, class_weights=kind, label_smoothing=0.1, adam_epsilon=STEADY)
    whole = job(rare, replace(config, batch_size=15), train=15)
    parts = job(rare, replace(config, batch_size=4, accumulation=4), train=15)  # the last one has three rows
    list(fit(whole))
    list(fit(parts))
    for (name, one), other in zip(weights(whole).items(), weights(parts).values(), strict=True):
        assert torch.allclose(one, other, atol=1e-5), name


def test_the_loss_is_torchs_own_weighted_mean(task: Task) -> None:
    rare = replace(task, labels=np.where(np.arange(len(task.labels)) % 5 == 0, 1, 0))
    config = replace(FAST, epochs=1, batch_size=20, class_weights="balanced", label_smoothing=0.1)
    one = job(rare, config, train=20)
    logits = torch.from_numpy(one.engine.predict(one.train))
    class_weight = torch.tensor([20 / (2 * 16), 20 / (2 * 4)])
    expected = torch.nn.functional.cross_entropy(
        logits, torch.from_numpy(rare.labels[:20]), weight=class_weight, label_smoothing=0.1
    )
    assert of(e.StepsFinished, list(fit(one)))[0].losses[0] == pytest.approx(float(expected), rel=1e-4)


def test_class_weights_help_the_rare_class(task: Task) -> None:
    """A label that nothing in the text tells: without weights the larger class is said, with them it is not."""
    rare = replace(task, labels=(np.random.default_rng(1).random(len(task.labels)) < 0.2).astype(np.int64))
    said = {}
    for kind in ("none", "balanced"):
        one = job(rare, replace(FAST, epochs=1, class_weights=kind, learning_rate=1e-3))
        list(fit(one))
        logits = one.engine.predict(one.validation)
        said[kind] = float(torch.from_numpy(logits).softmax(dim=1)[:, 1].mean())
    assert said["none"] + 0.1 < said["balanced"]


def test_patience_stops(task: Task) -> None:
    """Nothing can be learned with a rate of nearly 0, so that no epoch is better than the first."""
    found = list(fit(job(task, replace(FAST, epochs=50, patience=2, learning_rate=1e-8), train=24)))
    assert len(of(e.EpochFinished, found)) == 3
    assert len(of(Better, found)) == 1
    endless = list(fit(job(task, replace(FAST, epochs=5, patience=0, learning_rate=1e-8), train=24)))
    assert len(of(e.EpochFinished, endless)) == 5


@pytest.mark.parametrize(
    ("changes", "asked", "ending", "step"),
    [
        ({"epochs": 2}, "", Ending.EPOCHS, 6),
        ({"epochs": 50, "patience": 2, "learning_rate": 1e-8}, "", Ending.PATIENCE, 9),
        ({"epochs": 3, "patience": 2, "learning_rate": 1e-8}, "", Ending.EPOCHS, 9),  # no epoch was saved by it
        ({"epochs": 50}, "stop", Ending.STOPPED, None),
    ],
)
def test_it_says_how_it_ended_and_what_the_last_weights_answer(
    task: Task, changes: dict[str, Any], asked: str, ending: Ending, step: int | None
) -> None:
    one = job(task, replace(FAST, **changes), train=24)
    one.asked = lambda: asked
    outcome = outcome_of(fit(one))
    assert outcome.ending is ending
    assert step is None or outcome.step == step
    assert np.array_equal(outcome.logits, one.engine.predict(one.validation))


def test_the_same_seed_gives_the_same_bits(task: Task) -> None:
    config = replace(FAST, epochs=1)
    runs = []
    for seed in (7, 7, 8):
        torch.rand(3)  # whatever was drawn before does not matter
        one = job(task, replace(config, seed=seed), dropout=0.1)
        list(fit(one))
        runs.append(weights(one))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert not all(torch.equal(runs[0][name], runs[2][name]) for name in runs[0])


@pytest.mark.parametrize("metric", ["accuracy", "loss", "weighted_f1"])
def test_the_chosen_metric_chooses(task: Task, metric: str) -> None:
    found = list(fit(job(task, replace(FAST, metric=metric))))
    full = {fact.step: fact.scores for fact in of(e.EvalFinished, found) if fact.full and fact.step > 0}
    best = max(full, key=lambda step: metric_value(full[step], metric))
    better = of(Better, found)[-1]
    assert metric_value(full[better.step], metric) == metric_value(full[best], metric)
    assert better.value == getattr(full[better.step], metric)
    assert better.metric == metric


def test_frozen_layers_stay_as_they_are(task: Task) -> None:
    one = job(task, replace(FAST, epochs=1), train=32)
    names = tuple("ab")
    one.model = build_model(locate(str(task.base)), ModelConfig(frozen_layers=1), names, 1)
    total, trained = count_parameters(one.model)
    assert 0 < trained < total
    before = weights(one)
    list(fit(one))
    after = weights(one)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not [name for name in moved if "embeddings" in name or "layer.0." in name]
    assert any("layer.1." in name for name in moved)
    with pytest.raises(ModelError, match="2 layers; 3 cannot be frozen"):
        build_model(locate(str(task.base)), ModelConfig(frozen_layers=3), names, 1)
    assert len(encoder_layers(one.model)) == 2


def test_saved_weights_come_back_and_load_anywhere(task: Task, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    one = job(task, replace(FAST, epochs=1), train=32)
    list(fit(one))
    rows = one.validation
    before = one.engine.predict(rows)
    save_model(one.model, load_tokenizer(task.base), tmp_path, {"max_length": 16}, one.engine.state())
    fresh = job(task, train=32)
    assert not np.allclose(fresh.engine.predict(rows), before)
    fresh.engine.load(read_weights(tmp_path))
    assert np.array_equal(fresh.engine.predict(rows), before)
    anywhere = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert anywhere.config.id2label == {0: "class 0", 1: "class 1"}
    batch = collate(one.encoded, rows, one.pad, DEVICE.device)
    with torch.inference_mode():
        logits = anywhere.eval()(input_ids=batch.ids, attention_mask=batch.mask).logits.numpy()
    assert np.allclose(logits, before, atol=1e-5)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read") as found:
        read_weights(tmp_path)
    assert found.value.next_step


def test_weights_of_another_model_are_refused(task: Task) -> None:
    one = job(task, train=32)
    state = one.engine.state()
    with pytest.raises(ModelError, match="do not fit"):
        one.engine.load({**state, "classifier.weight": torch.zeros(7, 7)})
    with pytest.raises(ModelError, match="do not fit"):
        one.engine.load({**state, "another.weight": torch.zeros(7)})


def test_scores_come_in_the_order_of_the_rows(task: Task) -> None:
    one = job(task)
    rows = np.array([200, 3, 77, 150])
    together = one.engine.predict(rows)
    alone = [one.engine.predict(rows[at : at + 1])[0] for at in range(4)]
    assert np.allclose(together, np.stack(alone), atol=1e-5)


@pytest.mark.parametrize("size", [1, 10, 200])
def test_the_sample_has_every_class_in_its_share(size: int) -> None:
    labels = np.array([0] * 900 + [1] * 97 + [2] * 3)
    rows = np.arange(0, 1000)
    chosen = stratified_sample(labels, rows, size, 1)
    counts = np.bincount(labels[chosen], minlength=3)
    assert counts.min() >= 1
    assert len(set(chosen.tolist())) == len(chosen) <= size + 3
    assert counts[0] == max(round(size * 0.9), 1)
    assert np.array_equal(chosen, stratified_sample(labels, rows, size, 1))
    assert np.array_equal(stratified_sample(labels, rows[:5], 10, 1), rows[:5])


def test_asking_is_looked_at_all_the_time(task: Task) -> None:
    asked = 0

    def count() -> str:
        nonlocal asked
        asked += 1
        return ""

    one = job(task, replace(FAST, epochs=3), train=32)
    one.asked = count
    list(fit(one))
    assert asked >= 2

"""Gradual unfreezing: the weights of a plain loop that lets layers join epoch by epoch, and what is told of it."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from core.errors import ModelError
from core.modelling import build
from core.modelling.plan import Techniques
from core.training import engine as engines
from core.training import events as e
from core.training.halves import Halves
from core.training.job import Job, steps_per_epoch
from core.training.loop import _batches, _class_weights
from core.training.optimiser import rate_at
from tests.core.engine_bench import CONFIG, job, largest_difference, trained
from tests.core.test_graphs import Recorder
from tests.tiny import tiny_encoder

pytestmark = pytest.mark.usefixtures("one_thread")

PLAIN = replace(Techniques(**{one.name: False for one in fields(Techniques)}), length_buckets=True)
GRADUAL = replace(CONFIG, epochs=4, gradual_unfreezing=2)

DEEP: dict[str, tuple[str, dict[str, int]]] = {
    "bert": ("bert", {"num_hidden_layers": 3}),
    "distilbert": ("distilbert", {"n_layers": 3}),
    "electra": ("electra", {"num_hidden_layers": 3}),
    "deberta-v2": ("deberta-v2", {"num_hidden_layers": 3}),
    "mpnet": ("mpnet", {"num_hidden_layers": 3}),
}

TOP = {0: 0, 1: 2}
"""How many of three layers train in which epoch, when they join within two."""

BELOW = ("embeddings", "encoder.LayerNorm", "relative_attention_bias")
"""Names of what lies below all layers, in every family here."""


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {name: tiny_encoder(root / name, family, **sizes) for name, (family, sizes) in DEEP.items()}


def layer_of(name: str) -> int | None:
    """The encoder layer of a weight, from its name; -1: below all, None: above."""
    if found := re.search(r"\.layer\.(\d+)\.", name):
        return int(found[1])
    return -1 if any(part in name for part in BELOW) else None


def trains(name: str, epoch: int, frozen: int = 0) -> bool:
    """What the documentation says of two epochs and three layers; of two where the lowest is frozen for ever."""
    layer = layer_of(name)
    if layer is None:
        return True
    if frozen:
        return layer >= {0: 3, 1: 2}.get(epoch, frozen)
    return epoch >= 2 or layer >= 3 - TOP[epoch]


def by_torch_alone(one: Job, frozen: int = 0) -> dict[str, torch.Tensor]:
    """The weights after epochs in which `requires_grad` is switched and what does not train has no gradient."""
    model, config = one.model, one.config
    depth = 3
    groups = []
    word = model.get_input_embeddings().weight
    for name, weight in model.named_parameters():
        layer = layer_of(name)
        steps_down = 0 if layer is None else depth - layer if layer >= 0 else depth + 1
        decay = config.weight_decay if weight.ndim > 1 and weight is not word else 0.0
        groups.append({"params": [weight], "weight_decay": decay, "scale": config.layer_decay**steps_down})
    optimiser = torch.optim.AdamW(groups, eps=config.adam_epsilon)
    weights, step = _class_weights(one), 0
    model.eval()  # there is no dropout
    for epoch in range(config.epochs):
        for name, weight in model.named_parameters():
            weight.requires_grad_(trains(name, epoch, frozen))
        batches = _batches(one, epoch)
        for first in range(0, len(batches), config.accumulation):
            parts = batches[first : first + config.accumulation]
            optimiser.zero_grad(set_to_none=True)
            gold = torch.cat([torch.from_numpy(one.labels[rows]) for rows in parts])
            total = len(gold) if weights is None else weights[gold].sum()
            for rows in parts:
                loss = functional.cross_entropy(
                    logits_of(one, rows), torch.from_numpy(one.labels[rows]), weights, reduction="sum"
                )
                (loss / total).backward()  # type: ignore[no-untyped-call]
            if config.max_grad_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            step += 1
            for group in optimiser.param_groups:
                group["lr"] = group["scale"] * rate_at(
                    step, steps_per_epoch(len(one.train), config) * config.epochs, config
                )
            optimiser.step()
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


def logits_of(one: Job, rows: Any) -> torch.Tensor:
    texts = [torch.from_numpy(one.encoded.ids[one.encoded.offsets[row] : one.encoded.offsets[row + 1]]) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence([text.long() for text in texts], batch_first=True, padding_value=one.pad)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in texts], batch_first=True).long()
    logits: torch.Tensor = one.model(input_ids=ids, attention_mask=mask).logits
    return logits


@pytest.mark.parametrize("family", DEEP)
def test_it_trains_the_weights_of_a_plain_loop_that_switches_gradients(bases: dict[str, Path], family: str) -> None:
    one = job(bases[family], Techniques(), GRADUAL)
    found, _ = trained(one)
    assert (one.engine.own is None) == (family in ("deberta-v2", "mpnet"))
    assert largest_difference(by_torch_alone(job(bases[family], PLAIN, GRADUAL)), found) < 1e-5
    at_once, _ = trained(job(bases[family], Techniques(), replace(GRADUAL, gradual_unfreezing=0)))
    assert largest_difference(at_once, found) > 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        {"layer_decay": 0.5, "max_grad_norm": 0.05},
        {"accumulation": 2, "weight_decay": 0.3},
        {"class_weights": "balanced"},
    ],
)
@pytest.mark.parametrize("techniques", [Techniques(), PLAIN], ids=["ours", "transformers"])
def test_so_it_does_with_other_settings(
    bases: dict[str, Path], settings: dict[str, Any], techniques: Techniques
) -> None:
    config = replace(GRADUAL, **settings)
    found, _ = trained(job(bases["bert"], techniques, config))
    assert largest_difference(by_torch_alone(job(bases["bert"], PLAIN, config)), found) < 1e-5


def test_layers_that_are_frozen_for_ever_do_not_join_and_stay_cached(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques(), GRADUAL, frozen=1)
    found, facts = trained(one)
    assert one.engine.cache is not None
    assert one.engine.cache.layers == 1
    wanted = by_torch_alone(job(bases["bert"], PLAIN, GRADUAL, frozen=1), frozen=1)
    assert largest_difference(wanted, found) < 1e-5
    told = [(fact.layers, fact.embeddings) for fact in facts if isinstance(fact, e.LayersJoined)]
    assert told == [(0, False), (1, False), (2, False)]


def test_with_all_layers_frozen_the_head_alone_trains_as_ever(bases: dict[str, Path]) -> None:
    found, facts = trained(job(bases["bert"], Techniques(), GRADUAL, frozen=3))
    wanted, _ = trained(job(bases["bert"], Techniques(), replace(GRADUAL, gradual_unfreezing=0), frozen=3))
    assert largest_difference(wanted, found) == 0
    assert [fact.layers for fact in facts if isinstance(fact, e.LayersJoined)] == [0]
    assert not [fact for fact in facts if isinstance(fact, e.Warned)]


@pytest.mark.parametrize("techniques", [Techniques(), PLAIN], ids=["ours", "transformers"])
@pytest.mark.parametrize("family", ["bert", "deberta-v2"])
def test_what_has_not_joined_is_not_touched_in_any_bit(
    bases: dict[str, Path], family: str, techniques: Techniques
) -> None:
    """Neither by decay nor by dropout's noise; and the layers in which nothing trains run as they are scored."""
    config = replace(GRADUAL, weight_decay=0.3, learning_rate=1e-2)
    one = job(bases[family], techniques, config, dropout=0.3)
    states = [one.engine.state()]
    for epoch in range(3):
        assert one.engine.unfreeze(epoch)
        for number, rows in enumerate(_batches(one, epoch), 1):
            one.engine.step(one.labels, [rows], None, 10 * epoch + number, 1e-2)
        states.append(one.engine.state())
    for epoch, (before, after) in enumerate(itertools.pairwise(states)):
        changed = {name for name in after if not torch.equal(before[name], after[name])}
        assert changed == {name for name in after if trains(name, epoch)}, f"epoch {epoch}"


def test_a_layer_below_all_that_trains_draws_no_dropout(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the head alone trains, only the head's own dropout falls: without it a step is the same in every draw."""
    for techniques in (Techniques(), PLAIN):
        one = job(bases["bert"], techniques, GRADUAL, dropout=0.5)
        one.model.dropout.p = 0.0
        engine, rows = one.engine, one.train[:8]
        drawn = []
        for epoch in (0, 1):
            engine.unfreeze(epoch)
            drawn.append(len({float(engine.step(one.labels, [rows], None, number, 0.0).loss) for number in range(5)}))
        assert drawn == [1, 5]


def test_early_epochs_compute_no_gradient_below(bases: dict[str, Path]) -> None:
    """That is what makes them quick: nothing is kept of a layer that does not train."""
    one = job(bases["bert"], Techniques(), GRADUAL)
    nodes = []
    for epoch in (0, 1, 2):
        one.engine.unfreeze(epoch)
        fed = one.engine._collated(one.train[:8])
        logits = one.engine._halves.logits(fed, one.engine._halves.noise(1, 0))
        nodes.append(_backward_nodes(logits))
    assert nodes[0] < 10
    assert nodes[0] < nodes[1] < nodes[2]


def _backward_nodes(output: torch.Tensor) -> int:
    waiting, seen = [output.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return len(seen)


def test_what_trains_is_told_when_it_changes(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques(), replace(GRADUAL, gradual_unfreezing=4, epochs=6))
    total = sum(weight.numel() for weight in one.model.parameters())
    head = sum(weight.numel() for name, weight in one.model.named_parameters() if layer_of(name) is None)
    layer = sum(weight.numel() for name, weight in one.model.named_parameters() if layer_of(name) == 2)
    _, facts = trained(one)
    assert [fact for fact in facts if isinstance(fact, e.LayersJoined)] == [
        e.LayersJoined(0, 1, 0, 3, False, head),
        e.LayersJoined(6, 2, 1, 3, False, head + layer),
        e.LayersJoined(12, 3, 2, 3, False, head + 2 * layer),
        e.LayersJoined(24, 5, 3, 3, True, total),
    ]
    kinds = [type(fact) for fact in facts]
    assert kinds.index(e.LayersJoined) < kinds.index(e.StepsFinished)
    assert not [fact for fact in facts if isinstance(fact, e.Warned)]
    _, at_once = trained(job(bases["bert"], Techniques(), replace(CONFIG, epochs=1)))
    assert not [fact for fact in at_once if isinstance(fact, e.LayersJoined)]


@pytest.mark.parametrize(
    ("epochs", "over", "only"), [(2, 2, "the head and the top 2 of 3 layers"), (1, 2, "the head"), (2, 5, "top 1 of 3")]
)
def test_layers_that_will_never_train_are_named(bases: dict[str, Path], epochs: int, over: int, only: str) -> None:
    one = job(bases["bert"], Techniques(), replace(GRADUAL, epochs=epochs, gradual_unfreezing=over))
    before = one.engine.state()
    after, facts = trained(one)
    (warned,) = [fact for fact in facts if isinstance(fact, e.Warned)]
    assert warned.title == "Not all layers will train"
    assert f"{only} will" in warned.message or f"{only} layers will" in warned.message
    assert torch.equal(
        before["bert.encoder.layer.0.output.dense.weight"], after["bert.encoder.layer.0.output.dense.weight"]
    )


def test_recordings_of_one_stage_are_not_replayed_in_the_next(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, config = Recorder(), replace(GRADUAL, epochs=5)
    monkeypatch.setattr(engines, "backend_for", lambda *_, **__: (recorder, "recorded for a test"))
    one = job(bases["bert"], Techniques(), config)
    found, _ = trained(one)
    monkeypatch.undo()
    wanted, _ = trained(job(bases["bert"], Techniques(), config))
    assert recorder.replayed > 0
    assert largest_difference(wanted, found) < 1e-5
    assert one.engine._graphs is not None
    assert len(one.engine._graphs) > 0
    one.engine._stage = None
    one.engine.unfreeze(0)
    assert len(one.engine._graphs) == 0


def test_memory_that_runs_out_in_the_first_epoch_changes_nothing_later(
    bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, _ = trained(job(bases["bert"], Techniques(), GRADUAL))
    real, failed = Halves.gradient, []

    def gradient(self: Halves, fed: Any, *args: Any, **kwargs: Any) -> None:
        real(self, fed, *args, **kwargs)
        if fed.count > 4:
            failed.append(fed.count)
            raise MemoryError

    monkeypatch.setattr(Halves, "gradient", gradient)
    found, _ = trained(job(bases["bert"], Techniques(), GRADUAL))
    assert failed == [8]
    assert largest_difference(wanted, found) < 1e-5


def test_a_model_without_layers_of_its_own_is_refused(tmp_path: Path, bases: dict[str, Path]) -> None:
    shared = job(tiny_encoder(tmp_path / "albert", "albert"), Techniques(), GRADUAL)
    with pytest.raises(ModelError, match="share their weights") as found:
        shared.engine  # noqa: B018  # lays the model out
    assert "--gradual-unfreezing 0" in found.value.next_step
    flat = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with pytest.raises(ModelError, match="no stack of layers") as found:
        build.joining(flat, 2)
    assert "--gradual-unfreezing 0" in found.value.next_step


def test_with_more_epochs_than_layers_the_embeddings_join_last(bases: dict[str, Path]) -> None:
    """Between the epoch in which the lowest layer joins and the last one all layers train, the embeddings do not."""
    config = replace(GRADUAL, gradual_unfreezing=8, epochs=9)
    one = job(bases["bert"], Techniques(), config)
    assert one.engine.unfreezing.stage(7).layers == 3
    before = one.engine.state()
    one.engine.unfreeze(7)
    for number, rows in enumerate(_batches(one, 7), 1):
        one.engine.step(one.labels, [rows], None, number, 1e-3)
    after = one.engine.state()
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {name for name in after if layer_of(name) != -1}

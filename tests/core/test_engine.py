"""What makes the engine fast must not change what it computes: the same weights, step by step, as the plain loop.

Dropout is 0 and the arithmetic float32 where weights are compared.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.modelling.build import encoder_layers
from core.modelling.compact import compact
from core.modelling.encoding import Encoded
from core.modelling.noise import Noise
from core.modelling.plan import Techniques
from core.training import events as e
from core.training.averaging import Average
from core.training.loop import fit
from tests.core.engine_bench import CONFIG, job, largest_difference, losses_of, trained
from tests.tiny import tiny_encoder

pytestmark = pytest.mark.usefixtures("one_thread")

PLAIN = Techniques(**{one.name: False for one in fields(Techniques)})

OURS = ("bert", "roberta", "electra", "distilbert")
FOREIGN = ("deberta-v2", "modernbert", "mpnet")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {family: tiny_encoder(root / family, family) for family in (*OURS, *FOREIGN)}


@pytest.mark.parametrize("family", OURS)
@pytest.mark.parametrize("frozen", [0, 1])
def test_our_forward_pass_trains_the_weights_that_the_plain_loop_trains(
    bases: dict[str, Path], family: str, frozen: int
) -> None:
    buckets = replace(PLAIN, length_buckets=True)  # the same batches on both sides
    plain, ours = job(bases[family], buckets, frozen=frozen), job(bases[family], Techniques(), frozen=frozen)
    wanted, plain_facts = trained(plain)
    found, facts = trained(ours)
    assert plain.engine.own is None
    assert ours.engine.own is not None
    assert (ours.engine.cache is not None) == (frozen == 1)
    assert largest_difference(wanted, found) < 1e-5
    assert np.allclose(losses_of(facts), losses_of(plain_facts), atol=1e-5)
    assert largest_difference(wanted, job(bases[family], PLAIN).engine.state()) > 1e-3


@pytest.mark.parametrize(
    "switch", [one.name for one in fields(Techniques) if one.name not in ("length_buckets", "cuda_graphs")]
)
def test_each_technique_alone_changes_nothing(bases: dict[str, Path], switch: str) -> None:
    wanted, _ = trained(job(bases["bert"], Techniques(), frozen=1))
    found, _ = trained(job(bases["bert"], replace(Techniques(), **{switch: False}), frozen=1))
    assert largest_difference(wanted, found) < 1e-5


@pytest.mark.parametrize("settings", [{"accumulation": 2}, {"class_weights": "balanced", "label_smoothing": 0.1}])
def test_settings_of_the_loss_are_the_same_to_both(bases: dict[str, Path], settings: dict[str, Any]) -> None:
    config = replace(CONFIG, **settings)
    wanted, _ = trained(job(bases["bert"], replace(PLAIN, length_buckets=True), config))
    found, _ = trained(job(bases["bert"], Techniques(), config))
    assert largest_difference(wanted, found) < 1e-5


@pytest.mark.parametrize("family", FOREIGN)
def test_what_is_not_bert_shaped_goes_through_transformers_with_a_reason(bases: dict[str, Path], family: str) -> None:
    wanted, _ = trained(job(bases[family], replace(PLAIN, length_buckets=True)))
    one = job(bases[family], Techniques())
    found, _ = trained(one)
    assert one.engine.own is None
    assert "transformers" in one.engine.reason
    assert largest_difference(wanted, found) < 1e-5


def test_a_changed_module_is_noticed_and_left_to_transformers(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques())
    one.model.bert.encoder.layer[0].intermediate.register_forward_hook(lambda module, inputs, output: output * 1.5)
    assert one.engine.own is None
    assert "differs" in one.engine.reason


def test_word_vectors_that_the_data_does_not_use_stay_as_they_are(bases: dict[str, Path]) -> None:
    one = job(bases["roberta"], Techniques())
    table = one.model.get_input_embeddings().weight.detach().clone()
    used = np.unique(one.encoded.ids)
    state, _ = trained(one)
    learned = next(weight for name, weight in state.items() if "word_embeddings" in name)
    unused = np.setdiff1d(np.arange(len(table)), used)
    assert len(unused) > 10
    assert torch.equal(learned[unused], table[unused])
    assert not torch.equal(learned[used], table[used])


def test_a_table_that_is_used_whole_stays_whole(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques())
    size = len(one.model.get_input_embeddings().weight)
    everything = Encoded(np.arange(size, dtype=np.int32), np.array([0, size]), 0)
    assert compact(one.model, everything, 0) is None
    assert len(one.model.get_input_embeddings().weight) == size


def test_the_engine_learns_in_bf16_with_dropout(bases: dict[str, Path]) -> None:
    config = replace(CONFIG, epochs=12, learning_rate=3e-3, adam_epsilon=1e-8)
    one = job(bases["bert"], Techniques(), config, dropout=0.1, precision="bf16")
    losses = losses_of(trained(one)[1])
    assert np.mean(losses[-6:]) < 0.6 * np.mean(losses[:6])
    assert one.engine.weights.master.dtype == torch.float32


def test_the_same_seed_gives_the_same_weights_with_dropout(bases: dict[str, Path]) -> None:
    torch.manual_seed(1)
    first, _ = trained(job(bases["bert"], Techniques(), dropout=0.2))
    torch.manual_seed(2)  # what was drawn before does not matter: each step seeds its own draws
    second, _ = trained(job(bases["bert"], Techniques(), dropout=0.2))
    other, _ = trained(job(bases["bert"], Techniques(), replace(CONFIG, seed=7), dropout=0.2))
    assert largest_difference(first, second) == 0
    assert largest_difference(first, other) > 0


def test_frozen_layers_stay_and_get_no_dropout(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques(), frozen=1, dropout=0.5)
    before = {name: weight.clone() for name, weight in one.engine.state().items()}
    after, _ = trained(one)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert not any("embeddings" in name or "layer.0" in name for name in changed)
    assert any("layer.1" in name for name in changed)
    rows = one.train[:5]
    without = replace(Techniques(), activation_cache=False)
    uncached = job(bases["bert"], without, frozen=1, dropout=0.5)
    noise = [Noise(1, 1, 0, torch.device("cpu"), torch.float32) for _ in range(2)]
    uncached.engine.load(after)
    one.engine.model.train()
    for each in (one.engine, uncached.engine):
        torch.manual_seed(0)
        each.model.eval()
    cached_logits = one.engine._halves.logits(one.engine._collated(rows), noise[0])
    assert torch.allclose(
        cached_logits, uncached.engine._halves.logits(uncached.engine._collated(rows), noise[1]), atol=1e-5
    )


def test_each_layer_learns_more_slowly_than_the_one_above(bases: dict[str, Path]) -> None:
    config = replace(CONFIG, layer_decay=0.5, epochs=1)
    one = job(bases["bert"], Techniques(), config)
    rates = [group["rate_scale"] for group in one.engine.optimiser.param_groups]
    assert sorted(set(rates), reverse=True) == [1.0, 0.5, 0.25, 0.125]  # head, two layers, embeddings
    before, (after, _) = one.engine.state(), trained(one)
    moved = [
        float((after[name] - before[name]).abs().mean())
        for name in (
            f"bert.encoder.layer.{layer}.output.dense.weight" for layer in range(len(encoder_layers(one.model)))
        )
    ]
    assert moved[0] < moved[1]


def test_the_average_follows_the_last_part_only(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques())
    weights = one.engine.weights
    average = Average(weights, 100, 0.2)
    weights.master.fill_(1.0)
    average.after(80)
    assert average.averaged is None
    for step in range(81, 101):
        weights.master.fill_(2.0 if step < 95 else 3.0)
        average.after(step)
    with average:
        assert 2.0 < float(weights.master[0]) < 3.0
    assert float(weights.master[0]) == 3.0
    average.settle()
    assert 2.0 < float(weights.master[0]) < 3.0


def test_with_averaging_the_scored_weights_are_the_saved_ones(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques(), replace(CONFIG, averaging=0.5, epochs=3))
    facts = fit(one)
    while True:
        try:
            next(facts)
        except StopIteration as end:
            outcome = end.value
            break
    assert np.allclose(outcome.logits, one.engine.predict(one.validation), atol=1e-6)
    plain = job(bases["bert"], Techniques(), replace(CONFIG, epochs=3))
    raw, _ = trained(plain)
    assert largest_difference(raw, one.engine.state()) > 1e-5


def test_dropout_masks_keep_the_mean_and_depend_on_the_step_alone() -> None:
    def mask(step: int) -> torch.Tensor:
        found = Noise(3, step, 0, torch.device("cpu"), torch.float32).mask((400, 50), 0.1)
        assert found is not None
        return found

    assert float(mask(1).mean()) == pytest.approx(1.0, abs=0.02)
    assert float((mask(1) == 0).float().mean()) == pytest.approx(0.1, abs=0.01)
    assert torch.equal(mask(1), mask(1))
    assert not torch.equal(mask(1), mask(2))
    assert Noise(3, 1, 0, torch.device("cpu"), torch.float32).mask((4,), 0.0) is None


def test_all_layers_can_be_frozen(bases: dict[str, Path]) -> None:
    buckets = replace(PLAIN, length_buckets=True)
    wanted, _ = trained(job(bases["bert"], buckets, frozen=2))
    one = job(bases["bert"], Techniques(), frozen=2)
    before = one.engine.state()
    found, _ = trained(one)
    assert one.engine.cache is not None
    assert largest_difference(wanted, found) < 1e-5
    changed = {name for name in found if not torch.equal(before[name], found[name])}
    assert changed
    assert not any("encoder" in name or "embeddings" in name for name in changed)


@pytest.mark.parametrize("family", OURS)
def test_dropout_falls_where_the_module_has_it(bases: dict[str, Path], family: str) -> None:
    """Each kind of dropout switched off at the module leaves answers that do not vary from draw to draw."""
    one = job(bases[family], Techniques(), dropout=0.0)
    for name, module in one.model.named_modules():
        if isinstance(module, torch.nn.Dropout) and "embeddings" in name:
            module.p = 0.5
    rows = one.train[:6]
    engine = one.engine
    engine._train_mode()
    torch.manual_seed(0)
    fed = engine._collated(rows)
    spread = [engine._halves.logits(fed, engine._halves.noise(step, 0)).detach() for step in range(24)]
    theirs = [engine.model(input_ids=fed.read, attention_mask=fed.mask).logits.detach() for _ in range(24)]
    ours, module_own = torch.stack(spread).std(0).mean(), torch.stack(theirs).std(0).mean()
    assert float(ours) == pytest.approx(float(module_own), rel=0.6)


def test_a_padding_token_in_a_text_leaves_the_pass_to_transformers(bases: dict[str, Path]) -> None:
    one = job(bases["roberta"], Techniques())
    ids = one.encoded.ids.copy()
    ids[int(one.encoded.offsets[3]) + 1] = one.pad
    one.encoded = Encoded(ids, one.encoded.offsets, 0)
    assert one.engine.own is None
    assert "padding token" in one.engine.reason


@pytest.mark.parametrize("family", ["roberta", "mpnet"])
def test_positions_survive_a_tokenizer_that_pads_with_another_token(bases: dict[str, Path], family: str) -> None:
    """The model counts positions around its own padding id, which no text then holds."""
    whole, small = job(bases[family], PLAIN), job(bases[family], Techniques())
    used = np.unique(small.encoded.ids)
    for one in (whole, small):
        one.pad = int(used[used > 20][0])
        one.engine  # noqa: B018  # lays the model out
    assert np.allclose(whole.engine.predict(whole.train), small.engine.predict(small.train), atol=1e-4)


def test_a_stop_at_the_end_of_an_epoch_loses_no_fact(bases: dict[str, Path]) -> None:
    one = job(bases["bert"], Techniques(), replace(CONFIG, epochs=3))
    seen: list[Any] = []
    one.asked = lambda: "stop" if any(isinstance(fact, e.StepsFinished) and fact.last >= 6 for fact in seen) else ""
    for fact in fit(one):
        seen.append(fact)
    assert [fact.epoch for fact in seen if isinstance(fact, e.EpochFinished)] == [1]
    assert max(fact.last for fact in seen if isinstance(fact, e.StepsFinished)) == 6

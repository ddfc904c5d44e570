"""Every family of encoders that may be fine-tuned: from a random base through a whole run to a model that loads alone.

Each family has facts of its own that a trainer must not miss: positions that start behind the padding token, no token
types, embeddings narrower than the rest, no pooler, positions that are part of every layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig, TrainingConfig
from core.inference.predictor import model_facts
from core.inference.torch_predictor import TorchPredictor, quiet
from core.modelling.build import build_model, encoder_layers, freeze
from core.modelling.catalogue import locate
from core.modelling.encoding import load_tokenizer, longest_input
from core.preflight import preflight
from core.runs import Run, RunStore
from core.training.session import train
from tests.tiny import FAMILIES, tiny_encoder

WORDS = "the film meal room phone was good great lovely fine bad awful poor sad on day never always".split()
"""The vocabulary of the models; `never` and `always` are in no text."""

NAMES = ("negative", "positive")


def write_rows(path: Path, rows: int = 64) -> Path:
    """Sentences of 7 tokens or so, and two that are longer than any model here has positions for."""
    draw = np.random.default_rng(3)
    lines = ["text,label"]
    for number in range(rows):
        good = number % 2 == 0
        word = draw.choice(["good", "great", "lovely", "fine"] if good else ["bad", "awful", "poor", "sad"])
        text = f"the {draw.choice(['film', 'meal', 'room', 'phone'])} was {word} on day {number}"
        text += " on the day" * 40 * (number in (10, 11))
        lines.append(f"{text},{NAMES[good]}")
    path.write_text("\n".join(lines) + "\n")
    return path


def run_of(folder: Path, base: Path, name: str, **model: Any) -> Run:
    """Two epochs through the front door, in this process."""
    source = folder / "rows.csv"
    if not source.exists():
        write_rows(source)
    config = RunConfig(
        DataConfig(source=str(source), given="rows.csv"),
        SplitConfig(),
        ModelConfig(base=str(base), **model),
        # without decay, which would move the embeddings of words that were never seen
        TrainingConfig(
            epochs=2, batch_size=8, learning_rate=5e-3, weight_decay=0.0, precision="fp32", device="cpu", threads=1
        ),
    )
    threads = torch.get_num_threads()
    run = RunStore(folder / "runs").create(preflight(config), name)
    try:
        for fact in train(run, lambda: ""):
            run.record(fact)
    finally:
        torch.set_num_threads(threads)
        run.close()
    return run


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def base(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp(family) / family, family, WORDS)


@pytest.fixture(scope="module")
def finished(base: Path) -> Run:
    return run_of(base.parent, base, "whole")


@pytest.fixture(autouse=True)
def no_chatter() -> Iterator[None]:
    with quiet():
        yield


def loaded(folder: Path) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(folder).eval()


def word_table(model: Any) -> torch.Tensor:
    table: torch.Tensor = model.get_input_embeddings().weight.detach()
    return table


def probabilities(run: Run, texts: list[str]) -> NDArray[np.float32]:
    """What transformers alone says about these texts, as its documentation shows it."""
    from transformers import AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(run.model_path), loaded(run.model_path)
    longest = model_facts(run).max_length
    with torch.inference_mode():
        batch = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=longest)
        found: NDArray[np.float32] = model(**batch).logits.softmax(-1).numpy()
    return found


def check_answers(run: Run) -> None:
    """The run's own predictions, our predictor and transformers alone say the same."""
    import pandas as pd

    frame = pd.read_parquet(run.path / "predictions.parquet")
    texts = [str(text) for text in frame["text"]]
    own = np.stack([frame[f"p:{name}"] for name in NAMES], axis=1)
    assert own.std(axis=0).min() > 1e-4  # answers that were all alike would be equal for no good reason
    assert np.allclose(probabilities(run, texts), own, atol=1e-5)
    asked = TorchPredictor(run.model_path, model_facts(run), "").predict(texts)
    assert np.allclose(asked.probabilities, own, atol=1e-5)


def test_it_trains_saves_and_loads_with_equal_answers(finished: Run, base: Path) -> None:
    check_answers(finished)
    assert model_facts(finished).max_length == 64  # every position that there is has been used
    assert loaded(finished.model_path).config.id2label == dict(enumerate(NAMES))


def test_only_words_that_were_read_have_moved(finished: Run, base: Path) -> None:
    from transformers import AutoModel

    before, after = word_table(AutoModel.from_pretrained(base)), word_table(loaded(finished.model_path))
    tokenizer = load_tokenizer(base)
    read = set(tokenizer("the film was good on day").input_ids)
    moved = set((before != after).any(dim=1).nonzero().flatten().tolist())
    assert read <= moved
    unread = {tokenizer.convert_tokens_to_ids(f"{sign}never") for sign in ("", "\u2581", "\u0120")}
    unread -= {tokenizer.unk_token_id, None}
    assert len(unread) == 1
    assert not unread & moved


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"albert"}), indirect=True)  # its layers share their weights
def test_frozen_layers_stay_and_their_answers_with_them(base: Path, family: str) -> None:
    from transformers import AutoModel

    run = run_of(base.parent, base, "frozen", frozen_layers=1, max_length=16)
    check_answers(run)
    before, after = AutoModel.from_pretrained(base).eval(), loaded(run.model_path)
    ids = torch.arange(5, 15)[None]
    with torch.inference_mode():
        first, second = (one(input_ids=ids, output_hidden_states=True).hidden_states for one in (before, after))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[2], second[2])


def test_limits_are_those_of_the_positions(base: Path) -> None:
    """One token more than the limit has no position in some of them; the limit itself works in all."""
    limit = longest_input(base, load_tokenizer(base))
    assert limit == 64
    model = build_model(locate(str(base)), ModelConfig(), NAMES, 1).eval()
    ids = torch.full((1, limit), 7)
    with torch.inference_mode():
        assert model(input_ids=ids).logits.isfinite().all()


def test_a_base_with_a_language_model_head_keeps_its_encoder(family: str, tmp_path: Path, base: Path) -> None:
    """Such a base has no pooler, and ties its output to the embeddings."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        whole: Any = AutoModelForMaskedLM.from_pretrained(base)
    whole.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path)
    model: Any = build_model(locate(str(tmp_path)), ModelConfig(), NAMES, 1)
    mine, theirs = model.base_model.state_dict(), whole.base_model.state_dict()
    shared = [name for name in mine if name in theirs]
    assert len(shared) > 10
    assert all(torch.equal(mine[name], theirs[name]) for name in shared)


def test_padding_changes_no_answer(finished: Run) -> None:
    texts = ["the film was good", "the meal was awful on day 7 on the day on the day"]
    alone = np.concatenate([probabilities(finished, [text]) for text in texts])
    assert np.allclose(probabilities(finished, texts), alone, atol=1e-5)


def test_the_shape_of_bert_base_is_frozen_by_layers_and_takes_a_step() -> None:
    """Twelve layers of 768 with few words: what grows with the layers is what is looked at."""
    from transformers import BertConfig, BertForSequenceClassification

    with torch.random.fork_rng(devices=[]):
        model = BertForSequenceClassification(BertConfig(vocab_size=100, max_position_embeddings=64))
        freeze(model, 11)
        assert len(encoder_layers(model)) == 12
        loss = model(input_ids=torch.arange(16)[None] + 5, labels=torch.tensor([1])).loss
    loss.backward()
    trained = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert {name.split(".")[3] for name in trained if ".layer." in name} == {"11"}

"""Texts to tokens to batches: every row once, little padding, the closing token kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from core.modelling.encoding import (
    BLOCK,
    Encoded,
    Ints,
    batch_plan,
    collate,
    encode,
    eval_plan,
    fill_of,
    load_tokenizer,
    longest_input,
)

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(2, 60), min_size=1, max_size=400).map(lambda found: np.array(found, dtype=np.int64))


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Any:
    return load_tokenizer(tiny_base)


def rows(plan: list[Ints]) -> list[int]:
    return sorted(int(row) for batch in plan for row in batch)


def tokens(encoded: Encoded) -> list[list[int]]:
    return [row.tolist() for row in np.split(encoded.ids, encoded.offsets[1:-1])]


def flat(*lengths: int) -> Encoded:
    """Rows of these lengths whose tokens count 1, 2, 3, ..."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Encoded(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets, 0)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 2**31 - 1), st.integers(0, 50))
def test_an_epoch_is_every_row_once(lengths: Ints, size: int, seed: int, epoch: int) -> None:
    plan = batch_plan(lengths, size, seed, epoch)
    assert rows(plan) == list(range(len(lengths)))
    assert len(plan) == -(-len(lengths) // size)
    assert all(1 <= len(batch) <= size for batch in plan)
    again = batch_plan(lengths, size, seed, epoch)
    assert all(np.array_equal(one, other) for one, other in zip(plan, again, strict=True))


def test_epochs_and_seeds_differ() -> None:
    lengths = np.full(200, 10)
    plans = [batch_plan(lengths, 16, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    orders = [np.concatenate(plan).tolist() for plan in plans]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_batches_are_full_of_tokens_and_in_no_order_of_length() -> None:
    lengths = np.random.default_rng(0).integers(3, 120, size=3000)
    plan = batch_plan(lengths, 16, 42, 0)
    shuffled = [np.arange(3000)[at : at + 16] for at in range(0, 3000, 16)]
    assert fill_of(lengths, plan) > 0.93
    assert fill_of(lengths, shuffled) < 0.6
    means = np.array([lengths[batch].mean() for batch in plan])
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.25


@given(LENGTHS, st.integers(8, 2000))
def test_scoring_sees_every_row_once_within_its_room(lengths: Ints, tokens: int) -> None:
    chosen = np.arange(len(lengths))[::2]
    plan = eval_plan(lengths, chosen, tokens)
    assert rows(plan) == chosen.tolist()
    assert all(len(batch) == 1 or lengths[batch].max() * len(batch) <= tokens for batch in plan)


@given(LENGTHS)
def test_fill_is_a_share(lengths: Ints) -> None:
    assert 0 < fill_of(lengths, [np.arange(len(lengths))]) <= 1
    assert fill_of(lengths, []) == 1.0


def test_padding_is_masked_and_nothing_else() -> None:
    batch = collate(flat(3, 1, 2), np.array([0, 2, 1]), 99, CPU)
    assert batch.ids.tolist() == [[1, 2, 3], [5, 6, 99], [4, 99, 99]]
    assert batch.mask is not None
    assert batch.mask.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    assert batch.tokens == 6
    assert batch.rows.tolist() == [0, 2, 1]


def test_equal_lengths_need_no_mask() -> None:
    batch = collate(flat(2, 5, 2), np.array([2, 0]), 0, CPU)
    assert batch.mask is None
    assert batch.ids.tolist() == [[8, 9], [1, 2]]


def test_tokens_are_the_tokenizers_own(tokenizer: Any) -> None:
    texts = ["the film was good", "", "NEVER again!", "☃ unheard"]
    encoded, _ = encode(tokenizer, texts, 0, 64)
    assert encoded.truncated == 0
    assert len(encoded) == 4
    assert tokens(encoded) == [tokenizer(text)["input_ids"] for text in texts]


@pytest.mark.parametrize("length", [3, 8, 17])
def test_cutting_keeps_the_closing_token(tokenizer: Any, length: int) -> None:
    texts = ["good " * 40, "the film was good", "bad film"]
    encoded, chosen = encode(tokenizer, texts, length, 64)
    assert chosen == length
    for text, ids in zip(texts, tokens(encoded), strict=True):
        assert ids == tokenizer(text, truncation=True, max_length=length)["input_ids"]
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert len(ids) <= length
    assert encoded.truncated == sum(len(tokenizer(text)["input_ids"]) > length for text in texts)
    whole = encode(tokenizer, texts, 0, 64)[0]  # nothing of the cut stays set
    assert tokens(whole)[0] == tokenizer(texts[0])["input_ids"]


def test_the_automatic_length_leaves_nearly_all_whole(tokenizer: Any) -> None:
    texts = ["good " * 20] * 996 + ["good " * 50] * 4
    assert encode(tokenizer, texts, 0, 64)[1] == 24  # 22 tokens, to the next multiple of 8
    assert encode(tokenizer, ["good " * 50] * 10, 0, 40)[1] == 40  # the model's limit
    assert encode(tokenizer, ["good"], 0, 64)[1] == 16
    assert encode(tokenizer, texts, 12, 64)[1] == 12


def test_more_texts_than_fit_into_one_block(tokenizer: Any) -> None:
    texts = [f"good film {number}" for number in range(BLOCK + 10)]
    found = tokens(encode(tokenizer, texts, 0, 64)[0])
    assert len(found) == len(texts)
    assert found[BLOCK:] == [tokenizer(text)["input_ids"] for text in texts[BLOCK:]]


def test_the_longest_input_is_what_model_and_tokenizer_both_take(tiny_base: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_base)
    assert longest_input(tiny_base, tokenizer) == 64
    folder = Path(shutil.copytree(tiny_base, tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    for change, expected in [({"max_position_embeddings": 40}, 40), ({"model_type": "roberta", "pad_token_id": 1}, 62)]:
        (folder / "config.json").write_text(json.dumps(config | change))
        assert longest_input(folder, tokenizer) == expected


def test_a_folder_without_a_tokenizer(tiny_base: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_base, tmp_path / "copy"))
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer of copy|no fast tokenizer") as found:
        load_tokenizer(folder)
    assert "--model starter" in found.value.next_step

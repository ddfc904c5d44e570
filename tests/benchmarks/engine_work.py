"""What every engine of a case has to do, and what one measurement of it says. Imports numpy alone.

The rows come from tab-separated files, or are made up with a signal that can be learned; the base model is a folder,
the starter encoder, or a BERT of random weights whose vocabulary is made from the rows.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

ROWS_SEED = 17
"""Which rows are taken: the same for every engine, repetition and seed of training."""

HELD = 872
"""Held-out rows where no file brings them; as many as SST-2's dev part has."""

VOCABULARY = 30_522
"""Entries of BERT-base's vocabulary."""


@dataclass(frozen=True, slots=True)
class Work:
    """The same for every engine of a case. `train` and `held` name files; empty ones mean made-up rows."""

    base: str = "starter"
    train: str = ""
    held: str = ""
    shape: str = "short"
    """Of made-up rows: `short` as the phrases of SST-2, `long` as documents of 24 to 512 tokens."""
    rows: int = 1000
    epochs: int = 1
    batch_size: int = 32
    max_length: int = 256
    learning_rate: float = 5e-5
    seed: int = 17
    """Of head, dropout and order; another one in every repetition."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts with codes 0 to `classes` - 1, to learn from and to be scored on."""

    texts: list[str]
    labels: Ints
    held_texts: list[str]
    held_labels: Ints

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(max(self.labels.max(), self.held_labels.max())) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One measurement. `seconds` is training alone, `seconds_all` with what the engine itself evaluates meanwhile."""

    seconds: float
    seconds_all: float
    rows: int
    epochs: int
    batch_size: int
    max_length: int
    sequences: int
    """Rows the model was trained on, all epochs together."""
    tokens: int
    """Tokens in them, special tokens too, padding not."""
    fill: float
    """Share of the positions computed that held a token."""
    precision: str
    mark: int
    """Checksum of the token ids and the labels."""
    accuracy: float
    macro_f1: float
    truncated: int = -1
    """Rows cut to the maximum length; -1 where the engine does not say."""
    flops: float = 0.0
    """Arithmetic that the real tokens need, forward and backward."""
    from_start: float = 0.0
    """Seconds from the start of the process to the end that the case asks for; 0 when it was not reached."""
    notes: tuple[str, ...] = ()
    logits: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    """What the trained model says about the held-out rows, shape `[rows, classes]`."""

    def plain(self) -> dict[str, Any]:
        """For JSON: everything but the logits."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "logits"}


def load_rows(work: Work) -> Rows:
    """The rows of `work`; the same ones at every call."""
    if not work.train:
        texts, labels = made_up(work.shape, work.rows, ROWS_SEED)
        return Rows(texts, labels, *made_up(work.shape, min(HELD, max(work.rows, 64)), ROWS_SEED + 1))
    texts, labels = read_tsv(Path(work.train))
    order = np.random.default_rng(ROWS_SEED).permutation(len(texts))
    if work.held:
        held_texts, held_labels = read_tsv(Path(work.held))
    else:
        apart, order = order[:HELD], order[HELD:]
        held_texts, held_labels = [texts[row] for row in apart], labels[apart]
    chosen = order[: work.rows] if work.rows else order
    return Rows([texts[row] for row in chosen], labels[chosen], held_texts, held_labels)


def read_tsv(path: Path) -> tuple[list[str], Ints]:
    """Text and label of each line, in either order; a first line without a number is the header."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line]
    if not any(cell.isdigit() for cell in lines[0]):
        lines = lines[1:]
    at = 0 if lines[0][0].isdigit() else 1
    return [cells[1 - at] for cells in lines], np.array([int(cells[at]) for cells in lines], dtype=np.int64)


def made_words(count: int) -> list[str]:
    """Made-up words, all different, the same ones at every call."""
    syllables = [one + other for one in "bcdfghjklmnprstvwz" for other in "aeiou"]
    words = [one + other for one in syllables for other in syllables]
    words += [one + other for one in words[:500] for other in syllables]
    return words[:count]


def made_up(shape: str, rows: int, seed: int) -> tuple[list[str], Ints]:
    """Rows of words drawn as in natural language (the n-th most frequent 1/n as often), two classes.

    Every eighth word is one of its class's own 200. Lengths in tokens, [CLS] and [SEP] included: short ones have mean
    13 as SST-2 has, long ones lie evenly between 24 and 512, mean 268.
    """
    draw = np.random.default_rng(seed)
    words = made_words(15_000)
    own, common = (words[:200], words[200:400]), words[400:]
    odds = 1.0 / np.arange(1, len(common) + 1)
    labels = draw.integers(0, 2, rows)
    if shape == "long":
        lengths = draw.integers(24, 513, rows) - 2
    else:
        lengths = np.clip(np.rint(draw.gamma(1.3, 8.5, rows)), 1, 64).astype(np.int64)
    drawn = draw.choice(len(common), int(lengths.sum()), p=odds / odds.sum())
    signal = draw.integers(0, 200, int(lengths.sum()))
    texts, start = [], 0
    for label, length in zip(labels.tolist(), lengths.tolist(), strict=True):
        text = [common[place] for place in drawn[start : start + length]]
        for place in range(int(draw.integers(0, min(8, length))), length, 8):
            text[place] = own[label][signal[start + place]]
        texts.append(" ".join(text))
        start += length
    return texts, labels.astype(np.int64)


def mark_of(ids: Iterable[Sequence[int]], labels: Ints) -> int:
    """Checksum of tokenised rows: equal for two engines that learn from the same ids in the same rows."""
    found = zlib.crc32(np.ascontiguousarray(labels, dtype=np.int64).tobytes())
    for row in ids:
        found = zlib.crc32(np.asarray(row, dtype=np.int32).tobytes() + b"|", found)
    return found


def training_flops(lengths: Ints, config: Any) -> float:
    """Floating-point operations of forward and backward over sequences of these lengths, in a BERT of this shape.

    Two per multiply-add, backward twice the forward; embeddings, norms and padding count nothing.
    """
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens, squares = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
    dense = 2 * (4 * hidden * hidden + 2 * hidden * inner) * tokens
    attention = 2 * 2 * hidden * squares
    head = 2 * hidden * (hidden + config.num_labels) * len(lengths)
    return 3 * (layers * (dense + attention) + head)


def random_base(folder: Path, texts: Iterable[str], **shape: int) -> Path:
    """A BERT-base of random weights in `folder`, whose vocabulary holds the most frequent words of `texts`.

    `shape` changes its configuration. Words beyond the vocabulary are spelled by letters.
    """
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    config = BertConfig(**({"vocab_size": VOCABULARY} | shape))
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters)]
    counts = Counter(word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower()))
    pieces = list(dict.fromkeys([*pieces, *(word for word, _ in counts.most_common(config.vocab_size))]))
    pieces = pieces[: config.vocab_size]
    pieces += [f"[unused{number}]" for number in range(config.vocab_size - len(pieces))]
    limit = config.max_position_embeddings
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=limit)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(ROWS_SEED)
        model = BertModel(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

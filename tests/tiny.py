"""Small real things for tests: a random BERT with a vocabulary of its own, and a run folder that holds one."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.config import RunConfig
from core.runs import Run, RunStore
from core.runs.atomic import commit_dir

WORDS = (
    "the a it was is not very good bad fine great awful love hate film phone food trip slow fast never again "
    "works broke happy sad okay service room battery story really no yes and but i we this that"
).split()

LABELS = ("negative", "neutral", "positive")


def tiny_tokenizer(words: Sequence[str] = WORDS) -> object:
    """A fast WordPiece tokenizer: `words` whole, everything else by letters."""
    from transformers import BertTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters)]
    pieces += [word for word in dict.fromkeys(words) if word not in pieces]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=64)


def tiny_bert(folder: Path, words: Sequence[str] = WORDS, *, seed: int = 0) -> Path:
    """A random encoder (hidden 32, 2 layers, 64 positions) in `folder`, as a base model to fine-tune."""
    _save(folder, words, (), seed)
    return folder


def tiny_run(
    root: Path, name: str = "tiny", labels: Sequence[str] = LABELS, *, max_length: int = 32, seed: int = 0
) -> Run:
    """A run in the runs folder `root` whose `model/` is a random classifier, as a trainer leaves it."""
    run = RunStore(root).create(RunConfig(), name)
    tiny_model(run, labels, max_length=max_length, seed=seed)
    return run


def tiny_model(run: Run, labels: Sequence[str] = LABELS, *, max_length: int = 32, seed: int = 0) -> None:
    """Commit a random classifier as the best model of `run`, in place of what it has."""
    facts = {"format": 1, "max_length": max_length, "label_names": list(labels), "base": "tiny"}
    with commit_dir(run.model_path) as folder:
        _save(folder, WORDS, labels, seed)
        (folder / "finetui.json").write_text(json.dumps(facts), encoding="utf-8")


@functools.cache
def exported_run() -> Run:
    """A tiny run with its ONNX graph, made once per test process: to be copied, never changed."""
    from core.inference.export import export_onnx

    root = Path(tempfile.mkdtemp(prefix="finetui-tests-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    run = tiny_run(root)
    export_onnx(run)
    return run


def _save(folder: Path, words: Sequence[str], labels: Sequence[str], seed: int) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    from core.inference.torch_predictor import quiet

    tokenizer = tiny_tokenizer(words)
    config = BertConfig(
        vocab_size=len(tokenizer),  # type: ignore[arg-type]
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,  # wide enough that different texts get clearly different answers
        id2label=dict(enumerate(labels)) or None,
        label2id={label: code for code, label in enumerate(labels)} or None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config) if labels else BertModel(config)
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]

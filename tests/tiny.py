"""Small real things for tests: random encoders with vocabularies of their own, and a run folder that holds one."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.runs import Run, RunStore
from core.runs.atomic import commit_dir

WORDS = (
    "the a it was is not very good bad fine great awful love hate film phone food trip slow fast never again "
    "works broke happy sad okay service room battery story really no yes and but i we this that"
).split()

LABELS = ("negative", "neutral", "positive")

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"

ROBERTA_IDS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("wordpiece", {}),
    "distilbert": ("wordpiece", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}),
    "electra": ("wordpiece", {"embedding_size": 16}),
    "mpnet": ("mpnet", {"max_position_embeddings": 66, **ROBERTA_IDS}),
    "roberta": ("bytes", {"max_position_embeddings": 66, "type_vocab_size": 1, **ROBERTA_IDS}),
    "modernbert": (
        "bytes",
        {"local_attention": 16, "global_attn_every_n_layers": 2, "cls_token_id": 0, "sep_token_id": 2, **ROBERTA_IDS},
    ),
    "deberta-v2": (
        "unigram",
        {
            "relative_attention": True,
            "position_buckets": 16,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
    "xlm-roberta": ("unigram", {"max_position_embeddings": 66, "type_vocab_size": 1, **ROBERTA_IDS}),
    "camembert": ("unigram", {"max_position_embeddings": 66, "type_vocab_size": 1, **ROBERTA_IDS}),
    "albert": ("unigram", {"embedding_size": 16}),
}
"""Model type -> kind of tokenizer, and what its configuration has beside the common sizes."""


def tiny_tokenizer(words: Sequence[str] = WORDS) -> object:
    """A fast WordPiece tokenizer: `words` whole, everything else by letters."""
    from transformers import BertTokenizer

    vocabulary = _wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], words)
    return BertTokenizer(vocab=vocabulary, do_lower_case=True, model_max_length=64)


def _wordpieces(special: list[str], words: Sequence[str]) -> dict[str, int]:
    pieces = [*special, *LETTERS, *(f"##{one}" for one in LETTERS), *words]
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def family_tokenizer(family: str, words: Sequence[str] = WORDS) -> Any:
    """The kind of fast tokenizer that encoders of this family have, with `words` whole else letters."""
    import transformers

    match FAMILIES[family][0]:
        case "wordpiece":
            return tiny_tokenizer(words)
        case "mpnet":
            pieces = _wordpieces(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], words)
            return transformers.MPNetTokenizer(vocab=pieces, model_max_length=64)
        case "bytes":
            vocabulary, merges = _byte_pairs(words)
            made = transformers.RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=64)
            if family == "roberta":
                return made
            names = {name: str(getattr(made, name)) for name in ("cls_token", "sep_token", "pad_token", "unk_token")}
            return transformers.PreTrainedTokenizerFast(
                tokenizer_object=made.backend_tokenizer,
                model_max_length=64,
                mask_token="<mask>",
                model_input_names=["input_ids", "attention_mask"],
                **names,
            )
    kinds: dict[str, Any] = {
        "deberta-v2": (transformers.DebertaV2Tokenizer, ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]),
        "albert": (transformers.AlbertTokenizer, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]),
        "xlm-roberta": (transformers.XLMRobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
        "camembert": (transformers.CamembertTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]),
    }
    kind, special = kinds[family]
    scored = [(piece, 0.0) for piece in special] + [(f"\u2581{word}", -2.0) for word in dict.fromkeys(words)]
    scored += [(one, -9.0) for one in dict.fromkeys(["\u2581", *LETTERS])]
    return kind(vocab=scored, model_max_length=64)


def _byte_pairs(words: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level vocabulary, and merges that make each of `words` after a space one token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator([" ".join(words)] * 2, trainer)
    found = json.loads(trained.to_str())["model"]
    return found["vocab"], [tuple(pair) for pair in found["merges"]]


def tiny_encoder(folder: Path, family: str, words: Sequence[str] = WORDS, *, seed: int = 0, **sizes: Any) -> Path:
    """A random encoder of `family` (hidden 32, 2 layers, 64 tokens at most) with its kind of tokenizer in `folder`."""
    import torch
    from transformers import AutoConfig, AutoModel

    from core.inference.torch_predictor import quiet

    tokenizer = family_tokenizer(family, words)
    common = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    if family == "distilbert":
        common = {}
    given = {"max_position_embeddings": 64, "initializer_range": 0.1, "pad_token_id": tokenizer.pad_token_id}
    config = AutoConfig.for_model(
        family, **{"vocab_size": len(tokenizer), **common, **given, **FAMILIES[family][1], **sizes}
    )
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        AutoModel.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


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

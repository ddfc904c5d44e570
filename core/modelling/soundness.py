"""What a model folder tells without torch: whether it can be trained at all, and what it has room for.

Only `config.json`, the tokenizer's files and the headers of the weights are read, so that a person hears of it before
a run exists.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from core.config import ModelConfig
from core.errors import ModelError
from core.modelling.tensors import AGAIN, Stored, read_tensors
from core.modelling.vocabulary import check_tokenizer
from core.text import safe

ENCODERS = frozenset(
    {
        "albert",
        "bert",
        "camembert",
        "deberta-v2",
        "distilbert",
        "electra",
        "modernbert",
        "mpnet",
        "roberta",
        "xlm-roberta",
    }
)
"""Model types that are trained, saved and loaded in our tests: bidirectional encoders read by their first token."""

FAMILIES = "BERT, DistilBERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA, DeBERTa-v3, ModernBERT, MPNet or ALBERT"

HALVES = {"F16": "float16", "BF16": "bfloat16"}

_FLOATS = {"F32", "F64", *HALVES}

_SHAPES = (
    ("word_embeddings.weight", 0, ("vocab_size",)),
    ("tok_embeddings.weight", 0, ("vocab_size",)),
    ("word_embeddings.weight", 1, ("embedding_size", "dim", "hidden_size")),
    ("tok_embeddings.weight", 1, ("hidden_size",)),
    ("position_embeddings.weight", 0, ("max_position_embeddings",)),
    ("intermediate.dense.weight", 0, ("intermediate_size",)),
    ("ffn.lin1.weight", 0, ("hidden_dim",)),
)
"""End of a weight's name, axis of its shape, and the keys of config.json (the first that is there) with its size."""

LARGEST = 16 << 20
"""Bytes of a `config.json` at most: that of an encoder has a thousand."""

_CLASSES = 100_000
"""Classes that a model may say it has: transformers names each of them before anybody asks for one."""

_DTYPES = ("auto", "float16", "bfloat16", "float32", "float64")

_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


def read_config(folder: Path) -> dict[str, Any]:
    """The model folder's `config.json`. Raises `ModelError`."""
    path = folder / "config.json"
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has {path.stat().st_size} bytes; {LARGEST} are read at most")
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{folder} is not a model folder",
            "It has no config.json.",
            "A model folder is what save_pretrained writes: config.json, model.safetensors, tokenizer.json.",
        ) from None
    except (OSError, ValueError, RecursionError) as broken:
        raise ModelError(f"{path} cannot be read", safe(str(broken)), AGAIN) from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(
            f"{folder} is not a model that transformers knows",
            "config.json names no model_type.",
            "Save it with save_pretrained of transformers, or choose another: --model starter.",
        )
    return config


def size_in(config: dict[str, Any], *keys: str) -> int | None:
    """The whole number under the first of `keys` that `config` has; None without any. Raises `ModelError`."""
    for key in keys:
        value = config.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ModelError("The model's config.json cannot be used", f"{key} is {safe(repr(value))[:80]}.", AGAIN)
        return value
    return None


def check_architecture(name: str, config: dict[str, Any]) -> None:
    """Raise `ModelError` unless `config` is that of an encoder whose first token we can train to classify."""
    kind = str(config["model_type"])
    choose = f"Choose an encoder: {FAMILIES}."
    if kind not in ENCODERS:
        what = f"its architecture is {safe(kind)[:60]!r}; sentences are classified here by an encoder's first token"
        raise ModelError(f"{safe(name)} cannot be trained as a classifier", _sentence(what), choose)
    if config.get("is_decoder") or config.get("is_encoder_decoder"):
        what = "it is set up as a decoder (config.json): its first token sees no other"
        raise ModelError(f"{safe(name)} cannot be trained as a classifier", _sentence(what), choose)
    hidden, heads = size_in(config, "hidden_size", "dim"), size_in(config, "num_attention_heads", "n_heads")
    if hidden and heads and hidden % heads:
        why = f"A hidden size of {hidden} cannot be shared by {heads} attention heads."
        raise ModelError("The model's config.json cannot be used", why, AGAIN)
    check_plain(config)
    if config.get("quantization_config"):
        what = "its weights are quantised, and such weights cannot be fine-tuned whole"
        raise ModelError(
            f"{safe(name)} cannot be trained as a classifier", _sentence(what), "Choose the original model."
        )


def check_plain(config: dict[str, Any]) -> None:
    """Raise `ModelError` for values that transformers takes as they come, whatever they then cost or stand for."""
    classes = size_in(config, "num_labels", "_num_labels")
    if classes is not None and classes > _CLASSES:
        raise ModelError("The model's config.json cannot be used", f"It names {classes} classes.", AGAIN)
    for key in ("dtype", "torch_dtype"):
        if str(config.get(key) or "auto").removeprefix("torch.") not in _DTYPES:
            raise ModelError(
                "The model's config.json cannot be used", f"{key} is {safe(repr(config[key]))[:80]}.", AGAIN
            )


def check_files(name: str, folder: Path, config: dict[str, Any]) -> str:
    """Hold weights, configuration and tokenizer against each other; returns what a person should know, or nothing.

    Raises `ModelError` for weights that are damaged, cut off or of other shapes than `config` says, and for a tokenizer
    whose ids the embeddings do not reach.
    """
    tensors = read_tensors(folder)
    _check_shapes(name, config, tensors)
    rows = next((one.shape[0] for key, one in tensors.items() if _is_words(key) and one.shape), None)
    check_tokenizer(name, folder, rows)
    found = sorted({one.dtype for key, one in tensors.items() if key.endswith("weight")})
    odd = [dtype for dtype in found if dtype not in _FLOATS]
    if odd:
        what = f"its weights are stored as {safe(', '.join(odd))}, and such weights cannot be fine-tuned whole"
        raise ModelError(
            f"{safe(name)} cannot be trained as a classifier", _sentence(what), "Choose the original model."
        )
    halves = [HALVES[dtype] for dtype in found if dtype in HALVES]
    return f"stored in {' and '.join(halves)}, trained in float32" if halves else ""


def _check_shapes(name: str, config: dict[str, Any], tensors: dict[str, Stored]) -> None:
    """Raise `ModelError` where `config` and the weights differ: transformers would draw such weights at random."""
    for ending, axis, keys in _SHAPES:
        said = size_in(config, *keys)
        for key, one in tensors.items():
            if said is None or not (key == ending or key.endswith(f".{ending}")) or len(one.shape) <= axis:
                continue
            if one.shape[axis] != said:
                which = next(known for known in keys if config.get(known) is not None)
                raise _unfit(name, f"{safe(key)} has the shape {list(one.shape)}, but {which} is {said}.")
    layers = size_in(config, "num_hidden_layers", "n_layers")
    numbers = [int(match[1]) for key in tensors if (match := _LAYER.search(key))]
    if numbers and layers and max(numbers) + 1 < layers:
        raise _unfit(name, f"They have {max(numbers) + 1} layers; config.json says {layers}.")


def _unfit(name: str, why: str) -> ModelError:
    return ModelError(f"The weights of {safe(name)} do not fit its config.json", why, "Fetch the model again.")


def _is_words(key: str) -> bool:
    return key.endswith(("word_embeddings.weight", "tok_embeddings.weight"))


def check_asked(name: str, folder: Path, config: ModelConfig, unfreezing: int = 0) -> None:
    """Raise `ModelError` when `config` asks for more layers or positions than the model in `folder` has.

    `unfreezing`: epochs in which its layers are to join one after the other.
    """
    from core.modelling.lengths import positions_of, tokenizer_limit

    found = read_config(folder)
    check_architecture(name, found)
    layers = size_in(found, "num_hidden_layers", "n_layers")
    if (config.frozen_layers or unfreezing) and found["model_type"] == "albert":
        why = "They are one layer that is passed several times: frozen or trained together."
        step = "Use --frozen-layers 0." if config.frozen_layers else "Use --gradual-unfreezing 0."
        raise ModelError("The layers of ALBERT share their weights", why, step)
    if layers is not None and config.frozen_layers > layers:
        title = f"The model has {layers} layer{'s' * (layers != 1)}; {config.frozen_layers} cannot be frozen"
        raise ModelError(title, next_step=f"Use --frozen-layers {layers} or fewer.")
    limit = positions_of(folder, tokenizer_limit(folder))
    if config.max_length > limit:
        raise ModelError(
            f"The model has no positions for {config.max_length} tokens",
            f"{safe(name)} can take at most {limit}.",
            f"Use --max-length {limit}, or 0 to pick it from the data.",
        )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."

"""What a tokenizer's files tell without loading it: how far its ids reach, and which special tokens it has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.modelling.tensors import AGAIN
from core.text import safe

_PLAIN = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes that take a tokenizer as its files have it; those of a family add the special tokens of that family."""


def check_tokenizer(name: str, folder: Path, rows: int | None) -> None:
    """Raise `ModelError` when the tokenizer cannot feed a model with `rows` word embeddings.

    Its ids must have embeddings, it must set a token before a text, and it must have one to fill up batches with.
    """
    try:
        found = _read(folder / "tokenizer.json")
        settings = {**_read(folder / "special_tokens_map.json"), **_read(folder / "tokenizer_config.json")}
        highest = max(_ids(folder, found), default=-1)
        plain = settings.get("tokenizer_class") in _PLAIN and bool(found)
        opens, pads = not plain or _opens(found.get("post_processor")), not plain or bool(settings.get("pad_token"))
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as broken:
        why = f"{folder}: {safe(str(broken) if isinstance(broken, ValueError) else repr(broken))[:200]}"
        raise ModelError(f"The tokenizer of {safe(name)} cannot be read", why, AGAIN) from None
    if rows is not None and highest >= rows:
        raise ModelError(
            f"The tokenizer of {safe(name)} does not fit the model",
            f"Its ids go up to {highest}; the model has embeddings for {rows}, up to id {rows - 1}.",
            "Take the tokenizer that the model was trained with, or enlarge the model once with "
            f"resize_token_embeddings({highest + 1}) and save both.",
        )
    if not opens:
        raise ModelError(
            f"The tokenizer of {safe(name)} sets no special token before a text",
            "The classifier reads a text by its first token, such as [CLS] or <s>.",
            "Save a tokenizer whose post_processor adds it, or choose another model: --model starter.",
        )
    if not pads:
        raise ModelError(
            f"The tokenizer of {safe(name)} has no padding token",
            "The texts of a batch are filled up with it.",
            "Name it once, tokenizer.pad_token = '[PAD]' or as the model has it, and save the tokenizer again.",
        )


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, empty when there is no such file."""
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found.items()  # whatever is not an object ends here
    return found


def _ids(folder: Path, tokenizer: dict[str, Any]) -> Iterable[int]:
    """Every id that the tokenizer may give; of `vocab.txt` or `vocab.json` where there is no `tokenizer.json`."""
    if not tokenizer:
        if (folder / "vocab.txt").is_file():
            return range(len((folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")))
        return [int(number) for number in _read(folder / "vocab.json").values()]
    vocabulary = tokenizer["model"]["vocab"]
    known = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    return [*map(int, known), *(int(token["id"]) for token in tokenizer.get("added_tokens") or [])]


def _opens(step: dict[str, Any] | None) -> bool:
    """Whether this post-processor sets a special token before a text."""
    if step is None:
        return False
    match step["type"]:
        case "Sequence":
            return any(_opens(one) for one in step["processors"])
        case "TemplateProcessing":
            return bool(step["single"]) and "SpecialToken" in step["single"][0]
        case "ByteLevel":
            return False
        case _:
            return True

"""What a saved model or graph says about itself, read from its `finetui.json` without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.runs.atomic import MANIFEST
from core.text import safe
from core.text_rules import TEXT_RULES

FORMAT = 1
FACTS = "finetui.json"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is needed to ask a saved model: how long a text may be, what fills up a batch, what the answers mean."""

    max_length: int
    label_names: tuple[str, ...]
    pad: int
    """Id of the padding token: some encoders number positions by it, so a wrong one changes answers."""
    weights: str
    """Identity of the weights: for a graph, of those it was made from."""
    text_rules: tuple[str, ...] = ()
    """What was stripped from the texts in training (keys of `TEXT_RULES`), and is from those it is asked."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises `RunError` when there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as broken:
        raise RunError(f"{path.parent.name} is damaged", f"{path}: {broken}") from None
    if not isinstance(found, dict):
        raise RunError(f"{path.parent.name} is damaged", f"{path} is not a JSON object")
    return found


def read_model_facts(folder: Path) -> ModelFacts:
    """The facts of a run's `model/`. Raises `RunError` when it is damaged or of a newer version."""
    pad = read_object(folder / "config.json").get("pad_token_id")
    return _facts(folder, pad if isinstance(pad, int) else 0, weights_of(folder))


def read_graph_facts(folder: Path) -> ModelFacts:
    """The facts of a run's `onnx/`. Raises `RunError` when it is damaged or of a newer version."""
    found = read_object(folder / FACTS)
    return _facts(folder, int(found.get("pad", 0)), str(found.get("weights_sha256", "")))


def _facts(folder: Path, pad: int, weights: str) -> ModelFacts:
    found = read_object(folder / FACTS)
    if found.get("format") != FORMAT:
        raise RunError(
            f"{folder.name} was written by another version of finetui",
            f"Its format is {found.get('format')!r}; this version reads {FORMAT}.",
            "Install the version of finetui that made the run.",
        )
    rules = found.get("text_rules", [])  # older runs have none
    if not isinstance(rules, list) or not all(isinstance(rule, str) and rule in TEXT_RULES for rule in rules):
        raise RunError(
            f"{folder.name} strips its texts in a way this version does not know",
            f"{folder / FACTS}: text_rules {safe(rules)}",
            "Install the version of finetui that made the run.",
        )
    try:
        names = tuple(str(name) for name in found["label_names"])
        return ModelFacts(int(found["max_length"]), names, pad, weights, tuple(rules))
    except (KeyError, TypeError, ValueError) as broken:
        raise RunError(f"{folder.name} is damaged", f"{folder / FACTS}: {broken!r}") from None


def weights_of(folder: Path) -> str:
    """Identity of the weights in a committed model folder, from its manifest: no need to read the weights.

    The sha256 of the weights file, or of the list of their sha256 when there are several. Raises `RunError`.
    """
    try:
        listing: dict[str, Any] = read_object(folder / MANIFEST)["files"]
        found = sorted((name, str(entry["sha256"])) for name, entry in listing.items() if name.endswith(".safetensors"))
    except (KeyError, TypeError, AttributeError) as broken:
        raise RunError(f"{folder.name} is damaged", f"{folder / MANIFEST}: {broken!r}") from None
    if not found:
        raise RunError(f"{folder.name} holds no weights", f"{folder} has no .safetensors file.")
    if len(found) == 1:
        return found[0][1]
    return hashlib.sha256("\n".join(f"{name} {sha}" for name, sha in found).encode()).hexdigest()

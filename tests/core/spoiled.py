"""A model folder of one's own, and ways to spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig

Tensors = dict[str, torch.Tensor]


def config_of(rows: Path, base: Path | str, training: TrainingConfig | None = None, **model: Any) -> RunConfig:
    return RunConfig(
        DataConfig(source=str(rows), given=rows.name),
        model=ModelConfig(base=str(base), **model),
        training=training or TrainingConfig(),
    )


def change(folder: Path, file: str = "config.json", **values: Any) -> None:
    """Set these keys; a value of None takes the key away."""
    path = folder / file
    found = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-500])


def cut_in_the_header(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def header(folder: Path, text: bytes, data: bytes = b"") -> None:
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


def index(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def one_token_more(folder: Path) -> None:
    found = json.loads((folder / "tokenizer.json").read_text())
    words = found["model"]["vocab"]
    words["more"] = len(words)
    change(folder, "tokenizer.json", **found)


def words_of_another(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(f"word{number}" for number in range(400)))


def plain(folder: Path, **settings: Any) -> None:
    change(folder, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast", **settings)


def no_opening(folder: Path) -> None:
    plain(folder)
    change(folder, "tokenizer.json", post_processor=None)

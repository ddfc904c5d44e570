"""Model folders made to harm: code that would run, files that would be read, sizes that would take the machine down."""

from __future__ import annotations

import ast
import json
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import ModelConfig
from core.errors import ModelError, RunError
from core.inference.torch_predictor import load_classifier
from core.launch import child_command, child_environment
from core.modelling.build import build_model
from core.modelling.catalogue import locate
from core.modelling.encoding import load_tokenizer
from core.runs import RunStore
from tests.core.spoiled import change, header
from tests.core.test_architectures import NAMES, write_rows
from tests.tiny import tiny_run

ROOT = Path(__file__).parents[2]
DEEP = "[" * 200_000
Spoil = Callable[[Path], object]


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    """A BERT of one's own; beside it lie a secret, and code whose first line leaves a canary behind."""
    (tmp_path / "secret").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhunter2\n")
    found = Path(shutil.copytree(tiny_base, tmp_path / "mine"))
    for name in ("evil.py", "modeling_evil.py", "tokenization_evil.py", "pipeline.py", "custom_generate.py"):
        (found / name).write_text(f"open({str(tmp_path / 'canary')!r}, 'w').close()\nclass Evil: pass\n")
    return found


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


class Bomb:
    """Leaves a canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.canary,))


def canary(folder: Path) -> Path:
    return folder.parent / "canary"


def pickled(folder: Path, name: str = "pytorch_model.bin") -> None:
    (folder / "model.safetensors").unlink(missing_ok=True)
    (folder / name).write_bytes(pickle.dumps(Bomb(canary(folder))))


def weight_map(folder: Path, *names: str, text: str = "") -> None:
    (folder / "model.safetensors").rename(folder / "kept.safetensors")
    listing = text or json.dumps({"weight_map": {str(at): name for at, name in enumerate(names)}})
    (folder / "model.safetensors.index.json").write_text(listing)


def tensors(folder: Path, **entries: Any) -> None:
    header(folder, json.dumps(entries).encode(), b"\0" * 8)


def entry(shape: list[int], offsets: list[int]) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": offsets}


def linked(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(folder.parent / "secret")


def large(folder: Path, name: str, size: int) -> None:
    with open(folder / name, "ab") as handle:
        handle.truncate(size)  # a hole: it takes no room on the disk


def load(folder: Path) -> tuple[Any, Any]:
    """Everything that training does with a base model before its first step."""
    base = locate(str(folder))
    return load_tokenizer(base.folder), build_model(base, ModelConfig(), NAMES, 1)


@pytest.mark.parametrize(
    ("spoil", "title"),
    [
        (pickled, "no safetensors weights"),
        (lambda f: pickled(f, "model.pt"), "no safetensors weights"),
        (lambda f: change(f, auto_map={"AutoModel": "evil.Evil"}), "brings program code"),
        (lambda f: change(f, auto_map="--evil"), "brings program code"),
        (lambda f: change(f, _attn_implementation="kernels-community/flash-attn"), "is not taken"),
        (lambda f: change(f, attn_implementation="evil/kernel:run"), "is not taken"),
        (lambda f: change(f, attn_implementation={"": "evil/kernel"}), "is not taken"),
        (lambda f: change(f, _experts_implementation="evil/kernel"), "is not taken"),
        (lambda f: change(f, use_kernels=True), "is not taken"),
        (lambda f: (f / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}'), "is not taken"),
        (lambda f: change(f, quantization_config={"quant_method": "bitsandbytes"}), "cannot be trained"),
        (lambda f: change(f, num_labels=10**9), "cannot be used"),
        (lambda f: change(f, dtype="evil"), "cannot be used"),
        (lambda f: change(f, hidden_act="__import__('os').system('touch canary')"), "cannot be trained"),
        (lambda f: change(f, hidden_act={"a": 1}), "cannot be loaded"),
        (lambda f: change(f, vocab_size=10**12), "do not fit"),
        (lambda f: (f / "config.json").write_text(DEEP), "cannot be read"),
        (lambda f: large(f, "config.json", 17 << 20), "cannot be read"),
        (lambda f: large(f, "tokenizer.json", 300 << 20), "is too large"),
        (lambda f: (f / "tokenizer.json").write_text(DEEP), "cannot be read"),
        (lambda f: header(f, DEEP.encode()), "are damaged"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64), "are damaged"),
        (lambda f: (f / "model.safetensors").write_bytes((1 << 63).to_bytes(8, "little") + b"{}"), "are damaged"),
        (lambda f: tensors(f, a=entry([-1, -2], [0, 8])), "are damaged"),
        (lambda f: tensors(f, a=entry([2], [-8, 8])), "are damaged"),
        (lambda f: tensors(f, a=entry([2], [8, 0])), "are damaged"),
        (lambda f: tensors(f, a=entry([2], [0, 8]), b=entry([2], [0, 8])), "are damaged"),
        (lambda f: tensors(f, a=entry([1], [4, 8])), "are damaged"),
        (lambda f: tensors(f, a=entry([10**12], [0, 8])), "are damaged"),
        (lambda f: weight_map(f, "../secret"), "not complete"),
        (lambda f: weight_map(f, "/etc/passwd"), "not complete"),
        (lambda f: weight_map(f, ".."), "not complete"),
        (lambda f: (weight_map(f, "pytorch_model.bin"), pickled(f)), "not complete"),
        (lambda f: weight_map(f, text=DEEP), "cannot be read"),
        (lambda f: linked(f, "vocab.txt"), "link out of its folder"),
        (lambda f: linked(f, "tokenizer.json"), "link out of its folder"),
        (lambda f: linked(f, "chat_template.jinja"), "link out of its folder"),
    ],
)
def test_it_is_refused_with_a_reason_and_nothing_of_it_runs(folder: Path, spoil: Spoil, title: str) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=title) as found:
        load(folder)
    assert found.value.next_step
    assert "hunter2" not in str(found.value)
    assert not canary(folder).exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: change(f, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", "evil.Evil"]}),
        lambda f: change(f, "tokenizer_config.json", tokenizer_class="os.system"),
        lambda f: change(f, "tokenizer_config.json", tokenizer_class="../evil"),
        lambda f: change(f, "tokenizer_config.json", vocab_file="../secret", merges_file="../secret"),
        lambda f: change(
            f, "tokenizer_config.json", added_tokens_file="../secret", special_tokens_map_file="../secret"
        ),
        lambda f: change(f, "tokenizer_config.json", tokenizer_file=str(f.parent / "secret")),
        lambda f: change(f, "tokenizer_config.json", chat_template="{{ cycler.__init__.__globals__.os.system('x') }}"),
        lambda f: change(f, custom_pipelines={"x": {"impl": "pipeline.Evil", "pt": ["AutoModel"]}}),
        lambda f: change(f, trust_remote_code=True, text_config={"trust_remote_code": True, "auto_map": {"a": "evil"}}),
        lambda f: change(f, architectures=["../../evil"], transformers_version="99", _name_or_path="evil/evil"),
        lambda f: (f / "generation_config.json").write_text('{"custom_generate": "evil/evil"}'),
        lambda f: (f / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(canary(f)))),
        lambda f: (f / "training_args.bin").write_bytes(pickle.dumps(Bomb(canary(f)))),
    ],
)
def test_what_is_not_followed_does_no_harm(folder: Path, spoil: Spoil) -> None:
    before = set(load_words(folder))
    spoil(folder)
    tokenizer, _ = load(folder)
    assert set(tokenizer.get_vocab()) == before
    assert not canary(folder).exists()


def load_words(folder: Path) -> dict[str, int]:
    words: dict[str, int] = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    return words


def test_a_vocabulary_elsewhere_is_not_read_in_place_of_the_one_that_is_there(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nmine\n")
    change(folder, "tokenizer_config.json", vocab_file=str(folder.parent / "secret"))
    tokenizer, _ = load(folder)
    assert "mine" in tokenizer.get_vocab()
    assert "hunter2" not in tokenizer.get_vocab()


def test_links_of_the_hub_s_cache_are_its_own(tiny_base: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    shutil.copytree(tiny_base, blobs)
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    load(snapshot)


@pytest.mark.parametrize(
    "spoil",
    [
        pickled,
        lambda f: change(f, auto_map={"AutoModelForSequenceClassification": "evil.Evil"}),
        lambda f: change(f, model_type="evil", auto_map={"AutoConfig": "evil.Evil"}),
        lambda f: change(f, _attn_implementation="evil/kernel"),
        lambda f: (f / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/base"}'),
        lambda f: (f / "config.json").write_text(DEEP),
    ],
)
def test_a_run_that_came_from_somebody_else(tmp_path: Path, spoil: Spoil) -> None:
    model = tiny_run(tmp_path / "runs").model_path
    (model / "evil.py").write_text(f"open({str(canary(model))!r}, 'w')\nclass Evil: pass\n")
    load_classifier(model)
    spoil(model)
    with pytest.raises((ModelError, RunError)):
        load_classifier(model)
    assert not canary(model).exists()


def test_the_command_makes_no_run_of_it(folder: Path, tmp_path: Path) -> None:
    change(folder, auto_map={"AutoModel": "evil.Evil"})
    words = ["train", str(write_rows(tmp_path / "rows.csv")), "--model", str(folder), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(child_command(*words), capture_output=True, text=True, env=child_environment(), cwd=folder)
    assert done.returncode == 2
    assert "brings program code of its own" in done.stderr
    assert "Traceback" not in done.stderr
    assert not RunStore(tmp_path / "runs").names()
    assert not canary(folder).exists()


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_no_call_of_ours_trusts_what_a_model_brings() -> None:
    """Whatever loads from a model folder says so itself: no code, no pickles, no network where it is not wanted."""
    loads = []
    for path in [*(ROOT / "core").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]:
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            owner = getattr(getattr(call.func, "value", None), "id", "")
            said = {one.arg: one.value for one in call.keywords}
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            if "trust_remote_code" in said:
                assert getattr(said["trust_remote_code"], "value", True) is False, where
            if name == "from_pretrained":
                loads.append(where)
                assert "trust_remote_code" in said or None in said, where  # None: **options, looked at below
            if (owner, name) == ("torch", "load"):
                assert getattr(said.get("weights_only"), "value", False) is True, where
            assert owner not in ("pickle", "joblib", "dill") or name in ("dump", "dumps"), where
        source = path.read_text(encoding="utf-8")
        assert '"trust_remote_code": True' not in source, path
    assert len(loads) >= 4

"""A run answers: the same from both engines, in order, whatever the text; and what is damaged never answers."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.errors import ModelError, RunError
from core.inference.predictor import Predictor, open_predictor
from core.launch import child_environment
from core.runs import Run, RunStore
from core.runs.atomic import commit_dir
from tests.tiny import exported_run, tiny_model

TEXTS = [
    "the film was great",
    "no",
    "awful service, never again",
    "",
    "the battery works and the phone is fast but i hate this trip " * 3,
    "good",
    "unknownword zzz 42",
]
HOSTILE = [
    "\x1b]52;c;aGk=\x07",
    "a\x00b",
    "\ud800 half a pair \udfff",
    "\u202eright to left",
    "👩‍👩‍👧‍👦" * 50,
    "\n\r\t",
    "[/]",
]


@pytest.fixture
def exported() -> Run:
    return exported_run()


@pytest.fixture
def run(exported: Run, tmp_path: Path) -> Run:
    """A copy to break."""
    return Run(Path(shutil.copytree(exported.path, tmp_path / "tiny")))


def torch_of(run: Run, folder: Path) -> Predictor:
    """The same model without its graph."""
    copy = Run(Path(shutil.copytree(run.path, folder / "no-graph")))
    shutil.rmtree(copy.onnx_path)
    return open_predictor(copy.path)


def test_both_engines_give_the_same_answers(exported: Run, tmp_path: Path) -> None:
    fast, slow = open_predictor(exported.path), torch_of(exported, tmp_path)
    assert (fast.engine, slow.engine) == ("onnx", "torch")
    assert "export" in slow.reason
    assert fast.label_names == slow.label_names == ("negative", "neutral", "positive")
    one, other = fast.predict(TEXTS + HOSTILE), slow.predict(TEXTS + HOSTILE)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
    np.testing.assert_allclose(one.probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert one.truncated == other.truncated
    assert np.ptp(one.probabilities[:, 0]) > 0.01, "texts that differ should get answers that differ"


def test_answers_are_those_of_plain_transformers(exported: Run) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported.model_path)
    model = AutoModelForSequenceClassification.from_pretrained(exported.model_path).eval()
    batch = tokenizer(TEXTS, truncation=True, max_length=32, padding=True, return_tensors="pt")
    with torch.inference_mode():
        wanted = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.softmax(-1)
    np.testing.assert_allclose(open_predictor(exported.path).predict(TEXTS).probabilities, wanted.numpy(), atol=1e-4)


def test_many_texts_keep_their_order(exported: Run) -> None:
    predictor = open_predictor(exported.path)
    texts = [" ".join(TEXTS[i % 7] for i in range(n % 5)) + str(n) for n in range(150)]
    together = predictor.predict(texts).probabilities
    alone = np.concatenate([predictor.predict([text]).probabilities for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_blocks_and_repeated_texts_change_no_answer(exported: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = open_predictor(exported.path)
    texts = [*TEXTS, *HOSTILE, *TEXTS, "GOOD"]
    whole = predictor.predict(texts)
    seen, asked, answer = [], [], predictor.logits
    monkeypatch.setattr(predictor, "logits", lambda ids, mask: asked.append(len(ids)) or answer(ids, mask))
    predictor.predict(["good"] * 50 + ["bad", "Good"])
    assert sum(asked) == 2, "texts with the same tokens are answered once"
    monkeypatch.setattr("core.inference.predictor.BLOCK", 4)
    parts = predictor.predict(texts, lambda *told: seen.append(told))
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-5)
    assert parts.truncated == whole.truncated
    assert seen == [(done, 22, "classifying") for done in (4, 8, 12, 16, 20)]


def test_no_texts_and_very_long_texts(exported: Run) -> None:
    predictor = open_predictor(exported.path)
    assert predictor.predict([]).probabilities.shape == (0, 3)
    found = predictor.predict(["short", "very good " * 1000, "a" * 10_000])
    assert found.truncated == [False, True, False]  # 10 000 letters without a space are one unknown word
    assert np.isfinite(found.probabilities).all()


def test_a_text_that_just_fits_is_not_called_cut(exported: Run) -> None:
    found = open_predictor(exported.path).predict([" ".join(["good"] * 30), " ".join(["good"] * 31)])
    assert found.truncated == [False, True]


def test_answering_from_the_graph_loads_no_torch(exported: Run) -> None:
    code = (
        "import sys; from core.inference.predictor import open_predictor\n"
        f"found = open_predictor({str(exported.path)!r}); found.predict(['good'])\n"
        "heavy = {'torch', 'transformers', 'pandas', 'sklearn', 'onnx'} & set(sys.modules)\n"
        "print(found.engine, *sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=child_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["onnx"]
    assert done.stderr == ""


def test_a_graph_of_older_weights_does_not_answer(run: Run) -> None:
    before = open_predictor(run.path).predict(TEXTS).probabilities
    tiny_model(run, seed=1)
    predictor = open_predictor(run.path)
    assert predictor.engine == "torch"
    assert "other weights" in predictor.reason
    assert np.abs(predictor.predict(TEXTS).probabilities - before).max() > 0.01


def test_a_damaged_graph_gives_way_to_torch(run: Run) -> None:
    with (run.onnx_path / "model.onnx.data").open("ab") as handle:
        handle.write(b"x")
    predictor = open_predictor(run.path)
    assert predictor.engine == "torch"
    assert "damaged" in predictor.reason


def test_a_graph_that_does_not_load_gives_way_to_torch(run: Run) -> None:
    kept = {path.name: path.read_bytes() for path in run.onnx_path.iterdir() if path.name != "manifest.json"}
    with commit_dir(run.onnx_path) as folder:
        for name, content in {**kept, "model.onnx": b"not a graph"}.items():
            (folder / name).write_bytes(content)
    assert open_predictor(run.path).engine == "torch"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "finetui.json"])
def test_a_damaged_model_is_named_and_does_not_answer(run: Run, name: str) -> None:
    path = run.model_path / name
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(RunError) as caught:
        open_predictor(run.path)
    assert name in caught.value.message
    assert caught.value.next_step


def test_a_flipped_bit_in_the_weights_is_found(run: Run) -> None:
    shutil.rmtree(run.onnx_path)
    path = run.model_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 4
    path.write_bytes(content)
    with pytest.raises(RunError, match="sha256"):
        open_predictor(run.path)


def test_a_run_without_a_model_says_why(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(RunConfig(), "young")
    with pytest.raises(RunError, match="no model yet") as caught:
        open_predictor(run.path)
    assert "attach young" in caught.value.next_step
    with pytest.raises(RunError, match="not a run folder"):
        open_predictor(tmp_path / "elsewhere")


def test_a_model_set_aside_by_a_crash_comes_back(run: Run) -> None:
    run.note_launch(1)
    launch = json.loads((run.path / "launch.json").read_text())
    (run.path / "launch.json").write_text(json.dumps({**launch, "t": launch["t"] - 3600}))
    run.model_path.rename(run.path / ".model.old")
    assert open_predictor(run.path).engine == "onnx"


class Canary:
    """Leaves a mark when somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def test_code_that_comes_with_a_model_is_never_run(run: Run, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    kept = {path.name: path.read_bytes() for path in run.model_path.iterdir() if path.name != "manifest.json"}
    kept["config.json"] = json.dumps(
        {**json.loads(kept["config.json"]), "auto_map": {"AutoModelForSequenceClassification": "evil.Evil"}}
    ).encode()
    kept["evil.py"] = f"from pathlib import Path\nPath({str(mark)!r}).touch()\nclass Evil: pass\n".encode()
    kept["pytorch_model.bin"] = pickle.dumps(Canary(mark))
    shutil.rmtree(run.onnx_path)
    with commit_dir(run.model_path) as folder:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match="brings program code of its own"):
        open_predictor(run.path)
    kept["config.json"] = kept["config.json"].replace(b"auto_map", b"unused")
    del kept["model.safetensors"]
    with commit_dir(run.model_path) as folder:
        for name, content in kept.items():
            (folder / name).write_bytes(content)
    with pytest.raises(RunError, match=r"no weights"):
        open_predictor(run.path)
    assert not mark.exists()

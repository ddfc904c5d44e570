"""The last layer for the first token alone: the same answers from less work, or the graph as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from core.inference import export, narrow
from core.inference.predictor import open_predictor
from core.inference.torch_predictor import quiet
from core.runs import Run
from tests.tiny import exported_run

SHAPES: dict[str, dict[str, int]] = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "roberta": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
}
LONGEST = 24


def tiny_classifier(kind: str) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    room = {"max_position_embeddings": LONGEST + 2, "vocab_size": 50, "initializer_range": 0.3, "pad_token_id": 1}
    config = AutoConfig.for_model(kind, num_labels=3, attn_implementation="eager", **SHAPES[kind], **room)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_config(config).eval()


@pytest.mark.parametrize("kind", list(SHAPES))
def test_a_narrowed_graph_answers_as_torch_does(kind: str, tmp_path: Path) -> None:
    import torch

    model = tiny_classifier(kind)
    export.write_graph(model, tmp_path / "model.onnx")
    plain = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    assert narrow.narrow_file(tmp_path / "model.onnx") > 15, "attention, output and feed-forward of the last layer"
    small = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    onnx.checker.check_model(str(tmp_path / "model.onnx"))
    assert {node.domain for node in small.graph.node} <= {""}, "it stays standard ONNX"
    assert sum(node.op_type == "MatMul" for node in small.graph.node) == sum(
        node.op_type == "MatMul" for node in plain.graph.node
    ), "nothing is computed twice"
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    draw, answers = np.random.default_rng(0), []
    for lengths in ([1], [7], [LONGEST], [5, 5, 5], [LONGEST, 9, 2, 1]):
        ids = draw.integers(2, 50, size=(len(lengths), max(lengths)))
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        ids[mask == 0] = 1
        with torch.inference_mode():
            wanted = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
        answers.append(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
        np.testing.assert_allclose(answers[-1], wanted, atol=1e-4)
    assert np.ptp(np.concatenate(answers), axis=0).max() > 0.01, "different texts get different answers"


HEAD = '<ir_version: 10, opset_import: ["": 20]> f (float[batch, length, 4] x, float[4, 4] w) => ('
GRAPHS = {
    "a sum along the tokens": (
        "float[batch, 4] logits) <int64 first = {0}, int64 along = {1}>"
        " { summed = CumSum(x, along) y = MatMul(summed, w) z = MatMul(y, w) logits = Gather<axis = 1>(z, first) }"
    ),
    "normalised along the tokens": (
        "float[batch, 4] logits) <int64 first = {0}>"
        " { shares = Softmax<axis = 1>(x) y = MatMul(shares, w) z = MatMul(y, w) logits = Gather<axis = 1>(z, first) }"
    ),
    "tokens on the other side of a product": (
        "float[batch, 4] logits) <int64 first = {0}>"
        " { turned = Transpose<perm = [0, 2, 1]>(x) all = MatMul(turned, x) y = MatMul(x, all)"
        " z = MatMul(y, w) logits = Gather<axis = 1>(z, first) }"
    ),
    "all tokens read too": (
        "float[batch, 4] logits) <int64 first = {0}, int64[1] along = {1}>"
        " { y = MatMul(x, w) one = Gather<axis = 1>(y, first) mean = ReduceMean<keepdims = 0>(y, along)"
        " logits = Add(one, mean) }"
    ),
    "the second token": (
        "float[batch, 4] logits) <int64 second = {1}> { y = MatMul(x, w) logits = Gather<axis = 1>(y, second) }"
    ),
    "an output that shows every token": (
        "float[batch, 4] logits, float[batch, length, 4] y) <int64 first = {0}>"
        " { y = MatMul(x, w) logits = Gather<axis = 1>(y, first) }"
    ),
}


@pytest.mark.parametrize("name", list(GRAPHS))
def test_what_needs_the_other_tokens_keeps_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(onnx.parser.parse_model(HEAD + GRAPHS[name])), path)
    draw = np.random.default_rng(0)
    given = {"x": draw.normal(size=(3, 5, 4)).astype(np.float32), "w": draw.normal(size=(4, 4)).astype(np.float32)}

    def answers() -> Any:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)

    before = answers()
    narrow.narrow_file(path)
    for one, other in zip(before, answers(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def other_answers(path: Path) -> int:
    """A rewriting that goes wrong: a graph that runs and answers something else."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "LayerNormalization" and attribute.name == "epsilon":
                attribute.f = 1.0
    onnx.save(model, path)
    return 1


def no_graph(path: Path) -> int:
    path.write_bytes(b"not a graph")
    return 1


def graph_that_stumbles(path: Path) -> int:
    """It loads, and fails at the first text."""
    model = onnx.load(path, load_external_data=False)
    (last,) = (node for node in model.graph.node if "logits" in node.output)
    last.output[0] = "unshaped"
    seven = onnx.helper.make_tensor("seven", onnx.TensorProto.INT64, [2], [7, 5])
    model.graph.initializer.append(seven)
    model.graph.node.append(onnx.helper.make_node("Reshape", ["unshaped", "seven"], ["logits"]))
    onnx.save(model, path)
    return 1


def unknown_form(path: Path) -> int:
    raise KeyError("perm")


@pytest.mark.parametrize("failing", [other_answers, no_graph, graph_that_stumbles, unknown_form])
def test_a_rewriting_that_fails_leaves_the_plain_graph(
    failing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(Path(shutil.copytree(exported_run().path, tmp_path / "tiny")))
    wanted = open_predictor(run.path).predict(["a good film", "bad", ""]).probabilities
    assert json.loads((run.onnx_path / "finetui.json").read_text())["first_token_nodes"] > 15
    monkeypatch.setattr(export, "narrow_file", failing)
    facts = export.export_onnx(run, again=True)
    assert facts["first_token_nodes"] == 0
    assert facts["verification"]["max_difference"] <= facts["verification"]["tolerance"]
    predictor = open_predictor(run.path)
    assert predictor.engine == "onnx"
    np.testing.assert_allclose(predictor.predict(["a good film", "bad", ""]).probabilities, wanted, atol=1e-5)

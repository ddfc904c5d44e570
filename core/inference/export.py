"""A run's ONNX graph: made from its best weights, verified against torch, and only then visible.

The graph is standard ONNX in float32: `input_ids` and `attention_mask` `[batch, length]` (int64) in, `logits`
`[batch, labels]` out; segment ids are left out as in training. Its weights lie beside it in a file of their own, which
onnxruntime maps into memory: it opens in a third of a single file's time, and in half the memory.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core.errors import ModelError, RunError
from core.inference.encoding import Ints, TextEncoder
from core.inference.facts import FACTS, FORMAT, ModelFacts, read_graph_facts, read_object
from core.inference.narrow import narrow_file
from core.inference.onnx_predictor import GRAPH, OnnxPredictor
from core.inference.predictor import REFUSED, model_facts
from core.inference.torch_predictor import load_classifier, quiet
from core.runs.atomic import commit_dir, verify_dir, write_file
from core.runs.run import Run

TOLERANCE = 1e-4
"""Largest difference between a logit of the graph and of torch that still counts as the same answer."""

ATTENTIONS = ("eager", "sdpa")
"""Ways to write attention, tried in this order: eager gives the smaller graph, and the faster one."""

SENTENCES = (
    "",
    "no",
    "It arrived on time.",
    "Not what I had hoped for, but the second one worked & I kept it :)",
    "¿Qué tal? Ça va très bien – 見て 😀",
    "one line\nand another\tone\x00",
    "and so on " * 200,
)


def export_onnx(run: Run, *, again: bool = False) -> dict[str, Any]:
    """Make the graph of `run` and return its facts: folder, bytes, largest difference to torch, seconds.

    A graph that fits the weights already is kept unless `again`. Raises `RunError` when the run has no sound model or
    its folder cannot be written, and `ModelError` when no graph gives torch's answers; the reason is then kept for
    those who ask the run, and nothing else appears.
    """
    began = time.monotonic()
    try:
        with _alone(run):
            facts = model_facts(run)
            if again or not _fits(run, facts):
                verify_dir(run.model_path)
                _make(run, facts)
    except OSError as broken:
        raise RunError(
            f"Cannot write the graph of {run.name}",
            f"{run.path}: {broken.strerror or broken}",
            "Make room or get the right to write there; until then the run answers through torch.",
        ) from None
    return {
        "run": run.name,
        "path": str(run.onnx_path),
        "bytes": sum(path.stat().st_size for path in run.onnx_path.iterdir()),
        "seconds": round(time.monotonic() - began, 2),
        **read_object(run.onnx_path / FACTS),
    }


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """One export of a run at a time: the second waits, and finds the first one's graph."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW  # the run may be somebody else's: follow no link
    with os.fdopen(os.open(run.path / ".onnx.lock", flags, 0o600), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fits(run: Run, facts: ModelFacts) -> bool:
    try:
        verify_dir(run.onnx_path)
        return read_graph_facts(run.onnx_path) == facts
    except RunError:
        return False


def _make(run: Run, facts: ModelFacts) -> None:
    reasons = []
    for attention in ATTENTIONS:
        try:
            with commit_dir(run.onnx_path) as folder:
                _fill(run, facts, attention, folder)
        except (ModelError, RunError) as refused:
            reasons.append(f"{attention}: {refused.title} {refused.message}".strip())
        else:
            (run.path / REFUSED).unlink(missing_ok=True)
            return
    reason = " · ".join(reasons)
    write_file(run.path / REFUSED, json.dumps({"weights_sha256": facts.weights, "reason": reason}, indent=1))
    raise ModelError(f"{run.name} has no ONNX graph that answers as torch does", reason, "It answers through torch.")


def _fill(run: Run, facts: ModelFacts, attention: str, folder: Path) -> None:
    """Write graph, tokenizer and facts into `folder`. Raises `ModelError` when the graph answers differently."""
    model = load_classifier(run.model_path, attention)
    write_graph(model, folder / GRAPH)
    shutil.copyfile(run.model_path / "tokenizer.json", folder / "tokenizer.json")
    narrowed, difference, rows = _narrowed(model, facts, folder)
    if not difference <= TOLERANCE:
        raise ModelError("The graph answers differently.", f"A logit differs by {difference:.2g} over {rows} texts")
    body = {
        "format": FORMAT,
        "max_length": facts.max_length,
        "label_names": list(facts.label_names),
        "text_rules": list(facts.text_rules),
        "base": read_object(run.model_path / FACTS).get("base", ""),
        "pad": facts.pad,
        "weights_sha256": facts.weights,
        "attention": attention,
        "first_token_nodes": narrowed,
        "verification": {"max_difference": difference, "tolerance": TOLERANCE, "texts": rows},
    }
    (folder / FACTS).write_text(json.dumps(body, indent=1), encoding="utf-8")


def _narrowed(model: nn.Module, facts: ModelFacts, folder: Path) -> tuple[int, float, int]:
    """Let the graph in `folder` do less for the same answers, or leave it as it was where that fails.

    Returns (nodes that work for the first token alone, largest difference of a logit to torch, texts compared).
    """
    path = folder / GRAPH
    plain = path.read_bytes()
    try:
        narrowed = narrow_file(path)
        difference, rows = _compare(model, facts, folder)
        if difference <= TOLERANCE or not narrowed:
            return narrowed, difference, rows
    except (RunError, RuntimeError, ValueError, TypeError, LookupError, AttributeError):
        pass  # a graph of a form that the rewriting was not made for
    path.write_bytes(plain)
    return 0, *_compare(model, facts, folder)


class _Logits(nn.Module):
    """The classifier as a function of two arrays."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def write_graph(model: nn.Module, path: Path) -> None:
    """Trace `model` with free batch and length, and write it to `path` (weights beside it).

    Raises `ModelError` when it cannot be traced.
    """
    ids = torch.arange(1, 19).reshape(2, 9)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    axes = {0: "batch", 1: "length"}
    try:
        with quiet():
            program: Any = torch.onnx.export(
                _Logits(model).eval(),
                (ids, mask),
                dynamo=True,
                dynamic_shapes={"input_ids": axes, "attention_mask": axes},
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                verbose=False,
            )
            _forget_origins(program.model)
            program.save(str(path), external_data=True)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, torch.onnx.OnnxExporterError) as broken:
        raise ModelError("It cannot be traced.", str(broken).split("\n", maxsplit=1)[0][:200]) from None


def _forget_origins(model: Any) -> None:
    """Take out where each node came from: paths of this machine, nine tenths of the file."""
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()


def _compare(model: nn.Module, facts: ModelFacts, folder: Path) -> tuple[float, int]:
    """(largest difference of a logit, texts compared) between torch and the graph in `folder`."""
    graph = OnnxPredictor(folder, facts, "")
    worst, rows = 0.0, 0
    for ids, mask in _cases(folder, facts, model):
        with torch.inference_mode():
            wanted = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
        found = graph.logits(ids, mask)
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return float("inf"), rows + len(ids)
        worst, rows = max(worst, float(np.abs(found - wanted).max())), rows + len(ids)
    return worst, rows


def _cases(folder: Path, facts: ModelFacts, model: Any) -> Iterator[tuple[Ints, Ints]]:
    """Batches to compare on: sentences, then random ids of every length, alone and padded together."""
    encoder = TextEncoder(folder / "tokenizer.json", facts.max_length, facts.pad)
    for _, ids, mask in encoder.batches(encoder.encode(SENTENCES).ids):
        yield ids, mask
    draw, longest = np.random.default_rng(0), min(facts.max_length, 512)
    for rows in (1, 1, 3, 16):
        lengths = draw.integers(1, longest + 1, size=rows)
        some = [draw.integers(0, model.config.vocab_size, size=length).tolist() for length in lengths]
        for _, ids, mask in encoder.batches(some):
            yield ids, mask


__all__ = ["TOLERANCE", "export_onnx", "write_graph"]

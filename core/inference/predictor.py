"""A run that answers: texts in, a probability per label out.

Two engines give the same answers: the verified ONNX graph (tokenizers and onnxruntime, half a second from a cold start)
and, where there is none that fits the weights, torch. `open_predictor` chooses and says why.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError
from core.evaluation.metrics import softmax
from core.inference.encoding import BATCH_ROWS, Ints, TextEncoder
from core.inference.facts import ModelFacts, read_graph_facts, read_model_facts
from core.protocol import Progress, no_progress
from core.runs import epochs
from core.runs.atomic import MANIFEST, recover_dir, verify_dir
from core.runs.run import Run, RunState
from core.text_rules import apply

Floats = NDArray[np.float32]

REFUSED = "onnx-refused.json"
"""In the run folder: why the last export was not kept, and for which weights."""

BLOCK = 8192
"""Texts that are encoded and sorted by length together: a million of them need no more memory than these."""

LOOKS = 3
PAUSE = 0.05
"""A trainer that saves a better epoch swaps the folder in two renames: a reader that falls in between looks again."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Answers in the order of the texts: `probabilities` is `[texts, labels]`, each row sums to 1."""

    probabilities: Floats
    truncated: list[bool]


class Predictor(ABC):
    """A loaded model. `reason` says why this engine answers."""

    engine: ClassVar[str]
    batch_rows: ClassVar[int] = BATCH_ROWS
    """Texts computed at a time, at most."""

    def __init__(self, facts: ModelFacts, encoder: TextEncoder, reason: str) -> None:
        self.label_names = facts.label_names
        self.max_length = facts.max_length
        self.text_rules = facts.text_rules
        self.reason = reason
        self._encoder = encoder

    def predict(self, texts: Sequence[str], progress: Progress = no_progress) -> Prediction:
        """The probability of every label for every text, stripped as in training; long ones are cut and marked.

        `progress` is told (texts answered, all, "classifying") between blocks of `BLOCK` texts; what it raises ends
        the work.
        """
        found = np.zeros((len(texts), len(self.label_names)), dtype=np.float32)
        truncated: list[bool] = []
        for start in range(0, len(texts), BLOCK):
            if start:
                progress(start, len(texts), "classifying")
            block = texts[start : start + BLOCK]
            encoded = self._encoder.encode([apply(text, self.text_rules) for text in block])
            found[start : start + len(block)] = self.probabilities(encoded.ids)
            truncated += encoded.truncated
        return Prediction(found, truncated)

    def probabilities(self, ids: list[list[int]]) -> Floats:
        """Probabilities `[texts, labels]` of encoded texts; those with the same tokens are computed once."""
        places: dict[tuple[int, ...], int] = {}
        place_of = [places.setdefault(tuple(one), len(places)) for one in ids]
        found = np.zeros((len(places), len(self.label_names)), dtype=np.float32)
        for rows, batch, mask in self._encoder.batches(list(places), self.batch_rows):
            found[rows] = softmax(self.logits(batch, mask))
        return found[place_of]

    @abstractmethod
    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask, both `[rows, length]`."""


def open_predictor(path: Path | str, *, fast: bool = False) -> Predictor:
    """The predictor of the run in the folder `path`: from its ONNX graph when that fits its weights, else from torch.

    `fast` asks for bf16, for files of many rows. Raises `RunError` when the run has no model (yet), or a damaged one.
    """
    run = Run(Path(path))
    if fast:
        from core.inference.fast_predictor import FastPredictor

        facts = model_facts(run)
        return FastPredictor(run.model_path, facts, lambda: _graph(run, facts)[0])
    for _ in range(LOOKS - 1):
        try:
            return _open(run)
        except RunError:
            time.sleep(PAUSE)
    return _open(run)


def open_epoch(path: Path | str, epoch: int, *, fast: bool = False) -> Predictor:
    """The predictor of the weights that the run in the folder `path` kept after a whole epoch, counted from 1.

    From torch: a graph is made of the best weights alone. Raises `RunError` that names the epochs there are.
    """
    run = Run(Path(path))
    folder, kept = epochs.place_of(run.path, epoch), epochs.kept(run.path)
    best = f"Without --epoch the best weights answer: finetui classify {run.name}"
    if not kept:
        raise RunError(f"{run.name} kept no epochs", "--save-epochs keeps the weights of each when it trains.", best)
    if epoch not in kept:
        there = "is kept" if len(kept) == 1 else "are kept"
        raise RunError(f"{run.name} has no weights of epoch {epoch}", f"{epochs.kept_text(kept)} {there}.", best)
    facts = _facts(folder, f"Epoch {epoch} of {run.name}")
    if fast:
        from core.inference.fast_predictor import FastPredictor

        return FastPredictor(folder, facts)
    from core.inference.torch_predictor import TorchPredictor

    return TorchPredictor(folder, facts, "only the best weights have an ONNX graph")


def _open(run: Run) -> Predictor:
    facts = model_facts(run)
    graph, reason = _graph(run, facts)
    if graph is not None:
        return graph
    from core.inference.torch_predictor import TorchPredictor

    return TorchPredictor(run.model_path, facts, reason)


def _graph(run: Run, facts: ModelFacts) -> tuple[Predictor | None, str]:
    """The predictor of the run's ONNX graph, or none where none fits its weights; and why."""
    try:
        graph = _fitting_graph(run, facts)
        from core.inference.onnx_predictor import OnnxPredictor

        return OnnxPredictor(run.onnx_path, graph, "the verified ONNX graph of these weights"), ""
    except RunError as why:
        return None, " · ".join(part for part in (why.title, why.message, why.next_step) if part)


def model_facts(run: Run) -> ModelFacts:
    """The facts of the run's model, its files looked at by name and size.

    Raises `RunError` when there is none that can be used.
    """
    if not (run.model_path / MANIFEST).is_file():
        _require_model(run)
    return _facts(run.model_path, f"The model of {run.name}")


def _facts(folder: Path, what: str) -> ModelFacts:
    try:
        verify_dir(folder, contents=False)
        return read_model_facts(folder)
    except RunError as broken:
        step = broken.next_step or "Train it again, or restore the folder from a copy."
        raise RunError(f"{what} cannot be used", f"{broken.title}: {broken.message}", step) from None


def _require_model(run: Run) -> None:
    """Bring back what a crash left aside. Raises `RunError` that says why there is no model."""
    if not (run.path / "run.toml").is_file():
        raise RunError(f"{run.path} is not a run folder", "It has no run.toml.", "finetui runs lists the runs.")
    state = run.state()
    if state.is_live:
        raise RunError(
            f"{run.name} has no model yet",
            "The first one is saved after the first epoch.",
            f"Watch it: finetui attach {run.name}",
        )
    with suppress(OSError):
        recover_dir(run.model_path)
    if run.model_path.is_dir():
        return
    if state is RunState.FINISHED:
        raise RunError(
            f"{run.name} has lost its model",
            f"{run.model_path} is not there.",
            "Train it again, or restore the folder from a copy.",
        )
    raise RunError(
        f"{run.name} has no model",
        f"It is {state}: it ended before its first epoch.",
        f"finetui show {run.name} says more.",
    )


def _fitting_graph(run: Run, model: ModelFacts) -> ModelFacts:
    """The facts of the graph that may answer in place of `model`. Raises `RunError` that says why there is none."""
    if not run.onnx_path.is_dir():
        refused = run.read_json(REFUSED)
        if refused.get("weights_sha256") == model.weights:
            raise RunError("No ONNX graph", str(refused.get("reason", "")))
        raise RunError("No ONNX graph yet", next_step=f"finetui export {run.name} --onnx makes one")
    verify_dir(run.onnx_path, contents=False)
    graph = read_graph_facts(run.onnx_path)
    if replace(graph, pad=model.pad) != model:
        anew = f"finetui export {run.name} --onnx makes it anew"
        raise RunError("The ONNX graph was made from other weights", next_step=anew)
    return graph


def stamp(path: Path | str) -> tuple[int, int]:
    """Changes whenever the run in `path` saves a better epoch or gets another graph; 0 stands for "not there"."""
    run = Run(Path(path))
    return _changed(run.model_path / MANIFEST), _changed(run.onnx_path / MANIFEST)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0

"""A run that answers: texts in, a probability per label out.

Two engines give the same answers: the verified ONNX graph (tokenizers and onnxruntime, half a second from a cold start)
and, where there is none that fits the weights, torch. `open_predictor` chooses and says why.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.errors import RunError
from core.inference.encoding import Ints, TextEncoder
from core.inference.facts import ModelFacts, read_graph_facts, read_model_facts, read_object, weights_of
from core.machine import usable_cores
from core.runs.atomic import MANIFEST, verify_dir
from core.runs.run import Run, RunState

Floats = NDArray[np.float32]

GRAPH = "model.onnx"
REFUSED = "onnx-refused.json"
"""In the run folder: why the last export was not kept, and for which weights."""

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

    def __init__(self, facts: ModelFacts, encoder: TextEncoder, reason: str) -> None:
        self.label_names = facts.label_names
        self.max_length = facts.max_length
        self.reason = reason
        self._encoder = encoder

    def predict(self, texts: Sequence[str]) -> Prediction:
        """The probability of every label for every text; texts that are too long are cut and marked."""
        encoded = self._encoder.encode(texts)
        found = np.zeros((len(texts), len(self.label_names)), dtype=np.float32)
        for rows, ids, mask in self._encoder.batches(encoded.ids):
            found[rows] = softmax(self.logits(ids, mask))
        return Prediction(found, encoded.truncated)

    @abstractmethod
    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask, both `[rows, length]`."""


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits `[rows, labels]`."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


class OnnxPredictor(Predictor):
    """Answers from the graph in a run's `onnx/`. Loads neither torch nor transformers."""

    engine = "onnx"

    def __init__(self, folder: Path, facts: ModelFacts, reason: str) -> None:
        """Load the graph in `folder`. Raises `RunError` when it cannot be loaded."""
        import onnxruntime

        super().__init__(facts, TextEncoder(folder / "tokenizer.json", facts.max_length, facts.pad), reason)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                folder / GRAPH, _session_options(onnxruntime), providers=["CPUExecutionProvider"]
            )
        except (RuntimeError, ValueError, OSError, *_own_errors(onnxruntime)) as broken:
            raise RunError("The ONNX graph cannot be loaded", str(broken)[:300]) from None

    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask."""
        (found,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        logits: Floats = found
        return logits


def _own_errors(onnxruntime: Any) -> tuple[type[Exception], ...]:
    """The error classes of onnxruntime: they have no common base but `Exception`."""
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    state = onnxruntime.capi.onnxruntime_pybind11_state
    return tuple(getattr(state, name) for name in (*names, "RuntimeException") if hasattr(state, name))


def _session_options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_mem_pattern = False  # plans are kept per shape, and here nearly every batch has another
    # Threads that wait by spinning save .8 ms of 3.4 for a sentence on a quiet machine; beside a training run they
    # double it, and take that time from the training.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if machine_is_quiet() else "0")
    return options


def machine_is_quiet() -> bool:
    """Whether nothing but this process wants to run at this moment."""
    try:
        running = Path("/proc/loadavg").read_text().split()[3].split("/")[0]
    except (OSError, IndexError):
        return False
    return running.isdigit() and int(running) <= 1


def open_predictor(path: Path | str) -> Predictor:
    """The predictor of the run in the folder `path`: from its ONNX graph when that fits its weights, else from torch.

    Raises `RunError` when the run has no model (yet), or a damaged one.
    """
    run = Run(Path(path))
    for look in range(LOOKS):
        try:
            return _open(run)
        except RunError:
            if look == LOOKS - 1 or not run.model_path.parent.is_dir():
                raise
        time.sleep(PAUSE)
    raise AssertionError


def _open(run: Run) -> Predictor:
    facts = _checked_facts(run)
    try:
        graph, reason = _fitting_graph(run, facts)
        return OnnxPredictor(run.onnx_path, graph, reason)
    except RunError as why:
        from core.inference.torch_predictor import TorchPredictor

        reason = " · ".join(part for part in (why.title, why.message) if part)
        return TorchPredictor(run.model_path, facts, reason)


def _checked_facts(run: Run) -> ModelFacts:
    if not (run.model_path / MANIFEST).is_file():
        raise _no_model(run)
    try:
        verify_dir(run.model_path, contents=False)
        return read_model_facts(run.model_path)
    except RunError as broken:
        step = broken.next_step or "Train it again, or restore the folder from a copy."
        raise RunError(f"The model of {run.name} cannot be used", f"{broken.title}: {broken.message}", step) from None


def _no_model(run: Run) -> RunError:
    if not (run.path / "run.toml").is_file():
        return RunError(f"{run.path} is not a run folder", "It has no run.toml.", "finetui runs lists the runs.")
    state = run.state()
    title = f"{run.name} has no model yet" if state.is_live else f"{run.name} has no model"
    if state.is_live:
        return RunError(title, "The first one is saved after the first epoch.", f"Watch it: finetui attach {run.name}")
    if state is RunState.FINISHED or run.model_path.is_dir():
        return RunError(title, f"{run.model_path} is incomplete.", "Train it again, or restore the folder from a copy.")
    return RunError(title, f"It is {state}: it ended before its first epoch.", f"finetui show {run.name} says more.")


def _fitting_graph(run: Run, model: ModelFacts) -> tuple[ModelFacts, str]:
    """The graph's facts and why it may answer. Raises `RunError` whose words say why it may not."""
    if not run.onnx_path.is_dir():
        raise _no_graph(run, model)
    verify_dir(run.onnx_path, contents=False)
    facts = read_graph_facts(run.onnx_path)
    if (facts.weights, facts.label_names, facts.max_length) != (model.weights, model.label_names, model.max_length):
        raise RunError("The ONNX graph was made from other weights", f"finetui export {run.name} --onnx makes it anew")
    return facts, "verified ONNX graph of these weights"


def _no_graph(run: Run, model: ModelFacts) -> RunError:
    refused = run.read_json(REFUSED)
    if refused.get("weights_sha256") == model.weights:
        return RunError("No ONNX graph", str(refused.get("reason", "")))
    return RunError("No ONNX graph yet", f"finetui export {run.name} --onnx makes one")


def stamp(path: Path | str) -> tuple[int, int]:
    """Changes whenever the run in `path` saves a better epoch or gets another graph; 0 stands for "not there"."""
    run = Run(Path(path))
    return _changed(run.model_path / MANIFEST), _changed(run.onnx_path / MANIFEST)


def _changed(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


__all__ = [
    "GRAPH",
    "REFUSED",
    "OnnxPredictor",
    "Prediction",
    "Predictor",
    "open_predictor",
    "read_object",
    "softmax",
    "stamp",
    "weights_of",
]

"""Answers from a run's ONNX graph: loads neither torch nor transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from core.errors import RunError
from core.inference.encoding import Ints, TextEncoder
from core.inference.facts import ModelFacts
from core.inference.predictor import Floats, Predictor
from core.machine import usable_cores

GRAPH = "model.onnx"

LEFT_OUT = ("SkipLayerNormFusion",)
"""What onnxruntime shall not do to a graph: on a CPU its fused sum and normalisation takes ten times as long as the
normalisation alone, a twelfth of a small encoder's time."""

# They have no common base but `Exception`.
_NATIVE_ERRORS: tuple[type[Exception], ...] = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)


class OnnxPredictor(Predictor):
    """Answers from the graph in `folder`, on the CPU."""

    engine = "onnx"

    def __init__(self, folder: Path, facts: ModelFacts, reason: str) -> None:
        """Load the graph. Raises `RunError` when it cannot be loaded."""
        super().__init__(facts, TextEncoder(folder / "tokenizer.json", facts.max_length, facts.pad), reason)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                folder / GRAPH, _options(), providers=["CPUExecutionProvider"], disabled_optimizers=LEFT_OUT
            )
        except _NATIVE_ERRORS as broken:
            raise RunError("The ONNX graph cannot be loaded", str(broken)[:300]) from None

    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask. Raises `RunError` when it cannot."""
        try:
            logits: Floats = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        except _NATIVE_ERRORS as broken:
            raise RunError("The ONNX graph does not run", str(broken)[:300]) from None
        return logits


def _options() -> Any:
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

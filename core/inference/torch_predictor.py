"""Answers from torch: for runs whose graph is not made yet, or could not be made."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from core.errors import RunError
from core.inference.encoding import Ints, TextEncoder
from core.inference.facts import ModelFacts
from core.inference.predictor import Floats, Predictor
from core.machine import usable_cores
from core.runs.atomic import verify_dir


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' progress bars, notices and warnings away from the terminal."""
    import transformers

    notices: Any = transformers.utils.logging
    bars, level, torch_level = notices.is_progress_bar_enabled(), notices.get_verbosity(), _torch_log().level
    notices.disable_progress_bar()
    notices.set_verbosity_error()
    _torch_log().setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        notices.set_verbosity(level)
        _torch_log().setLevel(torch_level)
        if bars:
            notices.enable_progress_bar()


def _torch_log() -> logging.Logger:
    return logging.getLogger("torch.onnx")


def load_classifier(folder: Path, attention: str | None = None) -> torch.nn.Module:
    """The saved classifier in float32 on the CPU, in evaluation mode. Raises `RunError` when it cannot be loaded.

    `attention` None takes the fastest that the architecture has: DeBERTa and MPNet have but one.
    Only safetensors weights are read and no code of the model's own is run.
    """
    from transformers import AutoModelForSequenceClassification

    from core.modelling.foreign import refuse_foreign
    from core.modelling.soundness import read_config

    refuse_foreign(folder.name, folder, read_config(folder))  # a run may have come from somebody else
    options: dict[str, Any] = {"dtype": torch.float32, "trust_remote_code": False, "use_safetensors": True}
    try:
        with quiet():
            model: torch.nn.Module = AutoModelForSequenceClassification.from_pretrained(
                folder, local_files_only=True, attn_implementation=attention, **options
            )
    except (ValueError, KeyError, OSError, RuntimeError, TypeError, AttributeError, ImportError) as broken:
        raise RunError(f"The model in {folder} cannot be loaded", str(broken)[:300]) from None
    return model.eval()


class TorchPredictor(Predictor):
    """Answers from a run's `model/` on the CPU, where it does not disturb a run on a GPU."""

    engine = "torch"

    def __init__(self, folder: Path, facts: ModelFacts, reason: str) -> None:
        """Load the model in `folder`. Raises `RunError` when its files differ from what was saved."""
        super().__init__(facts, TextEncoder(folder / "tokenizer.json", facts.max_length, facts.pad), reason)
        verify_dir(folder)  # a flipped bit in the weights would load without a word
        torch.set_num_threads(usable_cores())
        self._model = load_classifier(folder)

    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask."""
        with torch.inference_mode():
            found: Any = self._model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits
        logits: Floats = found.numpy()
        return logits

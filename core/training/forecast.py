"""How long a run will take and how much memory it wants, before it is started.

Arithmetic first (`estimate`): lengths of the texts, size of the model, the pace of earlier runs; it loads no torch. A
measurement after that is made by `core.training.probe`.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import RunConfig, TrainingConfig
from core.machine import available_bytes, list_gpus, usable_cores, why_no_cuda
from core.modelling.unfreezing import stage_at
from core.paths import expanded
from core.protocol import Progress, no_progress
from core.training.pace import device_kind, pace, work_of
from core.training.saving import snapshot_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.data.dataset import Dataset

CHARACTERS = 4
"""Characters that make a token, about (English under a BERT vocabulary)."""

FILL = 0.95
"""Share of the positions that holds tokens, about, where batches are made by length."""

BASE = 110_000_000
"""Parameters of a model that is not on this machine yet: those of BERT base."""

BASE_BY_LAYER = (24_000_000, *(7_100_000,) * 12, 800_000)
"""How they lie: below the layers, in each of them, above."""

LIBRARIES = 500 << 20
"""Bytes that torch and its company take before the first weight."""

_LAYER = re.compile(r"(?:^|\.)layers?\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to be expected of a run, from its launch to its last fact."""

    seconds: float
    probed: bool
    """Measured on these rows with this model; else arithmetic, to be marked with ~."""
    how: str
    """What it rests on, in words."""
    device: str
    steps: int
    parts: dict[str, float] = field(default_factory=dict)
    """Seconds of each stage; those of training are `steps`, `validate` and `save`."""
    peak_bytes: int | None = None
    free_bytes: int | None = None
    """What the process could have at most."""
    proposal: dict[str, int] = field(default_factory=dict)
    """Settings by `section.name` that fit where these do not, with the same effective batch; empty when these fit."""

    @property
    def fits(self) -> bool:
        """Whether the memory is there, as far as that is known."""
        return self.peak_bytes is None or self.free_bytes is None or self.peak_bytes <= self.free_bytes

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "fits": self.fits}


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What the headers of a model's files tell."""

    parameters: int
    trained: int
    layers: int
    hidden: int
    heads: int
    positions: int
    by_layer: tuple[int, ...] = ()
    """Parameters that are trained: below all layers, in each of the layers from the lowest, above them; empty where
    that is not known."""


COARSE = 1.5
"""Arithmetic proposes a smaller batch only where it misses this share of the memory."""


def estimate(config: RunConfig, root: Path, progress: Progress = no_progress, why: str = "") -> Forecast:
    """The forecast by arithmetic alone. `why` says why it was not measured. Raises what is wrong with the data.

    `root` is the folder whose runs tell this machine's pace.
    """
    from core.data.kept import kept_dataset
    from core.data.split import split_rows
    from core.data.split.again import beside
    from core.training.oversample import oversampled

    dataset = kept_dataset(config.data, progress)
    split = split_rows(dataset, beside(config.split, root))
    training = config.training
    model, here = model_size(config)
    lengths = _lengths(dataset, config.model.max_length, model.positions)
    seen = oversampled(split.train, dataset.labels, training.oversample, training.seed)
    kind = device_kind(likely_device(training))
    known = pace(root, kind, training.threads or usable_cores())

    steps = math.ceil(math.ceil(len(seen) / training.batch_size) / training.accumulation) * training.epochs
    tokens = float(lengths[seen].sum()) / FILL
    trained = [trained_in(model, training, epoch) for epoch in range(training.epochs)]
    work = sum(work_of(tokens, model.parameters, one) for one in trained)
    forward = float(lengths[split.validation].sum()) * (training.epochs + 1) + float(lengths[split.test].sum())
    parts = {
        "before": known.fixed,
        "steps": work / known.rate,
        "validate": forward * model.parameters / 3 / known.rate,
    }
    pace_from = f"at the pace of {known.run}" if known.run else "at a guessed pace: no run was made here before"
    how = "; ".join(part for part in (why, pace_from, here) if part)
    longest = int(lengths[seen].max()) if len(seen) else 0
    peak = _peak(model, min(training.batch_size, len(seen)), longest)
    if kind == "cpu":
        peak += snapshot_bytes(model.parameters, model.trained)
    free = _free(likely_device(training))
    proposal = _proposal(training, model, longest, free) if free is not None and peak > COARSE * free else {}
    return Forecast(sum(parts.values()), False, how, kind, steps, parts, peak, free, proposal)


def likely_device(training: TrainingConfig) -> str:
    """Where a run with these settings will go, as far as that is seen without torch: `cpu`, `cuda`, `cuda:1`, `mps`."""
    if training.device != "auto":
        return training.device
    return "cpu" if why_no_cuda() else "cuda"


def model_size(config: RunConfig) -> tuple[ModelSize, str]:
    """The size of the base model, and what is to be said about that; a model that is not here counts as BERT base.

    Raises `ModelError` for a folder that is damaged, and for more layers or positions than the model has.
    """
    from core.modelling.catalogue import config_here
    from core.modelling.lengths import positions_of, tokenizer_limit
    from core.modelling.soundness import check_asked, read_config, size_in
    from core.modelling.tensors import read_tensors

    base, frozen = config.model.base, config.model.frozen_layers
    folder = expanded(base) if expanded(base).is_dir() else config_here(base)
    if folder is None:
        return ModelSize(BASE, BASE, 12, 768, 12, 512, BASE_BY_LAYER), "the model is not on this machine yet"
    check_asked(base, folder, config.model, config.training.gradual_unfreezing)
    settings, tensors = read_config(folder), read_tensors(folder)
    sizes = {name: math.prod(stored.shape) for name, stored in tensors.items()}
    layers = size_in(settings, "num_hidden_layers", "n_layers") or 12
    hidden = size_in(settings, "hidden_size", "dim") or 768
    heads = size_in(settings, "num_attention_heads", "n_heads") or 12
    positions = positions_of(folder, tokenizer_limit(folder))
    by_layer = [0] * (layers + 2)
    for name, size in sizes.items():
        if not _is_frozen(name, frozen):
            by_layer[_place(name, layers)] += size
    found = ModelSize(sum(sizes.values()), sum(by_layer), layers, hidden, heads, positions, tuple(by_layer))
    return found, ""


def trained_in(model: ModelSize, training: TrainingConfig, epoch: int) -> int:
    """How many parameters train in `epoch` (0-based)."""
    below, *layers, above = model.by_layer or (0, 0)
    kept = [size for size in layers if size]
    stage = stage_at(epoch, training.gradual_unfreezing, len(kept), embeddings=below > 0)
    if not training.gradual_unfreezing or not kept:
        return model.trained
    return above + sum(kept[len(kept) - stage.layers :]) + (below if stage.embeddings else 0)


def is_here(config: RunConfig) -> bool:
    """Whether nothing of the base model would have to be fetched."""
    return not model_size(config)[1]


def smaller_batch(training: TrainingConfig, most: int) -> dict[str, int]:
    """The largest micro-batch of at most `most` rows with the same rows per optimiser step; empty when none is."""
    for parts in range(2, training.batch_size + 1):
        if training.batch_size % parts == 0 and training.batch_size // parts <= most:
            return {
                "training.batch_size": training.batch_size // parts,
                "training.accumulation": training.accumulation * parts,
            }
    return {}


def _place(name: str, layers: int) -> int:
    """0: below the layers; 1 for the lowest of them; -1: above."""
    if layer := _LAYER.search(name):
        return min(int(layer[1]) + 1, layers)
    return 0 if "embeddings" in name else -1


def _is_frozen(name: str, count: int) -> bool:
    if not count:
        return False
    layer = _LAYER.search(name)
    return int(layer[1]) < count if layer else "embeddings" in name


def _lengths(dataset: Dataset, max_length: int, positions: int) -> NDArray[np.int64]:
    """Tokens of each row, about, cut as training will cut them."""
    import numpy as np

    from core.modelling.lengths import automatic_length

    characters = np.fromiter((len(text) for text in dataset.texts), dtype=np.int64, count=len(dataset.texts))
    lengths = characters // CHARACTERS + 2
    return np.minimum(lengths, max_length or automatic_length(lengths, positions))


def _peak(model: ModelSize, rows: int, longest: int) -> int:
    """Bytes: weights, gradients and AdamW's two moments; about 17 floats a token, layer and hidden unit; 3 a score."""
    weights = model.parameters * 4 + model.trained * 14
    scores = rows * model.heads * longest**2 * model.layers * 3 * 4
    return LIBRARIES + weights + rows * longest * model.layers * model.hidden * 17 * 4 + scores


def _free(device: str) -> int | None:
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return available_bytes()
    free = [gpu.free_bytes for gpu in list_gpus()]
    if not free:
        return None
    return free[int(index)] if index and int(index) < len(free) else max(free)


def _proposal(training: TrainingConfig, model: ModelSize, longest: int, free: int) -> dict[str, int]:
    """The largest micro-batch that fits by arithmetic, with the same rows per step; empty when not one row does."""
    for rows in range(training.batch_size - 1, 0, -1):
        if training.batch_size % rows == 0 and _peak(model, rows, longest) <= free:
            return smaller_batch(training, rows)
    return {}

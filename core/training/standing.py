"""Where a training stands: everything that decides how it goes on, taken out of the loop and put back into it.

There is no generator's state among it. Batch order is a function of (seed, epoch), dropout one of (seed, step, part of
the batch), the validation sample one of the seed: with weights, moments, averages and counts the rest follows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.config import TrainingConfig
from core.errors import ModelError, RunError
from core.modelling.encoding import Ints
from core.training.averaging import Average
from core.training.engine import Engine, Stepped

if TYPE_CHECKING:
    from core.training.job import Job

Facts = dict[str, Any]
Tensors = dict[str, torch.Tensor]

_ELSEWHERE = ("_name_or_path", "transformers_version")
"""Of a model's configuration: where it lay and who wrote it, not what it is."""

_ASIDE = ("device", "precision", "threads", "onnx", "save_epochs", "score_test")
"""Of the settings: where it is computed and what is made of it, which changes no weight."""

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(slots=True)
class Progress:
    """Where the run stands."""

    step: int = 0
    epoch: float = 0.0
    closed: bool = True
    """Whether the epoch that ends with this step, if one does, has been told and validated."""
    best: float = -math.inf
    best_step: int = 0
    worse_epochs: int = 0
    train_seconds: float = 0.0
    stopping: bool = False
    """Whether a person asked for the end: whoever goes on from here only scores and saves."""
    epoch_loss: float = 0.0
    epoch_hits: int = 0
    epoch_rows: int = 0

    since: float = field(default=0.0, compare=False)
    waiting: list[tuple[Stepped, Ints]] = field(default_factory=list, compare=False)
    """Steps whose figures nobody has read yet, and the rows they learned from."""

    def plain(self) -> Facts:
        """For JSON, exactly: what is not of this moment only."""
        assert not self.waiting
        found = asdict(self)
        del found["since"], found["waiting"]
        return found | {"best": None if math.isinf(self.best) else self.best}

    @classmethod
    def restored(cls, facts: Facts) -> Progress:
        """What `plain` gave. Raises `TypeError` when it is something else."""
        return cls(**{**facts, "best": -math.inf if facts["best"] is None else facts["best"]})


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A training at one moment. `tensors` lie on the CPU and are nobody else's; `facts` are plain."""

    tensors: Tensors
    facts: Facts

    @property
    def step(self) -> int:
        """The last step that is in it."""
        return int(self.facts["progress"]["step"])


@dataclass(frozen=True, slots=True, eq=False)
class Keep:
    """A checkpoint is due. `take` makes the snapshot, at once or never; `urgent`: a person asked, or all ends here."""

    step: int
    epoch: float
    urgent: bool
    take: Callable[[], Snapshot]


def tensors_of(engine: Engine, average: Average) -> Tensors:
    """Copies of all weights, of the optimiser's state, and of the averaged weights where there are any."""
    found = {"weights": engine.weights.master}
    for number, state in enumerate(_states(engine)):
        found |= {f"{name}.{number}": state[name] for name in MOMENTS}
    if average.averaged is not None:
        found["average"] = average.averaged
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in found.items()}


def put_back(tensors: Tensors, engine: Engine, average: Average) -> None:
    """Write `tensors` where they were taken from, into the same places: recordings hold on to these.

    Raises `ModelError` when they are of another model.
    """
    try:
        _fill(engine.weights.master, tensors["weights"])
        for number, state in enumerate(_states(engine)):
            for name in MOMENTS:
                _fill(state[name], tensors[f"{name}.{number}"])
    except (KeyError, RuntimeError) as unfit:
        raise ModelError("The checkpoint does not fit the model", str(unfit)[:300]) from None
    if "average" in tensors:
        average.averaged = tensors["average"].to(engine.weights.master.device, copy=True)
    engine.weights.refresh_all()


def _fill(place: torch.Tensor, content: torch.Tensor) -> None:
    if place.shape != content.shape:
        raise KeyError(f"{tuple(content.shape)} numbers for {tuple(place.shape)}")
    with torch.no_grad():
        place.copy_(content)


def _states(engine: Engine) -> list[dict[str, torch.Tensor]]:
    optimiser = engine.optimiser
    return [optimiser.state[weight] for group in optimiser.param_groups for weight in group["params"]]


def finite(tensors: Tensors) -> bool:
    """Whether all weights are numbers: what is not is no place to go on from."""
    return bool(torch.isfinite(tensors["weights"]).all())


def conditions(job: Job) -> Facts:
    """What must be the same for the same bits, by the name that a person reads."""
    engine, device = job.engine, job.device
    found = {
        "device": device.device.type,
        "processor": device.name,
        "precision": device.precision,
        "threads": device.threads,
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability() if device.device.type == "cpu" else "",
        "forward pass": "ours" if engine.own is not None else "transformers",
        "cached layers": engine.cache.layers if engine.cache is not None else 0,
        "recorded steps": engine.records,
        "rows": _mark(job),
        "settings": _digest(job),
    }
    if engine.own is None:
        import transformers

        found["transformers"] = transformers.__version__
    return found


def _digest(job: Job) -> str:
    """A digest of what is set, in the run and in the base model, beside where and how it is computed."""
    default, now = TrainingConfig(), asdict(job.config)
    # Only what is not at its default: a setting that is new in a later version changes nothing for older runs.
    training = {name: now[name] for name in sorted(now) if name not in _ASIDE and now[name] != getattr(default, name)}
    made = {key: value for key, value in job.model.config.to_dict().items() if key not in _ELSEWHERE}
    return hashlib.sha256(f"{training} {json.dumps(made, sort_keys=True, default=str)}".encode()).hexdigest()[:16]


def _mark(job: Job) -> str:
    """A digest of the token ids, labels and parts that are trained on."""
    found = hashlib.sha256()
    for part in (job.encoded.ids, job.encoded.offsets, job.labels, job.train, job.validation):
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()[:16]


def require_same_rows(before: Facts, job: Job) -> None:
    """Raise `RunError` when the job has other rows, parts or tokens than the training that is to go on."""
    if before["rows"] != _mark(job):
        raise RunError(
            "This run cannot go on",
            "Its rows, its split or its tokens are not those it was trained on until now.",
            "Bring data, base model and versions back to what they were, or train anew.",
        )


def differences(before: Facts, now: Facts) -> list[str]:
    """What is not as it was, for a person; with any of these the run goes on, but not bit by bit."""
    told = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new:
            changed = f"{name} {new or 'none'}, was {old or 'none'}"
            told.append(f"other {name}" if name in ("rows", "settings") else changed)
    return told

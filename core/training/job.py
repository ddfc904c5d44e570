"""What the training loop works on, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import TrainingConfig
from core.modelling.encoding import Encoded, Ints
from core.modelling.plan import Techniques
from core.training.device import Device
from core.training.engine import Engine
from core.training.optimiser import usual_rate


@dataclass(frozen=True, slots=True)
class Better:
    """The weights as they are now scored best on the full validation rows: keep them."""

    step: int
    epoch: float
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class EpochDone:
    """A whole epoch is done, and the weights as they are now were scored on all validation rows: keep them too."""

    step: int
    epoch: float
    metric: str
    value: float


@dataclass(slots=True)
class Job:
    """What the loop works on. `labels` and `encoded` cover all rows; the parts are row numbers into them.

    The model's weights belong to `engine` once training has begun: `engine.state()` and `engine.predict(rows)`.
    """

    model: Any
    device: Device
    config: TrainingConfig
    encoded: Encoded
    labels: Ints
    train: Ints
    validation: Ints
    classes: int
    pad: int
    asked: Callable[[], str] = field(default=lambda: "")
    """What people ask of the trainer: `stop`, `pause`, `save` (said once), or nothing. Looked at on every read-back."""
    techniques: Techniques = field(default_factory=Techniques)
    _engine: Engine | None = None

    def __post_init__(self) -> None:
        if self.config.learning_rate == 0:
            self.config = replace(self.config, learning_rate=usual_rate(self.model))

    @property
    def engine(self) -> Engine:
        """The model laid out for speed: made when it is first asked for."""
        if self._engine is None:
            steps = steps_per_epoch(len(self.train), self.config) * self.config.epochs
            self._engine = Engine(self.model, self.device, self.config, self.encoded, self.pad, self.techniques, steps)
        return self._engine


class Ending(Enum):
    """Why training ended."""

    EPOCHS = auto()
    PATIENCE = auto()
    STOPPED = auto()
    PAUSED = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How training ended, and what the weights say then about every validation row (nothing in a pause)."""

    ending: Ending
    step: int
    logits: NDArray[np.float32]


def steps_per_epoch(rows: int, config: TrainingConfig) -> int:
    """Optimiser steps in one epoch of `rows` training rows."""
    return math.ceil(math.ceil(rows / config.batch_size) / config.accumulation)

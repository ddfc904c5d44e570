"""What happened in a run, as frozen facts in the past tense.

A fact is one line of `events.jsonl`. The log is append-only: when a run goes on from an earlier step, `RunResumed`
supersedes the facts after that step, and `core.runs.history` folds the whole log into what a reader should see.
Nothing heavy is imported here, for the screen reads this module too.
"""

from __future__ import annotations

import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from core.secrets import without_secrets


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model reached on some rows. What is per class is in the order of the label names; all are shares of 1."""

    rows: int
    accuracy: float
    macro_f1: float
    weighted_f1: float
    class_f1: tuple[float, ...]
    loss: float | None = None
    class_recall: tuple[float, ...] = ()
    """Right answers among the rows of each class, which some call its accuracy; empty in older logs."""

    @property
    def worst(self) -> int:
        """Index of the class with the lowest F1."""
        return min(range(len(self.class_f1)), key=self.class_f1.__getitem__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a run."""


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The trainer process began: who it is."""

    pid: int
    host: str
    command: str


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    """Training went on from a checkpoint: facts of later steps no longer count."""

    step: int
    exact: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StageChanged(Event):
    """The trainer turned to another piece of work: one of `STAGES`."""

    stage: str
    detail: str = ""


STAGES = ("start", "read", "split", "baselines", "load", "tokenise", "train", "evaluate", "save")
"""The stages in their order."""


@dataclass(frozen=True, slots=True)
class DataReady(Event):
    """The rows are read, cleaned and split. Counts per split follow `label_names`."""

    source: str
    label_names: tuple[str, ...]
    read: int
    kept: int
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BaselinesScored(Event):
    """What needs no network reaches on the validation rows."""

    majority: Scores
    tfidf: Scores


@dataclass(frozen=True, slots=True)
class DeviceChosen(Event):
    """Where and how the arithmetic runs, and why."""

    device: str
    name: str
    precision: str
    threads: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlanMade(Event):
    """How long the run is going to be. `fill` is the share of positions that hold a token, not padding."""

    base: str
    parameters: int
    trained_parameters: int
    max_length: int
    truncated: int
    epochs: int
    steps_per_epoch: int
    steps: int
    tokens_per_epoch: int
    fill: float
    forward: str = ""
    """Which forward pass is used, and why."""
    learning_rate: float = 0.0
    """The peak."""


@dataclass(frozen=True, slots=True)
class LayersJoined(Event):
    """After `step`, from `epoch` (counted from 1) on, more of the model trains: gradual unfreezing, and its beginning.

    Told again by a trainer that goes on.
    """

    step: int
    epoch: int
    layers: int
    """How many of the topmost encoder layers train, beside the head."""
    depth: int
    """How many there are."""
    embeddings: bool
    """Whether what lies below the layers trains too."""
    parameters: int
    """How many train in all."""


@dataclass(frozen=True, slots=True)
class StepsFinished(Event):
    """Optimiser steps `first` to `last` are done (one fact per read-back, every 100-250 ms)."""

    first: int
    last: int
    losses: tuple[float, ...]
    learning_rate: float
    grad_norm: float
    sequences: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EvalFinished(Event):
    """Validation rows were scored after `step`. A sampled one (`full` false) never chooses the best epoch."""

    step: int
    epoch: float
    full: bool
    scores: Scores
    seconds: float


@dataclass(frozen=True, slots=True)
class EpochFinished(Event):
    """Every training row was seen once more. Loss and accuracy are means over the epoch, as it was trained."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float


@dataclass(frozen=True, slots=True)
class ModelSaved(Event):
    """`model/` now holds the weights after `step`: the best full validation so far."""

    step: int
    epoch: float
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class EpochSaved(Event):
    """`epochs/` now holds the weights that were scored at the end of this whole epoch, counted from 1."""

    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class CheckpointSaved(Event):
    """The run can go on from `step`: a checkpoint of so many `bytes` is on the disk."""

    step: int
    epoch: float
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ValidationScored(Event):
    """The saved weights on every validation row, at the end."""

    scores: Scores


@dataclass(frozen=True, slots=True)
class TestScored(Event):
    """The saved weights on the locked test rows, once. `runs_scored`: runs scored on this same part, this one too."""

    scores: Scores
    runs_scored: int


TestScored.__test__ = False  # type: ignore[attr-defined]  # pytest: a fact, not a test class


@dataclass(frozen=True, slots=True)
class ChecklistRun(Event):
    """The saved weights were asked the sentences that a person saved for this data. `unknown`: the class that one
    expects is none of this run's."""

    passed: int
    failed: int
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something a person should know; training goes on."""

    title: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """The trainer lives. `memory` is its resident set in bytes, `cpu` in per cent of one core, `free` the bytes of
    memory that the machine had left (0: not known)."""

    memory: int
    cpu: float
    free: int = 0


@dataclass(frozen=True, slots=True)
class RunPaused(Event):
    """The trainer has left and the run can go on from `step`; 0: from its beginning."""

    step: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run is complete. `reason`: all epochs, or why earlier. `stopped` when a person ended it."""

    reason: str
    stopped: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """The run ended by an error."""

    kind: str
    title: str
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Unknown(Event):
    """A fact that a newer version wrote; kept so that numbering stays whole."""

    name: str


_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def _plain(value: Any) -> Any:
    """JSON has no NaN: not-a-number and infinities are written as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return round(value, 6) if isinstance(value, float) and abs(value) > 1e-3 else value


def encode(number: int, time: float, event: Event) -> str:
    """One line of the log, without its line end."""
    body = {"n": number, "t": round(time, 3), "event": type(event).__name__}
    body |= {name: _plain(value) for name, value in asdict(event).items()}
    if isinstance(event, RunStarted | Warned | RunFailed):  # words of the system and of libraries, not of the data
        body |= {name: without_secrets(value) for name, value in body.items() if isinstance(value, str)}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _restore(kind: Any, value: Any) -> Any:
    if isinstance(kind, types.UnionType):  # `X | None`
        return None if value is None else _restore(kind.__args__[0], value)
    if kind is float and value is None:
        return math.nan
    if kind is float and isinstance(value, int):
        return float(value)
    if isinstance(kind, types.GenericAlias):
        if not isinstance(value, list):
            raise TypeError(value)
        return tuple(_restore(kind.__args__[0], inner) for inner in value)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(value)
        return _build(kind, value)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise TypeError(value)
    return value


def _build(kind: type, body: dict[str, Any]) -> Any:
    hints = _hints(kind)
    known = {one.name: _restore(hints[one.name], body[one.name]) for one in fields(kind) if one.name in body}
    return kind(**known)


def decode(line: str) -> tuple[int, float, Event]:
    """(number, unix time, fact) of one line. Raises `ValueError` when the line is damaged."""
    try:
        body = json.loads(line)
        number, time, name = int(body["n"]), float(body["t"]), str(body["event"])
        kind = _KINDS.get(name)
        return number, time, Unknown(name) if kind is None else _build(kind, body)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as broken:
        raise ValueError(f"damaged line: {line[:80]!r}") from broken

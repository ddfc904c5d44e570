"""The whole configuration of a run: data + split + model + training. What `run.toml` holds."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from core.config.fields import Spec, setting

FORMAT = 1
"""Number of the run folder's format. Older numbers stay readable; newer ones are refused with a sentence."""

SHORTEST = 8
"""The least a maximum length may be: below it the special tokens are most of the input."""

METRICS = ("macro_f1", "weighted_f1", "accuracy", "loss")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the sentences and their labels come from, and how the file is read."""

    source: str = setting(
        "sample",
        "What to train on: 'sample', a file, a folder, an archive, hub:owner/name or kaggle:owner/name.",
        shown=False,
    )
    given: str = setting("", "The source as it was typed; 'source' holds its absolute path.", shown=False)
    recipe: str = setting(
        "", "Recipe that the settings begin from; what is set beside it wins. finetui recipes lists them.", shown=False
    )
    validation_file: str = setting("", "File with the validation rows, when the data comes in parts.", shown=False)
    test_file: str = setting("", "File with the test rows, when the data comes in parts.", shown=False)
    text: tuple[str, ...] = setting((), "Column (or columns, joined) with the text; guessed if empty.", shown=False)
    label: str = setting("", "Column with the label; guessed when empty.", shown=False)
    group: str = setting("", "Column whose rows stay together on one side of the split.", shown=False)
    time: str = setting("", "Column with the time of each row, for a split by time.", shown=False)
    encoding: str = setting("", "Text encoding of the file; detected when empty.", shown=False)
    delimiter: str = setting("", "Column delimiter, one character or 'tab'; detected when empty.", shown=False)
    header: str = setting(
        "auto", "Whether the first line names the columns.", choices=("auto", "yes", "no"), shown=False
    )
    quoting: str = setting(
        "auto",
        "Whether quotes frame a field (standard) or are plain text (none).",
        choices=("auto", "standard", "none"),
        shown=False,
    )
    cures: tuple[str, ...] = setting(
        (),
        "Cleaning rules in order: drop-class:NAME, drop-multi-label:SEPARATOR, drop-duplicates, ...",
        flag="cure",
        shown=False,
    )
    corrections: str = setting(
        "",
        "File of decisions on labels (finetui labels), applied after the cures; FILE@N: its first N lines.",
        shown=False,
    )


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """How rows are dealt into train, validation and the locked test part."""

    method: str = setting(
        "auto",
        "How rows are dealt; auto: as the data comes, else by equal class shares.",
        choices=("auto", "stratified", "grouped", "given", "time", "folds", "random"),
        flag="split-method",
    )
    validation: float = setting(
        0.15, "Share of rows that choose the best epoch.", low=0.01, high=0.5, flag="validation-fraction"
    )
    test: float = setting(
        0.15,
        "Share of rows locked away and scored once, at the end; 0 for none.",
        low=0.0,
        high=0.5,
        flag="test-fraction",
    )
    seed: int = setting(
        17, "Seed of the split; the same seed gives the same rows.", low=0, high=2**31 - 1, flag="split-seed"
    )
    folds: int = setting(5, "Parts of a split by folds; one validates, the others train.", low=2, high=100)
    fold: int = setting(1, "Which fold validates, counted from 1.", low=1, high=100)
    train_share: float = setting(
        1.0, "Share of the training rows that is used; smaller shares lie within larger ones.", low=0.01, high=1.0
    )
    of: str = setting("", "Run (name or folder) whose split is used again, row for row.", flag="split-of")
    keep_duplicates_together: bool = setting(
        True, "Never let two copies of one text fall on two sides of the split (switch off only to repeat a write-up)."
    )


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which encoder is fine-tuned, and how much of it."""

    base: str = setting("starter", "Base model: 'starter' (MiniLM-L6), a hub name, or a folder.", flag="model")
    max_length: int = setting(
        0, "Longest input in tokens; 0 picks it from the data (99.5 % of rows whole).", low=0, high=8192
    )
    dropout: float = setting(0.1, "Dropout before the classification head.", low=0.0, high=0.9)
    frozen_layers: int = setting(
        0, "How many of the lowest encoder layers stay as they are (with the embeddings).", low=0, high=128
    )


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The optimiser, its schedule, when to stop, and where to run."""

    epochs: int = setting(4, "How often every training row is seen.", low=1, high=1000)
    batch_size: int = setting(
        16, "Rows that go through the model together; with accumulation 1 also rows per step.", low=1, high=4096
    )
    learning_rate: float = setting(
        0.0,
        "Peak learning rate of AdamW; 0: the usual one for the model's size (1e-4 small, 3e-5 base, 2e-5 large).",
        low=0.0,
        high=1.0,
    )
    warmup_ratio: float = setting(0.1, "Share of steps in which the rate rises from 0.", low=0.0, high=1.0)
    schedule: str = setting("linear", "How the rate falls after the warm-up.", choices=("linear", "cosine", "constant"))
    weight_decay: float = setting(0.01, "AdamW's decoupled weight decay (not on biases and norms).", low=0.0, high=1.0)
    adam_epsilon: float = setting(1e-8, "AdamW's epsilon.", low=1e-12, high=1e-2)
    max_grad_norm: float = setting(1.0, "Clip the gradient's norm to this; 0 for no clipping.", low=0.0, high=1e6)
    accumulation: int = setting(1, "Batches whose gradients add up to one optimiser step.", low=1, high=1024)
    class_weights: str = setting(
        "auto",
        "Weigh rare classes more in the loss; auto: by the square root, and not at all when they are oversampled.",
        choices=("auto", "none", "balanced", "sqrt"),
    )
    oversample: str = setting("none", "Repeat training rows of rare classes.", choices=("none", "balanced", "sqrt"))
    layer_decay: float = setting(
        1.0, "Each layer learns at this share of the rate of the one above it; 1 for all alike.", low=0.1, high=1.0
    )
    averaging: float = setting(
        0.0, "Share of the steps, at the end, over which weights are averaged (EMA); 0 for none.", low=0.0, high=0.9
    )
    gradual_unfreezing: int = setting(
        0,
        "Epochs in which layers join from the top: the head alone first, all after these; 0: all at once.",
        low=0,
        high=100,
    )
    label_smoothing: float = setting(0.0, "Share of probability spread over the other classes.", low=0.0, high=0.5)
    metric: str = setting("macro_f1", "Validation metric that chooses the best epoch.", choices=METRICS)
    patience: int = setting(
        0, "Stop after this many epochs without a better validation score; 0 never.", low=0, high=1000
    )
    seed: int = setting(42, "Seed of the head, of dropout and of the batch order.", low=0, high=2**31 - 1)
    device: str = setting("auto", "Where to run: auto, cpu, cuda, cuda:1, mps.")
    precision: str = setting(
        "auto",
        "Number format of the matrix products; auto takes bf16 where a probe wins.",
        choices=("auto", "fp32", "bf16"),
    )
    threads: int = setting(0, "CPU threads; 0 takes the cores this process may use.", low=0, high=1024)
    score_test: bool = setting(
        True, "Score the locked test part at the end; off for members of a group, of which only the chosen one is."
    )
    save_epochs: bool = setting(False, "Keep the weights of every epoch too, in epochs/ of the run folder.")
    onnx: bool = setting(True, "Make a verified ONNX graph after the run: cold answers then take half a second.")

    @property
    def weighting(self) -> str:
        """How classes are weighed in the loss, with `auto` decided: none, balanced or sqrt."""
        if self.class_weights != "auto":
            return self.class_weights
        return "sqrt" if self.oversample == "none" else "none"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that decides a run."""

    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def get(self, path: str) -> Any:
        """The value at `section.name`, for example `training.epochs`."""
        section, name = path.split(".")
        return getattr(getattr(self, section), name)

    def with_value(self, path: str, value: Any) -> RunConfig:
        """A copy with one value changed; `path` is `section.name`."""
        section, name = path.split(".")
        return replace(self, **{section: replace(getattr(self, section), **{name: value})})


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a configuration cannot be used."""

    path: str
    message: str


SECTIONS: tuple[str, ...] = tuple(f.name for f in fields(RunConfig))


def section_fields(section: str) -> tuple[Field[Any], ...]:
    """The dataclass fields of one section, in order."""
    return fields(getattr(RunConfig(), section))


def settings() -> Iterator[tuple[str, Field[Any], Spec]]:
    """Every setting as (`section.name`, field, spec), in the order people read them."""
    for section in SECTIONS:
        for one in section_fields(section):
            yield f"{section}.{one.name}", one, one.metadata["spec"]


def spec_of(path: str) -> Spec:
    """The `Spec` of `section.name`."""
    return next(spec for known, _, spec in settings() if known == path)


def differing(config: RunConfig, default: RunConfig | None = None) -> list[tuple[str, Any, Any]]:
    """(`section.name`, value, default) of each setting that is not as in `default` (the program's where none is
    given), the source left out."""
    default = default or RunConfig()
    pairs = [(path, config.get(path), default.get(path)) for path, _, _ in settings()]
    return [one for one in pairs if one[1] != one[2] and one[0] not in ("data.source", "data.given")]


def problem_with(path: str, value: Any) -> str:
    """What is wrong with `value` for the setting at `path`; empty when nothing is."""
    spec = spec_of(path)
    if spec.choices and value not in spec.choices:
        return f"{value!r} is not {spec.bounds()}"
    if path == "model.max_length" and 0 < value < SHORTEST:
        return f"{value} leaves no room for words: 0, or at least {SHORTEST}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    too_low = spec.low is not None and value < spec.low
    too_high = spec.high is not None and value > spec.high
    if too_low or too_high or math.isnan(value):
        shown = "this number" if abs(value) > 10**15 else value
        return f"{shown} is out of bounds: {spec.bounds()}"
    return ""


def problems(config: RunConfig) -> list[Problem]:
    """Everything that is wrong with a configuration by itself (data and machine are looked at elsewhere)."""
    found = [Problem(path, message) for path, _, _ in settings() if (message := problem_with(path, config.get(path)))]
    if config.split.validation + config.split.test > 0.8:
        found.append(Problem("split.test", "validation and test together leave less than 20 % of the rows to train on"))
    found += _split_problems(config)
    device = config.training.device
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", device):
        found.append(Problem("training.device", f"{device!r} is not one of auto, cpu, cuda, cuda:N, mps"))
    if config.training.oversample != "none" and config.training.class_weights not in ("auto", "none"):
        message = "choose one: oversampling and class weights both lift rare classes"
        found.append(Problem("training.oversample", message))
    if not config.data.source:
        found.append(Problem("data.source", "no data chosen"))
    if not config.model.base:
        found.append(Problem("model.base", "no base model chosen"))
    return found


def _split_problems(config: RunConfig) -> list[Problem]:
    """What a way to split needs and does not have."""
    split, data = config.split, config.data
    if split.of:
        return []
    if split.method == "folds" and split.fold > split.folds:
        return [Problem("split.fold", f"there are only {split.folds} folds")]
    if split.method == "time" and not data.time:
        return [Problem("split.method", "a split by time needs the column with the time: --time COLUMN")]
    if split.method == "grouped" and not data.group:
        return [Problem("split.method", "a split by groups needs the group column: --group COLUMN")]
    return []

"""The baselines, as their makers would write them, with torch and transformers alone.

T0 `untouched`: HF Trainer as it comes: fp32, random batches padded to the longest, but no saves and no evaluation.
T1 `tuned`: HF Trainer with what its manual recommends: bf16 where a probe on this machine wins, rows grouped by length,
fused AdamW, no saves, no check of every loss for NaN; on a GPU also TF32 and loader processes.
T2 `notebook`: every text padded to the maximum length, fp32, a loop by hand, clip 1, linear decay.

What a model really saw is counted by a hook on its forward pass. Scoring held-out rows is outside of the time.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from core.evaluation.metrics import score
from core.machine import cpu_has_bf16
from core.modelling.catalogue import locate
from core.training.device import probe_bf16
from tests.benchmarks.engine_work import Ints, Measured, Rows, Work, load_rows, mark_of, training_flops

LOOKS = 5
"""Evaluations in an epoch where the time to an accuracy is measured: as many as ours has in a run of two epochs."""

SCORED = 64
"""Rows scored at a time."""


class Tokenised(Dataset[dict[str, Any]]):
    """Tokenised rows in memory."""

    def __init__(self, tokenizer: Any, texts: list[str], labels: Ints, max_length: int) -> None:
        found = tokenizer(texts, truncation=True, max_length=max_length)
        self.rows = [
            {name: column[row] for name, column in found.items()} | {"labels": int(labels[row])}
            for row in range(len(texts))
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return self.rows[row]

    @property
    def ids(self) -> list[list[int]]:
        """Token ids of every row."""
        return [row["input_ids"] for row in self.rows]


@dataclass(slots=True)
class Seen:
    """What went through a model while it trained."""

    sequences: int = 0
    positions: int = 0
    masks: list[torch.Tensor] = field(default_factory=list)

    def __call__(self, model: torch.nn.Module, _: Any, given: dict[str, Any]) -> None:
        """A forward hook. Sums stay on the device: reading them back would make it wait."""
        if model.training:
            self.sequences += len(given["input_ids"])
            self.positions += given["input_ids"].numel()
            self.masks.append(given["attention_mask"].sum())

    @property
    def tokens(self) -> int:
        """Positions that attention was allowed to see."""
        return int(torch.stack(self.masks).sum())


@dataclass(slots=True)
class Peer:
    """A model and its rows, ready to be trained."""

    work: Work
    rows: Rows
    device: torch.device
    model: Any
    tokenizer: Any
    train: Tokenised
    seen: Seen
    began: float = 0.0
    """When the process began, by `time.time()`; for cases that count from there."""


def set_up(work: Work, device: str) -> Peer:
    """Read the rows, load the base model in fp32, tokenise."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed

    rows = load_rows(work)
    folder = locate(work.base).folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    set_seed(work.seed)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=rows.classes, dtype=torch.float32)
    seen = Seen()
    model.register_forward_pre_hook(seen, with_kwargs=True)
    train = Tokenised(tokenizer, rows.texts, rows.labels, work.max_length)
    return Peer(work, rows, torch.device(device), model, tokenizer, train, seen)


def untouched(peer: Peer) -> Measured:
    """T0."""
    return _timed(peer, _trainer(peer).train, "fp32")


def tuned(peer: Peer) -> Measured:
    """T1."""
    precision = bf16_or_not(peer.device)
    return _timed(peer, _trainer(peer, **tuning(peer.device, precision)).train, precision)


def tuning(device: torch.device, precision: str) -> dict[str, Any]:
    """T1's arguments beyond T0's."""
    import os

    chosen: dict[str, Any] = {
        "bf16": precision == "bf16",
        "train_sampling_strategy": "group_by_length",
        "optim": "adamw_torch_fused",
        "logging_nan_inf_filter": False,
    }
    if device.type == "cuda":
        workers = min(2, (os.cpu_count() or 1) - 1)
        chosen |= {"tf32": True, "dataloader_num_workers": workers, "dataloader_persistent_workers": workers > 0}
    return chosen


def notebook(peer: Peer) -> Measured:
    """T2."""
    from transformers import get_linear_schedule_with_warmup

    work, model = peer.work, peer.model
    found = peer.tokenizer(
        peer.rows.texts, padding="max_length", truncation=True, max_length=work.max_length, return_tensors="pt"
    )
    data = TensorDataset(found["input_ids"], found["attention_mask"], torch.from_numpy(peer.rows.labels))

    def train() -> None:
        loader = DataLoader(data, batch_size=work.batch_size, shuffle=True)
        model.to(peer.device).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=work.learning_rate)
        schedule = get_linear_schedule_with_warmup(optimiser, 0, len(loader) * work.epochs)
        for _ in range(work.epochs):
            total = 0.0
            for batch in loader:
                ids, mask, labels = (part.to(peer.device) for part in batch)
                loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
                total += loss.item()

    return _timed(peer, train, "fp32")


def tuned_saved(peer: Peer) -> Measured:
    """T1 from the start of the process to a folder that `from_pretrained` loads."""
    precision = bf16_or_not(peer.device)
    trainer = _trainer(peer, **tuning(peer.device, precision))
    ended = []

    def train() -> None:
        trainer.train()
        with tempfile.TemporaryDirectory() as folder:
            trainer.save_model(folder)
            ended.append(time.time())

    found = _timed(peer, train, precision)
    return replace(found, from_start=ended[0] - peer.began)


def tuned_until(peer: Peer, accuracy: float) -> Measured:
    """T1 from the start of the process to the first evaluation that reaches `accuracy`; `LOOKS` to an epoch."""
    from transformers import TrainerCallback

    reached: list[float] = []
    scored: list[float] = []

    class Reached(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            scored.append(metrics["eval_accuracy"])
            if metrics["eval_accuracy"] >= accuracy:
                reached.append(time.time())
                control.should_training_stop = True

    precision = bf16_or_not(peer.device)
    held = Tokenised(peer.tokenizer, peer.rows.held_texts, peer.rows.held_labels, peer.work.max_length)
    steps = -(-len(peer.rows.texts) // peer.work.batch_size)
    often = {
        "eval_strategy": "steps",
        "eval_steps": max(steps // LOOKS, 1),
        "per_device_eval_batch_size": SCORED,
    }
    trainer = _trainer(peer, held, **tuning(peer.device, precision), **often)
    trainer.compute_metrics = lambda said: {"accuracy": float((said.predictions.argmax(1) == said.label_ids).mean())}
    trainer.add_callback(Reached())
    found = _timed(peer, trainer.train, precision)
    notes = ("accuracy when all rows were scored: " + ", ".join(f"{one:.3f}" for one in scored),)
    return replace(found, from_start=reached[0] - peer.began if reached else 0.0, notes=notes)


PEERS: dict[str, Callable[[Peer], Measured]] = {"T0": untouched, "T1": tuned, "T2": notebook}


def bf16_or_not(device: torch.device) -> str:
    """`bf16` where it is faster here: on GPUs that have it, on CPUs that have it when a probe says so."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if cpu_has_bf16() and probe_bf16() > 1.15 else "fp32"


def _trainer(peer: Peer, held: Tokenised | None = None, **more: Any) -> Any:
    """HF Trainer with its defaults, but for what the work fixes. Raises `ImportError` where accelerate is missing."""
    import accelerate  # noqa: F401  # transformers' own message comes only when the arguments are made
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    logging.getLogger("transformers.trainer").setLevel(logging.ERROR)
    work = peer.work
    arguments = TrainingArguments(
        output_dir=str(Path(tempfile.gettempdir()) / "finetui-bench-nothing-is-saved-here"),
        per_device_train_batch_size=work.batch_size,
        num_train_epochs=work.epochs,
        learning_rate=work.learning_rate,
        seed=work.seed,
        use_cpu=peer.device.type == "cpu",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **({"dataloader_pin_memory": False} if peer.device.type == "cpu" else {}),  # else it warns, and does nothing
        **more,
    )
    return Trainer(
        model=peer.model,
        args=arguments,
        train_dataset=peer.train,
        eval_dataset=held,
        data_collator=DataCollatorWithPadding(peer.tokenizer),
        processing_class=peer.tokenizer,
    )


def _timed(peer: Peer, train: Callable[[], Any], precision: str) -> Measured:
    """Train, then score the held-out rows outside of the time."""
    work, seen = peer.work, peer.seen
    wait(peer.device)
    began = time.perf_counter()
    train()
    wait(peer.device)
    seconds = time.perf_counter() - began
    logits = logits_of(peer, precision)
    held = score(peer.rows.held_labels, logits.argmax(axis=1), peer.rows.classes)
    lengths = np.fromiter(map(len, peer.train.ids), dtype=np.int64)
    return Measured(
        seconds=seconds,
        seconds_all=seconds,
        rows=len(peer.train),
        epochs=work.epochs,
        batch_size=work.batch_size,
        max_length=work.max_length,
        sequences=seen.sequences,
        tokens=seen.tokens,
        fill=seen.tokens / seen.positions,
        precision=precision,
        mark=mark_of(peer.train.ids, peer.rows.labels),
        accuracy=held.accuracy,
        macro_f1=held.macro_f1,
        flops=training_flops(lengths, peer.model.config) * work.epochs,
        logits=logits,
    )


def logits_of(peer: Peer, precision: str) -> Any:
    """Logits of the held-out rows in fp32, shape `[rows, classes]`, computed as the model was trained."""
    held = Tokenised(peer.tokenizer, peer.rows.held_texts, peer.rows.held_labels, peer.work.max_length)
    order = np.argsort([len(ids) for ids in held.ids], kind="stable")
    said = np.zeros((len(held), peer.rows.classes), dtype=np.float32)
    peer.model.eval()
    fast = torch.autocast(peer.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
    with torch.inference_mode(), fast:
        for start in range(0, len(order), SCORED):
            rows = order[start : start + SCORED]
            batch = peer.tokenizer.pad([held[int(row)] for row in rows], return_tensors="pt").to(peer.device)
            batch.pop("labels")
            said[rows] = peer.model(**batch).logits.float().cpu().numpy()
    return said


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def warm_up(device: torch.device) -> None:
    """Wake the device and the libraries behind products in both formats: the first of them takes up to seconds."""
    for dtype in (torch.float32, torch.bfloat16) if bf16_or_not(device) == "bf16" else (torch.float32,):
        left = torch.randn(256, 256, device=device, dtype=dtype, requires_grad=True)
        (left @ left).sum().backward()
    wait(device)

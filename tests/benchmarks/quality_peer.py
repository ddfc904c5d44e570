"""The peer of the quality experiment: HF Trainer as its users set it up, best epoch by validation macro F1."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from core.evaluation.metrics import score
from core.modelling.encoding import Ints
from tests.benchmarks.quality_data import Material

BATCH = 16


class Rows(Dataset[dict[str, Any]]):
    """Some rows of a material as Trainer takes them: lists of ids, padded by its collator."""

    def __init__(self, material: Material, rows: Ints) -> None:
        encoded = material.encoded
        self._ids = [encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]].tolist() for row in rows]
        self._labels = material.labels[rows].tolist()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        ids = self._ids[row]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": self._labels[row]}


def run_peer(material: Material, settings: dict[str, Any], seed: int, bf16: bool) -> dict[str, Any]:
    """Train once with `settings` (learning_rate, epochs); returns the facts of the run with its test predictions."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
        set_seed,
    )

    from core.modelling.catalogue import locate

    folder = locate("starter").folder
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=material.classes, dtype=torch.float32
    )
    epochs: list[dict[str, float]] = []
    best: dict[str, Any] = {"macro_f1": -1.0, "epoch": 0, "state": {}}

    class KeepBest(TrainerCallback):
        """Load-best-at-end without a disk."""

        def on_evaluate(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            value = more["metrics"]["eval_macro_f1"]
            epochs.append({"macro_f1": value, "accuracy": more["metrics"]["eval_accuracy"]})
            if value > best["macro_f1"]:
                weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
                best.update(macro_f1=value, epoch=round(state.epoch), state=weights)

    def measured(said: Any) -> dict[str, float]:
        scores = score(said.label_ids, said.predictions.argmax(axis=1), material.classes)
        return {"macro_f1": scores.macro_f1, "accuracy": scores.accuracy}

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            learning_rate=settings["learning_rate"],
            num_train_epochs=settings["epochs"],
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=64,
            weight_decay=0.01,
            lr_scheduler_type="linear",
            bf16=bf16,
            use_cpu=True,
            seed=seed,
            train_sampling_strategy="group_by_length",
            eval_strategy="epoch",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder)
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=Rows(material, material.train),
            eval_dataset=Rows(material, material.validation),
            data_collator=DataCollatorWithPadding(tokenizer),
            processing_class=tokenizer,
            compute_metrics=measured,
            callbacks=[KeepBest()],
        )
        trainer.train()
        model.load_state_dict(best["state"])
        trainer.remove_callback(KeepBest)
        test = Rows(material, material.test)
        said = np.asarray(trainer.predict(test).predictions).argmax(axis=1)
    return {"best_epoch": best["epoch"], "epochs": epochs, "predictions": said.tolist()}

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

    def __init__(self, material: Material, rows: Ints, places: Ints) -> None:
        encoded = material.encoded
        self._ids = [places[encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]]].tolist() for row in rows]
        self._labels = material.labels[rows].tolist()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        ids = self._ids[row]
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": self._labels[row]}


def leave_out_unused_words(model: Any, material: Material) -> Ints:
    """Shrink the word table to the words of the data; returns the new place of each id.

    Unused word vectors have no gradient and no part in any output: leaving them out changes nothing but the time.
    """
    table = model.get_input_embeddings().weight.data
    used = np.union1d(material.encoded.ids, [material.pad])
    places = np.zeros(len(table), dtype=np.int64)
    places[used] = np.arange(len(used))
    pad = int(places[material.pad])
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(table[used].clone(), freeze=False, padding_idx=pad))
    return places


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
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=material.classes, dtype=torch.float32)
    places = leave_out_unused_words(model, material)
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
            train_dataset=Rows(material, material.train, places),
            eval_dataset=Rows(material, material.validation, places),
            data_collator=DataCollatorWithPadding(tokenizer),
            processing_class=tokenizer,
            compute_metrics=measured,
            callbacks=[KeepBest()],
        )
        trainer.train()
        model.load_state_dict(best["state"])
        trainer.remove_callback(KeepBest)
        trainer.args.train_sampling_strategy = "random"  # or predict() too returns rows in the order of their lengths
        found = trainer.predict(Rows(material, material.test, places))
        if not np.array_equal(found.label_ids, material.labels[material.test]):  # type: ignore[arg-type]
            raise RuntimeError("Trainer.predict returned the rows in another order")
        said = np.asarray(found.predictions).argmax(axis=1)
    return {"best_epoch": best["epoch"], "epochs": epochs, "predictions": said.tolist()}

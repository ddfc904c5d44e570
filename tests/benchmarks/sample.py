"""The bundled sample: how long its default training takes, and what the starter encoder reaches out of fold."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time

import numpy as np

from tests.benchmarks.startup import finetui

FOLDS = 5


def train_seconds() -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(
            [finetui(), "train", "sample", "--name", "timed", "--runs", folder, "--json"],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
        metrics = json.loads(done.stdout)["metrics"]
    for part in ("validation", "test"):
        print(f"  {part}: macro F1 {metrics[part]['macro_f1']:.3f}, accuracy {metrics[part]['accuracy']:.3f}")
    return seconds


def out_of_fold() -> float:
    """Default settings, trained on four fifths, last epoch's weights scored on the fifth that was left out.

    No best epoch is picked here: picking it on the fold that is reported would flatter.
    """
    from sklearn.model_selection import StratifiedKFold

    from core.config import DataConfig, ModelConfig, TrainingConfig
    from core.data.dataset import load_dataset
    from core.evaluation.baseline import TfidfBaseline, majority
    from core.evaluation.metrics import score
    from core.modelling.build import build_model
    from core.modelling.catalogue import locate
    from core.modelling.encoding import encode, load_tokenizer, longest_input
    from core.training.device import choose_device
    from core.training.job import Job
    from core.training.loop import fit

    data, training, model_config = load_dataset(DataConfig()), TrainingConfig(), ModelConfig()
    labels, classes = data.labels, len(data.label_names)
    base = locate(model_config.base)
    tokenizer = load_tokenizer(base.folder)
    encoded, _ = encode(tokenizer, data.texts, 0, longest_input(base.folder, tokenizer))
    device = choose_device(training)
    said = {name: np.empty_like(labels) for name in ("model", "tfidf", "majority")}
    for train, held in StratifiedKFold(FOLDS, shuffle=True, random_state=17).split(labels, labels):
        model = build_model(base, model_config, data.label_names, training.seed)
        watched = held[:: max(len(held) // 32, 1)]  # the loop wants some rows to draw; nothing is chosen by them
        job = Job(model, device, training, encoded, labels, train, watched, classes, 0)
        for _ in fit(job):
            pass
        said["model"][held] = job.engine.predict(held).argmax(axis=1)
        texts = [data.texts[row] for row in train]
        said["tfidf"][held] = TfidfBaseline(texts, labels[train]).predict([data.texts[row] for row in held])
        said["majority"][held] = majority(labels[train], len(held))
        fold = score(labels[held], said["model"][held], classes)
        print(f"  fold of {len(held)}: macro F1 {fold.macro_f1:.3f}, accuracy {fold.accuracy:.3f}", flush=True)
    scores = {name: score(labels, codes, classes) for name, codes in said.items()}
    for name, one in scores.items():
        per_class = ", ".join(f"{n} {f:.3f}" for n, f in zip(data.label_names, one.class_f1, strict=True))
        print(f"  {name:<9} macro F1 {one.macro_f1:.3f}, accuracy {one.accuracy:.3f} ({per_class})")
    return scores["model"].macro_f1

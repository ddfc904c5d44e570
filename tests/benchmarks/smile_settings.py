"""How the settings of the recipe `smile` were chosen: folds among its training rows; its validation rows stay unseen.

python -m tests.benchmarks.smile_settings --data-folder DIR --out FILE.jsonl [NAME ...]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from sklearn.model_selection import StratifiedKFold

from core.config import ModelConfig, RunConfig, TrainingConfig, with_source, with_values
from core.data.dataset import load_dataset
from core.data.split.choose import split_rows
from core.modelling.build import build_model
from core.modelling.catalogue import locate
from core.modelling.encoding import encode, load_tokenizer
from core.training import events as e
from core.training import loop, scoring
from core.training.device import choose_device
from core.training.job import Job

BASE: dict[str, Any] = {"epochs": 10, "batch_size": 16, "learning_rate": 1e-4, "class_weights": "sqrt"}
CANDIDATES: dict[str, dict[str, Any]] = {
    "base": BASE,
    "rate 2e-4": BASE | {"learning_rate": 2e-4},
    "urls and mentions stripped": BASE | {"cures": ("strip:urls,mentions",)},
    "averaging 0.5": BASE | {"averaging": 0.5},
}
FOLDS, RUN_FOLDS = 4, 2
"""Of four folds two are run: each takes minutes on two cores."""


def run(settings: dict[str, Any], data_folder: Path, fold: int) -> list[tuple[float, float]]:
    """(macro F1, weighted F1) on the held-out fold after each epoch."""
    settings = dict(settings)
    config = with_source(RunConfig(), str(data_folder / "smile" / "smile-annotations-final.csv"))
    config = with_values(config, {"data.recipe": "smile"})
    config = config.with_value("data.cures", (*config.data.cures, *settings.pop("cures", ())))
    data = load_dataset(config.data)
    rows = split_rows(data, config.split).train
    folder = locate("starter").folder
    tokenizer = load_tokenizer(folder)
    encoded, _ = encode(tokenizer, [data.texts[row] for row in range(len(data.texts))], 0, 256)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=3).split(rows, data.labels[rows]))
    train, held = (rows[part] for part in folds[fold])
    training = TrainingConfig(**settings, seed=fold + 1, threads=torch.get_num_threads())
    model = build_model(locate("starter"), ModelConfig(), data.label_names, fold + 1)
    pad = int(tokenizer.pad_token_id or 0)
    names = data.label_names
    job = Job(model, choose_device(training), training, encoded, data.labels, train, held, len(names), pad)
    scoring.POINTS, scoring.SHARE = 1, 0.0  # scoring between epochs changes no weight, it only takes time
    return [
        (fact.scores.macro_f1, fact.scores.weighted_f1)
        for fact in loop.fit(job)
        if isinstance(fact, e.EvalFinished) and fact.full and fact.step > 0
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.smile_settings", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CANDIDATES))
    parser.add_argument("--data-folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for name in given.names or CANDIDATES:
        for fold in range(RUN_FOLDS):
            found = run(CANDIDATES[name], given.data_folder, fold)
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, "fold": fold, "epochs": found}) + "\n")
            best, last = max(found), found[-1]
            print(
                f"{name} fold {fold}: best {best[0]:.3f} / {best[1]:.3f}, last {last[0]:.3f} / {last[1]:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

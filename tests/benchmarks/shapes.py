"""BERT in its true sizes with random weights: memory, speed, saving, and whether what was saved answers the same.

python -m tests.benchmarks.shapes                                  BERT base and large
python -m tests.benchmarks.shapes base --rows 64 --json FILE.json
python -m tests.benchmarks.shapes --from FILE.json --markdown docs/recipes.md

Random weights learn nothing in so few steps; what is measured does not depend on what the weights are. Each size is
made into a folder with a tokenizer of its own, trained through the recipe `bert-SIZE`, and deleted.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.launch import child_command, child_environment
from core.machine import cpu_name, usable_cores
from tests.measured import rewrite

SHAPES = {"base": (12, 768, 12), "large": (24, 1024, 16)}
"""Layers, hidden units, heads; feed-forward is four times as wide (Devlin et al. 2019, section 3)."""

BEGIN, END = "<!-- shapes: written by tests/benchmarks/shapes.py -->", "<!-- end of shapes -->"
VOCABULARY = 28_996
"""Of bert-base-cased and bert-large-cased."""


def make_base(folder: Path, size: str) -> None:
    """A folder with a BERT of that size, weights drawn at random, and a cased word-piece tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    layers, hidden, heads = SHAPES[size]
    letters = [chr(code) for code in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    words = sorted({word for text in _texts() for word in text.split()})
    tokens += [word for word in words if word not in set(tokens)]
    tokens = tokens[:VOCABULARY] + [f"[unused{n}]" for n in range(VOCABULARY - len(tokens))]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False, model_max_length=512).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
    )
    BertModel(config).save_pretrained(folder)


def _texts() -> list[str]:
    path = Path(__file__).parents[2] / "core" / "data" / "samples" / "reviews.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def measure(size: str, rows: int) -> dict[str, Any]:
    """Train one epoch on `rows` rows of the sample; what it took, and how far the reloaded model's answers are off."""
    with tempfile.TemporaryDirectory(prefix="finetui-shapes-") as place:
        folder, runs = Path(place) / "base", Path(place) / "runs"
        subprocess.run([sys.executable, "-m", "tests.benchmarks.shapes", "--make", size, str(folder)], check=True)
        words = ["sample", "--recipe", f"bert-{size}", "--model", str(folder), "--cure", f"cap-rows:{rows}"]
        words += ["--epochs", "1", "--no-onnx", "--name", "shape", "--runs", str(runs)]
        began = time.perf_counter()
        done = subprocess.run(child_command("train", *words), capture_output=True, text=True, env=child_environment())
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        seconds = time.perf_counter() - began
        log = [json.loads(line) for line in (runs / "shape" / "events.jsonl").read_text().splitlines()]
        model = runs / "shape" / "model"
        size_on_disk = sum(one.stat().st_size for one in model.iterdir())
        return {
            "size": size,
            "seconds": seconds,
            "bytes": size_on_disk,
            **told(log),
            **reloaded(runs / "shape"),
            **made(),
        }


def told(log: list[dict[str, Any]]) -> dict[str, Any]:
    """What the run's own log says: parameters, rows a second, the most memory, seconds of a checkpoint."""
    plan = next(one for one in log if one["event"] == "PlanMade")
    steps = [one for one in log if one["event"] == "StepsFinished"]
    beats = [one["memory"] for one in log if one["event"] == "Heartbeat"]
    kept = [one["seconds"] for one in log if one["event"] == "CheckpointSaved"]
    device = next(one for one in log if one["event"] == "DeviceChosen")
    return {
        "parameters": plan["parameters"],
        "layers": plan["forward"],
        "rows_per_second": sum(one["sequences"] for one in steps) / sum(one["seconds"] for one in steps),
        "tokens_per_second": sum(one["tokens"] for one in steps) / sum(one["seconds"] for one in steps),
        "memory": max(beats, default=0),
        "checkpoint": max(kept, default=0.0),
        "precision": device["precision"],
    }


def reloaded(run: Path) -> dict[str, Any]:
    """The saved folder loaded by transformers alone against the probabilities that the run wrote down."""
    import numpy as np
    import pandas as pd
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    rows = pd.read_parquet(run / "predictions.parquet").head(64)
    model = AutoModelForSequenceClassification.from_pretrained(run / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    longest = json.loads((run / "model" / "finetui.json").read_text())["max_length"]
    given = tokenizer(rows["text"].tolist(), padding=True, truncation=True, max_length=longest, return_tensors="pt")
    with torch.inference_mode():
        found = model(**given).logits.softmax(-1).numpy()
    names = [name for name in rows.columns if name.startswith("p:")]
    return {"largest_difference": float(np.abs(found - rows[names].to_numpy()).max())}


def made() -> dict[str, Any]:
    """When and on what."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cpu_name()}, {usable_cores()} core{'s' * (usable_cores() != 1)}, {platform.system()}",
    }


def page(records: list[dict[str, Any]]) -> str:
    """The table."""
    names = (
        "shape",
        "parameters",
        "rows/s (tokens/s)",
        "most memory",
        "model on disk",
        "checkpoint",
        "reloaded, off by",
    )
    heads = f"| {' | '.join(names)} |"
    lines = [
        f"{records[0]['date']}, {records[0]['machine']}, {records[0]['precision']}:",
        "",
        heads,
        "|" + " --- |" * 7,
    ]
    lines += [
        f"| BERT {one['size']} | {one['parameters'] / 1e6:.1f} M | {one['rows_per_second']:.2f} "
        f"({one['tokens_per_second']:.0f}) | {one['memory'] / 2**30:.1f} GiB | {one['bytes'] / 2**20:.0f} MiB | "
        f"{one['checkpoint']:.1f} s | {one['largest_difference']:.0e} |"
        for one in records
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.shapes", description=__doc__)
    parser.add_argument("sizes", nargs="*", metavar="SIZE", help="base, large; both when none is named")
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--from", type=Path, dest="source")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--make", nargs=2, metavar=("SIZE", "FOLDER"), help="only make the base model")
    given = parser.parse_args()
    if given.make:
        make_base(Path(given.make[1]), given.make[0])
        return
    if given.source:
        records = json.loads(given.source.read_text())
    else:
        records = [measure(size, given.rows) for size in given.sizes or SHAPES]
        print(json.dumps(records, indent=1))
    if given.json:
        given.json.write_text(json.dumps(records, indent=1))
    if given.markdown:
        rewrite(
            given.markdown,
            "<!-- shapes: written by tests/benchmarks/shapes.py -->",
            "<!-- end of shapes -->",
            page(records),
        )


if __name__ == "__main__":
    main()

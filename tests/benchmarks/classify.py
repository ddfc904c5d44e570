"""Many short rows: `finetui`'s answers against `transformers.pipeline`, the same model, rows and longest length (C6).

python -m tests.benchmarks.classify                       10 000 rows, each way 3 times, one after the other
python -m tests.benchmarks.classify --rows 1000 --repeat 5 --json classify.json
python -m tests.benchmarks.classify --run runs/mine --file lines.txt

Where the CPU has bf16, `classify --fast` is measured too. All are loaded and have answered once before the clock
starts; it stops when every row has its probabilities. The processor time stands beside: it hardly changes when
something else runs on the machine, as the seconds do.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inference.predictor import BLOCK, Predictor, open_predictor
from core.machine import cpu_has_bf16, cpu_name, usable_cores
from tests.benchmarks.answer import trained_run

NAME = "classify-rows"
TITLE = "short rows, fp32 on the CPU, against transformers.pipeline at batch 32 (C6)"
ROWS, REPEAT, BATCH = 10_000, 3, 32
SAMPLE = Path(__file__).parents[2] / "core" / "data" / "samples" / "reviews.jsonl"

Floats = NDArray[np.float32]


@functools.cache
def short_rows(count: int = ROWS) -> list[str]:
    """`count` texts of the bundled sample in its order, told apart by a number from the second round on."""
    texts = [json.loads(line)["text"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    return [texts[row % len(texts)] + (f" {row}" if row >= len(texts) else "") for row in range(count)]


@functools.cache
def our_predictor(run: Path) -> Predictor:
    predictor = open_predictor(run)
    predictor.predict(["warm"])
    return predictor


@functools.cache
def fast_predictor(run: Path) -> Predictor:
    predictor = open_predictor(run, fast=True)
    predictor.predict(["warm"])
    return predictor


@functools.cache
def plain_pipeline(run: Path) -> Callable[[list[str]], list[list[dict[str, Any]]]]:
    """The pipeline of the run's model as its makers show it, cutting where the run cuts."""
    from transformers import AutoTokenizer, pipeline

    longest = our_predictor(run).max_length
    made: Any = pipeline(
        "text-classification",
        model=str(run / "model"),
        tokenizer=AutoTokenizer.from_pretrained(run / "model"),
        device="cpu",
        dtype="float32",
    )
    ask = functools.partial(made, batch_size=BATCH, truncation=True, max_length=longest, top_k=None)
    ask(["warm"])
    return ask


def ours(run: Path, texts: list[str]) -> Floats:
    return our_predictor(run).predict(texts).probabilities


def fast(run: Path, texts: list[str]) -> Floats:
    return fast_predictor(run).predict(texts).probabilities


def pipelines(run: Path, texts: list[str]) -> Floats:
    """Probabilities `[rows, labels]` in the order of our labels."""
    names = our_predictor(run).label_names
    answers = [{one["label"]: one["score"] for one in row} for row in plain_pipeline(run)(texts)]
    return np.array([[row[name] for name in names] for row in answers], dtype=np.float32)


def ours_seconds(texts: list[str] | None = None, run: Path | None = None) -> float:
    return timed(ours, run or trained_run(), texts or short_rows())[0]


def pipeline_seconds(texts: list[str] | None = None, run: Path | None = None) -> float:
    return timed(pipelines, run or trained_run(), texts or short_rows())[0]


def timed(answer: Callable[[Path, list[str]], Floats], run: Path, texts: list[str]) -> tuple[float, float, Floats]:
    """(seconds, seconds of processor, probabilities); what is loaded once is not counted."""
    our_predictor(run), plain_pipeline(run)
    if cpu_has_bf16():
        fast_predictor(run)
    began, began_cpu = time.perf_counter(), time.process_time()
    found = answer(run, texts)
    return time.perf_counter() - began, time.process_time() - began_cpu, found


def compare(run: Path, texts: list[str], repeat: int) -> dict[str, Any]:
    """All ways in turn, `repeat` times. Raises `ValueError` when they did not answer the same rows."""
    ways: dict[str, Callable[[Path, list[str]], Floats]] = {"ours": ours, "pipeline": pipelines}
    if cpu_has_bf16():
        ways["fast"] = fast
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Floats] = {}
    for _ in range(repeat):
        for name, answer in ways.items():
            wall, cpu, found[name] = timed(answer, run, texts)
            seconds[name].append(wall)
            processor[name].append(cpu)
    if found["ours"].shape != found["pipeline"].shape:
        raise ValueError("They answered different rows.")
    more: dict[str, Any] = {}
    if "fast" in ways:
        more["fast"] = {
            "median": statistics.median(seconds["fast"]),
            "all": seconds["fast"],
            "ratio": statistics.median(t / f for t, f in zip(seconds["pipeline"], seconds["fast"], strict=True)),
            "same_label": float((found["fast"].argmax(1) == found["pipeline"].argmax(1)).mean()),
            "largest_difference": float(np.abs(found["fast"] - found["pipeline"]).max()),
        }
    pairs = zip(seconds["pipeline"], seconds["ours"], strict=True)
    cpu_pairs = zip(processor["pipeline"], processor["ours"], strict=True)
    return {
        "title": TITLE,
        "unit": "s",
        "rows": len(texts),
        "max_length": our_predictor(run).max_length,
        "engine": our_predictor(run).engine,
        "median": statistics.median(seconds["ours"]),
        "all": seconds["ours"],
        "baseline": {"median": statistics.median(seconds["pipeline"]), "all": seconds["pipeline"]},
        "cpu": processor,
        "ratio": statistics.median(theirs / mine for theirs, mine in pairs),
        "cpu_ratio": statistics.median(theirs / mine for theirs, mine in cpu_pairs),
        "same_label": float((found["ours"].argmax(1) == found["pipeline"].argmax(1)).mean()),
        "largest_difference": float(np.abs(found["ours"] - found["pipeline"]).max()),
        "fill": fill(run, texts),
        **more,
    }


def fill(run: Path, texts: list[str]) -> dict[str, float]:
    """Which share of the positions that each computes holds a token."""
    from transformers import AutoTokenizer

    longest = our_predictor(run).max_length
    ids = AutoTokenizer.from_pretrained(run / "model")(texts, truncation=True, max_length=longest)["input_ids"]
    lengths = np.array([len(one) for one in ids])

    def share(order: NDArray[Any]) -> float:
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        return float(lengths.sum() / sum(len(batch) * batch.max() for batch in batches))

    blocks = [np.sort(lengths[start : start + BLOCK])[::-1] for start in range(0, len(lengths), BLOCK)]
    return {"ours": share(np.concatenate(blocks)), "pipeline": share(lengths)}


def table(found: dict[str, Any]) -> str:
    """The result as rows for a person."""
    rows, padding, base = found["rows"], found["fill"], found["baseline"]
    theirs, mine = (statistics.median(found["cpu"][name]) for name in ("pipeline", "ours"))

    def row(name: str, title: str, middle: float, values: list[float]) -> str:
        return f"{name:<14} {middle:9.3f} s     {min(values):.3g} to {max(values):.3g}  {title}\n"

    said = ""
    if one := found.get("fast"):
        said = "\n" + row("--fast", f"{rows / one['median']:.0f} rows a second, bf16", one["median"], one["all"])
        said += f"{one['ratio']:.2f} times as fast as the pipeline; same label for {one['same_label']:.2%}; "
        said += f"largest difference of a probability {one['largest_difference']:.1e}"
    return (
        row("pipeline", f"{rows / base['median']:.0f} rows a second", base["median"], base["all"])
        + row(NAME, f"{rows / found['median']:.0f} rows a second, {found['engine']}", found["median"], found["all"])
        + f"{found['ratio']:.2f} times as fast; by processor time {found['cpu_ratio']:.2f} times ({theirs:.1f} s and "
        + f"{mine:.1f} s)\n{rows} rows, max length {found['max_length']}; tokens per position computed: "
        + f"{padding['pipeline']:.0%} and {padding['ours']:.0%}\nsame label for {found['same_label']:.2%}; "
        + f"largest difference of a probability {found['largest_difference']:.1e}"
        + said
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.classify", description=TITLE)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeat", type=int, default=REPEAT)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--run", type=Path, help="a trained run's folder; else one is trained on the sample")
    parser.add_argument("--file", type=Path, help="a text per line; else texts of the sample")
    given = parser.parse_args()
    texts = given.file.read_text(encoding="utf-8").splitlines()[: given.rows] if given.file else short_rows(given.rows)
    print(f"{cpu_name()}, {usable_cores()} cores, Python {platform.python_version()}", flush=True)
    found = compare(given.run or trained_run(), texts, given.repeat)
    print(table(found))
    if given.json:
        given.json.write_text(json.dumps({NAME: found}, indent=1))


if __name__ == "__main__":
    main()

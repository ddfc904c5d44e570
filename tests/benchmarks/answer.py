"""How soon a trained run answers."""

from __future__ import annotations

import functools
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks.child import talking
from tests.benchmarks.startup import finetui

SENTENCE = "The zip broke on day two and the shop could not have cared less."


@functools.cache
def trained_run() -> Path:
    """A run of the starter encoder on part of the sample, one epoch: its size is what matters here."""
    runs = Path(tempfile.mkdtemp(prefix="finetui-bench-")) / "runs"
    subprocess.run(
        [finetui(), "train", "sample", "--epochs", "1", "--name", "bench", "--runs", str(runs)],
        check=True,
        capture_output=True,
    )
    subprocess.run([finetui(), "export", "bench", "--onnx", "--runs", str(runs)], check=True, capture_output=True)
    return runs / "bench"


def cold_seconds() -> float:
    run = trained_run()
    began = time.perf_counter()
    subprocess.run([finetui(), "classify", str(run), SENTENCE], check=True, capture_output=True)
    return time.perf_counter() - began


def warm_milliseconds() -> float:
    run = trained_run()
    times = []
    with talking("classify", "--jsonl") as child:
        for number in range(220):
            request = {"id": number, "ask": "classify", "run": str(run), "texts": [f"{SENTENCE} {number}"]}
            began = time.perf_counter()
            child.say(request)
            child.hear()
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[20:])

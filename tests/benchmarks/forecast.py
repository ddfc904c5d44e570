"""The forecast beside the run it was made for, in turns: seconds and peak memory, told and true.

python -m tests.benchmarks.forecast sample,epochs=1 FILE.tsv,epochs=2,batch_size=32 --repeat 3 --json FILE

Each case is a source with settings of the training section behind commas. The true seconds are those of the trainer's
process, from its start to its last fact; its peak is what the system counted. `spread` is the coefficient of variation
of the run's own seconds a token over its read-backs of a second or more together: a machine that is busy with other
work cannot be foretold. On a GPU the forecast is of what torch takes there, so its peak stands beside no true one.
`--exclusive` gives each process the cores for itself (Linux, needs the right to) for at most a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.config import RunConfig, with_source, with_values
from core.launch import child_command, child_environment
from core.runs import Run, RunStore
from core.training.events import RunFinished, StepsFinished

EXCLUSIVE = ["timeout", "60", "chrt", "-f", "1"]

TOGETHER = 1.0
"""Seconds of read-backs that count as one measurement."""


def case_of(text: str) -> RunConfig:
    """`sample,epochs=2` as a configuration."""
    source, *pairs = text.split(",")
    values: dict[str, Any] = {"training.onnx": False}
    for pair in pairs:
        name, value = pair.split("=", 1)
        name = f"training.{name}" if "." not in name else name
        kind = type(RunConfig().get(name))
        values[name] = kind(value)
    return with_values(with_source(RunConfig(), source), values)


def told(config: RunConfig, runs: Path, before: list[str]) -> dict[str, Any]:
    """What `finetui forecast` says."""
    path = RunStore(runs / "told").create(config).path / "run.toml"
    words = child_command("forecast", "--config", str(path), "--json", "--runs", str(runs / "none"))
    done = subprocess.run(before + words, capture_output=True, text=True, check=True, env=child_environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def true(config: RunConfig, runs: Path, before: list[str]) -> dict[str, Any]:
    """What a run takes."""
    run = RunStore(runs).create(config)
    began = time.time()
    child = subprocess.Popen(
        before + child_command("work", str(run.path)), stdout=subprocess.DEVNULL, env=child_environment()
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    ended = [when for _, when, fact in run.raw_records() if isinstance(fact, RunFinished)]
    if not ended:
        raise SystemExit(f"the run has not ended well (exit code {child.returncode}): {run.log_path.read_text()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": ended[-1] - began, "peak_bytes": usage.ru_maxrss * unit, "spread": spread(run)}


def spread(run: Run) -> float:
    """Coefficient of variation of seconds a token."""
    rates, seconds, tokens = [], 0.0, 0
    for _, _, fact in run.raw_records():
        if isinstance(fact, StepsFinished):
            seconds, tokens = seconds + fact.seconds, tokens + fact.tokens
            if seconds >= TOGETHER:
                rates.append(seconds / tokens)
                seconds, tokens = 0.0, 0
    return statistics.stdev(rates) / statistics.mean(rates) if len(rates) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", default=["sample,epochs=1", "sample,epochs=2"])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--exclusive", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    before = EXCLUSIVE if given.exclusive else []
    rows = []
    print(f"{'case':<44} {'told':>7} {'true':>7} {'off':>6}   {'told':>9} {'true':>9} {'off':>6}   spread")
    for _ in range(given.repeat):
        for case in given.cases:
            with tempfile.TemporaryDirectory() as folder:
                config, runs = case_of(case), Path(folder)
                one, other = told(config, runs, before), true(config, runs, before)
            off = one["seconds"] / other["seconds"] - 1
            peaks = [found["peak_bytes"] / 2**20 for found in (one, other)]
            rows.append({"case": case, "told": one, "true": other, "off": off, "peak_off": peaks[0] / peaks[1] - 1})
            print(
                f"{case[-44:]:<44} {one['seconds']:6.1f}s {other['seconds']:6.1f}s {off:+6.0%}   "
                f"{peaks[0]:5.0f} MiB {peaks[1]:5.0f} MiB {peaks[0] / peaks[1] - 1:+6.0%}   {other['spread']:.0%}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

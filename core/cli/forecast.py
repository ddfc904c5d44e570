"""`finetui forecast`: how long a run would take, and how much memory, without starting it."""

from __future__ import annotations

import json as json_format
import shlex
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.cli.configured import configured
from core.cli.console import Line, out, table
from core.cli.options import JsonOption, RunsOption, SourceArgument, with_settings
from core.cli.report import duration
from core.config import RunConfig, flag_of
from core.preflight import require_device
from core.runs import find_root

_STARTED = time.time()

_WORDS = {
    "start": "starting",
    "read": "reading",
    "split": "splitting",
    "baselines": "baselines",
    "load": "loading the model",
    "tokenise": "tokenising",
    "before": "until the first step",
    "cache": "frozen layers, once",
    "steps": "training steps",
    "validate": "validations",
    "save": "saving",
    "test": "locked test",
}


@with_settings()
def forecast(
    values: dict[str, Any],
    source: SourceArgument = None,
    config: Annotated[Optional[Path], typer.Option("--config", help="Begin from this run.toml.")] = None,  # noqa: UP045
    probe: Annotated[bool, typer.Option("--probe/--no-probe", help="Measure a few real steps.")] = True,
    runs: RunsOption = None,
    json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Answer JSON requests, one a line, on stdin.")] = False,
) -> None:
    """Say how long training with these settings would take, and how much memory. No run is made.

    A few real steps are measured; where a run trains on the device, or with --no-probe, the answer is arithmetic and
    marked ~.
    """
    if jsonl:
        from core.training.forecast_service import serve_forecasts

        serve_forecasts(_launch_seconds())
        return
    chosen = configured(values, source, config, runs)
    require_device(chosen.training)
    found = _found(chosen, find_root(runs).path, probe)
    if json:
        print(json_format.dumps(found, ensure_ascii=True))
    else:
        show(found)


def _found(config: RunConfig, root: Path, probe: bool) -> dict[str, Any]:
    from core.training.forecast import estimate
    from core.training.probe import forecast as measured

    line = Line()

    def progress(done: int, total: int, what: str) -> None:
        line.draw(f"{_WORDS.get(what, what)}…")

    try:
        found = measured(config, root, progress, _launch_seconds()) if probe else estimate(config, root, progress)
    finally:
        line.clear()
    return found.as_dict()


def _launch_seconds() -> float:
    """How long this process took to get here: a trainer's will take as long."""
    import psutil

    return max(_STARTED - float(psutil.Process().create_time()), 0.0)


def show(found: dict[str, Any]) -> None:
    """A forecast as people read it: time and memory, what the time goes to, and what would fit."""
    about = "" if found["probed"] else "~ "
    out(f"time    {about}{duration(found['seconds'])}, {found['steps']} steps")
    if found["peak_bytes"] is not None:
        free = f" of {_gib(found['free_bytes'])} that are free" if found["free_bytes"] is not None else ""
        out(f"memory  {about}{_gib(found['peak_bytes'])} at the peak{free}{'' if found['fits'] else ': does not fit'}")
    out(f"        {found['how']}")
    lines = [
        [_WORDS.get(name, name), f"{seconds:.1f} s"] for name, seconds in found["parts"].items() if seconds >= 0.05
    ]
    if lines:
        out()
        out(table([["", "seconds"], *[[name, seconds.removesuffix(" s")] for name, seconds in lines]], frozenset({1})))
    if found["proposal"]:
        flags = [f"{flag_of(path)} {shlex.quote(str(value))}" for path, value in found["proposal"].items()]
        out()
        out(f"would fit, with the same rows per step: {' '.join(flags)}")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"

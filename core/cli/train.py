"""`finetui train` and the trainer process that it starts."""

from __future__ import annotations

import json as json_format
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.cli.configured import configured
from core.cli.console import out, say
from core.cli.follow import watch
from core.cli.options import JsonOption, RunsOption, SourceArgument, with_settings
from core.errors import RunError
from core.launch import start
from core.launch.login import ends_with_login
from core.launch.queue import line_up
from core.preflight import preflight
from core.runs import Run, RunStore, find_root


@with_settings()
def train(
    values: dict[str, Any],
    source: SourceArgument = None,
    config: Annotated[Optional[Path], typer.Option("--config", help="Begin from this run.toml.")] = None,  # noqa: UP045
    name: Annotated[str, typer.Option("--name", help="Name of the run; made up when not given.")] = "",
    runs: RunsOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start and return at once.")] = False,
    queue: Annotated[
        bool, typer.Option("--queue", help="Wait for its turn behind other runs; return at once.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Train on a file and save the run.

    The first ctrl+c stops and saves, the second stops now.
    """
    chosen = preflight(configured(values, source, config, runs))
    store = RunStore(find_root(runs).path)
    run = store.create(chosen, name)
    if queue:
        line_up(run)
        say(f"{run.name} waits for its turn · finetui queue lists the line, finetui attach {run.name} follows it")
    else:
        start(run)
        say(f"run {run.name}  ({run.path})")
    if detach or queue:
        if warning := ends_with_login():
            say(f"! {warning}")
        out(json_format.dumps({"run": run.name, "path": str(run.path)}) if json else run.name)
        return
    sys.exit(watch(run, json=json, ours=True))


def work(folder: Annotated[Path, typer.Argument(help="The prepared run folder.")]) -> None:
    """Train a prepared run folder: what the launchers start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if not (folder / "run.toml").is_file():
        raise RunError(f"{folder} is not a run folder", "It has no run.toml.")
    from core.training.worker import work as work_on

    sys.exit(work_on(Run(folder.absolute())))

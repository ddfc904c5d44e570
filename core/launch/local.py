"""A trainer on this machine: a child in a process session of its own, so that a closed terminal does not reach it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from core.errors import RunError
from core.launch.child import child_command, child_environment
from core.runs.absence import note_exit
from core.runs.run import Run
from core.training.events import RunFailed

PRINTING = {"PYTHONIOENCODING": "utf-8:backslashreplace"}
"""What a trainer prints goes to a file of ours: no setting for a terminal, and no odd name in it, may end training."""


def start(run: Run, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start training `run` and return at once. Output goes to the run's log, facts to its event log.

    `environment` is added to that of this process.

    Raises `RunError` when the process cannot be started; the run knows it too, so that nobody waits for its trainer.
    """
    child = None
    try:
        run.note_launch(os.getpid())  # before: the trainer tells by its time what is asked of it, and what is old
        with open(run.log_path, "ab") as log:
            child = subprocess.Popen(
                child_command("work", str(run.path)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(os.sep),  # a folder that is unmounted or deleted later does not matter to the trainer
                env=child_environment() | PRINTING | dict(environment or {}),
                start_new_session=True,
            )
        run.note_trainer(child.pid)
    except OSError as broken:
        if child is not None:
            child.kill()
            child.wait()
        error = RunError(
            f"Cannot start the trainer of {run.name}",
            f"{run.path}: {broken.strerror or broken}",
            "Is the disk full, or the folder not writable?",
        )
        with suppress(OSError):
            run.record(RunFailed("RunError", error.title, error.message, error.next_step))
            run.close()
        raise error from None
    threading.Thread(target=_see_off, args=(run, child), daemon=True).start()
    return child


def _see_off(run: Run, child: subprocess.Popen[bytes]) -> None:
    """Wait for the trainer, so that it leaves no zombie behind us, and keep how it ended: nobody else can know."""
    note_exit(run, child.pid, child.wait())

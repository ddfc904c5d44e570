"""The ears of the trainer process, and how it names what went wrong."""

from __future__ import annotations

import os
import signal

import pytest

from core.config import RunConfig
from core.runs import Run, RunStore
from core.training import events as e
from core.training.worker import explain
from tests.conftest import Spawn

EARS = """
import sys
from pathlib import Path
from core.runs import Run
from core.training.worker import Ears
ears = Ears(Run(Path(sys.argv[1])))
print("ready", ears.asked(), flush=True)
for line in sys.stdin:
    print("heard", ears.asked(), flush=True)
"""


@pytest.fixture
def run(store: RunStore) -> Run:
    return store.create(RunConfig(), "one")


def test_what_is_asked_while_the_trainer_starts_is_heard(run: Run, spawn: Spawn) -> None:
    run.ask("stop")
    assert spawn(EARS, run.path).communicate()[0] == "ready stop\n"


def test_what_was_asked_of_an_earlier_trainer_is_settled(run: Run, spawn: Spawn) -> None:
    run.ask("stop")
    run.record(e.RunStarted(1, "box", ""))
    run.close()
    assert spawn(EARS, run.path).communicate()[0] == "ready \n"


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGHUP])
def test_a_request_or_a_signal_is_heard_and_a_closed_terminal_is_not(
    run: Run, spawn: Spawn, number: signal.Signals | None
) -> None:
    child = spawn(EARS, run.path)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready \n"
    run.control_path.write_text('damaged\n[]\n{"ask": "dance"}\n')
    if number is None:
        run.ask("stop")
    else:
        os.kill(child.pid, number)
    said = "" if number is signal.SIGHUP else "stop"
    assert child.communicate("what?\n")[0] == f"heard {said}\n"


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    ("error", "kind", "way"),
    [
        (MemoryError(), "OutOfMemory", "--accumulation"),
        (OutOfMemoryError("CUDA out of memory"), "OutOfMemory", "--accumulation"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "OutOfMemory", "--accumulation"),
        (OSError(28, "No space left on device"), "DiskFull", "Make room"),
        (KeyError("x"), "KeyError", "log"),
    ],
)
def test_errors_that_are_not_ours_get_a_name_and_a_way_on(error: Exception, kind: str, way: str) -> None:
    found = explain(error)
    assert found[0] == kind
    assert way in found[3]

"""The ears of the trainer process, and how it names what went wrong."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from core.config import RunConfig
from core.errors import RunError
from core.runs import Run, RunState, RunStore, follow
from core.training import events as e
from core.training import worker
from core.training.worker import explain
from tests.conftest import Spawn

EARS = """
import sys
from pathlib import Path
from core.runs import Run
from core.training.listening import Ears
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


def test_a_trainer_started_by_hand_does_not_hear_what_was_asked_of_one_that_was_launched(
    run: Run, spawn: Spawn
) -> None:
    run.record(e.RunStarted(1, "box", ""))
    run.close()
    run.note_launch(1)  # another process than the one that listens below
    run.ask("pause")
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
    said = {None: "stop", signal.SIGHUP: ""}.get(number, "pause")
    assert child.communicate("what?\n")[0] == f"heard {said}\n"


BUSY = """
import signal, sys, time
from pathlib import Path
from core.runs import Run
from core.training import events as e, listening, session, worker
listening.HEARTBEAT = 0.1
def train(run, asked):
    yield e.StageChanged("read")
    if sys.argv[2] == "planned":
        yield e.StageChanged("train")
    print("busy", flush=True)
    if sys.argv[2] == "slow":
        sys.stdin.readline()
    while sys.argv[2] != "slow":
        time.sleep(0.01)  # a stage that asks nobody
    yield e.StageChanged("split")
    print("went on", flush=True)
session.train = train
sys.exit(worker.work(Run(Path(sys.argv[1]))))
"""


def last_fact(run: Run) -> e.RunFinished:
    fact = run.raw_records()[-1][2]
    assert isinstance(fact, e.RunFinished)
    return fact


@pytest.mark.parametrize("how", ["kill", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("stage", ["before", "planned"])
def test_now_means_now_and_is_the_last_fact(run: Run, spawn: Spawn, stage: str, how: str) -> None:
    child = spawn(BUSY, run.path, stage)
    assert child.stdout is not None
    assert child.stdout.readline() == "busy\n"
    beats = (record for batch in follow(run) for record in batch.records if isinstance(record.event, e.Heartbeat))
    assert next(beats)  # it lives although its stage is silent
    if how == "kill":
        run.ask("stop")
        run.ask("stop")  # asking for the same again is no hurry
        run.ask("kill")
    else:
        os.kill(child.pid, signal.SIGUSR2)
        while child.poll() is None:
            os.kill(child.pid, getattr(signal, how))
    assert child.wait() == (130 if how == "kill" else 75)
    last = run.newest()
    if how == "kill":
        assert isinstance(last, e.RunFinished)
        assert last.reason == "stopped now by a person; there is no model"
    else:  # the machine was wanted for something else: the run can go on
        assert last == e.RunPaused(0, "ended at once by a signal")
    assert run.state() is (RunState.STOPPED if how == "kill" else RunState.PAUSED)
    numbers = [number for number, _, _ in run.raw_records()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_request_before_training_ends_the_run_at_the_next_stage(run: Run, spawn: Spawn) -> None:
    child = spawn(BUSY, run.path, "slow")
    assert child.stdout is not None
    assert child.stdout.readline() == "busy\n"
    run.ask("stop")
    assert child.communicate("\n")[0] == ""  # it did not go on
    assert child.returncode == 0
    assert run.state() is RunState.STOPPED
    assert last_fact(run).reason == "stopped before the first step: there is no model"


def test_many_threads_record_whole_facts_in_order(run: Run) -> None:
    def record() -> None:
        for _ in range(200):
            run.record(e.StageChanged("train"))

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.close()
    assert [number for number, _, _ in run.raw_records()] == list(range(1, 801))


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    ("error", "kind", "way"),
    [
        (MemoryError(), "MemoryFullError", "--accumulation"),
        (OutOfMemoryError("CUDA out of memory"), "MemoryFullError", "--accumulation"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "MemoryFullError", "--accumulation"),
        (OSError(28, "No space left on device"), "DiskFullError", "finetui resume one"),
        (KeyError("x"), "KeyError", "log"),
    ],
)
def test_errors_that_are_not_ours_get_a_name_and_a_way_on(error: Exception, kind: str, way: str) -> None:
    found = explain(error, "one")
    assert found[0] == kind
    assert way in found[3]


def test_a_run_that_trains_on_another_host_is_left_alone(run: Run) -> None:
    run.record(e.RunStarted(1, "far", ""))
    run.close()
    (run.path / "owner.json").write_text(json.dumps({"pid": 1, "host": "far", "boot": "x"}))
    with pytest.raises(RunError, match="one is being trained on far"):
        worker.work(run)
    assert not (run.path / "run.lock").exists()

"""Who owns a run: one trainer at a time, and readers who look without touching."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import RunConfig
from core.errors import RunError
from core.runs import RunState, RunStore
from core.runs.lock import Owner, RunLock, is_held, read_owner
from core.training import events as e
from tests.conftest import Spawn
from tests.faults.layer import Call, layer

HOLD = """
import sys
from pathlib import Path
from core.runs.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
print("free", flush=True)
"""


def test_a_second_process_is_refused_and_told_by_whom(tmp_path: Path, spawn: Spawn) -> None:
    child = spawn(HOLD, tmp_path)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(RunError, match="already being trained") as found, RunLock(tmp_path):
        pytest.fail("the lock was given twice")
    assert str(child.pid) in found.value.title
    assert "attach" in found.value.next_step
    owner = read_owner(tmp_path)
    assert owner is not None
    assert owner.pid == child.pid
    assert owner.is_local()


def test_readers_see_it_and_never_disturb(tmp_path: Path, spawn: Spawn) -> None:
    assert not is_held(tmp_path)
    child = spawn(HOLD, tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    assert all(is_held(tmp_path) for _ in range(50))
    out, _ = child.communicate()  # closes its input: it lets go
    assert out == "free\n"
    assert not is_held(tmp_path)
    with RunLock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_a_reader_without_the_right_to_write_sees_it(tmp_path: Path, spawn: Spawn) -> None:
    child = spawn(HOLD, tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    (tmp_path / "run.lock").chmod(0o400)
    assert is_held(tmp_path)


def test_kill_frees_it(tmp_path: Path, spawn: Spawn) -> None:
    child = spawn(HOLD, tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not is_held(tmp_path)
    with RunLock(tmp_path):
        owner = read_owner(tmp_path)
        assert owner == Owner.me()


def test_a_refused_lock_leaves_the_owner_as_it_was(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        before = (tmp_path / "owner.json").read_bytes()
        with pytest.raises(RunError), RunLock(tmp_path):
            pytest.fail("the lock was given twice")
        assert (tmp_path / "owner.json").read_bytes() == before
        assert is_held(tmp_path)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="Cannot write"), RunLock(tmp_path / "none"):
        pytest.fail("there is nothing to lock")
    assert not is_held(tmp_path / "none")
    assert read_owner(tmp_path / "none") is None


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"pid": "x", "host": "h", "boot": "b"}'])
def test_a_damaged_owner_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "owner.json").write_text(content)
    assert read_owner(tmp_path) is None


def test_states_follow_from_facts_and_lock(store: RunStore, spawn: Spawn) -> None:
    run = store.create(RunConfig(), "one")
    assert run.state() is RunState.QUEUED
    child = spawn(HOLD, run.path)
    assert child.stdout is not None
    child.stdout.readline()
    assert run.state() is RunState.RUNNING
    run.record(e.RunStarted(child.pid, "box", ""))
    assert run.state() is RunState.RUNNING
    child.kill()
    child.wait()
    assert run.state() is RunState.INTERRUPTED
    for fact, state in [
        (e.RunPaused(3), RunState.PAUSED),
        (e.RunFinished("trained", False, 1.0), RunState.FINISHED),
        (e.RunFinished("stopped", True, 1.0), RunState.STOPPED),
        (e.RunFailed("DataError", "no", "", ""), RunState.FAILED),
        (e.StageChanged("train"), RunState.INTERRUPTED),
    ]:
        run.record(fact)
        assert run.state() is state
    run.close()


def ended_process() -> int:
    """The number of a process that has just ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_trainer_that_died_before_its_first_fact_is_noticed_at_once(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.note_launch(os.getpid())
    assert run.state() is RunState.QUEUED
    run.note_launch(ended_process())
    assert run.state() is RunState.INTERRUPTED


def test_a_trainer_whose_process_cannot_be_seen_is_waited_for_a_while(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / "launch.json").write_text(json.dumps({"pid": 1, "host": "elsewhere", "boot": "x", "t": time.time()}))
    assert run.state() is RunState.QUEUED
    (run.path / "launch.json").write_text('{"pid": 1, "t": 1000.0}')
    assert run.state() is RunState.INTERRUPTED


def test_a_run_that_nobody_launches_does_not_wait_for_ever(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / "launch.json").write_text("damaged")
    assert run.state() is RunState.QUEUED
    os.utime(run.path / "run.toml", (1000, 1000))
    assert run.state() is RunState.INTERRUPTED


@pytest.mark.parametrize(("skew", "state"), [(-30, RunState.RUNNING), (-3600, RunState.INTERRUPTED)])
def test_a_trainer_on_another_host_is_judged_by_the_growth_of_its_log(
    store: RunStore, skew: float, state: RunState
) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / "owner.json").write_text(json.dumps({"pid": 1, "host": "elsewhere", "boot": "x"}))
    run.record(e.RunStarted(1, "elsewhere", ""))
    now = time.time()
    os.utime(run.events_path, (now + skew, now + skew))
    assert run.state() is state
    run.record(e.StageChanged("train"))
    os.utime(run.events_path, (1000, 1000))  # the file server's clock may be wrong: growth counts, however dated
    assert run.state() is RunState.RUNNING
    run.close()


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that answers every question about locks as one mounted without them does."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_locks")
def test_a_file_system_without_locks_can_be_trained_on(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(RunError, match="already being trained"), RunLock(tmp_path):
            pytest.fail("the run was given twice")
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    (tmp_path / "owner.json").write_text(json.dumps({"pid": ended_process(), "host": Owner.me().host, "boot": "x"}))
    assert not is_held(tmp_path)
    with RunLock(tmp_path):
        assert is_held(tmp_path)


def test_the_state_of_a_long_log_is_found_at_its_end(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.record(e.RunFinished("trained", False, 1.0))
    run.record(e.Warned("long", "x" * 100_000))
    assert run.state() is RunState.INTERRUPTED
    run.record(e.RunFailed("DataError", "no", "y" * 100_000, ""))
    run.close()
    with open(run.events_path, "ab") as log:
        log.write(b"damaged\n" * 2000 + b'{"n": 4')
    assert run.state() is RunState.FAILED


def test_who_cannot_write_the_owner_down_lets_go(tmp_path: Path) -> None:
    def full(call: Call, do: Callable[..., Any]) -> Any:
        if call.kind == "write":
            raise OSError(errno.ENOSPC, "No space left on device", call.path)
        return do()

    lock = RunLock(tmp_path)
    with layer(tmp_path, full), pytest.raises(RunError, match="Cannot write") as found, lock:
        pytest.fail("nobody knows whose it is")
    assert "No space left" in found.value.message
    assert not is_held(tmp_path)
    with lock:
        assert is_held(tmp_path)

"""A trainer that says nothing and one that is gone: what a person is told of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from core.cli.runs import show
from core.config import RunConfig
from core.launch import local
from core.runs import History, Run, RunState, RunStore, absence, follow, read_history
from core.runs.lock import boot_id
from core.training import events as e


@pytest.fixture
def run(store: RunStore) -> Run:
    made = store.create(RunConfig(), "one")
    made.record(e.RunStarted(os.getpid(), socket.gethostname(), ""))
    made.record(e.Heartbeat(1 << 20, 99.0))
    made.close()
    return made


def own(run: Run, **fields: object) -> None:
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "boot": boot_id()} | fields
    (run.path / "owner.json").write_text(json.dumps(owner))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds by which the reader's clock has gone on."""
    on = [0.0]
    began, wall = time.monotonic(), time.time()
    monkeypatch.setattr(absence.time, "monotonic", lambda: began + on[0])
    monkeypatch.setattr(absence.time, "time", lambda: wall + on[0])
    return on


def test_silence_is_told_once_signs_of_life_are_missing_and_ends_with_the_next(run: Run, clock: list[float]) -> None:
    own(run)
    silence = absence.Silence(run)
    assert silence.seconds(read_history(run), RunState.RUNNING) == 0
    clock[0] = 15
    assert silence.seconds(read_history(run), RunState.RUNNING) == 0
    clock[0] = 43
    assert silence.seconds(read_history(run), RunState.RUNNING) == pytest.approx(43, abs=2)
    run.record(e.Heartbeat(1 << 20, 99.0))
    run.close()
    assert silence.seconds(read_history(run), RunState.RUNNING) == 0


def test_who_comes_late_is_told_the_whole_silence(run: Run, clock: list[float]) -> None:
    own(run)
    clock[0] = 300
    assert absence.Silence(run).seconds(read_history(run), RunState.RUNNING) == pytest.approx(300, abs=2)


def test_another_machine_s_clock_makes_nobody_silent(run: Run, clock: list[float]) -> None:
    own(run, host="elsewhere")
    clock[0] = 300  # its clock is five minutes behind ours
    silence = absence.Silence(run)
    assert silence.seconds(read_history(run), RunState.RUNNING) == 0
    clock[0] = 330
    assert silence.seconds(read_history(run), RunState.RUNNING) == pytest.approx(30, abs=2)


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.FINISHED, RunState.INTERRUPTED])
def test_only_a_run_that_trains_can_be_silent(run: Run, clock: list[float], state: RunState) -> None:
    own(run)
    silence, history = absence.Silence(run), read_history(run)
    silence.seconds(history, state)
    clock[0] = 100
    assert silence.seconds(history, state) == 0


def test_a_stopped_process_is_named_with_the_way_to_wake_it(run: Run) -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        own(run, pid=child.pid)
        assert absence.silence_text(run, 43.9) == "silent for 43 s"
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        assert absence.silence_text(run, 43.9).endswith(f"is stopped: kill -CONT {child.pid} lets it go on")
    finally:
        child.kill()
        child.wait()
    assert absence.silence_text(run, 250) == "silent for 4 min"
    assert absence.silence_text(run, 0) == ""


def gone(run: Run) -> str:
    return absence.why_gone(run, read_history(run))


def test_what_the_parent_saw_of_its_end_is_kept_for_later_readers(run: Run) -> None:
    own(run, pid=4711)
    run.note_launch(4711)
    assert gone(run) == ""
    absence.note_exit(run, 4710, -9)  # an earlier trainer of this run
    assert gone(run) == ""
    absence.note_exit(run, 4711, -9)
    assert gone(Run(run.path)) == "Its process 4711 was ended by signal 9 (SIGKILL)."
    absence.note_exit(run, 4711, 3)
    assert gone(run) == "Its process 4711 ended with exit code 3."


def test_a_machine_that_was_started_anew_and_one_elsewhere(run: Run) -> None:
    own(run, boot="another")
    assert gone(run) == "This machine was started anew since then."
    own(run, host="elsewhere")
    assert gone(run) == "It ran on elsewhere, which tells no more from here."
    (run.path / "owner.json").unlink()
    assert gone(run) == ""


def test_memory_that_was_nearly_used_up_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    own(run)
    monkeypatch.setattr(absence, "memory_limit", lambda: 10 << 30)
    assert gone(run) == ""
    run.record(e.Heartbeat(9 << 30, 99.0))
    run.close()
    assert "held 9.0 of the 10.0 GiB" in gone(run)
    monkeypatch.setattr(absence, "memory_limit", lambda: 0)
    assert gone(run) == ""


def test_this_machine_says_how_much_memory_it_has() -> None:
    assert absence.memory_limit() > 1 << 27


def test_a_damaged_record_is_no_error(run: Run) -> None:
    own(run, pid=4711)
    (run.path / "launch.json").write_text("[")
    (run.path / "exit.json").write_text("[")
    assert absence.why_gone(run, History()) == ""


def test_a_trainer_killed_under_our_eyes_is_known_to_have_been(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local, "child_command", lambda *words: ["sleep", "60"])
    run = store.create(RunConfig(), "killed")
    child = local.start(run)
    os.kill(child.pid, signal.SIGKILL)
    while absence.why_gone(run, History()) == "":
        time.sleep(0.01)  # the thread that waits for the child writes it down
    assert f"process {child.pid} was ended by signal 9 (SIGKILL)" in absence.why_gone(run, History())


def test_show_tells_of_a_silent_trainer_and_of_one_that_is_gone(
    run: Run, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with run.lock():
        clock[0] = 43
        show("one", runs=run.path.parent)
    assert "silent for 43 s" in capsys.readouterr().err
    own(run, boot="another")
    clock[0] = 100  # the record of another boot is believed for a minute
    show("one", runs=run.path.parent)
    told = capsys.readouterr().err
    assert "started anew" in told
    assert "silent for" not in told


def test_who_follows_a_silent_run_may_be_woken_without_news(run: Run) -> None:
    with run.lock():
        batches = follow(run, idle=0.01)
        assert next(batches).records
        assert next(batches).records == ()

"""What the shell says of runs without scores: why they ended, what can be done with them, where deleted ones are."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from core.cli import follow, main
from core.config import RunConfig
from core.launch import again, child_command, child_environment
from core.runs import Run, RunStore
from core.runs.atomic import commit_dir
from core.runs.checkpoints import checkpoints_path, place_of
from core.runs.resume import STUCK, outlook
from core.training import events as e
from tui.advice import here

PLAN = e.PlanMade("starter", 1, 1, 64, 0, 4, 22, 88, 100, 1.0)
DEVICE = ("cpu", "2 cores", "fp32", 2)
NOW = e.RunFinished("stopped now by a person; there is no model", True, 3.0)


@pytest.fixture(autouse=True)
def here_are_the_runs(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_RUNS", str(store.root))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that a trainer would have been started on."""
    found: list[str] = []
    monkeypatch.setattr(again, "start", lambda run: found.append(run.name))
    return found


def left(store: RunStore, name: str, *facts: e.Event, checkpoint: int = 0, age: int = 0) -> Run:
    """A run with these facts, a checkpoint after this step, made so many seconds ago."""
    run = store.create(RunConfig(), name)
    for fact in (e.RunStarted(1, "box", ""), PLAN, *facts):
        run.record(fact)
    run.close()
    if checkpoint:
        checkpoints_path(run.path).mkdir()
        with commit_dir(place_of(run.path, checkpoint)) as folder:
            (folder / "progress.json").write_text("{}")
    moment = (run.path / "run.toml").stat().st_mtime - 1_000_000 - age
    os.utime(run.path / "run.toml", (moment, moment))
    return run


def with_model(run: Run) -> Run:
    with commit_dir(run.model_path) as folder:
        (folder / "config.json").write_text("{}")
    return run


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code of a command, its data and its messages."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.mark.parametrize(
    ("layers", "depth", "embeddings", "parameters", "said"),
    [
        (0, 6, False, 770, "epoch 2: the head alone trains, 770 parameters"),
        (3, 6, False, 5_321_000, "epoch 2: the top 3 of 6 layers train too, 5.3 M parameters"),
        (6, 6, False, 66_400, "epoch 2: all 6 layers train too, 66.4 k parameters"),
        (6, 6, True, 22_700_000, "epoch 2: all layers train, the embeddings too, 22.7 M parameters"),
    ],
)
def test_what_joins_is_told_once(
    layers: int,
    depth: int,
    embeddings: bool,
    parameters: int,
    said: str,
    store: RunStore,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fact = e.LayersJoined(22, 2, layers, depth, embeddings, parameters)
    run = left(store, "slow", fact, e.RunResumed(22, True), fact, NOW)
    follow.watch(run, json=False, ours=False)
    assert capsys.readouterr().err.count(said) == 1


def test_what_can_follow_an_end_depends_on_what_lies_there(store: RunStore) -> None:
    empty = left(store, "empty", NOW)
    found = outlook(empty, empty.state(), NOW)
    assert (found.why_not, found.can_have_more) == ("It ended before there was a model.", False)
    assert found.next_step.endswith(f"finetui train --config {empty.path / 'run.toml'}")
    assert here(found.next_step) == "Train anew: n, then ctrl+r"

    kept = with_model(left(store, "kept", NOW))
    found = outlook(kept, kept.state(), NOW)
    assert found.why_not == "It was ended at once: its best weights are kept, nothing was scored."
    assert ("finetui resume kept --epochs 2" in found.next_step, found.can_have_more) == (True, True)

    (kept.path / "metrics.json").write_text("{}")
    found = outlook(kept, kept.state(), NOW)
    assert found.why_not == "It is stopped: its test rows have been scored."


def test_an_end_without_scores_is_told_as_such(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    left(store, "empty", NOW)
    for words in (("show", "empty"), ("attach", "empty")):
        _, _, told = called(capsys, *words)
        assert "stopped now by a person; there is no model" in told
        assert "It ended before there was a model." in told
        assert f"finetui train --config {store.root / 'empty' / 'run.toml'}" in told
    code, _, told = called(capsys, "resume", "empty")
    assert (code, "It ended before there was a model." in told, "scored" in told) == (2, True, False)


def test_show_says_why_a_run_ended_as_attach_does(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    left(
        store, "failed", e.RunFailed("DataError", "The file is gone", "No such file.", "Bring it back."), checkpoint=66
    )
    left(store, "paused", e.RunPaused(66, "ended at once by a signal"), checkpoint=66)
    shown = {name: called(capsys, "show", name)[2] for name in ("failed", "paused")}
    assert shown == {name: called(capsys, "attach", name)[2] for name in ("failed", "paused")}
    for text in ("failed: The file is gone", "No such file.", "Bring it back.", "resume failed"):
        assert text in shown["failed"]
    assert "paused at step 66 of 88" in shown["paused"]
    assert "ended at once by a signal" in shown["paused"]


def test_the_list_has_hints_for_all_that_can_go_on(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    left(store, "failed", e.RunFailed("DataError", "The file is gone", "", ""), checkpoint=66)
    left(store, "diverged", e.RunFailed("NotFiniteError", "The loss is not a number", "", ""), checkpoint=66)
    left(store, "ended", NOW)
    _, _, told = called(capsys, "runs")
    assert "failed: failed, goes on from step 66 of 88" in told
    assert "  The file is gone" in told
    assert "resume diverged" not in told
    assert "resume ended" not in told


def test_a_trainer_that_could_not_go_on_says_why_and_that_is_an_error(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = STUCK + "The data has changed. Bring the file back as it was."
    left(store, "stuck", e.RunPaused(66, reason), checkpoint=66)
    left(store, "fine", e.RunPaused(66), checkpoint=66)
    code, _, told = called(capsys, "attach", "stuck")
    assert (code, reason in told, "paused at step 66 of 88" in told) == (2, True, True)
    assert called(capsys, "attach", "fine")[0] == 75
    assert reason in called(capsys, "show", "stuck")[2]
    assert reason in called(capsys, "runs")[2]


def test_stop_scores_a_failed_run_that_has_a_checkpoint(
    store: RunStore, capsys: pytest.CaptureFixture[str], launched: list[str]
) -> None:
    left(store, "failed", e.RunFailed("DataError", "", "", ""), checkpoint=66)
    left(store, "diverged", e.RunFailed("NotFiniteError", "", "", ""), checkpoint=44)
    left(store, "bare", e.RunFailed("DataError", "", "", ""))
    code, _, told = called(capsys, "stop", "failed")
    told = told.strip()
    assert (code, told) == (
        0,
        "failed is being scored and saved as it was after step 66 of 88 · finetui attach failed",
    )
    assert "after step 44 of 88" in called(capsys, "stop", "diverged")[2]
    code, _, told = called(capsys, "stop", "bare")
    assert (code, "nothing of bare to save yet" in told) == (2, True)
    assert launched == ["failed", "diverged"]


def test_resume_without_a_name_takes_the_newest_that_can_go_on(
    store: RunStore, capsys: pytest.CaptureFixture[str], launched: list[str]
) -> None:
    assert "No run waits to go on" in called(capsys, "resume")[2]
    left(store, "old", e.RunPaused(22), checkpoint=22, age=30)
    left(store, "new", e.RunFailed("DataError", "", "", ""), checkpoint=66, age=20)
    left(store, "diverged", e.RunFailed("NotFiniteError", "", "", ""), checkpoint=66, age=10)
    left(store, "ended", NOW)
    code, printed, told = called(capsys, "resume", "--detach")
    assert (code, printed, launched) == (0, "new\n", ["new"])
    assert "new goes on from step 66 of 88" in told
    code, _, told = called(capsys, "resume", "--epochs", "2")
    assert (code, "More epochs of which run?" in told) == (2, True)


def test_a_warning_has_a_colon_and_equal_ones_are_shown_once(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    one = e.Warned("A checkpoint is damaged, the one before it is used", "step-9 is damaged")
    left(store, "warned", one, one, e.Warned("Nothing more to say"), e.RunPaused(66))
    told = called(capsys, "show", "warned")[2]
    assert told.count("! A checkpoint is damaged, the one before it is used: step-9 is damaged\n") == 1
    assert "! Nothing more to say\n" in told
    assert "used: step-9 is damaged" in called(capsys, "attach", "warned")[2]


def test_the_device_is_told_once_whatever_the_reason_for_it(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = e.DeviceChosen(*DEVICE, "no GPU found"), e.DeviceChosen(*DEVICE, "as before")
    other = e.DeviceChosen("cuda", "H200", "bf16", 2, "")
    left(store, "moved", first, e.RunPaused(1), e.RunStarted(1, "box", ""), second, other, e.RunPaused(1))
    told = called(capsys, "attach", "moved")[2]
    assert (told.count("cpu 2 cores"), told.count("cuda H200")) == (1, 1)


@pytest.mark.parametrize("command", ["attach", "pause", "stop"])
def test_without_any_run_it_says_so_and_where_it_looked(
    command: str, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, told = called(capsys, command)
    assert (code, "There are no runs yet" in told, str(store.root) in told, "'last'" in told) == (2, True, True, False)


def test_restore_takes_a_beginning_and_lists_what_is_there(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert "It is empty." in called(capsys, "restore", "brisk")[2]
    for name in ("brisk-otter", "brisk-heron", "calm-wren"):
        left(store, name, NOW)
        store.delete(name)
    code, _, told = called(capsys, "restore", "owl")
    assert code == 2
    assert all(name in told for name in ("brisk-otter", "brisk-heron", "calm-wren"))
    assert "More than one run in the trash" in called(capsys, "restore", "brisk")[2]
    for words in (("show", "calm-wren"), ("resume", "calm-wren")):
        code, _, told = called(capsys, *words)
        assert (code, "calm-wren is in the trash" in told, "finetui restore calm-wren" in told) == (2, True, True)
    assert called(capsys, "restore", "calm")[0] == 0
    assert store.names() == ["calm-wren"]
    assert called(capsys, "restore", "brisk-otter")[0] == 0
    assert set(store.names()) == {"calm-wren", "brisk-otter"}


def test_of_a_name_that_was_deleted_twice_the_newest_comes_back(store: RunStore) -> None:
    for kind in ("old", "new"):
        left(store, "twice", e.RunFinished(kind, True, 1.0))
        store.delete("twice")
    from core.runs import trash

    last = store.restore(trash.find(store.root, "twice")).newest()
    assert isinstance(last, e.RunFinished)
    assert last.reason == "new"


def test_the_name_of_a_file_is_taken_as_a_text_and_that_is_said(
    store: RunStore, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(store, "empty", NOW)
    monkeypatch.chdir(tmp_path)
    Path("my q.csv").write_text("a\n")
    told = called(capsys, "classify", "empty", "my q.csv")[2]
    assert f"finetui classify empty - < {shlex.quote('my q.csv')}" in told
    assert "< " not in called(capsys, "classify", "empty", "other.csv")[2]


def test_who_does_not_wait_for_a_pause_is_told_that_it_is_still_asked_for(store: RunStore) -> None:
    run = store.create(RunConfig(), "busy")
    run.record(e.RunStarted(1, "box", ""))
    with run.lock():
        child = subprocess.Popen(
            child_command("pause", "busy"), stderr=subprocess.PIPE, text=True, env=child_environment()
        )
        assert child.stderr is not None
        assert child.stderr.readline() == "busy: asked to pause, waiting for the step to end\n"
        child.send_signal(signal.SIGINT)
        told = child.communicate()[1]
    assert (child.returncode, "the request to pause stands" in told) == (130, True)
    assert "finetui attach busy" in told


def test_a_silent_trainer_is_told_while_one_waits_for_its_pause(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = store.create(RunConfig(), "quiet")
    run.record(e.RunStarted(1, "box", ""))
    from core.cli import control

    def end(wanted: object, seconds: float) -> str:
        if seconds:
            run.record(e.RunPaused(0))
            return "silent for 43 s"
        return ""

    monkeypatch.setattr(control, "silence_text", end)
    monkeypatch.setattr(control.Silence, "seconds", lambda *_: 43.0)
    with run.lock():
        code, _, told = called(capsys, "pause", "quiet")
    run.close()
    assert (code, told.count("silent for 43 s")) == (0, 1)


@pytest.mark.parametrize(
    ("number", "job", "asked"),
    [(signal.SIGUSR2, "", True), (signal.SIGTERM, "17", True), (signal.SIGTERM, "", False)],
)
def test_a_scheduler_that_wants_the_machine_back_gets_a_checkpoint(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, job: str, asked: bool
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", job)
    run, cancelled = store.create(RunConfig(), "job"), threading.Event()
    heard = follow._Signals(run, cancelled, ours=True)
    try:
        os.kill(os.getpid(), number)
    finally:
        heard.close()
    assert run.control_path.exists() is asked
    assert cancelled.is_set() is not asked
    if asked:
        assert json.loads(run.control_path.read_text())["ask"] == "pause"


def test_a_run_without_a_whole_checkpoint_is_not_said_to_go_on(store: RunStore) -> None:
    run = store.create(RunConfig(), "torn")
    run.record(e.RunStarted(1, "box", ""))
    run.record(e.RunPaused(9))
    run.close()
    place_of(run.path, 9).mkdir(parents=True)
    found = outlook(run, run.state(), run.newest())
    assert found.why_not == "None of its checkpoints is whole."
    assert str(checkpoints_path(run.path)) in found.next_step

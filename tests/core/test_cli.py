"""The command line as a person in a shell meets it: what it prints where, its exit codes, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli import COMMANDS, HIDDEN
from core.config import RunConfig, dumps
from core.launch import child_command, child_environment
from core.runs import Run, RunState, RunStore, follow
from core.runs.atomic import verify_dir
from core.runs.checkpoints import newest
from core.training import events as e
from tests.core.test_session import config_for, write_reviews


def finetui(*words: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        child_command(*words), capture_output=True, text=True, cwd=cwd, env=child_environment(), input=stdin
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file, a configuration for a tiny model, and one finished run, `first`."""
    folder = tmp_path_factory.mktemp("cli")
    config = config_for(folder, write_reviews(folder / "reviews.csv"), epochs=8)
    (folder / "tiny.toml").write_text(dumps(config))
    done = finetui("train", "reviews.csv", "--config", "tiny.toml", "--name", "first", "--runs", "runs", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "locked test" in done.stdout
    assert "baselines" in done.stderr
    return folder


def test_every_command_explains_itself(tmp_path: Path) -> None:
    text = finetui("--help", cwd=tmp_path).stdout
    for name in COMMANDS:
        if name not in HIDDEN:
            assert name in text
            assert "Usage" in finetui(name, "--help", cwd=tmp_path).stdout


def test_runs_lists_it_for_people_and_for_scripts(place: Path) -> None:
    assert "first" in finetui("runs", "--runs", "runs", cwd=place).stdout
    (row,) = [
        one
        for one in json.loads(finetui("runs", "--json", "--runs", "runs", cwd=place).stdout)
        if one["name"] == "first"
    ]
    assert row["state"] == "finished"
    assert 0 < row["macro_f1"] <= 1


def test_show_has_baselines_beside_the_scores(place: Path) -> None:
    text = finetui("show", "first", "--runs", "runs", cwd=place).stdout
    assert "TF-IDF" in text
    assert "always the largest class" in text
    assert "scored by 1 run" in text
    assert json.loads(finetui("show", "first", "--json", "--runs", "runs", cwd=place).stdout)["state"] == "finished"


def test_attach_to_a_finished_run_ends_at_once_with_its_scores(place: Path) -> None:
    done = finetui("attach", "first", "--runs", "runs", cwd=place)
    assert done.returncode == 0
    assert "macro F1" in done.stdout


def test_classify_answers_words_and_lines(place: Path) -> None:
    done = finetui("classify", "first", "the film was great on day 7", "--json", "--runs", "runs", cwd=place)
    assert json.loads(done.stdout)["label"] == "positive"
    lines = finetui(
        "classify",
        "first",
        "-",
        "--json",
        "--runs",
        "runs",
        cwd=place,
        stdin="the meal was awful on day 7\nthe room was lovely on day 9\n",
    ).stdout
    assert [json.loads(line)["label"] for line in lines.splitlines()] == ["negative", "positive"]


def test_detach_stop_attach(place: Path) -> None:
    started = finetui(
        "train",
        "reviews.csv",
        "--config",
        "tiny.toml",
        "--epochs",
        "1000",
        "--name",
        "long",
        "--runs",
        "runs",
        "--detach",
        cwd=place,
    )
    assert started.stdout.strip() == "long"
    run = RunStore(place / "runs").open("long")
    assert run.state().is_live
    assert finetui("stop", "long", "--runs", "runs", cwd=place).returncode == 0
    ended = finetui("attach", "long", "--runs", "runs", cwd=place)
    assert ended.returncode == 0
    assert run.state() is RunState.STOPPED
    again = finetui("stop", "long", "--runs", "runs", cwd=place)
    assert (again.returncode, "not training" in again.stderr) == (2, True)


def started(place: Path, name: str) -> Run:
    """A run of many epochs that trains in the background, its first epoch done."""
    words = ("--config", "tiny.toml", "--epochs", "1000", "--name", name, "--runs", "runs", "--detach")
    assert finetui("train", "reviews.csv", *words, cwd=place).returncode == 0
    run = RunStore(place / "runs").open(name)
    for batch in follow(run):
        if any(isinstance(one.event, e.EpochFinished) for one in batch.records):
            return run
    raise AssertionError(run.log_path.read_text())


def test_save_pause_resume_stop(place: Path) -> None:
    run = started(place, "patient")
    saved = json.loads(finetui("save", "patient", "--json", "--runs", "runs", cwd=place).stdout)
    assert (saved["run"], saved["step"] > 0, saved["bytes"] > 0) == ("patient", True, True)
    paused = finetui("pause", "patient", "--runs", "runs", cwd=place)
    assert (paused.returncode, run.state()) == (0, RunState.PAUSED)
    assert paused.stderr.startswith("patient: asked to pause, waiting for the step to end\n")
    assert "patient: paused at step" in paused.stderr
    assert "resume patient" in paused.stderr
    attached = finetui("attach", "patient", "--runs", "runs", cwd=place)
    assert (attached.returncode, "resume patient" in attached.stderr) == (75, True)
    listed = finetui("runs", "--runs", "runs", cwd=place)
    assert "patient: paused at step" in listed.stderr
    early = finetui("resume", "patient", "--epochs", "2", "--runs", "runs", cwd=place)
    assert (early.returncode, "not complete" in early.stderr) == (2, True)
    assert "paused" in finetui("save", "patient", "--runs", "runs", cwd=place).stderr

    step = json.loads(finetui("show", "patient", "--json", "--runs", "runs", cwd=place).stdout)["resumes_from"]
    child = subprocess.Popen(
        child_command("resume", "patient", "--runs", "runs"),
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=child_environment(),
    )
    assert child.stderr is not None
    told = []
    for line in child.stderr:
        told.append(line)
        if line.startswith("epoch "):
            break
    assert told[0].startswith(f"patient goes on from step {step} of ")
    assert not any("not exact" in line for line in told)
    child.send_signal(signal.SIGTERM)  # is meant for who watches
    assert "still training" in child.communicate()[1]
    assert (child.returncode, run.state()) == (143, RunState.RUNNING)
    assert finetui("stop", "patient", "--runs", "runs", cwd=place).returncode == 0
    followed = finetui("attach", "patient", "--runs", "runs", cwd=place)
    assert followed.returncode == 0
    devices = [line for line in followed.stderr.splitlines() if line.endswith(" threads")]
    assert len(devices) == 1, "who went on with it works on the same device, which is no news"
    assert f"resumed just now from step {step} of" in finetui("show", "patient", "--runs", "runs", cwd=place).stdout
    done = finetui("resume", "patient", "--runs", "runs", cwd=place)
    assert (done.returncode, "--epochs" in done.stderr) == (2, True)


def test_a_killed_trainer_is_told_and_stop_scores_what_it_left(place: Path) -> None:
    run = started(place, "killed")
    assert finetui("save", "killed", "--runs", "runs", cwd=place).returncode == 0
    os.kill(json.loads((run.path / "launch.json").read_text())["pid"], signal.SIGKILL)
    told = finetui("attach", "killed", "--runs", "runs", cwd=place)
    assert (told.returncode, "killed was interrupted" in told.stderr) == (1, True)
    assert "killed: interrupted, goes on from step" in told.stderr
    assert "resume killed" in told.stderr
    stopped = finetui("stop", "killed", "--runs", "runs", cwd=place)
    assert "killed is being scored and saved as it was after step" in stopped.stderr
    assert finetui("attach", "killed", "--runs", "runs", cwd=place).returncode == 0
    assert run.state() is RunState.STOPPED
    assert (run.path / "metrics.json").exists()


def test_more_epochs_are_a_child_on_the_same_rows(place: Path) -> None:
    done = finetui("resume", "first", "--epochs", "1", "--json", "--runs", "runs", cwd=place)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["run"], facts["parent"], facts["state"]) == ("first-more", "first", "finished")
    marks = [
        {key: json.loads((place / "runs" / name / "data.json").read_text())[key] for key in ("rows", "test_mark")}
        for name in ("first", "first-more")
    ]
    assert marks[0] == marks[1]
    assert "after  first" in finetui("show", "first-more", "--runs", "runs", cwd=place).stdout
    row = next(
        line for line in finetui("runs", "--runs", "runs", cwd=place).stdout.splitlines() if "first-more" in line
    )
    assert row.split()[-1] == "first"
    (place / "runs" / "first-more").rename(place / "gone")  # other tests name `first` by its beginning


def test_a_run_without_memory_names_the_command_that_wants_half(place: Path, tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(store_config(place), "large")
    run.record(e.RunFailed("MemoryFullError", "Out of memory", "It did not fit.", "Halve the batch."))
    run.close()
    told = finetui("attach", "large", "--runs", "runs", cwd=tmp_path)
    assert told.returncode == 71
    assert f"train --config {run.path / 'run.toml'} --batch-size 4 --accumulation 2" in told.stderr


def test_ctrl_c_once_stops_and_saves(place: Path) -> None:
    child = subprocess.Popen(
        child_command(
            "train",
            "reviews.csv",
            "--config",
            "tiny.toml",
            "--epochs",
            "1000",
            "--name",
            "broken-off",
            "--runs",
            "runs",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=child_environment(),
    )
    assert child.stderr is not None
    for line in child.stderr:
        if "epoch 1 " in line:
            break
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate()
    assert child.returncode == 0
    assert "stopping" in errors
    assert RunStore(place / "runs").open("broken-off").state() is RunState.STOPPED


def test_ctrl_c_twice_stops_now(place: Path) -> None:
    words = ("train", "reviews.csv", "--config", "tiny.toml", "--epochs", "1000", "--name", "cut-off", "--runs", "runs")
    child = subprocess.Popen(
        child_command(*words), stderr=subprocess.PIPE, text=True, cwd=place, env=child_environment()
    )
    assert child.stderr is not None
    for line in child.stderr:
        if "epoch 3 " in line:
            break
    run = RunStore(place / "runs").open("cut-off")
    trainer = json.loads((run.path / "launch.json").read_text())["pid"]
    os.kill(trainer, signal.SIGSTOP)  # so that it does not end between the two
    child.send_signal(signal.SIGINT)
    for line in child.stderr:
        if "ctrl+c again stops now" in line:
            break
    child.send_signal(signal.SIGINT)
    for line in child.stderr:
        if "stopping now" in line:
            break
    os.kill(trainer, signal.SIGCONT)
    _, errors = child.communicate()
    assert child.returncode == 130
    can_go_on = newest(run.path)[0] is not None  # a checkpoint is written when enough time has passed
    told = "ended at once by a person" if can_go_on else "the best weights saved so far are kept"
    assert told in errors
    assert run.state() is (RunState.PAUSED if can_go_on else RunState.STOPPED)
    assert not (run.path / "metrics.json").exists()
    verify_dir(run.model_path)


def test_attach_and_stop_take_the_newest_that_trains(place: Path, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    trains = store.create(store_config(place), "trains")
    done = store.create(store_config(place), "done")
    done.record(e.RunFinished("trained", False, 1.0))
    done.close()
    os.utime(trains.path / "run.toml", (1_000_000, 1_000_000))
    with trains.lock():
        assert "trains stops" in finetui("stop", "--runs", "runs", cwd=tmp_path).stderr
        assert "is not training" in finetui("stop", "last", "--runs", "runs", cwd=tmp_path).stderr
    trains.record(e.RunFinished("stopped", True, 1.0))
    trains.close()
    assert "done is not training" in finetui("stop", "--runs", "runs", cwd=tmp_path).stderr
    assert "done" in finetui("attach", "--runs", "runs", cwd=tmp_path).stdout


def store_config(place: Path) -> RunConfig:
    return RunStore(place / "runs").open("first").config()


def test_what_the_system_refuses_is_told_without_a_traceback(place: Path, tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(store_config(place), "odd")
    run.events_path.mkdir()
    done = finetui("show", "odd", "--runs", str(tmp_path / "runs"), cwd=place)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "events.jsonl" in done.stderr
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.argv[1], sys.argv[1:])"
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, *child_command("runs")],
        capture_output=True,
        text=True,
        cwd=gone,
        env={name: value for name, value in child_environment().items() if name != "FINETUI_RUNS"},
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "The current folder is gone" in done.stderr


def test_a_terminal_without_utf8_gets_plain_letters(place: Path) -> None:
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    done = subprocess.run(
        child_command("data", "reviews.csv"), capture_output=True, cwd=place, env=child_environment() | ascii_only
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"##" in done.stdout
    assert "-X" in child_command("work", "x")
    assert "-X" in child_command("data", "--jsonl")


def test_delete_asks_and_restore_brings_back(place: Path) -> None:
    store = RunStore(place / "runs")
    store.create(store.open("first").config(), "unloved")
    unasked = finetui("delete", "unloved", "--runs", "runs", cwd=place)
    assert (unasked.returncode, "finetui delete -y unloved" in unasked.stderr) == (2, True)
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"n\n")
    words = child_command("delete", "unloved", "--runs", "runs")
    asked = subprocess.run(words, stdin=terminal, capture_output=True, text=True, cwd=place, env=child_environment())
    os.close(keyboard)
    os.close(terminal)
    assert (asked.returncode, "Move unloved to the trash?" in asked.stderr) == (1, True)
    assert "unloved" in store.names()
    assert finetui("delete", "unloved", "--yes", "--runs", "runs", cwd=place).returncode == 0
    assert "unloved" not in store.names()
    assert finetui("restore", "unloved", "--runs", "runs", cwd=place).returncode == 0
    assert "unloved" in store.names()


def test_doctor_names_versions_devices_and_paths(tmp_path: Path) -> None:
    facts = json.loads(finetui("doctor", "--json", "--runs", "runs", cwd=tmp_path).stdout)
    assert {"versions", "devices", "paths", "terminal"} <= set(facts)
    assert "cpu" in facts["devices"]
    assert not (tmp_path / "runs").exists()


def _no_file(folder: Path) -> list[str]:
    return ["nowhere.csv"]


def _empty(folder: Path) -> list[str]:
    (folder / "empty.csv").write_text("")
    return ["empty.csv"]


def _header_only(folder: Path) -> list[str]:
    (folder / "head.csv").write_text("text,label\n")
    return ["head.csv"]


def _one_class(folder: Path) -> list[str]:
    (folder / "one.csv").write_text("text,label\n" + "".join(f"text number {n},same\n" for n in range(50)))
    return ["one.csv"]


def _no_text(folder: Path) -> list[str]:
    (folder / "numbers.csv").write_text("a,b\n" + "".join(f"{n},{n * 7 % 5}\n" for n in range(50)))
    return ["numbers.csv"]


def _lonely_class(folder: Path) -> list[str]:
    path = write_reviews(folder / "lonely.csv", 60)
    path.write_text(path.read_text() + "a row of its own kind,odd\n")
    return ["lonely.csv"]


def _binary(folder: Path) -> list[str]:
    (folder / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    return ["picture.csv"]


def _no_model(folder: Path) -> list[str]:
    (folder / "model").mkdir()
    write_reviews(folder / "fine.csv")
    return ["fine.csv", "--model", "./model"]


def _unwritable(folder: Path) -> list[str]:
    write_reviews(folder / "fine.csv")
    (folder / "taken").write_text("a file where the runs folder should be")
    return ["fine.csv", "--runs", "taken/runs"]


def _bad_setting(folder: Path) -> list[str]:
    write_reviews(folder / "fine.csv")
    return ["fine.csv", "--epochs", "0"]


def _unknown_key(folder: Path) -> list[str]:
    write_reviews(folder / "fine.csv")
    (folder / "typo.toml").write_text("[training]\nepoch = 3\n")
    return ["fine.csv", "--config", "typo.toml"]


def _unknown_device(folder: Path) -> list[str]:
    write_reviews(folder / "fine.csv")
    return ["fine.csv", "--device", "tpu"]


BAD = [
    _no_file,
    _empty,
    _header_only,
    _one_class,
    _no_text,
    _lonely_class,
    _binary,
    _no_model,
    _unwritable,
    _bad_setting,
    _unknown_key,
    _unknown_device,
]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__.strip("_"))
def test_bad_input_is_a_clear_error_and_nothing_is_written(make: Callable[[Path], list[str]], tmp_path: Path) -> None:
    words = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    runs = [] if "--runs" in words else ["--runs", "runs"]
    done = finetui("train", *words, *runs, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) >= 2  # a reason or a next step, too
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "odd\x1b]52;c;aGk=\x07.csv"
    path.write_text("text,label\n" + "".join(f"good \x1b[31m {n},yes\nbad \u202e {n},no\n" for n in range(30)))
    done = finetui("data", str(path), cwd=tmp_path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout


def test_a_reader_that_leaves_early_is_no_error(place: Path) -> None:
    child = subprocess.Popen(
        child_command("data", "reviews.csv"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=place,
        env=child_environment(),
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert child.wait() in (0, 1)
    assert b"Error" not in errors


def test_python_in_five_lines(place: Path) -> None:
    import core

    run = core.open_run("first", runs=place / "runs")
    assert run.scores["validation"]["macro_f1"] > 0
    ((label, share),) = core.classify(run, ["the film was great on day 7"])
    assert (label, share > 0.4) == ("positive", True)

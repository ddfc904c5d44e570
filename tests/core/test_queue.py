"""The line of waiting runs: in order, one at a time, past failures and holds, and lost by nobody who dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.config import RunConfig
from core.errors import RunError
from core.launch import child_command, child_environment
from core.launch.queue import Worker, ensure_served, is_served, suits, told
from core.runs import Run, RunState, RunStore
from core.runs.lock import Owner
from core.runs.waiting import (
    QUEUED,
    TAKEN,
    cancel,
    enqueue,
    hold,
    is_abandoned,
    let_go,
    move,
    place_of,
    put_back_lost,
    take,
    taken,
    waiting,
)

TRAINER = """
import sys
from pathlib import Path
from core.runs import Run
from core.training import events as e
run = Run(Path(sys.argv[1]))
with run.lock():
    run.record(e.RunStarted(1, "here", ""))
    with open(run.path.parent / "order.txt", "a") as order:
        order.write(run.name + "\\n")
    if sys.argv[2] == "fail":
        run.record(e.RunFailed("DataError", "No rows are left", "", ""))
    elif sys.argv[2] != "vanish":
        run.record(e.RunFinished("trained", False, 1.0))
    run.close()
"""


class Trainers:
    """Starts a process that does what a trainer does to its folder; `ends` says how, by name of the run."""

    def __init__(self, **ends: str) -> None:
        self.ends = ends
        self.environments: dict[str, dict[str, str]] = {}

    def __call__(self, run: Run, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        self.environments[run.name] = environment
        words = [sys.executable, "-P", "-c", TRAINER, str(run.path), self.ends.get(run.name, "finish")]
        return subprocess.Popen(words, env=child_environment(), stdin=subprocess.DEVNULL)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def _made(store: RunStore, *names: str, device: str = "auto") -> list[Run]:
    runs = [store.create(RunConfig().with_value("training.device", device), name) for name in names]
    for run in runs:
        enqueue(run)
    return runs


def _line(store: RunStore) -> list[str]:
    return [run.name for run, _ in waiting(store.root)]


def _order(store: RunStore) -> list[str]:
    return (store.root / "order.txt").read_text().split()


def _serve(store: RunStore, trainers: Trainers, *places: str) -> None:
    Worker(store.root, list(places) or ["cpu"], trainers, period=0.01).serve()


def test_runs_are_trained_in_order_past_a_failure(store: RunStore) -> None:
    runs = _made(store, "one", "two", "three")
    assert [run.state() for run in runs] == [RunState.QUEUED] * 3
    _serve(store, Trainers(two="fail"))
    assert _order(store) == ["one", "two", "three"]
    assert [run.state() for run in runs] == [RunState.FINISHED, RunState.FAILED, RunState.FINISHED]
    assert _line(store) == []
    assert taken(store.root) == []
    ended = [(fact["run"], fact["state"]) for fact in told(store.root) if fact["what"] == "ended"]
    assert ended == [("one", "finished"), ("two", "failed"), ("three", "finished")]


def test_the_line_can_be_changed(store: RunStore) -> None:
    one, _two, three, four = _made(store, "one", "two", "three", "four")
    move(three, -1)
    assert _line(store) == ["one", "three", "two", "four"]
    move(one, 1)
    assert _line(store) == ["three", "one", "two", "four"]
    move(four, -100)
    assert _line(store) == ["four", "three", "one", "two"]
    move(four, 100)
    assert _line(store) == ["three", "one", "two", "four"]
    enqueue(store.create(RunConfig(), "urgent"), first=True)
    hold(one)
    cancel(three)
    _serve(store, Trainers())
    assert _order(store) == ["urgent", "two", "four"]
    assert _line(store) == ["one"], "a held run stays, and nobody waits for it"
    assert three.path.is_dir()
    hold(one, held=False)
    _serve(store, Trainers())
    assert _order(store)[-1] == "one"


def test_a_trainer_that_vanished_is_tried_once_more_and_then_named(store: RunStore) -> None:
    lost, after = _made(store, "lost", "after")
    _serve(store, Trainers(lost="vanish"))
    assert _order(store) == ["lost", "lost", "after"]
    assert lost.state() is RunState.INTERRUPTED
    assert after.state() is RunState.FINISHED
    assert [(fact["what"], fact["run"]) for fact in told(store.root)][:4] == [
        ("started", "lost"),
        ("again", "lost"),
        ("started", "lost"),
        ("lost", "lost"),
    ]


def test_each_device_gets_a_run_that_it_suits(store: RunStore) -> None:
    _made(store, "second-only", device="cuda:1")
    _made(store, "anywhere")
    trainers = Trainers()
    _serve(store, trainers, "cuda:0", "cuda:1")
    assert trainers.environments["anywhere"] == {"CUDA_VISIBLE_DEVICES": "0"}
    assert trainers.environments["second-only"] == {}, "it names its device itself"
    assert suits("cuda", "cuda:3")
    assert not suits("cuda:1", "cuda:0")


def test_a_run_that_waits_can_be_taken_by_one_only(store: RunStore) -> None:
    (run,) = _made(store, "wanted")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: take(run), range(8)))
    assert sum(place is not None for place in found) == 1
    assert not (run.path / QUEUED).exists()
    assert [one.name for one, _, _ in taken(store.root)] == ["wanted"]


def test_what_a_dead_worker_had_taken_is_tried_again(store: RunStore) -> None:
    (run,) = _made(store, "left")
    child = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-c",
            (
                "import sys; from pathlib import Path; from core.runs import Run; from core.runs.waiting import take\n"
                "take(Run(Path(sys.argv[1])))"
            ),
            str(run.path),
        ],
        env=child_environment(),
    )
    assert child.wait() == 0
    ((_, owner, attempts),) = taken(store.root)
    assert (is_abandoned(owner), attempts) == (True, 0)
    run.path.joinpath("launch.json").write_text(json.dumps({"t": time.time() - 900, "pid": owner.pid}))
    _made(store, "next")
    _serve(store, Trainers())
    assert sorted(_order(store)) == ["left", "next"]
    assert not (run.path / TAKEN).exists()


def test_what_was_taken_by_a_worker_that_died_at_once_is_not_dropped(store: RunStore) -> None:
    """Young enough that its trainer might still be coming: it is waited for, and then tried."""
    (run,) = _made(store, "young")
    os.rename(run.path / QUEUED, run.path / TAKEN)
    owner = {"pid": 2**22 + 5, "host": Owner.me().host, "boot": Owner.me().boot, "attempts": 0}
    (run.path / TAKEN).write_text(json.dumps(owner))
    assert run.state() is RunState.QUEUED
    worker = Worker(store.root, ["cpu"], Trainers(), period=0.01)
    thread = threading.Thread(target=worker.serve)
    _made(store, "next")
    thread.start()
    os.utime(run.path / "run.toml", (time.time() - 60, time.time() - 60))
    thread.join()
    assert sorted(_order(store)) == ["next", "young"]


@pytest.mark.parametrize("left", [".taking.cafe", f".{QUEUED}.cafe"])
def test_a_place_half_taken_comes_back_unless_somebody_has_it(store: RunStore, left: str) -> None:
    one, two = _made(store, "one", "two")
    os.rename(one.path / QUEUED, one.path / left)
    (two.path / left).write_bytes((two.path / QUEUED).read_bytes())
    os.rename(two.path / QUEUED, two.path / TAKEN)
    _as_stale(store)
    assert _line(store) == ["one"]
    assert not (two.path / left).exists(), "it was started: it must not wait as well"


def _as_stale(store: RunStore) -> None:
    import core.runs.waiting as room

    before, room.STALE = room.STALE, -1.0
    try:
        put_back_lost(store.root)
    finally:
        room.STALE = before


def test_a_run_that_cannot_be_taken_holds_up_nobody(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    _made(store, "theirs", "mine")
    rename, refusals = os.rename, 0

    def refuse(source: Path, target: Path) -> None:
        nonlocal refusals
        if Path(source).parent.name == "theirs" and refusals < 3:
            refusals += 1
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    _serve(store, Trainers())
    assert _order(store) == ["mine", "theirs"], "what could not be taken is passed over, and tried again later"


def test_two_that_ask_for_any_gpu_get_one_each(store: RunStore) -> None:
    _made(store, "one", "two", device="cuda")
    trainers = Trainers()
    _serve(store, trainers, "cuda:0", "cuda:1")
    assert {one["CUDA_VISIBLE_DEVICES"] for one in trainers.environments.values()} <= {"0", "1"}
    assert len(trainers.environments) == 2


def test_what_waits_or_trains_is_not_put_in_line_again_nor_thrown_away(store: RunStore) -> None:
    (run,) = _made(store, "once")
    with pytest.raises(RunError, match="waits already"):
        enqueue(run)
    assert take(run) is not None
    with pytest.raises(RunError, match="is being trained"):
        enqueue(run)
    with pytest.raises(RunError, match="is being trained"):
        store.delete("once")
    let_go(run)
    (other,) = _made(store, "other")
    place = store.delete("other")
    assert not (place / QUEUED).exists()
    assert not other.path.exists()


def test_an_odd_line_in_the_log_is_passed_over(store: RunStore) -> None:
    _made(store, "one")
    _serve(store, Trainers())
    with open(store.root / ".queue" / "log.jsonl", "a") as log:
        log.write('[1]\n{"t": "x"}\nnot json\n')
    assert [fact["what"] for fact in told(store.root)] == ["started", "ended"]


def test_a_place_that_was_taken_to_change_it_comes_back(store: RunStore) -> None:
    (run,) = _made(store, "edited")
    hidden = run.path / f".{QUEUED}.cafe"
    os.rename(run.path / QUEUED, hidden)
    put_back_lost(store.root)
    assert place_of(run) is None, "whoever changes it may still be at it"
    os.utime(hidden)
    _as_stale(store)
    assert place_of(run) is not None


def test_a_second_worker_leaves_at_once(store: RunStore) -> None:
    (_run,) = _made(store, "slow")
    seen: list[bool] = []

    def launch(run: Run, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        Worker(store.root, ["cpu"], Trainers(), period=0.01).serve()  # returns, for we are here
        seen.append(is_served(store.root))
        return Trainers()(run, environment)

    Worker(store.root, ["cpu"], launch, period=0.01).serve()
    assert seen == [True]
    assert _order(store) == ["slow"]
    assert not is_served(store.root)


def test_what_cannot_be_done_is_said(store: RunStore) -> None:
    run = store.create(RunConfig(), "idle")
    for change in (lambda: hold(run), lambda: cancel(run), lambda: move(run, 1)):
        with pytest.raises(RunError, match="does not wait in the queue"):
            change()
    assert take(run) is None
    (run.path / QUEUED).write_text("{broken")
    assert _line(store) == ["idle"], "a damaged place is a place all the same"
    assert take(run) is not None
    let_go(run)
    assert ensure_served(store.root) is False


def test_in_a_shell(store: RunStore, tmp_path: Path) -> None:
    _made(store, "one", "two")
    hold(Run(store.root / "two"))
    hold(Run(store.root / "one"))

    def finetui(*words: str) -> subprocess.CompletedProcess[str]:
        command = child_command("queue", *words, "--runs", str(store.root))
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=child_environment())

    shown = finetui()
    assert [line.split()[:2] for line in shown.stdout.splitlines()[1:]] == [["1", "one"], ["2", "two"]]
    assert shown.stdout.count("held") == 2
    assert finetui("first", "two").returncode == 0
    found = json.loads(finetui("--json").stdout)
    assert [one["run"] for one in found["waiting"]] == ["two", "one"]
    assert found["served"] is False
    assert finetui("cancel", "two").returncode == 0
    assert finetui("dance").returncode == 2
    assert finetui("hold").returncode == 2
    missing = finetui("hold", "nobody")
    assert (missing.returncode, "nobody" in missing.stderr) == (2, True)
    assert "Nothing waits" not in finetui().stderr
    assert finetui("cancel", "one").returncode == 0
    assert "Nothing waits" in finetui().stderr

"""Coming back to the screen, and leaving it by a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.css.query import NoMatches

from core.runs import RunStore, absence
from tests.tui.bench import bench, until
from tests.tui.conftest import painted
from tests.tui.fake_run import finished_run, partial_run
from tui import crash, greeting
from tui.screens.room import Room


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = RunStore(tmp_path / "runs")
    store.prepare()
    return store


async def test_who_was_away_is_told_what_finished(store: RunStore) -> None:
    run = finished_run(store, "brisk-otter")
    app = bench(store, "data")
    app.last_open = run.events_path.stat().st_mtime - 10
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "brisk-otter finished" in painted(app))
        assert "best .887" in painted(app)


def test_only_what_ended_since_is_told_and_the_newest_of_it(store: RunStore) -> None:
    old, new = finished_run(store, "old-heron"), finished_run(store, "new-newt")
    now = old.events_path.stat().st_mtime
    os.utime(new.events_path, (now - 7200, now - 7200))
    os.utime(old.events_path, (now - 90000, now - 90000))
    assert greeting.greeting(store, now - 100_000) == "new-newt finished 2 h ago, best .887"
    assert greeting.greeting(store, now - 100) == ""
    live = partial_run(store, "live-lynx", steps=60)
    with live.lock():
        assert greeting.greeting(store, now - 100) == ""
    live.close()


def test_when_the_screen_was_open_is_kept_per_folder_of_runs(store: RunStore, tmp_path: Path) -> None:
    assert greeting.last_open(store.root) is None
    greeting.note_open(store.root)
    assert greeting.last_open(store.root) is not None
    assert greeting.last_open(tmp_path / "others") is None


async def test_an_unexpected_error_is_written_down_and_one_line_is_left(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash, "crash_path", lambda: tmp_path / "log" / "crash.log")
    app = bench(store, "data")

    def fail() -> None:
        raise RuntimeError("odd \x1b[2J text")

    async def use() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            app.call_later(fail)
            await until(pilot, lambda: app.return_code == 1)

    with pytest.raises(RuntimeError):
        await use()
    told = (tmp_path / "log" / "crash.log").read_text()
    assert "RuntimeError: odd ␛[2J text" in told
    assert "in fail" in told
    assert app.farewell.startswith("finetui: the screen crashed; the details are in ")
    assert str(tmp_path / "log" / "crash.log") in app.farewell
    assert "\n" not in app.farewell


def test_where_nothing_can_be_written_the_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(crash, "crash_path", lambda: tmp_path / "file" / "crash.log")
    assert "cannot be written" in crash.note(ValueError("x"))


async def test_where_leaving_would_end_the_trainer_it_is_said_before_and_after(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    run = partial_run(store, "live-lynx", steps=60)
    app = bench(store, "train")
    with run.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "live-lynx" in painted(app))
            await pilot.press("q")
            await until(pilot, lambda: "Slurm job 77" in painted(app))
            await pilot.press("enter")
    run.close()
    assert "live-lynx is still training" in app.farewell
    assert "Slurm job 77" in app.farewell.splitlines()[1]


async def test_a_trainer_that_is_stopped_is_seen_to_be_silent(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence, "SILENT", 0.01)
    run = partial_run(store, "live-lynx", steps=60)
    app = bench(store, "train")
    with run.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "silent for 0 s" in painted(app))
    run.close()


async def test_what_closes_while_it_opens_is_no_crash(store: RunStore) -> None:
    app = bench(store, "data")
    async with app.run_test(size=(80, 24)):
        app.exit()
        app._handle_exception(NoMatches("a button that was not mounted any more"))
        assert app.farewell == ""
    assert app.return_code == 0


@pytest.mark.parametrize("size", [(10, 5), (39, 24), (80, 9), (1, 1)])
async def test_a_terminal_made_too_small_says_so_until_there_is_room(store: RunStore, size: tuple[int, int]) -> None:
    app = bench(store, "data")
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(3):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: type(app.screen).__name__ == "TooSmall")
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: isinstance(app.screen, Room))

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widget import Widget

import core.launch.queue
from core.config import RunConfig
from core.errors import DataError
from core.launch import child_environment, program
from core.runs import Run, RunStore
from core.runs.waiting import waiting
from core.training import events as e
from tests.tui.bench import until
from tests.tui.conftest import fake_engine, painted
from tui.app import Workbench
from tui.keys import KEYS, ROOMS
from tui.screens.modals import ErrorDialog, GoStrip, HelpDialog, Question
from tui.screens.room import Room

Build = Callable[..., Workbench]


def room_of(app: Workbench) -> str:
    return app.screen.ROOM if isinstance(app.screen, Room) else type(app.screen).__name__


async def enter(pilot: Pilot[None], app: Workbench, room: str) -> None:
    await app.action_go(room)
    await until(pilot, lambda: room_of(app) == room and app.screen.focused is not None)


async def test_every_room_is_reached_from_every_focus_of_every_room(workbench: Build, fake_model: str) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        for room in ROOMS:
            await enter(pilot, app, room)
            places: list[Widget] = list(app.screen.focus_chain)
            assert places, room
            for place in places:
                for number, other in enumerate(ROOMS, 1):
                    await app.action_go(room)
                    app.screen.set_focus(place)
                    await pilot.press("ctrl+g")
                    assert isinstance(app.screen, GoStrip), f"{room} {place}"
                    await pilot.press(str(number))
                    await until(pilot, lambda wanted=other: room_of(app) == wanted)


async def test_digits_go_to_rooms_outside_fields_and_are_text_inside(workbench: Build, fake_model: str) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.focused is not None)
        await pilot.press("5")
        await until(pilot, lambda: room_of(app) == "try" and app.screen.focused is not None)
        await pilot.press("1", "q", "question_mark")
        assert room_of(app) == "try"
        await pilot.press("escape", "4")
        await until(pilot, lambda: room_of(app) == "runs")


async def test_the_row_of_rooms_can_be_clicked(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click("#room-row", offset=(12, 0))
        await until(pilot, lambda: room_of(app) == "configure")
        assert "▸2 Configure" in painted(app)


async def test_help_is_made_from_the_key_table(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(120, 240)) as pilot:
        await until(pilot, lambda: app.screen.focused is not None)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpDialog)
        text = painted(app)
        assert [key.tooltip for key in KEYS if key.tooltip not in text] == []
        await pilot.press("escape")
        assert room_of(app) == "data"


async def test_the_palette_holds_the_actions_that_work_here(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "75 rows kept" in painted(app))
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Start", "Quit", "Help", "Search", "Exclude", *ROOMS.values()} <= titles
        await pilot.press("colon")
        await pilot.pause()
        assert isinstance(app.screen, CommandPalette)


async def test_the_palette_runs_what_is_chosen(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "75 rows kept" in painted(app))
        await pilot.press("ctrl+p", *"configure")
        await until(pilot, lambda: "To the Configure room" in painted(app))
        await pilot.press("enter")
        await until(pilot, lambda: room_of(app) == "configure")


async def test_an_error_shows_title_message_and_next_step_and_no_markup(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.show_error(DataError("Bad [/b] file\x1b[2J", "It has [red]nothing", "Give another."))
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "Next:" in painted(app))
        text = painted(app)
        assert "Bad [/b] file␛[2J" in text
        assert "It has [red]nothing" in text
        assert "Next: Give another." in text
        await pilot.press("enter")
        assert room_of(app) == "data"


async def test_settings_that_cannot_be_used_start_nothing(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        app.config = app.config.with_value("training.epochs", 0)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        assert app.store.names() == []


async def test_data_that_cannot_be_read_starts_nothing(workbench: Build) -> None:
    app = workbench("/nowhere/bad")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "enter or esc" in painted(app))
        assert "There is no file bad" in painted(app)
        assert app.store.names() == []


@pytest.fixture
def live(tmp_path: Path) -> Run:
    """A run that trains right now, as its readers see it: this process holds its lock."""
    run = RunStore(tmp_path / "runs").create(RunConfig(), "brisk-otter")
    run.record(e.RunStarted(os.getpid(), "here", "finetui train sample"))
    run.close()
    return run


async def test_quitting_without_a_live_run_asks_nothing(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.focused is not None)
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert app.farewell == ""


async def test_quitting_keeps_a_live_run_by_default(workbench: Build, live: Run) -> None:
    app = workbench()
    with live.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("ctrl+q")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("enter")
            await until(pilot, lambda: app._exit)
    assert app.farewell == f"brisk-otter is still training · {program()} attach brisk-otter"
    assert not live.control_path.exists()


async def test_quitting_can_stop_and_save(workbench: Build, live: Run) -> None:
    app = workbench()
    with live.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("ctrl+c")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("right", "right", "enter")
            await until(pilot, lambda: app._exit)
    assert '"ask": "stop"' in live.control_path.read_text()
    assert "stops and saves" in app.farewell


async def test_quitting_can_pause(workbench: Build, live: Run) -> None:
    app = workbench()
    with live.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("right", "enter")
            await until(pilot, lambda: app._exit)
    assert '"ask": "pause"' in live.control_path.read_text()
    assert app.farewell == f"brisk-otter writes a checkpoint and leaves · {program()} resume brisk-otter"


async def test_escape_goes_back_from_the_question(workbench: Build, live: Run) -> None:
    app = workbench()
    with live.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("ctrl+q")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("escape")
            assert room_of(app) == "data"


async def test_coming_back_while_a_run_trains_opens_it(live: Run) -> None:
    with live.lock():
        app = Workbench(RunStore(live.path.parent), engine=fake_engine())
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: room_of(app) == "train" and "brisk-otter" in painted(app))


async def test_an_interrupted_run_that_is_the_newest_is_what_one_sees_first(live: Run) -> None:
    store = RunStore(live.path.parent)
    app = Workbench(store, engine=fake_engine(), shows_interrupted=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: room_of(app) == "train" and "Interrupted" in painted(app))
        assert "r begins it again" in painted(app)
        assert "Resume" in painted(app).splitlines()[-1]
    assert Workbench(store, RunConfig(), fake_engine(), shows_interrupted=True).DEFAULT_MODE == "data"
    live.record(e.RunPaused(0))
    assert Workbench(store, engine=fake_engine(), shows_interrupted=True).DEFAULT_MODE == "data"


async def test_no_room_is_built_before_it_is_opened(workbench: Build) -> None:
    code = "import sys, tui.app; print([m for m in sys.modules if m.startswith('tui.screens.')])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=child_environment()
    )
    assert "tui.screens.data" not in out.stdout
    assert "tui.screens.train" not in out.stdout


HEAVY = {
    "torch",
    "transformers",
    "tokenizers",
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "numpy",
    "onnxruntime",
    "typer",
}


async def test_the_screens_process_loads_nothing_heavy(workbench: Build, tmp_path: Path) -> None:
    code = (
        "import sys; import tui.app, tui.__main__\n"
        "from importlib import import_module\n"
        "for module, _ in tui.app._MODULES.values(): import_module(module)\n"
        "print(' '.join(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=child_environment()
    )
    assert HEAVY & set(out.stdout.split()) == set()


def test_without_a_terminal_the_command_line_way_is_told(tmp_path: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-P", "-m", "tui"],
        capture_output=True,
        text=True,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
    )
    assert out.returncode == 2
    assert "finetui train FILE" in out.stderr
    assert out.stdout == ""


def test_unknown_options_are_refused() -> None:
    out = subprocess.run(
        [sys.executable, "-P", "-m", "tui", "--colour"], capture_output=True, text=True, env=child_environment()
    )
    assert out.returncode == 2
    assert "--colour" in out.stderr


def test_a_command_becomes_the_engine() -> None:
    out = subprocess.run(
        [sys.executable, "-P", "-m", "tui", "--version"], capture_output=True, text=True, env=child_environment()
    )
    assert out.stdout.startswith("finetui ")


async def test_beside_a_live_run_another_waits_its_turn(
    workbench: Build, live: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Path] = []
    monkeypatch.setattr(core.launch.queue, "ensure_served", served.append)
    app = workbench()
    with live.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "75 rows kept" in painted(app))
            await pilot.press("ctrl+r")
            await until(pilot, lambda: "Let it wait its turn" in painted(app))
            await pilot.press("enter")
            await until(pilot, lambda: [run.name for run, _ in waiting(app.store.root)] != [])
            await until(pilot, lambda: any("waits its turn" in one.message for one in app._notifications))
            assert served == [app.store.root]
            assert room_of(app) == "data", "the run that trains is not what was asked for"
            await pilot.press("q")
            await until(pilot, lambda: "1 more waits its turn" in painted(app))
            assert "brisk-otter is training" in painted(app)

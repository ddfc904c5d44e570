from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from core.config import RunConfig
from core.runs import RunStore
from core.runs.checklist import file_of, read_checklist
from tests.tui.bench import until
from tests.tui.conftest import painted
from tui.app import Workbench
from tui.facts import Answer
from tui.messages import RunsChanged
from tui.models import askable, choose
from tui.screens.checklist_dialog import ChecklistDialog
from tui.screens.try_it import TryRoom
from tui.widgets.canvas import Line
from tui.widgets.field import Field
from tui.widgets.history_list import HistoryList
from tui.widgets.prediction import bars

Build = Callable[..., Workbench]


async def opened(pilot: Pilot[None], app: Workbench) -> TryRoom:
    await app.action_go("try")
    await until(pilot, lambda: isinstance(app.screen, TryRoom) and isinstance(app.screen.focused, Field))
    assert isinstance(app.screen, TryRoom)
    return app.screen


async def test_bars_follow_the_sentence(workbench: Build, fake_model: str) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "Type a sentence" in painted(app))
        assert "brisk-otter" in painted(app)
        await pilot.press(*"fine")
        await until(pilot, lambda: "54.0 %" in painted(app))
        text = painted(app)
        assert "negative" in text
        assert "▸[/odd]" in text
        assert "4.2 ms · onnx: a verified graph" in text
        await pilot.press("1")
        await until(pilot, lambda: "55.0 %" in painted(app))


async def test_enter_files_and_the_history_brings_back(workbench: Build, fake_model: str) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await pilot.press(*"not a bad one", "enter")
        await until(pilot, lambda: "History · 1" in painted(app))
        assert room.query_one("#sentence", Field).value == ""
        await pilot.press(*"second", "enter")
        await until(pilot, lambda: "History · 2" in painted(app))
        await pilot.press("down")
        assert isinstance(app.screen.focused, HistoryList)
        await pilot.press("j", "enter")
        await until(pilot, lambda: room.query_one("#sentence", Field).value == "not a bad one")
        assert isinstance(app.screen.focused, Field)
        await pilot.press("down", "g", "up")
        await until(pilot, lambda: isinstance(app.screen.focused, Field))


async def test_without_a_model_the_room_says_what_to_press(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "No trained model yet." in painted(app) and "ctrl+r" in painted(app))
        await pilot.press(*"hello", "enter")
        assert "No trained model yet." in painted(app)


async def test_a_model_that_came_meanwhile_is_found(workbench: Build, tmp_path: Path) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await until(pilot, lambda: "No trained model yet." in painted(app))
        run = RunStore(tmp_path / "runs").create(RunConfig(), "calm-heron")
        run.model_path.mkdir()
        (run.model_path / "config.json").write_text("{}")
        room.post_message(RunsChanged())
        await until(pilot, lambda: "calm-heron" in painted(app))


async def test_typing_is_possible_while_the_model_starts(workbench: Build, tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "slow")
    run.model_path.mkdir()
    (run.model_path / "config.json").write_text("{}")
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await until(pilot, lambda: "starting the model…" in painted(app))
        await pilot.press(*"words")
        assert room.query_one("#sentence", Field).value == "words"


async def test_a_run_without_a_usable_model_is_an_error_in_the_room(workbench: Build, fake_model: str) -> None:
    app = workbench(real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "✗" in painted(app))


async def test_a_model_that_is_saved_while_one_looks_is_found_without_news(workbench: Build, tmp_path: Path) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await until(pilot, lambda: "No trained model yet." in painted(app))
        run = RunStore(tmp_path / "runs").create(RunConfig(), "calm-heron")
        run.model_path.mkdir()
        (run.model_path / "config.json").write_text("{}")
        await until(pilot, lambda: room.model is not None and room.model.name == "calm-heron")


async def test_what_was_entered_is_not_filed_after_more_was_typed(workbench: Build, fake_model: str) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await until(pilot, lambda: room.model is not None)
        history = room.query_one(HistoryList)
        field = room.query_one("#sentence", Field)
        with pilot.app.batch_update():
            field.value = "ab"
            await field.action_submit()
            field.value = "abc"
        await until(pilot, lambda: room.answer is not None and room.answer.text == "abc")
        field.value = "ab"
        await until(pilot, lambda: room.answer is not None and room.answer.text == "ab")
        assert history.answers == []
        await pilot.press("enter")
        await until(pilot, lambda: len(history.answers) == 1)


async def test_a_pasted_text_is_taken_once_whole_and_without_control_characters(
    workbench: Build, fake_model: str
) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        field = room.query_one("#sentence", Field)
        app.post_message(events.Paste("one \x1b]52;c;QQ==\x07\ntwo\n"))
        await until(pilot, lambda: field.value == "one ␛]52;c;QQ==␇ two")
        field.value = "\x9b31m"
        assert field.value == "\ufffd31m"


def test_the_wanted_run_is_asked_else_the_newest(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    for name in ("first", "second", "empty"):
        run = store.create(RunConfig(), name)
        if name != "empty":
            run.model_path.mkdir()
            (run.model_path / "config.json").write_text("{}")
    found = askable(store)
    assert {one.name for one in found} == {"first", "second"}
    first = choose(found, "first")
    assert first is not None
    assert first.name == "first"
    assert choose(found, "empty") == found[0]
    assert choose([], "first") is None


def text_of(cells: Line) -> str:
    return "".join(character for character, _ in cells).rstrip()


def test_of_many_classes_the_most_probable_are_shown() -> None:
    pairs = tuple((f"class-{n}", n / 1275) for n in range(51))
    lines = [text_of(cells) for cells in bars(Answer("x", pairs, 1.0, "onnx", "", False), 60)]
    assert lines[0].startswith("▸class-50")
    assert lines[-1] == " and 41 less probable classes"


async def test_a_sentence_is_saved_to_the_checklist_with_the_answer_that_is_right(
    workbench: Build, fake_model: str, tmp_path: Path
) -> None:
    app, run = workbench(), RunStore(tmp_path / "runs").open(fake_model)
    async with app.run_test(size=(80, 24)) as pilot:
        room = await opened(pilot, app)
        await until(pilot, lambda: room.model is not None)
        await pilot.press(*"odd * one", "enter")
        await until(pilot, lambda: "History · 1" in painted(app))
        await pilot.press("escape")
        await until(pilot, lambda: " *  Checklist" in painted(app))
        await pilot.press("asterisk")
        await until(pilot, lambda: isinstance(app.screen, ChecklistDialog) and app.screen.focused is not None)
        assert "odd * one" in painted(app)
        lines = [line for line in painted(app).splitlines() if " %" in line and "what the model says" in line]
        [said] = lines
        assert room.query_one(HistoryList).answers[0][1].best[0] in said
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is room)
        assert not file_of(run).exists()
        await pilot.press("asterisk")
        await until(pilot, lambda: isinstance(app.screen, ChecklistDialog) and app.screen.focused is not None)
        await pilot.press("j", "enter")
        await until(pilot, lambda: bool(read_checklist(run).entries))
        await until(pilot, lambda: any("Saved" in one.message for one in app._notifications))
        ranked = sorted(room.query_one(HistoryList).answers[0][1].probabilities, key=lambda pair: -pair[1])
        [one] = read_checklist(run).entries
        assert (one.text, one.label, one.run) == ("odd * one", ranked[1][0], fake_model)
        room.query_one("#sentence", Field).value = "just asked"
        room.query_one(HistoryList).answers.clear()
        room.query_one(HistoryList).draw()
        await until(pilot, lambda: room.answer is not None and room.answer.text == "just asked")
        await pilot.press("asterisk")
        await until(pilot, lambda: isinstance(app.screen, ChecklistDialog) and app.screen.focused is not None)
        await pilot.press("enter")
        await until(pilot, lambda: len(read_checklist(run).entries) == 2)
        assert read_checklist(run).entries[1].text == "just asked"

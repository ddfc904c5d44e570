from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Select

from core.config import absolute_source as absolute
from core.errors import Cancelled, WorkbenchError
from tests.tui.bench import until
from tests.tui.conftest import fake_engine, painted
from tests.tui.data_bench import Build, loaded, opened, room
from tui.facts import Query
from tui.screens.modals import TextDialog
from tui.sources import given_path, pasted_path
from tui.widgets.class_balance import ClassBalance
from tui.widgets.field import Field
from tui.widgets.health import Health
from tui.widgets.row_list import RowList
from tui.widgets.source_bar import SourceBar


async def test_the_sample_is_open_from_the_start(workbench: Build) -> None:
    async with opened(workbench()) as (app, _pilot):
        text = painted(app)
        assert "3 classes · 75 rows kept of 75" in text
        assert "positive" in text
        assert "53.3 %" in text
        assert "! 14 near [/duplicates]" in text
        assert "always 'positive': acc" in text
        assert "utf-8, no header · v" in text
        assert isinstance(app.screen.focused, ClassBalance)


async def test_text_of_the_data_cannot_act_on_the_terminal(workbench: Build) -> None:
    async with opened(workbench(), (120, 40)) as (app, pilot):
        await pilot.press("G", "enter")
        await until(pilot, lambda: "class [/red] odd␛[31m" in painted(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert "[/bold]" in painted(app)
        assert "\x1b" not in painted(app)
        assert "\x07" not in painted(app)


async def test_a_class_is_excluded_and_brought_back(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("x")
        await loaded(pilot, app, "35 rows kept of 75")
        assert app.config.data.cures == ("drop-class:positive",)
        assert "1 cure" in painted(app)
        await pilot.press("u")
        await loaded(pilot, app, "75 rows kept of 75")
        assert app.config.data.cures == ()


async def test_rows_are_searched_while_typing(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("slash", *"sentence 7", "enter")
        await until(pilot, lambda: "7 rows · holding 'sentence 7'" in painted(app))
        assert isinstance(app.screen.focused, RowList)
        await pilot.press("escape")
        await until(pilot, lambda: "75 rows──" in painted(app))


async def test_the_list_moves_with_arrows_and_letters(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        rows = app.screen.query_one(RowList)
        rows.focus()
        await pilot.press("j", "down", "k")
        assert rows.cursor == 1
        await pilot.press("G")
        assert rows.cursor == 74
        await until(pilot, lambda: "sentence 75" in painted(app))
        await pilot.press("g")
        assert rows.cursor == 0


async def test_a_file_that_cannot_be_read_leaves_the_former_data(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        room(app).open_source("/nowhere/bad")
        await until(pilot, lambda: "There is no file bad" in painted(app))
        text = painted(app)
        assert "Nothing lies at /nowhere/[/bad]." in text
        assert "Next: Check the path." in text
        assert "what was there before" in text
        assert app.config.data.source == "sample"
        assert "75 rows kept of 75" in text


async def test_a_child_that_dies_is_an_error_with_its_last_words(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        room(app).open_source("/nowhere/die")
        await until(pilot, lambda: "out of memory, said the fake" in painted(app))
        room(app).open_source("sample")
        await until(pilot, lambda: "out of memory" not in painted(app) and "opening" not in painted(app))


async def test_escape_cancels_what_loads(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        room(app).open_source("/nowhere/slow")
        await until(pilot, lambda: "reading /nowhere/slow" in painted(app) and "12 %" in painted(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Cancelled. The data below is what was there before." in painted(app))
        assert app.config.data.source == "sample"
        await pilot.press("x")  # and the room goes on working, with a new child
        await loaded(pilot, app, "35 rows kept of 75")


async def test_a_path_pasted_anywhere_in_the_room_is_opened(workbench: Build, tmp_path: Path) -> None:
    file = tmp_path / "my file.csv"
    file.write_text("text,label\na,b\n")
    async with opened(workbench()) as (app, pilot):
        app.screen.post_message(events.Paste(f"'{file}'\n"))
        await until(pilot, lambda: app.config.data.source == str(file))
        assert app.config.data.given == str(file)


async def test_a_pasted_path_to_nothing_says_so(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        app.screen.post_message(events.Paste("/nowhere/bad\n"))
        await until(pilot, lambda: "There is no file bad" in painted(app))


async def test_a_mistyped_path_stays_in_the_field(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("o")
        field = app.screen.query_one("#path", Field)
        assert app.screen.focused is field
        footer = painted(app).splitlines()[-1]
        assert "ctrl+g" in footer
        assert " q " not in footer
        await pilot.press(*"x/bad", "enter")
        await until(pilot, lambda: "There is no file bad" in painted(app))
        assert field.value == "x/bad"
        assert app.screen.focused is field
        await pilot.press("backspace", "t", "enter")
        await until(pilot, lambda: app.config.data.given == "x/bat" and field.value == "")
        assert isinstance(app.screen.focused, ClassBalance)


async def test_search_words_do_not_outlive_the_data(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("slash", *"sentence 7", "enter")
        await until(pilot, lambda: "7 rows · holding" in painted(app))
        health = app.screen.query_one(Health)
        health.highlighted = 2
        room(app).open_source("/somewhere/other.csv")
        await until(pilot, lambda: app.config.data.given == "/somewhere/other.csv" and "holding" not in painted(app))
        assert app.screen.query_one("#filter", Field).value == ""
        assert health.highlighted == 0


async def test_a_table_without_sentences_shows_its_columns_and_another_can_be_picked(
    workbench: Build, tmp_path: Path
) -> None:
    file = tmp_path / "times.csv"
    file.write_text("id,when\n" + "\n".join(f"{n},2024-01-{n:02}" for n in range(1, 29)))
    app = workbench(str(file), real=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Cannot be trained on yet" in painted(app))
        assert app.screen.query_one("#column-text", Select).is_blank()
        assert "--text" not in painted(app)
        app.screen.query_one("#column-text", Select).value = ("when",)
        await until(pilot, lambda: app.config.data.text == ("when",))
        assert not app.screen.query_one("#column-text", Select).is_blank()


async def test_u_without_a_cure_says_so(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        assert "Undo" not in painted(app).splitlines()[-1]
        await pilot.press("u")
        await until(pilot, lambda: any("Nothing to undo" in one.message for one in app._notifications))


async def test_a_typed_path_is_opened(workbench: Build, tmp_path: Path) -> None:
    async with opened(workbench()) as (app, pilot):
        app.screen.query_one("#path").focus()
        await pilot.press(*"q1.csv", "enter")
        await until(pilot, lambda: app.config.data.given == "q1.csv")
        assert Path(app.config.data.source).is_absolute()


async def test_the_source_bar_leads_back_to_the_sample(workbench: Build) -> None:
    async with opened(workbench("/somewhere/else.csv")) as (app, pilot):
        app.screen.query_one(SourceBar).focus()
        await pilot.press("g", "enter")
        await until(pilot, lambda: app.config.data.source == "sample")


async def test_columns_can_be_chosen(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        app.screen.query_one("#column-group", Select).value = "[/b]"
        await until(pilot, lambda: app.config.data.group == "[/b]")
        await loaded(pilot, app)
        assert app.screen.query_one("#column-group", Select).value == "[/b]"


async def test_a_real_file_is_read_by_the_real_child(workbench: Build, tmp_path: Path) -> None:
    lines = [f"row {n} says {'good' if n % 2 else 'bad'} things [/,{'pos' if n % 2 else 'neg'}" for n in range(40)]
    file = tmp_path / "reviews.csv"
    file.write_text("\n".join(["text,label", *lines]))
    app = workbench(str(file), real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(
            pilot, lambda: "2 classes · 40 rows kept of 40" in painted(app) and "row 0 says bad" in painted(app)
        )
        await pilot.press("enter")
        await until(pilot, lambda: "20 rows · class" in painted(app))


async def test_a_missing_file_on_the_command_line_says_so(workbench: Build, tmp_path: Path) -> None:
    app = workbench(str(tmp_path / "nothing.csv"), real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✗" in painted(app) and "Next:" in painted(app))
        assert "nothing.csv" in painted(app)


async def test_the_end_of_a_long_file_is_fetched_when_it_comes_in_sight(workbench: Build) -> None:
    async with opened(workbench("/somewhere/long")) as (app, pilot):
        app.screen.query_one(RowList).focus()
        await pilot.press("G")
        await until(pilot, lambda: "sentence 100000 " in painted(app))


# The engine by itself


async def test_a_request_that_somebody_typed_over_is_dropped() -> None:
    engine = fake_engine()
    try:
        asked = [
            asyncio.create_task(engine.ask("classify", "classify", newest="try", run="/r/x", texts=[f"t{n}"]))
            for n in range(30)
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(answers[-1], dict)
        assert all(isinstance(answer, dict | Cancelled) for answer in answers)
    finally:
        await engine.close()


async def test_cancel_ends_the_child_and_the_next_question_starts_another() -> None:
    engine = fake_engine()
    try:
        config = {"data": {"source": "/slow", "given": "", "cures": [], "group": ""}}
        waiting = asyncio.create_task(engine.ask("data", "profile", config=config))
        while not engine.busy("data"):
            await asyncio.sleep(0)
        engine.cancel("data")
        with pytest.raises(Cancelled):
            await waiting
        config["data"]["source"] = "sample"
        assert (await engine.ask("data", "profile", config=config))["kept"] == 75
    finally:
        await engine.close()


async def test_whoever_thinks_better_of_it_leaves_no_child_that_was_just_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[asyncio.subprocess.Process] = []
    real = asyncio.create_subprocess_exec

    async def watched(*words: str, **how: Any) -> asyncio.subprocess.Process:
        await asyncio.sleep(0)
        begun.append(await real(*words, **how))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    engine = fake_engine()
    asked = asyncio.create_task(engine.ask("data", "cures"))
    await asyncio.sleep(0)  # it has asked for a child, which is not there yet
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert [child.returncode for child in begun] == [-signal.SIGKILL]
    await engine.close()


async def test_unknown_requests_come_back_as_errors() -> None:
    engine = fake_engine()
    try:
        with pytest.raises(WorkbenchError, match="Unknown request"):
            await engine.ask("data", "dance")
    finally:
        await engine.close()


async def test_devices_are_listed() -> None:
    engine = fake_engine()
    assert [one["device"] for one in await engine.devices()] == ["cpu"]


# Sources as people give them


def test_pasted_paths_are_understood_in_every_dress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a b.csv"
    file.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (str(file), f"{file}\n", f"'{file}'", str(file).replace(" ", "\\ "), file.as_uri(), "~/a b.csv"):
        assert Path(pasted_path(text)).expanduser() == file
    assert pasted_path(f"'{tmp_path}'") == str(tmp_path)
    for text in ("", "no such file", "two\nlines", "x" * 5000, "'unclosed", "\0", tmp_path.name):
        assert pasted_path(text) == ""


def test_what_looks_like_a_path_is_opened_though_nothing_lies_there(tmp_path: Path) -> None:
    for text in ("/no/where.csv", "~/x", "./x", "../x", "a/b.csv", str(tmp_path)):
        assert given_path(text) == text
    assert given_path("file:///no/where%20else") == "/no/where else"
    for text in ("", "just words", "/two\n/lines"):
        assert given_path(text) == ""


def test_sources_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("sample") == "sample"
    assert absolute("hub:a/b") == "hub:a/b"
    assert absolute("x.csv") == str(tmp_path / "x.csv")
    assert absolute("~nobody-of-that-name/x").startswith("/")


def test_a_query_for_all_rows_is_empty() -> None:
    assert Query() == Query("", "", "")

"""What the Data room asks in dialogs: another name, another cure, another reading."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Select

from tests.tui.bench import until
from tests.tui.conftest import painted
from tests.tui.data_bench import Build, loaded, opened, room
from tui.app import Workbench
from tui.screens.data import DataRoom
from tui.screens.data_dialogs import CureDialog, PickDialog, RenameDialog
from tui.screens.data_reading import SETTINGS, ReadingDialog, ReadingRows
from tui.widgets.field import Field


async def in_room(pilot: Pilot[None], app: Workbench) -> None:
    await until(pilot, lambda: isinstance(app.screen, DataRoom))


# Names of classes


async def test_a_class_gets_another_name(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog) and "'positive' (40 rows)" in painted(app))
        await pilot.press("enter")  # no name, no renaming
        assert isinstance(app.screen, RenameDialog)
        await pilot.press(*"good=1")
        await until(pilot, lambda: "renames the class" in painted(app))
        await pilot.press("backspace", "backspace", "enter")
        await until(pilot, lambda: app.config.data.cures == ("rename-class:positive=good",))
        await loaded(pilot, app, "good")
        await pilot.press("u")
        await until(pilot, lambda: app.config.data.cures == ())


async def test_the_name_of_another_class_merges_and_says_so_while_typing(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog))
        await pilot.press(*"positive")
        await until(pilot, lambda: "That is its name already" in painted(app))
        await pilot.press("ctrl+u", *"neg")
        await until(pilot, lambda: "negative" in painted(app.screen.app))  # offered: the right arrow takes it
        await pilot.press("right")
        await until(pilot, lambda: "merges the two: 'negative' gets 70 rows" in painted(app))
        await pilot.press("enter")
        await loaded(pilot, app, "2 classes · 75 rows kept of 75")


async def test_hostile_names_are_shown_as_pictures_and_can_be_renamed(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("G", "a")
        await until(pilot, lambda: isinstance(app.screen, RenameDialog) and "'[/red] odd␛[31m'" in painted(app))
        assert "\x1b" not in painted(app)
        await pilot.press(*"odd", "enter")
        await until(pilot, lambda: app.config.data.cures == ("rename-class:[/red] odd\x1b[31m=odd",))


# Cures


async def test_every_rule_is_offered_and_one_without_an_argument_is_one_key(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("plus")
        await until(
            pilot, lambda: isinstance(app.screen, CureDialog) and "Strip these from [/the] texts." in painted(app)
        )
        await pilot.press("j")
        await until(pilot, lambda: painted(app).count("Keep one of equal rows.") == 2)  # in the list, and below it
        await pilot.press("enter")
        await until(pilot, lambda: app.config.data.cures == ("drop-duplicates",))
        await in_room(pilot, app)


async def test_a_cure_that_cannot_be_is_refused_with_the_reason(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(app.screen, CureDialog))
        await pilot.press("enter")
        await until(pilot, lambda: "for example neutral" in painted(app))
        await pilot.press(*"x", "enter")
        await until(pilot, lambda: "✗ There is nothing to cure with drop-class:x" in painted(app))
        assert "Name another rule." in painted(app)
        assert app.config.data.cures == ()
        await pilot.press("backspace", *"negative", "enter")
        await until(pilot, lambda: app.config.data.cures == ("drop-class:negative",))
        await in_room(pilot, app)


async def test_escape_leaves_the_argument_then_the_dialog(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(app.screen, CureDialog))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen.focused, Field))
        await pilot.press("escape")
        assert isinstance(app.screen, CureDialog)
        await pilot.press("escape")
        await in_room(pilot, app)
        assert app.config.data.cures == ()


# Reading


async def reading(pilot: Pilot[None], app: Workbench, name: str = "encoding") -> ReadingRows:
    """The dialog with its cursor on one setting."""
    await pilot.press("v")
    await until(pilot, lambda: isinstance(app.screen, ReadingDialog) and "Apply" in painted(app))
    rows = app.screen.query_one(ReadingRows)
    rows.highlighted = SETTINGS.index(name)
    return rows


async def test_every_decision_is_shown_with_its_reason(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        rows = await reading(pilot, app)
        text = painted(app)
        assert "no byte says otherwise" in text
        assert "line 1 is [/data]" in text
        assert "archive" in text
        assert all(name.replace("_", " ") in text for name in SETTINGS)
        rows.highlighted = len(SETTINGS)
        await until(pilot, lambda: "archive zip: by its content" in painted(app))
        await pilot.press("escape")
        await in_room(pilot, app)


async def test_another_encoding_applies_and_is_undone(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await reading(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickDialog) and "cp1252" in painted(app))
        await pilot.press("j", "j", "j", "enter")
        await until(pilot, lambda: isinstance(app.screen, ReadingDialog) and "•cp1252" in painted(app))
        await pilot.press("ctrl+s")
        await in_room(pilot, app)
        await until(pilot, lambda: app.config.data.encoding == "cp1252" and "cp1252, no header" in painted(app))
        await pilot.press("u")
        await until(pilot, lambda: app.config.data.encoding == "")


async def test_what_cannot_be_is_said_in_the_dialog(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await reading(pilot, app)
        for typed, said in (("klingon", "Python knows no encoding"), ("utf-16", "•utf-16")):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, PickDialog))
            field = app.screen.query_one(Field)
            field.focus()
            field.value = typed
            await pilot.press("enter")
            await until(pilot, lambda said=said: said in painted(app))  # type: ignore[misc]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "✗ This is not utf-16" in painted(app))
        assert "Byte 0 says otherwise. Try v (room 1): encoding utf-8." in painted(app)
        assert isinstance(app.screen, ReadingDialog)
        assert app.config.data.encoding == ""


async def test_several_text_columns_are_joined_in_the_order_of_marking(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        select = app.screen.query_one("#column-text", Select)
        select.value = select._options[-1][1]
        await until(pilot, lambda: isinstance(app.screen, PickDialog) and "[1] text" in painted(app))
        await pilot.press("space", "j", "j", "space")  # text off, [/b] on
        await until(pilot, lambda: "[1] [/b]" in painted(app))
        await pilot.press("g", "space")
        await until(pilot, lambda: "[2] text" in painted(app))
        await pilot.press("enter", "ctrl+s")
        await until(pilot, lambda: app.config.data.text == ("[/b]", "text"))
        await in_room(pilot, app)
        await until(pilot, lambda: "[/b] + text" in painted(app))


async def test_the_test_rows_come_from_a_file_that_is_named(workbench: Build, tmp_path: Path) -> None:
    file = tmp_path / "my test.csv"
    file.touch()
    async with opened(workbench()) as (app, pilot):
        await reading(pilot, app, "test_file")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickDialog))
        field = app.screen.query_one(Field)
        field.focus()
        field.value = f"'{file}'"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReadingDialog) and "my test.csv" in painted(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.config.data.test_file == str(file))


async def test_a_file_that_could_not_be_read_can_be_read_otherwise(workbench: Build, tmp_path: Path) -> None:
    file = tmp_path / "bytes.csv"
    file.write_bytes(b"text;label\n" + b"\n".join(b"caf\xe9 %d;%s" % (n, b"ab"[n % 2 :][:1]) for n in range(20)))
    app = workbench(real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 classes" in painted(app))
        room(app).open_source(str(tmp_path / "none.csv"))
        await until(pilot, lambda: "No such file" in painted(app))
        rows = await reading(pilot, app)
        assert "none.csv" in painted(app)
        assert rows.data.source.endswith("none.csv")
        await pilot.press("escape")
        room(app).open_source(str(file))
        await until(pilot, lambda: "2 classes · 20 rows" in painted(app))
        assert (await reading(pilot, app)).data.source == str(file)

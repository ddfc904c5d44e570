from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from core.config import DataConfig
from tests.tui.bench import until
from tests.tui.conftest import painted
from tui.app import Workbench
from tui.screens.browse import FileDialog, Files, choose_file
from tui.widgets.field import Field

Build = Callable[..., Workbench]
HOSTILE = "evil\x1b]52;c;QQ==\x07[b].csv"


async def opened(pilot: Pilot[None], folder: Path, found: list[Path | None]) -> FileDialog:
    """The dialog on this folder; what was chosen comes into `found`."""
    dialog = choose_file(replace(DataConfig(), source=str(folder / "now.csv")))
    pilot.app.push_screen(dialog, found.append)
    await until(pilot, lambda: bool(dialog.query(Files)) and dialog.query_one(Files).option_count > 1)
    return dialog


async def test_hostile_names_are_pictures_and_the_list_has_room_at_80x24(workbench: Build, tmp_path: Path) -> None:
    folder = tmp_path / "in \x1b[2J [red]"
    folder.mkdir()
    for name in (HOSTILE, "b.csv", "c.png", "d.csv.gz", "e.zip"):
        (folder / name).write_text("text,label\n")
    app, found = workbench(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, folder, found)
        await until(pilot, lambda: "b.csv" in painted(app) and "[red]" in painted(app))
        text = painted(app)
        assert "evil␛]52" in text
        assert not any((ord(one) < 32 and one != "\n") or one == "\x9b" for one in text)
        assert "c.png" not in text
        assert "d.csv.gz" in text
        assert "e.zip" in text
        assert dialog.query_one(Files).size.height >= 12
        await pilot.press("end", "enter")
        await until(pilot, lambda: bool(found))
    assert found == [folder / HOSTILE]


async def test_any_file_can_be_named_and_a_missing_one_is_said(workbench: Build, tmp_path: Path) -> None:
    (tmp_path / "odd.name").write_text("text,label\n")
    (tmp_path / "b.csv").write_text("text,label\n")
    app, found = workbench(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, tmp_path, found)
        field = dialog.query_one("#name", Field)
        field.focus()
        await pilot.press(*"none", "enter")
        await until(pilot, lambda: "no such file" in painted(app))
        field.value = "odd.name"
        await pilot.press("enter")
        await until(pilot, lambda: bool(found))
    assert found == [tmp_path / "odd.name"]


async def test_escape_chooses_nothing(workbench: Build, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("text,label\n")
    app, found = workbench(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, tmp_path, found)
        await pilot.press("escape")
        await until(pilot, lambda: bool(found))
    assert found == [None]


async def test_a_folder_is_opened_as_it_is(workbench: Build, tmp_path: Path) -> None:
    (tmp_path / "pos").mkdir()
    app, found = workbench(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, tmp_path, found)
        assert "This folder" in painted(app)
        await pilot.click("#folder")
        await until(pilot, lambda: bool(found))
    assert found == [tmp_path]

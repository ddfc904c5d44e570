"""Where data comes from in the Data room: names, folders, recent ones, parts; and that a change loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from core.recent import recent, remember
from tests.tui.bench import until
from tests.tui.conftest import painted
from tests.tui.data_bench import Build, loaded, opened, room
from tui.facts import Lengths
from tui.screens.modals import TextDialog
from tui.sources import given_path, short
from tui.widgets import data_lines
from tui.widgets.class_balance import ClassBalance
from tui.widgets.row_list import RowList
from tui.widgets.source_bar import SourceBar


def text_of(lines: list[list[tuple[str, str]]]) -> str:
    return "\n".join("".join(cell for cell, _ in line) for line in lines)


@pytest.mark.parametrize("name", ["hub:owner/name", "hub:owner/name/config", "kaggle:competition/some-name"])
async def test_a_remote_name_is_opened_typed_or_pasted(workbench: Build, name: str) -> None:
    async with opened(workbench()) as (app, pilot):
        assert "path or hub:owner/name" in painted(app)
        await pilot.press("o", *name, "enter")
        await until(pilot, lambda: app.config.data.source == name)
        room(app).open_source("sample")
        await until(pilot, lambda: app.config.data.source == "sample")
        app.screen.post_message(events.Paste(f"{name}\n"))
        await until(pilot, lambda: app.config.data.source == name)


async def test_a_folder_that_is_pasted_is_opened(workbench: Build, tmp_path: Path) -> None:
    async with opened(workbench()) as (app, pilot):
        app.screen.post_message(events.Paste(f"'{tmp_path}'"))
        await until(pilot, lambda: app.config.data.source == str(tmp_path))


def test_words_that_begin_like_a_remote_name_are_no_name() -> None:
    assert given_path("hub: I like it") == ""
    assert given_path("'hub:a/b'") == "hub:a/b"


def test_a_long_path_keeps_its_folder_where_there_is_room() -> None:
    assert short("/far/away/smile/train.csv", 20) == "smile/train.csv"
    assert short("/far/away/a-long-name-of-a-folder/train.csv", 20) == "train.csv"
    assert short("hub:owner/a-very-long-name", 20) == "…er/a-very-long-name"


async def test_what_was_read_is_remembered_and_comes_first(workbench: Build) -> None:
    for source in ("/data/old.csv", "hub:owner/name"):
        remember(source)
    async with opened(workbench("/data/new.csv"), (160, 40)) as (app, pilot):
        await until(pilot, lambda: recent()[0] == "/data/new.csv")
        await until(pilot, lambda: "▸/data/new.csv  hub:owner/name  /data/old.csv  Browse…" in painted(app))
        room(app).open_source("/nowhere/bad")
        await until(pilot, lambda: "There is no file bad" in painted(app))
        assert "/nowhere/bad" not in recent()
        app.screen.query_one(SourceBar).focus()
        await pilot.press("g", "right", "right", "enter")
        await until(pilot, lambda: app.config.data.source == "hub:owner/name")


async def test_recent_sources_fit_an_80_column_screen(workbench: Build) -> None:
    for number in range(9):
        remember(f"/some/folder/with/a/long/name/reviews-of-the-year-{number}.csv")
    async with opened(workbench()) as (app, pilot):
        await until(pilot, lambda: "year-8.csv" in painted(app))
        line = painted(app).splitlines()[1]
        assert "Browse…" in line
        assert "path or hub:owner/name" in line


async def test_whoever_comes_back_to_a_source_finds_its_cures(workbench: Build) -> None:
    async with opened(workbench("/somewhere/one.csv")) as (app, pilot):
        await pilot.press("x")
        await loaded(pilot, app, "35 rows kept of 75")
        room(app).open_source("sample")
        await loaded(pilot, app, "75 rows kept of 75")
        await until(pilot, lambda: "Undo" not in painted(app))
        room(app).open_source("/somewhere/one.csv")
        await loaded(pilot, app, "35 rows kept of 75")
        await pilot.press("u")
        await loaded(pilot, app, "75 rows kept of 75")


async def test_two_quick_changes_are_both_made(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        for name in ("positive", "negative"):
            app.screen.post_message(ClassBalance.Excluded(name))
        await until(pilot, lambda: app.config.data.cures == ("drop-class:positive", "drop-class:negative"))
        await loaded(pilot, app, "5 rows")
        await pilot.press("u", "u")
        await loaded(pilot, app, "75 rows kept of 75")
        assert app.config.data.cures == ()


async def test_given_parts_are_counted_and_rows_name_their_file(workbench: Build) -> None:
    async with opened(workbench("/somewhere/parts")) as (app, pilot):
        text = painted(app)
        assert "train 25 · validation 25 · test 25 (given)" in text
        assert "train.tsv  1 positive" in text
        app.screen.query_one(RowList).focus()
        await pilot.press("enter")
        await until(
            pilot, lambda: isinstance(app.screen, TextDialog) and "Row 1 of train.tsv · positive" in painted(app)
        )


async def test_another_split_is_looked_at_when_the_room_is_seen_again(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        asked: list[str] = []
        real = app.engine.ask

        async def ask(kind: str, ask: str, **more: object) -> object:
            asked.append(ask)
            return await real(kind, ask, **more)  # type: ignore[arg-type]

        app.engine.ask = ask  # type: ignore[method-assign, assignment]
        await app.action_go("configure")
        app.config = app.config.with_value("split.seed", 5)
        await app.action_go("data")
        await until(pilot, lambda: asked.count("examine") == 5)
        assert "profile" in asked


def test_progress_is_told_in_bytes_where_bytes_come() -> None:
    said = text_of(data_lines.progress("hub:a/b", 3 << 20, 12 << 20, "downloading"))
    assert "downloading hub:a/b" in said
    assert "25 % of 12 MiB" in said
    assert "12 MiB" in text_of(data_lines.progress("hub:a/b", 12 << 20, 0, "downloading"))
    assert "reading a.csv 120" in text_of(data_lines.progress("a.csv", 120, 0, "rows"))
    assert "reading a.csv" in text_of(data_lines.progress("a.csv", 1, 2, "bytes"))
    assert "cleaning a.csv" in text_of(data_lines.progress("a.csv", 0, 0, "cleaning"))


@pytest.mark.parametrize(
    ("truncated", "said"), [(0.0, "all fit 64"), (0.00001, "99.9 % fit 64"), (0.25, "75.0 % fit 64")]
)
def test_nearly_all_is_not_all(truncated: float, said: str) -> None:
    lengths = Lengths("tokens", 1, 2, 3, (1,) * 20, 64, truncated)
    assert said in text_of([data_lines._lengths(lengths, 80, "")])

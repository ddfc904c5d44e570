from __future__ import annotations

from textual.widgets import Select

from tests.tui.bench import until
from tests.tui.conftest import painted
from tests.tui.data_bench import Build, checked, lines, loaded, opened, put_cursor, room, under_cursor
from tui.facts import Finding
from tui.widgets.health import Health
from tui.widgets.row_list import RowList


def notified(app: object, text: str) -> bool:
    return any(text in one.message for one in app._notifications)  # type: ignore[attr-defined]


async def test_a_finding_opens_its_rows_and_its_cure_is_one_key(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "14 near")
        await pilot.press("enter")
        await until(pilot, lambda: "14 rows · finding: duplicates" in painted(app))
        assert isinstance(app.screen.focused, RowList)
        await pilot.press("escape")
        await until(pilot, lambda: "75 rows──" in painted(app))
        put_cursor(app, "14 near")
        assert "f: drop" in under_cursor(app)
        await until(pilot, lambda: " f  Fix" in painted(app))
        await pilot.press("f")
        await until(pilot, lambda: app.config.data.cures == ("drop-duplicates",))
        await until(pilot, lambda: "[x] drop-duplicates  14 rows" in "\n".join(lines(app)))


async def test_what_the_checks_find_joins_the_rest_worst_first(workbench: Build) -> None:
    async with opened(workbench(), (120, 40), checks=True) as (app, _pilot):
        marks = [line[0] for line in lines(app)]
        assert marks == sorted(marks, key="✗!✓".index)
        assert any("pieces of one another" in line for line in lines(app))
        text = painted(app)
        assert "p50 25 · p95 44 · max 90 tokens · 99.6 % fit 64" in text
        assert "always 'positive': acc .500 F1 .230 · TF-IDF F1 .410" in text
        assert "Health · 4 to look at" in text


async def test_the_line_under_the_cursor_stays_where_it_is_while_findings_arrive(workbench: Build) -> None:
    async with opened(workbench("/somewhere/stuck")) as (app, pilot):
        await until(pilot, lambda: "near duplicates… 2/5" in painted(app))
        health = put_cursor(app, "14 near")
        await pilot.pause()
        before = [line for line in painted(app).splitlines() if "14 near" in line]
        at = painted(app).splitlines().index(before[0])
        health.add([Finding("bad", "late", "it came late and is grave", 3)])
        await pilot.pause()
        assert "14 near" in painted(app).splitlines()[at]
        assert "14 near" in under_cursor(app)
        assert any("it came late" in line for line in lines(app))
        health.screen.set_focus(None)  # nobody is in the list any more: the worst come first again
        await until(pilot, lambda: lines(app)[1].startswith("✗ it came late"))
        assert "14 near" in under_cursor(app)


async def test_checks_give_way_when_the_data_changes(workbench: Build) -> None:
    async with opened(workbench("/somewhere/stuck"), (100, 30)) as (app, pilot):
        await until(pilot, lambda: "near duplicates… 2/5 43 %" in painted(app))
        await pilot.press("x")
        await loaded(pilot, app, "35 rows kept of 75")
        room(app).open_source("/somewhere/else.csv")
        await checked(pilot, app)
        assert len(app._notifications) == 0


async def test_a_check_that_fails_is_a_line_and_the_others_go_on(workbench: Build) -> None:
    async with opened(workbench("/somewhere/odd"), checks=True) as (app, _pilot):
        assert any("leaks could not be looked at: No such luck" in line.replace("\n  ", " ") for line in lines(app))


async def test_without_a_tokenizer_lengths_stay_in_words_and_say_why(workbench: Build) -> None:
    async with opened(workbench("/somewhere/tokenless"), (120, 40), checks=True) as (app, _pilot):
        assert "max 71 words" in painted(app)
        assert "starter is not on this machine" in painted(app)


async def test_a_setting_that_mends_is_set_marked_as_done_and_taken_back(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "much larger")
        assert "f: weigh" in under_cursor(app)
        await pilot.press("f")
        await until(pilot, lambda: app.config.training.class_weights == "balanced")
        await until(pilot, lambda: "done:" in under_cursor(app))
        assert under_cursor(app).startswith("✓")
        await pilot.press("f")
        await until(pilot, lambda: notified(app, "u takes it back"))
        await pilot.press("u")
        await until(pilot, lambda: app.config.training.class_weights == "auto")
        await until(pilot, lambda: "f: weigh" in under_cursor(app))


async def test_undo_leaves_what_another_room_set(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "much larger")
        await pilot.press("f")
        await until(pilot, lambda: app.config.training.class_weights == "balanced")
        app.config = app.config.with_value("training.epochs", 9)
        await pilot.press("u")
        await until(pilot, lambda: app.config.training.class_weights == "auto")
        assert app.config.training.epochs == 9


async def test_a_finding_can_name_the_group_column(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "pieces of one another")
        await pilot.press("f")
        await until(pilot, lambda: app.config.data.group == "[/b]")
        await until(pilot, lambda: app.screen.query_one("#column-group", Select).value == "[/b]")
        await pilot.press("u")
        await until(pilot, lambda: app.config.data.group == "")


async def test_a_cure_is_switched_off_and_on_and_keeps_its_place(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        await pilot.press("x")
        await loaded(pilot, app, "35 rows kept of 75")
        put_cursor(app, "14 near")
        await pilot.press("f")
        await until(pilot, lambda: app.config.data.cures == ("drop-class:positive", "drop-duplicates"))
        await until(pilot, lambda: any("[x] drop-duplicates" in line for line in lines(app)))
        put_cursor(app, "drop-class:positive")
        await until(pilot, lambda: "space  Switch" in painted(app))
        await pilot.press("space")
        await until(pilot, lambda: app.config.data.cures == ("drop-duplicates",))
        await until(pilot, lambda: "[ ] drop-class:positive  off" in under_cursor(app))
        await pilot.press("enter")
        await until(pilot, lambda: notified(app, "It is off"))
        await pilot.press("space")
        await until(pilot, lambda: app.config.data.cures == ("drop-class:positive", "drop-duplicates"))
        await until(pilot, lambda: "[x] drop-class:positive  40 rows" in under_cursor(app))


async def test_a_cure_opens_the_rows_that_it_dropped(workbench: Build) -> None:
    async with opened(workbench()) as (app, pilot):
        await pilot.press("x")
        await loaded(pilot, app, "35 rows kept of 75")
        put_cursor(app, "drop-class:positive")
        await pilot.press("enter")
        await until(
            pilot, lambda: "40 rows · cure: drop-class:positive" in painted(app) and "dropped 1" in painted(app)
        )


async def test_rows_that_reading_left_out_can_be_looked_at(workbench: Build) -> None:
    async with opened(workbench("/somewhere/odd")) as (app, pilot):
        put_cursor(app, "3 left out: unreadable time")
        await pilot.press("enter")
        await until(pilot, lambda: "3 rows · finding: unreadable time" in painted(app))


async def test_lines_that_nothing_can_be_done_about_say_so(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "one class is rare")
        await until(pilot, lambda: "Undo" not in painted(app) and "Fix" not in painted(app).splitlines()[-1])
        for keys, words in (
            ("f", "There is no cure for this line"),
            ("space", "space turns a cure off and on"),
        ):
            await pilot.press(keys)
            await until(pilot, lambda words=words: notified(app, words))  # type: ignore[misc]
        put_cursor(app, "no leak found")
        await pilot.press("f", "enter")
        await until(pilot, lambda: notified(app, "needs no cure") and notified(app, "no rows behind"))


async def test_undoing_a_cure_brings_its_finding_back_under_the_cursor(workbench: Build) -> None:
    async with opened(workbench(), checks=True) as (app, pilot):
        put_cursor(app, "14 near")
        await pilot.press("f")
        await until(pilot, lambda: any("[x] drop-duplicates" in line for line in lines(app)))
        await pilot.press("u")
        await until(pilot, lambda: "14 near" in under_cursor(app))
        assert isinstance(app.screen.focused, Health)

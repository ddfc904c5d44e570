"""Keeping runs in order on the screen: the filter, tags, notes, names, putting aside, and every way back."""

from __future__ import annotations

import shutil

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.runs import Run, RunStore
from core.runs.notes import edit, read_notes
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import partial_run
from tests.tui.test_runs import names, table, three
from tui.screens import run_reading
from tui.screens.modals import ErrorDialog, TextDialog
from tui.screens.run_dialogs import LineDialog

SIZES = [(80, 24), (160, 48)]


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is changed here is seen because it was changed, not at the next look."""
    monkeypatch.setattr(run_reading, "PERIOD", 3600.0)


def notes(store: RunStore, name: str) -> tuple[tuple[str, ...], str, bool]:
    found = read_notes(Run(store.root / name))
    return found.tags, found.text, found.is_archived


async def typed(pilot: Pilot[None], key: str, text: str, *, anew: bool = True) -> None:
    """Open the dialog of this key, type into its line and commit."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, LineDialog) and pilot.app.focused is not None)
    if anew:
        pilot.app.screen.query_one(Input).value = ""
    await pilot.press(*text, "enter")


async def back(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: not isinstance(pilot.app.screen, LineDialog | ErrorDialog))


@pytest.mark.parametrize("size", SIZES)
async def test_a_filter_narrows_as_it_is_typed_and_what_is_unfinished_does_not(
    store: RunStore, size: tuple[int, int]
) -> None:
    three(store)
    edit(Run(store.root / "wise-wren"), add=["baseline"])
    async with bench(store, "runs").run_test(size=size) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        field = pilot.app.screen.query_one("#filter", Input)
        await pilot.press("slash", *"f1>")
        await pilot.pause()
        assert len(names(pilot)) == 3
        await pilot.press(*".75")
        await until(pilot, lambda: names(pilot) == ["brisk-otter", "wise-wren"])
        assert "2 of 3 runs" in shown(pilot)
        await pilot.press(*" tag:base")
        await until(pilot, lambda: names(pilot) == ["wise-wren"])
        field.value = "stat:x wren"
        await until(pilot, lambda: "there is no 'stat'" in shown(pilot))
        assert names(pilot) == ["wise-wren"], "what is right in it counts"
        await pilot.press("enter")
        await until(pilot, lambda: "Did you mean 'state'?" in shown(pilot))
        assert pilot.app.focused is field, "there is something to mend"
        field.value = "not is:starred"
        await pilot.press("enter")
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron"])
        assert pilot.app.focused is table(pilot)
        assert "no 'stat'" not in shown(pilot)
        field.value = "a " * 6000
        await until(pilot, lambda: "too long" in shown(pilot))
        await pilot.press("slash", "escape")
        await until(pilot, lambda: len(names(pilot)) == 3 and "too long" not in shown(pilot))


@pytest.mark.parametrize("size", SIZES)
async def test_tags_are_changed_and_u_takes_that_back_but_not_what_others_did(
    store: RunStore, size: tuple[int, int]
) -> None:
    three(store)
    edit(Run(store.root / "wise-wren"), add=["baseline"])
    edit(Run(store.root / "brisk-otter"), add=["old"])
    app = bench(store, "runs")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, LineDialog))
        await until(pilot, lambda: "In use: " in painted(app) and "baseline" in painted(app))
        await pilot.press(*" bad,tag", "enter")
        await until(pilot, lambda: "cannot be a tag" in painted(app))
        assert isinstance(app.screen, LineDialog), "what is wrong is not taken"
        app.screen.query_one(Input).value = "new v2"
        await pilot.press("enter")
        await until(pilot, lambda: notes(store, "brisk-otter")[0] == ("new", "v2"))
        await back(pilot)
        if size[0] >= 120:
            await until(pilot, lambda: "new, v2" in painted(app))
        edit(Run(store.root / "brisk-otter"), add=["theirs"])
        await pilot.press("u")
        await until(pilot, lambda: set(notes(store, "brisk-otter")[0]) == {"old", "theirs"})


async def test_a_note_is_written_changed_and_taken_back(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await typed(pilot, "i", "try [/b] lower")
        await until(pilot, lambda: notes(store, "brisk-otter")[1] == "try [/b] lower")
        await back(pilot)
        await pilot.press("slash", *"note:lower", "enter")
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        await pilot.press("u")
        await until(pilot, lambda: notes(store, "brisk-otter")[1] == "")


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_renamed_under_the_cursor_and_u_gives_its_name_back(
    store: RunStore, size: tuple[int, int]
) -> None:
    three(store)
    app = bench(store, "runs")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        app.run_name = app.asked_run = "brisk-otter"
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, LineDialog))
        app.screen.query_one(Input).value = "wise-wren"
        await until(pilot, lambda: "there already" in painted(app))
        app.screen.query_one(Input).value = "no/good"
        await until(pilot, lambda: "cannot be a run's name" in painted(app))
        await pilot.press("enter")
        assert isinstance(app.screen, LineDialog)
        app.screen.query_one(Input).value = "amber-adder"
        await pilot.press("enter")
        await until(pilot, lambda: "amber-adder" in names(pilot))
        assert table(pilot).current == "amber-adder"
        assert (app.run_name, app.asked_run) == ("amber-adder", "amber-adder"), "the other rooms know it by that"
        assert sorted(store.names()) == ["amber-adder", "calm-heron", "wise-wren"]
        await pilot.press("u")
        await until(pilot, lambda: "brisk-otter" in names(pilot) and "amber-adder" not in names(pilot))
        assert app.run_name == "brisk-otter"


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_put_aside_listed_on_request_and_brought_back(store: RunStore, size: tuple[int, int]) -> None:
    three(store)
    app = bench(store, "runs")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("h")
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron"])
        await until(pilot, lambda: "1 archived" in shown(pilot))
        assert "2 runs" in shown(pilot)
        await pilot.press("slash", *"is:archived", "enter")
        await until(pilot, lambda: names(pilot) == ["brisk-otter"])
        assert notes(store, "brisk-otter")[2]
        await pilot.press("h")
        await until(pilot, lambda: names(pilot) == [])
        await pilot.press("u", "escape")
        await until(pilot, lambda: names(pilot) == ["wise-wren", "calm-heron"])
        await pilot.press("u")
        await until(pilot, lambda: len(names(pilot)) == 3)


async def test_ways_back_are_gone_in_their_order(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await typed(pilot, "t", "first")
        await until(pilot, lambda: notes(store, "brisk-otter")[0] == ("first",))
        await back(pilot)
        await typed(pilot, "a", "amber-adder")
        await until(pilot, lambda: "amber-adder" in names(pilot))
        await pilot.press("d")
        await until(pilot, lambda: "amber-adder" not in names(pilot))
        await pilot.press("u", "u", "u")
        await until(pilot, lambda: "brisk-otter" in names(pilot))
        await until(pilot, lambda: notes(store, "brisk-otter")[0] == ())
        await pilot.press("u")
        await pilot.pause()
        assert len(names(pilot)) == 3


async def test_what_cannot_be_changed_says_why_and_leaves_the_list(store: RunStore) -> None:
    three(store)
    run = partial_run(store, "live-one", steps=60)
    app = bench(store, "runs")
    with run.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("4")
            await until(pilot, lambda: len(names(pilot)) == 4)
            table(pilot).move_cursor(row=names(pilot).index("live-one"))
            await typed(pilot, "a", "other")
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "is being trained" in painted(app))
            await pilot.press("escape")
            await back(pilot)
            (store.root / "wise-wren" / "notes.toml").write_text("= =")
            table(pilot).move_cursor(row=names(pilot).index("wise-wren"))
            await pilot.press("h")
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "are damaged" in painted(app))
            await pilot.press("escape")
            await back(pilot)
            assert (store.root / "wise-wren" / "notes.toml").read_text() == "= ="
            shutil.rmtree(store.root / "calm-heron")
            table(pilot).move_cursor(row=names(pilot).index("calm-heron"))
            await pilot.press("h")
            await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "calm-heron is gone" in painted(app))
            await pilot.press("escape")
            await until(pilot, lambda: bool(names(pilot)) and "calm-heron" not in names(pilot))
    run.close()


async def test_damaged_notes_are_seen_before_anything_is_asked(store: RunStore) -> None:
    three(store)
    (store.root / "brisk-otter" / "notes.toml").write_text("= =")
    app = bench(store, "runs")
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await until(pilot, lambda: "notes damaged" in painted(app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await until(pilot, lambda: "Mend the file" in painted(app))


async def test_notes_changed_in_a_shell_are_seen(store: RunStore) -> None:
    three(store)
    async with bench(store, "runs").run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        edit(Run(store.root / "calm-heron"), add=["from-a-shell"])
        room = pilot.app.screen
        for _ in range(5):  # complete runs take turns
            room.look_again()  # type: ignore[attr-defined]
            await pilot.pause(0.1)
        await until(pilot, lambda: "from-a-shell" in painted(pilot.app))


@pytest.mark.parametrize("size", SIZES)
async def test_disk_use_on_demand(store: RunStore, size: tuple[int, int]) -> None:
    three(store)
    step = store.root / "calm-heron" / "checkpoints" / "step-1"
    step.mkdir(parents=True)
    (step / "state").write_bytes(b"x" * (2 << 20))
    app = bench(store, "runs")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, TextDialog) and "checkpoints 2 MiB" in painted(app))
        lines = [one for one in painted(app).splitlines() if "-" in one and "iB" in one]
        assert "calm-heron" in next(one for one in lines if "heron" in one or "otter" in one), "the largest first"


async def test_many_tags_do_not_hold_the_list_up(store: RunStore) -> None:
    three(store)
    many = [f"tag-{number}" for number in range(10_000)]
    (store.root / "brisk-otter" / "notes.toml").write_text(f"tags = {many}")
    app = bench(store, "runs")
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: len(names(pilot)) == 3)
        await until(pilot, lambda: "tag-0, tag-1" in painted(app))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, LineDialog))
        await pilot.press("space", *"more", "enter")
        await until(pilot, lambda: "too many" in painted(app))

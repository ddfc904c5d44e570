"""Recipes in the Configure room and by name: what is said about them, taking one, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.config import RunConfig
from core.config.presets import apply_preset
from core.config.recipe import Recipe, recipe_named, recipes
from core.errors import DataError, WorkbenchError
from core.runs import RunStore
from tests.tui.bench import bench, until
from tests.tui.conftest import painted
from tests.tui.data_bench import Build, lines, loaded, room
from tui.app import Workbench
from tui.recipes import told
from tui.screens.configure import ConfigureRoom
from tui.screens.data import DataRoom
from tui.screens.modals import ErrorDialog
from tui.screens.recipe_dialog import RecipeDialog, RecipeRows
from tui.sources import data_config
from tui.widgets.canvas import Canvas
from tui.widgets.config_form import SettingRows
from tui.widgets.recipe_lines import about, preset_row

SMILE = recipe_named("smile")

TWEETS = [("happy", 24), ("angry", 12), ("nocode", 10), ("happy|sad", 3)]
"""Labels as that data has them, with rows of each."""


@pytest.fixture
def tweets(tmp_path: Path) -> str:
    """A file of the shape that `smile` is for, without a header."""
    labels = [label for label, many in TWEETS for _ in range(many)]
    rows = [f'{61000 + n},"tweet number {n} of @museum, as {label} as that",{label}' for n, label in enumerate(labels)]
    file = tmp_path / "smile-annotations-final.csv"
    file.write_text("\n".join(rows))
    return str(file)


async def configure(pilot: Pilot[None], app: Workbench, text: str = "train 61 rows") -> None:
    """The Configure room, its rows counted."""
    await app.action_go("configure")
    await until(pilot, lambda: isinstance(app.screen, ConfigureRoom) and isinstance(app.screen.focused, SettingRows))
    await until(pilot, lambda: text in painted(app) and "GiB free" in painted(app))


async def dialog(pilot: Pilot[None], app: Workbench, name: str) -> None:
    """The list of recipes, opened from the row of presets, the cursor on one."""
    app.screen.query_one("#preset").focus()
    await pilot.press("G", "enter")
    await until(pilot, lambda: isinstance(app.screen, RecipeDialog) and "enter takes it" in painted(app))
    app.screen.query_one(RecipeRows).highlighted = list(recipes()).index(name)
    await until(pilot, lambda: recipe_named(name).title in painted(app))


async def take(pilot: Pilot[None], app: Workbench, name: str) -> None:
    """Take a recipe that fits, in the Configure room."""
    await dialog(pilot, app, name)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ConfigureRoom) and app.config.data.recipe == name)


def said(app: Workbench) -> str:
    """What the dialog says about the recipe under the cursor."""
    return app.screen.query_one("#about", Canvas).text


# What is said


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_every_recipe_is_told_without_a_cut_word(workbench: Build, size: tuple[int, int]) -> None:
    app = workbench()
    async with app.run_test(size=size) as pilot:
        await configure(pilot, app)
        await dialog(pilot, app, "smile")
        for name, recipe in recipes().items():
            assert f" {name} " in painted(app) or name.endswith("-as-written")
            await until(pilot, lambda recipe=recipe: recipe.title in said(app))  # type: ignore[misc]
            words = " ".join(said(app).split())
            assert recipe.sentence in words
            assert f"for {recipe.data or 'any data'}" in words
            assert "It would change here" in words
            assert "…" not in words
            assert app.screen.query_one("#about", Canvas).size.height >= len(said(app).splitlines())
            await pilot.press("j")


def text_of(recipe: Recipe, config: RunConfig, width: int, height: int) -> list[str]:
    found = ["".join(character for character, _ in one).rstrip() for one in about(recipe, config, width, height)]
    assert len(found) <= height
    assert max(map(len, found)) <= width
    return found


def test_what_the_write_up_reached_its_faults_and_what_would_change_are_told() -> None:
    written, ours = (text_of(recipe_named(name), RunConfig(), 86, 36) for name in ("smile-as-written", "smile"))
    for one in (written, ours):
        assert "trained BERT base, uncased, on a T4" in "\n".join(one)
        assert "weighted F1, best epoch .861" in "\n".join(one)
        assert "open now: sample" in one
    assert len([one for one in written if one.startswith("! ")]) == 5
    assert "! " not in "\n".join(ours)
    begun = written.index("It would change here")
    assert written[begun + 1].split() == ["base", "model", "starter", "→", "bert-base-uncased"]
    assert ["epochs", "4", "→", "10"] in [one.split() for one in written[begun:]]
    assert len(written[begun + 1 :]) == len(recipe_named("smile-as-written").changes(RunConfig()))


def test_where_there_is_no_room_it_is_said_how_much_more_there_is() -> None:
    recipe = recipe_named("smile-as-written")
    found = text_of(recipe, RunConfig(), 54, 21)
    left = [int(one.split()[1]) for one in found if one.strip().startswith("and ")]
    changes = found[found.index("It would change here") + 1 : -1]
    assert sum(left) == 5 - sum(one.startswith("! ") for one in found) + len(recipe.changes(RunConfig())) - len(changes)
    for height in range(17, 40):
        for recipe in recipes().values():
            text_of(recipe, RunConfig(), 54, height)


def test_a_recipe_is_marked_only_while_the_settings_are_its() -> None:
    taken = SMILE.applied(RunConfig(data=data_config("/data/smile.csv")))
    marked, chips, sentence = preset_row(taken, 170)
    assert (marked, chips[-1], sentence) == ("recipe", ("recipe", "Recipe: smile"), SMILE.sentence)
    assert preset_row(taken.with_value("training.device", "cpu"), 170)[0] == "recipe"  # where it runs is no matter
    long = recipe_named("movie-reviews-as-written").applied(taken)
    assert [preset_row(long, width)[1][-1][1] for width in (70, 52)] == ["Recipe: movie-reviews-as-written", "Recipe"]
    marked, chips, sentence = preset_row(apply_preset(taken, "quick"), 170)
    assert (marked, chips[-1][1]) == ("quick", "Recipe…")
    assert sentence == "from smile, 1 changed · Two epochs: is there anything to learn?"
    marked, _, sentence = preset_row(taken.with_value("training.epochs", 3).with_value("split.test", 0.2), 70)
    assert (marked, sentence) == ("", "from smile, 2 changed")
    assert preset_row(taken.with_value("data.recipe", "of-another-version"), 170)[2] == "settings of your own"


def test_other_data_is_the_next_step_where_other_data_is_open() -> None:
    error = DataError("It does not fit", "Line 12 of the recipe.", "Try another.")
    sample, own = RunConfig(), RunConfig(data=data_config("/data/Smile-annotations-final.csv"))
    step = told(error, SMILE, sample).next_step
    assert step.startswith("Open its data in room 1: it is for smile-annotations-final.csv")
    assert step.endswith("open now is sample · Try another.")
    assert told(error, SMILE, own) is error
    assert told(error, recipe_named("bert-base"), sample) is error
    broken = WorkbenchError("A helper process ended before it answered")
    assert told(broken, SMILE, sample) is broken


# Taking one, and the way back


async def test_smile_is_taken_on_its_data_and_taken_back_in_data(workbench: Build, tweets: str) -> None:
    app = workbench(tweets, real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "4 classes · 49 rows" in painted(app))
        before = app.config
        await configure(pilot, app, "locked")
        await take(pilot, app, "smile")
        assert app.config == SMILE.applied(before)
        await until(pilot, lambda: "▸Recipe: smile" in painted(app) and "•stratified" in painted(app))
        await until(pilot, lambda: "no locked test" in painted(app) and "u takes the recipe back" in painted(app))
        await pilot.press("y")
        await until(pilot, lambda: app.clipboard == f"finetui train {tweets} --recipe smile")
        await pilot.press("escape", "1")
        await until(pilot, lambda: isinstance(app.screen, DataRoom) and "2 classes · 36" in painted(app))
        assert [one.split()[:2] for one in lines(app) if one.startswith("[x]")] == [
            ["[x]", "drop-class:nocode"],
            ["[x]", "drop-multi-label:|"],
        ]
        await pilot.press("u")
        await until(pilot, lambda: app.config == before and "4 classes · 49 rows" in painted(app))
        assert not [one for one in lines(app) if one.startswith("[")]


async def test_what_does_not_fit_names_its_line_and_changes_nothing(workbench: Build) -> None:
    app = workbench(real=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 classes" in painted(app))
        before = app.config
        await configure(pilot, app, "locked")
        await dialog(pilot, app, "smile")
        assert "open now: sample" in said(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog) and "Next:" in painted(app))
        assert isinstance(app.screen, ErrorDialog)
        number, _ = SMILE.line_of("data.cures", "drop-class:nocode")
        assert f"Line {number} of the recipe: " in painted(app)
        assert "Open its data in room 1" in painted(app)
        assert "'nocode'" in painted(app)  # the end of a title that is longer than the frame
        await pilot.press("enter")
        assert isinstance(app.screen, RecipeDialog)
        await pilot.press("escape")
        assert isinstance(app.screen, ConfigureRoom)
        assert app.config == before


async def test_u_brings_all_back_in_configure_too(workbench: Build) -> None:
    app = workbench()
    app.set_reactive(Workbench.config, app.config.with_value("training.seed", 7).with_value("model.dropout", 0.5))
    before = app.config
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app)
        await configure(pilot, app)
        await pilot.press("u")
        await until(pilot, lambda: "Nothing to undo here" in painted(app))
        assert "takes the recipe back" not in painted(app)
        await take(pilot, app, "bert-base-as-written")
        await until(pilot, lambda: "▸Recipe: bert-base-as-written" in painted(app))
        assert (app.config.training.seed, app.config.model.dropout) == (42, 0.3)
        await pilot.press("u")
        await until(pilot, lambda: app.config == before and "Recipe… settings of your own" not in painted(app))
        await until(pilot, lambda: "▸Balanced" in painted(app) and "takes the recipe back" not in painted(app))
        await app.action_go("data")
        await until(pilot, lambda: isinstance(app.screen, DataRoom) and "75 rows" in painted(app))
        assert not room(app).offers("undo")


async def test_whoever_mashes_enter_takes_it_once(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot, app)
        before = app.config
        await configure(pilot, app)
        await dialog(pilot, app, "bert-base")
        await pilot.press("enter", "enter", "enter", "enter", "enter")
        await until(pilot, lambda: app.config.data.recipe == "bert-base")
        if isinstance(app.screen, ConfigureRoom):
            await dialog(pilot, app, "bert-base")
        await until(pilot, lambda: "It would change nothing here." in said(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfigureRoom))
        assert app.decided.about(app.config.data).changes() == 1
        await pilot.press("u")
        assert app.config == before


async def test_a_cure_that_came_after_is_taken_back_first(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app)
        before = app.config
        await configure(pilot, app)
        await take(pilot, app, "bert-base")
        await app.action_go("data")
        await until(pilot, lambda: isinstance(app.screen, DataRoom) and room(app).offers("undo"))
        await pilot.press("G", "x")
        await until(pilot, lambda: app.config.data.cures != ())
        await app.action_go("configure")
        await pilot.press("u")
        await until(pilot, lambda: "u there takes back" in painted(app))
        assert app.config.data.recipe == "bert-base"
        await app.action_go("data")
        await pilot.press("u")
        await until(pilot, lambda: app.config.data.cures == ())
        assert app.config.model.base == "bert-base-cased"
        await pilot.press("u")
        await until(pilot, lambda: app.config == before)


async def test_data_that_was_not_opened_yet_knows_the_way_back(tmp_path: Path) -> None:
    app = bench(RunStore(tmp_path / "runs"), "configure", fake=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "train 61 rows" in painted(app))
        before = app.config
        await take(pilot, app, "bert-large")
        await app.action_go("data")
        await loaded(pilot, app)
        await pilot.press("u")
        await until(pilot, lambda: app.config == before)


async def test_a_preset_changes_its_settings_on_top_of_a_recipe(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await configure(pilot, app)
        await take(pilot, app, "bert-base")
        taken = app.config
        await pilot.press("g", "enter")
        await until(pilot, lambda: "▸Quick look" in painted(app) and "from bert-base, 2 changed" in painted(app))
        assert app.config == apply_preset(taken, "quick")
        await until(pilot, lambda: "--recipe bert-base --epochs 2" in painted(app) and "(probed)" in painted(app))


async def test_escape_cancels_what_is_tried_and_leaves_then(workbench: Build) -> None:
    app = workbench("/somewhere/slow")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "esc cancels" in painted(app))
        before = app.config
        await app.action_go("configure")
        await until(pilot, lambda: isinstance(app.screen, ConfigureRoom) and "GiB free" in painted(app))
        await dialog(pilot, app, "bert-base")
        await pilot.press("enter")
        await until(pilot, lambda: "trying bert-base on /somewhere/slow" in painted(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Cancelled. Nothing was changed." in painted(app))
        assert isinstance(app.screen, RecipeDialog)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ConfigureRoom))
        assert app.config == before
        await until(pilot, lambda: app.engine.busy("data") and app.engine.busy("forecast"))  # rows are counted again


async def test_the_palette_has_every_recipe_and_takes_it(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await loaded(pilot, app)
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {f"Recipe: {name}" for name in recipes()} <= set(commands)
        commands["Recipe: bert-base"].callback()
        await until(pilot, lambda: app.config.data.recipe == "bert-base" and isinstance(app.screen, DataRoom))
        await until(pilot, lambda: "The settings are those of bert-base now" in painted(app))
        await app.action_go("try")
        commands["Recipe: bert-large"].callback()
        await until(pilot, lambda: app.config.data.recipe == "bert-large" and isinstance(app.screen, ConfigureRoom))
        assert recipe_named("bert-large").applied(app.config) == app.config
        await until(pilot, lambda: "GiB free" in painted(app) and "(probed)" in painted(app))  # its children are known

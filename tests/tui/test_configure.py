from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from core.config import RunConfig, settings
from core.config.presets import PRESETS, apply_preset, preset_of
from tests.tui.bench import until
from tests.tui.conftest import painted
from tui.app import Workbench
from tui.screens.configure import ConfigureRoom
from tui.screens.modals import TextDialog
from tui.widgets.config_form import SettingRows, groups, sentence_of

Build = Callable[..., Workbench]


async def opened(pilot: Pilot[None], app: Workbench) -> SettingRows:
    await app.action_go("configure")
    await until(pilot, lambda: isinstance(app.screen, ConfigureRoom) and isinstance(app.screen.focused, SettingRows))
    await until(pilot, lambda: "train 61 rows" in painted(app) and "14.9 GiB" in painted(app))
    return app.screen.query_one(SettingRows)


def put_cursor(rows: SettingRows, path: str) -> None:
    rows.highlighted = rows.paths.index(path)


def test_every_shown_setting_is_in_the_form_once() -> None:
    listed = [path for _, members in groups() for path in members]
    assert sorted(listed) == sorted(path for path, _, spec in settings() if spec.shown)


async def test_every_setting_has_its_value_on_a_wide_screen(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(200, 60)) as pilot:
        await opened(pilot, app)
        text = painted(app)
        for path, _, spec in settings():
            if spec.shown:
                assert path.split(".")[1].replace("_", " ") in text
                assert sentence_of(path) in text


async def test_a_value_is_checked_while_typing_and_a_bad_one_never_arrives(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await opened(pilot, app)
        put_cursor(rows, "training.epochs")
        await pilot.press("enter")
        assert isinstance(app.screen.focused, Input)
        await pilot.press(*"0")
        await until(pilot, lambda: "✗ epochs: 0 is out of bounds: 1 to 1000" in painted(app))
        assert app.config.training.epochs == RunConfig().training.epochs
        await pilot.press("enter")  # stays open: the complaint is not waved through
        assert isinstance(app.screen.focused, Input)
        await pilot.press("backspace", *"ab")
        await until(pilot, lambda: "is not a whole number" in painted(app))
        await pilot.press("backspace", "backspace", *"9", "enter")
        await until(pilot, lambda: app.config.training.epochs == 9 and app.screen.focused is rows)
        await until(pilot, lambda: "--epochs 9" in painted(app))


async def test_escape_brings_the_former_value_back(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await opened(pilot, app)
        put_cursor(rows, "model.base")
        await pilot.press("enter", *"[/b]")
        await until(pilot, lambda: app.config.model.base == "[/b]")
        await pilot.press("escape")
        await until(pilot, lambda: app.config.model.base == "starter" and app.screen.focused is rows)


async def test_choices_are_switched(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await opened(pilot, app)
        put_cursor(rows, "training.schedule")
        await pilot.press("space")
        await until(pilot, lambda: app.config.training.schedule == "cosine")
        put_cursor(rows, "split.keep_duplicates_together")
        await pilot.press("enter")
        await until(pilot, lambda: not app.config.split.keep_duplicates_together)
        put_cursor(rows, "training.device")
        await pilot.press("space")
        await until(pilot, lambda: app.config.training.device == "cpu" and "▸cpu" in painted(app))


async def test_presets_change_what_they_say(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        assert "▸Balanced" in painted(app)
        app.screen.query_one("#preset").focus()
        await pilot.press("g", "enter")
        await until(pilot, lambda: app.config.training.epochs == 2 and "▸Quick look" in painted(app))


def test_presets_are_recognised_and_touch_nothing_else() -> None:
    config = RunConfig().with_value("training.seed", 7)
    for preset in PRESETS:
        changed = apply_preset(config, preset.name)
        assert preset_of(changed) == preset.name
        assert changed.training.seed == 7
    assert preset_of(config.with_value("training.epochs", 77)) == ""


async def test_the_strip_follows_the_settings(workbench: Build) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        app.config = app.config.with_value("training.batch_size", 61)
        await until(pilot, lambda: "~1 steps an epoch" in painted(app))
        app.config = app.config.with_value("split.test", 0.5).with_value("split.validation", 0.5)
        await until(pilot, lambda: "less than 20 % of the rows" in painted(app))
        assert app.screen.query_one("#start", Button).disabled


async def test_the_command_is_shown_as_plain_text_and_copied(workbench: Build) -> None:
    app = workbench("/data/it's here.csv")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        assert app.clipboard == """finetui train '/data/it'"'"'s here.csv'"""
        assert "finetui train" in painted(app)


async def test_the_forecast_is_arithmetic_first_and_measured_then(
    workbench: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.configure.SETTLED", 0.3)
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "forecast ~ 01:30 · peak ~ 1.0 GiB" in painted(app))
        await until(pilot, lambda: "forecast 01:12 (probed) · peak 1.0 GiB" in painted(app))
        await until(pilot, lambda: not app.engine.lives("probe"))  # the model it held is gone


async def test_what_does_not_fit_says_what_would_and_takes_it(workbench: Build) -> None:
    app = workbench()
    app.set_reactive(Workbench.config, app.config.with_value("training.batch_size", 128))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        assert "Fix" not in painted(app)
        await until(pilot, lambda: "does not fit: 8.0 GiB are free; f: batch size 64, accumulation 2" in painted(app))
        assert "f  Fix" in painted(app)
        await pilot.press("f")
        await until(pilot, lambda: "--batch-size 64 --accumulation 2" in painted(app))
        assert (app.config.training.batch_size, app.config.training.accumulation) == (64, 2)
        await until(pilot, lambda: "(probed) · peak 1.0 GiB" in painted(app))


async def test_whoever_leaves_ends_the_measurement(workbench: Build) -> None:
    app = workbench()
    app.set_reactive(Workbench.config, app.config.with_value("training.batch_size", 48))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: app.engine.busy("probe"))
        await app.action_go("data")
        await until(pilot, lambda: not app.engine.lives("probe"))
        await app.action_go("configure")
        await until(pilot, lambda: app.engine.busy("probe"))

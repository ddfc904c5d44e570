"""Configure: every setting of a run with its sentence, checked while typing; what it will do stands below."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from core.config import (
    DataConfig,
    RunConfig,
    SplitConfig,
    command_line,
    problems,
    to_dict,
    with_absolute_paths,
)
from core.config.presets import apply_preset
from core.errors import Cancelled, WorkbenchError
from tui import recipes
from tui.advice import here
from tui.facts import Split, split_of
from tui.forecasting import Outlook, outlook_of
from tui.keys import bindings
from tui.screens.modals import TextDialog
from tui.screens.room import Room
from tui.widgets import data_lines, plan_lines, recipe_lines
from tui.widgets.canvas import Canvas, line
from tui.widgets.chips import ChipBar
from tui.widgets.config_form import ConfigForm

REST = 0.15
"""Seconds of rest in typing before rows are counted anew."""

SETTLED = 1.0
"""Seconds of rest before a forecast is measured: that keeps the cores busy for some seconds."""

_BEFORE_CHIPS = len("Preset") + 2
"""Cells that are not the chips' in their row."""


class ConfigureRoom(Room):
    """Edits `config` of the workbench; a value that is out of bounds never gets there."""

    ROOM = "configure"
    FIRST_FOCUS = "#settings"
    CSS_PATH = "../styles/configure.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("configure")

    def __init__(self) -> None:
        super().__init__()
        self._devices: list[dict[str, object]] = []
        self._split: Split | None = None
        self._counted: tuple[DataConfig, SplitConfig] | None = None
        self._note = ""
        self._outlook: Outlook | None = None
        self._foreseen: RunConfig | None = None
        """What `_outlook` is about, once it is as good as it gets."""
        self._about_outlook = ""

    def skeleton(self) -> ComposeResult:
        """Presets, the form, and the strip."""
        with Horizontal(id="presets"):
            yield Static("Preset", classes="muted")
            yield PresetBar()
            yield Canvas(id="preset-sentence")
        yield ConfigForm()
        yield Canvas(id="says", classes="panel")
        yield Canvas(id="devices")
        yield Canvas(id="plan", classes="panel")
        yield Canvas(id="forecast")
        yield Canvas(id="command")
        with Horizontal(id="start-row"):
            yield Button("Start  ctrl+r", id="start", variant="primary", compact=True)
            yield Canvas(id="start-says")

    async def fill(self) -> None:
        """Show the configuration and keep showing it."""
        self.watch(self.app, "config", self._show, init=True)
        self.look_for_devices()

    def unready(self) -> str:
        """What is wrong with the value under edit."""
        return self.query_one(ConfigForm).complaint

    def on_screen_resume(self) -> None:
        """Free memory changes while we are elsewhere."""
        if self._devices:
            self.look_for_devices()
            if self._foreseen != self.workbench.config:
                self.foresee(self.workbench.config)
            if self._counted is None:  # a recipe that was tried and cancelled ended the counting
                self.count_rows(self.workbench.config)

    def on_screen_suspend(self) -> None:
        """Nobody reads the forecast: what measures it ends."""
        self.workers.cancel_group(self, "forecast")

    def _show(self, config: RunConfig) -> None:
        self.query_one(ConfigForm).show(config)
        self._paint(config)
        if (config.data, config.split) != self._counted:
            self.count_rows(config)
        if config != self._foreseen:
            self.foresee(config)

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    def _paint(self, config: RunConfig) -> None:
        if not self.query("#plan"):  # the screen is being left
            return
        width = self._width()
        self._paint_presets(config, width)
        found = problems(config)
        self.query_one("#plan", Canvas).show(
            plan_lines.problem_lines(found, width) or plan_lines.rows(self._split, config, width, self._note), width
        )
        self.query_one("#forecast", Canvas).show(plan_lines.forecast(self._outlook, self._about_outlook), width)
        self.query_one("#command", Canvas).show(plan_lines.command(config, width), width)
        devices = plan_lines.device_lines(self._devices, config.training.device, width)
        self.query_one("#devices", Canvas).show(devices or [line(("looking for devices…", "muted"))], width)
        self.query_one("#start", Button).disabled = bool(found)

    def _paint_presets(self, config: RunConfig, width: int) -> None:
        marked, chips, sentence = recipe_lines.preset_row(config, width - _BEFORE_CHIPS)
        self.query_one(PresetBar).show(marked, chips)
        said = self.query_one("#preset-sentence", Canvas)
        self.call_after_refresh(said.show, [line((sentence, "muted"))], width)  # the chips may leave it more room then
        back = " · u takes the recipe back" if recipes.can_take_back(self.workbench) else ""
        self.query_one("#start-says", Canvas).show([line((f"y shows the command and copies it{back}", "muted"))], width)

    def on_resize(self) -> None:
        """Lines follow the width."""
        self.call_after_refresh(lambda: self._paint(self.workbench.config))

    # Changing

    @on(ConfigForm.Changed)
    def _changed(self, message: ConfigForm.Changed) -> None:
        self.workbench.config = self.workbench.config.with_value(message.path, message.value)

    @on(ConfigForm.Said)
    def _said(self, message: ConfigForm.Said) -> None:
        width = self._width()
        tone = "bad" if message.is_problem else ""
        lines = [line((text, tone)) for text in data_lines.wrap(message.text, width)[:2]]
        self.query_one("#says", Canvas).show([*lines, *[line("")] * (2 - len(lines))], width)

    @on(ChipBar.Chosen, "#preset")
    def _preset(self, message: ChipBar.Chosen) -> None:
        if message.name == recipe_lines.RECIPE:
            self.workbench.choose_recipe()
        else:
            self.workbench.config = apply_preset(self.workbench.config, message.name)

    # What it will do

    @work(exclusive=True, group="count")
    async def count_rows(self, config: RunConfig) -> None:
        """Ask how many rows of each class fall into each part."""
        await asyncio.sleep(REST)
        if problems(config):
            return
        self._counted = (config.data, config.split)
        try:
            answer = await self.workbench.engine.ask("data", "split", newest="split", config=to_dict(config))
            self._split, self._note = split_of(answer), ""
        except Cancelled:
            self._counted = None
            return
        except WorkbenchError as error:
            self._split, self._note = None, f"✗ {error.title}. {here(error.next_step)}"
        self._paint(self.workbench.config)

    @work(exclusive=True, group="forecast")
    async def foresee(self, config: RunConfig) -> None:
        """Ask how long this takes and what memory it wants: arithmetic first, then a measurement."""
        self._foreseen = None
        self._foretell(None)
        await asyncio.sleep(REST)
        if problems(config):
            return
        tree, runs, engine = to_dict(with_absolute_paths(config)), str(self.workbench.store.root), self.workbench.engine
        try:
            found = await engine.ask("forecast", "estimate", newest="forecast", config=tree, runs=runs)
            self._foretell(outlook_of(found), "measuring…")
            await asyncio.sleep(SETTLED)
            rows = sum(map(sum, (self._split.train, self._split.validation, self._split.test))) if self._split else 0
            outlook = outlook_of(await engine.ask("probe", "probe", rows=rows, config=tree, runs=runs))
            self._foretell(outlook, "" if outlook.probed else outlook.how)
            self._foreseen = config
        except Cancelled:
            self._foretell(self._outlook)
        except WorkbenchError as error:
            self._foretell(self._outlook, f"✗ {error.title}")
        finally:
            engine.cancel("probe")

    def _foretell(self, outlook: Outlook | None, note: str = "") -> None:
        self._outlook, self._about_outlook = outlook, note
        self._paint(self.workbench.config)
        self.refresh_bindings()

    @work(exclusive=True, group="devices")
    async def look_for_devices(self) -> None:
        """List what can train, with the memory that is free now."""
        try:
            self._devices = list(await self.workbench.engine.devices())
        except WorkbenchError as error:
            self.query_one("#devices", Canvas).show([line((f"✗ {error.title}", "bad"))], self._width())
            return
        self.query_one(ConfigForm).devices = tuple(str(one["device"]) for one in self._devices)
        self._paint(self.workbench.config)

    # Doing

    def offers(self, key: str) -> bool:
        """A proposal can be taken, and a recipe taken back, only while there is one."""
        match key:
            case "fix":
                return bool(self._outlook and self._outlook.proposal)
            case "undo":
                return recipes.can_take_back(self.workbench)
        return super().offers(key)

    def in_footer(self, key: str) -> bool:
        """What `u` does is said beside the button: the footer is short."""
        return key != "undo" and super().in_footer(key)

    def action_undo(self) -> None:
        """`u`: the settings and the data are as they were before the recipe."""
        if recipes.can_take_back(self.workbench):
            recipes.take_back(self.workbench)
        else:
            self.notify("Nothing to undo here: no recipe was taken last. What was changed in Data, u there takes back.")

    def action_fix(self) -> None:
        """`f`: the micro-batch and accumulation that fit."""
        config = self.workbench.config
        for path, value in (self._outlook.proposal if self._outlook else {}).items():
            config = config.with_value(path, value)
        self.workbench.config = config

    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        self.workbench.action_start()

    async def action_command(self) -> None:
        """`y`: the command as plain text, and into the clipboard of the terminal (OSC 52) and of tmux."""
        text = command_line(self.workbench.config)
        self.app.copy_to_clipboard(text)
        sent = "Sent to the terminal's clipboard"
        if os.environ.get("TMUX"):
            with suppress(OSError, subprocess.SubprocessError):
                await asyncio.to_thread(_to_tmux, text)
                sent += " and to tmux's buffer"
        self.app.push_screen(TextDialog("The same from a shell", text, f"{sent}. enter or esc to go back"))


def _to_tmux(text: str) -> None:
    subprocess.run(["tmux", "load-buffer", "-w", "-"], input=text.encode(), timeout=2, check=True, capture_output=True)


class PresetBar(ChipBar):
    """The presets in one line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("configure", "presets")

    def __init__(self) -> None:
        super().__init__(recipe_lines.preset_row(RunConfig(), 0)[1], id="preset")

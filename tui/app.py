"""The workbench: five rooms as modes, what they share, errors in one place, starting and leaving."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, ClassVar, cast

from textual import events, on, work
from textual.app import ScreenError, SystemCommand
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.filter import Monochrome, NoColor
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import MountError
from textual.widgets import Input
from textual.worker import WorkerCancelled, WorkerFailed

from core.config import RunConfig
from core.config.recipe import recipes as all_recipes
from core.errors import ConfigError, WorkbenchError
from core.launch import program, start
from core.launch.login import ends_with_login
from core.launch.queue import line_up
from core.runs import Run, RunState, RunStore
from core.runs.waiting import place_of
from core.text import safe
from tui import crash, recipes, starting, terminal
from tui.decisions import Decided
from tui.engine import Engine
from tui.greeting import greeting
from tui.keys import BY_ID, ROOMS, bindings
from tui.leaving import Signals
from tui.messages import RunEnded, RunLaunched, RunsChanged, RunSelected
from tui.screens.modals import ErrorDialog, GoStrip, HelpDialog, Question
from tui.screens.room import Room
from tui.screens.too_small import TooSmall
from tui.theme import FINETUI
from tui.typing_order import KeysInOrder

_MODULES = {
    "data": ("tui.screens.data", "DataRoom"),
    "configure": ("tui.screens.configure", "ConfigureRoom"),
    "train": ("tui.screens.train", "TrainRoom"),
    "runs": ("tui.screens.runs", "RunsRoom"),
    "try": ("tui.screens.try_it", "TryRoom"),
}


def _build(room: str) -> Room:
    """A room, its module imported only now."""
    module, name = _MODULES[room]
    return cast(Room, getattr(import_module(module), name)())


def _is_interrupted(store: RunStore) -> bool:
    """Whether the newest run is one whose trainer is gone."""
    names = store.names()
    return bool(names) and Run(store.root / names[0]).state() is RunState.INTERRUPTED


class Workbench(KeysInOrder):
    """What all rooms share: the configuration under way, the run on show, the runs folder, the children that work."""

    TITLE = "finetui"
    CSS_PATH = "styles/app.tcss"
    AUTO_FOCUS = ""
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    DEFAULT_MODE = "data"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {room: partial(_build, room) for room in ROOMS}
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    config: reactive[RunConfig] = reactive(RunConfig, init=False)
    """What a start would train: the Data and Configure rooms change it."""
    run_name: reactive[str] = reactive("", init=False)
    """The run that the Train room shows: launched here, live at the start, or opened in Runs. Empty for the newest."""
    asked_run: reactive[str] = reactive("", init=False)
    """The run that a person chose to ask in the Try room; empty for the one on show."""

    def __init__(
        self,
        store: RunStore,
        config: RunConfig | None = None,
        engine: Engine | None = None,
        *,
        shows_interrupted: bool = False,
    ) -> None:
        """`shows_interrupted`: begin in the Train room also when the newest run lost its trainer; its lines say so."""
        live = store.live()
        is_wanted = bool(live) or (shows_interrupted and _is_interrupted(store))
        if is_wanted and config is None:  # whoever comes back while a run trains, and names no file, wants to see it
            self.DEFAULT_MODE = "train"  # type: ignore[misc]
        super().__init__()
        self.store = store
        self.engine = engine or Engine()
        self.farewell = ""
        self.decided = Decided()
        """What was decided about the data, and the way back: the Data room adds to it, and so does taking a recipe."""
        self.signals = Signals(self)
        self._cells = Size(80, 24)
        self._is_crashing = False
        self.last_open: float | None = None
        """When this screen was last open, if whoever comes back is to hear what ended since."""
        self._starting = False
        self._is_choosing = False
        self.set_reactive(Workbench.config, config or RunConfig())
        self.set_reactive(Workbench.run_name, live[0].name if live else "")
        self.register_theme(FINETUI)
        self.theme = FINETUI.name
        # NO_COLOR means no colour here, not shades of grey: bold, reverse and underline say what colour said.
        self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]

    def on_mount(self) -> None:
        """A closed terminal and a polite kill end the screen like `q` does, without a question."""
        self.signals.begin()
        if self.last_open is not None:
            self.call_after_refresh(self._greet, self.last_open)

    def on_resize(self, event: events.Resize) -> None:
        """A terminal may be made too small to show anything."""
        self._cells = event.size  # `size` follows later
        self._look_again()

    def _mind_size(self) -> None:
        if terminal.is_too_small(*self._cells) and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall(), lambda _: self._look_again())

    def _look_again(self) -> None:
        self.call_later(self._mind_size)

    @work(thread=True, group="greet")
    def _greet(self, since: float) -> None:
        if text := greeting(self.store, since):
            self.call_from_thread(self.notify, text, timeout=15, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """A room or dialog that is closed while it opens misses what was not mounted any more: nobody else does."""
        cause = error.error if isinstance(error, WorkerFailed) else error
        if not (self._exit and isinstance(cause, NoMatches | ScreenError | MountError)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Nobody expected this error: end, with one line instead of a traceback full of people's texts."""
        if self._exception is not None and not self._is_crashing:
            self._is_crashing = True
            self.farewell = crash.note(sys.exc_info()[1] or self._exception)
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        """No child outlives the screen; trainers are none of its children."""
        self.signals.end()
        await self.engine.close()

    @on(events.DescendantFocus)
    def _still_cursor(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, Input):
            event.widget.cursor_blink = False  # a blinking cursor alone sends 2 KB/s over SSH

    # Going

    async def action_go(self, room: str) -> None:
        """To a room: "data", "configure", "train", "runs" or "try"."""
        if isinstance(self.screen, Room):
            await self.switch_mode(room)

    def action_go_strip(self) -> None:
        """One line that says where a key leads; works from text fields too."""
        if isinstance(self.screen, Room):
            self.push_screen(GoStrip(), self._go_on)

    def _go_on(self, action: str | None) -> None:
        if action:
            self.call_later(self.run_action, action)

    def action_help(self) -> None:
        """All keys, those of this room first."""
        if isinstance(self.screen, Room):
            self.push_screen(HelpDialog(self.screen.ROOM))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the key table that works here, then going, the recipes, the theme."""
        seen = {"palette", "go", "leave", "up", "down", "first", "last", "open"}
        for active in screen.active_bindings.values():
            key = BY_ID.get(active.binding.id or "")
            offered = key is not None and (not isinstance(screen, Room) or screen.offers(key.id))
            if key and active.enabled and offered and key.id not in seen:
                seen.add(key.id)
                yield SystemCommand(
                    key.label, f"{key.tooltip} ({key.shown})", partial(self.run_action, key.action, active.node)
                )
        if isinstance(screen, Room):
            for recipe in all_recipes().values():
                yield SystemCommand(f"Recipe: {recipe.name}", recipe.sentence, partial(self.choose_recipe, recipe.name))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    # Errors, in one place

    def show_error(self, error: WorkbenchError) -> None:
        """Show what went wrong with its next step, over whatever room is open."""
        self.push_screen(ErrorDialog(error))

    # Recipes

    @work(group="recipe")
    async def choose_recipe(self, name: str = "") -> None:
        """Show the recipes; with a name, try that one at once."""
        if self._is_choosing or not isinstance(self.screen, Room):
            return
        self._is_choosing = True
        try:
            await recipes.choose(self, name)
        finally:
            self._is_choosing = False

    # Starting

    def action_start(self) -> None:
        """`ctrl+r`."""
        if not isinstance(self.screen, Room) or self._starting:
            return
        if complaint := self.screen.unready():
            self.show_error(ConfigError(complaint, "It is not a value that a run can have.", "Correct it, or esc."))
        else:
            self.start_run()

    def start_run(self) -> None:
        """Create a run from the configuration, start its trainer, show it."""
        self._begin(partial(starting.new_run, self, self.config))

    def resume_run(self, run: Run) -> None:
        """Go on with a run, or train a complete one for more epochs, and show it."""
        self._begin(partial(starting.going_on, self, run))

    def finish_run(self, run: Run) -> None:
        """Score and save a run that was paused or interrupted, and show it."""
        self._begin(partial(starting.finishing, run))

    def train_anew(self, run: Run) -> None:
        """Train a failed run from its beginning with gentler settings, and show it."""
        self._begin(partial(starting.anew, self, run))

    def train_corrected(self, run: Run) -> None:
        """Train a child of a run with the labels as decided, and show it."""
        self._begin(partial(starting.corrected, self, run))

    @work(group="start")
    async def _begin(self, plan: Callable[[], Awaitable[starting.Launch | None]]) -> None:
        if self._starting:
            return
        self._starting = True
        self.engine.cancel("probe")  # it would take the cores from the run that it foretells
        try:
            launch = await plan()
            live = await asyncio.to_thread(self.store.live)
            begin = await self._how_to_begin(live) if launch is not None else None
            if launch is not None and begin is not None:
                await self._start(launch, begin)
        except WorkbenchError as error:
            self.show_error(error)
        finally:
            self._starting = False

    async def _start(self, launch: starting.Launch, begin: starting.Begin) -> None:
        try:
            run: Run = await self._launch(launch, begin).wait()
        except WorkerFailed as failed:
            raise failed.error from None
        except WorkerCancelled:  # the screen closes; the thread launches the run all the same
            return
        if begin is line_up:
            self._tell_rooms(RunsChanged())
            self.notify(f"{safe(run.name)} waits its turn. 4 lists the runs.", markup=False)
            return
        self.run_name, self.asked_run = run.name, ""
        self._tell_rooms(RunLaunched(run.name))
        if warning := ends_with_login():
            self.notify(str(warning), severity="warning", timeout=20, markup=False)
        await self.switch_mode("train")

    async def _how_to_begin(self, live: list[Run]) -> starting.Begin | None:
        """At once where nothing is live; else as a person says, who may think better of it."""
        if not live:
            return start
        names = ", ".join(run.name for run in live)
        answers = [("queue", "Let it wait its turn"), ("start", "Start beside it"), ("leave", "Leave it")]
        question = Question("Start another run", f"{names} is training: both at once would be slower.", answers)
        ways: dict[str | None, starting.Begin] = {"queue": line_up, "start": start}
        return ways.get(await self.push_screen_wait(question))

    @work(thread=True, group="launch", exit_on_error=False)
    def _launch(self, launch: starting.Launch, begin: starting.Begin) -> Run:
        return launch(begin)

    @on(RunSelected)
    def _selected(self, event: RunSelected) -> None:
        self.run_name, self.asked_run = event.name, ""

    @on(RunEnded)
    @on(RunsChanged)
    def _news_of_runs(self, event: RunEnded | RunsChanged) -> None:
        self._tell_rooms(event)

    def _tell_rooms(self, message: RunLaunched | RunEnded | RunsChanged) -> None:
        """Rooms that were opened before hear of it; the others look when they open."""
        for stack in self._screen_stacks.values():
            for screen in stack[:1]:
                copy = dataclasses.replace(message)
                copy.stop()  # it comes from here and must not climb back up
                screen.post_message(copy)

    # Leaving

    async def action_quit(self) -> None:
        """Leave; when a run trains, ask what becomes of it."""
        live = self.store.live()
        if not live:
            self.exit()
        elif not isinstance(self.screen, Question):
            line = sum(place_of(run) is not None for run in live)
            live = [run for run in live if place_of(run) is None]
            names = ", ".join(run.name for run in live) or "Nothing"
            answers = [("keep", "Keep it running"), ("pause", "Pause it"), ("stop", "Stop and save")]
            waiting = (
                f"{line} more {'waits its' if line == 1 else 'wait their'} turn, and will be trained all the same."
            )
            told = "\n".join(filter(None, (f"{names} is training.", waiting * bool(line), str(ends_with_login()))))
            self.push_screen(Question("Quit", told, answers), partial(self._leave, live))

    def action_leave_running(self) -> None:
        """Leave without a question; training goes on."""
        self._leave([run for run in self.store.live() if place_of(run) is None], "keep")

    def _leave(self, live: list[Run], answer: str | None) -> None:
        if answer is None:
            return
        if answer != "keep":
            for run in live:
                with suppress(OSError):  # the run's folder is gone: nothing left to stop
                    run.ask(answer)
        says, command = {
            "keep": ("is still training", "attach"),
            "pause": ("writes a checkpoint and leaves", "resume"),
            "stop": ("stops and saves", "show"),
        }[answer]
        lines = [f"{run.name} {says} · {program()} {command} {run.name}" for run in live]
        lines += [f"! {warning}"] if live and answer == "keep" and (warning := ends_with_login()) else []
        self.farewell = "\n".join(map(safe, lines))
        self.exit()

"""What the Data room does about its data: reads what is wanted, keeps what was there, looks closer, steps back."""

from __future__ import annotations

import time
from dataclasses import replace

from textual import work

from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig, to_dict
from core.errors import Cancelled, WorkbenchError
from tui.decisions import Decisions, Values, applied
from tui.facts import Baseline, Lengths, Profile, profile_of
from tui.messages import DataProfiled
from tui.screens.data_checks import CHECKS, examine
from tui.screens.room import Room
from tui.widgets import data_lines
from tui.widgets.canvas import Canvas, Line
from tui.widgets.class_balance import ClassBalance
from tui.widgets.columns import Columns
from tui.widgets.health import Health
from tui.widgets.row_pane import RowPane
from tui.widgets.source_bar import Sources

PATIENCE = 0.3
"""Seconds that a change of the same data may take before the screen says what is being done."""

_MATTERS = ("split.", "model.")
"""Settings that what is found depends on."""


class DataReader(Room):
    """A room with data on show; `config.data` changes only once new data was read, so that an error loses nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.profile: Profile | None = None
        self._decisions: Decisions | None = None
        self._wanted: Decisions | None = None
        """What is being read; none when nothing is."""
        self._values: Values = ()
        """Other settings that come into force with it."""
        self._failed: Decisions | None = None
        """What could not be read, until something else is: it may need another reading."""
        self._since = 0.0
        self._looked: tuple[SplitConfig, ModelConfig] | None = None
        self._lengths: Lengths | None = None
        self._baseline: Baseline | None = None
        self._no_tokens = ""
        self._checked = 0
        """Checks of the data on show that are done."""

    def _config_changed(self, config: RunConfig) -> None:
        """Another room changed settings, took a recipe, or set other data up."""
        known = self.workbench.decided.about(config.data)
        if known is self._decisions or known is self._wanted:
            self.query_one(Health).configure(config)
        else:
            self.load(known)

    def on_screen_resume(self) -> None:
        """What is found depends on the split and on the model, which the Configure room may have changed."""
        config = self.workbench.config
        if self._decisions is None or self._wanted is not None:
            return
        if self._looked not in (None, (config.split, config.model)):
            self.load(self._decisions)
        elif not any(one.group == "checks" and one.is_running for one in self.workers):
            self._look_on()  # a recipe that was tried and cancelled ended what was looked for

    # Reading

    def load(self, decisions: Decisions, values: Values = ()) -> None:
        """Read this data (with these other settings) and show it.

        What was there before stays until it is read, and for good when it cannot be.
        """
        before = self._wanted or self._decisions
        is_other = before is None or before.data.source != decisions.data.source
        if is_other and self.workbench.engine.busy("data"):
            self.workbench.engine.cancel("data")  # what is read or looked for in other data is of no use any more
        if self._wanted is not None and not is_other:  # it is not waited for, but what it set is wanted still
            values = tuple({**dict(self._values), **dict(values)}.items())
        self._wanted, self._values, self._since = decisions, values, 0.0 if is_other else time.monotonic()
        if is_other:
            self._notice(data_lines.opening(decisions.data.given or decisions.data.source))
        self._load(decisions, values)

    @work(exclusive=True, group="load")
    async def _load(self, decisions: Decisions, values: Values) -> None:
        config = applied(self.workbench.config, decisions, values)
        try:
            answer = await self.workbench.engine.ask(
                "data", "profile", on_progress=self._progress, newest="profile", config=to_dict(config)
            )
        except Cancelled:
            if self._wanted is decisions and not self._is_left():
                self._wanted = None
                self._notice(data_lines.cancelled(self._decisions is not None))
                self._look_on()
            return
        except WorkbenchError as error:
            if not self._is_left():
                self._cannot_load(decisions, error)
            return
        if not self._is_left():
            self._show(decisions, values, profile_of(answer))

    def _is_left(self) -> bool:
        """Whether the screen is being left: an answer may come when the widgets are gone already."""
        return not self.query(Health)

    def _cannot_load(self, decisions: Decisions, error: WorkbenchError) -> None:
        self._wanted = None
        if self._decisions is None or self._decisions.data.source != decisions.data.source:
            self._failed = decisions
            self.workbench.decided.forget(decisions.data.source)  # it may fail for its cures: the next try is without
        self._notice(data_lines.failure(error, self._decisions is not None, self._width()))
        self.query_one(Sources).show(self._current())
        self._look_on()

    def _look_on(self) -> None:
        """What was looked for in the data on show, before another was tried, is looked for again."""
        if self.profile is not None and self._checked < len(CHECKS):
            self._examine()

    def _progress(self, done: int, total: int, what: str) -> None:
        if self._wanted is not None and time.monotonic() - self._since > PATIENCE:
            data = self._wanted.data
            self._notice(data_lines.progress(data.given or data.source, done, total, what))

    def _show(self, decisions: Decisions, values: Values, profile: Profile) -> None:
        """The data was read: from now on this is the data."""
        before = self._decisions
        is_other = before is None or before.data.source != decisions.data.source
        self._adopt(decisions, values)
        self.profile, self._failed, self._lengths, self._baseline, self._no_tokens = profile, None, None, None, ""
        self._looked = self.workbench.config.split, self.workbench.config.model
        sources = self.query_one(Sources)
        if sources.was_read():
            self.focus_first()
        sources.show(self._current())
        if is_other:
            sources.look_for_recent(decisions.data.source)
        self._notice(data_lines.problem(profile, self._width()))
        self.query_one(Columns).show(profile)
        self.query_one(ClassBalance).show(profile)
        undone = before.what if before and before.before is decisions else ""
        self.query_one(Health).show(profile, decisions.switches, self.workbench.config, is_other, undone)
        self._show_facts()
        if before is None or before.data != decisions.data:
            self.query_one(RowPane).again(forget=is_other)
        self.app.post_message(DataProfiled(profile.problem is None))
        self._examine()

    def _adopt(self, decisions: Decisions, values: Values) -> None:
        self._wanted, self._decisions = None, decisions
        self.workbench.decided.keep(decisions)
        config = applied(self.workbench.config, decisions, values)
        if config != self.workbench.config:
            self.workbench.config = config
        self.refresh_bindings()

    @work(exclusive=True, group="checks")
    async def _examine(self) -> None:
        """What needs more than a glance, while the room is in use already."""
        self._checked = 0
        if self.profile is None or not self.profile.kept:
            return
        async for found in examine(self.workbench.engine, to_dict(self.workbench.config), self._tell):
            if self._is_left():
                return
            self._checked += 1
            self._lengths, self._no_tokens = found.lengths or self._lengths, found.unavailable or self._no_tokens
            self._baseline = found.baseline or self._baseline
            self._show_facts()
            for health in self.query(Health):  # none when the screen is being left
                health.add(found.findings)
        self._tell("")

    def _tell(self, text: str, far: str = "") -> None:
        for health in self.query(Health):
            health.note(text, far)

    def _current(self) -> str:
        data = self._decisions.data if self._decisions else self.workbench.config.data
        return data.source

    # Lines of text

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    def _notice(self, lines: list[Line]) -> None:
        for canvas in self.query("#notice").results(Canvas):  # none when the screen is being left
            canvas.display = bool(lines)
            canvas.show(lines, self._width())

    def _show_facts(self) -> None:
        for canvas in self.query("#facts").results(Canvas):
            if self.profile is not None:
                lengths, width = self._lengths or self.profile.lengths, self._width()
                canvas.show(data_lines.facts(self.profile, lengths, self._baseline, self._no_tokens, width), width)

    def on_resize(self) -> None:
        """Lines follow the width."""
        self._show_facts()

    # Changes: each is a step that `u` takes back

    def _base(self) -> Decisions | None:
        return self._wanted or self._decisions

    def _go(self, decisions: Decisions | None, values: Values = ()) -> None:
        """Make these decisions those in force. Settings that nothing here depends on need no reading."""
        if decisions is None:
            return
        base = self._decisions if self._wanted is None else None
        same = base is not None and (base.data, base.switches) == (decisions.data, decisions.switches)
        if same and not any(path.startswith(_MATTERS) for path, _ in values):
            self._adopt(decisions, values)
        else:
            self.load(decisions, values)

    def action_undo(self) -> None:
        """Take the last change of this data back."""
        base = self._base()
        if base is None or base.before is None:
            self.notify("Nothing to undo: nothing was changed here.")
        else:
            self._go(base.before, base.restored)

    def offers(self, key: str) -> bool:
        """What does nothing right now is not worth its place."""
        if key in ("fix", "switch"):
            return self.query_one(Health).offers(key)
        base = self._base()
        return key != "undo" or (base is not None and base.before is not None)

    async def _complaint(self, data: DataConfig) -> WorkbenchError | None:
        """Why the data cannot be read so; nothing when it can."""
        config = replace(self.workbench.config, data=data)
        try:
            await self.workbench.engine.ask("data", "profile", config=to_dict(config))
        except WorkbenchError as error:
            return error
        return None

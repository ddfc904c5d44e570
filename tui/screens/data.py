"""Data: what there is to train on. Its source, classes, health and rows; the data on screen is the data."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from core.config import DataConfig, to_dict
from core.errors import Cancelled, WorkbenchError
from core.text import safe
from tui.decisions import decisions_of
from tui.facts import Finding, Page, Query, Rule, page_of, rules_of
from tui.keys import bindings
from tui.screens.data_reader import DataReader
from tui.screens.modals import TextDialog
from tui.sources import data_config, given_path, recent_sources
from tui.widgets import data_lines
from tui.widgets.canvas import Canvas
from tui.widgets.class_balance import ClassBalance
from tui.widgets.columns import Columns
from tui.widgets.cure_words import fix_words
from tui.widgets.field import PathField
from tui.widgets.health import Cure, Gone, Health
from tui.widgets.row_list import PAGE, RowList
from tui.widgets.row_pane import RowPane
from tui.widgets.source_bar import BROWSE, Sources


class DataRoom(DataReader):
    """Opens what `config.data` names, and whatever a person names then."""

    ROOM = "data"
    FIRST_FOCUS = "#classes"
    CSS_PATH = "../styles/data.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("data")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012  # an attribute of the instance, says Textual

    def __init__(self) -> None:
        super().__init__()
        self._rules: list[Rule] = []

    def skeleton(self) -> ComposeResult:
        """Everything but the choice of columns."""
        yield Sources(lambda: recent_sources(self.workbench.store))
        yield Columns()
        yield Canvas(id="notice")
        with Horizontal(id="overview"):
            yield ClassBalance()
            yield Health()
        yield Canvas(id="facts")
        yield RowPane(self._page)

    async def fill(self) -> None:
        """Read the data, and what was given lately."""
        await self.query_one(Columns).furnish()
        self.watch(self.app, "config", self._config_changed, init=False)
        self.load(self.workbench.decided.about(self.workbench.config.data))
        self.query_one(Sources).look_for_recent()

    # Sources

    def open_source(self, given: str) -> None:
        """Open what a person named; one that was open before, with its cures."""
        if given:
            data = data_config(given)
            self.load(self.workbench.decided.last(data.source) or decisions_of(data))

    @on(Sources.Opened)
    def _source_named(self, message: Sources.Opened) -> None:
        if message.given == BROWSE:
            self._browse()
        else:
            self.open_source(message.given)

    def action_open_file(self) -> None:
        """`o`: name a file."""
        self.query_one(PathField).focus()

    def on_paste(self, event: events.Paste) -> None:
        """A path pasted anywhere in this room is opened."""
        if path := given_path(event.text):
            event.stop()
            self.open_source(path)

    @work
    async def _browse(self) -> None:
        from tui.screens.browse import choose_file

        path = await self.app.push_screen_wait(choose_file(self._decisions.data if self._decisions else None))
        if path is not None:
            self.open_source(str(path))

    # Changes

    @on(Columns.Changed)
    def _columns_changed(self, message: Columns.Changed) -> None:
        if base := self._base():
            self._go(base.with_data("columns", text=message.text, label=message.label, group=message.group))

    @on(ClassBalance.Excluded)
    def _excluded(self, message: ClassBalance.Excluded) -> None:
        self._cure(f"drop-class:{message.name}")

    def _cure(self, cure: str) -> None:
        if base := self._base():
            self._go(base.cured(cure))

    @on(Health.Switched)
    def _switched(self, message: Health.Switched) -> None:
        if base := self._base():
            self._go(base.switched(message.cure))

    @on(Health.Fixed)
    def _fixed(self, message: Health.Fixed) -> None:
        finding: Finding = message.finding
        base = self._base()
        if finding.cure:
            self._cure(finding.cure)
        elif base is not None:
            decisions = base.with_settings(fix_words(finding), finding.settings, self.workbench.config)
            self._go(decisions, decisions.values)

    # Dialogs

    @on(ClassBalance.Renamed)
    @work
    async def _rename(self, message: ClassBalance.Renamed) -> None:
        from tui.screens.data_dialogs import RenameDialog

        if self.profile and (cure := await self.app.push_screen_wait(RenameDialog(message.name, self.profile.classes))):
            self._cure(cure)

    @work
    async def action_more(self) -> None:
        """`+`: choose among all rules."""
        from tui.screens.data_dialogs import CureDialog

        base = self._base()
        if base is None:
            self.notify("Nothing is read yet.")
            return
        try:
            self._rules = self._rules or rules_of(await self.workbench.engine.ask("data", "cures"))
        except WorkbenchError as error:
            self._notice(data_lines.failure(error, True, self._width()))
            return

        async def complaint(cure: str) -> WorkbenchError | None:
            wanted = base.cured(cure)
            return await self._complaint(wanted.data) if wanted else WorkbenchError("This cure is in force already")

        if cure := await self.app.push_screen_wait(CureDialog(self._rules, complaint)):
            self._cure(cure)

    @on(Columns.Several)
    def _several(self) -> None:
        self.action_reading("text")

    @work
    async def action_reading(self, at: str = "") -> None:
        """`v`: how the file is read, and what to do about it. `at`: the setting to begin with."""
        from tui.screens.data_reading import ReadingDialog

        base = self._failed or self._base()
        if base is None:
            self.notify("Nothing is read yet.")
            return
        profile = None if self._failed else self.profile
        data = await self.app.push_screen_wait(ReadingDialog(base.data, profile, self._complaint, at))
        if data is not None and data != base.data:
            changed = {name: getattr(data, name) for name in DataConfig.__slots__ if name != "cures"}
            self._go(decisions_of(data) if base is self._failed else base.with_data("reading", **changed))

    # Rows

    @on(ClassBalance.Chosen)
    def _class_chosen(self, message: ClassBalance.Chosen) -> None:
        self.query_one(RowPane).look(Query(label=message.name), focus=True)

    @on(Health.Chosen)
    def _entry_chosen(self, message: Health.Chosen) -> None:
        entry = message.entry
        left_out = {reason for reason, _ in self.profile.dropped} if self.profile else set()
        if isinstance(entry, Finding) and entry.rows:
            self._look(Query(code=entry.code))
        elif isinstance(entry, Gone):
            self._look(Query(code=entry.reason))
        elif isinstance(entry, Cure) and entry.cure in left_out:
            self._look(Query(code=entry.cure, is_cure=True))
        elif isinstance(entry, Cure):
            self.notify("This cure drops no rows: it changes them." if entry.on else "It is off: space turns it on.")
        else:
            self.notify("There are no rows behind this line.")

    def _look(self, query: Query) -> None:
        self.query_one(RowPane).look(query, focus=True)

    @on(RowList.Chosen)
    def _row_chosen(self, message: RowList.Chosen) -> None:
        row = message.row
        where = f"Row {row.number}" + (f" of {row.file}" if row.file else "")
        self.app.push_screen(TextDialog(f"{where} · {row.label}" if row.label else where, row.text))

    def action_filter(self) -> None:
        """`/`: search the rows."""
        self.query_one(RowPane).search()

    async def _page(self, query: Query, start: int, newest: str) -> Page | None:
        if self._decisions is None:
            return None
        if self.profile is not None and not self.profile.kept and not query.code:
            return Page(start, 0, ())  # the notice says why; asking again only says it twice
        config = replace(self.workbench.config, data=self._decisions.data)
        try:
            answer = await self.workbench.engine.ask(
                "data", "rows", newest=newest, config=to_dict(config), start=start, count=PAGE,
                filter=query.words, label=query.label, code=query.code,
            )  # fmt: skip
        except Cancelled:
            return None
        except WorkbenchError as error:
            if query.code:
                self.notify(safe(error.title), severity="warning", markup=False)
            else:
                self._notice(data_lines.failure(error, True, self._width()))
            return None
        return page_of(answer, start)

    def action_leave(self) -> None:
        """`esc`: cancel what loads; else leave the field; else show all rows again."""
        if self._wanted is not None:
            self.workbench.engine.cancel("data")
            return
        if self._failed is not None:
            self._failed = None
            self._notice(data_lines.problem(self.profile, self._width()) if self.profile else [])
        if not isinstance(self.focused, PathField):
            self.query_one(RowPane).leave()
        self.focus_first()

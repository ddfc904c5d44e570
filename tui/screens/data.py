"""Data: what there is to train on. Its source, classes, health and rows; the data on screen is the data."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from core.config import DataConfig, RunConfig, to_dict
from core.errors import Cancelled, WorkbenchError
from core.runs import Run
from tui.facts import Page, Profile, Query, page_of, profile_of
from tui.keys import bindings
from tui.messages import DataProfiled
from tui.screens.modals import TextDialog
from tui.screens.room import Room
from tui.sources import data_config, given_path
from tui.widgets import data_lines
from tui.widgets.canvas import Canvas, Line
from tui.widgets.class_balance import ClassBalance
from tui.widgets.columns import Columns
from tui.widgets.field import Field, PathField
from tui.widgets.health import Health
from tui.widgets.row_list import PAGE, RowList
from tui.widgets.source_bar import BROWSE, SourceBar

TYPING = 0.12
"""Seconds of rest in typing before rows are searched."""


class DataRoom(Room):
    """Opens what `config.data` names; changes it only once the new data was read, so that an error loses nothing."""

    ROOM = "data"
    FIRST_FOCUS = "#classes"
    CSS_PATH = "../styles/data.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("data")

    def __init__(self) -> None:
        super().__init__()
        self.profile: Profile | None = None
        self._loaded: DataConfig | None = None
        self._loading: DataConfig | None = None
        self._query = Query()
        self._recent: list[str] = []
        self._typed: str | None = None

    def skeleton(self) -> ComposeResult:
        """Everything but the choice of columns."""
        with Horizontal(id="sources"):
            yield SourceBar()
            yield PathField(placeholder="a path: type or paste", id="path")
        yield Columns()
        yield Canvas(id="notice")
        with Horizontal(id="overview"):
            yield ClassBalance()
            yield Health()
        yield Canvas(id="facts")
        yield Field(placeholder="only rows that hold these words", id="filter")
        yield RowList()

    async def fill(self) -> None:
        """Read the data, and what was given lately."""
        self.query_one("#filter").display = False
        await self.query_one(Columns).furnish()
        self.watch(self.app, "config", self._config_changed, init=False)
        self.load(self.workbench.config.data)
        self._look_for_recent()

    def _config_changed(self, config: RunConfig) -> None:
        """Another room set other data up."""
        if config.data not in (self._loaded, self._loading):
            self.load(config.data)

    # Reading

    @work(exclusive=True, group="load")
    async def load(self, data: DataConfig) -> None:
        """Read this data and show it. What was there before stays until it is read, and for good when it cannot be."""
        if self._loading is not None:
            self.workbench.engine.cancel("data")
        self._loading = data
        self._notice(data_lines.opening(data.given or data.source))
        try:
            answer = await self.workbench.engine.ask(
                "data", "profile", on_progress=self._progress, config=self._request(data)
            )
        except Cancelled:
            if self._loading is data:
                self._loading = None
                self._notice(data_lines.cancelled(self._loaded is not None))
            return
        except WorkbenchError as error:
            self._loading = None
            self._notice(data_lines.failure(error, self._loaded is not None, self._width()))
            self.query_one(SourceBar).show_sources(self._current(), self._recent)
            return
        self._show(data, profile_of(answer))

    def _progress(self, done: int, total: int, what: str) -> None:
        if self._loading is not None:
            self._notice(data_lines.progress(self._loading.given or self._loading.source, done, total, what))

    def _request(self, data: DataConfig) -> dict[str, object]:
        return to_dict(replace(self.workbench.config, data=data))

    def _show(self, data: DataConfig, profile: Profile) -> None:
        is_other = self._loaded is None or self._loaded.source != data.source
        self._loading, self._loaded, self.profile = None, data, profile
        self._path_was_read()
        if self.workbench.config.data != data:
            self.workbench.config = replace(self.workbench.config, data=data)
        self._notice(data_lines.problem(profile, self._width()))
        self.query_one(SourceBar).show_sources(self._current(), self._recent)
        self.query_one(Columns).show(profile)
        self.query_one(ClassBalance).show(profile)
        self.query_one(Health).show(profile, data.cures, fresh=is_other)
        self.query_one("#facts", Canvas).show(data_lines.facts(profile, self._width()), self._width())
        self._ask_rows(Query(words=self._words(forget=is_other)))
        self.refresh_bindings()
        self.app.post_message(DataProfiled(profile.problem is None))

    def _words(self, forget: bool) -> str:
        """The words that rows are searched for; `forget` them when other data came."""
        field = self.query_one("#filter", Field)
        if forget:
            with self.prevent(Input.Changed):
                field.value = ""
            field.display = self.focused is field
        return field.value.strip()

    def _current(self) -> str:
        data = self._loaded or self.workbench.config.data
        return data.given or data.source

    @work(group="recent")
    async def _look_for_recent(self) -> None:
        """What the newest runs were trained on: nothing else has to be stored."""
        self._recent = await asyncio.to_thread(self._recent_sources)
        self.query_one(SourceBar).show_sources(self._current(), self._recent)

    def _recent_sources(self) -> list[str]:
        found: list[str] = []
        store = self.workbench.store
        for name in store.names()[:12]:
            with suppress(WorkbenchError):
                data = Run(store.root / name).config().data
                found.append(data.given or data.source)
        return list(dict.fromkeys(found))

    # Lines of text

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    def _notice(self, lines: list[Line]) -> None:
        for canvas in self.query("#notice").results(Canvas):  # none when the screen is being left
            canvas.display = bool(lines)
            canvas.show(lines, self._width())

    def on_resize(self) -> None:
        """Lines follow the width."""
        if self.profile is not None:
            self.query_one("#facts", Canvas).show(data_lines.facts(self.profile, self._width()), self._width())

    # Sources

    def open_source(self, given: str) -> None:
        """Open what a person named."""
        if given:
            self.load(data_config(given))

    @on(SourceBar.Chosen)
    def _source_chosen(self, message: SourceBar.Chosen) -> None:
        if message.name == BROWSE:
            self._browse()
        else:
            self.open_source(message.name)

    @on(PathField.Opened)
    def _path_given(self, message: PathField.Opened) -> None:
        self._typed = self.query_one(PathField).value  # it stays until it is read: a slip can be corrected
        self.open_source(message.given)

    def _path_was_read(self) -> None:
        typed, self._typed = self._typed, None
        field = self.query_one(PathField)
        if typed is not None and field.value == typed:
            field.value = ""
            if self.focused is field:
                self.focus_first()

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

        path = await self.app.push_screen_wait(choose_file(self._loaded))
        if path is not None:
            self.open_source(str(path))

    # Columns, classes, cures

    def _change(self, **values: object) -> None:
        if self._loaded is not None:
            self.load(replace(self._loaded, **values))  # type: ignore[arg-type]

    @on(Columns.Changed)
    def _columns_changed(self, message: Columns.Changed) -> None:
        cures = self._loaded.cures if self._loaded and message.label == (self.profile and self.profile.label) else ()
        self._change(text=message.text, label=message.label, group=message.group, cures=cures)

    @on(ClassBalance.Excluded)
    def _excluded(self, message: ClassBalance.Excluded) -> None:
        self._cure(f"drop-class:{message.name}")

    @on(Health.Cured)
    def _cured(self, message: Health.Cured) -> None:
        self._cure(message.cure)

    def _cure(self, cure: str) -> None:
        if self._loaded is not None and cure not in self._loaded.cures:
            self._change(cures=(*self._loaded.cures, cure))

    def offers(self, key: str) -> bool:
        """Undo is offered while there is something to undo."""
        return key != "undo" or bool(self._loaded and self._loaded.cures)

    def action_undo(self) -> None:
        """Take the last cure back."""
        if self._loaded is not None and self._loaded.cures:
            self._change(cures=self._loaded.cures[:-1])
        else:
            self.notify("Nothing to undo: no cure is in force.")

    # Rows

    @on(ClassBalance.Chosen)
    def _class_chosen(self, message: ClassBalance.Chosen) -> None:
        self._ask_rows(Query(label=message.name), focus=True)

    @on(Health.Chosen)
    def _finding_chosen(self, message: Health.Chosen) -> None:
        self._ask_rows(Query(code=message.finding.code), focus=True)

    @on(RowList.PageWanted)
    def _page_wanted(self, message: RowList.PageWanted) -> None:
        self._ask_page(message.start)

    @on(RowList.Chosen)
    def _row_chosen(self, message: RowList.Chosen) -> None:
        row = message.row
        self.app.push_screen(TextDialog(f"Row {row.number} · {row.label}", row.text))

    def action_filter(self) -> None:
        """`/`: search the rows."""
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        self._ask_rows(replace(self._query, words=event.value.strip()), rest=TYPING)

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one(RowList).focus()

    @work(exclusive=True, group="rows")
    async def _ask_rows(self, query: Query, focus: bool = False, rest: float = 0.0) -> None:
        """Show the rows of another query from its beginning."""
        await asyncio.sleep(rest)
        self._query = query
        page = await self._page(query, 0, newest="rows")
        if page is None:
            return
        rows = self.query_one(RowList)
        rows.show(page)
        rows.border_title = data_lines.rows_title(query, page.total)
        if focus:
            rows.focus()

    @work(group="pages")
    async def _ask_page(self, start: int) -> None:
        query = self._query
        page = await self._page(query, start)
        if page is not None and query == self._query:
            self.query_one(RowList).add(page)

    async def _page(self, query: Query, start: int, newest: str = "") -> Page | None:
        if self._loaded is None:
            return None
        if self.profile is not None and not self.profile.kept:  # the notice says why; asking again only says it twice
            return Page(start, 0, ())
        try:
            answer = await self.workbench.engine.ask(
                "data", "rows", newest=newest, config=self._request(self._loaded), start=start, count=PAGE,
                filter=query.words, label=query.label, code=query.code,
            )  # fmt: skip
        except Cancelled:
            return None
        except WorkbenchError as error:
            self._notice(data_lines.failure(error, True, self._width()))
            return None
        return page_of(answer, start)

    def action_leave(self) -> None:
        """`esc`: cancel what loads; else leave the field; else show all rows again."""
        field = self.query_one("#filter", Field)
        if self._loading is not None:
            self.workbench.engine.cancel("data")
        elif self._query != Query() and not isinstance(self.focused, PathField):
            with self.prevent(Input.Changed):
                field.value = ""
            field.display = False
            self._ask_rows(Query())
            self.focus_first()
        else:
            field.display = False
            self.focus_first()

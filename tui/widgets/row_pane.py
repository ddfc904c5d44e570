"""The rows of the data: which of them are shown, the field that searches them, and pages as they come in sight."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from tui.facts import Page, Query
from tui.widgets import data_lines
from tui.widgets.field import Field
from tui.widgets.row_list import RowList

TYPING = 0.12
"""Seconds of rest in typing before rows are searched."""

Fetch: TypeAlias = Callable[[Query, int, str], Awaitable[Page | None]]
"""(query, start, key of requests that a later one replaces) -> a page, or nothing where there is none to be had."""


class RowPane(Vertical):
    """Shows the rows of a query; `fetch` gets them."""

    DEFAULT_CSS = "RowPane { height: 1fr; min-height: 3; }"

    def __init__(self, fetch: Fetch) -> None:
        super().__init__(id="row-pane")
        self._fetch = fetch
        self.shown = Query()

    def compose(self) -> ComposeResult:
        """The field, hidden until it is asked for, and the list."""
        field = Field(placeholder="only rows that hold these words", id="filter")
        field.display = False
        yield field
        yield RowList()

    def again(self, forget: bool) -> None:
        """The data changed: the same words in it; `forget` them when it is other data."""
        field = self.query_one("#filter", Field)
        if forget:
            self._empty(keep=field.has_focus)
        self.look(Query(words=field.value.strip()))

    def search(self) -> None:
        """Type words."""
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()

    def leave(self) -> bool:
        """Show all rows again. False when they are shown already."""
        was = self.shown
        self._empty()
        if was != Query():
            self.look(Query())
        return was != Query()

    def _empty(self, keep: bool = False) -> None:
        field = self.query_one("#filter", Field)
        with self.prevent(Input.Changed):
            field.value = ""
        field.display = keep

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.look(replace(self.shown, words=event.value.strip()), rest=TYPING)

    @on(Input.Submitted, "#filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(RowList).focus()

    @work(exclusive=True, group="rows")
    async def look(self, query: Query, focus: bool = False, rest: float = 0.0) -> None:
        """Show the rows of another query from its beginning."""
        await asyncio.sleep(rest)
        self.shown = query
        page = await self._fetch(query, 0, "rows")
        if page is None:
            return
        rows = self.query_one(RowList)
        rows.show(page)
        rows.border_title = data_lines.rows_title(query, page.total)
        if focus:
            rows.focus()

    @on(RowList.PageWanted)
    def _wanted(self, message: RowList.PageWanted) -> None:
        message.stop()
        self._page(message.start)

    @work(group="pages")
    async def _page(self, start: int) -> None:
        query = self.shown
        page = await self._fetch(query, start, "")
        if page is not None and query == self.shown:
            self.query_one(RowList).add(page)

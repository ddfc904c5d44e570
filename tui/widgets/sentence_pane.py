"""The sentence under the cursor, whole; once the cursor rests, its words are taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from core.errors import Cancelled, WorkbenchError
from tui.judged import Explanation, Judged
from tui.widgets.canvas import Canvas
from tui.widgets.sentence import ranking, sentence

REST = 0.25
"""Seconds that the cursor rests on a sentence before its words are taken apart."""

MOST = 300
"""Explanations that are remembered."""

Explain: TypeAlias = Callable[[Judged], Awaitable[Explanation]]
"""Leaves each word of a sentence out. Raises `WorkbenchError`."""


class SentencePane(VerticalScroll, can_focus=False):
    """Shows one judged row; `explain` says which of its words pushed the answer."""

    def __init__(self, explain: Explain) -> None:
        super().__init__(id="whole", classes="panel")
        self._ask = explain
        self._row: Judged | None = None
        self._note = ""
        self._known: dict[tuple[str, str], Explanation] = {}

    def compose(self) -> ComposeResult:
        """The lines; many of them scroll."""
        yield Canvas(id="sentence")

    def show(self, row: Judged | None) -> None:
        """Another row is under the cursor, or none."""
        self._row, self._note = row, ""
        self.draw()
        self.scroll_home(animate=False)
        if row is not None and self._explanation() is None:
            self._explain(row)

    def draw(self) -> None:
        """Paint what is known now."""
        for canvas in self.query(Canvas):  # none when the screen is being left
            width = self.scrollable_content_region.width or self.app.size.width - 2
            row, found = self._row, self._explanation()
            canvas.show(sentence(row, found, self._note, width) if row is not None else [], width)

    def all_about(self, row: Judged) -> str:
        """Everything that is known of a row, as plain text."""
        return ranking(row, self._known.get((row.text, row.said)))

    def _explanation(self) -> Explanation | None:
        return None if self._row is None else self._known.get((self._row.text, self._row.said))

    @work(exclusive=True, group="explain")
    async def _explain(self, row: Judged) -> None:
        await asyncio.sleep(REST)
        self._note = "… leaving each word out, to see which ones pushed the answer"
        self.draw()
        try:
            found = await self._ask(row)
        except Cancelled:
            return
        except WorkbenchError as error:
            self._note = f"Its words cannot be weighed: {error.title}. {error.message}"
        else:
            while len(self._known) >= MOST:
                self._known.pop(next(iter(self._known)))
            self._known[row.text, row.said] = found
        self.draw()

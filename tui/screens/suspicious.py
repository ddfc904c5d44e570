"""Labels of a run that may be wrong, the most suspicious first; each is fixed, excluded or kept, and a run made so.

Decisions are saved beside the runs as they are made. The rows of validation are judged at once, by the run itself;
those of training on demand, by a child of its own, so that decisions need not wait for it.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from core.errors import Cancelled, WorkbenchError
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.screens.judging import KIND, JudgingRoom, Subject
from tui.screens.modals import TextDialog
from tui.suspects import Mark, Suspect, Suspects, Tally, suspects_of, tally_of
from tui.widgets import suspect_lines as words
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.judged_lines import failure
from tui.widgets.row_list import RowList
from tui.widgets.suspect_list import SuspectList

LONG = "explain"
"""Of the child that judges training rows, for a minute: another one than saves decisions."""

MOST = 5000
"""Rows that are listed at most."""

_DECIDING = ("fix", "fix_to", "exclude", "keep_label")


class Suspicious(JudgingRoom):
    """Lies over an opened run; `esc` cancels what is judged, or goes back once all is saved."""

    FIRST_FOCUS = "#rows"
    CSS_PATH = "../styles/suspicious.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "suspicious")

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.is_all = False
        """Whether training rows are listed, too."""
        self._found: Suspects | None = None
        self._tally = Tally()
        self._saving: dict[tuple[str, str], Mark] = {}
        self._saved = asyncio.Event()
        self._is_asking = self._is_leaving = False
        self._progress = ""
        self._failure: WorkbenchError | None = None
        self._told = ""

    def skeleton(self) -> ComposeResult:
        """The heading with what is decided, what goes on, the list, the row."""
        yield Canvas(id="heading")
        yield Canvas(id="says")
        yield SuspectList()
        with VerticalScroll(id="whole", classes="panel", can_focus=False):
            yield Canvas(id="row")

    async def fill(self) -> None:
        """Ask for the validation rows."""
        self.look(is_all=False)

    # Asking

    @work(exclusive=True, group="suspects")
    async def look(self, *, is_all: bool) -> None:
        """What may be wrong in validation, or everywhere but in test."""
        self._is_asking, self._failure, self._told = True, None, ""
        self._progress = "judging the training rows, too" if is_all else "looking for suspicious labels"
        self._paint()
        try:
            run = str(self.subject.run.path)
            ask = self.workbench.engine.ask
            found = suspects_of(
                await ask(LONG if is_all else KIND, "suspicious", self._went_on, run=run, all=is_all, count=MOST)
            )
            tally = tally_of(await self.judge("decisions"))
        except WorkbenchError as error:
            self._failure = error
        else:
            self._found, self._tally, self.is_all = found, tally, is_all
            listed = {row.key for row in found.rows}
            for rows in self.query(SuspectList):
                known = {row.key: row for row in rows.rows}  # with what was suggested
                before = (known.get(row.key, row) for row in tally.rows if row.key not in listed)
                rows.fill((*found.rows, *before))
        self._is_asking = False
        self._paint()

    def _went_on(self, done: int, total: int, what: str) -> None:
        self._progress = f"{what}: {fmt.count(done)} of {fmt.count(total)}" if total else what
        self._paint()

    def action_switch(self) -> None:
        """Training rows too, or validation alone."""
        if not self._is_asking:
            self.look(is_all=not self.is_all)

    # Deciding

    def action_fix(self) -> None:
        """Give the row the label that is suggested; where none is, ask for one."""
        if (row := self._row()) is not None:
            if row.suggested:
                self._decide(row, Mark("fix", row.suggested))
            else:
                self.action_fix_to()

    @work(exclusive=True, group="open")
    async def action_fix_to(self) -> None:
        """Give the row a label from the list of all."""
        from tui.screens.data_dialogs import PickDialog

        row = self._row()
        if row is None or self._found is None:
            return
        names = [(name, name) for name in self._found.names if name != row.label]
        title = f"It is labelled {fmt.fit(safe(row.label), 24)}. Rather:"
        picked = await self.app.push_screen_wait(PickDialog(title, names, (row.suggested,)))
        if picked:
            self._decide(row, Mark("fix", picked[0]))

    def action_exclude(self) -> None:
        """Leave the row out of the data."""
        if (row := self._row()) is not None:
            self._decide(row, Mark("exclude"))

    def action_keep_label(self) -> None:
        """The label is right."""
        if (row := self._row()) is not None:
            self._decide(row, Mark("keep"))

    def action_undo(self) -> None:
        """Take back what is decided about the row under the cursor; where that is nothing, the last decision of all."""
        row = self._row()
        mark = self._marks().get(row.key) if row is not None else None
        if row is not None and mark is not None and mark.do != "undo":
            self._decide(row, Mark("undo"))
        else:
            self._decide(Suspect(0, "", "", "", "last"), Mark("undo"))

    def _row(self) -> Suspect | None:
        return self.query_one(SuspectList).here if self._found is not None else None

    def _marks(self) -> dict[tuple[str, str], Mark]:
        """What is decided, with what is still being saved."""
        return self._tally.marks | self._saving

    def _decide(self, row: Suspect, mark: Mark) -> None:
        wish = Mark(mark.do, mark.new, is_saved=False)
        self._saving[row.key] = wish
        self._saved.clear()
        self._failure, self._told = None, ""
        rows = self.query_one(SuspectList)
        rows.mark(self._marks())
        if mark.do != "undo" and rows.here == row:
            rows.advance()
        self._save(row, wish)
        self._paint()

    @work(group="saves")
    async def _save(self, row: Suspect, wish: Mark) -> None:
        """One after another, for the child answers so."""
        try:
            answer = await self.judge("decide", wishes=[{"do": wish.do, "id": row.id, "new": wish.new}])
        except WorkbenchError as error:
            self._failure = error
        else:
            self._took(row, wish, answer)
        if self._saving.get(row.key) is wish:
            del self._saving[row.key]
        if not self._saving:
            self._saved.set()
        self._paint()
        if self._is_leaving and not self._saving and self._failure is None:
            self.dismiss()
            return
        self._is_leaving = self._is_leaving and bool(self._saving)
        self._count()

    def _took(self, row: Suspect, wish: Mark, answer: dict[str, Any]) -> None:
        if wish.do != "undo":
            self._tally.marks[row.key] = Mark(wish.do, wish.new)
            self._told = "" if answer["made"] else "That stood already."
            return
        made = answer["made"][0]
        there = self.query_one(SuspectList).go_to(str(made["row"]))
        self._tally.marks.pop((there or row).key, None)
        place = f"row {fmt.count(there.number)}, " if there is not None and there.number else ""
        self._told = f"taken back: {place}{fmt.fit(safe(str(made['old'])), 24)}"

    @work(exclusive=True, group="tally")
    async def _count(self) -> None:
        """All that stands now, as it is saved."""
        try:
            tally = tally_of(await self.judge("decisions", newest="decisions"))
        except Cancelled:
            return
        except WorkbenchError as error:
            self._failure = error
        else:
            self._tally = tally
        self._paint()

    @work(exclusive=True, group="open")
    async def action_resume(self) -> None:
        """Train a child with the labels as decided, once all is saved."""
        if self._saving:
            await self._saved.wait()
        if self._failure is None:
            self.workbench.train_corrected(self.subject.run)

    # Painting

    def on_resize(self) -> None:
        """Lines follow the width."""
        self.call_after_refresh(self._paint)

    @on(SuspectList.Moved)
    def _moved(self, message: SuspectList.Moved) -> None:
        message.stop()
        self._paint_row()
        self.query_one("#whole").scroll_home(animate=False)

    def _paint(self) -> None:
        if not self.query("#says"):
            return  # the screen is being left
        width = self.query_one("#body").content_size.width or self.app.size.width - 2
        heading = words.heading(self.subject.run.name, self._found, self._tally, width, is_all=self.is_all)
        self.query_one("#heading", Canvas).show(heading, width)
        says = [*self._goes_on(width - 2), *self._notes(width - 2)]
        canvas = self.query_one("#says", Canvas)
        canvas.display = bool(says)
        canvas.show(says, width - 2)
        rows = self.query_one(SuspectList)
        rows.mark(self._marks())
        rows.border_title = Content("".join(character for character, _ in rows.titles()))
        rows.display = self.query_one("#whole").display = rows.total > 0
        if rows.display and self.focused is None:
            self.focus_first()
        self._paint_row()
        self.refresh_bindings()

    def _paint_row(self) -> None:
        row = self._row()
        for canvas in self.query("#row").results(Canvas):
            width = self.query_one("#whole").scrollable_content_region.width or self.app.size.width - 4
            canvas.show(words.about(row, self._marks().get(row.key), width) if row is not None else [], width)

    def _goes_on(self, width: int) -> list[Line]:
        """What goes on, what went wrong, what was done."""
        lines: list[Line] = []
        if self._is_asking:
            lines.append(line(("… ", "accent"), self._progress, ("   esc cancels", "muted")))
        elif self._is_leaving:
            lines.append(line(("… ", "accent"), "saving what is decided", ("   esc leaves all the same", "muted")))
        if isinstance(self._failure, Cancelled):
            lines.append(line(("cancelled", "muted")))
        elif self._failure is not None:
            lines += failure(self._failure, width)
        return [*lines, line((self._told, "good"))] if self._told else lines

    def _notes(self, width: int) -> list[Line]:
        found = self._found
        return words.notes(found, self._tally, width, is_all=self.is_all) if found is not None else []

    @on(RowList.Chosen)
    def _chosen(self, message: RowList.Chosen) -> None:
        message.stop()
        row = message.row
        if isinstance(row, Suspect):
            told = words.about(row, self._marks().get(row.key), 10_000)
            text = "\n".join("".join(character for character, _ in cells) for cells in told)
            self.app.push_screen(TextDialog(f"Row {row.number}" if row.number else "A row decided about before", text))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to decide about once rows are listed, and to train with once labels are changed."""
        if action in _DECIDING:
            return self._row() is not None
        if action == "resume":
            return bool(self._tally.changing or self._saving)
        return super().check_action(action, parameters)

    def name_of(self, key: str) -> str:
        """What a key does here."""
        if key == "switch":
            return "Fewer" if self.is_all else "All"
        return "Train" if key == "resume" else super().name_of(key)

    def in_footer(self, key: str) -> bool:
        """Where it is narrow, what decides and trains comes first."""
        return (key not in ("open", "fix-to") or self.app.size.width >= 100) and super().in_footer(key)

    def action_leave(self) -> None:
        """`esc`: cancel what is judged, else back; a decision on its way is waited for."""
        if not self.is_current:
            return
        if self._is_asking and self._found is not None:
            self.workers.cancel_group(self, "suspects")
            self.workbench.engine.cancel(LONG)
            self._is_asking, self._failure = False, Cancelled("Cancelled")
            self._paint()
        elif self._saving and not self._is_leaving:
            self._is_leaving = True
            self._paint()
        else:
            super().action_leave()

"""Runs beside each other: what can be said, the curves, the settings that differ, the rows that changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from core.errors import Cancelled, RunError, WorkbenchError
from tui import format as fmt
from tui.compared import COMMON, Comparison, Pair, comparison_of
from tui.keys import bindings
from tui.screens.compare_export import export
from tui.screens.compare_questions import common_question, look_question, rows_text
from tui.screens.room import Room
from tui.thrift import StretchCompositor
from tui.widgets import compare_lines as words
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.compared_curves import ComparedCurves
from tui.widgets.door_list import Door, DoorList
from tui.widgets.judged_lines import failure
from tui.widgets.sheet import Sheet, WalkedOut

JUDGE, MODELS = "judge", "explain"
"""The children that are asked: about saved answers, and where models must be asked."""

BLOCKS = (("settings", "settings that differ"), ("differences", "differences, with 95 % intervals"))


class CompareRoom(Room):
    """Lies over the table of runs; `esc` cancels what is asked for, or goes back."""

    ROOM = "runs"
    FIRST_FOCUS = "#sheet"
    CSS_PATH = "../styles/compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "compared")

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._paths = [str(path) for path in paths]
        self._known: dict[str, Comparison | WorkbenchError] = {}
        self._part = "validation"
        self._asked = ""
        self._progress = ""
        self._is_whole = False
        self._common: dict[str, Any] = {}

    def skeleton(self) -> ComposeResult:
        """The heading; the rest when the child has answered."""
        yield Canvas(id="heading")
        with Sheet(id="sheet"):
            yield Canvas(id="verdicts")
            yield DoorList()
            yield Canvas(id="scores")
            yield ComparedCurves()
            for name, _ in BLOCKS:
                yield Canvas(id=name, classes="panel")

    async def fill(self) -> None:
        """Ask about the validation rows."""
        for name, title in BLOCKS:
            self.query_one(f"#{name}").border_title = Content(title)
        self._ask("validation")
        self._show()

    @property
    def found(self) -> Comparison | None:
        """The comparison on show."""
        known = self._known.get(self._part)
        return known if isinstance(known, Comparison) else None

    # Asking

    async def judge(self, ask: str, *, is_common: bool = False, **params: Any) -> dict[str, Any]:
        """A child's answer. Raises `WorkbenchError`."""
        kind = MODELS if is_common else JUDGE
        given = {"runs": self._paths, "common": is_common, **params}
        return await self.workbench.engine.ask(kind, ask, self._went_on, **given)

    def _went_on(self, done: int, total: int, what: str) -> None:
        self._progress = f"{what}: {fmt.count(done)} of {fmt.count(total)} texts" if total else what
        self._show_heading()

    @work(exclusive=True, group="compare")
    async def _ask(self, part: str) -> None:
        self._asked, self._progress = part, "reading what the runs said"
        self._show()
        asked = {"is_common": True} if part == COMMON else {"part": part}
        try:
            self._known[part] = comparison_of(await self.judge("compare", **asked))
            self._part = part
        except Cancelled:
            pass
        except WorkbenchError as error:
            self._known[part] = error
            self._part = part
            if isinstance(error, RunError) and part != COMMON and not self._common:
                self._look_for_common()
        self._asked = ""
        if self.is_attached:
            self._show()
            self.refresh_bindings()
            if self.is_current and self.focused in (None, self.query_one(Sheet)):
                self.query_one(DoorList if self.query_one(DoorList).display else Sheet).focus(scroll_visible=False)

    @work(exclusive=True, group="common")
    async def _look_for_common(self) -> None:
        """How many rows there are that none of the runs trained on, without looking at any."""
        try:
            self._common = await self.judge("common_rows")
        except WorkbenchError:
            return
        if self.is_attached:
            self._show()
            if self.is_current and self.query_one(DoorList).display:
                self.query_one(DoorList).focus(scroll_visible=False)

    def action_part(self) -> None:
        """Validation, test, and the common test once it was asked for."""
        parts = ["validation", "test", *([COMMON] if COMMON in self._known else [])]
        self._turn_to(parts[(parts.index(self._part) + 1) % len(parts)])

    def _turn_to(self, part: str) -> None:
        self._let_go()
        if part in self._known:
            self._part = part
            self._show()
            self.refresh_bindings()
        else:
            self._ask(part)

    def action_leave(self) -> None:
        """`esc`: cancel what is asked for beside what is shown, else back to the table."""
        if not self.is_current:
            return
        was_asked = self._let_go()
        if not (was_asked and self._part in self._known):
            self.dismiss()

    def _let_go(self) -> bool:
        """Nobody waits for what is asked; whether anything was."""
        asked = self._asked
        kind = MODELS if asked == COMMON else JUDGE
        if asked and self.workbench.engine.busy(kind):
            self.workbench.engine.cancel(kind)
        self._asked = ""
        return bool(asked)

    # Painting

    def on_resize(self) -> None:
        """Lines are laid out for the width."""
        self.call_after_refresh(self._show)

    def _show_heading(self) -> None:
        width = self.query_one("#body").content_size.width or self.app.size.width - 2
        heading = words.heading(self.found, self._part, width)
        if self._asked:
            told = f"{self._asked}: {self._progress} · esc cancels"
            heading = line(("‹ esc  ", "muted"), ("… ", "accent"), fmt.fit(told, width - 10))
        self.query_one("#heading", Canvas).show([heading], width=width)

    def _show(self) -> None:
        if not self.query("#sheet"):
            return
        self._show_heading()
        width = self.query_one("#sheet").scrollable_content_region.width or self.app.size.width - 3
        known, found = self._known.get(self._part), self.found
        curves = self.query_one(ComparedCurves)
        curves.display = found is not None
        curves.styles.height = max(10, self.size.height // 3)
        lines: dict[str, list[Line]] = {key: [] for key in ("verdicts", "scores", "settings", "differences")}
        doors: list[Door] = []
        if isinstance(known, WorkbenchError):
            lines["verdicts"] = failure(known, width)
            doors = self._offers(known)
        elif found is not None:
            best = self._best(found)
            lines = {
                "verdicts": words.verdicts(found, best, width),
                "scores": words.score_table(found, width),
                "settings": words.settings(found, width),
                "differences": words.differences(found, width),
            }
            doors = words.doors(found, best, self._is_whole)
            curves.show(found)
        for name, each in lines.items():
            canvas = self.query_one(f"#{name}", Canvas)
            canvas.display = bool(each)
            canvas.show(each, width=width)
        self.query_one(DoorList).display = bool(doors)
        self.query_one(DoorList).show(doors)

    def _best(self, found: Comparison) -> int:
        """Runs are chosen by validation, wherever that is known."""
        known = self._known.get("validation")
        return known.best() if isinstance(known, Comparison) and found.part == "test" else found.best()

    def _offers(self, error: WorkbenchError) -> list[Door]:
        rows = self._common.get("rows")
        if not isinstance(error, RunError) or self._part == COMMON or not rows:
            return []
        return [Door("common", line("  ", ("compare on the common test", "strong"), f": {rows_text(rows)}"))]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to export once there is a comparison."""
        if action == "export":
            return self.found is not None
        return super().check_action(action, parameters)

    def in_footer(self, key: str) -> bool:
        """Nothing is started from here."""
        return key != "start" and super().in_footer(key)

    # Walking and opening

    @on(WalkedOut)
    def _walked_out(self, message: WalkedOut) -> None:
        message.stop()
        self.query_one(Sheet).walk(message.block, message.by)

    @on(DoorList.OptionHighlighted)
    def _moved(self, event: DoorList.OptionHighlighted) -> None:
        event.stop()
        if event.option_list.has_focus:
            self.query_one(Sheet).reveal(event.option_list, event.option_index)

    @on(DoorList.Opened)
    def _opened(self, message: DoorList.Opened) -> None:
        door, found = message.door, self.found
        if door.what == "common":
            self._ask_for_common()
        elif door.what == "all":
            self._is_whole = not self._is_whole
            self._show()
        elif found is not None and door.what == "pair":
            self.app.push_screen(CompareRoom([Path(found.runs[at].path) for at in (door.first, door.second)]))
        elif found is not None:
            self._open_rows(found, found.between(door.first, door.second), door.what)

    @work(exclusive=True, group="open")
    async def _ask_for_common(self) -> None:
        if await self.app.push_screen_wait(common_question(self._common)) == "score":
            self._turn_to(COMMON)

    @work(exclusive=True, group="open")
    async def _open_rows(self, found: Comparison, pair: Pair, which: str) -> None:
        from tui.screens.changed_rows import ChangedRows

        if found.part == "test" and await self.app.push_screen_wait(look_question(found)) != "look":
            return
        if self.is_current:
            self.app.push_screen(ChangedRows(found, pair, which, self.judge))

    @work(exclusive=True, group="open")
    async def action_export(self) -> None:
        """Write what is shown to a file that a person names."""
        if (found := self.found) is not None:
            await export(self.workbench, found, self.judge)

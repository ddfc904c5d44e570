"""Runs: every run of the folder in one table, the best of each data set starred, none ever lost by a slip."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from core.errors import RunError, WorkbenchError
from core.launch.again import is_left
from core.runs import Run, Summary, find_root
from core.runs.filter import Filter, FilterError, parse
from core.runs.resume import COMPLETE
from core.text import safe
from tui import format as fmt
from tui.keys import bindings
from tui.messages import RunSelected
from tui.screens.run_changes import Change
from tui.screens.run_detail import RunDetail
from tui.screens.run_reading import ReadingRoom
from tui.thrift import StretchCompositor
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.field import Field
from tui.widgets.run_list import BY_KEY, Order
from tui.widgets.run_table import RunTable

ROOMY = 120
"""Cells from which on the footer has room for all keys of this room."""


class RunsRoom(ReadingRoom):
    """The table, its filter, and one line that says where the runs lie."""

    ROOM = "runs"
    FIRST_FOCUS = "#run-table"
    CSS_PATH = "../styles/runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")

    def __init__(self) -> None:
        super().__init__()
        self._compositor = StretchCompositor()
        self._order = Order()
        self._filter = Filter()
        self._wrong = ""

    def skeleton(self) -> ComposeResult:
        """The line above and the filter; the table comes after the first frame."""
        yield Canvas(id="where")
        yield Field(placeholder="words, f1>.85, data:smile, tag:baseline, is:archived …", id="filter")

    async def fill(self) -> None:
        """The table, then the runs."""
        self.query_one("#filter").display = False
        await self.mount(RunTable(), Canvas(id="nothing"), after="#filter")
        self._describe()
        self.begin_reading()

    # Painting

    def on_resize(self) -> None:
        """Other columns may fit."""
        self.call_after_refresh(self.show_runs)

    def show_runs(self) -> None:
        """The rows that the filter leaves, and what is said of them."""
        for table in self.query(RunTable):
            shown = self._filter.apply(self.runs)
            nothing = self._nothing(shown)
            self._hide(table, bool(nothing))
            everyone = [one for one in self.runs if self._filter.asks_archived or not one.is_archived]
            table.show(shown, everyone, self._order)
            canvas = self.query_one("#nothing", Canvas)
            canvas.display = bool(nothing)
            canvas.show(nothing, width=self._width())
            self._describe(len(shown))

    def _hide(self, table: RunTable, is_hidden: bool) -> None:
        """An empty table gives its place away; keys pressed then are no text for the filter."""
        if is_hidden and self.focused is table:
            self.set_focus(None)
        is_back = not is_hidden and not table.display
        table.display = not is_hidden
        if is_back and self.focused is None:
            self.focus_first()

    def _nothing(self, shown: list[Summary]) -> list[Line]:
        if shown:
            return []
        if self._filter.conditions:
            return [line("No run is like that. ", ("esc", "strong"), " drops the filter.")]
        if self.runs:
            return [line("All runs are put aside. ", ("/", "strong"), " is:archived lists them.")]
        if not self.is_complete:
            return [line(("reading…", "muted"))]
        root = self.workbench.store.root
        return [
            line(("No runs yet.", "strong")),
            line(f"Looked in {root} ({_reason(root)})."),
            line(
                ("ctrl+r", "strong"),
                " trains on the data in ",
                ("1", "strong"),
                " Data; in the shell: finetui train FILE",
            ),
        ]

    def _describe(self, shown: int = 0) -> None:
        root, width = self.workbench.store.root, self._width()
        aside = 0 if self._filter.asks_archived else sum(one.is_archived for one in self.runs)
        known = len(self.runs) - aside
        count = f"{fmt.count(shown)} of {fmt.count(known)}" if shown != known else fmt.count(shown)
        runs = f"{count} run{'' if known == 1 else 's'}" if self.runs else "runs"
        marked = len(self._marked())
        runs += f", {marked} marked" if marked else ""
        more = ("" if self.is_complete else "… reading") + (f" · {fmt.count(aside)} archived" if aside else "")
        tail = f" · by {BY_KEY[self._order.key].title}{more}"
        place = fmt.fit(f"{safe(root)} ({_reason(root)})", max(width - len(runs) - len(tail) - 4, 10), keep_end=True)
        text = line((runs, "strong"), f" in {place}", (tail, "muted"))
        if wrong := self._wrong or self._filter.problem:
            text = line((runs, "strong"), " · ", (fmt.fit(wrong, max(width - len(runs) - 3, 10)), "warn"))
        self.query_one("#where", Canvas).show([text], width=width)

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    # The filter

    def action_filter(self) -> None:
        """Type what must hold."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self._filter, self._wrong = parse(event.value, is_typed=True), ""
        self.show_runs()

    @on(Input.Submitted, "#filter")
    def _filtered(self, event: Input.Submitted) -> None:
        try:
            self._filter, self._wrong = parse(event.value), ""
        except FilterError as wrong:
            self._wrong = ". ".join(part for part in (wrong.title, wrong.next_step) if part)
        self.show_runs()
        if not self._wrong:
            event.input.display = bool(event.value)
            self.focus_first()

    def action_leave(self) -> None:
        """`esc`: drop the filter, back to the table."""
        field = self.query_one("#filter", Input)
        field.value, field.display = "", False
        super().action_leave()

    # What a person asks for

    @on(RunTable.Ordered)
    def _ordered(self, message: RunTable.Ordered) -> None:
        self._order = message.order
        self.show_runs()

    @on(RunTable.Asked)
    async def _asked(self, message: RunTable.Asked) -> None:
        run = Run(self.workbench.store.root / message.name)
        match message.what:
            case "open":
                self.post_message(RunSelected(run.name))
                await self.app.push_screen(RunDetail(run))
            case "stop":
                self._stop(run)
            case "resume":
                self.workbench.resume_run(run)
            case "mark":
                self.show_runs()
                self.refresh_bindings()
            case "compare":
                await self._compare(run.name)
            case what:
                for one in [one for one in self.runs if one.name == message.name]:
                    self.ask_change(what, one)

    def _marked(self) -> list[str]:
        return next((table.marked for table in self.query(RunTable)), [])

    async def _compare(self, current: str) -> None:
        """The marked runs; one marked, and that under the cursor."""
        marked = self._marked()
        names = [*marked, current] if len(marked) == 1 and current not in marked else marked
        if len(names) < 2:
            told = "Move to another run and press c, or mark more with space." if marked else (
                "Mark runs with space, then c compares them: two to eight. With one marked: that and the one here."
            )  # fmt: skip
            self.notify(told, markup=False)
            return
        from tui.screens.compare import CompareRoom

        await self.app.push_screen(CompareRoom([self.workbench.store.root / name for name in names]))

    def offers(self, key: str) -> bool:
        """What a run can do in its state, and undoing while there is something to bring back."""
        current = self._current()
        is_live = current is not None and current.state.is_live
        match key:
            case "undo":
                return bool(self._backs)
            case "stop":
                return current is not None and (is_live or current.can_finish)
            case "delete" | "rename":
                return current is not None and not is_live
            case "tag" | "note" | "archive":
                return current is not None
            case "room":
                return bool(self.runs)
            case "switch" | "compare":
                return len(self.runs) > 1
            case "resume":
                return current is not None and not is_live and (current.state not in COMPLETE or current.can_have_more)
        return True

    def in_footer(self, key: str) -> bool:
        """What `ctrl+r` would train is not seen here: `n` leads there. What a person notes wants a wide footer, and so
        does comparing until a run is marked."""
        rare = ("tag", "note", "rename", "archive", *(() if self._marked() else ("switch", "compare")))
        is_known = key not in rare or self.size.width >= ROOMY
        return key != "start" and is_known and super().in_footer(key)

    def name_of(self, key: str) -> str:
        """A complete run with a model is trained for more epochs."""
        current = self._current()
        if key == "switch":
            return "Mark"
        if key == "archive" and current is not None and current.is_archived:
            return "Back"
        has_more = current is not None and current.can_have_more
        return "More epochs" if key == "resume" and has_more else super().name_of(key)

    def _current(self) -> Summary | None:
        return next((table.summary for table in self.query(RunTable)), None)

    async def action_ask_current(self) -> None:
        """To the Try room with the run under the cursor; there before the next key acts."""
        if name := self.query_one(RunTable).current:
            self.workbench.asked_run = name
        await self.run_action("app.go('try')")

    def _stop(self, run: Run) -> None:
        try:
            state = run.state()
            if is_left(state):
                self.workbench.finish_run(run)
                return
            if not state.is_live:
                self.notify(f"{run.name} is not being trained.", markup=False)
                return
            run.ask("stop")
        except (OSError, WorkbenchError) as broken:
            self.workbench.show_error(_as_error(broken, run.name))
            return
        self.notify(f"{run.name} stops after this step and saves.", markup=False)

    def changed(self, change: Change) -> None:
        """Without waiting for the next look."""
        if change.now != change.name:
            self.runs = [summary for summary in self.runs if summary.name != change.name]
            self.show_runs()
        for table in self.query(RunTable) if change.now else ():
            table.go_to(change.now)

    async def action_new(self) -> None:
        """Set up another run."""
        await self.run_action("app.go('configure')")


def _reason(root: Path) -> str:
    found = find_root()
    return found.reason if found.path == root else "--runs"


def _as_error(broken: Exception, name: str) -> WorkbenchError:
    return broken if isinstance(broken, WorkbenchError) else RunError(f"That did not work for {name}", str(broken))

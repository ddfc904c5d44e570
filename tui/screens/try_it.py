"""Try: type a sentence and watch the probabilities move. A resident child answers; this room only asks."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Select, Static

from core.errors import Cancelled, WorkbenchError
from core.runs import Run
from core.runs.checklist import add
from core.text import safe
from tui.facts import Answer, answer_of
from tui.keys import bindings
from tui.messages import RunEnded, RunsChanged
from tui.models import Askable, askable, choose
from tui.screens.checklist_dialog import ChecklistDialog
from tui.screens.room import Room
from tui.widgets.field import Field
from tui.widgets.history_list import HistoryList
from tui.widgets.prediction import Prediction

PERIOD = 3.0
"""Seconds between two looks for a model, while the wanted one is not there yet."""

REST = 0.08
"""Seconds of rest in typing before the model is asked."""

NO_MODEL = (
    "No trained model yet.",
    "ctrl+r trains on the data in room 1; as soon as the run has saved a model, it can be asked here.",
)
INVITATION = ("Type a sentence: the bars move while you type.", "enter files it below, ↓ goes to the history.")


class TryRoom(Room):
    """Asks the chosen run, else the newest that has a model."""

    ROOM = "try"
    FIRST_FOCUS = "#sentence"
    CSS_PATH = "../styles/try.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("try")

    def __init__(self) -> None:
        super().__init__()
        self.model: Askable | None = None
        self.answer: Answer | None = None
        self._models: list[Askable] = []
        self._file_next = ""
        self._began = 0.0

    def skeleton(self) -> ComposeResult:
        """The field, the bars, the history."""
        with Horizontal(id="asked"):
            yield Static("Model", classes="muted")
            yield Static("", id="no-model")
        yield Field(placeholder="a sentence", id="sentence")
        yield Prediction(id="prediction")
        yield HistoryList()

    async def fill(self) -> None:
        """Offer the models, and warm the chosen one."""
        select: Select[Any] = Select([], id="model", compact=True, allow_blank=True, prompt="none")
        await self.query_one("#asked").mount(select)
        self.look_for_models()
        self.set_interval(PERIOD, self._look_again)

    def _look_again(self) -> None:
        wanted = self.workbench.asked_run or self.workbench.run_name
        if self.is_current and (self.model is None or (wanted and self.model.name != wanted)):
            self.look_for_models()

    def on_screen_resume(self) -> None:
        """Runs may have come while we were elsewhere, or another one was chosen."""
        if self.query("#model"):
            self.look_for_models()

    @on(RunEnded)
    @on(RunsChanged)
    def _runs_changed(self) -> None:
        self.look_for_models()

    def _width(self) -> int:
        return self.query_one("#body").content_size.width

    # Models

    @work(exclusive=True, group="models")
    async def look_for_models(self) -> None:
        """Which runs can be asked now."""
        found = await asyncio.to_thread(askable, self.workbench.store)
        wanted = self.workbench.asked_run or self.workbench.run_name or (self.model.name if self.model else "")
        if found != self._models:
            self._models = found
            select: Select[Any] = self.query_one("#model", Select)
            with self.prevent(Select.Changed):
                select.set_options((Content(f"{one.name} · {safe(one.data)[:30]}"), one.name) for one in found)
        self.use(choose(found, wanted))

    def use(self, model: Askable | None) -> None:
        """Ask this run from now on."""
        select: Select[Any] = self.query_one("#model", Select)
        select.display = model is not None
        if model is None:
            self.model = None
            self.query_one(Prediction).say(*NO_MODEL, width=self._width())
            return
        with self.prevent(Select.Changed):
            select.value = model.name
        if self.model is None or self.model.path != model.path:
            self.model = model
            self.warm(model)
            self._ask_again()

    @on(Select.Changed, "#model")
    def _model_chosen(self, event: Select.Changed) -> None:
        chosen = next((one for one in self._models if one.name == event.value), None)
        if chosen is not None:
            self.workbench.asked_run = chosen.name
            self.use(chosen)

    @work(exclusive=True, group="warm")
    async def warm(self, model: Askable) -> None:
        """Start the model's process now, so that the first sentence is answered at once."""
        self._began = time.monotonic()
        ticking = self.set_interval(0.5, self._say_starting)
        self._say_starting()
        try:
            await self.workbench.engine.ask("classify", "warm", run=str(model.path))
        except WorkbenchError as error:
            if not isinstance(error, Cancelled) and model is self.model:
                self.query_one(Prediction).fail(error, self._width())
            return
        finally:
            ticking.stop()
            self._began = 0.0
        if self.answer is None and model is self.model:
            self._ask_again()

    def _say_starting(self) -> None:
        if self.answer is None:
            seconds = time.monotonic() - self._began
            self.query_one(Prediction).say(f"starting the model… {seconds:.0f} s", INVITATION[0], width=self._width())

    # Asking

    @on(Input.Changed, "#sentence")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        text = event.value.strip()
        if text != self._file_next:
            self._file_next = ""  # typed on: what was entered before is not waited for any more
        self.ask(text)

    def _ask_again(self) -> None:
        self.answer = None
        self.ask(self.query_one("#sentence", Field).value.strip())

    @work(exclusive=True, group="ask")
    async def ask(self, text: str) -> None:
        """Ask about `text`; what is under way for an older one is dropped."""
        model, shown = self.model, self.query_one(Prediction)
        if model is None:
            return
        if not text:
            self.answer = None
            if not self._began:
                shown.say(*INVITATION, width=self._width())
            return
        await asyncio.sleep(REST)
        try:
            said = await self.workbench.engine.ask(
                "classify", "classify", newest="try", run=str(model.path), texts=[text]
            )
        except Cancelled:
            return
        except WorkbenchError as error:
            self.answer = None
            shown.fail(error, self._width())
            return
        self.answer = answer_of(said, text)
        shown.answer(self.answer, self._width())
        if self._file_next == text:
            self._file()

    # Filing

    @on(Input.Submitted, "#sentence")
    def _entered(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if not text or self.model is None:
            return
        self._file_next = text  # filed at once, or as soon as it is answered
        if self.answer is not None and self.answer.text == text:
            self._file()

    def _file(self) -> None:
        self._file_next = ""
        if self.answer is None or self.model is None:
            return
        self.query_one(HistoryList).add(self.model.name, self.answer)
        field = self.query_one("#sentence", Field)
        if field.value.strip() == self.answer.text:
            with self.prevent(Input.Changed):
                field.value = ""

    @on(HistoryList.Chosen)
    def _again(self, message: HistoryList.Chosen) -> None:
        self.query_one("#sentence", Field).value = message.text
        self.focus_first()

    @on(HistoryList.LeftAbove)
    def _back_to_field(self) -> None:
        self.focus_first()

    def action_history(self) -> None:
        """`↓` from the field: to the history."""
        self.query_one(HistoryList).focus()

    def action_leave(self) -> None:
        """`esc`: out of the field, where keys work alone; from there back into it."""
        if isinstance(self.focused, Field):
            self.query_one(HistoryList).focus()
        else:
            self.focus_first()

    # The checklist

    def offers(self, key: str) -> bool:
        """The checklist takes a sentence that was answered."""
        return key != "checklist" or self._kept_next() is not None

    def _kept_next(self) -> tuple[str, Answer] | None:
        """The run and its answer that `*` would save: under the cursor of the history, else the one on show."""
        history = self.query_one(HistoryList)
        if self.focused is history and history.here is not None:
            return history.here
        return (self.model.name, self.answer) if self.model is not None and self.answer is not None else None

    @work(exclusive=True, group="checklist")
    async def action_checklist(self) -> None:
        """`*`: save a sentence with the answer that is right."""
        found = self._kept_next()
        if found is None:
            self.notify("Ask the model a sentence first.")
            return
        name, answer = found
        label = await self.app.push_screen_wait(ChecklistDialog(answer))
        if label is None:
            return
        try:
            await asyncio.to_thread(add, Run(self.workbench.store.root / name), [(answer.text, label)])
        except WorkbenchError as error:
            self.workbench.show_error(error)
        else:
            self.notify(f"Saved: every new run of this data is asked. Now: finetui checklist {name}", markup=False)

    def on_resize(self) -> None:
        """Bars follow the width."""
        if self.answer is not None:
            self.query_one(Prediction).answer(self.answer, self._width())

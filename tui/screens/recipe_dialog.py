"""The recipes in a list, with all that is known about the one under the cursor; `enter` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from core.config import RunConfig, from_dict, to_dict
from core.config.recipe import Recipe, recipe_named, recipes
from core.errors import Cancelled, WorkbenchError
from core.text import safe
from tui import recipes as taking
from tui.screens.data_dialogs import RuleRows
from tui.screens.modals import Dialog
from tui.widgets import data_lines, recipe_lines
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.option_rows import OptionRows

if TYPE_CHECKING:
    from tui.app import Workbench

_KEYS = [line(("enter takes it · esc", "muted"))]


class RecipeRows(OptionRows):
    """All recipes by name, the one that is in force marked."""

    BINDINGS: ClassVar[list[BindingType]] = RuleRows.BINDINGS

    def __init__(self, marked: str) -> None:
        super().__init__(id="recipes", markup=False)
        self._marked = marked

    def lines(self, width: int) -> Sequence[Content]:
        """`▸smile`, and below it `   as written`."""
        return [
            Content.styled(f"{'▸' if name == self._marked else ' '}{safe(label)}", "" if label[0] == " " else "bold")
            for name, label in recipe_lines.name_lines()
        ]

    def fill(self, at: str) -> None:
        """Put the cursor on the one of this name; the lines themselves are drawn once there is a width."""
        self.set_options([Option(Content(f" {safe(label)}")) for _, label in recipe_lines.name_lines()])
        names = list(recipes())
        self.highlighted = names.index(at) if at in names else 0

    def here(self) -> Recipe:
        """The one under the cursor."""
        return list(recipes().values())[self.highlighted or 0]


class RecipeDialog(Dialog[str]):
    """Results in the recipe that was taken. It is tried on the data first; while it is, `esc` cancels that.

    `name`: the recipe to try at once.
    """

    CSS_PATH = "../styles/recipes.tcss"

    def __init__(self, name: str = "") -> None:
        super().__init__("Recipes")
        self._name = name
        self._is_trying = False

    @property
    def _workbench(self) -> Workbench:
        return cast("Workbench", self.app)

    @property
    def _config(self) -> RunConfig:
        return self._workbench.config

    def content(self) -> ComposeResult:
        """The list beside what is known, and a line for what is being done."""
        with Horizontal(id="columns"):
            yield RecipeRows(self._config.data.recipe)
            yield Canvas(id="about")
        yield Canvas(id="says")

    def on_mount(self) -> None:
        """Begin in the list, on what was asked for or on what is in force."""
        rows = self.query_one(RecipeRows)
        rows.fill(self._name or self._config.data.recipe)
        rows.focus()
        self._say(_KEYS)
        if self._name:
            self._take(self._name)

    def on_resize(self) -> None:
        """Lines follow the size."""
        self.call_after_refresh(self._paint)

    @on(OptionList.OptionHighlighted)
    def _paint(self) -> None:
        for canvas in self.query("#about").results(Canvas):
            if canvas.size:  # it has been laid out
                canvas.show(recipe_lines.about(self.query_one(RecipeRows).here(), self._config, *canvas.size))

    def _say(self, lines: list[Line]) -> None:
        for canvas in self.query("#says").results(Canvas):  # none when the screen is being left
            canvas.show(lines, self.query_one("#dialog").size.width)

    @on(OptionList.OptionSelected)
    def _chosen(self) -> None:
        self._take(self.query_one(RecipeRows).here().name)

    @work(group="take")
    async def _take(self, name: str) -> None:
        """Try it on the data; take it, or say why it does not fit."""
        if self._is_trying:
            return
        self._is_trying = True
        try:
            while True:
                config = self._config
                after = await self._tried(name, config)
                if config == self._config:  # else the data was read otherwise meanwhile
                    break
            taking.take(self._workbench, config, after)
            self.dismiss(name)
        except Cancelled:
            self._say([line(("Cancelled. ", "warn"), "Nothing was changed.", ("   esc leaves", "muted"))])
        except WorkbenchError as error:
            self._say(_KEYS)
            self._workbench.show_error(taking.told(error, recipe_named(name), config))
        finally:
            self._is_trying = False

    async def _tried(self, name: str, config: RunConfig) -> RunConfig:
        """`config` with the recipe, which fits the data. Raises why it does not."""
        given = config.data.given or config.data.source

        def progress(done: int, total: int, what: str) -> None:
            self._say(data_lines.progress(given, done, total, what))

        self._say(data_lines.progress(given, 0, 0, f"trying {name} on"))
        answer = await self._workbench.engine.ask(
            "data", "recipe", on_progress=progress, newest="recipe", name=name, config=to_dict(config)
        )
        return from_dict(answer["config"])

    def action_leave(self) -> None:
        """Cancel what is being tried; else leave."""
        if self._is_trying:
            self._workbench.engine.cancel("data")
        else:
            self.dismiss(None)

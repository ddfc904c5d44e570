"""Recipes on the screen: which one the settings are, choosing one, taking it, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.config import RunConfig
from core.config.recipe import Recipe, recipes
from core.errors import ConfigError, DataError, WorkbenchError
from tui.decisions import applied
from tui.sources import short

if TYPE_CHECKING:
    from tui.app import Workbench


def present(config: RunConfig) -> Recipe | None:
    """The recipe that these settings began from; none for those of one's own, and for one that is not known here."""
    return recipes().get(config.data.recipe)


def is_open(recipe: Recipe, config: RunConfig) -> bool:
    """Whether the data that is open has the name of the file that the recipe is for, or the recipe takes any."""
    name = Path(config.data.source).name.lower()
    return not recipe.data or name in recipe.data.lower().split()


def told(error: WorkbenchError, recipe: Recipe, config: RunConfig) -> WorkbenchError:
    """`error`; where other data is open than what the recipe is for, with that as the next step."""
    if not isinstance(error, DataError | ConfigError) or is_open(recipe, config):
        return error
    now = short(config.data.given or config.data.source, 40)
    first = f"Open its data in room 1: it is for {recipe.data}, and open now is {now}"
    return type(error)(error.title, error.message, " · ".join(filter(None, (first, error.next_step))))


async def choose(app: Workbench, name: str = "") -> None:
    """Show the recipes; with a name, try that one at once. What was taken is seen in Data and in Configure."""
    from tui.screens.recipe_dialog import RecipeDialog

    before = app.config
    taken = await app.push_screen_wait(RecipeDialog(name))
    if not taken:
        return
    if app.current_mode not in ("data", "configure"):
        await app.action_go("configure")
    if app.config == before:
        app.notify(f"The settings are those of {taken} already.", markup=False)
    else:
        app.notify(f"The settings are those of {taken} now, its rules stand in Data. u takes it back.", markup=False)


def take(app: Workbench, config: RunConfig, after: RunConfig) -> None:
    """`after` is in force instead of `config`, in one step that `u` takes back."""
    if after != config:
        app.decided.keep(app.decided.about(config.data).with_recipe(after.data.recipe, config, after))
        app.config = after


def can_take_back(app: Workbench) -> bool:
    """Whether the last decision about the data that is open was to take a recipe."""
    return bool(app.decided.about(app.config.data).recipe)


def take_back(app: Workbench) -> None:
    """Undo the recipe that was taken last: what it set is as it was before."""
    now = app.decided.about(app.config.data)
    if now.recipe and now.before is not None:
        app.decided.keep(now.before)
        app.config = applied(app.config, now.before, now.restored)

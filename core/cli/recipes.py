"""`finetui recipes`: the starting points that repeat a write-up, as a list or one of them as the file it is."""

from __future__ import annotations

import json as json_format
import textwrap
from typing import Annotated, Optional

import typer

from core.cli.console import out, say
from core.cli.options import JsonOption
from core.config.recipe import Recipe, recipe_named
from core.config.recipe import recipes as all_recipes

_WIDTH = 78


def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[NAME]", help="Print this one, as --config takes it.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the recipes: each write-up as it is written, and as we would do it.

    finetui train FILE --recipe NAME begins from one; options beside it win.
    """
    found = [recipe_named(name)] if name else list(all_recipes().values())
    if json:
        told = [one.as_dict() for one in found]
        out(json_format.dumps(told[0] if name else told))
    elif name:
        out(found[0].text.rstrip())
    else:
        out("\n".join(map(_listed, found)))
        say("\nfinetui recipes NAME prints one; finetui train FILE --recipe NAME begins from it.")


def _listed(recipe: Recipe) -> str:
    return f"{recipe.name}\n{textwrap.fill(recipe.sentence, _WIDTH, initial_indent='    ', subsequent_indent='    ')}"

"""Recipes: starting points that repeat a write-up, each a part of a `run.toml` that ships with the program.

A recipe is a plain file in `recipes/`; its table `[recipe]` says what it is and what the write-up reached, the rest are
settings as `finetui train --config` takes them. What somebody sets beside a recipe wins.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from core.config.schema import DataConfig, RunConfig, settings
from core.config.toml import from_dict
from core.errors import ConfigError, WorkbenchError
from core.text import safe

AS_WRITTEN = "-as-written"

_READING = (
    "source", "given", "validation_file", "test_file",
    "encoding", "delimiter", "header", "quoting", "time", "corrections",
)  # fmt: skip
"""Of the data: which file it is and how it is read. A recipe leaves these to the person, as it does the columns."""

COLUMNS = ("text", "label", "group")

_WHERE = ("device", "precision", "threads", "onnx")
"""Of the training: where it runs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe. `tree` holds its settings by section, `text` the file it was read from."""

    name: str
    title: str
    sentence: str
    text: str = field(repr=False)
    tree: dict[str, dict[str, Any]] = field(repr=False)
    data: str = ""
    """Which data it is for; empty for any."""
    model: str = ""
    """What the write-up trained."""
    against: str = ""
    """The recipe of the write-up that this one is our answer to."""
    faults: tuple[str, ...] = ()
    reached: tuple[tuple[str, float], ...] = ()
    """What the write-up reports: (figure, value)."""

    @property
    def source(self) -> str:
        """Where its data is fetched from; empty where a person has to bring it."""
        return str(self.tree.get("data", {}).get("source", ""))

    @property
    def wants_file(self) -> bool:
        """Whether it means nothing without somebody's file."""
        return bool(self.data) and not self.source

    def applied(self, config: RunConfig) -> RunConfig:
        """The defaults with this recipe's settings; the file, how it is read and where to run stay as in `config`.

        Columns that the person chose stay too, but not those that another recipe brought.
        """
        kept = {name: getattr(config.data, name) for name in (*_READING, *COLUMNS)}
        data = DataConfig(**kept, recipe=self.name)
        where = {name: getattr(config.training, name) for name in _WHERE}
        base = replace(RunConfig(data=data), training=replace(RunConfig().training, **where))
        tree = {section: dict(values) for section, values in self.tree.items()}
        mine = tree.get("data", {})
        mine.pop("source", None)
        brought = recipes()[config.data.recipe].tree.get("data", {}) if config.data.recipe in recipes() else {}
        for name in COLUMNS:
            chosen = getattr(config.data, name)
            if chosen and list(chosen) != list(brought.get(name, ())):
                mine.pop(name, None)
            else:
                base = base.with_value(f"data.{name}", getattr(RunConfig().data, name))
        return from_dict(tree, base)

    def changes(self, config: RunConfig) -> list[tuple[str, Any, Any]]:
        """(`section.name`, present value, new value) of every setting that the recipe would change in `config`."""
        after = self.applied(config)
        pairs = [(path, config.get(path), after.get(path)) for path, _, _ in settings()]
        return [one for one in pairs if one[1] != one[2] and one[0] != "data.recipe"]

    def line_of(self, path: str, value: str) -> tuple[int, str]:
        """(number, text) of the line that sets `path` to `value`, or holds it in a list; (0, "") when none does."""
        section, _, name = path.partition(".")
        inside, is_list = "", False
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.startswith("["):
                inside = line.strip("[] ")
            if inside != section or line.startswith("#"):
                continue
            key = line.partition("=")[0].strip()
            if key == name or (is_list and line.startswith((" ", "]"))):
                is_list = True
                if f'"{value}"' in line or line.partition("=")[2].strip() == value:
                    return number, line.strip().rstrip(",")
            else:
                is_list = False
        return 0, ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "sentence": self.sentence,
            "data": self.data,
            "model": self.model,
            "against": self.against,
            "faults": list(self.faults),
            "reached": dict(self.reached),
            "settings": self.tree,
        }


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe by its name: each write-up, our answer before it."""
    found = [_read(one.read_text(encoding="utf-8")) for one in Path(__file__).with_name("recipes").glob("*.toml")]
    order = ("smile", "online-reviews", "movie-reviews", "app-reviews", "bert-base", "bert-large")
    return {one.name: one for one in sorted(found, key=lambda one: (_place(one.name, order), len(one.name)))}


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name.removesuffix(AS_WRITTEN))


def _read(text: str) -> Recipe:
    tree = tomllib.loads(text)
    about = tree.pop("recipe")
    reached = tuple(about.pop("reached", {}).items())
    return Recipe(text=text, tree=tree, reached=reached, faults=tuple(about.pop("faults", ())), **about)


def recipe_named(name: str) -> Recipe:
    """The recipe of this name. Raises `ConfigError` naming the nearest one."""
    if (found := recipes().get(name)) is not None:
        return found
    near = difflib.get_close_matches(name, recipes(), n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(f"There is no recipe {safe(name)!r}", next_step=f"{hint}finetui recipes lists them.")


def base_of(config: RunConfig) -> RunConfig:
    """What the settings of `config` differ from: its recipe, where it has one that is known, else the defaults."""
    recipe = recipes().get(config.data.recipe) if config.data.recipe else None
    return RunConfig() if recipe is None else recipe.applied(RunConfig())


def told_by_line(error: WorkbenchError, data: DataConfig) -> WorkbenchError:
    """`error` with the line of the recipe that does not fit, where `data` has a recipe whose line is at fault.

    Else the same error.
    """
    path, value = error.about
    recipe = recipes().get(data.recipe) if data.recipe and path else None
    number, line = recipe.line_of(path, value) if recipe is not None else (0, "")
    if recipe is None or not number:
        return error
    setting = path.split(".")[1]
    own = "" if setting == "cures" else f"--{setting} NAME takes its place"
    change = f"finetui recipes {recipe.name} > my.toml, change line {number}, and --config my.toml"
    return type(error)(
        f"The recipe {recipe.name} does not fit this data: {error.title[:1].lower()}{error.title[1:]}",
        f"Line {number} of the recipe: {safe(line)}. {error.message}".rstrip(),
        " · ".join(part for part in (error.next_step, own, change) if part),
    )

"""What is said about recipes: in the row of presets, and beside the list of them."""

from __future__ import annotations

from typing import Any

from core.config import RunConfig
from core.config.presets import PRESETS, preset_of
from core.config.recipe import AS_WRITTEN, Recipe, recipes
from tui.format import score
from tui.recipes import is_open, present
from tui.sources import short
from tui.widgets.canvas import Line, Part, line
from tui.widgets.config_form import name_of, written
from tui.widgets.data_lines import wrap

RECIPE = "recipe"
"""The name of the chip that leads to the recipes."""

_FIRST = (
    "model.base", "data.cures", "data.text", "data.label", "data.group", "split.method", "split.test",
    "split.validation", "training.epochs", "training.batch_size", "training.learning_rate", "model.max_length",
    "training.oversample", "training.class_weights", "training.gradual_unfreezing", "training.metric",
    "training.patience",
)  # fmt: skip
"""Settings that matter most, in this order."""

_NAMES = {
    "model.base": "base model",
    "split.method": "split method",
    "split.test": "test share",
    "split.validation": "validation share",
    "split.seed": "split seed",
    "training.metric": "best epoch by",
}
"""Settings whose own names say too little without the heading that they have in the form."""

FEWEST = 5
"""Lines that the changes have, however many faults there are."""


def preset_row(config: RunConfig, room: int) -> tuple[str, list[tuple[str, str]], str]:
    """(the marked chip, all chips, what is said behind them) for a row of `room` cells.

    A recipe is marked only while every setting is as it has it; after a change it is said where they began.
    """
    recipe = present(config)
    changed = len(recipe.changes(config)) if recipe else 0
    is_whole = recipe is not None and not changed
    chips = [(one.name, one.title) for one in PRESETS]
    left = room - sum(len(one) + 2 for _, one in chips)
    label = f"Recipe: {recipe.name}" if recipe and is_whole else "Recipe…"
    chips.append((RECIPE, label if len(label) + 2 <= left or not is_whole else "Recipe"))
    marked = RECIPE if is_whole else preset_of(config)
    said = next((one.sentence for one in PRESETS if one.name == marked), "settings of your own")
    told = [said]
    if recipe is not None and is_whole:
        told = [recipe.sentence]
    elif recipe is not None:
        told = [f"from {recipe.name}, {changed} changed · {said}", f"from {recipe.name}, {changed} changed"]
        told.append(f"from {recipe.name}")
    left -= len(chips[-1][1]) + 2
    return marked, chips, next((one for one in told if len(one) <= left), "")


def name_lines() -> list[tuple[str, str]]:
    """(name, how the list calls it): each write-up below our answer to it."""
    return [(name, "  as written" if name.endswith(AS_WRITTEN) else name) for name in recipes()]


def about(recipe: Recipe, config: RunConfig, width: int, height: int) -> list[Line]:
    """Everything about one recipe in `height` lines of `width` cells: what it is, what is wrong with it, and what it
    would change in `config`."""
    head = _head(recipe, config, width)
    faults = [
        [line(("! " if at == 0 else "  ", "warn"), text) for at, text in enumerate(wrap(one, width - 2))]
        for one in recipe.faults
    ]
    changes = recipe.changes(config)
    room = height - len(head) - 1  # of both lists, with the blank line before the changes
    wanted = sum(map(len, faults)) + bool(faults)
    said = _changes(changes, max(room - wanted, min(FEWEST, len(changes) + 1)), width)
    return [*head, *_faults(faults, room - len(said) - 1, recipe.name), line(""), *said]


def _head(recipe: Recipe, config: RunConfig, width: int) -> list[Line]:
    lines = [line((recipe.title, "strong"))]
    lines += [line(text) for text in wrap(recipe.sentence, width)]
    lines += _headed("for ", recipe.data or "any data", width)
    if not is_open(recipe, config):
        lines.append(line(("open now: ", "warn"), short(config.data.given or config.data.source, max(width - 10, 12))))
    origin = recipes().get(recipe.against, recipe)
    if origin.model:
        lines += _headed("the write-up trained ", origin.model, width)
    if origin.reached:
        figures = " · ".join(f"{what} {score(value)}" for what, value in origin.reached)
        lines += _headed("it reached ", figures, width)
    return lines


def _headed(head: str, text: str, width: int) -> list[Line]:
    """`text` in lines, its first behind a muted `head`."""
    first, *others = wrap(head + text, width)
    return [line((head, "muted"), first[len(head) :]), *(line(one) for one in others)]


def _faults(faults: list[list[Line]], room: int, name: str) -> list[Line]:
    """Those that fit into `room` lines, a blank one before them, and how many do not."""
    found: list[Line] = []
    for at, one in enumerate(faults):
        last = at == len(faults) - 1
        if len(found) + len(one) + (not last) > room:
            more = f"and {len(faults) - at} more" if at else f"{len(faults)} faults: finetui recipes {name}"
            found.append(line((more, "muted")))
            break
        found += one
    return [line(""), *found] if found and len(found) <= room else []


def _changes(changes: list[tuple[str, Any, Any]], room: int, width: int) -> list[Line]:
    """A title and `batch size   16 → 32`, what matters most first, in `room` lines; the last says how many more."""
    if not changes:
        return [line(("It would change nothing here.", "muted"))]
    found = sorted(changes, key=lambda one: _FIRST.index(one[0]) if one[0] in _FIRST else len(_FIRST))
    kept = found if len(found) < room else found[: max(room - 2, 0)]
    name = max((len(_name(path)) for path, _, _ in kept), default=0) + 2
    lines = [line((_name(path).ljust(name), "muted"), *_values(now, new, width - name)) for path, now, new in kept]
    more = [line((f"and {len(found) - len(kept)} more", "muted"))] if len(kept) < len(found) else []
    return [line(("It would change here", "strong")), *lines, *more]


def _name(path: str) -> str:
    return _NAMES.get(path) or name_of(path)


def _values(now: Any, new: Any, room: int) -> list[Part]:
    """The present value and the new one; lists that are too long for that are counted."""
    first, second = written(now) or "none", written(new) or "none"
    if len(first) + len(second) + 3 > room and isinstance(new, tuple):
        first, second = (f"{len(one)} of them" if one else "none" for one in (now, new))
    return [first, (" → ", "muted"), (second, "accent")]

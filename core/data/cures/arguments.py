"""What stands behind the colon of a rule: names in quotes, numbers, and what is wrong with them."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable

from core.data.cures.rows import Rows
from core.errors import ConfigError
from core.text import safe, shorten

Check = Callable[[str], str]
"""What is wrong with an argument, before any data is seen; empty when nothing is."""


def anything(_: str) -> str:
    """Every argument will do, and none."""
    return ""


def nothing(argument: str) -> str:
    """For a rule without an argument."""
    return "it takes no argument" if argument.strip() else ""


def needs(what: str) -> Check:
    """For a rule with any argument at all."""
    return lambda argument: "" if argument.strip() else f"it needs {what}"


def whole_number(argument: str) -> str:
    """For a rule with a whole number above 0."""
    fine = argument.strip().isdecimal() and len(argument.strip()) <= 12 and int(argument) > 0
    return "" if fine else "it needs a whole number above 0"


def listed(argument: str) -> list[str]:
    """`A,B` as names; a name with a comma stands in quotes, quotes within them twice."""
    try:
        names = next(csv.reader([argument], skipinitialspace=True), [])
    except csv.Error:  # a line end outside quotes: one odd name
        names = [argument]
    return [name.strip() for name in names if name.strip()]


def equations(argument: str) -> list[tuple[str, str]]:
    """Every way to read `LEFT=RIGHT`, for a name may hold an equals sign itself; those that cut no quotes first."""
    cuts = [(argument[:at], argument[at + 1 :].strip()) for at, char in enumerate(argument) if char == "="]
    return sorted(
        (cut for cut in cuts if cut[0].strip() and cut[1]), key=lambda cut: cut[0].count('"') % 2
    )  # sorting is stable


def unquoted(name: str) -> str:
    """A single name, out of its quotes when it stands in some."""
    return next(iter(listed(name)), name) if len(name) > 2 and name[0] == name[-1] == '"' else name


def known(rows: Rows, names: list[str]) -> set[str]:
    """The same names. Raises `ConfigError` for one that no row has any more."""
    present = rows.present()
    for name in names:
        if name not in present:
            near = difflib.get_close_matches(name, present, n=1, cutoff=0.4)
            some = [shorten(safe(one), 24) for one in list(present)[:12]]
            classes = ", ".join(some) + (", …" if len(present) > 12 else "")
            step = f"Did you mean {safe(near[0])!r}?" if near else f"Classes at this point: {classes}"
            raise ConfigError(f"There is no class {safe(name)!r} to cure", next_step=step)
    return set(names)

"""The rule that makes classes of numbers: `bins:<=2=negative,3=drop,>=4=positive`."""

from __future__ import annotations

import re

from core.data.cures.rows import Rows
from core.data.reading.header import is_number
from core.errors import ConfigError
from core.text import safe

DROP = "drop"
"""The bin whose rows are left out."""

_BIN = re.compile(r"\s*(<=|>=|<|>|)\s*([+-]?\d+(?:\.\d+)?)\s*=\s*([^=<>].*?)\s*")


def check_bins(argument: str) -> str:
    """What is wrong with a list of bins."""
    return "" if _bins(argument) else "it needs rules such as <=2=negative"


def apply_bins(rows: Rows, argument: str, reason: str) -> int:
    """Give each row the first bin that takes its number; those in no bin are left out."""
    rules = _bins(argument) or []
    present = rows.present()
    if present and not any(map(is_number, present)):
        classes = ", ".join(safe(name) for name in list(present)[:6]) + (", …" if len(present) > 6 else "")
        step = "Name the column with the numbers: --label NAME, or leave the rule out."
        raise ConfigError("No label is a number to make classes of", f"The labels are {classes}.", step)
    bins = [_bin_of(name, rules) for name in rows.names]
    gone = {DROP, ""}
    stay = sum(
        count
        for (name, count), new in zip(_counted(rows), bins, strict=True)
        if count and new not in gone and new != name
    )
    rows.relabel(bins)
    rows.drop_labels({""}, f"{reason} (in no bin)")
    rows.drop_labels({DROP}, reason)
    return stay


def _counted(rows: Rows) -> list[tuple[str, int]]:
    present = rows.present()
    return [(name, present.get(name, 0)) for name in rows.names]


def _bins(argument: str) -> list[tuple[str, float, str]] | None:
    found = [_BIN.fullmatch(part) for part in argument.split(",")]
    rules = [(one[1], float(one[2]), one[3]) for one in found if one]
    return rules if len(rules) == len(found) else None


def _bin_of(name: str, rules: list[tuple[str, float, str]]) -> str:
    """The bin of a label; empty when it is no number or none of the rules takes it."""
    try:
        value = float(name.replace(",", "."))
    except ValueError:
        return ""
    for sign, bound, label in rules:
        taken = {"<=": value <= bound, "<": value < bound, ">=": value >= bound, ">": value > bound, "": value == bound}
        if taken[sign]:
            return label
    return ""

"""Cleaning rules as texts, `drop-class:nocode`: parsed, applied in order, what they drop counted by rule.

A rule never touches the file, and stands in the run's configuration, so a command line repeats it.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.data.cures.rows import Rows, conflicting, first_of_each
from core.errors import ConfigError
from core.text import safe

DROP = "drop"
"""The bin whose rows are left out."""

Apply = Callable[[Rows, str, str], None]
"""(rows, argument, the whole rule as its reason)."""


@dataclass(frozen=True, slots=True)
class Cure:
    """One kind of rule."""

    shape: str
    sentence: str
    check: Callable[[str], str]
    """What is wrong with an argument, before any data is seen; empty when nothing is."""
    apply: Apply


def apply_cures(rows: Rows, cures: tuple[str, ...]) -> None:
    """Apply each rule in order to `rows`. Raises `ConfigError` for a rule that is none or names an unknown class."""
    parsed = [(cure, *parse_cure(cure)) for cure in cures]
    for text, cure, argument in parsed:
        cure.apply(rows, argument, text)


def parse_cure(text: str) -> tuple[Cure, str]:
    """The rule that `text` means, and its argument. Raises `ConfigError` listing the known ones."""
    name, _, argument = text.partition(":")
    cure = CURES.get(name.strip())
    if cure is None:
        near = difflib.get_close_matches(name, CURES, n=1)
        hint = f"Did you mean {CURES[near[0]].shape}? " if near else ""
        known = ", ".join(one.shape for one in CURES.values())
        raise ConfigError(f"Unknown cure {safe(text)!r}", next_step=f"{hint}Known: {known}")
    if wrong := cure.check(argument):
        raise ConfigError(f"Cure {safe(text)!r}: {wrong}", next_step=f"It is written {cure.shape}")
    return cure, argument


def _known(rows: Rows, names: list[str]) -> set[str]:
    present = rows.present()
    for name in names:
        if name not in present:
            near = difflib.get_close_matches(name, present, n=1, cutoff=0.4)
            listed = ", ".join(safe(one) for one in list(present)[:12]) + (", …" if len(present) > 12 else "")
            step = f"Did you mean {safe(near[0])!r}?" if near else f"Classes at this point: {listed}"
            raise ConfigError(f"There is no class {safe(name)!r} to cure", next_step=step)
    return set(names)


def _listed(argument: str) -> list[str]:
    """`A,B` as names; a name with a comma stands in quotes."""
    return [name.strip() for name in next(csv.reader([argument], skipinitialspace=True), []) if name.strip()]


def _needs(what: str) -> Callable[[str], str]:
    return lambda argument: "" if argument.strip() else f"it needs {what}"


def _drop_class(rows: Rows, argument: str, reason: str) -> None:
    rows.drop_labels(_known(rows, [argument.strip()]), reason)


def _keep_classes(rows: Rows, argument: str, reason: str) -> None:
    kept = _known(rows, _listed(argument))
    rows.drop_labels(set(rows.present()) - kept, reason)


def _rename_check(argument: str) -> str:
    old, _, new = argument.partition("=")
    return "" if old.strip() and new.strip() else "it needs OLD=NEW"


def _rename_class(rows: Rows, argument: str, _: str) -> None:
    present = rows.present()
    cuts = [(argument[:at].strip(), argument[at + 1 :].strip()) for at, char in enumerate(argument) if char == "="]
    # A name may hold a "=" itself: the cut that meets a class is the one meant.
    old, new = next((cut for cut in cuts if cut[0] in present and cut[1]), cuts[0])
    _known(rows, [old])
    rows.relabel([new if name == old else name for name in rows.names])


def _drop_multi_label(rows: Rows, argument: str, reason: str) -> None:
    separator = argument or "|"
    rows.drop_labels({name for name in rows.names if separator in name}, reason)


def _drop_duplicates(rows: Rows, _: str, reason: str) -> None:
    """Later copies of one text under one label; a text under two labels keeps one row of each."""
    both = rows.keys() * max(len(rows.names), 1) + rows.codes
    rows.drop(~first_of_each(both), reason)


def _drop_conflicts(rows: Rows, _: str, reason: str) -> None:
    rows.drop(conflicting(rows.keys(), rows.codes), reason)


def _drop_rare(rows: Rows, argument: str, reason: str) -> None:
    least = int(argument)
    rows.drop_labels({name for name, count in rows.present().items() if count < least}, reason)


_BIN = re.compile(r"\s*(<=|>=|<|>|)\s*([+-]?\d+(?:\.\d+)?)\s*=\s*([^=<>].*?)\s*")


def _bins(argument: str) -> list[tuple[str, float, str]] | None:
    found = [_BIN.fullmatch(part) for part in argument.split(",")]
    rules = [(one[1], float(one[2]), one[3]) for one in found if one]
    return rules if len(rules) == len(found) else None


def _apply_bins(rows: Rows, argument: str, reason: str) -> None:
    rules = _bins(argument) or []
    rows.relabel([_bin_of(name, rules) for name in rows.names])
    rows.drop_labels({""}, f"{reason} (in no bin)")
    rows.drop_labels({DROP}, reason)


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


def _nothing(argument: str) -> str:
    return "it takes no argument" if argument.strip() else ""


CURES: dict[str, Cure] = {
    "drop-class": Cure("drop-class:NAME", "Leave a class out.", _needs("a class"), _drop_class),
    "keep-classes": Cure("keep-classes:A,B", "Keep only these classes.", _needs("classes"), _keep_classes),
    "rename-class": Cure("rename-class:OLD=NEW", "Rename a class, or merge it.", _rename_check, _rename_class),
    "drop-multi-label": Cure(
        "drop-multi-label:SEPARATOR", "Leave rows with several labels out.", lambda _: "", _drop_multi_label
    ),
    "drop-duplicates": Cure("drop-duplicates", "Keep one of equal rows.", _nothing, _drop_duplicates),
    "drop-conflicts": Cure("drop-conflicts", "Leave texts under several labels out.", _nothing, _drop_conflicts),
    "drop-rare": Cure(
        "drop-rare:N",
        "Leave classes with fewer than N rows out.",
        lambda argument: "" if argument.strip().isdecimal() else "it needs a whole number",
        _drop_rare,
    ),
    "bins": Cure(
        "bins:<=2=negative,3=drop,>=4=positive",
        "Make classes of numbers.",
        lambda argument: "" if _bins(argument) else "it needs rules such as <=2=negative",
        _apply_bins,
    ),
}

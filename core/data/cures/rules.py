"""The table of rules, and how the texts that name them are parsed and applied in order."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.data.cures.arguments import Check, anything, needs, nothing, whole_number
from core.data.cures.bins import apply_bins, check_bins
from core.data.cures.cap import cap_rows
from core.data.cures.classes import (
    check_merge,
    check_merge_rare,
    check_rename,
    drop_class,
    drop_multi_label,
    drop_rare,
    keep_classes,
    keep_first_label,
    merge_classes,
    merge_rare,
    rename_class,
)
from core.data.cures.copies import (
    check_near,
    drop_conflicts,
    drop_duplicates,
    drop_leaks,
    drop_near_duplicates,
    majority_of_conflicts,
)
from core.data.cures.rows import Rows
from core.data.cures.texts import check_strip, strip
from core.errors import ConfigError
from core.protocol import Progress, no_progress
from core.text import safe

Apply = Callable[[Rows, str, str], int]
"""(rows, argument, the whole rule as its reason) -> how many of the rows that stay were changed."""


@dataclass(frozen=True, slots=True)
class Cure:
    """One kind of rule."""

    shape: str
    sentence: str
    check: Check
    apply: Apply
    example: str = ""
    """An argument that makes sense; empty for a rule that takes none."""

    @property
    def argument(self) -> bool:
        """Whether it means nothing without an argument."""
        return bool(self.check(""))


def apply_cures(rows: Rows, cures: tuple[str, ...], progress: Progress = no_progress) -> None:
    """Apply each rule in order to `rows` and count in `rows.effects` what it dropped or changed.

    Raises `ConfigError` for a rule that is none or does not fit the data.
    """
    parsed = [(text, *parse_cure(text)) for text in cures]
    rows.progress = progress
    for text, cure, argument in parsed:
        before = len(rows.codes)
        try:
            changed = cure.apply(rows, argument, text)
        except ConfigError as unfit:
            unfit.about = "data.cures", text
            raise
        rows.effects[text] = rows.effects.get(text, 0) + changed + before - len(rows.codes)


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


def catalogue() -> list[dict[str, Any]]:
    """Every rule as plain JSON types: name, shape, sentence, argument (whether it needs one), example of one."""
    return [
        {
            "name": name,
            "shape": cure.shape,
            "sentence": cure.sentence,
            "argument": cure.argument,
            "example": cure.example,
        }
        for name, cure in CURES.items()
    ]


_ALL = (
    Cure("drop-class:NAME", "Leave a class out.", needs("a class"), drop_class, "neutral"),
    Cure("keep-classes:A,B", "Keep only these classes.", needs("classes"), keep_classes, "negative,positive"),
    Cure("rename-class:OLD=NEW", "Rename a class, or merge it.", check_rename, rename_class, "neg=negative"),
    Cure("merge-classes:A,B=NEW", "Make one class of several.", check_merge, merge_classes, "angry,disgust=upset"),
    Cure(
        "merge-rare:N=NAME", "Make one class of those with fewer than N rows.", check_merge_rare, merge_rare, "10=other"
    ),
    Cure("drop-rare:N", "Leave classes with fewer than N rows out.", whole_number, drop_rare, "10"),
    Cure("drop-multi-label:SEPARATOR", "Leave rows with several labels out.", anything, drop_multi_label, "|"),
    Cure("keep-first-label:SEPARATOR", "Keep the first of several labels.", anything, keep_first_label, "|"),
    Cure(
        "bins:<=2=negative,3=drop,>=4=positive",
        "Make classes of numbers.",
        check_bins,
        apply_bins,
        "<=2=negative,3=drop,>=4=positive",
    ),
    Cure("drop-duplicates", "Keep one of equal rows.", nothing, drop_duplicates),
    Cure(
        "drop-near-duplicates:LIKENESS",
        "Keep the first of texts that are nearly the same.",
        check_near,
        drop_near_duplicates,
        "0.8",
    ),
    Cure("drop-conflicts", "Leave texts under several labels out.", nothing, drop_conflicts),
    Cure(
        "conflicts-majority",
        "Give a text under several labels the commonest of them; leave ties out.",
        nothing,
        majority_of_conflicts,
    ),
    Cure("drop-leaks", "Leave training rows out that validation or test repeat.", nothing, drop_leaks),
    Cure(
        "strip:urls,mentions,html,emails",
        "Strip these from the texts, and from whatever the model is asked.",
        check_strip,
        strip,
        "urls,mentions",
    ),
    Cure("cap-rows:N", "Keep at most N rows, each class in its share.", whole_number, cap_rows, "10000"),
)

CURES: dict[str, Cure] = {cure.shape.partition(":")[0]: cure for cure in _ALL}
"""Each rule by its name."""

"""What the child that judges runs answers about suspicious labels, as frozen facts. Texts in them are raw."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tui.facts import Row

WORDS = {"fix": "fixed", "exclude": "excluded", "keep": "kept"}
"""What is decided, as a person reads it."""


@dataclass(frozen=True, slots=True)
class Suspect(Row):
    """A row with the label that it has, and the one it rather should have: empty where nobody says one."""

    id: str = ""
    part: str = ""
    suggested: str = ""
    sure: float = math.nan
    """Probability of what is suggested."""
    is_likely: bool = False
    why: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What a decision is about: every row with this text under this label."""
        return self.text, self.label


@dataclass(frozen=True, slots=True)
class Suspects:
    """What may be wrong, the most suspicious first, among `looked` rows of which about `wrong` are."""

    rows: tuple[Suspect, ...]
    total: int
    looked: int
    wrong: float
    names: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is decided about a row; `do` is fix, exclude, keep, or undo while that is being saved."""

    do: str
    new: str = ""
    is_saved: bool = True

    @property
    def word(self) -> str:
        """As the list says it."""
        return WORDS.get(self.do, "") if self.is_saved else "saving"


@dataclass(frozen=True, slots=True)
class Tally:
    """All that stands for the data, by text and label; `rows`: the rows that it was decided at, in the order made."""

    marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    rows: tuple[Suspect, ...] = ()
    touched: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changing(self) -> int:
        """Decisions that change the data."""
        return sum(one.do in ("fix", "exclude") for one in self.marks.values())


def suspects_of(answer: dict[str, Any]) -> Suspects:
    """The candidates in a judging child's answer."""
    rows = tuple(
        Suspect(
            int(one["row"]), str(one["text"]), str(one["given"]), "", str(one["id"]), str(one["part"]),
            str(one["suggested"]), float(one["suggested_probability"]), bool(one["likely"]), str(one["why"]),
        )
        for one in answer["rows"]
    )  # fmt: skip
    names, notes = (tuple(map(str, answer[key])) for key in ("label_names", "notes"))
    return Suspects(rows, int(answer["total"]), int(answer["looked"]), float(answer["wrong"]), names, notes)


def tally_of(answer: dict[str, Any]) -> Tally:
    """What stands, in a judging child's answer. A text that is not at hand is known by its hash."""
    marks, rows, unfit = {}, [], Counter[str]()
    for one in answer["standing"]:
        made = one["decision"]
        text = str(one["text"] or f"(text {made['text']} is not at hand)")
        row = Suspect(0, text, str(made["old"]), "", str(made["row"]))
        marks[row.key] = Mark(str(made["do"]), str(made["new"]))
        rows.append(row)
        unfit.update([str(one["unfit"])] if one["unfit"] else [])
    notes = [f"{number} cannot be applied: {why}" for why, number in unfit.items()]
    if answer["damaged"]:
        notes.append(f"{len(answer['damaged'])} damaged lines of {answer['path']} were passed over")
    return Tally(marks, tuple(rows), tuple(answer["touched"]), (*notes, *map(str, answer["notes"])))

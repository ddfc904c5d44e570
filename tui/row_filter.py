"""Which judged rows are shown: what a list was opened on, and the filter as it is typed (`class:sad len>20 words`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

HINT = "words, class:sad, is:sad, said:happy, len>20, regex:n.t"

_TOKEN = re.compile(
    r'(?:(?P<key>class|is|said|regex):|(?P<op>len(?:<=|>=|<|>|=|:)))?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S*))'
)
_NAMES = {"class": "class", "is": "gold", "said": "said", "regex": "regex"}


def parsed(text: str) -> dict[str, Any]:
    """What to ask the judging child for: some of words, class, gold, said, regex, min_words, max_words.

    What is half typed (`class:`, `len>`, `len>x`) does not narrow yet; of two of a kind the last one counts.
    """
    wanted: dict[str, Any] = {}
    words: list[str] = []
    for found in _TOKEN.finditer(text):
        value = found["quoted"] if found["quoted"] is not None else found["bare"]
        if found["key"]:
            if value:
                wanted[_NAMES[found["key"]]] = value
        elif found["op"]:
            wanted |= _length(found["op"].removeprefix("len"), value)
        elif value:
            words.append(value)
    return {**wanted, "words": " ".join(words)} if words else wanted


def _length(sign: str, value: str) -> dict[str, int]:
    """The bounds of the number of words."""
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        return {}
    number = int(value)
    match sign:
        case ">":
            return {"min_words": number + 1}
        case ">=":
            return {"min_words": number}
        case "<":
            return {"max_words": max(number - 1, 0)}
        case "<=":
            return {"max_words": number}
    return {"min_words": number, "max_words": number}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a list of mistakes is opened on; what is empty does not narrow it.

    `label`: rows that are of this class or were said to be. `gold` and `said`: a cell of the confusion matrix.
    `slice`: the key of a kind of sentences, `title` its words, `regex` what a person looks for.
    """

    label: str = ""
    gold: str = ""
    said: str = ""
    slice: str = ""
    title: str = ""
    regex: str = ""

    @property
    def is_cell(self) -> bool:
        """Whether all its rows are right, or all wrong."""
        return bool(self.gold and self.said)

    def request(self, typed: str, *, is_all: bool) -> dict[str, Any]:
        """What to ask the judging child for, with the filter `typed`, whose classes count before those of the scope."""
        narrowed = parsed(typed)
        wanted = {"gold": self.gold, "said": self.said, "class": self.label, "slice": self.slice, "regex": self.regex}
        return {**wanted, **narrowed, "which": "all" if is_all or self.is_cell else "wrong"}

    def told(self) -> str:
        """In words, names as they are in the data."""
        if self.is_cell:
            return f"all {self.gold} that are right" if self.gold == self.said else f"is {self.gold}, said {self.said}"
        if self.label:
            return f"is or said {self.label}"
        return self.title

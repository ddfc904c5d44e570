"""A setting: its default, its bounds, and the one sentence a user reads about it.

The form in the screen, `--help` and the documentation all read this same record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def number(value: float) -> str:
    """A number as people write it: whole ones in full, others short."""
    return str(int(value)) if value == int(value) and abs(value) < 1e12 else f"{value:g}"


@dataclass(frozen=True, slots=True)
class Spec:
    """What a person may put into one setting."""

    sentence: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    flag: str = ""
    """The long option on the command line, without dashes in front, when it is not the name itself."""
    shown: bool = True
    """Whether the Configure form shows it (the Data screen owns what is about the file)."""

    def bounds(self) -> str:
        """The bounds as a person reads them: `0 to 0.5`, `one of linear, cosine`, or nothing."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            return f"{number(self.low)} to {number(self.high)}"
        if self.low is not None:
            return f"at least {number(self.low)}"
        return ""


def setting(
    default: Any,
    sentence: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    flag: str = "",
    shown: bool = True,
) -> Any:
    """A dataclass field that carries its `Spec`."""
    return field(default=default, metadata={"spec": Spec(sentence, low, high, choices, flag, shown)})

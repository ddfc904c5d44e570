"""What one fault came to: how often it was tried, how often something half-made was seen or something was lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome of one fault. `note`: what was tried beside the count, and the cause of whatever is not zero."""

    name: str
    what: str
    tries: int
    invalid: int
    lost: int
    note: str = ""
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether something was tried, and nothing was found."""
        return self.tries > 0 and not (self.invalid or self.lost)


@dataclass(slots=True)
class Tally:
    """Counts while a fault is tried, and remembers the first few things that went wrong."""

    tries: int = 0
    invalid: int = 0
    lost: int = 0
    found: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def spoiled(self, why: str) -> None:
        """Something half-made, unreadable or unexplained was seen."""
        self.invalid += 1
        self._remember(why)

    def missed(self, why: str) -> None:
        """Something that was promised is gone."""
        self.lost += 1
        self._remember(why)

    def _remember(self, why: str) -> None:
        if why not in self.found and len(self.found) < 5:
            self.found.append(why)

    def score(self, name: str, what: str, note: str = "") -> Score:
        """The outcome so far."""
        words = "; ".join([*([note] if note else []), *(f"FOUND: {why}" for why in self.found)])
        seconds = time.monotonic() - self.began
        return Score(name, what, self.tries, self.invalid, self.lost, words, round(seconds, 1))

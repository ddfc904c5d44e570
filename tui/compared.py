"""What the child answers about several runs, as frozen facts. Texts are raw: whoever shows one passes `safe()`."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from tui.facts import Page, Row
from tui.judged import FIGURES, Span

COMMON = "common test"
"""The rows that none of the runs trained on and one of them tests on."""

Points: TypeAlias = tuple[tuple[float, float], ...]
"""(epoch, value) of a curve."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared as one: a run, or runs that differ in their seed alone. `members`: places among the runs."""

    letter: str
    members: tuple[int, ...]

    @property
    def is_group(self) -> bool:
        """Whether it stands for settings over seeds."""
        return len(self.members) > 1


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the runs."""

    name: str
    path: str
    seed: int
    loss: Points
    macro_f1: Points


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs, the second less the first; `spans` in the order of `FIGURES`. p values are corrected."""

    first: int
    second: int
    spans: tuple[Span, ...]
    fixed: int
    broken: int
    p: float
    f1_p: float
    differs: bool
    f1_differs: bool
    verdict: str


@dataclass(frozen=True, slots=True)
class GroupPair:
    """Two settings over seeds, the second less the first. `over`: the test of the seeds alone in words, or nothing."""

    first: int
    second: int
    spans: tuple[Span, ...]
    p: float
    over: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found on one part's rows. `scores` of each run in the order of `FIGURES`."""

    runs: tuple[Compared, ...]
    sides: tuple[Side, ...]
    settings: tuple[tuple[str, tuple[Any, ...]], ...]
    differs_first: str
    part: str
    rows: int
    scores: tuple[tuple[float, ...], ...]
    pairs: tuple[Pair, ...]
    group_pairs: tuple[GroupPair, ...]
    groups: tuple[str, ...]
    """Letters of the groups, in the order that `group_pairs` count them."""
    runs_scored: int
    runs_looked: int
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """A short name for each run: the letter of its side, numbered where that has several."""
        found = dict.fromkeys(range(len(self.runs)), "?")
        for side in self.sides:
            for number, member in enumerate(side.members, 1):
                found[member] = f"{side.letter}{number}" if side.is_group else side.letter
        return tuple(found.values())

    def best(self) -> int:
        """The run with the highest macro F1 on these rows."""
        return max(range(len(self.scores)), key=lambda at: self.scores[at][0])

    def between(self, first: int, second: int) -> Pair:
        """The pair of two runs, in whichever order it is kept."""
        return next(one for one in self.pairs if {one.first, one.second} == {first, second})

    def mean(self, side: Side, figure: int) -> tuple[float, float]:
        """The mean score of the members of a side, and the deviation between them (not a number for one run)."""
        values = [self.scores[at][figure] for at in side.members]
        return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan

    def curve(self, side: Side, figure: str) -> Points:
        """`loss` or `macro_f1` by epoch; of a group the mean of its members."""
        points = sorted(point for at in side.members for point in getattr(self.runs[at], figure))
        return tuple(
            (epoch, statistics.fmean(value for _, value in found))
            for epoch, found in groupby(points, key=lambda point: point[0])
        )


def comparison_of(answer: dict[str, Any]) -> Comparison:
    """The comparison on the one part that was asked for."""
    part = answer["parts"][0]
    return Comparison(
        runs=tuple(_run_of(one) for one in answer["runs"]),
        sides=sides_of(len(answer["runs"]), [(str(one["letter"]), tuple(one["members"])) for one in answer["groups"]]),
        settings=tuple((str(one["path"]), tuple(one["values"])) for one in answer["settings"]),
        differs_first=str(answer["differs_first"]),
        part=str(part["part"]),
        rows=int(part["rows"]),
        scores=tuple(tuple(float(one[key]) for key in FIGURES) for one in part["scores"]),
        pairs=tuple(_pair_of(one) for one in part["pairs"]),
        group_pairs=tuple(_group_pair_of(one) for one in part["groups"]),
        groups=tuple(str(one["letter"]) for one in answer["groups"]),
        runs_scored=int(part["runs_scored"]),
        runs_looked=int(part["runs_looked"]),
        left_out=tuple((str(one["run"]), str(one["why"])) for one in answer["left_out"]),
        notes=tuple(map(str, (*part["notes"], *answer["notes"]))),
    )


def sides_of(runs: int, groups: list[tuple[str, tuple[int, ...]]]) -> tuple[Side, ...]:
    """Groups keep their letters, other runs get those that follow; seeds of one setting alone stand side by side."""
    if len(groups) == 1 and len(groups[0][1]) == runs:
        groups = []
    inside = {member for _, members in groups for member in members}
    alone = [at for at in range(runs) if at not in inside]
    letters = (chr(ord("A") + len(groups) + number) for number in range(len(alone)))
    return (*(Side(letter, members) for letter, members in groups), *(Side(next(letters), (at,)) for at in alone))


def _run_of(one: dict[str, Any]) -> Compared:
    curves = {key: tuple((float(x), float(y)) for x, y in one["curves"][key]) for key in ("loss", "macro_f1")}
    return Compared(str(one["name"]), str(one["path"]), int(one["seed"]), **curves)


def _spans(found: dict[str, Any]) -> tuple[Span, ...]:
    return tuple(Span(*(float(found[key][end]) for end in ("value", "low", "high"))) for key in FIGURES)


def _pair_of(one: dict[str, Any]) -> Pair:
    test = one["mcnemar"]
    return Pair(
        int(one["first"]), int(one["second"]), _spans(one["differences"]), int(test["fixed"]), int(test["broken"]),
        float(one["p"]), float(one["macro_f1_p"]), bool(one["differs"]), bool(one["macro_f1_differs"]),
        str(one["verdict"]),
    )  # fmt: skip


def _group_pair_of(one: dict[str, Any]) -> GroupPair:
    over, told = one["over_seeds"], ""
    if over is not None:
        told = (
            f"over the seeds alone, {'paired t' if over['kind'] == 'paired' else 'Welch’s t'}-test {p_text(over['p'])}"
        )
    return GroupPair(
        int(one["first"]), int(one["second"]), _spans(one["differences"]), float(one["p"]), told, str(one["verdict"])
    )


def p_text(p: float) -> str:
    """`p .031`, `p < .001`; of what is no number, that nothing was tested."""
    if not math.isfinite(p):
        return "p –"
    return "p < .001" if p < 0.001 else f"p {p:.3f}".replace(" 0.", " .")


@dataclass(frozen=True, slots=True)
class Changed(Row):
    """A row that one of two runs has right: what each said and how sure it was. Its `label` is what it is."""

    before: str = ""
    before_p: float = 0.0
    after: str = ""
    after_p: float = 0.0


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of such rows, and of how many rows they are in all."""

    page: Page
    of: int


def changed_of(answer: dict[str, Any], start: int) -> ChangedPage:
    """The rows in the child's answer."""
    rows = tuple(
        Changed(
            int(one["row"]), str(one["text"]), str(one["gold"]), "", str(one["before"]), float(one["before_p"]),
            str(one["after"]), float(one["after_p"]),
        )
        for one in answer["rows"]
    )  # fmt: skip
    return ChangedPage(Page(start, int(answer["total"]), rows), int(answer["of"]))

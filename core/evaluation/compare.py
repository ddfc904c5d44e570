"""Two to eight runs beside each other: what differs, what each reached, and whether that is more than chance.

For two runs the verdict is about these models on these rows; a setting is spoken of only for groups, which are the same
settings over several seeds. Each statement rests on one test at 5 %, corrected by Holm where there are several pairs:
*the models differ* on McNemar's test of who is right more often; *macro F1 differs*, where rare classes weigh more, on
the bootstrap of macro F1; *a setting scores higher* on the bootstrap of rows and seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.errors import RunError
from core.evaluation.alignment import Aligned
from core.evaluation.apart import Group, Setting, differing_settings, first_of_all, groups_of, seeds_in_pairs
from core.evaluation.comparable import COMMON, Chosen, RowsOf, choose, not_too_many, rows_of
from core.evaluation.intervals import Interval
from core.evaluation.looked import looks
from core.evaluation.metrics import Floats, score
from core.evaluation.significance import (
    FEWEST_SEEDS,
    MEASURES,
    McNemar,
    SeedTest,
    bootstrap_p,
    draw_scores,
    group_draws,
    holm,
    interval_of,
    mcnemar,
    seed_test,
)
from core.protocol import Progress, no_progress
from core.runs.run import Run, RunState
from core.training.events import Scores

PARTS = ("validation", "test")
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the same rows: the second less the first. `p` and `f1_p` are corrected for the number of pairs."""

    first: int
    second: int
    differences: dict[str, Interval]
    """By measure."""
    test: McNemar
    p: float
    f1_p: float
    verdict: str

    @property
    def differs(self) -> bool:
        """Whether one of the two is right more often than chance has it."""
        return self.p <= ALPHA

    @property
    def f1_differs(self) -> bool:
        """Whether macro F1 differs by more than chance has it."""
        return self.f1_p <= ALPHA


@dataclass(frozen=True, slots=True)
class GroupPair:
    """Two settings over seeds: means, the second group's less the first's. Intervals draw rows and seeds."""

    first: int
    second: int
    differences: dict[str, Interval]
    p: float
    """Of macro F1, corrected for the number of pairs of groups."""
    over_seeds: SeedTest | None
    """Of macro F1."""
    verdict: str


@dataclass(frozen=True, slots=True)
class Part:
    """What was compared on one part's rows. `scores`, in the order of the runs, are made from their predictions."""

    name: str
    rows: int
    label_names: tuple[str, ...]
    scores: tuple[Scores, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[GroupPair, ...]
    draws: int
    runs_scored: int = 0
    """Of a test part: how many runs were scored on it."""
    runs_looked: int = 0
    """For how many runs its rows were looked at."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found. Whatever could not be shown stands in `left_out` and `refused`, with its reason."""

    runs: tuple[Run, ...]
    seeds: tuple[int, ...]
    settings: tuple[Setting, ...]
    differs_first: str
    """`the data, the split and the seed` as far as they differ, else empty."""
    groups: tuple[Group, ...]
    parts: tuple[Part, ...]
    left_out: tuple[tuple[str, str], ...]
    """(run, why it is not compared)."""
    refused: tuple[tuple[str, RunError], ...]
    """(part, why its scores do not compare)."""
    notes: tuple[str, ...] = ()


def compare(
    runs: Sequence[Run],
    *,
    part: str = "both",
    common: bool = False,
    progress: Progress = no_progress,
    rows: RowsOf = rows_of,
) -> Comparison:
    """Compare runs on `validation`, `test` or `both`, or on their `common` test (then `part` says nothing).

    The common test is written down as a look at the test part of each of them.
    Raises `ConfigError` for what was asked wrongly, `RunError` when fewer than two runs, or no part, can be compared.
    """
    chosen = choose(runs)
    groups = groups_of(chosen.runs, chosen.configs)
    not_too_many(len(chosen.runs) - sum(len(one.members) - 1 for one in groups))
    apart = differing_settings(chosen.configs)
    marks = {run.read_json("data.json").get("fingerprint") for run in chosen.runs}
    parts, refused = [], []
    for name in [COMMON] if common else list(PARTS) if part == "both" else [part]:
        try:
            aligned, notes = rows(chosen, name, progress)
            progress(0, 0, f"drawing {name} rows")
            parts.append(_part(chosen, groups, name, aligned, notes))
        except RunError as error:
            refused.append((name, error))
    if not parts:
        raise refused[-1][1]
    first = first_of_all(apart, len(marks) == 1)
    notes = _group_notes(chosen, groups) + _data_notes(apart, len(marks) == 1) + _state_notes(chosen)
    seeds = tuple(config.training.seed for config in chosen.configs)
    return Comparison(chosen.runs, seeds, apart, first, groups, tuple(parts), chosen.left_out, tuple(refused), notes)


def _part(chosen: Chosen, groups: Sequence[Group], name: str, aligned: Aligned, notes: tuple[str, ...]) -> Part:
    said, classes = aligned.said, len(aligned.label_names)
    scores = tuple(score(aligned.gold, one, classes) for one in said)
    drawn = draw_scores(aligned.gold, said, classes)
    counted = looks(chosen.runs[0]) if name == "test" else {"scored": 0, "looked": 0}
    return Part(
        name,
        len(aligned),
        aligned.label_names,
        scores,
        _pairs(aligned, scores, drawn),
        _group_pairs(groups, scores, drawn),
        len(drawn[MEASURES[0]]),
        max(counted["scored"], len(chosen.runs)) if name == "test" else 0,
        counted["looked"],
        notes,
    )


def _pairs(aligned: Aligned, scores: Sequence[Scores], drawn: dict[str, Floats]) -> tuple[Pair, ...]:
    both, said = list(combinations(range(len(scores)), 2)), aligned.said
    tests = [mcnemar(aligned.gold, said[first], said[second]) for first, second in both]
    f1 = drawn["macro_f1"]
    f1_ps = holm([bootstrap_p(f1[:, second] - f1[:, first]) for first, second in both])
    found = []
    for (first, second), test, p, f1_p in zip(both, tests, holm([one.p for one in tests]), f1_ps, strict=True):
        apart = {
            name: interval_of(
                getattr(scores[second], name) - getattr(scores[first], name),
                drawn[name][:, second] - drawn[name][:, first],
            )
            for name in MEASURES
        }
        found.append(Pair(first, second, apart, test, p, f1_p, _verdict(p, f1_p, len(aligned))))
    return tuple(found)


def _verdict(p: float, f1_p: float, rows: int) -> str:
    if p <= ALPHA:
        return "these two models differ on these rows"
    if f1_p <= ALPHA:
        return f"these two models differ on these rows in macro F1; in right answers none is shown on these {rows} rows"
    return f"no difference is shown on these {rows} rows"


def _group_pairs(groups: Sequence[Group], scores: Sequence[Scores], drawn: dict[str, Floats]) -> tuple[GroupPair, ...]:
    both = list(combinations(range(len(groups)), 2))
    sides = [seeds_in_pairs(groups[first], groups[second]) for first, second in both]
    exact = {name: np.array([getattr(one, name) for one in scores]) for name in MEASURES}
    draws = [
        {name: group_draws(drawn[name], exact[name], one, two, paired=paired) for name in MEASURES}
        for one, two, paired in sides
    ]
    ps = holm([bootstrap_p(one["macro_f1"]) for one in draws])
    found = []
    for (first, second), (one, two, paired), mine, p in zip(both, sides, draws, ps, strict=True):
        apart = {
            name: interval_of(float(exact[name][two].mean() - exact[name][one].mean()), mine[name]) for name in MEASURES
        }
        f1 = exact["macro_f1"]
        over = seed_test(f1[one], f1[two], paired=paired)
        told = _group_verdict(groups[first], groups[second], apart["macro_f1"].value, p)
        found.append(GroupPair(first, second, apart, p, over, told))
    return tuple(found)


def _group_verdict(first: Group, second: Group, value: float, p: float) -> str:
    fewest = min(len(first.seeds), len(second.seeds))
    if fewest < FEWEST_SEEDS:
        return f"{fewest} seeds are too few to say anything of a setting: {FEWEST_SEEDS} of each at least"
    seeds = (
        f"{len(first.seeds)}"
        if len(first.seeds) == len(second.seeds)
        else f"{len(first.seeds)} and {len(second.seeds)}"
    )
    if p > ALPHA:
        return f"no difference between settings {first.letter} and {second.letter} is shown over {seeds} seeds"
    better = second if value > 0 else first
    return f"setting {better.letter} scores higher in macro F1 over {seeds} seeds"


def _group_notes(chosen: Chosen, groups: Sequence[Group]) -> tuple[str, ...]:
    """Which runs are in no group, and what cannot be said of them, where that could be expected."""
    if not groups:
        return ()
    alone = [run.name for at, run in enumerate(chosen.runs) if not any(at in one.members for one in groups)]
    told = []
    if alone:
        told.append(
            f"one seed only: {', '.join(alone)}; nothing can be said of such settings, these are compared as models"
        )
    if len(groups) == 1 and not alone:
        told.append("all runs have the same settings but the seed: what differs between them is chance of training")
    return tuple(told)


def _data_notes(apart: Sequence[Setting], same_data: bool) -> tuple[str, ...]:
    if same_data or any(one.path.startswith("data.") for one in apart):
        return ()
    return ("the settings of the data are the same, but what was read is not: the source changed between the runs",)


def _state_notes(chosen: Chosen) -> tuple[str, ...]:
    """Runs that ended before their settings say, which is a difference that no setting shows."""
    stopped = [run.name for run in chosen.runs if run.state() is RunState.STOPPED]
    return (f"stopped by a person: {', '.join(stopped)}",) if stopped else ()

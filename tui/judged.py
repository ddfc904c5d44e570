"""What the child that judges runs answers, as frozen facts. Texts in them are raw: whoever shows one uses `safe()`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tui.facts import Page, Row

PARTS = ("validation", "test")

FIGURES = ("macro_f1", "accuracy", "weighted_f1")
"""Scores in the order they are shown."""


@dataclass(frozen=True, slots=True)
class Span:
    """A figure with the ends of its 95 % interval; not a number where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about the run: `level` is bad, warn or ok."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class; what cannot be told is not a number. `said`: answers that were this class, none while not known."""

    name: str
    f1: float
    precision: float
    recall: float
    rows: int
    said: int | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What needs no network. `part`: which rows it was scored on."""

    title: str
    part: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of one stretch of probability: how sure on average, and the share that is right."""

    low: float
    high: float
    rows: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the probabilities can be believed, before and after the temperature."""

    temperature: float
    fitted_on: int
    reason: str
    ece: float
    ece_after: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Trade:
    """What a threshold gives: rows that are answered, and the share of them that is right, with its interval."""

    threshold: float
    rows: int
    coverage: float
    right: Span


@dataclass(frozen=True, slots=True)
class Looks:
    """Runs that were scored on this test part, and those whose test rows were looked at."""

    scored: int
    looked: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Overview:
    """One part of a run's rows, judged. `kept`: the threshold that was decided on, 0 for none."""

    part: str
    rows: int
    has_test: bool
    names: tuple[str, ...]
    spans: tuple[Span, ...]
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    baselines: tuple[Beside, ...]
    calibration: Calibration
    steps: tuple[Trade, ...]
    wished: float
    picked: Trade | None
    kept: float
    looks: Looks | None
    told: tuple[Told, ...]


_GRAVE = {"bad": 0, "warn": 1, "ok": 2}
"""The order of levels in which sentences are told."""


def overview_of(answer: dict[str, Any]) -> Overview:
    """The overview in a judging child's answer."""
    thresholds, kept = answer["thresholds"], answer["judgement"]
    told = [Told(str(one["level"]), str(one["text"])) for one in answer["sentences"]]
    picked = thresholds["validation"]
    return Overview(
        part=str(answer["part"]),
        rows=int(answer["rows"]),
        has_test=bool(answer["parts"]["test"]),
        names=tuple(map(str, answer["label_names"])),
        spans=tuple(_span(answer["scores"][key]) for key in FIGURES),
        classes=tuple(_class_of(one) for one in answer["classes"]),
        confusion=tuple(tuple(map(int, row)) for row in answer["confusion"]),
        baselines=tuple(
            Beside(str(one["title"]), str(one["part"]), tuple(Span(float(one[key])) for key in FIGURES))
            for one in answer["baselines"]
        ),
        calibration=_calibration(answer["calibration"]),
        steps=tuple(trade_of(one) for one in thresholds["steps"]),
        wished=float(thresholds["wished"]),
        picked=None if picked is None else trade_of(picked),
        kept=0.0 if kept is None else float(kept["unsure_below"]),
        looks=looks_of(answer["looks"]),
        told=tuple(sorted(told, key=lambda one: _GRAVE.get(one.level, 1))),
    )


def _span(one: dict[str, Any]) -> Span:
    return Span(float(one["value"]), float(one["low"]), float(one["high"]))


def _class_of(one: dict[str, Any]) -> ClassFigures:
    """A ratio of nothing is no figure, though it counts as 0 in the mean."""
    rows, said = int(one["support"]), int(one["said"])
    return ClassFigures(
        str(one["name"]),
        float(one["f1"]) if rows or said else math.nan,
        float(one["precision"]) if said else math.nan,
        float(one["recall"]) if rows else math.nan,
        rows,
        said,
    )


def _calibration(one: dict[str, Any]) -> Calibration:
    before, after = one["before"], one["after"]
    bins = tuple(
        Bin(float(found["low"]), float(found["high"]), int(found["rows"]), float(found["confidence"]),
            float(found["right"]))
        for found in before["bins"] if found["rows"]
    )  # fmt: skip
    return Calibration(
        float(one["temperature"]), int(one["fitted_on"]), str(one["reason"] or ""), float(before["ece"]),
        float(after["ece"]), float(before["brier"]), bins,
    )  # fmt: skip


def trade_of(one: dict[str, Any]) -> Trade:
    """What one threshold gives."""
    right = math.nan if one["accuracy"] is None else float(one["accuracy"])
    span = Span(right, float(one["low"]), float(one["high"])) if one["rows"] else Span(math.nan)
    return Trade(float(one["threshold"]), int(one["rows"]), float(one["coverage"]), span)


def looks_of(one: dict[str, Any] | None) -> Looks | None:
    """How often a test part was used; nothing where none was asked for."""
    return None if one is None else Looks(int(one["scored"]), int(one["looked"]), bool(one.get("counted", True)))


@dataclass(frozen=True, slots=True)
class Judged(Row):
    """A row with what was said about it; its `label` is what it is. `top`: the likeliest classes."""

    said: str = ""
    confidence: float = 0.0
    gold_probability: float = 0.0
    top: tuple[tuple[str, float], ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether what was said is what it is."""
        return self.said == self.label


@dataclass(frozen=True, slots=True)
class Found:
    """A page of judged rows, what there is in the whole part, and how often a test part was looked at."""

    page: Page
    rows: int
    wrong: int
    looks: Looks | None


def found_of(answer: dict[str, Any]) -> Found:
    """The rows in a judging child's answer."""
    rows = tuple(
        Judged(
            int(one["row"]), str(one["text"]), str(one["gold"]), "", str(one["said"]), float(one["confidence"]),
            float(one["gold_probability"]), tuple((str(name), float(share)) for name, share in one["top"]),
        )
        for one in answer["rows"]
    )  # fmt: skip
    page, of = Page(int(answer["start"]), int(answer["total"]), rows), answer["of"]
    return Found(page, int(of["rows"]), int(of["wrong"]), looks_of(answer["looks"]))


@dataclass(frozen=True, slots=True)
class SliceFigures:
    """Scores of one kind of sentences; none without rows, and no difference where there is no rest."""

    key: str
    title: str
    rows: int
    share: float
    says_little: bool
    accuracy: Span | None
    macro_f1: Span | None
    to_the_rest: Span | None


def slices_of(answer: dict[str, Any]) -> tuple[SliceFigures, ...]:
    """The slices in a judging child's answer."""
    found = []
    for one in answer["slices"]:
        scores, rest = one["scores"], one["to_the_rest"]
        spans = [_span(scores[key]) if scores else None for key in ("accuracy", "macro_f1")]
        found.append(
            SliceFigures(
                str(one["key"]), str(one["title"]), int(one["rows"]), float(one["share"]), bool(one["says_little"]),
                spans[0], spans[1], _span(rest["accuracy"]) if rest else None,
            )
        )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Push:
    """`text[start:end]` and by how much the answer's probability falls without it."""

    start: int
    end: int
    text: str
    push: float
    without: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which words pushed an answer. `grouped`: words that were left out together, at most."""

    label: str
    probability: float
    pushes: tuple[Push, ...]
    grouped: int
    truncated: bool


def explanation_of(answer: dict[str, Any]) -> Explanation:
    """The explanation in a judging child's answer."""
    pushes = tuple(
        Push(int(one["start"]), int(one["end"]), str(one["text"]), float(one["push"]), str(one["without"]))
        for one in answer["words"]
    )
    return Explanation(
        str(answer["label"]), float(answer["probability"]), pushes, int(answer["grouped"]), bool(answer["truncated"])
    )

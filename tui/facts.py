"""What children answer, as frozen facts. Texts in them are raw: whoever shows one passes it through `safe()`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Rows of one class, and their share of all rows kept."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the health of the data: `level` is bad, warn or ok; `cure` is a text for `DataConfig.cures`."""

    level: str
    code: str
    text: str
    rows: int
    cure: str


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the texts are, in `unit`s; `histogram` counts 20 equal bins."""

    unit: str
    p50: int
    p95: int
    max: int
    histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about a data set. `read == kept + dropped`; classes come largest first."""

    source: str
    given: str
    columns: tuple[str, ...]
    text: tuple[str, ...]
    label: str
    group: str
    reading: tuple[tuple[str, str, str], ...]
    read: int
    kept: int
    dropped: tuple[tuple[str, int], ...]
    classes: tuple[ClassCount, ...]
    findings: tuple[Finding, ...]
    lengths: Lengths
    majority: tuple[str, float, float] | None
    problem: dict[str, str] | None


def profile_of(answer: dict[str, Any]) -> Profile:
    """The profile in a data child's answer."""
    lengths, majority = answer.get("lengths") or {}, answer.get("majority")
    return Profile(
        source=str(answer["source"]),
        given=str(answer.get("given") or answer["source"]),
        columns=tuple(str(name) for name in answer["columns"]),
        text=tuple(str(name) for name in answer["text"]),
        label=str(answer["label"]),
        group=str(answer.get("group") or ""),
        reading=tuple((str(one["what"]), str(one["value"]), str(one.get("reason", ""))) for one in answer["reading"]),
        read=int(answer["read"]),
        kept=int(answer["kept"]),
        dropped=tuple((str(one["reason"]), int(one["rows"])) for one in answer["dropped"]),
        classes=tuple(ClassCount(str(c["name"]), int(c["rows"]), float(c["share"])) for c in answer["classes"]),
        findings=tuple(
            Finding(str(f["level"]), str(f["code"]), str(f["text"]), int(f["rows"]), str(f.get("cure") or ""))
            for f in answer["findings"]
        ),
        lengths=Lengths(
            str(lengths.get("unit", "words")), int(lengths.get("p50", 0)), int(lengths.get("p95", 0)),
            int(lengths.get("max", 0)), tuple(int(n) for n in lengths.get("histogram", ())),
        ),
        majority=(
            (str(majority["name"]), float(majority["accuracy"]), float(majority["macro_f1"])) if majority else None
        ),
        problem=answer.get("problem"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the source, numbered from 1 as the file counts."""

    number: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows to show: those that hold `words`, of class `label`, behind the finding `code`. Empty: all."""

    words: str = ""
    label: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `start` (from 0) onwards of the `total` that a query finds."""

    start: int
    total: int
    rows: tuple[Row, ...]


def page_of(answer: dict[str, Any], start: int) -> Page:
    """The page in a data child's answer."""
    rows = tuple(Row(int(row["row"]), str(row["text"]), str(row["label"])) for row in answer["rows"])
    return Page(start, int(answer["total"]), rows)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows per class in each part, in the order of the label names."""

    label_names: tuple[str, ...]
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


def split_of(answer: dict[str, Any]) -> Split:
    """The split in a data child's answer."""
    parts = (tuple(int(n) for n in answer[part]) for part in ("train", "validation", "test"))
    return Split(tuple(str(name) for name in answer["label_names"]), *parts)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says about one text: (class, probability) in the model's order, and how it was answered."""

    text: str
    probabilities: tuple[tuple[str, float], ...]
    milliseconds: float
    engine: str
    reason: str
    truncated: bool

    @property
    def best(self) -> tuple[str, float]:
        """The most probable class and its probability."""
        return max(self.probabilities, key=lambda pair: pair[1])


def answer_of(answer: dict[str, Any], text: str) -> Answer:
    """The answer for the one text that was asked."""
    names = [str(name) for name in answer["label_names"]]
    values = [float(p) for p in answer["probabilities"][0]]
    return Answer(
        text, tuple(zip(names, values, strict=True)), float(answer["milliseconds"]), str(answer["engine"]),
        str(answer.get("reason", "")), bool(answer["truncated"][0]),
    )  # fmt: skip

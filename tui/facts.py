"""What children answer, as frozen facts. Texts in them are raw: whoever shows one passes it through `safe()`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ClassCount:
    """Rows of one class, and their share of all rows kept."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the health of the data: `level` is bad, warn or ok.

    What mends it is `cure`, a text for `DataConfig.cures`, or `settings`, values by `section.name`; or nothing does.
    """

    level: str
    code: str
    text: str
    rows: int
    cure: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def _finding_of(one: dict[str, Any]) -> Finding:
    cure, settings = str(one.get("cure") or ""), dict(one.get("settings") or {})
    return Finding(str(one["level"]), str(one["code"]), str(one["text"]), int(one["rows"]), cure, settings)


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the texts are, in `unit`s; `histogram` counts 20 equal bins.

    `truncated`: the share of them that is longer than `limit`; none while that is not known.
    """

    unit: str
    p50: int
    p95: int
    max: int
    histogram: tuple[int, ...]
    limit: int = 0
    truncated: float | None = None


def _lengths_of(one: dict[str, Any]) -> Lengths:
    truncated = one.get("truncated_share")
    return Lengths(
        str(one.get("unit", "words")), int(one.get("p50", 0)), int(one.get("p95", 0)), int(one.get("max", 0)),
        tuple(int(n) for n in one.get("histogram", ())), int(one.get("max_length") or 0),
        None if truncated is None else float(truncated),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a source that has several; `part` is train, validation, test or empty."""

    name: str
    part: str
    read: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known about a data set. `read == kept + dropped`; classes come largest first."""

    source: str
    given: str
    columns: tuple[str, ...]
    text: tuple[str, ...]
    label: str
    group: str
    time: str
    members: tuple[Member, ...]
    reading: tuple[tuple[str, str, str], ...]
    read: int
    kept: int
    dropped: tuple[tuple[str, int], ...]
    cures: tuple[tuple[str, int], ...]
    classes: tuple[ClassCount, ...]
    findings: tuple[Finding, ...]
    lengths: Lengths
    majority: tuple[str, float, float] | None
    problem: dict[str, str] | None


def profile_of(answer: dict[str, Any]) -> Profile:
    """The profile in a data child's answer."""
    majority = answer.get("majority")
    return Profile(
        source=str(answer["source"]),
        given=str(answer.get("given") or answer["source"]),
        columns=tuple(str(name) for name in answer["columns"]),
        text=tuple(str(name) for name in answer["text"]),
        label=str(answer["label"]),
        group=str(answer.get("group") or ""),
        time=str(answer.get("time") or ""),
        members=tuple(Member(str(m["name"]), str(m["part"]), int(m["read"])) for m in answer.get("members") or ()),
        reading=tuple((str(one["what"]), str(one["value"]), str(one.get("reason", ""))) for one in answer["reading"]),
        read=int(answer["read"]),
        kept=int(answer["kept"]),
        dropped=tuple((str(one["reason"]), int(one["rows"])) for one in answer["dropped"]),
        cures=tuple((str(one["cure"]), int(one["rows"])) for one in answer.get("cures") or ()),
        classes=tuple(ClassCount(str(c["name"]), int(c["rows"]), float(c["share"])) for c in answer["classes"]),
        findings=tuple(_finding_of(one) for one in answer["findings"]),
        lengths=_lengths_of(answer.get("lengths") or {}),
        majority=(
            (str(majority["name"]), float(majority["accuracy"]), float(majority["macro_f1"])) if majority else None
        ),
        problem=answer.get("problem"),
    )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is reached without a network on this split's validation rows: accuracy and macro F1 of each."""

    majority: tuple[float, float]
    tfidf: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check of the data found, and those figures of it that there are."""

    findings: tuple[Finding, ...] = ()
    lengths: Lengths | None = None
    unavailable: str = ""
    """Why there are no token lengths."""
    baseline: Baseline | None = None


def examined_of(answer: dict[str, Any]) -> Examined:
    """What a check found, in a data child's answer."""
    facts = answer.get("facts") or {}
    scores = [facts.get("majority"), facts.get("tfidf")]
    majority, tfidf = ((float(one["accuracy"]), float(one["macro_f1"])) if one else None for one in scores)
    return Examined(
        tuple(_finding_of(one) for one in answer["findings"]),
        _lengths_of(facts) if facts.get("unit") else None,
        str(facts.get("unavailable") or ""),
        Baseline(majority, tfidf) if majority else None,
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """A cleaning rule that a cure may name. `needs`: it means nothing without an argument, such as `example`."""

    name: str
    shape: str
    sentence: str
    needs: bool
    example: str


def rules_of(answer: dict[str, Any]) -> list[Rule]:
    """The rules in a data child's answer."""
    return [
        Rule(str(one["name"]), str(one["shape"]), str(one["sentence"]), bool(one["argument"]), str(one["example"]))
        for one in answer["rules"]
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the source, numbered from 1 as its file counts; `file` only where there are several."""

    number: int
    text: str
    label: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows to show: those that hold `words`, of class `label`, behind the finding or cure `code`. Empty: all."""

    words: str = ""
    label: str = ""
    code: str = ""
    is_cure: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `start` (from 0) onwards of the `total` that a query finds."""

    start: int
    total: int
    rows: tuple[Row, ...]


def page_of(answer: dict[str, Any], start: int) -> Page:
    """The page in a data child's answer."""
    rows = tuple(
        Row(int(row["row"]), str(row["text"]), str(row["label"]), str(row.get("file") or "")) for row in answer["rows"]
    )
    return Page(start, int(answer["total"]), rows)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows per class in each part, in the order of the label names; how they were dealt, and why so."""

    label_names: tuple[str, ...]
    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    method: str = ""
    reason: str = ""
    left_out: int = 0


def split_of(answer: dict[str, Any]) -> Split:
    """The split in a data child's answer."""
    train, validation, test = (tuple(int(n) for n in answer[part]) for part in ("train", "validation", "test"))
    method, reason = str(answer.get("method") or ""), str(answer.get("reason") or "")
    names = tuple(str(name) for name in answer["label_names"])
    return Split(names, train, validation, test, method, reason, int(answer.get("left_out") or 0))


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

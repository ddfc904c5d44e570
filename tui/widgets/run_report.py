"""What an opened run shows, read from its folder into facts, and its lines. Nothing here is trusted to be present."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from core.config import differing
from core.errors import RunError
from core.runs import History, Run, RunState, read_history
from core.runs import epochs as rooms
from core.runs.absence import why_gone
from core.runs.checklist import tally_text
from core.runs.epochs import EpochRow, epoch_rows
from core.runs.resume import outlook
from core.text import safe
from tui import format as fmt
from tui.judged import ClassFigures
from tui.widgets.canvas import Line, flow, line
from tui.widgets.run_ending import Left, left_of, scored_by
from tui.widgets.run_facts import Card, card_of

PREDICTIONS = "predictions.parquet"
"""What a run said about its held-out rows: without it there is nothing to judge more closely."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of validation rows, `[gold][predicted]`."""

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """The headline scores on one part."""

    macro_f1: float
    weighted_f1: float
    accuracy: float
    rows: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not at its default."""

    path: str
    value: str
    default: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run, as far as its folder tells."""

    card: Card
    path: str
    state: RunState
    history: History
    validation: Figure | None = None
    test: Figure | None = None
    runs_scored: int = 0
    classes: tuple[ClassFigures, ...] = ()
    confusion: Confusion | None = None
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    left: Left = field(default_factory=Left)
    why: str = ""
    """Why it was interrupted, where that is known."""
    parent: str = ""
    epochs: tuple[EpochRow, ...] = ()
    has_predictions: bool = False


def read_report(run: Run) -> Report:
    """Everything about a run. What is missing or damaged stays empty and is named in `problem`."""
    problems: list[str] = []
    metrics: dict[str, Any] = {}
    differences: tuple[Difference, ...] = ()
    try:
        metrics = run.read_json("metrics.json")
    except RunError as broken:
        problems.append(str(broken))
    try:
        differences = tuple(Difference(path, _value(now), _value(default))
                            for path, now, default in differing(run.config()))  # fmt: skip
    except RunError as broken:
        problems.append(str(broken))
    history = read_history(run)
    validation, test = _table(metrics, "validation"), _table(metrics, "test")
    figure = _figure(validation) if validation else _figure_of_history(history)
    card, state = card_of(run), run.state()
    found = None if state.is_live else outlook(run, state, history.end)
    return Report(
        card, str(run.path), state, history, figure, _figure(test) if test else None,
        _count(test.get("runs_scored")), _classes(validation, history), _confusion(metrics, validation), differences,
        "\n".join(problems), left_of(card, history, found),
        why_gone(run, history) if state is RunState.INTERRUPTED else "", str(run.notes().get("parent", "")),
        tuple(epoch_rows(history, rooms.kept(run.path))), (run.path / PREDICTIONS).is_file(),
    )  # fmt: skip


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _table(tree: dict[str, Any], key: str) -> dict[str, Any]:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _figure(part: dict[str, Any]) -> Figure:
    return Figure(
        _float(part.get("macro_f1")),
        _float(part.get("weighted_f1")),
        _float(part.get("accuracy")),
        _count(part.get("rows")),
    )


def _figure_of_history(history: History) -> Figure | None:
    at = history.best or (history.full_evals[-1] if history.full_evals else None)
    if at is None:
        return None
    return Figure(at.scores.macro_f1, at.scores.weighted_f1, at.scores.accuracy, at.scores.rows)


def _classes(part: dict[str, Any], history: History) -> tuple[ClassFigures, ...]:
    f1 = _table(part, "class_f1")
    if not f1 and history.best is not None and history.data is not None:
        f1 = dict(zip(history.data.label_names, history.best.scores.class_f1, strict=False))
    precision, recall, support = (_table(part, key) for key in ("class_precision", "class_recall", "support"))
    return tuple(
        ClassFigures(
            str(name), _float(value), _float(precision.get(name)), _float(recall.get(name)), _count(support.get(name))
        )
        for name, value in f1.items()
    )


def _confusion(metrics: dict[str, Any], part: dict[str, Any]) -> Confusion | None:
    names, counts = metrics.get("label_names"), part.get("confusion")
    if not isinstance(names, list) or not isinstance(counts, list) or len(counts) != len(names):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in counts):
        return None
    return Confusion(tuple(map(str, names)), tuple(tuple(_count(cell) for cell in row) for row in counts))


# As lines


def headline(report: Report, width: int) -> list[Line]:
    """Scores on validation, and on the test part with how often that was looked at; what else the folder says."""
    return [*scores(report, width), *origin(report)]


def scores(report: Report, width: int) -> list[Line]:
    """Scores on validation and on the test part."""
    parts = [_figure_line("validation", report.validation)] if report.validation else []
    if report.test is not None:
        parts.append(_figure_line("test", report.test))
        if report.runs_scored:
            parts.append(line((scored_by(report.runs_scored), "muted")))
    elif report.state in (RunState.FINISHED, RunState.STOPPED):
        parts.append(line(("test: not scored", "muted")))
    if (asked := report.history.checklist) is not None:
        told = tally_text(asked.passed, asked.failed, asked.unknown)
        parts.append(line("checklist: ", (told, "warn" if asked.failed or asked.unknown else "")))
    return flow(parts, width)


def origin(report: Report) -> list[Line]:
    """Whose weights it began with, and what is wrong with its folder."""
    lines: list[Line] = []
    if report.parent:
        lines.append(
            line(("after ", "muted"), (safe(report.parent), "strong"), (", with whose weights it began", "muted"))
        )
    return [*lines, *(line(("! ", "warn"), text) for text in report.problem.splitlines())]


def _figure_line(name: str, figure: Figure) -> Line:
    rest = f" · weighted {fmt.score(figure.weighted_f1)} · accuracy {fmt.score(figure.accuracy)}"
    rows = f" · {fmt.count(figure.rows)} rows" if figure.rows else ""
    return line(f"{name}: macro F1 ", (fmt.score(figure.macro_f1), "strong"), rest, (rows, "muted"))


def worst_first(classes: tuple[ClassFigures, ...]) -> tuple[ClassFigures, ...]:
    """The lowest F1 first, of equal ones the rarest class; those without rows and answers last."""
    return tuple(sorted(classes, key=lambda row: (row.f1 if math.isfinite(row.f1) else 2.0, row.rows)))


def class_table(classes: tuple[ClassFigures, ...], width: int) -> list[Line]:
    """Titles, then a row per class: F1 with a bar, precision, recall, rows, answers; the worst marked."""
    if not classes:
        return []
    is_whole = any(math.isfinite(row.precision) or math.isfinite(row.recall) for row in classes)  # F1 alone in training
    is_judged = any(row.said is not None for row in classes)
    figures = 13 + 25 * is_whole + 8 * is_judged
    name_width = min(max([5, *(fmt.width_of(safe(row.name)) for row in classes)]), max(width - figures, 12))
    worst = min(classes, key=lambda row: row.f1 if math.isfinite(row.f1) else 2.0)
    bar_width = min(max(width - name_width - figures, 0), 30)
    rest = (" precision  recall    rows" if is_whole else "") + ("    said" if is_judged else "")
    titles = f"{fmt.cell('class', name_width)}      F1 {' ' * bar_width}{rest}"
    lines = [line((titles, "muted"))]
    for row in classes:
        is_worst = row is worst and len(classes) > 1
        lines.append(
            line(
                fmt.cell(safe(row.name), name_width),
                (f"   {fmt.score(row.f1):>5}", "warn" if is_worst else "strong"),
                ("▼" if is_worst else " ", "warn"),
                (fmt.bar(row.f1, bar_width), "one"),
                f"   {fmt.score(row.precision):>7} {fmt.score(row.recall):>7} {fmt.count(row.rows):>7}"
                if is_whole
                else "",
                f" {fmt.count(row.said or 0):>7}" if is_judged else "",
            )
        )
    return lines


def difference_lines(differences: tuple[Difference, ...], width: int) -> list[Line]:
    """Settings that differ from the defaults."""
    if not differences:
        return [line(("every setting at its default", "muted"))]
    parts = [
        line(one.path.split(".")[1].replace("_", " "), " ", (fmt.fit(safe(one.value), 40), "strong"),
             (f" (default {fmt.fit(safe(one.default), 24)})", "muted"))
        for one in differences
    ]  # fmt: skip
    return flow(parts, width)

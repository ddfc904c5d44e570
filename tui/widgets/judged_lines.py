"""A judged run as lines of text: what is said of it first, scores with intervals, how far it can be believed."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from core.errors import WorkbenchError
from core.text import safe
from tui import format as fmt
from tui.advice import here
from tui.judged import Beside, Looks, Overview, Span, Told, Trade
from tui.widgets.canvas import Line, line
from tui.widgets.run_report import Figure

_SIGNS = {"bad": ("✗", "bad"), "warn": ("!", "warn"), "ok": ("✓", "good")}
_TITLES = ("macro F1", "accuracy", "weighted F1")

FEW = 30
"""Answered rows below which their accuracy says little."""


def told(sentences: Sequence[Told], width: int) -> list[Line]:
    """The sentences, each with its sign; what is bad is bold."""
    lines: list[Line] = []
    for one in sentences:
        sign, tone = _SIGNS.get(one.level, ("·", "muted"))
        parts = textwrap.wrap(safe(one.text), max(width - 2, 20), break_on_hyphens=False)
        for at, part in enumerate(parts):
            lines.append(line((f"{sign} " if at == 0 else "  ", tone), (part, "strong" if one.level == "bad" else "")))
    return lines


def span_text(span: Span) -> str:
    """`.145 .140–.151`: a figure, and its interval where there is one."""
    if not math.isfinite(span.low):
        return fmt.score(span.value)
    return f"{fmt.score(span.value)} {fmt.score(span.low)}–{fmt.score(span.high)}"


def score_table(found: Overview, other: Figure | None, runs_scored: int, width: int) -> list[Line]:
    """A line for the part with its intervals, one for the other part (figures only), one for each baseline."""
    other_part = "test" if found.part == "validation" else "validation"
    rows = [(found.part, found.spans, found.rows, "strong")]
    if other is not None:
        spans = tuple(map(Span, (other.macro_f1, other.accuracy, other.weighted_f1)))
        rows.append((other_part, spans, other.rows, ""))
    rows += [(_beside(one, found.part), one.spans, 0, "muted") for one in found.baselines]
    cells = [[span_text(span) for span in spans] for _, spans, _, _ in rows]
    widths = [
        max(map(fmt.width_of, [title, *column]))
        for title, column in zip(_TITLES, zip(*cells, strict=True), strict=True)
    ]
    first = max(min(max(fmt.width_of(name) for name, *_ in rows), width - sum(widths) - 6 - 8), len("95 % intervals"))
    heads = "".join(f"  {fmt.cell(title, size)}" for title, size in zip(_TITLES, widths, strict=True))
    lines = [line((fmt.cell("95 % intervals", first) + heads + "    rows", "muted"))]
    for (name, _, count, tone), values in zip(rows, cells, strict=True):
        texts = "".join(f"  {fmt.cell(text, size)}" for text, size in zip(values, widths, strict=True))
        lines.append(
            line((fmt.cell(name, first), tone), (texts, tone), (f"{fmt.count(count):>8}" if count else "", "muted"))
        )
    looks = found.looks or (Looks(runs_scored, 0) if runs_scored else None)
    return [*lines, *looks_lines(looks)]


def _beside(one: Beside, part: str) -> str:
    short = one.title.replace("always the largest class", "largest class").replace(
        "TF-IDF + logistic regression", "TF-IDF"
    )
    return short if one.part == part else f"{short}, {one.part}"


def looks_lines(looks: Looks | None) -> list[Line]:
    """How often the test part was used to choose by."""
    if looks is None:
        return []
    scored, looked = (f"{count} run{'s' * (count != 1)}" for count in (looks.scored, looks.looked))
    lines = [line((f"this test part has been scored by {scored} and looked at for {looked}", "muted"))]
    if not looks.counted:
        lines.append(line(("! ", "warn"), "this look could not be counted: the run's folder cannot be written to"))
    return lines


def failure(error: WorkbenchError, width: int) -> list[Line]:
    """Why there is no answer, in place."""
    lines = [line((f"✗ {error.title}", "bad"))]
    for text in filter(None, (error.message, here(error.next_step))):
        lines += [line(f"  {part}") for part in textwrap.wrap(safe(text), max(width - 2, 20))[:3]]
    return lines


# Calibration


def calibration(found: Overview, width: int) -> list[Line]:
    """A bar per stretch of probability: how many of its answers are right, and a mark where they would be as said."""
    one = found.calibration
    room = min(max(width - 36, 10), 60)
    lines = [line((f"{'said':<13}{'rows':>7}{'mean':>7}{'right':>7}  right, and | as said", "muted"))]
    for each in one.bins:
        figures = f"{fmt.count(each.rows):>7}{fmt.score(each.confidence):>7}{fmt.score(each.right):>7}  "
        at = min(round(each.confidence * room), room - 1)
        drawn = fmt.bar(each.right, room)
        span = f"{fmt.score(each.low) if each.low else '0':>4} to {fmt.score(each.high)}"
        lines.append(line(f"{span:<13}", figures, (drawn[:at], "one"), ("|", "strong"), (drawn[at + 1 :], "one")))
    text = f"ECE {fmt.score(one.ece)} · Brier {fmt.score(one.brier)} · "
    text += f"temperature {one.temperature:.2f}, fitted on {fmt.count(one.fitted_on)} validation rows"
    if one.reason:
        text += f": {one.reason}"
    elif one.temperature != 1:
        text += f", makes ECE {fmt.score(one.ece_after)}"
    return [*lines, *(line(part) for part in textwrap.wrap(safe(text), max(width, 20)))]


# The threshold


def threshold(found: Overview, value: float, now: Trade | None, is_kept: bool, problem: str, width: int) -> list[Line]:
    """What `value` gives (`now`; none while that is asked for), what other thresholds give, and which one to take."""
    head = "unsure below " if value else "every answer is given"
    state = "kept" if is_kept else "not kept yet"
    lines = [line(head, (_fine(value) if value else "", "strong"), (f" · {state}" if value else "", "muted"),
                  *([(" · ", "muted"), *_trade(now, found.rows)] if now else [(" · …", "muted")]))]  # fmt: skip
    lines += _steps(found.steps, width)
    lines += [line((part, "muted")) for part in textwrap.wrap(_wish(found), max(width, 20))]
    return [*lines, *([line(("✗ ", "bad"), problem)] if problem else [])]


def _fine(value: float) -> str:
    return f"{value:.4f}".rstrip("0").removeprefix("0") if 0 < value < 1 else f"{value:.0f}"


def _trade(one: Trade, rows: int) -> list[tuple[str, str]]:
    if not one.rows:
        return [("answers no row", "warn")]
    few = " (few rows say little)" if one.rows < FEW else ""
    return [(f"answers {one.coverage * 100:.1f} %", ""), (f" ({fmt.count(one.rows)} of {fmt.count(rows)})", "muted"),
            (", right ", ""), (span_text(one.right), "strong"), (few, "warn")]  # fmt: skip


def _steps(steps: Sequence[Trade], width: int) -> list[Line]:
    """Thresholds as columns: what is answered, and how much of that is right."""
    fitting = max((width - 10) // 7, 1)
    shown = [*steps[: fitting - 1], *steps[-1:]] if len(steps) > fitting else list(steps)

    def row(title: str, texts: list[str]) -> Line:
        return line((f"{title:<10}", "muted"), "".join(f"{text:>7}" for text in texts))

    return [
        row("below", [_fine(one.threshold) for one in shown]),
        row("answered", [fmt.share(one.coverage) for one in shown]),
        row("right", [fmt.score(one.right.value) for one in shown]),
    ]


def _wish(found: Overview) -> str:
    wish, picked = f"{found.wished * 100:.0f} %", found.picked
    if picked is None:
        return f"no threshold brings the answered validation rows to {wish} right"
    if picked.threshold == 0:
        return f"{wish} right is reached without a threshold"
    return (
        f"{wish} right on validation: below {_fine(picked.threshold)}, which answers {picked.coverage * 100:.1f} %; "
        "picked on those rows, which flatters a little"
    )

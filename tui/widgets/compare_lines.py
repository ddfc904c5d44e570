"""A comparison as lines: verdicts, doors, scores, settings, differences. Pure functions, no widget."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from core.text import safe
from tui import format as fmt
from tui.compared import Comparison, Pair, Side, p_text
from tui.judged import Span
from tui.widgets.canvas import Line, clip, line
from tui.widgets.compared_curves import LOOKS
from tui.widgets.door_list import Door

MEASURES = ("macro F1", "accuracy", "weighted F1")
SIDE_BY_SIDE = 3
"""Sides whose settings have columns; those of more are listed by value."""


def heading(found: Comparison | None, part: str, width: int) -> Line:
    """What is compared, and on which rows; of a test part how often it was used."""
    back = line(("‹ esc  ", "muted"))
    if found is None:
        return clip([*back, *line(("comparison", "strong"), f" on {part}")], width)
    runs = f"{len(found.runs)} runs" + (f" in {len(found.sides)} settings" if any_group(found) else "")
    text = f" on {fmt.count(found.rows)} {found.part} row{'s' * (found.rows != 1)}"
    used = f" · scored by {_runs(found.runs_scored)}, looked at for {_runs(found.runs_looked)}"
    return clip([*back, *line((runs, "strong"), text, (used if found.part == "test" else "", "muted"))], width)


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"


def any_group(found: Comparison) -> bool:
    """Whether some of the runs stand together as one setting over seeds."""
    return any(side.is_group for side in found.sides)


def verdicts(found: Comparison, best: int, width: int) -> list[Line]:
    """What can be said, in words. `best`: the run that the others are held against."""
    if found.group_pairs:
        told = [_sentence(one.verdict) for one in found.group_pairs]
    elif len(found.pairs) == 1:
        told = [_sentence(found.pairs[0].verdict)]
    else:
        told = _beside_best(found, best)
    lines = [line((part, "strong")) for one in told for part in textwrap.wrap(one, max(width, 20))]
    if found.differs_first:
        lines += _wrapped(f"Not the same in all: {found.differs_first}.", width, "warn")
    for text in (*(f"{safe(name)} is left out: {why}." for name, why in found.left_out), *found.notes):
        lines += _wrapped(text.rstrip(".") + ".", width, "warn", "! ")
    return lines


def _beside_best(found: Comparison, best: int) -> list[str]:
    groups: dict[str, list[str]] = {"differ": [], "f1": [], "none": []}
    for at, label in enumerate(found.labels):
        if at != best:
            pair = found.between(best, at)
            groups["differ" if pair.differs else "f1" if pair.f1_differs else "none"].append(label)
    told = [f"{found.labels[best]} has the highest macro F1."]
    if groups["differ"]:
        told.append(f"Differ from it on these rows: {', '.join(groups['differ'])}.")
    if groups["f1"]:
        told.append(f"Differ from it in macro F1 alone: {', '.join(groups['f1'])}.")
    if groups["none"]:
        told.append(f"No difference is shown on these {found.rows} rows: {', '.join(groups['none'])}.")
    return [" ".join(told)]


def _sentence(text: str) -> str:
    return f"{safe(text[:1].upper() + text[1:])}."


def _wrapped(text: str, width: int, tone: str, sign: str = "") -> list[Line]:
    parts = textwrap.wrap(safe(text), max(width - len(sign), 20))
    return [line((sign if at == 0 else " " * len(sign), tone), part) for at, part in enumerate(parts)]


# Doors


def doors(found: Comparison, best: int, is_whole: bool) -> list[Door]:
    """The rows of two runs; of more the best against each, or every pair (`is_whole`)."""
    if len(found.pairs) == 1:
        return _row_doors(found, found.pairs[0])
    near = [] if found.group_pairs else [one for one in found.pairs if best in (one.first, one.second)]
    shown = list(found.pairs) if is_whole else near
    rows = [_pair_door(found, one, best) for one in shown]
    if shown:
        wide = max(len(one.cells) for one in rows)
        name = max(fmt.width_of(label) for label in found.labels) * 2 + 3
        title = f"  {fmt.cell('pair', name)}  macro F1 [95 % interval]   {'p':<9}fixed broken"
        rows.insert(0, Door("", line((title[:wide], "muted"))))
    hidden = len(found.pairs) - len(near)
    if hidden:
        kind = "pairs of single models" if found.group_pairs else "pairs"
        text = f"  show only {len(near)} of the {kind}" if is_whole and near else f"  all {len(found.pairs)} {kind}"
        if is_whole and not near:
            text = f"  hide the {len(found.pairs)} {kind}"
        rows.append(Door("all", line((text, "accent"))))
    return rows


def _row_doors(found: Comparison, pair: Pair) -> list[Door]:
    first, second = (found.labels[at] for at in (pair.first, pair.second))
    told = [("fixed", pair.fixed, f"only {second} is right"), ("broken", pair.broken, f"only {first} is right")]
    return [
        Door(what, line("  ", (f"{what} {fmt.count(count)}", "strong"), (f"  {why}", "muted")), pair.first, pair.second)
        for what, count, why in told
    ]


def _pair_door(found: Comparison, pair: Pair, best: int) -> Door:
    labels = found.labels
    name = max(fmt.width_of(label) for label in labels) * 2 + 3
    sides = f"{labels[pair.second]} − {labels[pair.first]}" if fmt.unicode_terminal() else (
        f"{labels[pair.second]} - {labels[pair.first]}")  # fmt: skip
    said = "differ" if pair.differs else "differ in F1" if pair.f1_differs else "not shown"
    cells = line(
        f"  {fmt.cell(sides, name)}  ", (f"{_signed(pair.spans[0].value)}", "strong"),
        f" [{_signed(pair.spans[0].low)}, {_signed(pair.spans[0].high)}]   {p_text(pair.p):<9}"
        f"{fmt.count(pair.fixed):>5} {fmt.count(pair.broken):>6}  ", (said, "strong" if pair.differs else "muted"),
    )  # fmt: skip
    return Door("pair", cells, pair.first, pair.second)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1) if math.isfinite(value) else fmt.UNKNOWN


# Blocks


def score_table(found: Comparison, width: int) -> list[Line]:
    """A line per side with its letter and stroke; of a group the mean and the deviation between its runs."""
    column = 12 if any_group(found) else 9
    room = max(width - 6 - 3 * column, 12)
    lines = [
        line(
            (
                f"{'':6}{fmt.cell('run', room)}"
                + "".join(
                    f"{name.replace(' F1', '') if name == 'weighted F1' else name:>{column}}" for name in MEASURES
                ),
                "muted",
            )
        )
    ]
    for at, side in enumerate(found.sides):
        tone, is_dotted = LOOKS[at % len(LOOKS)]
        stroke = ("┈┈" if is_dotted else "──") if fmt.unicode_terminal() else ("''" if is_dotted else "..")
        figures = "".join(f"{_mean(found, side, number):>{column}}" for number in range(len(MEASURES)))
        lines.append(
            line((side.letter, "strong"), " ", (stroke, tone), "  ", fmt.cell(_names(found, side), room), figures)
        )
    return lines


def _names(found: Comparison, side: Side) -> str:
    names = [safe(found.runs[at].name) for at in side.members]
    return f"{len(names)} seeds: {', '.join(names)}" if side.is_group else names[0]


def _mean(found: Comparison, side: Side, figure: int) -> str:
    mean, deviation = found.mean(side, figure)
    sign = "±" if fmt.unicode_terminal() else "+-"
    return f"{fmt.score(mean)} {sign} {fmt.score(deviation)}" if side.is_group else fmt.score(mean)


def settings(found: Comparison, width: int) -> list[Line]:
    """Only the settings that differ: a column per side, or, of many sides, the sides of each value."""
    if not found.settings:
        return [line(("all settings are the same", "muted"))]
    values = [(path, [_value(value, side) for side in found.sides]) for path, value in found.settings]
    first = min(max(len(path) for path, _ in values), 30)
    if len(found.sides) > SIDE_BY_SIDE:
        return [one for path, each in values for one in _by_value(found, path, each, width)]
    column = max((width - first) // len(found.sides) - 2, 8)
    head = "".join(f"  {fmt.cell(side.letter, column)}" for side in found.sides)
    rows = [line((f"{'':{first}}{head}", "muted"))]
    for path, each in values:
        cells = "".join(f"  {fmt.cell(fmt.fit(one, column, keep_end=True), column)}" for one in each)
        rows.append(line(fmt.cell(path, first), (cells, "strong")))
    return rows


def _value(values: tuple[Any, ...], side: Side) -> str:
    return ", ".join(dict.fromkeys(_text(values[at]) for at in side.members))


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return safe(" + ".join(map(str, value))) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else safe(str(value)) or "none"


def _by_value(found: Comparison, path: str, each: list[str], width: int) -> list[Line]:
    letters: dict[str, list[str]] = {}
    for side, value in zip(found.sides, each, strict=True):
        letters.setdefault(fmt.fit(value, 40, keep_end=True), []).append(side.letter)
    told = " · ".join(f"{value}: {' '.join(who)}" for value, who in letters.items())
    parts = textwrap.wrap(f"{path}  {told}", max(width, 20), subsequent_indent="    ", break_on_hyphens=False)
    return [line(part) for part in parts]


def differences(found: Comparison, width: int) -> list[Line]:
    """Each measure with its interval: of two runs, and of each pair of settings over seeds. Empty for pairs of many."""
    lines: list[Line] = []
    for one in found.group_pairs:
        first, second = (found.groups[at] for at in (one.first, one.second))
        tests = (p_text(one.p), "", "")
        lines += _difference(f"setting {second} less {first}, rows and seeds drawn", one.spans, tests)
        lines += _wrapped(one.over, width, "muted") if one.over else []
    if len(found.pairs) == 1:
        pair = found.pairs[0]
        title = f"{found.labels[pair.second]} less {found.labels[pair.first]}"
        lines += _difference(title, pair.spans, (p_text(pair.f1_p), f"{p_text(pair.p)}, McNemar", ""))
    elif found.pairs and not found.group_pairs:
        text = "p: McNemar's test of right answers, corrected for the number of pairs (Holm). enter on a pair opens it."
        lines += _wrapped(text, width, "muted")
    return lines


def _difference(title: str, spans: tuple[Span, ...], tests: tuple[str, ...]) -> list[Line]:
    lines = [line((f"{title}", "muted"))]
    for name, span, test in zip(MEASURES, spans, tests, strict=True):
        interval = f"  {_signed(span.low)} to {_signed(span.high)}"
        lines.append(
            line(f"  {name:<12} ", (f"{_signed(span.value):>6}", "strong"), f"{interval:<18}", (f"  {test}", "muted"))
        )
    return lines

"""A judged run as text within 80 columns: scores, classes, confusions, reliability, thresholds, mistakes, slices."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from core.cli.console import bar, table
from core.text import safe, shorten

WIDTH = 80
NAME = 14
"""Letters of a class name at the beginning of a line."""

NARROWEST = 4
"""Columns of a cell of the matrix, at least: classes of which more would not fit are listed by what is confused."""

PAIRS = 10
FEW = 30
"""Answered rows below which their accuracy says little."""

_BAR = 30
_CORNER = "true \\ said"
_SMALL = 0.05
"""Fall of a probability that is none to speak of."""

_MARKS = {"bad": "✗", "warn": "!", "ok": "✓"}


def overview_text(found: dict[str, Any], *, shares: bool = False) -> str:
    """Everything `finetui judge` prints. `shares`: the matrix as shares of each true class."""
    blocks = [
        [f"{safe(found['run'])}  {found['part']}, {found['rows']} rows"],
        _sentences(found),
        _scores(found),
        _classes(found),
        _confusion(found, shares=shares),
        _reliability(found),
        _thresholds(found),
        looks_lines(found["looks"]),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def looks_lines(looks: dict[str, Any] | None) -> list[str]:
    """How many runs were scored on the test part, and for how many somebody looked at its rows."""
    if looks is None:
        return []
    scored, looked = looks["scored"], looks["looked"]
    scorers, seen = (f"{count} run{'s' * (count != 1)}" for count in (scored, looked))
    lines = [f"This test part has been scored by {scorers} and looked at for {seen}."]
    if looks.get("counted") is False:
        lines.append("This look could not be counted: the run's folder cannot be written to.")
    return lines


def _sentences(found: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for one in found["sentences"]:
        lines += _wrapped(f"{_MARKS[one['level']]} ", safe(one["text"]))
    return lines


def _wrapped(first: str, text: str, most: int = 0) -> list[str]:
    """`text` in lines of the width, `first` before it; of more than `most` lines (0: any number) the last ends in …."""
    lines = textwrap.wrap(text, WIDTH - len(first), break_on_hyphens=False) or [""]
    if most and len(lines) > most:
        lines = [*lines[: most - 1], shorten(f"{lines[most - 1]} …", WIDTH - len(first))]
    return [(first if at == 0 else " " * len(first)) + line for at, line in enumerate(lines)]


def _scores(found: dict[str, Any]) -> list[str]:
    keys = ("macro_f1", "accuracy", "weighted_f1")
    rows = [["", "macro F1", "accuracy", "weighted F1"]]
    for one in found["baselines"]:
        rows.append([f"{one['title']}, {one['part']}", *(f"{one[key]:.3f}" for key in keys)])
    spans = [found["scores"][key] for key in keys]
    rows.append([f"this model, {found['part']}", *(f"{one['value']:.3f}" for one in spans)])
    rows.append(["  95 % interval", *(f"{one['low']:.3f}-{one['high']:.3f}" for one in spans)])
    return table(rows, frozenset({1, 2, 3})).splitlines()


def _classes(found: dict[str, Any]) -> list[str]:
    rows = [["class", "F1", "precision", "recall", "rows", "said", ""]]
    for one in found["classes"]:
        figures = [f"{one['f1']:.3f}", f"{one['precision']:.3f}", f"{one['recall']:.3f}"]
        if not one["support"]:
            figures[2] = "-"
        if not one["said"]:
            figures[1] = "-"
        if not one["support"] and not one["said"]:
            figures[0] = "-"
        counts = [str(one["support"]), str(one["said"])]
        rows.append([shorten(safe(one["name"]), NAME), *figures, *counts, bar(one["f1"], 20)])
    return table(rows, frozenset({1, 2, 3, 4, 5})).splitlines()


def _confusion(found: dict[str, Any], *, shares: bool) -> list[str]:
    """The matrix, or of many classes what is confused most often."""
    names = [safe(name) for name in found["label_names"]]
    longest = min(max(len(_CORNER), *map(len, names)), NAME)
    width = (WIDTH - longest) // len(names) - 2
    least = max(NARROWEST, len(str(max(map(max, found["confusion"])))))
    if sum(max(len(name), least) + 2 for name in names) <= WIDTH - longest:
        width = max(width, *map(len, names))
    if width < least:
        return _pairs(found, names)
    rows = [[_CORNER, *(shorten(name, width) for name in names)]]
    for code, name in enumerate(names):
        if shares:
            cells = ["-" if share is None else f"{share:.2f}" for share in found["row_shares"][code]]
        else:
            cells = [str(count) if count else "·" for count in found["confusion"][code]]
        rows.append([shorten(name, longest), *cells])
    return table(rows, frozenset(range(1, len(names) + 1))).splitlines()


def _pairs(found: dict[str, Any], names: Sequence[str]) -> list[str]:
    matrix, share = found["confusion"], found["row_shares"]
    cells = [(row[b], a, b) for a, row in enumerate(matrix) for b in range(len(names)) if a != b and row[b]]
    cells.sort(key=lambda cell: (-cell[0], cell[1:]))
    rows = [["true", "said", "rows", "of the class"]]
    rows += [[shorten(names[a], 24), shorten(names[b], 24), str(n), f"{share[a][b]:.1%}"] for n, a, b in cells[:PAIRS]]
    more = len(cells) - PAIRS
    title = f"{len(names)} classes: what is confused most often" + (f", and {more} pairs more" if more > 0 else "")
    return [title, *table(rows, frozenset({2, 3})).splitlines()] if cells else []


def _reliability(found: dict[str, Any]) -> list[str]:
    """A bar for each bin: how many of its answers are right, and a mark where they would be as often as said."""
    calibration = found["calibration"]
    before, after = calibration["before"], calibration["after"]
    rows = [["probability", "rows", "said", "right", "right, and | as said"]]
    for one in before["bins"]:
        if one["rows"]:
            title = f"{one['low']:.1f} to {one['high']:.1f}"
            drawn = _marked(bar(one["right"], _BAR), one["confidence"])
            rows.append([title, str(one["rows"]), f"{one['confidence']:.3f}", f"{one['right']:.3f}", drawn])
    lines = table(rows, frozenset({1, 2, 3})).splitlines()
    lines.append(f"ECE {before['ece']:.3f} (bins of equal mass {before['ece_mass']:.3f}), Brier {before['brier']:.3f}")
    text = f"temperature {calibration['temperature']:.3f}, fitted on {calibration['fitted_on']} validation rows"
    if calibration["reason"]:
        text += f": {calibration['reason']}"
    elif calibration["temperature"] != 1:
        text += f": ECE {after['ece']:.3f} ({after['ece_mass']:.3f}), Brier {after['brier']:.3f}"
    return [*lines, *_wrapped("", text)]


def _marked(drawn: str, share: float) -> str:
    """The bar with a `|` at `share` of its width."""
    at = min(round(share * _BAR), _BAR - 1)
    line = drawn.ljust(_BAR)
    return line[:at] + "|" + line[at + 1 :]


def _thresholds(found: dict[str, Any]) -> list[str]:
    thresholds, kept = found["thresholds"], found["judgement"]
    rows = [["unsure below", "answered", "right", "95 % interval"]]
    none = [at for at, one in enumerate(thresholds["steps"]) if not one["rows"]]
    for one in thresholds["steps"][: (none or [len(thresholds["steps"])])[0] + 1]:  # one without any row is enough
        right = "-" if one["accuracy"] is None else f"{one['accuracy']:.3f}"
        span = "-" if one["accuracy"] is None else f"{one['low']:.3f}-{one['high']:.3f}"
        rows.append([f"{one['threshold']:.2f}", f"{one['coverage']:.1%}", right, span])
    lines = table(rows, frozenset({1, 2, 3})).splitlines()
    lines += _wrapped("", _wish(found))
    if kept is not None:
        text = f"Kept for this run: unsure below {kept['unsure_below']:g} at temperature {kept['temperature']:.3f}."
        lines += _wrapped("", text)
    return lines


def _wish(found: dict[str, Any]) -> str:
    thresholds = found["thresholds"]
    wished, there, here = thresholds["wished"], thresholds["validation"], thresholds["here"]
    if there is None:
        return f"No threshold brings the answered validation rows to {wished:.0%} right."
    if thresholds["threshold"] == 0:
        return f"{wished:.0%} right is reached without a threshold: {there['accuracy']:.3f} on validation."
    text = (
        f"{wished:.0%} right: unsure below {thresholds['threshold']:.4f} answers {there['coverage']:.1%} of the "
        f"validation rows ({there['rows']}), {there['accuracy']:.3f} right"
    )
    if found["part"] != "validation":
        right = "none answered" if here["accuracy"] is None else f"{here['accuracy']:.3f} right"
        text += f"; here {here['coverage']:.1%} ({here['rows']}), {right}"
    few = " So few rows say little." if there["rows"] < FEW else ""
    return f"{text}. Picked on those rows, which flatters a little.{few}"


def mistakes_text(found: dict[str, Any]) -> str:
    """The rows of one page: number, what it is and what was said, and the sentence in at most four lines."""
    lines = looks_lines(found["looks"])
    if lines:
        lines.append("")
    for at, one in enumerate(found["rows"], start=found["start"] + 1):
        gold, said = shorten(safe(one["gold"]), 20), shorten(safe(one["said"]), 20)
        told = "right" if one["right"] else f"it is {gold} ({one['gold_probability']:.3f})"
        lines.append(f"{at:>4}  {said} {one['confidence']:.3f}, {told}  row {one['row']}")
        lines += _wrapped("      ", safe(one["text"]), most=4)
    return "\n".join(lines)


def slices_text(found: dict[str, Any]) -> str:
    """The scores of each slice, and its accuracy beside that of the rest."""
    rows = [["slice", "rows", "share", "accuracy", "macro F1", "to the rest"]]
    for one in found["slices"]:
        if not one["rows"]:
            continue
        name = shorten(safe(one["title"]), 16) + (" !" if one["says_little"] else "")
        cells = [name, str(one["rows"]), f"{one['share']:.0%}"]
        for key in ("accuracy", "macro_f1"):
            span = one["scores"][key]
            cells.append(f"{_short(span['value'], 3)} {_short(span['low'], 2)}-{_short(span['high'], 2)}")
        rest = one["to_the_rest"] and one["to_the_rest"]["accuracy"]
        ends = [] if rest is None else [_signed(rest[key]) for key in ("value", "low", "high")]
        rows.append([*cells, f"{ends[0]} ({ends[1]} {ends[2]})" if ends else "-"])
    lines = [*looks_lines(found["looks"]), *table(rows, frozenset({1, 2})).splitlines()]
    if empty := [safe(one["title"]) for one in found["slices"] if not one["rows"]]:
        lines += _wrapped("", f"No row: {', '.join(empty)}.")
    if any(one["rows"] > 0 and one["says_little"] for one in found["slices"]):
        lines.append("! fewer than 30 rows: the score says little")
    told = "With 95 % intervals; to the rest: difference in accuracy. Of many slices one in twenty differs by chance."
    return "\n".join([*lines, *_wrapped("", f"{told} The rows of one: --slice with {_keys(found)}.")])


def _keys(found: dict[str, Any]) -> str:
    keys = [one["key"] for one in found["slices"] if one["rows"]]
    return ", ".join([*keys[:-1], f"{keys[-1]} (and --regex)"] if keys[-1] == "regex" else keys)


def _short(value: float, digits: int) -> str:
    """`.812`, or `1.00` at the same width: without the zero before the point."""
    return f"{value:.{digits}f}".removeprefix("0")[: digits + 1]


def _signed(value: float) -> str:
    """`+.06`; nothing is `+.00`."""
    return ("-" if round(value, 2) < 0 else "+") + _short(abs(value), 2)


def explanation_text(found: dict[str, Any]) -> str:
    """What each word did to the answer, the strongest first."""
    lines = [f"{shorten(safe(found['label']), 30)} {found['probability']:.3f}; without a word it falls by"]
    most = max((abs(one["push"]) for one in found["words"]), default=0.0)
    ranked = sorted(found["words"], key=lambda one: -abs(one["push"]))
    for one in ranked[:20]:
        word = shorten(safe(one["text"]), 36)
        turned = f" then {shorten(safe(one['without']), 14)}" if one["without"] != found["label"] else ""
        drawn = bar(abs(one["push"]) / max(most, _SMALL), 12)
        lines.append(f"  {round(one['push'], 3) + 0.0:+.3f}  {word:<36}  {drawn:<12}{turned}".rstrip())
    if len(ranked) > 20:
        lines.append(f"  and {len(ranked) - 20} more, none of which did more than {abs(ranked[20]['push']):.3f}")
    if not ranked:
        lines.append("  there is no word in it")
    elif most < _SMALL:
        lines += _wrapped("", "No word does much by itself: without any one of them the answer is as sure.")
    if found["grouped"] > 1:
        lines += _wrapped("", f"The text is long: up to {found['grouped']} neighbours were left out together.")
    if found["truncated"]:
        lines += _wrapped("", "! The model did not read the text to its end: words beyond push nothing.")
    return "\n".join(lines)

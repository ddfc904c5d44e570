"""A comparison as text within 80 columns, for two runs and for eight."""

from __future__ import annotations

import statistics
import textwrap
from typing import Any

from core.cli.console import table
from core.evaluation.changed import Rows
from core.evaluation.compare import Comparison, GroupPair, Pair, Part
from core.evaluation.comparison_export import NAMES, p_text, value_text
from core.evaluation.intervals import Interval
from core.evaluation.significance import MEASURES
from core.text import safe, shorten

WIDTH = 80
NAME = 34
COLUMNS = 3
"""Runs whose settings have room side by side; those of more are listed by value."""

VALUE = 20


def comparison_text(found: Comparison) -> str:
    """Everything of a comparison that fits a terminal; what is left out of it is in the exports."""
    runs = [[str(at), _name(run.name), f"seed {seed}", _letter(found, at - 1)] for at, (run, seed) in _numbered(found)]
    blocks = [table(runs), _settings(found)]
    if len(found.groups) > 1:
        blocks.append(_wrapped("Runs with one letter have the same settings but the seed: one setting over seeds."))
    blocks += [_part(found, part) for part in found.parts]
    return "\n\n".join(blocks)


def _numbered(found: Comparison) -> list[tuple[int, tuple[Any, int]]]:
    return list(enumerate(zip(found.runs, found.seeds, strict=True), 1))


def _letter(found: Comparison, at: int) -> str:
    return "".join(f"setting {one.letter}" for one in found.groups if at in one.members)


def _name(name: str) -> str:
    return shorten(safe(name), NAME)


def _settings(found: Comparison) -> str:
    """The settings that differ: a column for each run, or, of many runs, the runs of each value."""
    first = f"Not the same in all: {found.differs_first}.\n" if found.differs_first else ""
    if not found.settings:
        return first + "All settings are the same."
    if len(found.runs) > COLUMNS:
        lines = ["settings that differ, with the runs of each value"]
        return first + "\n".join(lines + [_by_value(one.path, one.values) for one in found.settings])
    rows = [["settings that differ", *map(str, range(1, len(found.runs) + 1))]]
    rows += [[shorten(one.path, 30), *(_short(value) for value in one.values)] for one in found.settings]
    width = (WIDTH - 30) // len(found.runs) - 2
    return first + table([[row[0], *(_end(cell, width) for cell in row[1:])] for row in rows])


def _by_value(path: str, values: tuple[Any, ...]) -> str:
    runs: dict[str, list[str]] = {}
    for number, value in enumerate(values, 1):
        runs.setdefault(_end(_short(value), VALUE), []).append(str(number))
    told = " · ".join(f"{value}: {' '.join(numbers)}" for value, numbers in runs.items())
    return _wrapped(f"{path}  {told}", 4)


def _short(value: Any) -> str:
    return safe(value_text(value))


def _end(text: str, width: int) -> str:
    """The end of a text that is too long: of two paths it is the end that tells them apart."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def _wrapped(text: str, indent: int = 0) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)


def _part(found: Comparison, part: Part) -> str:
    scored = f", scored by {part.runs_scored} runs" if part.runs_scored else ""
    looked = f", looked at for {part.runs_looked}" if part.runs_looked else ""
    lines = [f"{part.name.capitalize()}, {part.rows} row{'s' * (part.rows != 1)}{scored}{looked}"]
    lines += [_wrapped(f"{one}.", 2) for one in part.notes]
    rows = [["", "run", *NAMES.values()]]
    rows += [
        [str(at), _name(run.name), *(f"{getattr(scores, what):.3f}" for what in MEASURES)]
        for (at, (run, _)), scores in zip(_numbered(found), part.scores, strict=True)
    ]
    lines += [table(rows, frozenset({2, 3, 4})), ""]
    if part.groups:
        lines += [_group_scores(found, part), *(line for one in part.groups for line in ("", _group_pair(found, one)))]
        lines += ["", f"({len(part.pairs)} pairs of single models: --csv, --json, --markdown)"]
    elif len(part.pairs) == 1:
        lines.append(_one_pair(part.pairs[0]))
    else:
        lines.append(_many_pairs(part))
    return "\n".join(lines)


def _figures(one: Interval) -> str:
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def _one_pair(pair: Pair) -> str:
    rows = [["2 less 1", "difference", "95 % interval"]]
    for what in MEASURES:
        one = pair.differences[what]
        rows.append([NAMES[what], f"{one.value:+.3f}", f"{one.low:+.3f} to {one.high:+.3f}"])
    test = pair.test
    told = f"{test.fixed} rows fixed (only 2 is right), {test.broken} broken (only 1 is): McNemar p {p_text(pair.p)}"
    return "\n".join([table(rows, frozenset({1})), told, _wrapped(_sentence(pair.verdict))])


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _many_pairs(part: Part) -> str:
    rows = [["pair", "macro F1 [95 % interval]", "accuracy", "fixed", "broken", "p", ""]]
    for one in part.pairs:
        said = "differ" if one.differs else "differ in F1" if one.f1_differs else "not shown"
        accuracy = f"{one.differences['accuracy'].value:+.3f}"
        counts = [str(one.test.fixed), str(one.test.broken)]
        pair = f"{one.second + 1} - {one.first + 1}"
        rows.append([pair, _figures(one.differences["macro_f1"]), accuracy, *counts, p_text(one.p), said])
    told = (
        "p: McNemar's test, corrected for the number of pairs (Holm). differ: these two models differ on these rows; "
        f"in F1: in macro F1 alone; not shown: no difference is shown on these {part.rows} rows."
    )
    return table(rows, frozenset({2, 3, 4, 5})) + "\n" + _wrapped(told)


def _group_scores(found: Comparison, part: Part) -> str:
    rows = [["setting", "seeds", *NAMES.values()]]
    for group in found.groups:
        cells = []
        for what in MEASURES:
            values = [getattr(part.scores[at], what) for at in group.members]
            cells.append(f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}")
        rows.append([group.letter, str(len(group.seeds)), *cells])
    return table(rows, frozenset({1, 2, 3, 4}))


def _group_pair(found: Comparison, one: GroupPair) -> str:
    first, second = (found.groups[at].letter for at in (one.first, one.second))
    rows = [[f"{second} less {first}", "difference", "95 % interval, rows and seeds drawn"]]
    for what in MEASURES:
        apart = one.differences[what]
        rows.append([NAMES[what], f"{apart.value:+.3f}", f"{apart.low:+.3f} to {apart.high:+.3f}"])
    told = f"macro F1: p {p_text(one.p)}"
    if one.over_seeds is not None:
        kind = "paired t" if one.over_seeds.kind == "paired" else "Welch's t"
        told += f"; over the seeds alone, {kind}-test p {p_text(one.over_seeds.p)}"
    return "\n".join([table(rows, frozenset({1})), told, _wrapped(_sentence(one.verdict))])


def rows_text(found: Rows, names: tuple[str, str], limit: int) -> str:
    """The rows one run got right and the other wrong: three lines each at most, the most confident mistake first."""
    right = names[1] if found.kind == "fixed" else names[0]
    head = f"{len(found.found)} of {found.rows} {found.part} rows {found.kind}: only {right} is right"
    lines = [*textwrap.wrap(head, WIDTH), *(_wrapped(f"{one}.", 2) for one in found.notes)]
    for one in found.found[:limit]:
        said = [
            f"{shorten(safe(label), 18)} {p:.2f}" for label, p in ((one.before, one.before_p), (one.after, one.after_p))
        ]
        lines += ["", f"row {one.row}  {shorten(safe(one.gold), 18)}  1 said {said[0]}, 2 said {said[1]}"]
        lines += textwrap.wrap(
            safe(one.text), WIDTH, initial_indent="  ", subsequent_indent="  ", max_lines=2, placeholder=" …"
        )
    if (more := len(found.found) - limit) > 0:
        lines += ["", f"{more} more: --limit {len(found.found)}"]
    return "\n".join(lines)

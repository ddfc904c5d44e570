"""A comparison as JSON, CSV and Markdown, to be kept or sent to somebody."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from core.evaluation.alignment import Changed
from core.evaluation.changed import Rows
from core.evaluation.compare import Comparison, Part
from core.evaluation.curves import curves
from core.evaluation.significance import MEASURES
from core.spreadsheet import csv_line
from core.text import safe
from core.training.events import Scores

NAMES = {"macro_f1": "macro F1", "accuracy": "accuracy", "weighted_f1": "weighted F1"}

_HEADS = ("table", "part", "run", "against", "what", "value", "low", "high", "p", "verdict")


def value_text(value: Any) -> str:
    """The value of a setting as people read it."""
    if isinstance(value, tuple | list):
        return " + ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything that was found as plain JSON, the curves of each run with it. Runs are told by their place."""
    return {
        "format": 1,
        "runs": [
            {"name": run.name, "path": str(run.path), "seed": seed, "curves": _plain(asdict(curves(run)))}
            for run, seed in zip(found.runs, found.seeds, strict=True)
        ],
        "settings": [{"path": one.path, "values": list(one.values)} for one in found.settings],
        "differs_first": found.differs_first,
        "groups": [
            {"letter": one.letter, "members": list(one.members), "seeds": list(one.seeds)} for one in found.groups
        ],
        "parts": [_part_json(one) for one in found.parts],
        "left_out": [{"run": name, "why": why} for name, why in found.left_out],
        "refused": [{"part": name, **error.to_dict()} for name, error in found.refused],
        "notes": list(found.notes),
    }


def _plain(found: dict[str, tuple[tuple[float, float], ...]]) -> dict[str, list[list[float]]]:
    """Points as lists, as JSON has them: the same before and after a pipe."""
    return {name: [list(point) for point in points] for name, points in found.items()}


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "part": part.name,
        "rows": part.rows,
        "label_names": list(part.label_names),
        "runs_scored": part.runs_scored,
        "runs_looked": part.runs_looked,
        "draws": part.draws,
        "scores": [_scores_json(one, part.label_names) for one in part.scores],
        "pairs": [
            {
                "first": one.first,
                "second": one.second,
                "differences": {what: asdict(apart) for what, apart in one.differences.items()},
                "mcnemar": asdict(one.test),
                "p": one.p,
                "macro_f1_p": one.f1_p,
                "differs": one.differs,
                "macro_f1_differs": one.f1_differs,
                "verdict": one.verdict,
            }
            for one in part.pairs
        ],
        "groups": [asdict(one) for one in part.groups],
        "notes": list(part.notes),
    }


def _scores_json(scores: Scores, names: tuple[str, ...]) -> dict[str, Any]:
    by_name = dict(zip(names, scores.class_f1, strict=True))
    return {**{name: getattr(scores, name) for name in MEASURES}, "class_f1": by_name}


def rows_json(found: Rows, start: int = 0, count: int | None = None) -> dict[str, Any]:
    """A list of rows, or the `count` from `start` on, as plain JSON."""
    shown = found.found[start:] if count is None else found.found[start : start + count]
    return {
        "kind": found.kind,
        "part": found.part,
        "of": found.rows,
        "total": len(found.found),
        "rows": [asdict(one) for one in shown],
        "notes": list(found.notes),
    }


def as_csv(found: Comparison) -> str:
    """One long table: settings, scores, differences of pairs and of groups, one figure a line. Shares of 1."""
    names = [run.name for run in found.runs]
    lines: list[tuple[object, ...]] = [_HEADS]
    for one in found.settings:
        lines += [("setting", "", name, "", one.path, value_text(v)) for name, v in zip(names, one.values, strict=True)]
    for part in found.parts:
        for name, scores in zip(names, part.scores, strict=True):
            lines += [("score", part.name, name, "", what, getattr(scores, what)) for what in MEASURES]
        for pair in part.pairs:
            sides = (names[pair.second], names[pair.first])
            lines += [
                (
                    "pair",
                    part.name,
                    *sides,
                    what,
                    one.value,
                    one.low,
                    one.high,
                    pair.f1_p if what == MEASURES[0] else "",
                )
                for what, one in pair.differences.items()
            ]
            lines += [("pair", part.name, *sides, "rows fixed", pair.test.fixed)]
            lines += [("pair", part.name, *sides, "rows broken", pair.test.broken, "", "", pair.p, pair.verdict)]
        for group in part.groups:
            sides = (_group_text(found, group.second), _group_text(found, group.first))
            lines += [
                ("groups", part.name, *sides, what, one.value, one.low, one.high)
                + ((group.p, group.verdict) if what == MEASURES[0] else ())
                for what, one in group.differences.items()
            ]
    lines += [("left out", "", name, "", "", "", "", "", "", why) for name, why in found.left_out]
    lines += [("refused", part, "", "", "", "", "", "", "", str(why)) for part, why in found.refused]
    return "\n".join(csv_line([*line, *[""] * (len(_HEADS) - len(line))]) for line in lines)


def _group_text(found: Comparison, at: int) -> str:
    group = found.groups[at]
    return f"{group.letter}: {' '.join(found.runs[one].name for one in group.members)}"


def rows_csv(found: Rows) -> str:
    """The rows as a table for a spreadsheet."""
    heads = ("row", "gold", "before", "before_p", "after", "after_p", "text")
    lines = [heads, *((*_cells(one), one.text) for one in found.found)]
    return "\n".join(csv_line(line) for line in lines)


def _cells(one: Changed) -> tuple[int, str, str, float, str, float]:
    return one.row, one.gold, one.before, round(one.before_p, 4), one.after, round(one.after_p, 4)


def as_markdown(found: Comparison) -> str:
    """The comparison as a page: what differs, scores, differences with intervals, verdicts."""
    names = [run.name for run in found.runs]
    lines = [f"# Comparison of {', '.join(names)}", ""]
    if found.differs_first:
        lines += [f"Not the same in all: {found.differs_first}.", ""]
    if found.settings:
        rows = [[f"`{one.path}`", *map(value_text, one.values)] for one in found.settings]
        lines += [*_table(["setting", *names], rows), ""]
    for part in found.parts:
        lines += _part_markdown(found, part, names)
    lines += [f"- {name} is left out: {why}" for name, why in found.left_out]
    lines += [
        f"- {part}: {' '.join(filter(None, (e.title + '.', e.message, e.next_step)))}" for part, e in found.refused
    ]
    lines += [f"- {one}" for one in found.notes]
    return "\n".join(map(_shown, lines)).rstrip() + "\n"


def _part_markdown(found: Comparison, part: Part, names: list[str]) -> list[str]:
    scored = f", scored by {part.runs_scored} runs" if part.runs_scored else ""
    lines = [f"## {part.name.capitalize()}, {part.rows} rows{scored}", ""]
    lines += [line for one in part.notes for line in (f"{one}.", "")]
    rows = [
        [name, *(f"{getattr(one, what):.3f}" for what in MEASURES)]
        for name, one in zip(names, part.scores, strict=True)
    ]
    lines += [*_table(["run", *NAMES.values()], rows), ""]
    head = ["second less first", *NAMES.values(), "fixed", "broken", "McNemar p", "verdict"]
    pairs = [
        [f"{names[one.second]} − {names[one.first]}", *_differences(one.differences), str(one.test.fixed),
         str(one.test.broken), p_text(one.p), one.verdict]
        for one in part.pairs
    ]  # fmt: skip
    lines += [*_table(head, pairs), ""]
    if part.groups:
        groups = [
            [f"{_group_text(found, one.second)} − {_group_text(found, one.first)}", *_differences(one.differences),
             p_text(one.p), one.verdict]
            for one in part.groups
        ]  # fmt: skip
        lines += [*_table(["settings over seeds", *NAMES.values(), "p", "verdict"], groups), ""]
    return lines


def _differences(found: Any) -> list[str]:
    return [f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" for one in (found[what] for what in MEASURES)]


def p_text(p: float) -> str:
    """A p value as people read it: `0.031`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(text: str) -> str:
    return re.sub(r"([|<])", r"\\\1", safe(text))


def _shown(line: str) -> str:
    return safe(line)


def rows_markdown(found: Rows, names: tuple[str, str]) -> str:
    """The rows as a table of a page."""
    head = ["row", "gold", names[0], names[1], "text"]
    rows = [
        [str(one.row), one.gold, f"{one.before} {one.before_p:.2f}", f"{one.after} {one.after_p:.2f}", one.text]
        for one in found.found
    ]
    title = f"# {len(rows)} rows {found.kind}, of {found.rows} in {found.part}"
    return "\n".join([_shown(title), "", *_table(head, rows)]) + "\n"

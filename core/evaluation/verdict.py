"""What the figures of one part say, in words: whether the model has learned anything, and where not to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation.intervals import Interval
from core.evaluation.metrics import Report
from core.evaluation.slices import FEW

MOSTLY = 0.95
"""Share of one answer from which on a model is said to give hardly another, when the class itself is rarer."""

TOO = 0.03
"""Mean confidence and accuracy differ by more than this in a model that is called too sure, or not sure enough."""

_NAMED = 6


def sentences(
    found: Report,
    names: Sequence[str],
    spans: dict[str, Interval],
    baselines: Sequence[dict[str, Any]],
    calibration: dict[str, Any],
) -> list[dict[str, str]]:
    """Each with its `level` (`bad`, `warn`, `ok`) and its `text`, what matters most first. Names are as in the data."""
    one_class = _one_class(found, names, baselines)
    lines = one_class or _beside_baselines(spans, baselines)
    lines += _absent(found, names, told=bool(one_class))
    lines += _few(found)
    lines += _sureness(found, calibration)
    return [{"level": level, "text": text} for level, text in lines]


def _one_class(found: Report, names: Sequence[str], baselines: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    said = found.confusion.sum(axis=0)
    code = int(said.argmax())
    share, gold = said[code] / found.scores.rows, found.support[code] / found.scores.rows
    name = names[code]
    if share < 1:
        if share >= MOSTLY and share - gold > 0.05:
            return [("bad", f"Nearly always answers {name}: {share:.1%} of the rows, of which it is {gold:.1%}.")]
        return []
    if gold == 1:
        return [("warn", f"Only rows of {name} are here, and it answers {name} to all: this tells nothing.")]
    figures = f"accuracy {found.scores.accuracy:.3f}, macro F1 {found.scores.macro_f1:.3f}"
    majority = next((one for one in baselines if one["name"] == "majority"), None)
    text = f"Answers {name} to every row: {figures}"
    if majority is not None and majority["label"] == name:
        text += ", the same as always the largest class"
    elif majority is not None:
        text += f"; always {majority['label']}, the largest class of training, has accuracy {majority['accuracy']:.3f}"
    return [("bad", f"{text}. It tells no two sentences apart.")]


def _beside_baselines(spans: dict[str, Interval], baselines: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The model's macro F1 with its interval beside each baseline's, which is a single figure."""
    mine, found = spans["macro_f1"], []
    for one in baselines:
        theirs, title = one["macro_f1"], f"{one['title']} ({one['macro_f1']:.3f} on {one['part']})"
        span = f"macro F1 {mine.value:.3f}, {mine.low:.3f} to {mine.high:.3f}"
        if mine.low > theirs:
            found.append(("ok", f"Better than {title}: {span}."))
        elif mine.high < theirs:
            found.append(("bad", f"Worse than {title}: {span}."))
        else:
            found.append(("warn", f"Not clearly better than {title}: {span}."))
    return found


def _absent(found: Report, names: Sequence[str], *, told: bool) -> list[tuple[str, str]]:
    """Classes that are never answered, and those without rows. `told`: that there is one answer was said already."""
    said, lines = found.confusion.sum(axis=0), []
    never = [name for code, name in enumerate(names) if found.support[code] and not said[code]]
    if never and not told:
        lines.append(("bad", f"Never answers {_listed(never)}."))
    elif never:
        lines.append(("bad", f"Every row of {_listed(never)} is wrong."))
    for code, name in enumerate(names):
        if not found.support[code]:
            counts = "its F1 of 0 counts in macro F1" if said[code] else "macro F1 leaves it out"
            lines.append(("warn", f"No row here is {name}: {counts}."))
    if int((found.support > 0).sum()) == 1 and len(names) > 1:
        lines.append(("warn", "All rows here are of one class: the scores say nothing about telling classes apart."))
    return lines


def _few(found: Report) -> list[tuple[str, str]]:
    rows, lines = found.scores.rows, []
    if rows < FEW:
        lines.append(("warn", f"{rows} row{'s' * (rows != 1)}: too few for a score to say much."))
    if found.scores.accuracy == 1:
        most = 1 - 0.05 ** (1 / rows)  # Clopper & Pearson 1934, one-sided, for no mistakes
        lines.append(("warn", f"No mistake in {rows} rows: up to {most:.1%} wrong answers would still fit (95 %)."))
    return lines


def _sureness(found: Report, calibration: dict[str, Any]) -> list[tuple[str, str]]:
    before, after, rows = calibration["before"], calibration["after"], found.scores.rows
    gap = before["confidence"] - found.scores.accuracy
    spread = float(np.sqrt(max(found.scores.accuracy * (1 - found.scores.accuracy), 1 / rows) / rows))
    if abs(gap) <= max(TOO, 2 * spread):
        return []
    kind = "Too sure" if gap > 0 else "Not sure enough"
    text = f"{kind}: says {before['confidence']:.3f} on average and is right in {found.scores.accuracy:.3f}"
    if after["ece"] < before["ece"] and calibration["temperature"] != 1:
        text += (
            f"; temperature {calibration['temperature']:.2f} takes ECE from {before['ece']:.3f} to {after['ece']:.3f}"
        )
    return [("warn", text + ".")]


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]

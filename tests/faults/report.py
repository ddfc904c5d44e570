"""The scorecard: as a table for a terminal, and as the measured part of `docs/reliability.md`."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests import measured
from tests.faults.score import Score

BEGIN = "<!-- measured: python -m tests.faults --markdown docs/reliability.md -->"
END = "<!-- end measured -->"

HEADS = ("fault", "tries", "invalid", "lost", "seconds")


def table(scores: Iterable[Score]) -> str:
    """One line per fault, aligned; whatever is not clean has its note under it."""
    scores = list(scores)
    rows = [HEADS, *(_cells(one) for one in scores)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    lines = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells))
        if number and not scores[number - 1].is_clean:
            lines.append(f"    {scores[number - 1].note or 'nothing was tried'}")
    return "\n".join(lines)


def _cells(score: Score) -> tuple[str, ...]:
    return (score.name, f"{score.tries:,}", f"{score.invalid:,}", f"{score.lost:,}", f"{score.seconds:,.1f}")


def markdown(scores: Sequence[Score], arguments: Sequence[str]) -> str:
    """Command, date, version, and a table with what each fault is. The command without names of files."""
    command = " ".join(["python -m tests.faults", *arguments])
    tries, invalid, lost = (sum(getattr(one, what) for one in scores) for what in ("tries", "invalid", "lost"))
    when = f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}, {platform.system()}"
    lines = [
        f"`{command}`  ",
        f"{when}. All together: {tries:,} tries, **{invalid} invalid, {lost} lost**.",
        "",
        "| fault | what | tries | invalid | lost | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for one in scores:
        name, *counts = _cells(one)
        what = f"{one.what}. {one.note[:1].upper()}{one.note[1:]}" if one.note else one.what
        lines.append(f"| {name} | {what.replace('|', '/')} | {' | '.join(counts)} |")
    return "\n".join(lines)


def rewrite(page: Path, scores: Sequence[Score], arguments: Sequence[str]) -> None:
    """Put the scorecard between the two markers of `page`. Raises `ValueError` when it has none."""
    measured.rewrite(page, BEGIN, END, markdown(scores, arguments))

"""Who has looked at the rows of a locked test part: each look chooses a little, so looks are counted and shown.

A run that shows sentences or slices of its test rows gets a line in its `looked.jsonl`, append only. "This test part
has been looked at for N runs" counts the runs with such a line and the same test rows, those in the trash too. It is
another thing than being scored on it, which each run is once.
"""

from __future__ import annotations

import json
import time

from core.errors import RunError
from core.evaluation.marks import others, runs_scored_on
from core.runs.log import LogReader, append_line
from core.runs.run import Run

FILE = "looked.jsonl"


def note_look(run: Run, what: str) -> bool:
    """Write down that test rows of `run` were shown (`what`: mistakes, slices); false where that cannot be written."""
    try:
        append_line(run.path / FILE, json.dumps({"t": round(time.time(), 3), "what": what}))
    except OSError:
        return False
    return True


def has_looked(run: Run) -> bool:
    """Whether test rows of `run` were ever shown; a damaged line is none."""
    try:
        return any(_is_look(line) for line in LogReader(run.path / FILE).read_all())
    except OSError:
        return False


def runs_looked_at(run: Run, mark: str) -> int:
    """For how many runs, this one among them, the test rows of that mark were looked at."""
    return has_looked(run) + sum(has_looked(other) and _mark_of(other) == mark for other in others(run))


def test_mark_of(run: Run) -> str:
    """The fingerprint of the test rows of `run`; empty when it has none or does not say."""
    mark = _mark_of(run)
    return mark if isinstance(mark, str) else ""


def looks(run: Run) -> dict[str, int]:
    """`scored`: runs that were scored on the test rows of this one, this one too; `looked`: those looked at."""
    mark = test_mark_of(run)
    if not mark:
        return {"scored": 1, "looked": int(has_looked(run))}
    return {"scored": runs_scored_on(run, mark) + 1, "looked": runs_looked_at(run, mark)}


def _mark_of(run: Run) -> object:
    try:
        return run.read_json("data.json").get("test_mark")
    except RunError:
        return None


def _is_look(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False

"""The rows that one run got right and another wrong, with their sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ConfigError
from core.evaluation.alignment import Changed, changed_rows
from core.evaluation.comparable import COMMON, RowsOf, choose, rows_of
from core.evaluation.looked import note_look
from core.protocol import Progress, no_progress
from core.runs.run import Run

KINDS = ("fixed", "broken")


@dataclass(frozen=True, slots=True)
class Rows:
    """One list: `part` and how many `rows` it has, and those that changed, the most confident mistake first."""

    kind: str
    part: str
    rows: int
    found: tuple[Changed, ...]
    notes: tuple[str, ...] = ()


def rows_between(
    runs: Sequence[Run],
    kind: str,
    *,
    part: str = "validation",
    common: bool = False,
    progress: Progress = no_progress,
    rows: RowsOf = rows_of,
) -> Rows:
    """The rows that the second of two runs has `fixed` (only it is right) or `broken` (only the first is right).

    Test rows that are shown are written down as a look at the test part. Raises `ConfigError` for more than two runs or
    an unknown kind, `RunError` when the rows do not compare.
    """
    if len(runs) > 2:
        raise ConfigError("Rows are shown between two runs", f"{len(runs)} were named.", "Name two of them.")
    if kind not in KINDS:
        raise ConfigError(f"Rows are {' or '.join(KINDS)}, not {kind}", "Fixed: only the second run is right.")
    chosen = choose(runs)
    name = COMMON if common else part
    aligned, notes = rows(chosen, name, progress)
    if name == "test":
        for run in chosen.runs:
            note_look(run, f"rows {kind}")
    return Rows(kind, name, len(aligned), tuple(changed_rows(aligned, 0, 1, kind)), notes)

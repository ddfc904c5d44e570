"""What the screen asks of comparing, as handlers of the line protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import DataError
from core.evaluation.alignment import Aligned
from core.evaluation.changed import rows_between
from core.evaluation.common import common_rows, shared_labels
from core.evaluation.comparable import Chosen, choose, rows_of
from core.evaluation.compare import PARTS, compare
from core.evaluation.comparison_export import as_csv, as_json, as_markdown, rows_json
from core.evaluation.predictions import FILE
from core.protocol import Handler, Progress
from core.runs.run import Run


def handlers() -> dict[str, Handler]:
    """`compare`, `compare_rows` and `common_rows`.

    compare       {"runs": [folder, ...], "part": "validation" | "test" | "both", "common": false, "as": "json"}
                  -> what `finetui compare --json` prints; "as": "csv" or "markdown" -> {"text": ...}
    compare_rows  {"runs": [folder, folder], "which": "fixed" | "broken", "part", "common", "start": 0, "count": 100}
                  -> {"kind", "part", "of", "total", "rows": [...], "notes"}
    common_rows   {"runs": [folder, ...]} -> {"rows": N, "asked": [[run, texts that its model must be asked], ...]}
                  what comparing on the common test would take; nobody has looked at anything by that
    """
    mine = Comparing()
    return {"compare": mine.compare, "compare_rows": mine.rows, "common_rows": mine.common}


class Comparing:
    """Holds the rows of the last question: a page of them needs no model, and no alignment, again."""

    def __init__(self) -> None:
        self._last: tuple[object, tuple[Aligned, tuple[str, ...]]] | None = None

    def compare(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Everything about these runs."""
        form = request.get("as", "json")
        if form not in ("json", "csv", "markdown"):
            raise DataError(f"A comparison is json, csv or markdown, not {form!r}")
        part, common = _part(request, "both", (*PARTS, "both")), request.get("common") is True
        found = compare(_runs(request), part=part, common=common, progress=progress, rows=self._rows)
        if form == "json":
            return as_json(found)
        return {"text": as_csv(found) if form == "csv" else as_markdown(found)}

    def rows(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """A page of the rows that one of two runs has fixed, or broken."""
        found = rows_between(
            _runs(request),
            str(request.get("which", "fixed")),
            part=_part(request, "validation", PARTS),
            common=request.get("common") is True,
            progress=progress,
            rows=self._rows,
        )
        return rows_json(found, _number(request, "start", 0), _number(request, "count", 100))

    def common(self, request: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """How many rows the common test has, and how many texts each model must be asked about."""
        chosen = choose(_runs(request))
        if len(shared_labels(chosen.found)) < 2:
            return {"rows": 0, "asked": []}
        found = common_rows(chosen.runs, chosen.found)
        asked = [[run.name, count] for run, count in zip(chosen.runs, found.asked, strict=True) if count]
        return {"rows": len(found), "asked": asked}

    def _rows(self, chosen: Chosen, part: str, progress: Progress) -> tuple[Aligned, tuple[str, ...]]:
        key = (part, *(_stamp(run) for run in chosen.runs))
        if self._last is None or self._last[0] != key:
            self._last = None  # its memory is free before the next ones are read
            self._last = (key, rows_of(chosen, part, progress))
        return self._last[1]


def _stamp(run: Run) -> tuple[str, int, int]:
    """Which predictions of `run` these are."""
    found = (run.path / FILE).stat()
    return str(run.path), found.st_mtime_ns, found.st_size


def _runs(request: dict[str, Any]) -> list[Run]:
    paths = request.get("runs")
    if not isinstance(paths, list) or not all(isinstance(one, str) and one for one in paths):
        raise DataError("The request names no runs", next_step='Give "runs": a list of run folders.')
    return [Run(Path(one).absolute()) for one in paths]


def _part(request: dict[str, Any], default: str, known: tuple[str, ...]) -> str:
    part = request.get("part", default)
    if part not in known:
        raise DataError(f"There is no part {part!r}", next_step=f"Known: {', '.join(known)}")
    return str(part)


def _number(request: dict[str, Any], name: str, default: int) -> int:
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DataError(f"{name!r} must be a whole number from 0 on")
    return value

"""Requests about suspicious labels, for the resident child that judges runs.

suspicious  {"run", "all"?, "rank"?, "start"?, "count"?}
            -> total, rows: [fields of `Candidate`], looked, wrong, decided, label_names, notes, digits
decide      {"run", "wishes": [{"do", "id", "new"?}], "why"?}    do: keep, fix, exclude, undo (id "last": the newest)
            -> made: [fields of `Decision`], touched
decisions   {"run"}
            -> path, standing: [{decision, text, unfit}], damaged, touched, elsewhere, notes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from core.errors import ConfigError, DataError
from core.evaluation.candidates import candidates
from core.evaluation.deciding import Wish, decide, decided
from core.evaluation.suspicious import Rank
from core.protocol import Handler, Progress
from core.runs.corrections import Do
from core.runs.run import Run
from core.text import safe, shorten

MOST = 5000
"""Candidates in one answer, at most."""


def handlers() -> dict[str, Handler]:
    """The requests by name. `suspicious` with "all" takes a minute: serve it in the background."""
    return {"suspicious": suspicious, "decide": decide_about, "decisions": decisions}


def suspicious(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Labels that may be wrong. Raises `RunError` for a run without predictions."""
    named = request.get("rank") or "relative"
    rank = next((one for one in get_args(Rank) if one == named), None)
    if rank is None:
        known = ", ".join(get_args(Rank))
        raise ConfigError(f"There is no ranking {safe(shorten(str(named), 40))!r}", f"Known: {known}.")
    found = candidates(_run(request), everything=bool(request.get("all")), rank=rank, progress=progress)
    start, count = _whole(request, "start", 0), min(_whole(request, "count", 100), MOST)
    rows = [asdict(one) for one in found.rows[start : start + count]]
    return {
        "total": len(found.rows),
        "rows": rows,
        "looked": found.looked,
        "wrong": round(found.wrong, 1),
        "decided": found.decided,
        "label_names": list(found.label_names),
        "notes": list(found.notes),
        "digits": found.digits,
    }


def decide_about(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write decisions down, all of them or none. Raises what cannot be decided."""
    run, why = _run(request), request.get("why") or ""
    listed = request.get("wishes")
    if not isinstance(listed, list) or not listed or not isinstance(why, str):
        raise DataError("This request decides nothing", next_step='Give "wishes": [{"do": "keep", "id": "…"}].')
    made = decide(run, wishes_in(listed), why)
    return {"made": [asdict(one) for one in made], "touched": list(decided(run, progress).touched)}


def decisions(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Everything that stands for the data of a run."""
    return asdict(decided(_run(request), progress))


def wishes_in(listed: Iterable[object]) -> list[Wish]:
    """What a request wants. Raises `DataError` for what is no wish."""
    found = []
    for one in listed:
        given = one if isinstance(one, dict) else {}
        do, row, new = (given.get(key, "") for key in ("do", "id", "new"))
        if do not in list(Do) or not isinstance(row, str) or not row or not isinstance(new, str):
            raise DataError("This is no decision", safe(shorten(str(one), 80)), f"do: {', '.join(Do)}; id; new.")
        found.append(Wish(Do(do), row, new))
    return found


def _run(request: dict[str, Any]) -> Run:
    given = request.get("run")
    if not isinstance(given, str) or not (Path(given) / "run.toml").is_file():
        raise DataError("The request names no run", next_step='Give "run": the path of its folder.')
    return Run(Path(given))


def _whole(request: dict[str, Any], key: str, default: int) -> int:
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DataError(f'"{key}" must be a whole number of 0 or more', f"It is {safe(shorten(repr(value), 40))}.")
    return value

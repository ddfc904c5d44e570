"""`finetui data`: a file's classes, faults and lengths, for people, for scripts, and for the screen."""

from __future__ import annotations

import json as json_format
import shlex
import shutil
import sys
import time
from typing import Annotated, Any, Optional

import typer

from core.cli.console import Line, bar, is_terminal, out, table
from core.cli.options import JsonOption, with_settings
from core.config import RunConfig, command_line, flag_of, problem_with, to_dict, with_source, with_values
from core.errors import ConfigError, error_from_dict
from core.text import safe, shorten

_CLASSES = 12
_ROWS = 5
_MARKS = {"bad": ("✗", "x"), "warn": ("!", "!"), "ok": ("✓", "+")}


@with_settings(("data",))
def data(
    values: dict[str, Any],
    source: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="'sample', or a file: CSV, TSV, JSONL, JSON, Parquet.", show_default=False),
    ] = None,
    json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Answer JSON requests, one a line, on stdin.")] = False,
) -> None:
    """Look at a file: how it is read, its classes, its faults and the rules that cure them."""
    if jsonl:
        from core.data.service import DataService
        from core.protocol import serve

        service = DataService()
        serve(service.handlers(), background=service.background())
        return
    config = with_values(with_source(RunConfig(), source or "sample"), values)
    wrong = [f"{flag_of(path)}: {message}" for path in values if (message := problem_with(path, config.get(path)))]
    if wrong:
        raise ConfigError("These options cannot be used", "; ".join(wrong))
    found, rows = _ask(config)
    if json:
        print(json_format.dumps(found, ensure_ascii=True))
        return
    _show(found, rows, config)
    if found["problem"] and not found["classes"]:
        raise error_from_dict(found["problem"])


def _ask(config: RunConfig) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The profile and a few rows, with a progress line on a terminal."""
    from core.data.service import DataService

    service, line, began = DataService(), Line(), time.monotonic()

    def progress(done: int, total: int, what: str) -> None:
        if is_terminal() and time.monotonic() - began > 0.3:
            line.draw(f"reading  {done / total:.0%}" if total else f"{what}  {done or ''}")

    request = {"config": to_dict(config)}
    try:
        found = service.profile(request, progress)
        rows: list[dict[str, Any]] = []
        for one in found["classes"][:_ROWS]:
            rows += service.rows({**request, "label": one["name"], "count": 1}, progress)["rows"]
        return found, rows
    finally:
        line.clear()


def _show(found: dict[str, Any], rows: list[dict[str, Any]], config: RunConfig) -> None:
    width = max(min(shutil.get_terminal_size((80, 24)).columns, 120), 40)
    out(f"{found['given'] or found['source']}")
    for one in found["reading"]:
        out(f"  {one['what']:<14} {safe(one['value'])}  ({safe(one['reason'])})")
    out()
    out(f"{_number(found['kept'])} rows kept of {_number(found['read'])}")
    for one in found["dropped"]:
        out(f"  - {_number(one['rows'])}  {safe(one['reason'])}")
    if not found["classes"]:
        out(f"columns: {', '.join(safe(name) for name in found['columns'])}")
        return
    out()
    _show_classes(found["classes"], width)
    majority = found["majority"]
    out(f"always '{safe(majority['name'])}': accuracy {majority['accuracy']:.3f}, macro F1 {majority['macro_f1']:.3f}")
    lengths = found["lengths"]
    out(f"words a text: half have {lengths['p50']} or fewer, 95 % {lengths['p95']}, longest {lengths['max']}")
    out()
    _show_findings(found["findings"])
    if rows:
        out()
        for row in rows:
            head = f"{row['row']:>7}  {shorten(safe(row['label']), 20):<12}  "
            out(head + shorten(safe(row["text"]), max(width - len(head), 20)))
    _show_problem(found["problem"], config)


def _show_classes(classes: list[dict[str, Any]], width: int) -> None:
    most = classes[0]["rows"]
    shown = classes if len(classes) <= _CLASSES else classes[: _CLASSES - 2]
    space = max(width - 42, 10)
    lines = [["class", "", "rows", "share"]]
    for one in shown:
        drawn = bar(one["rows"] / most, space)
        lines.append([shorten(safe(one["name"]), 20), drawn, _number(one["rows"]), f"{one['share']:.1%}"])
    out(table(lines, right=frozenset({2, 3})))
    if len(shown) < len(classes):
        rest = classes[len(shown) :]
        out(f"and {len(rest)} more with {_number(sum(one['rows'] for one in rest))} rows")


def _show_findings(found: list[dict[str, Any]]) -> None:
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    for one in found:
        cure = f"   --cure {shlex.quote(safe(one['cure']))}" if one["cure"] else ""
        out(f"{_MARKS[one['level']][plain]} {safe(one['text'])}{cure}")


def _show_problem(wrong: dict[str, str] | None, config: RunConfig) -> None:
    out()
    if wrong is None:
        out(f"ready to train: {command_line(config)}")
        return
    error = error_from_dict(wrong)
    out(f"cannot be trained on as it is: {error.title}")
    for part in (error.message, error.next_step):
        if part:
            out(f"  {part}")


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")

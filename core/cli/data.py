"""`finetui data`: a file's classes, faults and lengths, for people, for scripts, and for the screen."""

from __future__ import annotations

import difflib
import json as json_format
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.cli.configured import configured
from core.cli.console import Line, is_terminal, say
from core.cli.options import JsonOption, RunsOption, SourceArgument, with_settings
from core.cli.profile import show_profile, show_rows
from core.config import (
    RunConfig,
    to_dict,
)
from core.errors import Cancelled, DataError, WorkbenchError, error_from_dict
from core.text import safe

_ROWS = 5
_PAGE = 5000


@with_settings(("data", "split", "model"))
def data(
    values: dict[str, Any],
    source: SourceArgument = None,
    config: Annotated[Optional[Path], typer.Option("--config", help="Begin from this run.toml.")] = None,  # noqa: UP045
    quick: Annotated[bool, typer.Option("--quick", help="Only what a glance tells: no checks that take seconds.")] = (
        False
    ),
    rows: Annotated[str, typer.Option("--rows", help="Print the rows behind the finding with this code.")] = "",
    label: Annotated[str, typer.Option("--class", help="Print the rows of this class.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows to print at most.")] = 20,
    runs: RunsOption = None,
    json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Answer JSON requests, one a line, on stdin.")] = False,
) -> None:
    """Look at data: how it is read, its classes, its faults and what cures them, and what needs no network."""
    if jsonl:
        from core.data.service import DataService
        from core.protocol import serve

        service = DataService()
        serve(service.handlers(), background=service.background())
        return
    asked = _Asked(configured(values, source, config, runs))
    try:
        found, page = asked.rows(rows, label, limit) if rows or label else asked.everything(quick)
    finally:
        asked.line.clear()
    if json:
        print(json_format.dumps(found, ensure_ascii=True))
    elif rows or label:
        show_rows(found["rows"])
        if found["total"] == 0:
            say("no rows")
        if found["total"] > len(found["rows"]):
            say(f"… {found['total'] - len(found['rows'])} more: --limit {found['total']}")
        if beyond := found.get("not_held", 0):
            say(f"Of {found['total'] + beyond} such rows the first {found['total']} can be looked at.")
    else:
        show_profile(found, page, asked.config)
        if found["problem"] and not found["classes"]:
            raise error_from_dict(found["problem"])


class _Asked:
    """One data set that is asked about, with a progress line on a terminal."""

    def __init__(self, config: RunConfig) -> None:
        from core.data.service import DataService

        self.config, self.line = config, Line()
        self._service, self._request = DataService(), {"config": to_dict(config)}
        self._began, self._drawn = time.monotonic(), 0.0

    def everything(self, quick: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The profile with what was examined, and a row of each of the largest classes."""
        found = self._service.profile(self._request, self._progress(""))
        found["examined"], page = {}, []
        found["split"] = None
        if found["classes"]:
            try:
                found["split"] = self._service.split(self._request, self._progress("splitting"))
            except Cancelled:
                raise
            except WorkbenchError as wrong:  # dealing finds what counting does not
                found["problem"] = found["problem"] or wrong.to_dict()
            if not quick:
                found["examined"] = self._examined()
            for one in found["classes"][:_ROWS]:
                request = {**self._request, "label": one["name"], "count": 1}
                page += self._service.rows(request, self._progress(""))["rows"]
        deeper = [line for one in found["examined"].values() for line in one["findings"]]
        order = ("bad", "warn", "ok")
        found["findings"] = sorted(found["findings"] + deeper, key=lambda one: order.index(one["level"]))
        return found, page

    def rows(self, code: str, label: str, limit: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The rows behind a finding, of a class, or both."""
        found = self._service.profile(self._request, self._progress(""))
        if found["problem"] and not found["classes"]:
            raise error_from_dict(found["problem"])
        if label:
            _known("class", label, [one["name"] for one in found["classes"]])
        codes = [one["code"] for one in found["findings"]] + [one["reason"] for one in found["dropped"]]
        if code and code not in codes:
            for check in self._checks(code):
                codes += [one["code"] for one in self._examine(check)["findings"]]
                if code in codes:
                    break
            else:
                _known("finding", code, codes)
        request = {**self._request, "code": code, "label": label}
        page: list[dict[str, Any]] = []
        total, beyond = 0, {}
        while len(page) < limit:
            wanted = {**request, "start": len(page), "count": min(limit - len(page), _PAGE)}
            answer = self._service.rows(wanted, self._progress(""))
            total = answer["total"]
            page += answer["rows"]
            beyond = {key: value for key, value in answer.items() if key == "not_held" and value}
            if not answer["rows"]:
                break
        return {**beyond, "total": total, "rows": page}, page

    def _checks(self, code: str) -> list[str]:
        """The checks in the order in which they may know this code."""
        from core.data.examine import CHECKS

        near = {"leak": "leaks", "near-leak": "leaks"}.get(code, code)
        return sorted(CHECKS, key=lambda name: name != near)

    def _examined(self) -> dict[str, Any]:
        return {check: self._examine(check) for check in self._checks("")}

    def _examine(self, check: str) -> dict[str, Any]:
        request = {**self._request, "check": check}
        try:
            return self._service.examine(request, self._progress(check))
        except Cancelled:
            raise
        except WorkbenchError as wrong:  # the other checks still have something to say
            return {"findings": [], "facts": {"unavailable": wrong.title}}

    def _progress(self, name: str) -> Callable[[int, int, str], None]:
        def progress(done: int, total: int, what: str) -> None:
            now = time.monotonic()
            if is_terminal() and now - self._began > 0.3 and now - self._drawn > 0.1:
                self._drawn = now
                share = f"  {done / total:.0%}" if total else ""
                self.line.draw(f"{name + ': ' if name else ''}{'reading' if what == 'bytes' else what}{share}")

        return progress


def _known(what: str, name: str, names: list[str]) -> None:
    """Raise `DataError` with the nearest one when `name` is none of `names`."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    listed = ", ".join(safe(one) for one in names[:12]) + (", …" if len(names) > 12 else "")
    step = f"Did you mean {safe(near[0])!r}?" if near else f"There are: {listed}"
    raise DataError(f"There is no {what} {safe(name)!r}", next_step=step)

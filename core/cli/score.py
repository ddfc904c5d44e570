"""`finetui score`: the locked test of a run that did not score it, once."""

from __future__ import annotations

import json as json_format

from core.cli.console import Line, out, say
from core.cli.find import find_run
from core.cli.options import JsonOption, RunArgument, RunsOption
from core.cli.report import run_text
from core.runs import read_history


def score(run: RunArgument, runs: RunsOption = None, json: JsonOption = False) -> None:
    """Score the locked test of a run that did not: the one you chose from a group or a sweep. It is scored once."""
    from core.training.score import score_test

    found = find_run(run, runs)
    line = Line()
    try:
        score_test(found, lambda done, total, what: line.draw(f"{what} {done}/{total}" if total else what))
    finally:
        line.clear()
    if json:
        out(json_format.dumps(found.read_json("metrics.json")["test"]))
        return
    out(run_text(found, read_history(found), found.state()))
    say(f"{found.name} has looked at its locked test now.")

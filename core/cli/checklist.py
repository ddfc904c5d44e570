"""`finetui checklist`: sentences saved with the right answer, asked of a run; and what they came to, as text."""

from __future__ import annotations

import json as json_format
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Optional

import typer

from core.cli.console import out, say, table
from core.cli.find import find_run
from core.cli.options import JsonOption, RunArgument, RunsOption
from core.errors import ConfigError, RunError
from core.runs.checklist import OK, Checked, Entry, add, read_checklist, read_results, remove, tally, tally_text
from core.runs.run import Run
from core.text import safe, shorten

SHOWN = 20
"""Failed sentences that `finetui show` prints."""

NARROW = 80
"""Columns of a table on a pipe."""


def checklist(
    run: RunArgument,
    adds: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--add", metavar="TEXT=LABEL", help="Save a sentence with its right answer. Can be given again.",
            show_default=False,
        ),
    ] = None,
    removes: Annotated[
        Optional[list[int]],  # noqa: UP045
        typer.Option(
            "--remove", metavar="N", help="Take away the sentence with this number. Can be given again.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:  # fmt: skip
    """Ask a run the sentences that were saved for its data. Exits 1 unless all of them pass.

    With --add or --remove the list is changed, and nothing asked. Every new run of that data is asked at its end.
    """
    found = find_run(run, runs)
    if adds or removes:
        _change(found, adds or [], removes or [])
        _list(found, json)
        return
    from core.evaluation.checklist import judge, problems

    saved = read_checklist(found)
    for text in problems(saved):
        say(f"! {text}")
    results: tuple[Checked, ...] = ()
    if saved.entries:
        from core.inference.predictor import open_predictor

        results = judge(open_predictor(found.path), saved.entries)
    passed, failed, unknown = tally(results)
    if json:
        figures = {"run": found.name, "passed": passed, "failed": failed, "unknown": unknown}
        out(json_format.dumps({**figures, "results": [asdict(one) for one in results]}))
    elif not results:
        say(f"The checklist of this data is empty · finetui checklist {found.name} --add 'TEXT=LABEL'")
    else:
        out(results_text(results))
        say(f"{found.name}: {tally_text(passed, failed, unknown)}")
    if failed or unknown or saved.damaged:  # a line that cannot be read may have been the one that fails
        raise typer.Exit(1)


def _change(run: Run, adds: Sequence[str], removes: Sequence[int]) -> None:
    """All that was asked for, or nothing. The numbers are those of the list as it was."""
    entries = read_checklist(run).entries
    for number in removes:
        if not 1 <= number <= len(entries):
            there = f"There are {len(entries)}." if entries else "It is empty."
            raise ConfigError(f"The checklist has no sentence {number}", there, f"finetui checklist {run.name}")
    pairs = [_pair(one) for one in adds]
    if pairs:
        add(run, pairs)
    if removes:
        remove(run, [entries[number - 1] for number in dict.fromkeys(removes)])


def _pair(given: str) -> tuple[str, str]:
    """The sentence and its answer: the last `=` splits."""
    text, sign, label = given.rpartition("=")
    if not sign or not text.strip() or not label.strip():
        raise ConfigError(
            f"{safe(shorten(given, 40))!r} is no sentence with its answer", next_step="--add 'TEXT=LABEL'"
        )
    return text.strip(), label.strip()


def _list(run: Run, json: bool) -> None:
    """The list as it is now, nothing asked."""
    entries = read_checklist(run).entries
    if json:
        found = [{"text": one.text, "expected": one.label} for one in entries]
        out(json_format.dumps({"run": run.name, "sentences": found}))
        return
    if entries:
        out(entries_text(entries))
    count = f"{len(entries)} sentence{'s' * (len(entries) != 1)}"
    say(f"{count} in the checklist of this data · finetui checklist {run.name} asks the run")


def entries_text(entries: Sequence[Entry]) -> str:
    """The saved sentences with their numbers and answers."""
    rows = [["", "expected", "text"]]
    rows += [[str(number), shorten(safe(one.label), 16), ""] for number, one in enumerate(entries, 1)]
    return _with_texts(rows, [one.text for one in entries])


def results_text(results: Sequence[Checked]) -> str:
    """What a run said to each sentence, by its number."""
    rows = [["", "", "expected", "said", "prob.", "text"]]
    for number, one in enumerate(results, 1):
        expected, said = shorten(safe(one.expected), 16), shorten(safe(one.said), 16)
        rows.append([str(number), one.outcome, expected, said, f"{one.probability:.3f}", ""])
    return _with_texts(rows, [one.text for one in results])


def _with_texts(rows: list[list[str]], texts: Sequence[str]) -> str:
    """The table with as much of each text in its last column as the terminal has room for."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else NARROW
    taken = sum(max(len(row[at]) for row in rows) + 2 for at in range(len(rows[0]) - 1))
    for row, text in zip(rows[1:], texts, strict=True):
        row[-1] = shorten(safe(text), max(width - taken, 16))
    return table(rows, frozenset({0, 4}))


def checklist_lines(run: Run) -> list[str]:
    """What `finetui show` says: the tally at the end of training, and each sentence that did not pass."""
    try:
        results = read_results(run)
    except RunError as broken:
        return ["", f"checklist: cannot be read: {safe(broken.message)}"]
    if not results:
        return []
    lines = ["", f"checklist: {tally_text(*tally(results))}"]
    missed = [one for one in results if one.outcome != OK]
    for one in missed[:SHOWN]:
        expected, said = shorten(safe(one.expected), 16), shorten(safe(one.said), 16)
        lines.append(f"  {one.outcome}: {shorten(safe(one.text), 30)} · expected {expected}, said {said}")
    if len(missed) > SHOWN:
        lines.append(f"  and {len(missed) - SHOWN} more · finetui checklist {run.name}")
    return lines

"""`finetui compare`: runs beside each other, and whether what differs is more than chance."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Optional

import typer

from core.cli.console import Line, out, say
from core.cli.find import find_run
from core.cli.options import JsonOption, RunsOption
from core.errors import ConfigError
from core.protocol import Progress
from core.runs import Run

PARTS = ("validation", "test", "both")


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Two to eight runs. Those that differ in their seed alone are taken together, as one setting over "
            "seeds: only of such groups it is said which setting scores higher, from three seeds of each on.",
            show_default=False,
        ),
    ],
    part: Annotated[
        str, typer.Option("--part", metavar="PART", help="validation, test or both; with --rows validation or test.")
    ] = "",
    common: Annotated[
        bool,
        typer.Option(
            "--common",
            help="Runs of different rows: on the test rows that none of them trained on, asking the models where they "
            "have not answered. Counts as a look at the test.",
        ),
    ] = False,
    rows: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--rows", metavar="KIND", help="Show the rows that the second of two runs has fixed, or has broken."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="How many rows to print at most; exports hold all.")
    ] = 20,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table for a spreadsheet.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page in Markdown.")] = False,
    runs: RunsOption = None,
) -> None:
    """Compare runs: only the settings that differ, scores, differences with intervals and tests."""
    if json + csv + markdown > 1:
        raise ConfigError("--json, --csv and --markdown are forms of one answer", next_step="Use one of them.")
    part = part or ("both" if rows is None else "validation")
    known = PARTS if rows is None else PARTS[:2]
    if part not in known:
        raise ConfigError(f"There is no part {part!r}", next_step=f"--part {' or '.join(known)}")
    found = [find_run(name, runs) for name in names]
    form = "json" if json else "csv" if csv else "markdown" if markdown else ""
    if rows is None:
        _compare(found, part, common, form)
    else:
        _rows(found, rows, part, common, form, limit)


@contextmanager
def _told() -> Iterator[Progress]:
    """What is being done, on a line of a terminal that is gone in the end."""
    line = Line()

    def draw(done: int, total: int, what: str) -> None:
        line.draw(f"{what}: {done} of {total} texts" if total else what)

    try:
        yield draw
    finally:
        line.clear()


def _compare(runs: list[Run], part: str, common: bool, form: str) -> None:
    from core.evaluation import comparison_export as export
    from core.evaluation.compare import compare as compare_runs

    with _told() as progress:
        found = compare_runs(runs, part=part, common=common, progress=progress)
    if form == "json":
        out(json_format.dumps(export.as_json(found)))
    elif form == "csv":
        print(export.as_csv(found))
    elif form == "markdown":
        print(export.as_markdown(found), end="")
    else:
        from core.cli.compare_text import comparison_text

        out(comparison_text(found))
    for name, why in found.left_out:
        say(f"! {name} is left out: {why}.")
    for _, error in found.refused:
        say("! " + "\n  ".join(filter(None, (error.title, error.message, error.next_step))))
    for note in found.notes:
        say(f"! {note}.")


def _rows(runs: list[Run], kind: str, part: str, common: bool, form: str, limit: int) -> None:
    from core.evaluation import comparison_export as export
    from core.evaluation.changed import rows_between

    with _told() as progress:
        found = rows_between(runs, kind, part=part, common=common, progress=progress)
    names = (runs[0].name, runs[1].name)
    if form == "json":
        out(json_format.dumps(export.rows_json(found)))
    elif form == "csv":
        print(export.rows_csv(found))
    elif form == "markdown":
        print(export.rows_markdown(found, names), end="")
    else:
        from core.cli.compare_text import rows_text

        out(rows_text(found, names, limit))

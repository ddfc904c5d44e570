"""`finetui judge` and `finetui mistakes`: how good a run really is, and the sentences behind its scores."""

from __future__ import annotations

import json as json_format
from typing import Annotated, Any, Optional

import typer

from core.cli.console import out, say
from core.cli.find import find_run
from core.cli.options import JsonOption, RunArgument, RunsOption
from core.errors import ConfigError
from core.protocol import no_progress

PartOption = Annotated[str, typer.Option("--part", metavar="PART", help="validation or test.")]


def judge(
    run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="RUN", help="Name of the run, a beginning of it, or 'last'.", show_default=False),
    ] = None,
    part: PartOption = "validation",
    shares: Annotated[
        bool, typer.Option("--shares", help="The confusion matrix as shares of each true class.")
    ] = False,
    wish: Annotated[
        float, typer.Option("--wish", min=0, max=1, help="Accuracy that the answered rows should reach.")
    ] = 0.95,
    unsure_below: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--unsure-below", help="Keep this threshold for the run, with its temperature; 0 removes both."),
    ] = None,
    json: JsonOption = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Answer JSON requests, one a line, on stdin.")] = False,
    runs: RunsOption = None,
) -> None:
    """Judge a run: scores with intervals, each class, what it confuses, how far it can be believed."""
    from core.evaluation.service import Judge, serve_judge

    if jsonl:
        if run is not None:
            raise ConfigError("--jsonl takes no RUN", "Each request names its own.", "finetui judge --jsonl")
        serve_judge()
        return
    if run is None:
        raise ConfigError("Which run?", next_step="finetui judge last · finetui runs lists them.")
    path, service = find_run(run, runs).path, Judge()
    if unsure_below is not None:
        service.keep({"run": str(path), "unsure_below": unsure_below}, no_progress)
    found = service.overview({"run": str(path), "part": part, "wished": wish}, no_progress)
    if json:
        out(json_format.dumps(found))
        return
    from core.cli.judge_text import overview_text

    out(overview_text(found, shares=shares))


def mistakes(
    run: RunArgument,
    part: PartOption = "validation",
    cell: Annotated[
        str, typer.Option("--cell", metavar="GOLD:SAID", help="One cell of the matrix, a side may be empty.")
    ] = "",
    label: Annotated[str, typer.Option("--class", help="Rows that are of this class or were said to be.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Right answers too.")] = False,
    words: Annotated[str, typer.Option("--words", help="Texts that hold all of these words, in any case.")] = "",
    regex: Annotated[str, typer.Option("--regex", help="Texts in which this regex (RE2) finds something.")] = "",
    min_words: Annotated[Optional[int], typer.Option("--min-words", min=0, help="At least so many words.")] = None,  # noqa: UP045
    max_words: Annotated[Optional[int], typer.Option("--max-words", min=0, help="At most so many words.")] = None,  # noqa: UP045
    slices: Annotated[bool, typer.Option("--slices", help="Scores of kinds of texts in place of the rows.")] = False,
    slice_: Annotated[str, typer.Option("--slice", metavar="KEY", help="Texts of one of these kinds.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows to print at most.")] = 20,
    explain: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--explain", metavar="N", min=1, help="Which words pushed the answer to the Nth of the rows."),
    ] = None,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """Show what a run got wrong, the most confident mistake first."""
    from core.cli.judge_text import slices_text
    from core.evaluation.service import Judge

    path, service = find_run(run, runs).path, Judge()
    request: dict[str, Any] = {"run": str(path), "part": part, "regex": regex}
    if slices:
        given = {"--cell": cell, "--class": label, "--words": words, "--slice": slice_, "--explain": explain,
                 "--all": everything, "--min-words": min_words, "--max-words": max_words}  # fmt: skip
        if wrong := [flag for flag, value in given.items() if value]:
            raise ConfigError(f"--slices does not go with {wrong[0]}", "It scores all rows of the part.")
        found = service.slices(request, no_progress)
        out(json_format.dumps(found) if json else slices_text(found))
        return
    request |= {"cell": cell, "class": label, "words": words, "min_words": min_words, "max_words": max_words}
    request |= {"slice": slice_, "which": "all" if everything else None}
    if explain is None:
        found = service.mistakes(request | {"count": limit}, no_progress)
    else:
        found = service.mistakes(request | {"start": explain - 1, "count": 1}, no_progress)
        if not found["rows"]:
            raise ConfigError(f"There is no row {explain} to explain", f"The rows asked for are {found['total']}.")
        found["explanation"] = _explained(service, str(path), found["rows"][0])
    if json:
        out(json_format.dumps(found))
    else:
        _print(found)


def _explained(service: Any, path: str, row: dict[str, Any]) -> dict[str, Any]:
    request = {"run": path, "text": row["text"], "class": row["said"]}
    found: dict[str, Any] = service.explain(request, no_progress)
    return found


def _print(found: dict[str, Any]) -> None:
    from core.cli.judge_text import explanation_text, mistakes_text

    if found["rows"]:
        out(mistakes_text(found))
    if "explanation" in found:
        out("\n" + explanation_text(found["explanation"]))
        return
    rest = found["total"] - len(found["rows"])
    if not found["of"]["wrong"] and not found["rows"]:
        say(f"No mistakes: all {found['of']['rows']} rows of {found['part']} are right.")
    elif not found["rows"]:
        say(f"No rows fit; {found['part']} has {found['of']['wrong']} mistakes in {found['of']['rows']} rows.")
    elif rest > 0:
        say(f"… {rest} more: --limit {found['total']}")
    if found["rows"]:
        say("--explain N says which words pushed the answer to the Nth of them.")

"""`finetui labels`: which labels of a run may be wrong, what is decided about them, and a run with them corrected."""

from __future__ import annotations

import json as json_format
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from core.cli.console import Line, out, say, table
from core.cli.find import find_run
from core.cli.options import JsonOption, RunArgument, RunsOption
from core.errors import ConfigError
from core.runs.corrections import Do
from core.runs.run import Run
from core.text import safe, shorten

if TYPE_CHECKING:
    from core.evaluation.candidates import Candidates
    from core.evaluation.deciding import Decided, Wish

SHOWN = 40
WIDTH = 80
_Ids = Optional[list[str]]  # noqa: UP045


def labels(
    run: RunArgument,
    everything: Annotated[
        bool, typer.Option("--all", help="Judge the training rows too, by k folds of small models: about a minute.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many are listed at most.")] = SHOWN,
    reasons: Annotated[bool, typer.Option("--reasons", help="Say of each why, on a line of its own.")] = False,
    fix: Annotated[
        _Ids, typer.Option("--fix", metavar="ID[=CLASS]", help="Give a row the suggested label, or this one.")
    ] = None,
    exclude: Annotated[_Ids, typer.Option("--exclude", metavar="ID", help="Leave a row out of the data.")] = None,
    keep: Annotated[_Ids, typer.Option("--keep", metavar="ID", help="The label is right: list it no more.")] = None,
    undo: Annotated[
        _Ids, typer.Option("--undo", metavar="ID", help="Take the last decision about a row back; 'last': the newest.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="Your reason, kept with the decisions.")] = "",
    decisions: Annotated[bool, typer.Option("--decisions", help="List what was decided, and what it changes.")] = False,
    train: Annotated[bool, typer.Option("--train", help="Train again with the labels as corrected.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --train: start and return at once.")] = False,
    json: JsonOption = False,
    runs: RunsOption = None,
) -> None:
    """List labels that may be wrong, the most suspicious first, and decide about them.

    Validation rows are judged by the run itself. Decisions are kept beside the runs, never in your file; each option
    that takes an ID can be given again, and a beginning of the ID will do.
    """
    found = find_run(run, runs)
    wishes = _wishes({Do.FIX: fix, Do.EXCLUDE: exclude, Do.KEEP: keep, Do.UNDO: undo})
    if why and not wishes:
        raise ConfigError("--why is the reason of a decision", next_step="Give --fix, --exclude, --keep or --undo too.")
    if wishes:
        _decide(found, wishes, why, json=json and not train and not decisions)
    if decisions:
        _list_decisions(found, json=json)
    if train:
        _train(found, json=json, detach=detach)
    if not (wishes or decisions or train):
        _list(found, everything, limit, reasons, json=json)


def _wishes(given: dict[Do, list[str] | None]) -> list[Wish]:
    from core.evaluation.deciding import Wish

    found = []
    for do, listed in given.items():
        for one in listed or ():
            row, _, new = one.partition("=") if do is Do.FIX else (one, "", "")
            if not row.strip() or (do is Do.FIX and one.endswith("=")):
                raise ConfigError(f"--{do} {safe(shorten(one, 40))!r} names no row, or no class", "ID or ID=CLASS.")
            found.append(Wish(do, row.strip(), new))
    return found


# Candidates


def _list(run: Run, everything: bool, limit: int, reasons: bool, *, json: bool) -> None:
    from core.evaluation.candidates import candidates

    line = Line()
    try:
        found = candidates(
            run,
            everything=everything,
            progress=lambda done, total, what: line.draw(f"{what} {done}/{total}" if total else what),
        )
    finally:
        line.clear()
    if json:
        listed = [asdict(one) for one in found.rows[:limit]]
        facts = {"run": run.name, "rows": listed, "total": len(found.rows), "looked": found.looked}
        out(json_format.dumps({**facts, "wrong": round(found.wrong, 1), "notes": list(found.notes)}))
        return
    for note in found.notes:
        say(f"! {note}")
    if found.rows:
        out(candidates_text(found, limit, reasons))
    for text in _summary(run, found, limit, everything):
        say(text)


def candidates_text(found: Candidates, limit: int, reasons: bool = False) -> str:
    """The first candidates as a table within 80 columns, the reasons below each row where they are wanted."""
    head = ["id", "label", "rather", "sure", "row", "text"]
    shown = found.rows[:limit]
    cells = [
        [
            one.id[: found.digits] + ("*" if one.likely else " "),
            shorten(safe(one.given), 12),
            shorten(safe(one.suggested), 12),
            f"{one.suggested_probability:.2f}",
            str(one.row),
            "",
        ]
        for one in shown
    ]
    lines = table([head, *cells], right=frozenset({3, 4})).split("\n")
    room = WIDTH - max(map(len, lines[1:]), default=0) - 2
    start = max(map(len, lines[1:]), default=0)
    said = [lines[0][:start].ljust(start) if len(lines[0]) > start + 6 else lines[0]]
    for one, text in zip(shown, lines[1:], strict=True):
        said.append(f"{text.ljust(start)}  {shorten(safe(one.text), max(room, 8))}".rstrip())
        if reasons:
            said.append(f"{'':{found.digits + 3}}{safe(one.why)}")
    return "\n".join(said)


def _summary(run: Run, found: Candidates, limit: int, everything: bool) -> list[str]:
    more = f", the first {limit} shown" if len(found.rows) > limit else ""
    lines = [f"{found.looked} rows judged, about {found.wrong:.0f} labels wrong; {len(found.rows)} candidates{more}"]
    if found.decided:
        lines.append(f"{found.decided} decided already: finetui labels {run.name} --decisions")
    if found.rows:
        first = found.rows[0].id[: found.digits]
        lines.append("* held for wrong by confident learning; the others are said to be of another class")
        lines.append(f"finetui labels {run.name} --fix {first} | --exclude {first} | --keep {first}")
    if not everything:
        lines.append(f"The training rows too: finetui labels {run.name} --all")
    return lines


# Decisions


def _decide(run: Run, wishes: list[Wish], why: str, *, json: bool) -> None:
    from core.evaluation.deciding import decide, touched
    from core.evaluation.predictions import read_predictions
    from core.runs.corrections import file_of, read_corrections

    made = decide(run, wishes, why)
    found = read_corrections(file_of(run), missing_ok=True)
    scores = touched(read_predictions(run), found.changing)
    if json:
        out(json_format.dumps({"made": [asdict(one) for one in made], "touched": list(scores)}))
        return
    for one in made:
        say(f"{one.row[:8]}  {_done(one.do, one.old, one.new)}")
    if len(made) < len(wishes):
        say(f"{len(wishes) - len(made)} stood already")
    for text in _touched_lines(scores):
        say(text)
    if found.changing:
        say(f"Train with {len(found.changing)} corrections: finetui labels {run.name} --train")


def _done(do: Do, old: str, new: str) -> str:
    old, new = (shorten(safe(one), 16) for one in (old, new))
    return {
        Do.FIX: f"{old} -> {new}",
        Do.EXCLUDE: f"left out ({old})",
        Do.KEEP: f"{old} is right",
        Do.UNDO: f"{old}: taken back",
    }[do]


def _list_decisions(run: Run, *, json: bool) -> None:
    from core.evaluation.deciding import decided

    found = decided(run)
    if json:
        out(json_format.dumps(asdict(found)))
        return
    if found.standing:
        out(decisions_text(found))
    else:
        say(f"Nothing was decided about the labels of {run.name}. finetui labels {run.name} lists candidates.")
    unfit = [one for one in found.standing if one.unfit]
    for reason in dict.fromkeys(one.unfit for one in unfit):
        say(f"! {sum(one.unfit == reason for one in unfit)} cannot be applied: {reason}")
    if found.damaged:
        say(f"! damaged lines passed over: {', '.join(map(str, found.damaged[:8]))} of {safe(found.path)}")
    for text in (*(f"! {note}" for note in found.notes), *_touched_lines(found.touched)):
        say(text)
    for path in found.elsewhere:
        say(f"More decisions on this source, under other cures: --corrections {safe(path)}")


def decisions_text(found: Decided) -> str:
    """What stands, as a table within 80 columns; `!` marks what does not fit the data."""
    rows = [["id", "when", "decided", "text"]]
    for one in found.standing:
        what = one.decision
        when = time.strftime("%Y-%m-%d", time.localtime(what.at))
        mark = "!" if one.unfit else " "
        text = safe(one.text) if one.text else "(its text is not at hand)"
        reason = f" · {safe(what.why)}" if what.why else ""
        done = shorten(_done(what.do, what.old, what.new), 28)
        rows.append([what.row[:8] + mark, when, done, f"{shorten(text, 24)}{reason}"])
    return "\n".join(shorten(line, WIDTH) for line in table(rows).split("\n"))


def _touched_lines(scores: Any) -> list[str]:
    lines = []
    for one in scores:
        part = "the locked test part" if one["part"] == "test" else "validation"
        lines.append(f"In {part}: {one['fixed']} with another label, {one['excluded']} left out")
        before, after = one["before"], one["after"]
        if after is None:
            lines.append("  no row of it is left")
            continue
        accuracy = f"accuracy {before['accuracy']:.3f} before, {after['accuracy']:.3f} after"
        lines.append(f"  this model there: {accuracy}; macro F1 {before['macro_f1']:.3f}, {after['macro_f1']:.3f}")
    return lines


# A run with them


def _train(parent: Run, *, json: bool, detach: bool) -> None:
    from core.cli.follow import watch
    from core.evaluation.deciding import touched
    from core.evaluation.predictions import read_predictions
    from core.launch import again, start
    from core.launch.login import ends_with_login
    from core.preflight import preflight
    from core.runs.corrections import read_corrections

    config = preflight(again.with_corrections(parent))
    child = again.make(config, parent, again.CORRECTED)
    start(child)
    say(f"run {child.name}  ({child.path}), after {parent.name}")
    for text in _touched_lines(touched(read_predictions(parent), read_corrections(config.data.corrections).changing)):
        say(text)
    if detach:
        if warning := ends_with_login():
            say(f"! {warning}")
        out(json_format.dumps({"run": child.name, "path": str(child.path)}) if json else child.name)
        return
    sys.exit(watch(child, json=json, ours=True))

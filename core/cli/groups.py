"""`finetui group`, `sweep`, `groups`: runs that belong together, made and looked at as one."""

from __future__ import annotations

import json as json_format
import math
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from core.cli.configured import configured
from core.cli.console import bar, out, say, table
from core.cli.options import JsonOption, RunsOption, SourceArgument, with_settings
from core.cli.report import ago, duration
from core.config import RunConfig
from core.errors import ConfigError
from core.launch import groups as making
from core.launch.groups import free_name, make_group
from core.launch.sweep import Sweep, ensure_driven, plan, stop_sweep, tried
from core.preflight import preflight
from core.runs import RunStore, find_root
from core.runs.groups import Standing, create_group, group_names, read_group, standing
from core.text import safe, shorten

OVER = ("seeds", "folds", "rows")

ALIKE = ("seeds", "folds")
"""Groups whose runs are the same but for chance: a mean over others says nothing."""
_CONFIG = typer.Option("--config", help="Begin from this run.toml.")
_NAME = typer.Option("--name", help="Name of the group; its runs are NAME-1, NAME-2, ...")


@with_settings()
def group(
    values: dict[str, Any],
    source: SourceArgument = None,
    over: Annotated[str, typer.Option("--over", help="What its runs differ in: seeds, folds or rows.")] = "seeds",
    count: Annotated[
        int, typer.Option("--members", min=0, help="How many seeds or folds (5), or seeds of each share of rows (1).")
    ] = 0,
    shares: Annotated[str, typer.Option("--shares", help="Of rows: shares of the training rows.")] = "",
    score_test: Annotated[bool, typer.Option("--score-each", help="Each run scores the locked test too.")] = False,
    config: Annotated[Optional[Path], _CONFIG] = None,  # noqa: UP045
    name: Annotated[str, _NAME] = "",
    runs: RunsOption = None,
    json: JsonOption = False,
) -> None:
    """Train the same settings over several seeds, folds, or shares of the rows, as one group.

    The runs wait in the queue and are trained in turn. --over rows shows whether more data would help.
    """
    if over not in OVER:
        raise ConfigError(f"A group is not over {safe(over)!r}", next_step=f"One of {', '.join(OVER)}.")
    chosen = preflight(configured(values, source, config, runs))
    store = RunStore(find_root(runs).path)
    if over == "seeds":
        members = making.over_seeds(chosen, count or 5)
    elif over == "folds":
        members = making.over_folds(chosen, count or 5)
    else:
        members = making.over_rows(chosen, _shares(shares), count or 1)
    kind = "curve" if over == "rows" else over
    called = name or free_name(store.root, _called(chosen, kind))
    found, made = make_group(store, chosen, kind, members, called, score_test=score_test)
    _made(found.name, [one.run.name for one in made], json)


@with_settings()
def sweep(
    values: dict[str, Any],
    source: SourceArgument = None,
    tries: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--try", help="NAME=A,B,C or NAME=LOW..HIGH. Can be given again."),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=0, help="How many runs; all combinations of lists if 0.")] = 0,
    config: Annotated[Optional[Path], _CONFIG] = None,  # noqa: UP045
    name: Annotated[str, _NAME] = "",
    runs: RunsOption = None,
    json: JsonOption = False,
) -> None:
    """Try settings, listed or in ranges; hopeless runs end early; ranked by validation.

    None of the runs scores the locked test: finetui score RUN does that for the one you choose.
    """
    what = [tried(words) for words in tries or ()]
    chosen = preflight(configured(values, source, config, runs))
    store = RunStore(find_root(runs).path)
    found = plan(chosen, what, trials, name or free_name(store.root, _called(chosen, "sweep")))
    create_group(store, found)
    ensure_driven(store.root, found.name)
    _made(found.name, [], json)


def groups(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The group to show.", show_default=False)] = "",
    stop: Annotated[bool, typer.Option("--stop", help="End a sweep after the run that trains now.")] = False,
    go_on: Annotated[bool, typer.Option("--go-on", help="Go on with a sweep that nobody drives.")] = False,
    runs: RunsOption = None,
    json: JsonOption = False,
) -> None:
    """List the groups, or show one: every run, their mean and standard deviation on validation."""
    root = find_root(runs).path
    if not name:
        if stop or go_on:
            raise ConfigError("Which group?", next_step="finetui groups NAME --stop")
        _list(root, json)
        return
    found = read_group(root, name)
    if (stop or go_on) and found.kind != "sweep":
        raise ConfigError(
            f"{found.name} is no sweep", next_step="finetui queue cancel RUN takes a run out of the line."
        )
    if stop:
        stop_sweep(root, found.name)
        say(f"{found.name} ends after the run that trains now")
    if go_on and ensure_driven(root, found.name):
        say(f"{found.name} goes on")
    now = standing(root, found)
    out(json_format.dumps(_plain(now)) if json else group_text(now))


def work_sweep(
    root: Annotated[Path, typer.Argument(help="The runs folder.")],
    name: Annotated[str, typer.Argument(help="The group.")],
) -> None:
    """Drive a sweep: what `finetui sweep` starts."""
    Sweep(root, name).serve()


def _shares(text: str) -> tuple[float, ...]:
    if not text:
        return making.SHARES
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{text!r} is no list of shares", next_step="For example: --shares 0.1,0.3,1") from None


def _called(config: RunConfig, kind: str) -> str:
    stem = Path(config.data.given or config.data.source).stem.replace(" ", "-")
    kept = "".join(char for char in stem if char.isascii() and (char.isalnum() or char in "-_"))[:40].strip("-_")
    return f"{kept or 'data'}-{kind}"


def _made(name: str, names: list[str], json: bool) -> None:
    out(json_format.dumps({"group": name, "runs": names}) if json else name)
    what = f"{len(names)} runs wait in the queue" if names else "its runs are made one after another"
    say(f"{what} · finetui groups {name} shows them · finetui queue lists the line")


def _list(root: Path, json: bool) -> None:
    found = [standing(root, read_group(root, one)) for one in group_names(root)]
    if json:
        out(json_format.dumps([_plain(one) for one in found]))
        return
    if not found:
        say("There are no groups. finetui group FILE --over seeds makes one.")
        return
    rows = [["group", "kind", "runs", "macro F1", "best", "when"]]
    for one in found:
        best = one.best
        rows.append(
            [
                one.group.name,
                one.group.kind,
                one.state,
                mean_text(one.mean("macro_f1")) if one.group.kind in ALIKE else "",
                f"{best[0].run.name} {best[1].macro_f1:.3f}" if best else "",
                ago(one.group.created),
            ]
        )
    out(table(rows))


def mean_text(found: tuple[float, float] | None) -> str:
    """`.884 ± .012`, the deviation left out for a single value."""
    if found is None:
        return ""
    mean, deviation = found
    return f"{mean:.3f}" if math.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"


def group_text(found: Standing) -> str:
    """A group as people read it."""
    group, best = found.group, found.best
    lines = [f"{group.name}  {group.kind}  {found.state}"]
    for title, what in (("macro F1", "macro_f1"), ("accuracy", "accuracy")) if group.kind in ALIKE else ():
        if text := mean_text(found.mean(what)):
            lines.append(f"{title:<9} {text}  (validation, {len(found.values(what))} runs)")
    members = list(found.members)
    if group.kind == "sweep":
        members.sort(key=lambda one: -found.scores.get(one[0].run.name, -math.inf))
    rows = [["", "run", "state", "macro F1", "accuracy", "time", "what", ""]]
    for member, summary in members:
        rows.append(
            [
                "*" if best is not None and member.run == best[0].run else "",
                member.run.name,
                str(summary.state),
                "" if summary.macro_f1 is None else f"{summary.macro_f1:.3f}",
                "" if summary.accuracy is None else f"{summary.accuracy:.3f}",
                duration(summary.seconds),
                shorten(safe(member.what), 40),
                bar(summary.macro_f1 or 0.0, 12) if group.kind == "curve" else "",
            ]
        )
    lines += ["", table(rows, frozenset({3, 4, 5}))]
    if group.kind == "sweep" and best is not None:
        lines += [
            "",
            f"Best by validation: {best[0].run.name}. Its locked test, once: finetui score {best[0].run.name}",
        ]
    if group.kind == "curve" and (told := more_rows(found)):
        lines += ["", told]
    return "\n".join(lines)


def more_rows(found: Standing) -> str:
    """What the curve says about more data: the gain for each doubling of the rows between the two largest shares.

    With several seeds at both it is told from chance by two standard errors of the difference of their means; with one
    it cannot be.
    """
    at: dict[float, list[float]] = {}
    for member, summary in found.finished:
        if summary.macro_f1 is not None:
            at.setdefault(float(member.values.get("split.train_share", 1.0)), []).append(summary.macro_f1)
    if len(at) < 2:
        return ""
    low, high = sorted(at)[-2:]
    before, after = at[low], at[high]
    doublings = math.log2(high / low)
    gain = 100 * (statistics.mean(after) - statistics.mean(before)) / doublings
    told = f"From {100 * low:g} % to {100 * high:g} % of the rows: {gain:+.1f} points of macro F1 for each doubling"
    if min(len(before), len(after)) < 2:
        return f"{told}, from one seed each: a point or two may be chance (--members 3 trains three seeds of each)."
    errors = [statistics.variance(values) / len(values) for values in (before, after)]
    if gain * doublings <= 200 * math.sqrt(sum(errors)):
        return f"{told}, which these seeds do not tell from chance."
    return f"{told}, more than these seeds scatter: more rows of this kind would help."


def _mean(found: tuple[float, float] | None) -> dict[str, float | None] | None:
    return None if found is None else {"mean": found[0], "deviation": None if math.isnan(found[1]) else found[1]}


def _plain(found: Standing) -> dict[str, Any]:
    best = found.best
    return {
        "group": found.group.name,
        "kind": found.group.kind,
        "planned": found.group.planned,
        "state": found.state,
        **{what: _mean(found.mean(what)) for what in ("macro_f1", "accuracy")},
        "best": best[0].run.name if best else None,
        "members": [
            {
                "run": member.run.name,
                "what": member.what,
                "values": member.values,
                "state": str(summary.state),
                "macro_f1": summary.macro_f1,
                "accuracy": summary.accuracy,
            }
            for member, summary in found.members
        ],
        "about": asdict(found.group)["about"].get("try"),
    }

"""A run and a list of runs as text."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

from core.cli.checklist import checklist_lines
from core.cli.console import bar, table
from core.cli.epochs import epochs_text
from core.config import differing, flag_of
from core.config.recipe import base_of, recipes
from core.errors import RunError
from core.launch import program
from core.launch.again import remedy
from core.runs import History, Run, RunState, Summary
from core.runs import epochs as rooms
from core.runs.disk import Usage
from core.runs.order import ordered
from core.runs.ranking import best_names
from core.runs.resume import outlook, place_text
from core.text import safe, shorten
from core.training.events import RunResumed


def duration(seconds: float) -> str:
    """Seconds as 41 s, 3:05 or 1:02:03."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def size_text(count: int) -> str:
    """Bytes in the unit that fits, powers of 1024: `134 MiB`."""
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.3g} MiB"


def ago(moment: float) -> str:
    """How long ago a unix time is."""
    seconds = max(time.time() - moment, 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def left_text(run: Run, history: History, state: RunState) -> str:
    """`brisk-otter: paused at step 120 of 236 · finetui resume brisk-otter`; empty for a run that cannot go on."""
    found = outlook(run, state, history.end)
    if state not in (RunState.PAUSED, RunState.INTERRUPTED, RunState.FAILED) or not found.possible:
        return ""
    steps = history.plan.steps if history.plan is not None else 0
    at = place_text(found.step, steps)
    where = f"{state} at {at}" if state is RunState.PAUSED and found.step else f"{state}, goes on from {at}"
    return f"{run.name}: {where} · {program()} resume {run.name}"


def remedy_text(run: Run, history: History) -> str:
    """The command that trains a failed run anew with gentler settings; empty when none are known."""
    try:
        words = [
            word for path, value in remedy(run.config(), history).items() for word in (flag_of(path), f"{value:g}")
        ]
    except RunError:
        return ""
    command = shlex.join(["train", "--config", str(run.path / "run.toml"), *words])
    return f"{program()} {command}" if words else ""


def resumed_lines(history: History) -> list[str]:
    """When a run went on, from where, and whether that was exact: a line for each time."""
    steps, lines = history.plan.steps if history.plan is not None else 0, []
    for fact, moment in zip(history.resumed, history.resumed_times, strict=True):
        lines.append(f"resumed {ago(moment)} from {resumed_text(fact, steps)}")
    return lines


def resumed_text(fact: RunResumed, steps: int) -> str:
    """`step 120 of 236`, with the reason where it is not bit by bit as if nothing had happened."""
    if fact.step == 0:
        return "the beginning: there was no checkpoint"
    told = "" if fact.exact else f", continued, not exact: {safe(fact.reason)}"
    return place_text(fact.step, steps) + told


def runs_text(summaries: list[Summary], stars: set[str] | None = None, sizes: Mapping[str, Usage] | None = None) -> str:
    """The table of runs. Without `stars`: best validation macro F1 first; the best of those that compare is starred.

    With the names of the starred ones the order stays as it is; `sizes` by name are shown where they are known.
    """
    best, size_of = best_names(summaries) if stars is None else stars, sizes or {}
    heads = ["", "run", "state", "data", "model", "macro F1", "accuracy", "worst class", "time", "when"]
    rows = [[*heads, "size", "after", "tags"]]
    for one in summaries if stars is not None else ordered(summaries):
        worst = "" if one.worst_f1 is None else f"{one.worst_f1:.3f} {shorten(safe(one.worst_class), 14)}"
        rows.append(
            [
                "*" if one.name in best else "",
                one.name,
                "damaged" if one.problem else str(one.state),
                shorten(safe(one.data), 24),
                shorten(safe(one.base), 20),
                "" if one.macro_f1 is None else f"{one.macro_f1:.3f}",
                "" if one.accuracy is None else f"{one.accuracy:.3f}",
                worst,
                duration(one.seconds),
                ago(one.created),
                size_text(size_of[one.name].total) if one.name in size_of else "",
                shorten(safe(one.parent), 24),
                shorten(safe(" ".join(one.tags[:20])), 24),
            ]
        )
    used = [at < len(heads) or any(row[at] for row in rows[1:]) for at in range(len(rows[0]))]
    rows = [[cell for cell, is_used in zip(row, used, strict=True) if is_used] for row in rows]
    less = ("when", "time", "model", "after", "worst class", "tags")
    return table_within(rows, frozenset({"macro F1", "accuracy", "time", "size"}), less)


def table_within(rows: list[list[str]], right: frozenset[str], less: tuple[str, ...]) -> str:
    """`rows` as a table that fits the terminal: the columns headed `less` are left out, in that order, until it does.

    On a pipe every column is there.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    for name in (*less, ""):
        text = table(rows, frozenset(at for at, head in enumerate(rows[0]) if head in right))
        if not name or max(map(len, text.splitlines())) <= width:
            return text
        if name not in rows[0]:
            continue
        at = rows[0].index(name)
        rows = [row[:at] + row[at + 1 :] for row in rows]
    return text


def run_text(run: Run, history: History, state: RunState, *, epochs: bool = False) -> str:
    """One run: what it is, what it reached beside the baselines, per class and epoch, and what is not at its default.

    `epochs`: every epoch of many, and the right answers per class in each.
    """
    metrics = run.read_json("metrics.json")
    lines = [f"{run.name}  {state}  {run.path}"]
    if parent := run.notes().get("parent"):
        lines.append(f"after  {safe(str(parent))}, whose weights it began with")
    if history.data is not None:
        d = history.data
        lines.append(f"data   {safe(d.source)}: {d.kept} of {d.read} rows, {len(d.label_names)} classes")
        if split := run.read_json("data.json").get("split"):
            lines.append(f"split  {safe(split['method'])}: {safe(split['reason'])}")
    if history.plan is not None:
        p = history.plan
        lines.append(f"model  {safe(p.base)}, {p.parameters / 1e6:.1f} M parameters, {p.max_length} tokens at most")
    lines += resumed_lines(history)
    if not metrics:
        if history.best is not None:
            lines.append(f"best so far: macro F1 {history.best.scores.macro_f1:.3f} at epoch {history.best.epoch:.3g}")
        return "\n".join([*lines, *_epochs(run, history, whole=epochs)])
    lines += [
        "",
        _scores_table(metrics, bool(history.data and sum(history.data.test))),
        "",
        _class_table(metrics),
        *_epochs(run, history, whole=epochs),
        *checklist_lines(run),
    ]
    lines += ["", f"{metrics['reason']}, {duration(metrics['seconds'])}", *_write_up(run, metrics)]
    config = run.config()
    changed = differing(config, base_of(config))
    if changed:
        what = "not as in the recipe" if config.data.recipe in recipes() else "not default"
        lines.append(f"{what}: " + ", ".join(f"{path} = {_shown(value)}" for path, value, _ in changed))
    return "\n".join(lines)


def _epochs(run: Run, history: History, *, whole: bool) -> list[str]:
    """The table of epochs, and how much room those take whose weights were kept."""
    text = epochs_text(run, history, whole=whole)
    lines = ["", text] if text else []
    if kept := rooms.kept(run.path):
        some = f"epoch {kept[0]}" if len(kept) == 1 else f"{len(kept)} epochs ({rooms.kept_text(kept)})"
        lines.append(f"{some} kept in epochs/, {size_text(rooms.size_of(run.path))} together")
        best = round(history.best.epoch) if history.best is not None else 0
        one = best if best in kept else kept[-1]
        lines.append(f"one answers: {program()} classify {run.name} --epoch {one} TEXT")
    return lines


def _write_up(run: Run, metrics: dict[str, Any]) -> list[str]:
    """What the write-up reports that the run's recipe repeats or answers, and beside it what this run reached."""
    if (written := recipes().get(run.config().data.recipe)) is None:
        return []
    name = written.name
    written = recipes().get(written.against, written)
    rows = [[f"recipe {name}", "the write-up", "this run", ""]]
    for what, value in written.reached:
        ours, where = _same_figure(metrics, what)
        rows.append([what, f"{value:.3f}", "" if ours is None else f"{ours:.3f}", where])
    if len(rows) == 1:
        return [f"recipe {name}"]
    return [
        "",
        table(rows, frozenset({1, 2})),
        f"The write-up trained {written.model}; compare only with the same model and data.",
    ]


def _same_figure(metrics: dict[str, Any], what: str) -> tuple[float | None, str]:
    """This run's value of a figure that a write-up names, and on which rows: the last epoch, else test where there is
    one, else validation."""
    figure, _, when = what.partition(", ")
    part = "last_validation" if when == "last epoch" else "validation" if when or not metrics["test"] else "test"
    scores = metrics[part]
    known = {"accuracy": "accuracy", "weighted F1": "weighted_f1", "macro F1": "macro_f1"}
    value = scores.get(known[figure]) if figure in known else scores["class_f1"].get(figure.removeprefix("F1 "))
    return value, "" if value is None else part.replace("last_validation", "validation")


def _shown(value: object) -> str:
    return safe(" + ".join(map(str, value)) if isinstance(value, tuple) else value)


def _scores_table(metrics: dict[str, Any], locked: bool) -> str:
    rows = [["", "macro F1", "accuracy", "weighted F1", "rows"]]

    def add(title: str, scores: dict[str, Any]) -> None:
        figures = [f"{scores[key]:.3f}" for key in ("macro_f1", "accuracy", "weighted_f1")]
        rows.append([title, *figures, str(scores["rows"])])

    add("always the largest class, validation", metrics["baselines"]["majority"]["validation"])
    add("TF-IDF + logistic regression, validation", metrics["baselines"]["tfidf"]["validation"])
    add("last epoch, validation", metrics["last_validation"])
    add(f"best epoch ({round(metrics['best_epoch'], 2):g}), validation", metrics["validation"])
    text = ""
    if metrics["test"]:
        add("best epoch, locked test", metrics["test"])
        count = metrics["test"]["runs_scored"]
        text = f"\nThis test part has been scored by {count} run{'s' * (count != 1)}, this one too."
    elif locked:
        text = "\nThe locked test was not scored: finetui score RUN does that, once."
    else:
        text = "\nNo locked test: the best epoch was picked on the rows it is reported on, which flatters."
    return table(rows, frozenset({1, 2, 3, 4})) + text


def _class_table(metrics: dict[str, Any]) -> str:
    part = "test" if metrics["test"] else "validation"
    scores = metrics[part]
    rows = [[f"class ({part})", "F1", "precision", "recall", "rows", ""]]
    for name in metrics["label_names"]:
        figures = [f"{scores[key][name]:.3f}" for key in ("class_f1", "class_precision", "class_recall")]
        support = str(scores["support"][name])
        rows.append([shorten(safe(name), 24), *figures, support, bar(scores["class_f1"][name], 20)])
    return table(rows, frozenset({1, 2, 3, 4}))

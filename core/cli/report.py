"""A run and a list of runs as text."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from typing import Any

from core.cli.console import bar, table
from core.config import differing, flag_of
from core.errors import RunError
from core.launch import program
from core.launch.again import remedy
from core.runs import History, Run, RunState, Summary
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


def runs_text(summaries: list[Summary]) -> str:
    """The table of runs, best validation macro F1 first; the best of those that compare is starred."""
    rows = [["", "run", "state", "data", "model", "macro F1", "accuracy", "worst class", "time", "when", "after"]]
    best = best_names(summaries)
    for one in sorted(summaries, key=lambda s: (s.macro_f1 is not None, s.macro_f1 or 0.0, s.created), reverse=True):
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
                shorten(safe(one.parent), 24),
            ]
        )
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    less = ("when", "time", "model", "after", "worst class")
    return table_within(rows, frozenset({"macro F1", "accuracy", "time"}), less)


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


def run_text(run: Run, history: History, state: RunState) -> str:
    """One run: what it is, what it reached beside the baselines, per class, and what differs from the defaults."""
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
        return "\n".join(lines)
    lines += ["", _scores_table(metrics), "", _class_table(metrics)]
    lines += ["", f"{metrics['reason']}, {duration(metrics['seconds'])}"]
    changed = differing(run.config())
    if changed:
        lines.append("not default: " + ", ".join(f"{path} = {_shown(value)}" for path, value, _ in changed))
    return "\n".join(lines)


def _shown(value: object) -> str:
    return safe(" + ".join(map(str, value)) if isinstance(value, tuple) else value)


def _scores_table(metrics: dict[str, Any]) -> str:
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

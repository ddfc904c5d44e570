"""A profile of data as people read it in a shell, within 80 columns."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import textwrap
from typing import Any

from core.cli.console import bar, out, table
from core.config import RunConfig, command_line, flag_of
from core.errors import error_from_dict
from core.text import safe, shorten

_CLASSES = 12
_NAME = 20
_MARKS = {"bad": ("✗", "x"), "warn": ("!", "!"), "ok": ("✓", "+")}
_IN_NUMBER = re.compile(r"(?<=\d) (?=\d|%)")
_PARTS = ("train", "validation", "test")


def show_profile(found: dict[str, Any], rows: list[dict[str, Any]], config: RunConfig) -> None:
    """Everything about the data: how it was read, classes, lengths, health, baselines, rows, the command to train."""
    _show_reading(found)
    if not found["classes"]:
        out(f"columns: {', '.join(safe(name) for name in found['columns'])}")
        return
    out()
    _show_classes(found)
    out()
    _show_lengths(found)
    _show_split(found)
    out()
    for one in found["findings"]:
        _show_finding(one)
    _show_baselines(found)
    if rows:
        out()
        show_rows(rows)
    _show_problem(found["problem"], config)


def show_rows(rows: list[dict[str, Any]]) -> None:
    """Rows as lines: where each stands, its label, its text as far as the line is long."""
    width = _width()
    for row in rows:
        place = f"{safe(row['file'])}:{row['row']}" if row["file"] else str(row["row"])
        head = f"{place:>7}  {shorten(safe(row['label']), 16):<12}  "
        out(head + shorten(safe(row["text"]), max(width - len(head), 20)))


def _width() -> int:
    return max(min(shutil.get_terminal_size((80, 24)).columns, 120), 40)


def _wrapped(text: str, first: str = "", rest: str = "") -> None:
    """A paragraph: `first` before its first line, `rest` before the others. Words too long for a line stay whole."""
    whole = _IN_NUMBER.sub("\u00a0", safe(text))
    wrapper = textwrap.TextWrapper(_width(), first, rest, break_long_words=False, break_on_hyphens=False)
    out("\n".join(wrapper.wrap(whole)).replace("\u00a0", " "))


def _show_reading(found: dict[str, Any]) -> None:
    out(f"{found['given'] or found['source']}")
    for one in found["reading"]:
        _wrapped(f"{safe(one['value'])}  ({safe(one['reason'])})", f"  {one['what']:<14} ", " " * 17)
    if found["members"]:
        out()
        lines = [["file", "part", "rows"]]
        lines += [[shorten(safe(one["name"]), 40), one["part"] or "-", number(one["read"])] for one in found["members"]]
        out(table(lines, right=frozenset({2})))
    out()
    out(f"{number(found['kept'])} rows kept of {number(found['read'])}")
    for one in found["dropped"]:
        out(f"  - {number(one['rows'])}  {safe(one['reason'])}")


def _show_classes(found: dict[str, Any]) -> None:
    classes = found["classes"]
    shown = classes if len(classes) <= _CLASSES else classes[: _CLASSES - 2]
    parts = _part_counts(found)
    heads = ["class", "", "rows", "share", *parts]
    cells = [[number(parts[part].get(one["name"], 0)) for part in parts] for one in shown]
    beside = sum(max([len(part), *(len(row[at]) for row in cells)]) + 2 for at, part in enumerate(parts))
    names = min(max([5, *(len(safe(one["name"])) for one in shown)]), _NAME)
    space = max(min(_width() - names - 22 - beside, 60), 6)
    lines = [heads]
    for one, more in zip(shown, cells, strict=True):
        drawn = bar(one["rows"] / classes[0]["rows"], space)
        lines.append([shorten(safe(one["name"]), _NAME), drawn, number(one["rows"]), f"{one['share']:.1%}", *more])
    out(table(lines, right=frozenset(range(2, len(heads)))))
    if len(shown) < len(classes):
        rest = classes[len(shown) :]
        out(f"and {len(rest)} more with {number(sum(one['rows'] for one in rest))} rows")
    if len(classes) > 1 and classes[-1]["rows"]:
        ratio = classes[0]["rows"] / classes[-1]["rows"]
        out(f"imbalance: {ratio:.{0 if ratio >= 10 else 1}f} rows of the largest class for each of the smallest")


def _part_counts(found: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Rows per class of each part that the data comes in; nothing when it comes in one."""
    split = found["split"]
    if not split or split["method"] != "given":
        return {}
    counts = {part: dict(zip(split["label_names"], split[part], strict=True)) for part in _PARTS}
    return {part: rows for part, rows in counts.items() if sum(rows.values())}


def _show_lengths(found: dict[str, Any]) -> None:
    words = found["lengths"]
    out(f"words a text: half have {words['p50']} or fewer, 95 % {words['p95']}, longest {words['max']}")
    facts = _facts(found, "lengths")
    if "p50" in facts:
        chosen = "chosen from the data" if facts["automatic"] else "as asked"
        if facts["max_length"] == facts["limit"]:
            chosen = "the model's limit"
        text = f"tokens a text ({safe(facts['model'])}): half have {facts['p50']} or fewer, 95 % {facts['p95']}, "
        text += f"longest {facts['max']}; maximum length {facts['max_length']} ({chosen})"
        _wrapped(text, rest="  ")
    elif "unavailable" in facts:
        _wrapped(f"tokens a text: not counted. {facts['unavailable']}", rest="  ")


def _show_split(found: dict[str, Any]) -> None:
    if split := found["split"]:
        counts = ", ".join(f"{number(sum(split[part]))} {part}" for part in _PARTS)
        reason = f" ({split['reason']})" if split["reason"] else ""
        _wrapped(f"split, {split['method']}: {counts}{reason}", rest="  ")


def _show_finding(one: dict[str, Any]) -> None:
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    _wrapped(one["text"], f"{_MARKS[one['level']][plain]} ", "  ")
    mends = f"--cure {shlex.quote(safe(one['cure']))}" if one["cure"] else " ".join(_flags(one["settings"]))
    fine = one["level"] == "ok"
    parts = [f"{'if wanted' if fine else 'mend'}: {mends}"] if mends else []
    if one["rows"] and (mends or not fine):
        parts.append(f"look: --rows {shlex.quote(safe(one['code']))}")
    if parts:
        line = "    " + "   ".join(parts)
        out(line if len(line) <= _width() else "\n".join(f"    {part}" for part in parts))


def _flags(settings: dict[str, Any]) -> list[str]:
    """Settings as the options that set them."""
    found = []
    for path, value in settings.items():
        flag = flag_of(path)
        if isinstance(value, bool):
            found.append(flag if value else f"--no-{flag[2:]}")
        else:
            found.append(f"{flag} {shlex.quote(safe(value))}")
    return found


def _show_baselines(found: dict[str, Any]) -> None:
    """What needs no network: on the validation rows when that was examined, else what the class shares tell."""
    out()
    facts = _facts(found, "baseline")
    largest = found["majority"]
    name = f"always {shorten(safe(largest['name']), _NAME)!r}"
    if "majority" not in facts:
        out(f"{name}: accuracy {largest['accuracy']:.3f}, macro F1 {largest['macro_f1']:.3f}")
        return
    lines = [["without a network", "accuracy", "macro F1", "weighted F1"]]
    for title, key in ((name, "majority"), ("TF-IDF", "tfidf")):
        if scores := facts.get(key):
            lines.append([title, *(f"{scores[one]:.3f}" for one in ("accuracy", "macro_f1", "weighted_f1"))])
    out(table(lines, right=frozenset({1, 2, 3})))
    sampled = ", a sample" if facts["sampled"] else ""
    trained, held = number(facts["train_rows"]), number(facts["validation_rows"])
    out(f"trained on {trained} rows, scored on {held} validation rows{sampled}")


def _facts(found: dict[str, Any], check: str) -> dict[str, Any]:
    facts: dict[str, Any] = found["examined"].get(check, {}).get("facts", {})
    return facts


def _show_problem(wrong: dict[str, str] | None, config: RunConfig) -> None:
    out()
    if wrong is None:
        out(f"ready to train: {command_line(config)}")
        return
    error = error_from_dict(wrong)
    _wrapped(f"cannot be trained on as it is: {error.title}", rest="  ")
    for part in (error.message, error.next_step):
        if part:
            _wrapped(part, "  ", "  ")


def number(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}".replace(",", " ")

"""The Configure room's live strip: rows per part and class, steps, forecast, devices, the same as a command."""

from __future__ import annotations

import math
import textwrap

from core.config import Problem, RunConfig, command_line
from core.text import safe
from tui.facts import Split
from tui.forecasting import Outlook
from tui.format import clock, count, size
from tui.widgets.canvas import Line, flow, line


def rows(split: Split | None, config: RunConfig, width: int, note: str = "") -> list[Line]:
    """`train 1 034 · validation 222 · test 222 · 65 steps an epoch, 260 in all`, how dealt and why, then per class."""
    if split is None:
        return [line((text, "muted")) for text in textwrap.wrap(safe(note), max(width, 20))[:3] or ["counting rows…"]]
    train = sum(split.train)
    training = config.training
    each = math.ceil(_seen(split, training.oversample) / (training.batch_size * training.accumulation))
    parts = [
        line(("train ", "muted"), (count(train), "strong"), " rows"),
        line(("validation ", "muted"), (count(sum(split.validation)), "strong")),
        line(("test, locked ", "muted"), (count(sum(split.test)), "strong"))
        if sum(split.test)
        else line(("no locked test", "warn")),
        line(f"~{count(each)} steps an epoch, ", (f"~{count(each * training.epochs)}", "strong"), " in all"),
    ]
    names = [safe(name)[:18] for name in split.label_names]
    classes = [
        line((f"{name} ", "muted"), f"{a}/{b}/{c}")
        for name, a, b, c in zip(names, split.train, split.validation, split.test, strict=True)
    ]
    lines = flow(classes, width)
    more = [line((f"and more: {len(names)} classes in all", "muted"))] if len(lines) > 2 else []
    return [*flow(parts, width), *_dealt(split, width), *lines[:2], *more]


def _seen(split: Split, oversample: str) -> int:
    """Rows that an epoch goes through: `core.training.oversample` repeats those of smaller classes."""
    largest = max(split.train, default=0)
    match oversample:
        case "balanced":
            return largest * sum(own > 0 for own in split.train)
        case "sqrt":
            return sum(round(math.sqrt(largest * own)) for own in split.train)
        case _:
            return sum(split.train)


def _dealt(split: Split, width: int) -> list[Line]:
    """`stratified: equal class shares, 15 % validated`, in one line, or two where the screen is wide."""
    if not split.method:
        return []
    left = f"; {count(split.left_out)} rows in no part" if split.left_out else ""
    told = textwrap.wrap(
        safe(f"{split.method}: {split.reason}{left}"), max(width, 20), max_lines=1 + (width >= 100), placeholder=" …"
    )
    return [line((text, "muted")) for text in told]


def device_lines(devices: list[dict[str, object]], chosen: str, width: int) -> list[Line]:
    """One line per device: its name in a configuration, its free memory, how busy it is."""
    found = []
    for one in devices[:8]:
        free, total = (size(float(str(one.get(key, 0)))) for key in ("free_bytes", "total_bytes"))
        name = str(one.get("device", ""))
        mark = "▸" if name == chosen else " "
        found.append(
            line((f"{mark}{name:<8}", "strong"), f"{free} free of {total}  ",
                 (f"{str(one.get('name', ''))[:36]}  {one.get('note', '')}", "muted"))
        )  # fmt: skip
    return found


def forecast(found: Outlook | None, note: str = "") -> list[Line]:
    """`forecast 01:12 (probed) · peak 1.1 GiB`, with `~` for arithmetic; below that what would fit when this does not.

    `note` stands behind: what is being done about it, or why it was not measured.
    """
    if found is None:
        return [line(("forecast ", "muted"), (note or "…", "muted"))]
    about, told = ("", " (probed)") if found.probed else ("~ ", "")
    peak = f" · peak {about}{size(found.peak)}" if found.peak is not None else ""
    after = f"   {safe(note)}" if note else ""
    lines = [
        line(("forecast ", "muted"), (f"{about}{clock(found.seconds)}", "strong"), f"{told}{peak}", (after, "muted"))
    ]
    if not found.fits:
        values = ", ".join(f"{path.split('.')[1].replace('_', ' ')} {value}" for path, value in found.proposal.items())
        cure = f"; f: {values}, the same rows per step" if values else ""
        lines.append(line((f"✗ does not fit: {size(found.free)} are free{cure}", "bad")))
    return lines


def command(config: RunConfig, width: int) -> list[Line]:
    """The command, in at most two lines; `y` shows it whole."""
    lines = textwrap.wrap(safe(command_line(config)), max(width - 2, 20), break_on_hyphens=False)
    shown = [line(("$ " if at == 0 else "  ", "accent"), text) for at, text in enumerate(lines[:2])]
    return shown if len(lines) < 3 else [*shown[:1], line("  … ", ("y shows all of it", "muted"))]


def problem_lines(found: list[Problem], width: int) -> list[Line]:
    """What keeps a run from starting."""
    return [line((f"✗ {one.path.split('.')[1].replace('_', ' ')}: {one.message}", "bad")) for one in found[:3]]

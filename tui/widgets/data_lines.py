"""The Data room's lines of text: what loads, what failed, how long texts are and how the file was read."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.errors import WorkbenchError, error_from_dict
from core.text import safe
from tui.advice import here
from tui.facts import Profile, Query
from tui.format import bar, count, score, share, unicode_terminal
from tui.widgets.canvas import Line, flow, line

_SPARKS = "▁▂▃▄▅▆▇█"


def opening(given: str) -> list[Line]:
    """Before anything is known."""
    return [line(("… ", "accent"), f"opening {given}", ("   esc cancels", "muted"))]


def progress(given: str, done: int, total: int, what: str) -> list[Line]:
    """While it is read; `total` 0 while that is not known."""
    far = f"{bar(done / total, 16)} {share(done / total)} " if total else f"{count(done)} " if done else ""
    return [line(("… ", "accent"), f"{what} {given} {far}", ("   esc cancels", "muted"))]


def cancelled(kept: bool) -> list[Line]:
    """After `esc`."""
    return [line(("Cancelled. ", "warn"), _KEPT if kept else "Choose a source above.")]


_KEPT = "The data below is what was there before."


def failure(error: WorkbenchError, kept: bool, width: int) -> list[Line]:
    """What went wrong, what to do, and that nothing is lost."""
    said = [line((f"✗ {error.title}", "bad"))]
    said += [line("  ", text) for text in wrap(error.message, width - 2)[:3]]
    said += [line(("  Next: ", "strong"), text) for text in wrap(here(error.next_step), width - 9)[:2]]
    return [*said, *([line(("  " + _KEPT, "muted"))] if kept else [])]


def problem(profile: Profile, width: int) -> list[Line]:
    """Why this data cannot be trained on as it is, if so."""
    if not profile.problem:
        return []
    found = error_from_dict(profile.problem)
    said = [line((f"✗ Cannot be trained on yet: {found.title}", "bad"))]
    if any(finding.cure for finding in profile.findings):
        return [*said, line(("  Next: ", "strong"), "in Health, f applies the cure of the finding under the cursor")]
    return said + [line("  ", text) for text in wrap(here(found.next_step) or found.message, width - 2)[:2]]


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` characters."""
    import textwrap

    return [part for one in safe(text, newlines=True).splitlines() for part in textwrap.wrap(one, max(width, 20))]


def sparkline(values: Sequence[int]) -> str:
    """Counts as one character each."""
    top = max(values, default=0)
    marks = _SPARKS if unicode_terminal() else " .:-=+*#"
    return "".join(marks[min(round(value / top * 7), 7)] if value else marks[0] for value in values) if top else ""


def facts(profile: Profile, width: int) -> list[Line]:
    """Lengths, what guessing the largest class would score, and how the file was read."""
    lengths = profile.lengths
    parts = [
        line(("Lengths ", "muted"), (sparkline(lengths.histogram), "one"),
             f"  p50 {lengths.p50} · p95 {lengths.p95} · max {count(lengths.max)} {lengths.unit}"),
    ]  # fmt: skip
    if profile.majority and profile.kept:
        name, accuracy, macro = profile.majority
        parts.append(line(("always ", "muted"), f"'{safe(name)[:20]}'", (": ", "muted"),
                          f"accuracy {score(accuracy)} · F1 {score(macro)}"))  # fmt: skip
    reading = [line((f"{what} ", "muted"), f"{value[:24]}", (f" ({reason})" if reason and width > 150 else "", "muted"))
               for what, value, reason in profile.reading if "column" not in what]  # fmt: skip
    return flow([*parts, *reading], width)[:3]


def rows_title(query: Query, total: int) -> Content:
    """The title above the rows: how many, and which."""
    which = [f"class {safe(query.label)[:30]}"] if query.label else []
    which += [f"finding: {safe(query.code)[:30]}"] if query.code else []
    which += [f"holding '{safe(query.words)[:30]}'"] if query.words else []
    parts = [f"{count(total)} row{'s' * (total != 1)}", *which, *(["esc shows all"] if which else [])]
    return Content(" · ".join(parts))

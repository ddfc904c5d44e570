"""The Data room's lines of text: what loads, what failed, how long texts are and how the file was read."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from core.errors import WorkbenchError, error_from_dict
from core.text import safe
from tui.advice import here
from tui.facts import Baseline, Lengths, Profile, Query
from tui.format import bar, count, score, share, size, unicode_terminal
from tui.widgets.canvas import Line, flow, line

_SPARKS = "▁▂▃▄▅▆▇█"


def opening(given: str) -> list[Line]:
    """Before anything is known."""
    return [line(("… ", "accent"), f"opening {given}", ("   esc cancels", "muted"))]


_BYTES = ("bytes", "downloading", "unpacking")
"""What is counted in bytes."""


def progress(given: str, done: int, total: int, what: str) -> list[Line]:
    """While it is read; `total` 0 while that is not known."""
    in_bytes = what in _BYTES
    doing = "reading" if what == "bytes" else what
    amount = size(total or done) if in_bytes else f"{count(done)} {what}" if done and not total else ""
    doing = "reading" if amount and not in_bytes else doing
    far = f"{bar(done / total, 16)} {share(done / total)} " if total else ""
    of = "of " if total and amount else ""
    return [line(("… ", "accent"), f"{doing} {given} {far}{of}{amount}", ("   esc cancels", "muted"))]


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
    if any(finding.cure or finding.settings for finding in profile.findings if finding.level != "ok"):
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


def facts(profile: Profile, lengths: Lengths, baseline: Baseline | None, note: str, width: int) -> list[Line]:
    """Lengths, what a run has to beat, the parts that were given, and how the file was read.

    `note`: why the lengths are in words still.
    """
    parts = [_lengths(lengths, width, note)]
    if profile.majority and profile.kept:
        parts.append(_baselines(profile.majority, baseline))
    if given := _parts(profile):
        parts.append(given)
    return flow([*parts, _reading(profile, width)], width)


def _lengths(lengths: Lengths, width: int, note: str) -> Line:
    bins = lengths.histogram
    if width < 100:
        bins = tuple(sum(bins[at : at + 2]) for at in range(0, len(bins), 2))
    middle = f"  p50 {lengths.p50} · p95 {lengths.p95} · max {count(lengths.max)} {lengths.unit}"
    fit = "" if lengths.truncated is None else f" · {_whole(1 - lengths.truncated)} fit {lengths.limit}"
    why = f" (no tokens: {note})" if note else ""
    return line(
        ("Lengths ", "muted"), (sparkline(bins), "one"), middle, fit if why else fit.ljust(_FIT), (why, "muted")
    )


_FIT, _TFIDF = 17, 17
"""Cells that are kept free for what comes later, so that no line below moves then."""


def _whole(part: float) -> str:
    """A share in per cent that says all only where it is all."""
    return "all" if part == 1 else f"{min(part * 100, 99.9):.1f} %"


def _baselines(majority: tuple[str, float, float], baseline: Baseline | None) -> Line:
    """`always 'happy': acc .767 F1 .145 · TF-IDF F1 .291`."""
    name, accuracy, macro = majority
    if baseline:
        accuracy, macro = baseline.majority
    said = line(
        ("always ", "muted"), f"'{safe(name)[:20]}'", (": ", "muted"), f"acc {score(accuracy)} F1 {score(macro)}"
    )
    if baseline and baseline.tfidf:
        return said + line((" · TF-IDF ", "muted"), f"F1 {score(baseline.tfidf[1])}")
    return said + line(" " * _TFIDF)


def _parts(profile: Profile) -> Line:
    """`train 6 920 · validation 872 · test 1 821 (given)`; nothing where the data comes in one part."""
    rows: dict[str, int] = {}
    for one in profile.members:
        if one.part:
            rows[one.part] = rows.get(one.part, 0) + one.read
    said = [part for name, number in rows.items() for part in ((f" · {name} ", "muted"), count(number))]
    if not said:
        return []
    return line((f"{said[0][0][3:]}", "muted"), *said[1:], (" (given)", "muted"))


def _reading(profile: Profile, width: int) -> Line:
    """`read as utf-8, comma, no header · v`, with the reasons where there is room."""
    told = {what: value for what, value, _ in profile.reading}
    names = [told[what] for what in ("compression", "archive", "format", "encoding", "delimiter") if what in told]
    names += ["no header"] if told.get("header") == "no" else []
    head = "read as " if width >= 100 else ""
    more = " changes it" if width >= 100 else ""
    return line((head, "muted"), ", ".join(name[:24] for name in names[:4]), (" · ", "muted"), ("v", "strong"), more)


def rows_title(query: Query, total: int) -> Content:
    """The title above the rows: how many, and which."""
    which = [f"class {safe(query.label)[:30]}"] if query.label else []
    which += [f"{'cure' if query.is_cure else 'finding'}: {safe(query.code)[:30]}"] if query.code else []
    which += [f"holding '{safe(query.words)[:30]}'"] if query.words else []
    parts = [f"{count(total)} row{'s' * (total != 1)}", *which, *(["esc shows all"] if which else [])]
    return Content(" · ".join(parts))

"""What the screen of suspicious labels says around its list, as lines."""

from __future__ import annotations

import textwrap
from collections import Counter

from core.text import safe, shorten
from tui import format as fmt
from tui.suspects import WORDS, Mark, Suspect, Suspects, Tally
from tui.widgets.canvas import Line, line, spread
from tui.widgets.sentence import wrap_cells


def heading(name: str, found: Suspects | None, tally: Tally, width: int, *, is_all: bool) -> list[Line]:
    """Which rows of which run were judged, what is decided, and what that does to the scores."""
    back = "‹ esc  " if fmt.unicode_terminal() else "< esc  "
    part = " · labels, all rows" if is_all else " · labels in validation"
    if found is None:
        return [line((back, "muted"), (name, "strong"), part)]
    shown = f", the first {fmt.count(len(found.rows))}" if found.total > len(found.rows) else ""
    text = f"{fmt.count(found.total)} of {fmt.count(found.looked)} rows{shown}, about {found.wrong:.0f} wrong"
    room = max(width - len(back) - len(part) - len(text) - 1, 8)
    left = line((back, "muted"), (fmt.fit(name, room), "strong"), part)
    return [spread(left, line((text, "strong")), width), counted(tally), *touched_lines(tally)]


def notes(found: Suspects, tally: Tally, width: int, *, is_all: bool) -> list[Line]:
    """What is to be known about the rows and the decisions, and why there may be no rows."""
    lines: list[Line] = []
    for note in (*found.notes, *tally.notes)[:3]:
        told = textwrap.wrap(safe(note), max(width - 2, 20))[:3]
        lines += [line(("  " if at else "! ", "warn"), part) for at, part in enumerate(told)]
    if not found.total:
        lines.append(line("No label looks wrong, but for those decided about."))
        lines += [] if is_all else [line(("space", "strong"), " judges the training rows, too.")]
    return lines


def about(row: Suspect, mark: Mark | None, width: int) -> list[Line]:
    """One row whole: what it is, what it rather is and why, what is decided."""
    place = [f"row {fmt.count(row.number)}", row.part] if row.number else ["decided before"]
    parts = line((" · ".join(filter(None, place)), "muted"), " · is ", (fmt.fit(safe(row.label), 24), "strong"))
    if row.suggested:
        parts += line(" · rather ", (fmt.fit(safe(row.suggested), 24), "strong"))
    lines = [parts]
    if mark is not None:
        lines.append(line(("→ ", "accent"), (_said(mark), "accent"), "" if mark.is_saved else " (saving…)"))
    if row.why:
        held = "! held for wrong: " if row.is_likely else "said to be of another class: "
        lines += [line(part) for part in textwrap.wrap(held + safe(row.why), max(width, 20))]
    return [*lines, *wrap_cells(line(row.text), width)]


def _said(mark: Mark) -> str:
    new = shorten(safe(mark.new), 40)
    return {"fix": f"fixed to {new}", "exclude": "left out of the data", "keep": "its label is right"}.get(
        mark.do, "taken back"
    )


def counted(tally: Tally) -> Line:
    """`3 fixed, 1 excluded, 2 kept · 1 row of the locked test among them`."""
    numbers = Counter(one.do for one in tally.marks.values() if one.is_saved)
    if not numbers.total():
        return line(("nothing is decided yet", "muted"))
    text = ", ".join(f"{fmt.count(numbers[do])} {word}" for do, word in WORDS.items() if numbers[do])
    test = sum(one["fixed"] + one["excluded"] for one in tally.touched if one["part"] == "test")
    more = f" · {fmt.count(test)} row{'s' * (test != 1)} of the locked test among them" if test else ""
    return line((text, "strong"), (more, "warn"))


def touched_lines(tally: Tally) -> list[Line]:
    """What the same answers score with the labels as decided, where held-out rows are among them."""
    lines = []
    for one in tally.touched:
        before, after = one["before"], one["after"]
        if after is None:
            lines.append(line(f"{one['part']} with them: no row is left"))
            continue
        pairs = [
            (title, before[key], after[key]) for title, key in (("accuracy", "accuracy"), ("macro F1", "macro_f1"))
        ]
        said = ", ".join(f"{title} {fmt.score(old)} → {fmt.score(new)}" for title, old, new in pairs)
        lines.append(line((f"{one['part']} with them, same answers: ", "muted"), said))
    return lines

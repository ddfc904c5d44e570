"""One sentence whole, with what was said about it, and its words marked by how much they pushed the answer.

A word that pushed towards the answer has a `+` before it, one that pushed away a `-`, two of them when it did much:
colour says the same once more.
"""

from __future__ import annotations

import textwrap

from core.text import safe
from tui import format as fmt
from tui.judged import Explanation, Judged
from tui.widgets.canvas import Line, line

MARKED, STRONG = 0.05, 0.2
"""Fall of the answer's probability without a word from which on it has one mark, or two."""


def heading(row: Judged) -> Line:
    """`row 12 · said happy .981 · is sad .004 · then angry .010`."""
    parts = line((f"row {fmt.count(row.number)} · ", "muted"), "said ", (fmt.fit(safe(row.said), 24), "strong"),
                 f" {fmt.score(row.confidence)}")  # fmt: skip
    if row.is_right:
        parts += line((" · ", "muted"), ("right", "good"))
    else:
        parts += line((" · ", "muted"), "is ", (fmt.fit(safe(row.label), 24), "strong"),
                      f" {fmt.score(row.gold_probability)}")  # fmt: skip
    for name, share in row.top:
        if name not in (row.said, row.label):
            return parts + line((f" · then {fmt.fit(safe(name), 24)} {fmt.score(share)}", "muted"))
    return parts


def marked(text: str, found: Explanation | None) -> Line:
    """The whole text as one line of cells, its words marked."""
    cells: Line = []
    at = 0
    for push in sorted(found.pushes, key=lambda one: one.start) if found is not None else ():
        cells += line(text[at : push.start])
        word = text[push.start : push.end]
        size = (abs(push.push) >= MARKED) + (abs(push.push) >= STRONG)
        sign, tone = ("+", "toward") if push.push > 0 else ("-", "against")
        cells += line((sign * size + safe(word), tone if size else ""))
        at = push.end
    return cells + line(text[at:])


def wrap_cells(cells: Line, width: int) -> list[Line]:
    """The cells in lines of at most `width`, broken at blanks where there are any; never half a wide character."""
    lines: list[Line] = []
    rest = list(cells)
    width = max(width, 2)
    while len(rest) > width:
        blank = next((at for at in range(width, 0, -1) if rest[at][0] == " "), 0)
        end = blank or (width - 1 if rest[width][0] == "" else width)
        lines.append(rest[:end])
        rest = rest[end + 1 :] if blank else rest[end:]
    return [*lines, rest] if rest else lines


def told(found: Explanation) -> str:
    """How to read the marks, and what they cannot say."""
    texts = []
    strongest = max((abs(one.push) for one in found.pushes), default=0.0)
    if not found.pushes:
        texts.append("There is no word in it.")
    elif strongest < MARKED:
        texts.append(f"No word does much by itself: without any one of them the answer loses {strongest:.3f} at most.")
    else:
        texts.append("+ pushed towards the answer, - away from it: what is lost when the word is left out.")
    if found.grouped > 1:
        texts.append(f"Up to {found.grouped} neighbours were left out together.")
    if found.truncated:
        texts.append("The model did not read the text to its end.")
    return " ".join(texts)


def sentence(row: Judged, found: Explanation | None, note: str, width: int) -> list[Line]:
    """Everything about a row. `note`: what to say while there is no explanation."""
    lines = [heading(row), *wrap_cells(marked(row.text, found), width)]
    text = told(found) if found is not None else note
    return [*lines, *(line((part, "muted")) for part in textwrap.wrap(safe(text), max(width, 20)))]


def ranking(row: Judged, found: Explanation | None) -> str:
    """All about a row as plain text for a dialog: the probabilities, the text, the words by what they did."""
    lines = ["".join(character for character, _ in heading(row)), "", safe(row.text, newlines=True)]
    if found is not None and found.pushes:
        lines += ["", "without a word the answer falls by"]
        for one in sorted(found.pushes, key=lambda one: -abs(one.push))[:40]:
            turned = f"  then {safe(one.without)}" if one.without != found.label else ""
            lines.append(f"{one.push:+.3f}  {safe(one.text)}{turned}")
    return "\n".join(lines)

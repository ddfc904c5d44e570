"""Corrections of labels, applied to the rows after the cures: what fits is done, what does not is told, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Sequence

import numpy as np

from core.data.cures.rows import Rows
from core.data.table import Decision, Ints
from core.data.texts import Mask
from core.evaluation.predictions import text_id
from core.runs.corrections import Corrections, Do, read_corrections
from core.runs.corrections import Decision as Correction
from core.text import safe, shorten

EXCLUDED = "left out by corrections"
"""Why a row leaves that a person excluded."""

EFFECT = "corrections"
"""The key of what they did, among the effects of the cures."""

NO_TEXT = "their text is not in this data"
NO_LABEL = "their text has another label here"
NO_CLASS = "the label they give is no class of this data"


def correct(rows: Rows, named: str, fingerprint: Callable[[], str]) -> Decision:
    """Apply the corrections in the file called `named` to `rows`, and say what was done.

    They are applied in the order they were made, to every copy of a text under the label it had: a child's correction
    of a label that was corrected before it comes after that one. `fingerprint` gives that of the data before this.
    The fingerprint is asked for when something does not fit. Raises `RunError` when the file cannot be read.
    """
    found = read_corrections(named)
    present = set(rows.present())
    codes, gone, unfit = corrected(rows.codes, rows.names, rows.texts.tolist(), found.changing, present)
    count, left = int(((codes != rows.codes) & ~gone).sum()), int(gone.sum())
    rows.codes = codes
    rows.drop(gone, EXCLUDED)
    rows.effects[EFFECT] = count + left
    value = f"{_rows(count)} with another label, {left} left out"
    return Decision("corrections", value, _reason(found, unfit, fingerprint if unfit else lambda: ""))


def corrected(
    codes: Ints,
    names: Sequence[str],
    texts: Sequence[str],
    corrections: Sequence[Correction],
    present: Container[str] | None = None,
) -> tuple[Ints, Mask, list[tuple[Correction, str]]]:
    """The label codes after these corrections, which rows they leave out, and those that did not fit, with why.

    `names` has the label of each code; `present` those that may be given, all of them where it is not given.
    """
    after, gone, unfit = codes.copy(), np.zeros(len(codes), dtype=bool), list[tuple[Correction, str]]()
    at = _places(texts, {one.text for one in corrections})
    place = {name: code for code, name in enumerate(names)}
    for one in corrections:
        mine = at.get(one.text)
        if mine is None:
            unfit.append((one, NO_TEXT))
            continue
        mine = mine[(after[mine] == place.get(one.old, -1)) & ~gone[mine]]
        if len(mine) == 0:
            unfit.append((one, NO_LABEL))
        elif one.do is Do.EXCLUDE:
            gone[mine] = True
        elif one.new not in (place if present is None else present):
            unfit.append((one, NO_CLASS))
        else:
            after[mine] = place[one.new]
    return after, gone, unfit


def _places(texts: Sequence[str], wanted: set[str]) -> dict[str, Ints]:
    """The positions of each of the texts that are wanted, by their hash."""
    found: dict[str, list[int]] = {}
    for position, text in enumerate(texts if wanted else ()):
        if (name := text_id(text)) in wanted:
            found.setdefault(name, []).append(position)
    return {name: np.array(positions, dtype=np.int64) for name, positions in found.items()}


def _reason(found: Corrections, unfit: list[tuple[Correction, str]], fingerprint: Callable[[], str]) -> str:
    said = [f"{len(found.changing)} decisions in {shorten(safe(found.path.name), 24)}"]
    said += [f"{count} not applied: {why}" for why, count in Counter(why for _, why in unfit).items()]
    here = fingerprint()
    if here and any(one.data and one.data != here for one in found.changing):
        said.append("they were made for other data, or under other cures")
    if found.damaged:
        lines = ", ".join(map(str, found.damaged[:8]))
        said.append(f"{len(found.damaged)} damaged lines passed over ({lines})")
    return "; ".join(said)


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"

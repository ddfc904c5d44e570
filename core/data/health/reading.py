"""What reading left out or had to guess, and the traces of text that was read wrongly."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from core.data.cures.rows import EMPTY_TEXT
from core.data.dataset import EMPTY_LABEL, Loaded
from core.data.health.finding import NONE, Finding, many
from core.data.reading.sniff import ONE_COLUMN
from core.data.table import BAD_LINE, BAD_ROW
from core.data.texts import holding, matching, with_bytes

_LEADS = (0xC2, 0xC3, 0xE2, 0xEF)
"""What the characters below begin with in UTF-8."""
_RESIDUE = r"\x{fffd}|Ã[\x{80}-\x{bf}©¨¶¼¤±³¡]|â€|Â[\x{80}-\x{bf}]|ï»¿"


def reading(loaded: Loaded) -> Iterator[Finding]:
    """What reading the file left out or had to guess."""
    table = loaded.table
    ragged = table.dropped.get(BAD_ROW, 0)
    if bad := ragged + table.dropped.get(BAD_LINE, 0):
        level = "bad" if bad * 100 > table.read else "warn"
        why = f"not {len(table.columns)} fields" if ragged else BAD_LINE
        yield Finding(level, "bad-rows", f"{many(bad, 'row')} left out: {why}", bad)
    for reason, code in ((EMPTY_TEXT, "empty-text"), (EMPTY_LABEL, "empty-label")):
        gone = loaded.left_out.get(reason, NONE)
        if len(gone):
            yield Finding("warn", code, f"{many(len(gone), 'row')} left out: {reason}", len(gone), left_out=gone)
    guess = next((one for one in table.reading if one.what == "encoding" and "a guess" in one.reason), None)
    if guess is not None and loaded.dataset.texts:
        odd = np.flatnonzero(matching(loaded.dataset.column, r"[^\x00-\x7f]")).astype(np.int64)
        text = f"read as {guess.value}, for it is not UTF-8: look at {many(len(odd), 'row')}"
        yield Finding("warn", "encoding", text, len(odd), kept=odd)


def residue(loaded: Loaded) -> Iterator[Finding]:
    """Traces of text read in the wrong encoding, and of quotes that swallowed rows."""
    if not loaded.dataset.texts:
        return
    # Most texts are plain ASCII, and of the others only those with one of these bytes can hold a trace.
    at = np.flatnonzero(with_bytes(loaded.dataset.column, _LEADS))
    if len(at):
        at = at[matching(loaded.dataset.texts.take(at), _RESIDUE)].astype(np.int64)
    if len(at):
        text = f"{many(len(at), 'row')} with the residue of a wrong encoding (such as Ã© or �)"
        yield Finding("warn", "residue", text, len(at), kept=at)
    yield from _swallowed(loaded)


def _swallowed(loaded: Loaded) -> Iterator[Finding]:
    """Texts whose inner lines look like rows: a quote that was text opened a field and closed many lines later."""
    names = [name for name in loaded.dataset.label_names if name][:50]
    delimiter = next((one.value for one in loaded.table.reading if one.what == "delimiter"), "")
    char = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "none": ONE_COLUMN}.get(delimiter, delimiter)
    if not char or not names:
        return
    lines = np.flatnonzero(holding(loaded.dataset.column, "\n"))
    if len(lines) == 0:
        return
    edge, label = re.escape(char), "|".join(re.escape(name) for name in names)
    row = re.compile(rf"(?m)^(?:{label}){edge}|{edge}\"?(?:{label})\"?$")
    found = [int(at) for at in lines if row.search(loaded.dataset.texts[int(at)])]
    if found:
        text = f"{many(len(found), 'text')} seem to have swallowed rows: try --quoting none"
        yield Finding("bad", "swallowed", text, len(found), kept=np.array(found, dtype=np.int64))

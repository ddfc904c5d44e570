"""CSV for people: a spreadsheet runs what begins like a formula, so such a text gets a `'` before it.

https://owasp.org/www-community/attacks/CSV_Injection. Only this form is guarded: JSON lines and Parquet stay exact.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from core.text import safe

_FORMULA = re.compile("'*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
"""The signs, a tab or a carriage return, and the wide signs that some spreadsheets take for the same.

A text that has the guard already gets another, so that taking one away always gives the text back.
"""


def guarded(text: str) -> str:
    """`text` as a cell that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made this cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_line(cells: Iterable[object]) -> str:
    """One record without its line end. Texts are guarded, then made safe to show; numbers stay numbers."""
    out = io.StringIO()
    shown = [safe(guarded(cell), newlines=True) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(out, lineterminator="\n").writerow(shown)
    return out.getvalue().removesuffix("\n")

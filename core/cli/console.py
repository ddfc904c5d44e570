"""How the command line talks: data on stdout, messages on stderr, nothing unsafe on either."""

from __future__ import annotations

import os
import sys

from core.errors import WorkbenchError
from core.secrets import without_secrets
from core.text import safe


def is_terminal() -> bool:
    """Whether stderr is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def out(text: str = "") -> None:
    """One line of data on stdout."""
    print(safe(text, newlines=True))


def say(text: str = "") -> None:
    """One message on stderr."""
    print(safe(text, newlines=True), file=sys.stderr)


def print_error(error: WorkbenchError) -> None:
    """An error as people read it: what, why, and what to do next."""
    say(f"error: {without_secrets(error.title)}")
    for part in (error.message, error.next_step):
        if part:
            say(f"  {without_secrets(part)}")


def bar(share: float, width: int) -> str:
    """A bar of `width` cells for a share of 0 to 1, in eighths of a cell; ASCII where the terminal has no UTF-8."""
    share = min(max(share, 0.0), 1.0)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def table(rows: list[list[str]], right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned columns, the first row being the heads; `right` names the columns set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


class Line:
    """One line on stderr that is redrawn in place; on a pipe each `final` text is printed once."""

    def __init__(self) -> None:
        self._live = is_terminal()
        self._drawn = False
        self._told = False

    def draw(self, text: str, alarm: str = "") -> None:
        """Show `text` in place of what was there; on a pipe only an `alarm` in it is said, once while it lasts."""
        if self._live:
            width = os.get_terminal_size(2).columns
            sys.stderr.write("\r\x1b[K" + safe(text)[: max(width - 1, 10)])
            sys.stderr.flush()
            self._drawn = True
        elif alarm and not self._told:
            say(alarm)
        self._told = bool(alarm)

    def clear(self) -> None:
        """Take the line away, so that other output starts clean."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

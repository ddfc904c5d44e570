"""Whether a screen can be shown here at all: asked before anything is drawn or made."""

from __future__ import annotations

import codecs
import os
import sys

LEAST = (40, 10)
"""Columns and rows below which nothing of a room can be read. Made for 80x24, it works with less."""


def why_none() -> str:
    """Why no screen can be shown here; empty when one can.

    Textual reads keys from stdin and draws on stderr. Where only stderr leads elsewhere (`2>log`), stdout takes its
    place, for that is where people look.
    """
    if not (_is_terminal(0) and _is_terminal(1)):
        return "stdin or stdout is not one"
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return f"TERM is {os.environ.get('TERM') or 'not set'}"
    if not _is_terminal(2):
        os.dup2(1, 2)
    encoding = sys.__stderr__.encoding if sys.__stderr__ else ""
    if not _is_utf8(encoding):
        named = "PYTHONIOENCODING" if os.environ.get("PYTHONIOENCODING") else "the locale"
        return f"it draws in UTF-8, and {named} says {encoding}; LC_ALL=C.UTF-8 where the terminal speaks it"
    columns, rows = os.get_terminal_size(1)
    if is_too_small(columns, rows):
        return f"this one has {columns}x{rows} cells, {LEAST[0]}x{LEAST[1]} is the least"
    return ""


def is_too_small(columns: int, rows: int) -> bool:
    """Whether nothing can be read in so few cells. A terminal that does not tell its size says 0."""
    return 0 < columns < LEAST[0] or 0 < rows < LEAST[1]


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False

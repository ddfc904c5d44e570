"""The three standard streams as we may find them: closed by whoever started us, or closed under our hands."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def make_whole() -> None:
    """Open /dev/null in place of each standard stream that is closed.

    Otherwise the next file that is opened gets its number, and what a library prints ends up in a run's log.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mended = open(number, "w" if number else "r", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, mended)
            setattr(sys, f"__{name}__", mended)


def flush() -> None:
    """Write out what was printed. Raises `OSError` when it cannot be, and then the rest goes nowhere.

    Python itself would notice only at its end, with a traceback and an exit code of its own.
    """
    try:
        sys.stdout.flush()
    except OSError:
        silence(1)
        raise
    finally:
        try:
            sys.stderr.flush()
        except OSError:
            silence(2)


def silence(number: int) -> None:
    """Turn stdout (1) or stderr (2) away from who no longer listens."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)

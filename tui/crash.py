"""What becomes of an error that nothing expected: a file for whoever mends it, one plain line for whoever met it."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

import platformdirs

from core.secrets import without_secrets
from core.text import safe

MOST = 1 << 20
"""Bytes that the file may hold before it is begun anew."""


def crash_path() -> Path:
    """Where crashes are written down."""
    return Path(platformdirs.user_log_dir("finetui", appauthor=False)) / "crash.log"


def note(error: BaseException | None) -> str:
    """Write the error down and return the line for the terminal. Raises nothing."""
    told = "".join(traceback.format_exception(error)) if error is not None else "no error is known"
    told = safe(without_secrets(told), newlines=True)
    path = crash_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        if path.exists() and path.stat().st_size > MOST:
            flags |= os.O_TRUNC
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{told}\n")
    except OSError as broken:
        kind = type(error).__name__
        return safe(
            f"finetui: the screen crashed ({kind}); {path} cannot be written: {broken.strerror}. Runs train on."
        )
    return safe(f"finetui: the screen crashed; the details are in {path}. Runs that train are unaffected.")

"""Where data comes from, as people give it: typed, pasted, quoted by a terminal, or dragged from a file manager."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from urllib.parse import unquote, urlparse

from core.config import DataConfig, RunConfig, with_source

SAMPLE = "sample"


def data_config(given: str) -> DataConfig:
    """A fresh description of this source: nothing said yet about its columns."""
    return with_source(RunConfig(), given).data


def pasted_path(text: str) -> str:
    """The path that a pasted text names, if it is one line that names an existing file; else empty.

    Understands quotes and backslashes as terminals put them around dragged files, and `file://` addresses.
    """
    text = text.strip()
    if not text or "\n" in text or len(text) > 4096:
        return ""
    candidates = [text]
    if text.startswith("file://"):
        candidates = [unquote(urlparse(text).path)]
    else:
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if len(words) == 1:
            candidates.append(words[0])
    return next((one for one in candidates if _is_file(one)), "")


def given_path(text: str) -> str:
    """What a pasted text asks to open: the file that it names, or what looks like a path though nothing lies there.

    The latter is opened like a typed one, so that its error is told. Empty for any other text.
    """
    if path := pasted_path(text):
        return path
    text = text.strip()
    if not text or "\n" in text or len(text) > 4096 or "\0" in text:
        return ""
    if text.startswith("file://"):
        return unquote(urlparse(text).path)
    return text.strip("'\"") if text.startswith("~") or "/" in text or os.sep in text else ""


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        return False


def short(given: str, width: int) -> str:
    """A source in at most `width` characters: its file's name when it is too long, and of that the end."""
    if len(given) > width and not given.startswith(("hub:", "kaggle:")):
        given = Path(given).name
    return given if len(given) <= width else "…" + given[-(width - 1) :]

"""Where data comes from, as people give it: typed, pasted, quoted by a terminal, or dragged from a file manager."""

from __future__ import annotations

import shlex
from pathlib import Path
from urllib.parse import unquote, urlparse

from core.config import DataConfig

SAMPLE = "sample"


def absolute(given: str) -> str:
    """The source as a configuration keeps it: `sample` and `hub:` names as they are, paths absolute, `~` opened."""
    if given == SAMPLE or given.startswith(("hub:", "kaggle:")):
        return given
    try:
        return str(Path(given).expanduser().absolute())
    except RuntimeError:  # ~somebody who does not exist: let the reader of the file say that it is not there
        return str(Path(given).absolute())


def data_config(given: str) -> DataConfig:
    """A fresh description of this source: nothing said yet about its columns."""
    return DataConfig(source=absolute(given), given="" if given == SAMPLE else given)


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


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        return False


def short(given: str, width: int) -> str:
    """A source in at most `width` characters, its end kept, for that is where the name is."""
    return given if len(given) <= width else "…" + given[-(width - 1) :]

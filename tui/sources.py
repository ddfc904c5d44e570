"""Where data comes from, as people give it: typed, pasted, quoted by a terminal, or dragged from a file manager."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlparse

from core.config import DataConfig, RunConfig, with_source
from core.config.change import REMOTE
from core.errors import WorkbenchError
from core.paths import expanded
from core.recent import recent
from core.runs import Run, RunStore

SAMPLE = "sample"


def data_config(given: str) -> DataConfig:
    """A fresh description of this source: nothing said yet about its columns."""
    return with_source(RunConfig(), given).data


def pasted_path(text: str) -> str:
    """The path that a pasted text names, if it is one line that names an existing file or folder; else empty.

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
    return next((one for one in candidates if _is_there(one)), "")


def given_path(text: str) -> str:
    """What a pasted text asks to open: the file or folder that it names, `hub:owner/name`, `kaggle:owner/name`, or what
    looks like a path though nothing lies there.

    The latter is opened like a typed one, so that its error is told. Empty for any other text.
    """
    if path := pasted_path(text):
        return path
    text = text.strip()
    if not text or "\n" in text or len(text) > 4096 or "\0" in text:
        return ""
    if text.startswith("file://"):
        return unquote(urlparse(text).path)
    if (name := text.strip("'\"")).startswith(REMOTE) and " " not in name:
        return name
    return text.strip("'\"") if text.startswith("~") or "/" in text or os.sep in text else ""


def _is_there(path: str) -> bool:
    """Whether a file lies there; or a folder, of which a bare word is not taken to be the name."""
    try:
        place = expanded(path)
        return place.is_file() or ((os.sep in path or path.startswith("~")) and place.is_dir())
    except (OSError, RuntimeError, ValueError):
        return False


def recent_sources(store: RunStore) -> list[str]:
    """What was opened lately, newest first, then what the newest runs were trained on."""
    found = recent()
    for name in store.names()[:12]:
        with suppress(WorkbenchError):
            found.append(Run(store.root / name).config().data.source)
    return list(dict.fromkeys(found))


def short(given: str, width: int) -> str:
    """A source in at most `width` characters: its folder's and file's name when it is too long, or the end of that."""
    if len(given) > width and not given.startswith(REMOTE):
        place = Path(given)
        both = f"{place.parent.name}/{place.name}"
        given = both if len(both) <= width else place.name
    return given if len(given) <= width else "…" + given[-(width - 1) :]

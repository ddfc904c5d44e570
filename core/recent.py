"""The sources that were opened lately: one small file in the platform's state folder, newest first."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import platformdirs

from core.runs.atomic import write_file

MOST = 20


def _file() -> Path:
    return platformdirs.user_state_path("finetui", appauthor=False) / "recent.json"


def recent() -> list[str]:
    """Sources as a configuration keeps them (absolute paths, remote names), newest first. A damaged file is empty."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))["sources"]
        return [one for one in found if isinstance(one, str) and one][:MOST]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def remember(source: str) -> None:
    """Put `source` first. Where nothing can be kept, nothing is: no caller fails for it."""
    sources = list(dict.fromkeys([source, *recent()]))[:MOST]
    with suppress(OSError, ValueError):
        _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(_file(), json.dumps({"sources": sources}, indent=1) + "\n")

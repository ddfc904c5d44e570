"""How every child of ours starts, so that a `core/`, `tui/` or `torch.py` in the user's folder is never run instead."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def child_command(*arguments: str) -> list[str]:
    """The command that runs the engine with these arguments. `-P` keeps the current folder off the import path."""
    return [sys.executable, "-P", "-m", "core", *arguments]


def child_environment() -> dict[str, str]:
    """The environment of a child: in a bare checkout the package's parent is put on the import path."""
    environment = dict(os.environ)
    parent = Path(__file__).resolve().parents[2]
    if parent.name != "site-packages":
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{parent}{os.pathsep}{inherited}" if inherited else str(parent)
    environment.setdefault("PYTHONUTF8", "1")
    return environment

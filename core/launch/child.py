"""How every child of ours starts, so that a `core/`, `tui/` or `torch.py` in the user's folder is never run instead."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def child_command(*arguments: str) -> list[str]:
    """The command that runs the engine with these arguments. `-P` keeps the current folder off the import path.

    The trainer and the children of the screen speak UTF-8 whatever the locale says: their output is for our own files
    and pipes. A command for people goes by the terminal that it writes to.
    """
    ours = arguments[:1] == ("work",) or "--jsonl" in arguments
    return [sys.executable, "-P", *(("-X", "utf8") if ours else ()), "-m", "core", *arguments]


def program() -> str:
    """What a person types to call this program here: its name where the shell finds it, else the way to it."""
    beside = Path(sys.executable).with_name("finetui")
    if shutil.which("finetui") or not beside.is_file():
        return "finetui"
    return shlex.quote(min(os.path.relpath(beside), str(beside), key=len))


def child_environment() -> dict[str, str]:
    """The environment of a child: in a bare checkout the package's parent is put on the import path."""
    environment = dict(os.environ)
    parent = Path(__file__).resolve().parents[2]
    if parent.name != "site-packages":
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{parent}{os.pathsep}{inherited}" if inherited else str(parent)
    return environment

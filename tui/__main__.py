"""`finetui`: the screen; `finetui FILE`: the screen on that file; `finetui COMMAND …`: the engine's command line.

A command becomes the engine by exec before Textual is imported, so that `finetui --help` is quick.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import NoReturn

COMMANDS = frozenset({
    "train", "forecast", "runs", "show", "attach", "stop", "delete", "restore", "classify", "data", "export",
    "devices", "doctor", "work",
})  # fmt: skip
"""The engine's commands; a test holds this list against the command line's own."""

NO_SCREEN = """\
finetui: the screen needs a terminal ({reason}).
  The same from the command line: finetui train FILE · finetui data FILE · finetui runs · finetui --help"""


def main(arguments: list[str] | None = None) -> None:
    """Open the screen, or become the command that was named. Exits 2 for what cannot be done."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and (words[0] in COMMANDS or words[0] in ("-h", "--help", "--version")):
        _become(words)
    runs, source, mouse = _options(words)
    if reason := _no_screen():
        _refuse(NO_SCREEN.format(reason=reason))
    _open(runs, source, mouse)


def _become(words: list[str]) -> NoReturn:
    from core.launch import child_command, child_environment

    command = child_command(*words)
    os.execve(command[0], command, child_environment())


def _refuse(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(2)


def _options(words: list[str]) -> tuple[Path | None, str, bool]:
    """(runs folder, source, mouse) of the screen's own few options."""
    runs, source, mouse = None, "", True
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--no-mouse":
            mouse = False
        elif word == "--runs" and rest:
            runs = Path(rest.pop(0))
        elif word.startswith("--runs="):
            runs = Path(word.removeprefix("--runs="))
        elif word == "--" and rest:
            source = rest.pop(0)
        elif word.startswith("-") or source:
            _refuse(f"finetui: cannot make sense of {word!a}\n  finetui [FILE] [--runs DIR] [--no-mouse], "
                    "or finetui --help for the commands")  # fmt: skip
        else:
            source = _source(word)
    return runs, source, mouse


def _source(word: str) -> str:
    """`word` as a source. Refuses what is no file but nearly a command."""
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    if near and not Path(word).exists():
        _refuse(f"finetui: there is no command or file {word!a}\n  Did you mean: finetui {near[0]}")
    return word


def _no_screen() -> str:
    """Why no screen can be shown here; empty when one can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "stdin or stdout is not one"
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return f"TERM is {os.environ.get('TERM') or 'not set'}"
    return ""


def _open(runs: Path | None, source: str, mouse: bool) -> None:
    from core.config import RunConfig
    from core.runs import RunStore, find_root
    from tui import greeting
    from tui.app import Workbench
    from tui.sources import data_config

    config = RunConfig(data=data_config(source)) if source else None
    app = Workbench(RunStore(find_root(runs).path), config)
    app.last_open = greeting.last_open(app.store.root)
    greeting.note_open(app.store.root)
    app.run(mouse=mouse)
    greeting.note_open(app.store.root)
    if app.farewell:
        print(app.farewell, file=sys.stderr if app.return_code else sys.stdout)
    sys.exit(app.return_code or 0)


if __name__ == "__main__":
    main()

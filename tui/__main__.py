"""`finetui`: the screen; `finetui FILE`: the screen on that file; `finetui COMMAND …`: the engine's command line.

A command becomes the engine by exec before Textual is imported, so that `finetui --help` is quick.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from core.errors import WorkbenchError
from core.streams import make_whole
from core.text import safe
from tui import terminal

if TYPE_CHECKING:
    from core.config import RunConfig

COMMANDS = frozenset({
    "train", "queue", "group", "groups", "sweep", "score", "recipes", "forecast", "runs", "show", "compare",
    "judge", "mistakes", "labels", "attach", "pause", "save", "resume", "stop", "delete", "tag", "note", "rename",
    "archive", "restore", "classify", "checklist", "data", "export", "devices", "doctor", "work", "work-queue",
    "work-sweep",
})  # fmt: skip
"""The engine's commands; a test holds this list against the command line's own."""

NO_SCREEN = """\
finetui: the screen needs a terminal ({reason}).
  The same from the command line: finetui train FILE · finetui data FILE · finetui runs · finetui --help"""


def main(arguments: list[str] | None = None) -> None:
    """Open the screen, or become the command that was named. Exits 2 for what cannot be done."""
    words = sys.argv[1:] if arguments is None else arguments
    make_whole()
    if words and (words[0] in COMMANDS or words[0] in ("-h", "--help", "--version")):
        _become(words)
    runs, source, mouse = _options(words)
    if reason := terminal.why_none():
        _refuse(NO_SCREEN.format(reason=reason))
    try:
        open_screen(runs, _config_of(source), mouse)
    except WorkbenchError as error:
        _refuse("\n  ".join(["finetui: " + safe(error.title), *map(safe, (error.message, error.next_step))]).rstrip())


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


def open_screen(runs: Path | None, config: RunConfig | None, mouse: bool = True) -> NoReturn:
    """Show the screen until it is left, and leave with its exit code. `config`: what to begin from, if not the sample.

    Raises `WorkbenchError` when there is no folder to work in.
    """
    from core.runs import RunStore, find_root
    from tui import greeting
    from tui.app import Workbench

    for name in ("COLUMNS", "LINES"):  # Textual believes them before the terminal: a new size would go unheard
        os.environ.pop(name, None)
    app = Workbench(RunStore(find_root(runs).path), config, shows_interrupted=True)
    app.last_open = greeting.last_open(app.store.root)
    greeting.note_open(app.store.root)
    app.signals.catch()
    app.run(mouse=mouse)
    greeting.note_open(app.store.root)
    if app.farewell:
        print(app.farewell, file=sys.stderr if app.return_code else sys.stdout)
    sys.exit(app.return_code or 0)


def _config_of(source: str) -> RunConfig | None:
    from core.config import RunConfig
    from tui.sources import data_config

    return RunConfig(data=data_config(source)) if source else None


if __name__ == "__main__":
    main()

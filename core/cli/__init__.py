"""The command line: one module per family of commands, imported only when its command is called.

Data goes to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 what was given cannot be used, 75 the run has
paused and can go on, 130 stopped.
"""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any

import typer

from core import __version__
from core.cli.console import print_error, say
from core.errors import RunError, WorkbenchError
from core.streams import flush, make_whole

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("core.cli.train", "Train on a file and save the run."),
    "recipes": ("core.cli.recipes", "List the recipes that repeat a write-up, or print one."),
    "forecast": ("core.cli.forecast", "Say how long training would take, and how much memory."),
    "group": ("core.cli.groups", "Train the same settings over seeds, folds or shares of the rows."),
    "sweep": ("core.cli.groups", "Try settings, listed or in ranges, ranked by validation."),
    "groups": ("core.cli.groups", "List the groups, or show one: mean, deviation, every run."),
    "score": ("core.cli.score", "Score the locked test of a run that did not, once."),
    "queue": ("core.cli.queue", "List the runs that wait for their turn; hold, move or cancel one."),
    "runs": ("core.cli.runs", "List the saved runs, best validation score first."),
    "show": ("core.cli.runs", "Show one run: settings, scores, curves."),
    "judge": ("core.cli.judge", "Judge a run: scores with intervals, confusions, how sure it may be."),
    "mistakes": ("core.cli.judge", "Show what a run got wrong, the most confident first."),
    "compare": ("core.cli.compare", "Compare runs: what differs, and whether it is more than chance."),
    "labels": ("core.cli.labels", "List labels that may be wrong, and decide about them."),
    "attach": ("core.cli.runs", "Follow a run that is training."),
    "pause": ("core.cli.control", "Let a run write a checkpoint and leave."),
    "save": ("core.cli.control", "Let a run write a checkpoint now."),
    "resume": ("core.cli.control", "Go on with a run, or train it for more epochs."),
    "stop": ("core.cli.control", "Ask a run to stop and save."),
    "tag": ("core.cli.notes", "Give a run tags, or take them away."),
    "note": ("core.cli.notes", "Write a note about a run, or show it."),
    "rename": ("core.cli.notes", "Give a run another name."),
    "archive": ("core.cli.notes", "Put runs aside: lists leave them out."),
    "delete": ("core.cli.runs", "Move a run to the trash."),
    "restore": ("core.cli.runs", "Bring a run back from the trash."),
    "classify": ("core.cli.classify", "Ask a trained run about texts."),
    "checklist": ("core.cli.checklist", "Ask a run the sentences saved with their answers; exits 1 unless all pass."),
    "data": ("core.cli.data", "Look at a file: classes, faults, lengths."),
    "export": ("core.cli.export", "Make a verified ONNX graph of a run."),
    "devices": ("core.cli.doctor", "List the devices that can train."),
    "doctor": ("core.cli.doctor", "Versions, devices, paths: for a bug report."),
    "work": ("core.cli.train", "Train a prepared run folder (what the launchers start)."),
    "work-queue": ("core.cli.queue", "Work on the queue of a runs folder."),
    "work-sweep": ("core.cli.groups", "Drive a sweep."),
}
HIDDEN = {"work", "work-queue", "work-sweep"}

HELP = """Fine-tune, compare and try text classifiers in the terminal.

finetui [FILE] [--runs DIR] [--no-mouse] opens the screen, on the bundled sample or on FILE."""


_REFUSED: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What typer raises for words that it cannot make sense of; it has no public name there."""


def build(names: tuple[str, ...]) -> typer.Typer:
    """The program with these commands: importing only the one that is called keeps a cold start short."""
    app = typer.Typer(
        name="finetui",
        help=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def program(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
        if version:
            typer.echo(f"finetui {__version__}")
            raise typer.Exit

    for name in names:
        module, sentence = COMMANDS[name]
        app.command(name, help=sentence, hidden=name in HIDDEN)(getattr(import_module(module), name.replace("-", "_")))
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    make_whole()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does: a locale may have no letter for a label
    words = sys.argv[1:] if arguments is None else arguments
    called = next((word for word in words if not word.startswith("-")), "")
    names = (called,) if called in COMMANDS else tuple(COMMANDS)
    try:
        try:
            code = build(names)(words, prog_name="finetui", standalone_mode=False)
            sys.exit(code if isinstance(code, int) else 0)
        finally:
            flush()
    except _REFUSED as wrong:  # its words hold what was typed, which may be the name of a file
        told = io.StringIO()
        wrong.show(told)
        say(told.getvalue().removesuffix("\n"))
        sys.exit(wrong.exit_code)
    except typer.Abort:
        say("Aborted!")
        sys.exit(1)
    except WorkbenchError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `| head -1` has seen enough
        sys.exit(1)
    except OSError as broken:
        print_error(explain(broken))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def explain(broken: OSError) -> RunError:
    """What the system refused, as people read it: for what no command has better words for."""
    what = f"Cannot use {os.fsdecode(broken.filename)}" if broken.filename else "The system refused a file or folder"
    return RunError(what, broken.strerror or str(broken), "Does it exist, may you use it, and is the disk not full?")

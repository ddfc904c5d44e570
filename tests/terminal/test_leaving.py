"""However the screen is left, stopped or squeezed: the terminal is as it was, and so is whoever watches beside it."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.launch import child_command, child_environment
from core.runs import Run, RunState, follow
from tests.faults.hangups import faults_of, shown_step
from tests.terminal.emulator import Terminal, screen

MOUSE = {1000, 1003, 1015, 1006}


def by_key(terminal: Terminal) -> None:
    terminal.send("b")


def by_signal(number: signal.Signals) -> Callable[[Terminal], None]:
    return lambda terminal: os.kill(terminal.pid, number)


def is_untouched(terminal: Terminal, before: list[object]) -> bool:
    """Whether the terminal is as the screen found it."""
    return terminal.modes_on() == {7, 25} and terminal.echoes() and terminal.line_settings() == before


@pytest.mark.parametrize(
    "leave", [by_key, by_signal(signal.SIGTERM), by_signal(signal.SIGINT)], ids=["b", "SIGTERM", "SIGINT"]
)
def test_leaving_gives_the_terminal_back_and_leaves_the_run(live: Run, leave: Callable[[Terminal], None]) -> None:
    with screen(live.path.parents[1]) as terminal:
        before = terminal.line_settings()
        terminal.wait(lambda text: "seq/s" in text)
        assert terminal.modes_on() >= {1049, *MOUSE}
        assert not terminal.echoes()
        leave(terminal)
        terminal.wait_end()
        assert is_untouched(terminal, before)
        assert terminal.code == 0
        assert "Traceback" not in terminal.text()
        if leave is by_key:
            assert re.search(r"long-hare is still training · \S*finetui attach long-hare", terminal.text())
    assert live.state() is RunState.RUNNING


def test_a_signal_while_it_opens_is_not_forgotten(tmp_path: Path) -> None:
    with screen(tmp_path) as terminal:
        before = terminal.line_settings()
        terminal.wait(lambda text: bool(terminal.raw))  # the terminal is taken, nothing is mounted yet
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.wait_end()
        assert is_untouched(terminal, before)


CRASH = """
from tui import __main__, app
def fail(self): raise RuntimeError("odd text of a person")
app.Workbench.action_help = fail
__main__.main()
"""


def test_a_crash_gives_the_terminal_back_with_one_line(tmp_path: Path) -> None:
    paths = {name: value for name, value in child_environment().items() if name == "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", CRASH, "--runs", str(tmp_path / "runs")]
    with Terminal(command, XDG_STATE_HOME=str(tmp_path / "state"), **paths) as terminal:
        before = terminal.line_settings()
        terminal.wait(lambda text: "3 classes" in text)
        terminal.send("?")
        terminal.wait_end()
        assert is_untouched(terminal, before)
        assert terminal.code == 1
        assert "finetui: the screen crashed" in terminal.text()
        assert b"odd text of a person" not in terminal.raw


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP])
def test_stopped_and_woken_it_is_painted_again_and_still_gives_the_terminal_back(
    live: Run, number: signal.Signals
) -> None:
    with screen(live.path.parents[1]) as terminal:
        before = terminal.line_settings()
        terminal.wait(lambda text: "seq/s" in text)
        os.kill(terminal.pid, number)
        terminal.wait_stopped()
        terminal.drain()
        if number is signal.SIGTSTP:
            assert is_untouched(terminal, before)
        terminal.set_line(before)  # as a shell does when its job was stopped
        terminal.wipe()
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.wait(lambda text: "long-hare" in text and "Stop & save" in text and "seq/s" in text)
        assert not terminal.echoes()
        terminal.send("4")
        terminal.wait(lambda text: "▸4 Runs" in text)
        terminal.send("q\r")
        terminal.wait_end()
        assert is_untouched(terminal, before)
    assert live.state() is RunState.RUNNING


def test_a_storm_of_sizes_does_no_harm_and_too_small_is_said(live: Run) -> None:
    chance = random.Random(1)
    with screen(live.path.parents[1]) as terminal:
        terminal.wait(lambda text: "seq/s" in text)
        for _ in range(40):
            terminal.resize(chance.randint(1, 120), chance.randint(1, 40))
            terminal.pump(0.01)
        terminal.resize(10, 5)
        said = 90  # the emulator reads what was painted at some hundred KB a second
        terminal.wait(lambda text: "least" in text and "q quits" in text.replace("\n", " "), said)
        terminal.resize(80, 24)
        terminal.wait(lambda text: "long-hare" in text and "Stop & save" in text and "least" not in text)
        terminal.resize(10, 5)
        terminal.wait(lambda text: "least" in text)
        terminal.send("q\r")
        terminal.wait_end()
        assert terminal.code == 0
    assert live.state() is RunState.RUNNING


def test_two_screens_and_a_shell_watch_one_run_and_none_disturbs_another(live: Run) -> None:
    folder = live.path.parents[1]
    attach = child_command("attach", "long-hare", "--runs", str(folder / "runs"))
    with screen(folder) as one, screen(folder, columns=160, rows=48) as other, Terminal(attach) as shell:
        for terminal in (one, other):
            terminal.wait(lambda text: shown_step(text) > 0)
        shell.wait(lambda text: "seq/s" in text)
        one.send("b")
        one.wait_end()
        seen = shown_step(other.text())
        other.wait(lambda text: shown_step(text) > seen)
        os.kill(shell.pid, signal.SIGINT)
        shell.wait_end()
        assert "long-hare is still training" in shell.text()
        assert live.state() is RunState.RUNNING
        other.send("s")
        other.wait(lambda text: "stopped" in text, 60)
    for _ in follow(live):
        pass
    assert live.state() is RunState.STOPPED
    assert not faults_of(live)


def test_the_settings_of_a_line_can_tell_a_raw_one(tmp_path: Path) -> None:
    """What the tests above rest on: a terminal left raw is seen to be."""
    with Terminal([sys.executable, "-c", "import tty; tty.setraw(0); print('\\x1b[?1000h\\x1b[?25l')"]) as terminal:
        before = terminal.line_settings()
        terminal.wait_end()
        assert terminal.modes_on() == {7, 1000}
        assert not is_untouched(terminal, before)
        assert before[3] != terminal.line_settings()[3]

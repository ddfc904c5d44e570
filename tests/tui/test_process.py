"""The screen as a process in a real pty: what it leaves behind, and what it never sends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from core.config import RunConfig
from core.launch import child_environment
from core.runs import RunStore
from core.training import events as e

Open = Callable[..., "pexpect.spawn[str]"]

ALT_SCREEN_LEFT = "\x1b[?1049l"


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Open]:
    """Opens `finetui` in a pty of 80x24."""
    opened: list[pexpect.spawn[str]] = []

    def start(*arguments: str) -> pexpect.spawn[str]:
        environment = {**child_environment(), "TERM": "xterm-256color", "FINETUI_RUNS": str(tmp_path / "runs")}
        words = ["-P", "-m", "tui", *arguments]
        child = pexpect.spawn(sys.executable, words, env=environment, dimensions=(24, 80), encoding="utf-8", timeout=30)
        opened.append(child)
        return child

    yield start
    for child in opened:
        child.close(force=True)


def test_a_closed_terminal_ends_the_screen_and_its_children(screen: Open) -> None:
    child = screen()
    child.expect("rows kept")
    process = psutil.Process(child.pid)
    family = [process, *process.children(recursive=True)]
    assert len(family) > 1
    assert process.memory_info().rss < 80e6
    os.close(child.child_fd)
    child.child_fd, child.closed = -1, True
    os.waitpid(child.pid, 0)
    _, alive = psutil.wait_procs(family[1:], timeout=10)
    assert alive == []


def test_a_polite_kill_gives_the_terminal_back(screen: Open) -> None:
    child = screen()
    child.expect("5 Try")
    child.kill(signal.SIGTERM)
    child.expect_exact(ALT_SCREEN_LEFT)
    child.expect(pexpect.EOF)


def test_leaving_a_run_that_trains_says_how_to_come_back(screen: Open, tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "brisk-otter")
    run.record(e.RunStarted(os.getpid(), "here", "finetui train sample"))
    run.close()
    with run.lock():
        child = screen()
        child.expect("brisk-otter")
        child.send("q")
        child.expect("Keep it running")
        child.send("\r")
        child.expect_exact(ALT_SCREEN_LEFT)
        child.expect_exact("brisk-otter is still training · finetui attach brisk-otter")
        child.expect(pexpect.EOF)


def test_no_control_byte_of_the_data_reaches_the_terminal(screen: Open, tmp_path: Path) -> None:
    file = tmp_path / "evil.csv"
    bad = "\x1b]52;c;ZXZpbA==\x07 [/red] \x9b31m \u202e end-of-row"
    rows = [f"text {n} {bad},{'a' if n % 2 else 'b' + bad}" for n in range(40)]
    file.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    child = screen(str(file))
    child.expect("40 rows kept")
    child.expect("end-of-row")
    sent = child.before + child.after
    for poison in ("\x1b]52", "\x07", "\x9b", "\u202e"):
        assert poison not in sent
    child.send("q")
    child.expect(pexpect.EOF)

"""Terminals, streams and homes as they are on real machines: a message with another way and exit code 2, or it works.

Every case runs in a real pty through a shell, as people call it; none may show a traceback or leave anything behind.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from core.launch import child_command, child_environment
from tests.terminal.emulator import FINETUI, Terminal

SCREEN = shlex.join(FINETUI)
WAY_OUT = "finetui train FILE"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with a home beside it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "FINETUI_RUNS", "NO_COLOR", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", child_environment().get("PYTHONPATH", ""))
    return tmp_path / "here"


def shell(line: str, columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
    return Terminal(["sh", "-c", line], columns, rows, **environment)


def refusal(line: str, columns: int = 80, rows: int = 24, **environment: str) -> str:
    """What is said where no screen is shown; held to be a message, exit code 2, and no trace of anything half-made."""
    with shell(f"{line}; echo code $?", columns, rows, **environment) as terminal:
        terminal.wait_end()
        said = terminal.raw.decode(errors="replace")
    assert "Traceback" not in said
    assert "code 2" in said, said
    assert "\x1b[?1049h" not in said
    assert not list(Path.cwd().iterdir())
    assert not list(Path(os.environ["HOME"]).rglob("*"))
    return said


def works(line: str, columns: int = 80, rows: int = 24, **environment: str) -> Terminal:
    """A screen that opens, shows its data and leaves with code 0."""
    with shell(line, columns, rows, **environment) as terminal:
        terminal.wait(lambda text: "3 classes" in text, 60)
        terminal.send("q")
        terminal.wait_end()
        assert terminal.code == 0
        assert b"Traceback" not in terminal.raw
        return terminal


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_can_do_nothing(here: Path, term: str) -> None:
    assert WAY_OUT in refusal(SCREEN, TERM=term)


def test_no_name_of_a_terminal_at_all(here: Path) -> None:
    assert "TERM is not set" in refusal(f"unset TERM; {SCREEN}")


@pytest.mark.parametrize(
    "line",
    [
        f"{SCREEN} < /dev/null", f"{SCREEN} <&-", f"true | {SCREEN}",
        f"{SCREEN} > ../out; x=$?; cat ../out; (exit $x)", f"{SCREEN} >&-",
        f"{SCREEN} <&- >&-",
    ],
)  # fmt: skip
def test_a_stream_that_is_no_terminal(here: Path, line: str) -> None:
    assert "stdin or stdout is not one" in refusal(line)


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "> /dev/null 2>&1", ">&- 2>&-"])
def test_with_nowhere_to_say_it_the_exit_code_does(here: Path, streams: str) -> None:
    refusal(f"{SCREEN} {streams}")


@pytest.mark.parametrize("streams", ["2>../log", "2>/dev/null", "2>&-"])
def test_errors_that_go_elsewhere_are_no_reason_not_to_show_a_screen(here: Path, streams: str) -> None:
    works(f"{SCREEN} {streams}")


@pytest.mark.parametrize(("columns", "rows"), [(10, 5), (39, 24), (80, 9)])
def test_too_small(here: Path, columns: int, rows: int) -> None:
    said = refusal(SCREEN, columns, rows)
    assert f"this one has {columns}x{rows} cells" in said
    assert WAY_OUT in said


def test_a_terminal_that_does_not_tell_its_size(here: Path) -> None:
    works(f"stty rows 0 cols 0; {SCREEN}", LINES="24", COLUMNS="80")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_letters_that_are_not_utf_8(here: Path, encoding: str) -> None:
    said = refusal(SCREEN, PYTHONIOENCODING=encoding)
    assert "it draws in UTF-8, and PYTHONIOENCODING says" in said
    assert WAY_OUT in said


def test_a_locale_of_nobody_draws_with_plain_letters(here: Path) -> None:
    terminal = works(SCREEN, LC_ALL="C")
    assert "█" not in terminal.raw.decode()


def test_no_colour_is_none(here: Path) -> None:
    terminal = works(SCREEN, NO_COLOR="1")
    assert b"\x1b[38;2;" not in terminal.raw
    assert b";38;2;" not in terminal.raw


@pytest.mark.parametrize("home", ["/proc/1/nowhere", ""])
def test_a_home_that_cannot_be_written_or_is_none(here: Path, home: str) -> None:
    works(f"unset HOME; {SCREEN}" if not home else SCREEN, **({"HOME": home} if home else {}), XDG_STATE_HOME="/proc/1")
    assert not list(here.iterdir())


def test_a_folder_that_was_deleted(here: Path) -> None:
    said = refusal(f"mkdir ../gone; cd ../gone; rmdir ../gone; {SCREEN}")
    assert "The current folder is gone" in said
    works(f"mkdir ../gone; cd ../gone; rmdir ../gone; {SCREEN} --runs {here.parent / 'runs'}")


# Commands in a shell


@pytest.mark.parametrize(
    "words", [["data", "sample"], ["doctor"], ["--help"], ["train", "--help"], ["runs"], ["devices"]]
)
def test_who_has_read_enough_is_no_error(here: Path, words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(child_command(*words), stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode in (0, 1, 2)


def test_a_full_disk_behind_stdout_is_said(here: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(child_command("doctor"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_of_a_command_are_nobody_s_file(here: Path, streams: str) -> None:
    """A file opened in place of a closed stream would take in what is printed: a run's log, its lock."""
    command = shlex.join(child_command("train", "nothing.csv", "--runs", str(here / "runs")))
    with shell(f"{command} {streams}; echo code $?") as terminal:
        terminal.wait_end()
        assert "code 2" in terminal.text()
        assert b"Traceback" not in terminal.raw
    assert not list(here.iterdir())

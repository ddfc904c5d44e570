"""The screen in a real pty: what it draws, how it leaves, what outlives it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from core.launch import start
from core.runs import Run, RunState, RunStore, follow
from tests.core.test_session import config_for, write_reviews
from tests.terminal.emulator import screen


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 48)])
def test_every_room_opens_by_its_number(tmp_path: Path, columns: int, rows: int) -> None:
    with screen(tmp_path, columns=columns, rows=rows) as terminal:
        terminal.wait(lambda text: "3 classes" in text)
        for key, room in (("2", "Configure"), ("3", "Train"), ("4", "Runs"), ("5", "Try")):
            terminal.send("\x07")  # ctrl+g, which works from a text field too
            terminal.wait(lambda text: "palette" in text.lower())
            terminal.send(key)
            terminal.wait(lambda text, mark=f"▸{key} {room}": mark in text)
        terminal.send("\x07")
        terminal.wait(lambda text: "palette" in text.lower())
        terminal.send("q")
        terminal.wait_end()


def test_quitting_leaves_the_run_and_coming_back_opens_it(live: Run) -> None:
    folder = live.path.parents[1]
    with screen(folder) as terminal:
        terminal.wait(lambda text: "▸3 Train" in text and "long-hare" in text and "step" in text)
        terminal.send("q")
        terminal.wait(lambda text: "Keep it running" in text)
        terminal.send("\r")
        terminal.wait_end()
        assert "finetui attach long-hare" in terminal.text()
    assert live.state() is RunState.RUNNING
    with screen(folder) as terminal:
        terminal.wait(lambda text: "long-hare" in text and "seq/s" in text)
        terminal.send("s")
        terminal.wait(lambda text: "stopped" in text, 60)
    assert live.state() is RunState.STOPPED


def test_a_lost_line_ends_the_screen_and_not_the_run(live: Run) -> None:
    terminal = screen(live.path.parents[1])
    terminal.wait(lambda text: "seq/s" in text)
    terminal.hang_up()
    assert live.state() is RunState.RUNNING


def test_what_stands_in_the_data_never_acts_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    evil = "\x1b]52;c;aGVsbG8=\x07 \x1b[2J \x9b31m [/bold] [red]"
    path.write_text("text,label\n" + "".join(f"{evil} {n},{'yes' if n % 2 else 'no'}\n" for n in range(40)))
    with screen(tmp_path, str(path)) as terminal:
        terminal.wait(lambda text: "40 rows" in text and "[/bold]" in text)
        assert b"\x1b]52" not in terminal.raw
        assert b"aGVsbG8=\x07" not in terminal.raw


def test_ours_runs_in_a_folder_that_holds_modules_of_the_same_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("core", "tui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('theirs')")
    (tmp_path / "torch.py").write_text("raise SystemExit('theirs')")
    monkeypatch.chdir(tmp_path)
    with screen(tmp_path) as terminal:
        terminal.wait(lambda text: "3 classes" in text)
    config = config_for(tmp_path, write_reviews(tmp_path / "reviews.csv"), epochs=1)
    run = RunStore(tmp_path / "runs").create(config)
    start(run)
    for _ in follow(run):
        pass
    assert run.state() is RunState.FINISHED, run.log_path.read_text()


def test_the_screen_s_process_loads_nothing_heavy(live: Run) -> None:
    with screen(live.path.parents[1]) as terminal:
        terminal.wait(lambda text: "seq/s" in text)
        for key in "12345":
            terminal.send("\x07")
            terminal.wait(lambda text: "palette" in text.lower())
            terminal.send(key)
            terminal.wait(lambda text, mark=f"▸{key} ": mark in text)
        maps = Path(f"/proc/{terminal.pid}/maps").read_text()
        loaded = {
            name
            for name in ("torch", "transformers", "sklearn", "scipy", "pandas", "pyarrow", "tokenizers", "numpy")
            if f"site-packages/{name}" in maps
        }
        assert not loaded
        assert terminal.resident_bytes() < 80e6
        os.kill(terminal.pid, 15)
        terminal.wait_end()


def write_tweets(path: Path) -> Path:
    """The shape of the SMILE tweets: no header, `nocode` rows, rare classes, a few rows with two labels."""
    counts = {"nocode": 90, "happy": 120, "not-relevant": 40, "angry": 20, "sad": 14, "happy|sad": 7}
    lines = [f"{label} tweet {number} about the gallery,{label}" for label, n in counts.items() for number in range(n)]
    path.write_text("\n".join(f"{600 + at},{line}" for at, line in enumerate(lines)) + "\n")
    return path


def test_a_recipe_from_the_file_to_the_split_without_leaving_the_screen(tmp_path: Path) -> None:
    with screen(tmp_path, str(write_tweets(tmp_path / "tweets.csv"))) as terminal:
        terminal.wait(lambda text: "6 classes" in text and "to look at" in text)
        terminal.send("\t")  # to Health
        for _ in range(2):  # drop the rows with two labels, drop nocode: the worst findings come first
            terminal.wait(lambda text: "f  Fix" in text)
            before = terminal.text()
            terminal.send("f")
            terminal.wait(lambda text, before=before: "opening" not in text and _kept(text) < _kept(before))
        terminal.wait(lambda text: "4 classes · 194 of 291" in text)
        terminal.send("2")
        terminal.wait(lambda text: "train 136" in text and "validation 29" in text and "test, locked 29" in text)
        terminal.send("y")
        terminal.wait(lambda text: "The same from a shell" in text and "Sent to the terminal" in text)
        assert "drop-class:nocode" in terminal.text()
        assert "drop-multi-label" in terminal.text()
        terminal.send("\x1b")
        terminal.wait(lambda text: "▸2 Configure" in text and "The same from a shell" not in text)
        terminal.send("q")
        terminal.wait_end()


def _kept(text: str) -> int:
    """Rows kept, as the title above the classes says."""
    found = re.search(r"classes · ([\d ]+) of 291", text)
    return int(found[1].replace(" ", "")) if found else 10**6

"""The short form of every fault, and the bench around them: a fault that is let in is counted and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.runs import atomic
from tests.faults import report
from tests.faults.__main__ import main
from tests.faults.score import Score
from tests.faults.table import FAULTS

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


STORE = ("kills-training", "kills-commit", "power", "boundaries", "disk-full", "bit-flips", "torn-log", "races")
"""Those of runs on the disk. Lost lines and hostile text are tested elsewhere; a small disk has a long form only."""


@pytest.mark.parametrize("name", STORE)
def test_nothing_is_lost(name: str, tmp_path: Path) -> None:
    score = FAULTS[name].run(tmp_path, short=True)
    assert score.is_clean, score.note


def test_the_scorecard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, record = tmp_path / "page.md", tmp_path / "score.json"
    page.write_text(f"before\n{report.BEGIN}\nyesterday\n{report.END}\nafter\n")
    assert main(["bit-flips", "--short", "--json", str(record), "--markdown", str(page)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].split()[:4] == ["bit-flips", "80", "0", "0"]
    assert shown.err.startswith("bit-flips ... 80 tries, 0 invalid, 0 lost")
    (score,) = json.loads(record.read_text())["scores"]
    assert (score["tries"], score["invalid"], score["lost"]) == (80, 0, 0)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "yesterday" not in text
    assert "`python -m tests.faults bit-flips --short`" in text
    assert "| bit-flips |" in text
    assert str(tmp_path) not in text


def test_a_fault_that_gets_through_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(atomic, "sha256_of", lambda path: "the same for all")
    assert main(["bit-flips", "--short"]) == 1
    out = capsys.readouterr().out
    assert "FOUND: flipped" in out
    assert "was accepted" in out


def test_a_fault_that_cannot_be_tried_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("tests.faults.bit_flips.run", broken)
    assert main(["bit-flips", "--short"]) == 1
    assert "Input/output error" in capsys.readouterr().out


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bit-flops"])
    assert "kills-commit" in capsys.readouterr().err


def test_nothing_tried_is_not_clean() -> None:
    assert not Score("none", "", 0, 0, 0).is_clean


def test_a_page_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("words")
    with pytest.raises(ValueError, match="has no lines"):
        report.rewrite(page, [Score("one", "", 1, 0, 0)], [])
    assert page.read_text() == "words"

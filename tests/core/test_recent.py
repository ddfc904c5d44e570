from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.recent import MOST, recent, remember


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "finetui" / "recent.json"


def test_the_newest_comes_first_and_each_once(file: Path) -> None:
    assert recent() == []
    for source in ("/data/a.csv", "hub:owner/name", "/data/a.csv"):
        remember(source)
    assert recent() == ["/data/a.csv", "hub:owner/name"]
    assert file.exists()


def test_only_the_newest_are_kept(file: Path) -> None:
    for number in range(MOST + 5):
        remember(f"/data/{number}.csv")
    assert recent() == [f"/data/{number}.csv" for number in range(MOST + 4, 4, -1)]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"sources": 7}', '{"sources": [1, null, ""]}', "\x00\xff", "[" * 99999]
)
def test_a_damaged_file_counts_as_empty_and_is_mended(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode("latin-1"))
    assert recent() == []
    remember("/data/a.csv")
    assert json.loads(file.read_text()) == {"sources": ["/data/a.csv"]}


def test_a_name_that_is_no_text_survives(file: Path) -> None:
    remember("/data/\udcff.csv")
    assert recent() == ["/data/\udcff.csv"]


def test_where_nothing_can_be_kept_nobody_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    remember("/data/a.csv")
    assert recent() == []

"""How the program is called: what people are told to type must work where they are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from core.launch import program


def test_its_name_where_the_shell_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert program() == "finetui"


def test_the_way_to_it_where_it_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert program() == "finetui"  # not installed there at all
    (folder / "finetui").touch()
    assert program() == ".venv/bin/finetui"

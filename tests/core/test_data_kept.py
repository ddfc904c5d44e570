"""A file is read once however often a process is asked about it, and anew when it has changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import DataConfig
from core.data import dataset, kept
from core.data.kept import kept_dataset


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were read."""
    read: list[str] = []

    def load(config: DataConfig, progress: object) -> dataset.Dataset:
        read.append(config.source)
        return dataset.load_dataset(config)

    kept._kept.clear()
    monkeypatch.setattr(kept, "load_dataset", load)
    return read


def test_a_changed_file_or_setting_is_read_anew(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "a good day,yes\na bad day,no\n" * 5)
    config = DataConfig(source=str(path))
    first = kept_dataset(config)
    assert kept_dataset(config) is first
    assert len(reads) == 1
    assert len(kept_dataset(replace(config, cures=("drop-duplicates",))).texts) == 2
    path.write_text("text,label\n" + "a good day,yes\na bad day,no\nno day,no\n" * 5)
    os.utime(path, ns=(1, 1))
    assert len(kept_dataset(config).texts) == 15
    assert len(reads) == 3


def test_what_cannot_be_looked_at_is_always_read(tmp_path: Path, reads: list[str]) -> None:
    folder = tmp_path / "rows"
    for label in ("yes", "no"):
        (folder / label).mkdir(parents=True)
        (folder / label / "one.txt").write_text(f"{label} indeed")
        (folder / label / "two.txt").write_text(f"{label} again")
    config = DataConfig(source=str(folder))
    assert len(kept_dataset(config).texts) == 4
    assert len(kept_dataset(config).texts) == 4
    assert reads == [str(folder)] * 2

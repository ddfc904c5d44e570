"""The rows that are kept beside the runs: never believed over the files that they were made from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import RunConfig
from core.runs import Run, RunState, RunStore, Summary, index
from core.runs.index import Index
from core.runs.notes import edit
from core.training import events as e
from tests.core.test_store import SCORES, metrics

COUNT = index.WORTH + 1


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all files had lain there for a while."""
    monkeypatch.setattr(index, "SETTLED", -1.0)


@pytest.fixture
def many(store: RunStore) -> RunStore:
    """A folder with so many finished runs that their rows are kept, and with the rows."""
    for number in range(COUNT):
        finished(store, f"run-{number:02}")
    store.list()
    assert (store.root / index.FILE).is_file()
    return store


def finished(store: RunStore, name: str) -> Run:
    run = store.create(RunConfig(), name)
    run.record(e.RunFinished("trained", False, 12.5))
    run.close()
    (run.path / "metrics.json").write_text(metrics())
    (run.path / "data.json").write_text('{"fingerprint": "aa", "validation_mark": "bb"}')
    return run


def reads(store: RunStore) -> int:
    """How many runs a new list has to read."""
    found = Index(store.root)
    for run in store.runs():
        found.summary(run)
    return found.reads


def test_a_second_list_reads_no_run_and_is_the_same(many: RunStore) -> None:
    first = many.list()
    assert reads(many) == 0
    assert many.list() == first
    assert {one.fingerprint for one in first} == {"aa"}
    (many.root / index.FILE).unlink()
    assert many.list() == first


def test_few_runs_leave_no_file_behind(store: RunStore) -> None:
    finished(store, "one")
    store.list()
    assert not (store.root / index.FILE).exists()


def _same_size_and_time(path: Path) -> None:
    seen = path.stat()
    path.write_text(path.read_text().replace('"macro_f1": 0.8', '"macro_f1": 0.7'))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)


def _replaced(path: Path) -> None:
    staged = path.with_name("staged")
    staged.write_text(path.read_text().replace('"macro_f1": 0.8', '"macro_f1": 0.7'))
    os.utime(staged, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    staged.rename(path)


@pytest.mark.parametrize("change", [_same_size_and_time, _replaced])
def test_a_run_changed_behind_its_back_is_read_again(many: RunStore, change: Callable[[Path], None]) -> None:
    change(many.root / "run-03" / "metrics.json")
    assert {one.name: one.macro_f1 for one in many.list()}["run-03"] == 0.7
    assert reads(many) == 0


def test_every_file_that_a_row_is_made_from_counts(many: RunStore) -> None:
    def row() -> Summary:
        return next(one for one in many.list() if one.name == "run-05")

    path = many.root / "run-05"
    edit(Run(path), add=["a"], text="b", archived=True)
    assert (row().tags, row().note, row().is_archived) == (("a",), "b", True)
    (path / "data.json").write_text('{"fingerprint": "cc", "validation_mark": "bb"}')
    assert row().fingerprint == "cc"
    (path / "data.json").unlink()
    assert row().fingerprint == ""
    (path / "run.toml").write_text("epochs = = 3")
    assert "damaged" in row().problem
    (path / "run.toml").write_text("")
    (path / "metrics.json").unlink()
    assert row().macro_f1 is None


def test_a_run_that_goes_on_is_seen_although_its_row_was_kept(many: RunStore) -> None:
    run = many.create(RunConfig(), "paused")
    run.record(e.RunStarted(1, "box", ""))
    run.record(e.DataReady("sample", ("bad", "good"), 20, 20, (5, 5), (3, 3), (2, 2)))
    run.record(e.EvalFinished(10, 1.0, True, SCORES, 0.1))
    run.record(e.RunPaused(10))
    run.close()

    def state() -> RunState:
        return next(one.state for one in many.list() if one.name == "paused")

    assert state() is RunState.PAUSED
    assert reads(many) == 0
    run.note_launch(os.getpid())  # no file that the row was made from has changed
    assert state() is RunState.QUEUED
    (run.path / "launch.json").unlink()
    assert state() is RunState.PAUSED
    with run.lock():
        run.record(e.RunStarted(2, "box", ""))
        assert state() is RunState.RUNNING
    run.close()
    assert state() is RunState.INTERRUPTED


def test_what_could_be_done_with_a_run_is_never_taken_from_the_rows(many: RunStore) -> None:
    run = many.create(RunConfig(), "ended")
    run.record(e.RunFinished("stopped now", True, 1.0))
    run.close()
    (run.path / "model").mkdir()
    assert next(one for one in many.list() if one.name == "ended").can_have_more
    assert reads(many) == 0
    (run.path / "model").rmdir()
    assert not next(one for one in many.list() if one.name == "ended").can_have_more


@pytest.mark.parametrize("way", ["cut", "flip", "empty", "folder", "link", "other", "wrong"])
def test_a_damaged_index_is_passed_over(many: RunStore, way: str) -> None:
    path = many.root / index.FILE
    expected, content = many.list(), path.read_bytes()
    path.unlink()
    if way == "folder":
        path.mkdir()
    elif way == "link":
        (many.root / "elsewhere").write_bytes(content)
        path.symlink_to("elsewhere")
    else:
        head, _, body = content.partition(b"\n")
        path.write_bytes({
            "cut": content[: len(content) // 2], "flip": content.replace(b'"macro_f1":0.8', b'"macro_f1":0.9', 1),
            "empty": b"", "other": head.replace(b'"format": 1', b'"format": 9') + b"\n" + body, "wrong": b"[1, 2]\n{}",
        }[way])  # fmt: skip
    assert reads(many) == COUNT
    assert many.list() == expected
    if way == "link":
        assert (many.root / "elsewhere").read_bytes() == content, "no link is followed"


def test_a_run_that_is_deleted_or_renamed_leaves_no_row(many: RunStore) -> None:
    many.delete("run-00")
    many.rename("run-01", "another")
    names = [one.name for one in many.list()]
    assert set(names) == {"another", *(f"run-{number:02}" for number in range(2, COUNT))}
    rows = json.loads((many.root / index.FILE).read_bytes().partition(b"\n")[2]) if len(names) >= index.WORTH else {}
    assert "run-00" not in rows
    assert "run-01" not in rows


def test_a_base_model_that_lies_in_a_renamed_run_is_called_by_its_new_name(many: RunStore) -> None:
    config = RunConfig().with_value("model.base", str(many.root / "run-02" / "model"))
    run = many.create(config, "child")
    run.record(e.RunFinished("trained", False, 12.5))
    run.close()
    (run.path / "metrics.json").write_text(metrics())

    def base() -> str:
        return next(one.base for one in many.list() if one.name == "child")

    assert base() == "run-02"
    many.rename("run-02", "owl")
    assert base() == "owl"


def test_what_was_written_a_moment_ago_is_not_kept(many: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SETTLED", 3600.0)  # it could change again within the same tick of a clock
    finished(many, "fresh")
    many.list()
    assert reads(many) == 1


def test_a_folder_that_cannot_be_written_is_listed_all_the_same(
    many: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    edit(Run(many.root / "run-07"), add=["new"])
    monkeypatch.setattr(index.os, "replace", refuse)
    assert next(one for one in many.list() if one.name == "run-07").tags == ("new",)
    assert not list(many.root.glob(f"{index.FILE}.*"))

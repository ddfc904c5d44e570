"""Folders that are whole or not there; damage is found and named."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from core.errors import RunError
from core.runs.atomic import MANIFEST, commit_dir, recover_dir, verify_dir, write_file


def commit(target: Path, word: str = "first") -> None:
    with commit_dir(target) as folder:
        (folder / "config.json").write_text(json.dumps({"word": word}))
        (folder / "deep").mkdir()
        (folder / "deep" / "weights").write_bytes(word.encode() * 40)


def content(target: Path) -> str:
    return str(json.loads((target / "config.json").read_text())["word"])


def test_visible_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with commit_dir(target) as folder:
        (folder / "weights").write_bytes(b"1")
        assert not target.exists()
    verify_dir(target)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_old_one_is_seen_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    with commit_dir(target) as folder:
        (folder / "config.json").write_text('{"word": "second"}')
        assert content(target) == "first"
        verify_dir(target)
    assert content(target) == "second"
    assert not (target / "deep").exists()
    verify_dir(target)


@pytest.mark.parametrize("broken", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_error_leaves_the_old_one_and_no_litter(tmp_path: Path, broken: type[BaseException]) -> None:
    target = tmp_path / "model"
    commit(target)

    def fail() -> None:
        with commit_dir(target) as folder:
            (folder / "config.json").write_text('{"word": "second"}')
            raise broken

    with pytest.raises(broken):
        fail()
    verify_dir(target)
    assert content(target) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_was_moved_away_does_not_come_back(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        commit(tmp_path / "deleted-run" / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_the_old_one_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    (tmp_path / ".model.old").write_text("a file where the old folder would go")
    with pytest.raises(OSError, match="model"):
        commit(target, "second")
    verify_dir(target)
    assert content(target) == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.old", "model"]


def test_a_crash_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    target.rename(tmp_path / ".model.old")
    commit(tmp_path / ".model.0123.new", "second")
    recover_dir(target)
    verify_dir(target)
    assert content(target) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_recovering_what_is_whole_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    commit(tmp_path / ".model.old", "older")
    recover_dir(target)
    recover_dir(tmp_path / "never-there")
    assert content(target) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_every_bit_flip_is_found_and_its_file_named(tmp_path: Path) -> None:
    target, chance = tmp_path / "model", random.Random(0)
    commit(target)
    for path in [path for path in target.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
            with pytest.raises(RunError, match=r"not complete|damaged") as found:
                verify_dir(target)
            if path.name != MANIFEST:
                assert str(path) in found.value.message
        path.write_bytes(whole)
    verify_dir(target)


def test_every_truncation_is_found(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    for path in [path for path in target.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(RunError, match=r"not complete|damaged"):
                verify_dir(target, contents=False)
        path.write_bytes(whole)
    verify_dir(target)


@pytest.mark.parametrize("name", ["config.json", "deep/weights", MANIFEST])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    commit(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(RunError) as found:
        verify_dir(tmp_path / "model")
    assert name in found.value.message


@pytest.mark.parametrize("listing", ["[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {"a": {}}}', "\0"])
def test_a_manifest_of_another_shape_is_not_complete(tmp_path: Path, listing: str) -> None:
    (tmp_path / MANIFEST).write_text(listing)
    with pytest.raises(RunError, match="not complete"):
        verify_dir(tmp_path)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_file(path, "old")
    with open(path) as reader:
        write_file(path, b"new and longer")
        assert reader.read() == "old"
    assert path.read_text() == "new and longer"
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.json"]

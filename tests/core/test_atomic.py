"""Folders that are whole or not there; damage is found and named."""

from __future__ import annotations

import errno
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import RunError
from core.runs.atomic import MANIFEST, commit_dir, recover_dir, verify_dir, write_file
from tests.faults.layer import Call, layer


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


@pytest.mark.parametrize("exchange", [True, False])
def test_a_rename_that_fails_leaves_the_old_one_and_no_litter(tmp_path: Path, exchange: bool) -> None:
    target = tmp_path / "model"
    commit(target)
    failed: list[str] = []

    def fail_once(call: Call, do: Callable[[], Any]) -> Any:
        if call.kind in ("rename", "exchange") and call.path.endswith(".new") and not failed:
            failed.append(call.path)
            raise OSError(errno.EIO, "Input/output error", call.path)
        return do()

    with layer(tmp_path, fail_once, exchange=exchange), pytest.raises(OSError, match="model"):
        commit(target, "second")
    verify_dir(target)
    assert content(target) == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("exchange", [True, False])
def test_what_lies_at_the_names_it_uses_is_no_obstacle(tmp_path: Path, exchange: bool) -> None:
    target, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    commit(elsewhere, "not ours")
    for left in ("file", "link", "folder"):
        old = tmp_path / ".model.old"
        match left:
            case "file":
                old.write_text("")
            case "link":
                old.symlink_to(elsewhere)
            case "folder":
                commit(old)
        with layer(tmp_path, exchange=exchange):
            commit(target, "first")
            commit(target, left)
        assert content(target) == left
        assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "model"]
    assert content(elsewhere) == "not ours"


@pytest.mark.parametrize("exchange", [True, False])
def test_a_link_at_its_place_is_replaced_and_what_it_leads_to_stays(tmp_path: Path, exchange: bool) -> None:
    target, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    commit(elsewhere, "not ours")
    target.symlink_to(elsewhere)
    with layer(tmp_path, exchange=exchange):
        commit(target, "first")
        commit(target, "second")
    assert not target.is_symlink()
    assert (content(target), content(elsewhere)) == ("second", "not ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "model"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a system call of Linux")
def test_a_reader_sees_no_gap(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    found: list[str] = []

    def look(_: Call, do: Callable[..., Any]) -> Any:
        result = do()
        verify_dir(target)
        found.append(content(target))
        return result

    with layer(tmp_path, look) as calls:
        commit(target, "second")
    assert found == sorted(found)
    assert set(found) == {"first", "second"}
    assert [call.kind for call in calls if call.path.endswith(".new") and call.other] == ["exchange"]


def test_a_system_without_the_exchange_gets_the_same_folder(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    with layer(tmp_path, exchange=False) as calls:
        commit(target, "second")
    assert content(target) == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert "exchange" not in [call.kind for call in calls]


def test_after_a_crash_behind_the_exchange_the_new_one_stays(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target, "second")
    commit(tmp_path / ".model.0123.new", "first")
    commit(tmp_path / ".model.x.0123.new", "of another folder")
    recover_dir(target)
    assert content(target) == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.x.0123.new", "model"]


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
            assert path.name in found.value.message
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


def test_a_manifest_of_the_first_version_is_read(tmp_path: Path) -> None:
    target = tmp_path / "model"
    commit(target)
    listing = json.loads((target / MANIFEST).read_text())["files"]
    (target / MANIFEST).write_text(json.dumps({"files": listing}, indent=1))
    verify_dir(target)
    (target / "config.json").write_text('{"word": "fIrst"}')
    with pytest.raises(RunError, match="damaged"):
        verify_dir(target)


@pytest.mark.parametrize("change", [("sha256", "sha257"), ('"size": 17', '"size": 18'), ("config", "konfig")])
def test_a_manifest_that_was_changed_is_itself_named(tmp_path: Path, change: tuple[str, str]) -> None:
    target = tmp_path / "model"
    commit(target)
    text = (target / MANIFEST).read_text()
    before, found, after = text.rpartition(change[0])
    assert found
    (target / MANIFEST).write_text(before + change[1] + after)
    with pytest.raises(RunError, match="not complete") as told:
        verify_dir(target)
    assert MANIFEST in told.value.message


def test_an_interrupted_write_leaves_no_litter(tmp_path: Path) -> None:
    def interrupt(call: Call, do: Callable[..., Any]) -> Any:
        if call.kind == "fsync":
            raise KeyboardInterrupt
        return do()

    write_file(tmp_path / "metrics.json", "old")
    with layer(tmp_path, interrupt), pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "metrics.json", "new")
    assert (tmp_path / "metrics.json").read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["metrics.json"]

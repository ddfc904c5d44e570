"""What a person writes about a run: tags, a note, putting aside; and another name."""

from __future__ import annotations

import os
import threading
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import RunConfig, dumps
from core.errors import RunError
from core.launch import again
from core.runs import Run, RunStore, notes
from core.runs.notes import LONGEST_NOTE, MOST_TAGS, change_notes, edit, read_notes, tags_in, valid_tag
from core.training import events as e
from tests.conftest import Spawn


@pytest.fixture
def run(store: RunStore) -> Run:
    return ended(store, "brisk-otter")


def ended(store: RunStore, name: str, config: RunConfig | None = None) -> Run:
    """A run that nobody trains or will train."""
    run = store.create(config or RunConfig(), name)
    run.record(e.RunFinished("trained", False, 1.0))
    run.close()
    return run


def content(run: Run) -> dict[str, object]:
    return tomllib.loads((run.path / "notes.toml").read_text())


def test_tags_a_note_and_putting_aside_are_kept_and_taken_away(run: Run) -> None:
    assert read_notes(run) == notes.Notes()
    before, after = edit(run, add=["+baseline", "v2", "v2"], text=" try a lower rate\n", archived=True)
    assert before == notes.Notes()
    assert (after.tags, after.text, after.is_archived) == (("baseline", "v2"), "try a lower rate", True)
    assert read_notes(run) == after
    edit(run, add=["v3"], remove=["baseline", "never-there"])
    assert read_notes(run).tags == ("v2", "v3")
    assert read_notes(run).text == "try a lower rate", "what was not named stays"
    edit(run, remove=["v2", "v3"], text="", archived=False)
    assert content(run) == {}


def test_what_others_keep_there_is_not_lost(run: Run) -> None:
    (run.path / "notes.toml").write_text(
        'parent = "owl"\nlater = 1979-05-27\ntags = ["old"]\n[mine]\ndeep = [1, [2]]\n'
    )
    edit(run, add=["new"])
    found = content(run)
    assert (found["parent"], found["mine"], str(found["later"])) == ("owl", {"deep": [1, [2]]}, "1979-05-27")
    assert found["tags"] == ["old", "new"]


def test_nothing_is_written_when_nothing_changes(run: Run) -> None:
    edit(run, add=["a"])
    seen = (run.path / "notes.toml").stat().st_ino
    edit(run, add=["a"], remove=["b"], archived=False)
    assert (run.path / "notes.toml").stat().st_ino == seen


def test_of_many_writers_none_loses_the_change_of_another(run: Run, spawn: Spawn) -> None:
    script = """
import sys
from pathlib import Path
from core.runs import Run
from core.runs.notes import edit
for number in range(8):
    edit(Run(Path(sys.argv[1])), add=[f"{sys.argv[2]}-{number}"])
print("done")
"""
    children = [spawn(script, run.path, f"p{number}") for number in range(4)]
    assert [child.communicate()[0] for child in children] == ["done\n"] * 4
    assert sorted(read_notes(run).tags) == sorted(f"p{p}-{number}" for p in range(4) for number in range(8))


def test_a_writer_waits_for_the_one_before_and_says_when_that_does_not_let_go(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go = threading.Event(), threading.Event()

    def slowly(tree: dict[str, object]) -> None:
        inside.set()
        go.wait(10)
        tree["first"] = True

    other = threading.Thread(target=change_notes, args=(run, slowly))
    other.start()
    try:
        assert inside.wait(10)
        monkeypatch.setattr(notes, "PATIENCE", 0.02)
        with pytest.raises(RunError, match="being written by another process"):
            edit(run, add=["second"])
    finally:
        go.set()
        other.join()
    edit(run, add=["second"])
    assert content(run) == {"first": True, "tags": ["second"]}


@pytest.mark.parametrize("damage", [b"tags = = 3", b"\xff\xfe", b"x = " + b"[" * 9000])
def test_damaged_notes_are_told_and_never_written_over(store: RunStore, run: Run, damage: bytes) -> None:
    (run.path / "notes.toml").write_bytes(damage)
    with pytest.raises(RunError, match="notes of brisk-otter are damaged") as found:
        edit(run, add=["a"])
    assert "notes.toml" in found.value.message
    assert found.value.next_step
    assert (run.path / "notes.toml").read_bytes() == damage
    (one,) = store.list()
    assert "notes.toml" in one.notes_problem
    assert not one.problem, "the run itself is whole"


@pytest.mark.parametrize("shape", ["tags = 3", "tags = 'x'", "note = 3", "archived = 'yes'", "parent = []", "was = 1"])
def test_values_of_another_shape_count_as_absent_and_can_be_replaced(run: Run, shape: str) -> None:
    (run.path / "notes.toml").write_text(shape)
    found = read_notes(run)
    assert (found.tags, found.text, found.is_archived, found.was) == ((), "", False, ())
    edit(run, add=["a"], text="b", archived=True)
    assert (read_notes(run).tags, read_notes(run).text) == (("a",), "b")


@given(st.text(max_size=40))
def test_a_tag_is_a_word_that_a_shell_and_a_filter_take_as_it_is(text: str) -> None:
    if valid_tag(text):
        assert text.isascii()
        assert text[0] not in "-+"
        assert len(text) <= 32
        assert not set(text) & set(" \t\"'*?[]<>|&;:,$`\\\n")


@pytest.mark.parametrize("tag", ["", "a b", "-a", "é", "a,b", "x" * 33, "\x1b[31m", "a:b", "+", "++a"])
def test_what_is_no_tag_is_refused_and_named(run: Run, tag: str) -> None:
    with pytest.raises(RunError, match="cannot be a tag") as found:
        edit(run, add=["good", tag])
    assert "\x1b" not in str(found.value)
    assert not (run.path / "notes.toml").exists()


def test_ten_thousand_tags_are_refused_but_those_that_are_there_are_read(store: RunStore, run: Run) -> None:
    many = [f"t{number}" for number in range(10_000)]
    with pytest.raises(RunError, match="too many"):
        edit(run, add=many)
    edit(run, add=many[:MOST_TAGS])
    with pytest.raises(RunError, match=f"would have {MOST_TAGS + 1} tags"):
        edit(run, add=["one-more"])
    (run.path / "notes.toml").write_text(f"tags = {many}")
    assert len(store.list()[0].tags) == 10_000
    edit(run, remove=many[1:])
    assert read_notes(run).tags == ("t0",)


def test_a_note_is_safe_and_not_a_book(run: Run) -> None:
    edit(run, text="one\ntwo\x1b]52;c;A\x07 \u202ethree")
    assert "\x1b" not in read_notes(run).text
    assert read_notes(run).text.startswith("one\ntwo")
    with pytest.raises(RunError, match="too long"):
        edit(run, text="x" * (LONGEST_NOTE + 1))


def test_a_run_that_is_gone_is_told_and_does_not_come_back(store: RunStore, run: Run) -> None:
    store.delete(run.name)
    with pytest.raises(RunError, match="brisk-otter is gone"):
        edit(run, add=["a"])
    assert not run.path.exists()


def test_whoever_waited_while_the_run_was_renamed_writes_into_no_other(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renamed_meanwhile(*_: object) -> None:
        monkeypatch.undo()
        store.rename("brisk-otter", "calm-heron")
        ended(store, "brisk-otter")

    monkeypatch.setattr(notes, "_wait_for", renamed_meanwhile)
    with pytest.raises(RunError, match="brisk-otter is gone"):
        edit(run, add=["a"])
    assert read_notes(run).tags == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_says_so(run: Run) -> None:
    run.path.chmod(0o500)
    try:
        with pytest.raises(RunError, match="cannot be written"):
            edit(run, add=["a"])
    finally:
        run.path.chmod(0o700)


def test_a_file_that_cannot_be_replaced_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: str) -> None:
        raise PermissionError(13, "Read-only file system", str(path))

    monkeypatch.setattr(notes, "write_file", refuse)
    with pytest.raises(RunError, match="notes of brisk-otter cannot be written") as found:
        edit(run, add=["a"])
    assert "Read-only" in found.value.message


# Another name


def child_of(store: RunStore, parent: Run, name: str) -> Run:
    """A run as `resume --epochs` makes it."""
    config = RunConfig().with_value("model.base", str(parent.path / "model"))
    child = ended(store, name, config.with_value("split.of", str(parent.path)))
    change_notes(child, lambda tree: tree.update(parent=parent.name))
    return child


def test_a_run_has_its_new_name_and_all_that_was_in_it(store: RunStore, run: Run) -> None:
    edit(run, add=["keep"])
    found = store.rename("brisk-otter", "calm-heron")
    assert store.names() == ["calm-heron"]
    assert len(found.raw_records()) == 1
    assert read_notes(found).tags == ("keep",)
    assert read_notes(found).was == ("brisk-otter",)
    with pytest.raises(RunError, match="no run 'brisk-otter'") as gone:
        store.open("brisk-otter")
    assert "calm-heron" in gone.value.message
    assert store.create(RunConfig(), "brisk-otter").name == "brisk-otter", "nothing pointed to it: the name is free"


def test_children_follow_and_their_configuration_leads_to_the_new_name(store: RunStore, run: Run) -> None:
    (run.path / "model").mkdir()
    child = child_of(store, run, "child")
    written = (child.path / "run.toml").read_text()
    for old, new in (("brisk-otter", "calm-heron"), ("calm-heron", "wise-wren")):
        store.rename(old, new)
        assert read_notes(child).parent == new
        assert child.config().model.base == str(store.root / new / "model")
        assert child.config().split.of == str(store.root / new)
        assert (child.path / "run.toml").read_text() == written
    rows = {one.name: one for one in store.list()}
    assert (rows["child"].base, rows["child"].parent) == ("wise-wren", "wise-wren")
    store.rename("wise-wren", "brisk-otter")
    assert child.config().split.of == str(run.path)
    assert not (store.root / ".names").exists(), "nobody needs to be told any more"


def test_a_name_that_a_configuration_still_uses_is_given_to_no_other_run(store: RunStore, run: Run) -> None:
    child = child_of(store, run, "child")
    other = ended(store, "other")
    store.delete("other")
    place = next((store.root / ".trash").iterdir())
    store.rename("brisk-otter", "calm-heron")
    with pytest.raises(RunError, match="calm-heron was called brisk-otter once"):
        store.create(RunConfig(), "brisk-otter")
    os.rename(place, place.with_name(place.name.replace("other", "brisk-otter")))
    with pytest.raises(RunError, match="was called brisk-otter once"):
        store.restore(place.with_name(place.name.replace("other", "brisk-otter")))
    third = ended(store, "third")
    with pytest.raises(RunError, match="was called brisk-otter once"):
        store.rename("third", "brisk-otter")
    assert third.path.is_dir()
    assert not other.path.exists()
    store.delete(child.name)
    assert store.rename("third", "brisk-otter").name == "brisk-otter", "its last user is gone"


def test_a_bare_name_in_a_configuration_is_followed_too(store: RunStore, run: Run) -> None:
    config = RunConfig().with_value("split.of", "brisk-otter")
    user = store.create(config, "user")
    store.rename("brisk-otter", "calm-heron")
    assert user.config().split.of == "calm-heron"


def test_renaming_is_refused_with_the_reason_and_leaves_all_as_it_was(store: RunStore, run: Run) -> None:
    store.create(RunConfig(), "taken")
    (store.root / "linked").symlink_to("nowhere")
    for new, why in (
        ("taken", "already exists"), ("linked", "already exists"), ("brisk-otter", "already exists"),
        ("../x", "cannot be a run's name"), ("last", "'last'"), ("a b", "cannot be"), ("", "cannot be"),
    ):  # fmt: skip
        with pytest.raises(RunError, match=why):
            store.rename("brisk-otter", new)
    with pytest.raises(RunError, match="Renaming wants the full name"):
        store.rename("brisk", "x")
    live = store.create(RunConfig(), "live")
    with live.lock(), pytest.raises(RunError, match="is being trained"):
        store.rename("live", "x")
    assert set(store.names()) == {"brisk-otter", "taken", "live"}
    assert not (run.path / "notes.toml").exists()


def test_a_run_with_damaged_notes_keeps_its_name(store: RunStore, run: Run) -> None:
    (run.path / "notes.toml").write_text("= =")
    with pytest.raises(RunError, match="are damaged"):
        store.rename("brisk-otter", "calm-heron")
    assert store.names() == ["brisk-otter"]


def test_a_move_that_fails_leaves_all_as_it_was(store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runs import renaming

    child = child_of(store, run, "child")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(renaming.os, "rename", refuse)
    with pytest.raises(RunError, match="Cannot rename brisk-otter"):
        store.rename("brisk-otter", "calm-heron")
    monkeypatch.undo()
    assert "brisk-otter" not in read_notes(run).was
    assert not (store.root / ".names").exists()
    assert child.config().split.of == str(run.path)
    assert store.create(RunConfig(), "calm-heron").name == "calm-heron"


def test_what_a_command_reads_from_a_configuration_is_followed(store: RunStore, run: Run) -> None:
    from core.cli.configured import configured

    (run.path / "model").mkdir()
    child = child_of(store, run, "child")
    store.rename("brisk-otter", "calm-heron")
    config = configured({}, None, child.path / "run.toml", store.root)
    assert config.split.of == str(store.root / "calm-heron")
    assert str(store.root / "calm-heron" / "model") in dumps(config)


def test_more_epochs_say_whose_they_are(store: RunStore, run: Run) -> None:
    child = again.make(RunConfig(), run, again.MORE)
    assert read_notes(child).parent == "brisk-otter"
    assert tags_in(["+a", "a"]) == ("a",)

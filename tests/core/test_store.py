"""The folder of runs: names, creation, listing, the trash, and where it lies."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import RunConfig
from core.errors import RunError
from core.launch import start
from core.runs import Run, RunState, RunStore, find_root, valid_name
from core.runs.names import suggestions
from core.runs.store import MARKER, TRASH
from core.training import events as e
from tests.conftest import Spawn
from tests.faults.layer import Call, layer

NAMES = st.text(max_size=80) | st.from_regex(r"[A-Za-z0-9._/~\\ -]{0,70}", fullmatch=True)
SCORES = e.Scores(10, 0.8, 0.7, 0.75, (0.9, 0.5), 0.4)


def aged(store: RunStore, *names: str) -> list[Run]:
    """Runs of these names, each newer than the one before."""
    runs = [store.create(RunConfig(), name) for name in names]
    for age, run in enumerate(runs):
        os.utime(run.path / "run.toml", (1_000_000 + age, 1_000_000 + age))
    return runs


def metrics(**changed: Any) -> str:
    validation = {"macro_f1": 0.8, "accuracy": 0.9, "class_f1": {"bad": 0.6, "good": 1.0}}
    return json.dumps({"seconds": 12.5, "validation": validation, **changed})


@given(NAMES)
def test_a_valid_name_stays_inside_the_root(name: str) -> None:
    root = Path("/srv/runs")
    if valid_name(name):
        assert Path(os.path.normpath(root / name)).parent == root
        assert Path(name).name == name
        assert not name.startswith((".", "-"))
        assert len(name) <= 64


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "a b", "a\n", "é", "x" * 65, "a\0", "-rf", "a~b", "a."]
)
def test_names_that_are_refused_leave_nothing_behind(store: RunStore, name: str) -> None:
    assert not valid_name(name)
    if name:
        with pytest.raises(RunError, match="cannot be a run's name"):
            store.create(RunConfig(), name)
    assert not store.root.exists()


@pytest.mark.parametrize("name", ["a", "brisk-otter", "v1.2_final", "X" * 64, "0"])
def test_names_that_are_fine(store: RunStore, name: str) -> None:
    assert store.create(RunConfig(), name).name == name


def test_suggestions_are_valid_and_many() -> None:
    found = suggestions()
    assert all(valid_name(name) for name in found)
    assert len(set(found)) > 20


def test_the_newest_has_a_word_of_its_own(store: RunStore) -> None:
    with pytest.raises(RunError, match="'last'"):
        store.create(RunConfig(), "last")


def test_a_run_holds_its_configuration(store: RunStore) -> None:
    config = RunConfig().with_value("training.epochs", 3)
    run = store.create(config)
    assert run.config() == config
    assert (run.path.stat().st_mode & 0o077) == 0


def test_a_taken_name_is_refused(store: RunStore) -> None:
    store.create(RunConfig(), "one")
    with pytest.raises(RunError, match="already exists"):
        store.create(RunConfig(), "one")


def test_a_name_that_toml_cannot_hold_leaves_nothing_behind(store: RunStore) -> None:
    config = RunConfig().with_value("data.source", "/data/caf\udce9.csv")
    with pytest.raises(RunError, match="not valid UTF-8"):
        store.create(config, "one")
    assert not store.root.exists()


def test_of_32_processes_one_gets_the_name(store: RunStore, spawn: Spawn) -> None:
    script = """
import os, sys
from pathlib import Path
from core.config import RunConfig
from core.errors import RunError
from core.runs import RunStore
hear, tell = os.pipe()
children = []
for _ in range(32):
    child = os.fork()
    if child == 0:
        os.close(tell)
        os.read(hear, 1)  # returns in all at once, when the parent lets go
        try:
            RunStore(Path(sys.argv[1])).create(RunConfig(), "prize")
        except RunError:
            os._exit(1)
        os._exit(0)
    children.append(child)
os.close(tell)
print(sum(os.waitpid(child, 0)[1] == 0 for child in children))
"""
    out, _ = spawn(script, store.root).communicate()
    assert out == "1\n"
    assert store.open("prize").config() == RunConfig()


def test_open_by_name_beginning_and_last(store: RunStore) -> None:
    aged(store, "brisk-otter", "brisk-owl", "brisk", "calm-hare")
    assert store.names() == ["calm-hare", "brisk", "brisk-owl", "brisk-otter"]
    assert store.open("brisk").name == "brisk"
    assert store.open("brisk-ot").name == "brisk-otter"
    assert store.open("c").name == "calm-hare"
    assert store.open("last").name == "calm-hare"
    with pytest.raises(RunError, match="More than one") as found:
        store.open("brisk-o")
    assert "brisk-owl" in found.value.message


@pytest.mark.parametrize("name", ["nope", "", "..", "/", "../runs/one"])
def test_what_is_not_there_is_said(store: RunStore, name: str) -> None:
    store.create(RunConfig(), "one")
    with pytest.raises(RunError, match="There is no run") as found:
        store.open(name)
    assert str(store.root) in found.value.message


def test_an_empty_store_says_how_to_begin(store: RunStore) -> None:
    assert store.names() == []
    assert store.list() == []
    with pytest.raises(RunError, match="There is no run 'last'") as found:
        store.open("last")
    assert "finetui train" in found.value.next_step


def test_links_and_foreign_folders_are_no_runs(store: RunStore, tmp_path: Path) -> None:
    store.create(RunConfig(), "one")
    elsewhere = RunStore(tmp_path / "other").create(RunConfig(), "away")
    (store.root / "linked").symlink_to(elsewhere.path)
    (store.root / "foreign").mkdir()
    (store.root / "file").write_text("")
    assert store.names() == ["one"]
    with pytest.raises(RunError):
        store.delete("linked")
    with pytest.raises(RunError):
        store.delete("foreign")
    assert elsewhere.path.is_dir()


def test_delete_and_restore(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.record(e.RunStarted(1, "box", ""))
    run.close()
    place = store.delete("one")
    assert store.names() == []
    assert place.parent == store.root / TRASH
    again = store.restore(place)
    assert again.path == run.path
    assert len(again.raw_records()) == 1
    assert not place.exists()


def test_the_same_name_can_be_deleted_twice(store: RunStore) -> None:
    store.create(RunConfig(), "one")
    first = store.delete("one")
    store.create(RunConfig(), "one")
    second = store.delete("one")
    assert first != second
    store.restore(first)
    with pytest.raises(RunError, match="already exists"):
        store.restore(second)
    assert second.is_dir()


def test_deleting_wants_the_full_name_and_a_run_at_rest(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    with pytest.raises(RunError, match="There is no run 'on'"):
        store.delete("on")
    with run.lock(), pytest.raises(RunError, match="is being trained"):
        store.delete("one")
    assert store.names() == ["one"]


@pytest.mark.parametrize("place", ["..", "../one~1", "one", "../../x~1", "evil", ".~1"])
def test_only_what_is_in_the_trash_is_restored(store: RunStore, place: str) -> None:
    store.create(RunConfig(), "one")
    store.create(RunConfig(), "two")
    store.delete("two")
    with pytest.raises(RunError, match="not in the trash"):
        store.restore(store.root / TRASH / place)
    with pytest.raises(RunError, match="not in the trash"):
        store.restore(store.root / "one")
    assert store.names() == ["one"]


def test_a_finished_run_in_the_list(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.record(e.RunStarted(1, "box", ""))
    run.record(e.RunFinished("trained", False, 12.5))
    run.close()
    (run.path / "metrics.json").write_text(metrics())
    (run.path / "notes.toml").write_text('tags = ["keep", "v2"]')
    (one,) = store.list()
    assert (one.name, one.state, one.seconds, one.problem) == ("one", RunState.FINISHED, 12.5, "")
    assert (one.macro_f1, one.accuracy, one.worst_class, one.worst_f1) == (0.8, 0.9, "bad", 0.6)
    assert one.tags == ("keep", "v2")
    assert (one.data, one.base) == ("sample", "starter")


def test_an_unfinished_run_shows_its_best_so_far(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.record(e.RunStarted(1, "box", ""))
    run.record(e.DataReady("sample", ("bad", "good"), 20, 20, (5, 5), (3, 3), (2, 2)))
    run.record(e.EvalFinished(10, 1.0, True, SCORES, 0.1))
    run.record(e.ModelSaved(10, 1.0, "macro_f1", 0.7))
    run.record(e.EvalFinished(20, 2.0, True, e.Scores(10, 0.1, 0.1, 0.1, (0.1, 0.1)), 0.1))
    run.close()
    (one,) = store.list()
    assert one.state is RunState.INTERRUPTED
    assert (one.macro_f1, one.worst_class, one.worst_f1) == (0.7, "good", 0.5)
    assert 0 <= one.seconds < 60


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.toml", b"epochs = = 3"),
        ("run.toml", b"[training]\nepoch = 3"),
        ("run.toml", b"\xff\xfe"),
        ("metrics.json", b"{"),
        ("metrics.json", b"[]"),
        ("metrics.json", b'{"validation": 3}'),
        ("metrics.json", b'{"validation": {"macro_f1": 1, "accuracy": 1, "class_f1": []}}'),
        ("metrics.json", b'{"validation": {"macro_f1": null, "accuracy": 1, "class_f1": {}}}'),
    ],
)
def test_a_damaged_run_is_listed_with_its_problem(store: RunStore, name: str, content: bytes) -> None:
    whole, damaged = aged(store, "whole", "damaged")
    (damaged.path / name).write_bytes(content)
    found = {one.name: one for one in store.list()}
    assert set(found) == {"whole", "damaged"}
    assert name in found["damaged"].problem
    assert not found["whole"].problem
    assert whole.config() == RunConfig()


@pytest.mark.parametrize("notes", ["tags = 3", "tags = 'x'", "= =", "tags = [1, 2]"])
def test_notes_of_another_shape_harm_nothing(store: RunStore, notes: str) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / "notes.toml").write_text(notes)
    assert [one.problem for one in store.list()] == [""]


def test_a_log_without_its_beginning_has_no_age_of_decades(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    run.record(e.StageChanged("train"))
    run.close()
    assert store.list()[0].seconds == 0


def test_live_runs(store: RunStore) -> None:
    waiting, done, training, never = aged(store, "waiting", "done", "training", "never")
    waiting.note_launch(os.getpid())
    done.record(e.RunFinished("trained", False, 1.0))
    done.close()
    with training.lock():
        assert [run.name for run in store.live()] == ["training", "waiting"]
        training.record(e.RunStarted(1, "box", ""))
    training.close()
    assert never.state() is RunState.INTERRUPTED
    assert [run.name for run in store.live()] == ["waiting"]
    (waiting.path / "metrics.json").write_text(metrics())
    assert store.live() == []


def test_where_runs_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, deep = tmp_path / "project", tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.delenv("FINETUI_RUNS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert find_root().path == tmp_path / "data" / "finetui" / "runs"
    (project / "runs").mkdir()
    assert find_root().path == tmp_path / "data" / "finetui" / "runs"  # without our marker it is somebody else's
    (project / "runs" / MARKER).write_text("")
    assert find_root().path == project / "runs"
    monkeypatch.setenv("FINETUI_RUNS", "from-env")
    assert find_root().path == deep / "from-env"
    assert find_root().reason == "FINETUI_RUNS"
    assert find_root(Path("given")).path == deep / "given"
    assert find_root(Path("given")).reason == "--runs"


def test_a_root_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(RunError, match="Cannot write to the runs folder") as found:
            RunStore(root).create(RunConfig(), "one")
        assert "--runs" in found.value.next_step


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_without_the_right_to_write_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="Cannot write to the runs folder"):
        RunStore(tmp_path / "runs").create(RunConfig(), "one")


def test_a_damaged_configuration_is_told_by_the_trainer_in_its_log(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / "run.toml").write_text("epochs = = 3")
    child = start(run)
    assert child.wait() == 2
    assert run.state() is RunState.FAILED
    last = run.raw_records()[-1][2]
    assert isinstance(last, e.RunFailed)
    assert "damaged" in last.title


@pytest.mark.parametrize("what", ["log.txt", "launch.json"])
def test_a_run_that_cannot_be_launched_is_failed_and_nobody_waits(store: RunStore, what: str) -> None:
    run = store.create(RunConfig(), "one")
    (run.path / what).mkdir()
    with pytest.raises(RunError, match="Cannot start the trainer of one") as found:
        start(run)
    assert found.value.next_step
    assert run.state() is RunState.FAILED
    assert isinstance(run.raw_records()[-1][2], e.RunFailed)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_what_others_keep_in_a_shared_folder_harms_nothing(store: RunStore) -> None:
    mine, other, log = aged(store, "mine", "other", "log")
    log.record(e.RunStarted(1, "box", ""))
    log.close()
    log.events_path.chmod(0)
    other.path.chmod(0)
    try:
        assert store.names() == ["log", "mine"]
        assert {one.name: bool(one.problem) for one in store.list()} == {"log": True, "mine": False}
        assert store.live() == []
        assert store.open("last").name == "log"
        assert mine.config() == RunConfig()
    finally:
        other.path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_run_that_cannot_be_brought_back_says_so(store: RunStore) -> None:
    store.create(RunConfig(), "one")
    place = store.delete("one")
    store.root.chmod(0o500)
    try:
        with pytest.raises(RunError, match="Cannot bring one back"):
            store.restore(place)
    finally:
        store.root.chmod(0o700)
    assert place.is_dir()


BAD_NAMES = st.sampled_from(
    ["..", ".", "../x", "a/../../x", "/etc", "linked", "foreign", "a~1", ".trash", "last", "in"]
)


@given(st.lists(st.tuples(st.sampled_from(["create", "delete", "restore", "open"]), NAMES | BAD_NAMES), max_size=8))
def test_no_name_leaves_the_root(doings: list[tuple[str, str]]) -> None:
    """Whatever is asked for by whatever name: what lies beside the root, or behind a link in it, stays as it was."""
    with tempfile.TemporaryDirectory() as folder:
        outside, store = RunStore(Path(folder) / "outside"), RunStore(Path(folder) / "runs")
        away = outside.create(RunConfig(), "away")
        store.create(RunConfig(), "in")
        (store.root / "linked").symlink_to(away.path)
        (store.root / "half").mkdir()
        (store.root / "half" / "run.toml").symlink_to(away.path / "run.toml")
        (store.root / "foreign").mkdir()
        (store.root / TRASH).mkdir(exist_ok=True)
        (store.root / TRASH / "linked~1").symlink_to(away.path)
        (store.root / TRASH / "foreign~1").mkdir()
        before = everything(outside.root)
        for what, name in doings:
            with suppress(RunError):
                do(store, what, name)
        assert everything(outside.root) == before
        assert sorted(one.name for one in Path(folder).iterdir()) == ["outside", "runs"]
        assert set(store.names()).isdisjoint({"linked", "half", "foreign"})
        for kept in ("linked", "half", "foreign", f"{TRASH}/linked~1", f"{TRASH}/foreign~1"):
            assert os.path.lexists(store.root / kept)


def do(store: RunStore, what: str, name: str) -> None:
    match what:
        case "create":
            assert store.create(RunConfig(), name or "some").path.parent == store.root
        case "open":
            assert store.open(name).path.parent == store.root
        case "delete":
            assert store.delete(name).parent == store.root / TRASH
        case "restore":
            place = store.root / TRASH / (name if "~" in name else f"{name}~1")
            assert store.restore(place).path.parent == store.root


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_trash_that_leads_elsewhere_is_not_used(store: RunStore, tmp_path: Path) -> None:
    run = store.create(RunConfig(), "one")
    (tmp_path / "elsewhere").mkdir()
    (store.root / TRASH).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="Cannot move one to the trash") as found:
        store.delete("one")
    assert "link" in found.value.message
    assert run.path.is_dir()
    RunStore(tmp_path / "elsewhere").create(RunConfig(), "two").path.rename(tmp_path / "elsewhere" / "two~1")
    with pytest.raises(RunError, match="not in the trash"):
        store.restore(store.root / TRASH / "two~1")


def test_deleting_moves_the_folder_as_it_is(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    number = run.path.stat().st_ino
    with layer(store.root) as calls:
        place = store.delete("one")
    assert place.stat().st_ino == number
    assert {call.kind for call in calls} <= {"mkdir", "rename"}


def test_a_run_made_meanwhile_is_not_replaced(store: RunStore) -> None:
    """Another process takes the name between the look and the rename."""
    store.create(RunConfig(), "one")
    place = store.delete("one")
    config = RunConfig().with_value("training.epochs", 7)

    made: list[Run] = []

    def meanwhile(call: Call, move: Callable[..., Any]) -> Any:
        if call.kind == "rename" and call.path == str(place):
            made.append(RunStore(store.root).create(config, "one"))
        return move()

    with layer(store.root, meanwhile), pytest.raises(RunError, match="already exists"):
        store.restore(place)
    assert len(made) == 1
    assert store.open("one").config() == config
    assert (place / "run.toml").is_file()


def test_who_is_killed_while_making_a_run_takes_no_name_away(store: RunStore, spawn: Spawn) -> None:
    script = """
import os, sys
from pathlib import Path
from core.config import RunConfig
from core.runs import RunStore
from tests.faults.layer import layer
def end(call, do):
    if call.kind == "write" and "run.toml" in call.path:
        os._exit(9)
    return do()
with layer(Path(sys.argv[1]), end):
    RunStore(Path(sys.argv[1])).create(RunConfig(), "one")
"""
    assert spawn(script, store.root).wait() == 9
    assert store.names() == []
    assert store.create(RunConfig(), "one").config() == RunConfig()


def test_two_make_the_runs_folder_at_once(store: RunStore) -> None:
    def meanwhile(call: Call, make: Callable[..., Any]) -> Any:
        if call.kind == "mkdir" and call.path == str(store.root):
            store.root.mkdir()
            (store.root / MARKER).write_text("")
        return make()

    with layer(store.root.parent, only_once(meanwhile)):
        store.create(RunConfig(), "one")
    assert store.names() == ["one"]


def only_once(hook: Callable[..., Any]) -> Callable[..., Any]:
    """What a hook does itself does not come back to it."""
    inside: list[bool] = []

    def once(call: Call, do: Callable[..., Any]) -> Any:
        if inside:
            return do()
        inside.append(True)
        try:
            return hook(call, do)
        finally:
            inside.clear()

    return once

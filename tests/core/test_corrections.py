"""Decisions about labels: how they are kept, what stands of them, and what they do to data."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import DataConfig, RunConfig, with_absolute_paths
from core.data.dataset import Dataset, load_dataset
from core.data.kept import kept_dataset
from core.errors import RunError
from core.evaluation.predictions import text_id
from core.preflight import preflight
from core.runs import RunStore
from core.runs.corrections import (
    Decision,
    Do,
    append,
    corrections_path,
    decode,
    encode,
    file_of,
    fold,
    others_of,
    pinned,
    read_corrections,
)
from tests.core.labelled import config_of, finished_run, reviews, write

HASHES = st.sampled_from([text_id(one) for one in "abc"])
LABELS = st.sampled_from(["x", "y", "é = ✓\n"])


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    do, old = draw(st.sampled_from(list(Do))), draw(LABELS)
    new = draw(LABELS.filter(lambda label: label != old)) if do is Do.FIX else ""
    return Decision(do, draw(HASHES), old, new, why=draw(st.text(max_size=20)), at=draw(st.floats(0, 1e9)))


UNDO = Decision(Do.UNDO, text_id("a"), "x")


@given(st.lists(decisions(), max_size=12), decisions())
def test_an_undo_takes_back_exactly_the_last_decision_on_that_row(before: list[Decision], one: Decision) -> None:
    if one.do is not Do.UNDO:
        assert fold([*before, one, Decision(Do.UNDO, one.text, one.old)]) == fold(before)
        assert fold([*before, one])[-1] == one, "what was decided last stands last"


@given(st.lists(decisions(), max_size=12))
def test_one_decision_stands_per_text_and_label(made: list[Decision]) -> None:
    standing = fold(made)
    assert len({one.key for one in standing}) == len(standing)
    assert all(one.do is not Do.UNDO for one in standing)
    assert fold([*made, *[UNDO] * len(made)]) == tuple(one for one in fold(made) if one.key != UNDO.key)


@given(decisions())
def test_a_line_reads_back_as_it_was_decided(one: Decision) -> None:
    line = encode(one)
    assert line.isascii()
    assert "\n" not in line
    assert decode(line) == one


FIX = Decision(Do.FIX, text_id("a"), "x", "y", at=1.0)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        "[" * 100_000,
        '{"format":1',
        '{"format":2,"do":"keep","text":"0000000000000000","old":"x"}',
        encode(FIX).replace('"fix"', '"rm -rf"'),
        encode(FIX).replace('"fix"', "7"),
        encode(FIX).replace(text_id("a"), "../../etc"),
        encode(FIX).replace('"new":"y"', '"new":"x"'),
        encode(FIX).replace('"new":"y"', '"new":""'),
        encode(FIX).replace('"new":"y"', '"new":["y"]'),
        encode(FIX).replace('"old":"x"', '"old":" "'),
        encode(FIX).replace('"at":1.0', '"at":1e999'),
        encode(FIX).replace('"at":1.0', '"at":NaN'),
        encode(FIX).replace('"at":1.0', '"at":true'),
        encode(FIX).replace('"y"', '"' + "y" * 2000 + '"'),
    ],
)
def test_a_hostile_line_is_passed_over_and_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(f"{encode(FIX)}\n{line}\n{encode(replace(FIX, do=Do.KEEP, new=''))}\n")
    found = read_corrections(path)
    assert [one.do for one in found.standing] == [Do.KEEP]
    assert found.damaged == (2,)
    assert found.lines == 3


def test_a_torn_last_line_does_not_count_and_the_next_one_does(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, [FIX])
    with open(path, "a") as handle:
        handle.write(encode(FIX)[:20])
    assert read_corrections(path).standing == (FIX,)
    assert read_corrections(path).lines == 1
    append(path, [replace(FIX, do=Do.EXCLUDE, new="")])
    found = read_corrections(path)
    assert [one.do for one in found.standing] == [Do.EXCLUDE]
    assert found.damaged == (2,)


def test_a_blank_line_says_nothing(tmp_path: Path) -> None:
    """It comes about where one writer finds the line of another not whole yet, and ends it."""
    path = tmp_path / "some.jsonl"
    append(path, [FIX])
    with open(path, "a") as handle:
        handle.write("\n")
    append(path, [replace(FIX, do=Do.EXCLUDE, new="")])
    found = read_corrections(path)
    assert (found.lines, found.damaged) == (2, ())
    assert read_corrections(f"{path}@1").standing == (FIX,)


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".corrections" / "some.jsonl"
    ready = threading.Barrier(4)

    def work(writer: int) -> None:
        ready.wait()
        for number in range(50):
            append(path, [Decision(Do.KEEP, text_id(f"{writer} {number}"), "x" * 900)])

    writers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    found = read_corrections(path)
    assert len(found.standing) == found.lines == 200
    assert not found.damaged


def test_nothing_is_written_when_one_of_several_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    with pytest.raises(RunError, match="cannot be decided"):
        append(path, [FIX, replace(FIX, new="x")])
    assert not path.exists()


def test_what_is_no_file_of_decisions_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(RunError, match="cannot be read"):
        read_corrections(tmp_path / "pipe.jsonl")
    with pytest.raises(RunError, match="no file of corrections"):
        read_corrections(tmp_path / "nowhere.jsonl")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(RunError, match="could not be saved"):
        append(tmp_path / "link" / "some.jsonl", [FIX])
    with pytest.raises(RunError, match="no fingerprint"):
        corrections_path(tmp_path, "../../etc/passwd")


def test_a_pinned_file_stays_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, [FIX])
    name = pinned(str(path))
    append(path, [replace(FIX, do=Do.UNDO, new="")])
    assert read_corrections(name).standing == (FIX,)
    assert read_corrections(path).standing == ()
    assert pinned(name) == name
    path.write_text("")
    with pytest.raises(RunError, match="fewer decisions"):
        read_corrections(name)


# Applied to data

ROWS = [("bad film", "negative"), ("good film", "positive"), ("good food", "positive"), ("fine phone", "negative")] * 2
ROWS += [(f"a good day {number}", "positive") for number in range(4)]


def load(source: Path, path: Path | str = "", **settings: object) -> Dataset:
    config = DataConfig(source=str(source), text=("text",), label="label", corrections=str(path))
    return load_dataset(replace(config, **settings))  # type: ignore[arg-type]


def about(text: str, old: str, new: str = "") -> Decision:
    return Decision(Do.FIX if new else Do.EXCLUDE, text_id(text), old, new)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "reviews.jsonl", ROWS)


def test_labels_are_fixed_and_rows_left_out_and_all_of_it_told(source: Path, tmp_path: Path) -> None:
    path, before = tmp_path / "some.jsonl", load(source)
    append(path, [about("fine phone", "negative", "positive"), about("a good day 2", "positive")])
    append(path, [Decision(Do.KEEP, text_id("bad film"), "negative")])
    after = load(source, path)
    assert [
        after.label_names[code] for text, code in zip(after.texts, after.labels, strict=True) if text[0] == "f"
    ] == [
        "positive",
        "positive",
    ]
    assert "a good day 2" not in list(after.texts)
    assert after.dropped == {**before.dropped, "left out by corrections": 1}
    assert after.effects["corrections"] == 3
    assert after.read == len(after.texts) + sum(after.dropped.values())
    (told,) = [one for one in after.reading if one.what == "corrections"]
    assert told.value == "2 rows with another label, 1 left out"
    assert not [one for one in before.reading if one.what == "corrections"]
    assert len(source.read_text().splitlines()) == len(ROWS), "the file itself is as it was"


def test_what_does_not_fit_is_counted_with_its_reason(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(
        path,
        [
            replace(about("a text that is gone", "negative", "positive"), data="0" * 64),
            about("bad film", "neutral", "positive"),
            about("bad film", "negative", "mixed"),
            about("good film", "positive", "negative"),
        ],
    )
    found = load(source, path)
    (told,) = [one for one in found.reading if one.what == "corrections"]
    assert told.value.startswith("2 rows")
    for reason in ("text is not in this data", "another label here", "no class of this data", "other data"):
        assert reason in told.reason, told.reason


def test_decisions_on_decisions_are_applied_in_their_order(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, [about("bad film", "negative", "positive"), about("bad film", "positive", "negative")])
    again = load(source, path)
    assert again.labels.tolist() == load(source).labels.tolist()
    append(path, [about("bad film", "negative")])
    assert "bad film" not in list(load(source, path).texts), "the newest decision on that label is in force"


def test_another_cure_is_other_data_to_which_the_file_may_be_named(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, [about("fine phone", "negative", "positive")])
    cures = ("rename-class:positive=fine", "drop-duplicates")
    found = load(source, path, cures=cures)
    (told,) = [one for one in found.reading if one.what == "corrections"]
    assert "no class of this data" in told.reason
    dropped = load(source, path, cures=("drop-class:positive",))
    assert dropped.label_names == ("negative",), "a class that a cure left out does not come back"
    kept = load(source, path, cures=("drop-duplicates",))
    assert kept.effects["corrections"] == 1, "the text and its label are still there"


def test_data_that_is_kept_is_read_anew_when_somebody_decides(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    append(path, [about("fine phone", "negative", "positive")])
    config = DataConfig(source=str(source), text=("text",), label="label", corrections=str(path))
    first = kept_dataset(config)
    assert kept_dataset(config) is first
    append(path, [about("bad film", "negative")])
    assert len(kept_dataset(config).texts) == len(first.texts) - 2


def test_a_run_keeps_the_number_of_decisions_it_begins_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "many.jsonl", reviews(60))
    monkeypatch.chdir(tmp_path)
    append(Path("some.jsonl"), [about(reviews(60)[0][0], "negative", "positive")])
    config = with_absolute_paths(config_of(source, "starter", corrections="some.jsonl"))
    assert preflight(config).data.corrections == f"{tmp_path / 'some.jsonl'}@1"


def test_a_run_and_its_corrected_child_share_one_file(store: RunStore, tmp_path: Path) -> None:
    run = finished_run(store, config_of(write(tmp_path / "many.jsonl", reviews(60))))
    path = file_of(run)
    fingerprint = json.loads((run.path / "data.json").read_text())["fingerprint"]
    assert path == store.root / ".corrections" / f"{fingerprint}.jsonl"
    append(path, [FIX])
    child = store.create(run.config().with_value("data.corrections", pinned(str(path))), "child")
    assert file_of(child) == path
    assert sorted(store.names()) == ["child", "first"], "the folder of corrections is no run"
    empty = store.create(RunConfig(), "empty")
    with pytest.raises(RunError, match="no fingerprint"):
        file_of(empty)


def test_decisions_under_other_cures_are_found_by_their_source(tmp_path: Path) -> None:
    one, two, other = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "other"))
    for path, source in ((one, "/a.csv"), (two, "/a.csv"), (other, "/b.csv")):
        append(path, [replace(FIX, source=source)])
    assert others_of(one, "/a.csv") == [two]

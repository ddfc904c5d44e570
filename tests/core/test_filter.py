"""The words by which runs are found, and the order they are listed in."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.runs import RunState, Summary
from core.runs.disk import Usage, usage
from core.runs.filter import LONGEST, FilterError, parse
from core.runs.order import KEYS, ordered

DAY = 86400.0


def row(name: str, macro: float | None = None, **changed: object) -> Summary:
    one = Summary(
        name, Path("/runs") / name, RunState.FINISHED, 0.0, 60.0, "smile.csv", "all-MiniLM-L6-v2", macro, macro,
        "happy", macro, (), parent="",
    )  # fmt: skip
    return replace(one, **changed)  # type: ignore[arg-type]


def at(day: str) -> float:
    return time.mktime(time.strptime(day, "%Y-%m-%d"))


RUNS = [
    row("brisk-otter", 0.92, tags=("baseline", "v1"), note="The first try", created=at("2026-10-31") + 5 * 3600),
    row("calm-heron", 0.85, base="bert-base", seconds=1200.0, created=at("2026-11-01"), tags=("v10",)),
    row("wise-wren", 0.4, data="my file.csv", state=RunState.STOPPED, parent="brisk-otter", created=at("2026-11-02")),
    row("bold-kite", None, state=RunState.PAUSED, worst_class="", created=at("2025-01-01")),
    row("grey-gull", 0.9, is_archived=True, created=at("2026-11-03")),
    row("odd-owl", None, problem="metrics.json is damaged"),
]
SHOWN = [one.name for one in RUNS if not one.is_archived]


def found(text: str, **how: bool) -> list[str]:
    return [one.name.split("-")[1] for one in parse(text).apply(RUNS, **how)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "otter heron wren kite owl"),
        ("OTTER", "otter"),
        ("smile otter", "otter"),
        ("first", "otter"),
        ("v1", "otter heron"),
        ("paused", "kite"),
        ('"my file"', "wren"),
        ("my file", "wren"),
        ("f1>.85", "otter"),
        ("f1 >= 0.85", "otter heron"),
        ("f1>=85%", "otter heron"),
        ("f1<.5", "wren"),
        ("f1=.4", "wren"),
        ("f1!=.4", "otter heron"),
        ("-f1>.85", "heron wren kite owl"),
        ("accuracy>.9 data:smile", "otter"),
        ("acc<.9", "heron wren"),
        ("worst<.5", "wren"),
        ("time>10m", "heron"),
        ("time>=1200", "heron"),
        ("time<0.1h", "otter wren kite owl"),
        ("data:SMILE model:bert", "heron"),
        ('data:"my file"', "wren"),
        ("tag:baseline", "otter"),
        ("tag:v1", "otter"),
        ("tag:v1*", "otter heron"),
        ("-tag:v1", "heron wren kite owl"),
        ("not tag:v1", "heron wren kite owl"),
        ("not not tag:v1", "otter"),
        ("not -tag:v1", "otter"),
        ("not otter", "heron wren kite owl"),
        ('-"my file"', "otter heron kite owl"),
        ("note:TRY", "otter"),
        ("name:wr", "wren"),
        ("parent:otter", "wren"),
        ("state:paused", "kite"),
        ("state:damaged", "owl"),
        ("is:damaged", "owl"),
        ("is:live", ""),
        ("is:archived", "gull"),
        ("not is:archived", "otter heron wren kite owl"),
        ("is:starred", "otter wren"),
        ("before:2026-11-01", "otter kite owl"),
        ("after:2026-11-01", "heron wren"),
        ("after:2026-11 before:2026-11-02", "heron"),
        ("before:2026", "kite owl"),
        ("after:1d", ""),
        ("nothing-like-that", ""),
    ],
)
def test_what_a_filter_leaves(text: str, names: str) -> None:
    assert found(text) == names.split()


def test_runs_that_were_put_aside_are_left_out_unless_asked_for() -> None:
    assert "gull" not in found("")
    assert "gull" in found("", archived=True)
    assert "gull" in found("is:archived f1>.8")
    assert found("is:starred", archived=True) == ["otter", "wren"]


@pytest.mark.parametrize(
    ("text", "wrong", "hint"),
    [
        ("otter stat:paused", "'stat:paused'", "'state'"),
        ("state:pausd", "'pausd'", "'paused'"),
        ("is:stared", "'stared'", "'starred'"),
        ("f2>.5", "'f2'", "'f1'"),
        ("acuracy>.5", "'acuracy'", "'accuracy'"),
        ("f1>", "nothing is not a share", ""),
        ("f1>high", "'high'", ""),
        ("f1>10m", "'10m' is not a share", ""),
        ("time>50%", "'50%' is not a time", ""),
        ("f1:.5", "f1 is a number", "f1>.5"),
        ("data>x", "data is no number", "data:smile"),
        ("tag:", "nothing stands after the colon", "tag:baseline"),
        ("before:2026-02-30", "'2026-02-30' is no day", "2026-11-01"),
        ("after:tomorrow", "'tomorrow' is no day", "today"),
        ("otter not", "'not' stands before nothing", "not tag:old"),
        ("x\x1b[31m:y z:\u202e", "z:", ""),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest_right_one(text: str, wrong: str, hint: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert wrong in error.value.title
    assert hint in error.value.next_step
    assert "\x1b" not in str(error.value)
    assert "\u202e" not in str(error.value)


TYPED = (
    "f", "f1", "f1>", "f1>.", "f1>.8", "tag:", "stat", "state:", "state:pau", "-", "not", "before:", "before:2026-1",
    'data:"my', "is:", "is:arch", "time>1", "xyz:",
)  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_what_is_being_typed_is_no_error(text: str) -> None:
    filter_ = parse(text, is_typed=True)
    assert not filter_.problem
    filter_.apply(RUNS)


@pytest.mark.parametrize(
    "text", ["f1>", "f1>.", "tag:", "state:pau", "-", "not", "before:", "is:arch", "xyz:", "otter f1>"]
)
def test_what_is_unfinished_narrows_nothing(text: str) -> None:
    before = text.rpartition(" ")[0]
    assert parse(text, is_typed=True).apply(RUNS) == parse(before).apply(RUNS)


def test_what_cannot_become_right_any_more_is_told_while_typing() -> None:
    filter_ = parse("stat:paused otter", is_typed=True)
    assert "'stat:paused'" in filter_.problem
    assert [one.name for one in filter_.apply(RUNS)] == ["brisk-otter"]
    assert [one.name for one in parse("tag:base", is_typed=True).apply(RUNS)] == ["brisk-otter"], "its beginning"


def test_a_filter_of_ten_kilobytes_is_refused_at_once() -> None:
    with pytest.raises(FilterError, match="too long"):
        parse("a" * 10_000)
    assert "too long" in parse("x " * 5_000, is_typed=True).problem


WORDS = st.sampled_from(
    ["otter", "-", "not", "tag:", "tag:v1", "f1", ">", "<=.5", "f1>.5", '"', '"a b"', ":", "state:paused", "-tag:v1",
     "is:archived", "before:2026", "data:", "\x1b", "é", "*", "tag:*"]
)  # fmt: skip


@given(st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=8).map(" ".join))
def test_any_text_is_a_filter_or_an_error_that_names_what_is_wrong(text: str) -> None:
    typed = parse(text, is_typed=True).apply(RUNS)
    assert {one.name for one in typed} <= {one.name for one in RUNS}
    with suppress(FilterError):
        kept = parse(text).apply(RUNS)
        assert [one for one in RUNS if one in kept] == kept, "the order stays"


@given(st.sampled_from(["otter", "f1>.5", "tag:v1", "state:paused", "before:2026-11-01", "time>1m", "parent:otter"]))
def test_denying_leaves_exactly_the_others(part: str) -> None:
    both = found(part) + found(f"not {part}")
    assert sorted(both) == sorted(name.split("-")[1] for name in SHOWN)
    assert found(f"not {part}") == found(f"-{part}")


@given(st.text(max_size=LONGEST))
def test_long_texts_are_read_quickly_enough_to_type(text: str) -> None:
    parse(text, is_typed=True)


# The order


def test_runs_are_ordered_by_what_is_asked_for_and_those_without_a_score_come_last() -> None:
    assert [one.name for one in ordered(RUNS)][:3] == ["brisk-otter", "grey-gull", "calm-heron"]
    backwards = [one.name for one in ordered(RUNS, reverse=True)]
    assert backwards[0] == "wise-wren"
    assert set(backwards[-2:]) == {"bold-kite", "odd-owl"}
    assert [one.name for one in ordered(RUNS, "name")] == sorted(one.name for one in RUNS)
    assert ordered(RUNS, "created")[0].name == "grey-gull"
    assert ordered(RUNS, "time")[0].name == "calm-heron"
    sizes = {"odd-owl": Usage(30), "wise-wren": Usage(20)}
    assert [one.name for one in ordered(RUNS, "size", sizes=sizes)][:2] == ["odd-owl", "wise-wren"]
    assert ordered([row("a", float("nan")), row("b", 0.1)])[0].name == "b"
    for key in KEYS:
        assert {one.name for one in ordered(RUNS, key)} == {one.name for one in RUNS}
    with pytest.raises(ConfigError, match="cannot be sorted by 'test'"):
        ordered(RUNS, "test")


def test_the_room_on_the_disk_counts_a_file_once_and_follows_no_link(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    for folder in (run / "model", run / "epochs" / "1", run / "checkpoints" / "step-1", other):
        folder.mkdir(parents=True)
    (run / "model" / "weights").write_bytes(b"x" * 100)
    (run / "epochs" / "1" / "weights").hardlink_to(run / "model" / "weights")
    (run / "epochs" / "1" / "own").write_bytes(b"x" * 7)
    (run / "checkpoints" / "step-1" / "state").write_bytes(b"x" * 20)
    (run / "run.toml").write_bytes(b"x" * 3)
    (other / "large").write_bytes(b"x" * 5000)
    (run / "link").symlink_to(other)
    assert usage(run) == Usage(130, 20, 7)
    assert usage(run) + usage(other) == Usage(5130, 20, 7)
    assert usage(tmp_path / "nowhere") == Usage()

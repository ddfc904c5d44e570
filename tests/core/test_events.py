"""Facts as lines: what is written reads back as the same fact, and damage is named as damage."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training import events as e

KINDS = [kind for kind in vars(e).values() if isinstance(kind, type) and issubclass(kind, e.Event) and kind != e.Event]
FACTS = st.one_of([st.builds(kind) for kind in KINDS])


def same(one: Any, other: Any) -> bool:
    """Equal up to what a line keeps: six digits after the point, and nothing but NaN of what is not finite."""
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and not math.isfinite(one):
        return other is None or math.isnan(other)
    return bool(one == pytest.approx(other, rel=1e-12, abs=1e-6)) if isinstance(one, float) else bool(one == other)


@given(st.integers(1, 10**9), st.floats(0, 4e9), FACTS)
def test_every_kind_reads_back(number: int, time: float, fact: e.Event) -> None:
    line = e.encode(number, time, fact)
    assert line.isascii()
    assert line.isprintable()
    again = e.decode(line)
    assert again[0] == number
    assert again[1] == pytest.approx(time, abs=1e-3)
    assert same(fact, again[2])
    assert e.encode(*again) == line


def test_the_strategy_knows_all_kinds() -> None:
    assert {kind.__name__ for kind in KINDS} == set(e._KINDS)
    assert len(KINDS) >= 18


def test_small_numbers_keep_their_digits() -> None:
    fact = e.StepsFinished(1, 1, (0.5,), 3.123456789e-5, 0.1, 16, 400, 0.1)
    _, _, again = e.decode(e.encode(1, 0, fact))
    assert again == fact


def test_not_a_number_is_a_gap_and_valid_json() -> None:
    fact = e.StepsFinished(1, 3, (0.5, math.nan, math.inf), 1e-4, math.nan, 48, 900, 0.1)
    line = e.encode(1, 0.0, fact)
    json.loads(line, parse_constant=pytest.fail)
    _, _, again = e.decode(line)
    assert isinstance(again, e.StepsFinished)
    assert [math.isnan(loss) for loss in again.losses] == [False, True, True]
    assert math.isnan(again.grad_norm)


def test_half_a_surrogate_pair_and_line_ends_survive() -> None:
    fact = e.StageChanged("read", "caf\udce9\n\u2028\x1b.csv")
    assert e.decode(e.encode(1, 0, fact))[2] == fact


def test_facts_of_a_newer_version_are_kept() -> None:
    number, time, fact = e.decode('{"n":7,"t":1.5,"event":"MoonRose","phase":0.5}')
    assert (number, time, fact) == (7, 1.5, e.Unknown("MoonRose"))


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    line = e.encode(1, 0, e.StageChanged("train"))[:-1] + ',"mood":"good"}'
    assert e.decode(line)[2] == e.StageChanged("train")


@given(FACTS, st.data())
def test_a_line_cut_anywhere_is_damaged(fact: e.Event, data: st.DataObject) -> None:
    line = e.encode(1, 0.0, fact)
    with pytest.raises(ValueError, match="damaged"):
        e.decode(line[: data.draw(st.integers(0, len(line) - 1))])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(KINDS), st.data())
def test_wrong_types_in_a_line_raise_nothing_but_value_error(kind: type[e.Event], data: st.DataObject) -> None:
    body = {one.name: data.draw(JSON) for one in fields(kind)}
    body |= {"event": kind.__name__, "n": data.draw(JSON | st.just(1)), "t": data.draw(JSON | st.just(1.0))}
    try:
        _, _, fact = e.decode(json.dumps(body))
    except ValueError:
        return
    assert isinstance(fact, kind)


@pytest.mark.parametrize(
    "line", ["", "null", "[]", "7", "{}", "[" * 20_000, '{"n":Infinity,"t":0,"event":"RunPaused","step":1}', "\ufffd"]
)
def test_what_is_no_fact(line: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        e.decode(line)


def test_the_worst_class() -> None:
    assert e.Scores(9, 0.5, 0.5, 0.5, (0.7, 0.2, 0.9)).worst == 1

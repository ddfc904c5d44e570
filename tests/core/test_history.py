"""A log folded: no gap, no double, whatever was resumed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import History, Record
from core.training import events as e

LOW = e.Scores(10, 0.5, 0.4, 0.5, (0.4, 0.4))
HIGH = e.Scores(10, 0.9, 0.8, 0.9, (0.7, 0.9))


def folded(*facts: e.Event) -> History:
    history = History()
    history.extend(Record(number, 100.0 + number, fact) for number, fact in enumerate(facts, 1))
    return history


def steps(first: int, last: int, loss: float = 0.5) -> e.StepsFinished:
    count = last - first + 1
    return e.StepsFinished(first, last, (loss,) * count, 1e-4, 1.0, 16 * count, 400 * count, 0.1 * count)


@given(st.lists(st.tuples(st.lists(st.integers(1, 7), max_size=6), st.floats(0, 1)), max_size=5))
def test_steps_have_no_gap_and_no_double_after_any_resumes(parts: list[tuple[list[int], float]]) -> None:
    history, expected, number = History(), [], 0

    def tell(fact: e.Event) -> None:
        nonlocal number
        number += 1
        history.apply(Record(number, float(number), fact))

    for process, (widths, share) in enumerate(parts):
        for width in widths:
            first = len(expected) + 1
            tell(steps(first, first + width - 1, float(process)))
            expected += [float(process)] * width
            tell(e.EvalFinished(len(expected), 1.0, True, LOW, 0.1))
            tell(e.EpochFinished(1, len(expected), 0.5, 0.5))
            tell(e.ModelSaved(len(expected), 1.0, "macro_f1", 0.4))
        step = int(len(expected) * share)
        tell(e.RunResumed(step, True))
        del expected[step:]
        assert history.step == step
        assert history.losses == expected
        assert history.loss_steps == list(range(1, step + 1))
        for found in (history.evals, history.epochs, history.saves):
            places = [one.step for one in found]
            assert places == sorted(set(places))
            assert all(place <= step for place in places)
        assert history.saved is None or history.saved.step <= step


def joined(step: int, layers: int, parameters: int) -> e.LayersJoined:
    return e.LayersJoined(step, step // 10 + 1, layers, 2, parameters == 100, parameters)


def test_going_back_brings_back_what_trained_then_and_nothing_is_there_twice() -> None:
    told = (joined(0, 0, 10), steps(1, 10), joined(10, 1, 40), steps(11, 20), joined(20, 2, 100), steps(21, 25))
    history = folded(*told, e.RunResumed(15, True), joined(10, 1, 40), steps(16, 20))
    assert history.joined == [joined(0, 0, 10), joined(10, 1, 40)]
    history = folded(*told, e.RunResumed(20, True), joined(20, 2, 100))
    assert history.joined == [joined(0, 0, 10), joined(10, 1, 40), joined(20, 2, 100)]


def test_time_left_knows_that_steps_grow_dearer_when_layers_join() -> None:
    plan = e.PlanMade("tiny", 100, 100, 16, 0, 3, 10, 30, 1000, 1.0)
    at_once, gradual = folded(plan, steps(1, 10)), folded(plan, joined(0, 0, 0), steps(1, 10))
    assert at_once.seconds_left() == pytest.approx(2.0)
    assert gradual.seconds_left() == pytest.approx(2 * 3 * 1.0)  # a third of the work a step, and two epochs to come
    whole = folded(plan, joined(0, 0, 0), steps(1, 10), joined(10, 2, 100), steps(11, 30))
    assert whole.seconds_left() == 0
    middle = folded(plan, joined(0, 0, 0), steps(1, 10), joined(10, 1, 100), steps(11, 20))
    assert middle.seconds_left() == pytest.approx(2.0 * 10 / (10 / 3 + 10))


def test_the_best_is_what_is_saved_not_what_came_last() -> None:
    history = folded(
        e.EvalFinished(0, 0.0, True, LOW, 0.1), steps(1, 10), e.EvalFinished(5, 0.5, False, HIGH, 0.1),
        e.EvalFinished(10, 1.0, True, HIGH, 0.1), e.ModelSaved(10, 1.0, "macro_f1", 0.8),
        steps(11, 20), e.EvalFinished(20, 2.0, True, LOW, 0.1),
    )  # fmt: skip
    assert history.best is not None
    assert (history.best.step, history.best.scores) == (10, HIGH)
    assert [point.step for point in history.full_evals] == [0, 10, 20]
    assert len(history.evals) == 4


def test_going_back_brings_the_earlier_best_back_and_forgets_the_end() -> None:
    history = folded(
        steps(1, 10), e.EvalFinished(10, 1.0, True, LOW, 0.1), e.ModelSaved(10, 1.0, "macro_f1", 0.4),
        steps(11, 20), e.EvalFinished(20, 2.0, True, HIGH, 0.1), e.ModelSaved(20, 2.0, "macro_f1", 0.8),
        e.ValidationScored(HIGH), e.TestScored(HIGH, 1), e.RunFailed("OSError", "power", "", ""),
        e.RunStarted(2, "box", ""), e.RunResumed(15, True),
    )  # fmt: skip
    assert history.saved == e.ModelSaved(10, 1.0, "macro_f1", 0.4)
    assert history.best is not None
    assert history.best.step == 10
    assert (history.validation, history.test, history.end) == (None, None, None)
    assert history.step == 15


def test_nothing_is_known_before_the_first_step() -> None:
    history = folded(e.RunStarted(1, "box", ""))
    assert math.isnan(history.sequences_per_second())
    assert math.isnan(history.tokens_per_second())
    assert math.isnan(history.seconds_left())
    assert history.best is None
    assert History().elapsed(100.0) == 0.0


def test_speed_and_time_left() -> None:
    plan = e.PlanMade("tiny", 10, 10, 32, 0, 2, 20, 40, 8000, 0.9)
    history = folded(e.RunStarted(1, "box", ""), plan, e.EvalFinished(0, 0, True, LOW, 0.5), steps(1, 10))
    assert history.sequences_per_second() == pytest.approx(160)
    assert history.tokens_per_second() == pytest.approx(4000)
    assert history.seconds_left() == pytest.approx(30 * 1.0 / 10)  # the validation before the first step is past
    history.apply(Record(5, 104, e.EvalFinished(10, 0.5, False, LOW, 0.5)))
    assert history.seconds_left() == pytest.approx(30 * (1.0 + 0.5) / 10)
    history.apply(Record(6, 105, steps(11, 40)))
    assert history.seconds_left() == 0


def test_speed_is_that_of_the_last_facts() -> None:
    slow = [e.StepsFinished(at, at, (1.0,), 1e-4, 1.0, 16, 400, 100.0) for at in range(1, 11)]
    history = folded(*slow, *(steps(at, at) for at in range(11, 41)))
    assert history.sequences_per_second() == pytest.approx(160)


def test_elapsed_runs_until_the_end() -> None:
    history = folded(e.RunStarted(1, "box", ""), e.StageChanged("read"))
    assert history.elapsed(161.0) == 60.0
    history.apply(Record(3, 150.0, e.RunFinished("trained", False, 49.0)))
    assert history.elapsed(9999.0) == 49.0


def test_a_gap_in_the_losses_stays_a_gap() -> None:
    history = folded(e.StepsFinished(1, 3, (0.5, math.nan, 0.4), 1e-4, 1.0, 48, 900, 0.1))
    assert [math.isnan(loss) for loss in history.losses] == [False, True, False]
    assert history.loss_steps == [1, 2, 3]


def test_everything_else_is_kept_where_it_belongs() -> None:
    scores = e.Scores(5, 0.5, 0.5, 0.5, (0.5,))
    data = e.DataReady("sample", ("a",), 10, 9, (5,), (2,), (2,))
    device = e.DeviceChosen("cpu", "box", "fp32", 2, "no GPU is visible")
    history = folded(
        data, e.BaselinesScored(scores, scores), device, e.StageChanged("train", "now"), e.Warned("hot"),
        e.Heartbeat(1, 2.0), e.ValidationScored(scores), e.TestScored(scores, 2), e.Unknown("MoonRose"),
    )  # fmt: skip
    assert (history.data, history.device, history.stage, history.stage_detail) == (data, device, "train", "now")
    assert history.stage_times == {"train": 104.0}
    assert [one.title for one in history.warnings] == ["hot"]
    assert history.test == e.TestScored(scores, 2)
    assert history.last_number == 9

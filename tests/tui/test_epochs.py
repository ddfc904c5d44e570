"""The epochs of a run on the screen: their table, and the chart that can show another figure."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from textual.pilot import Pilot

from core.runs import History, Record, RunStore
from core.runs.atomic import commit_dir
from core.runs.epochs import epoch_rows, epochs_path, place_of
from core.training import events as e
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import Shape, facts, finished_run, partial_run
from tui.keys import BY_ID
from tui.screens.run_detail import RunDetail
from tui.widgets.canvas import Line, clip
from tui.widgets.chart import LineChart
from tui.widgets.chart_labels import legend
from tui.widgets.curves import accuracy_plot, classes_plot
from tui.widgets.epoch_table import epoch_table
from tui.widgets.run_table import RunTable

SIZES = [(80, 24), (160, 48)]


def history(shape: Shape) -> History:
    found = History()
    found.extend(Record(number, float(number), fact) for number, fact in enumerate(facts(shape), 1))
    return found


def texts(lines: list[Line]) -> list[str]:
    return ["".join(character for character, _ in cells) for cells in lines]


def table(found: History, width: int, kept: tuple[int, ...] = ()) -> list[str]:
    names = found.data.label_names if found.data is not None else ()
    return texts(epoch_table(epoch_rows(found, kept), names, width))


def right_chart(pilot: Pilot[None]) -> str:
    return pilot.app.screen.query_one("#f1-chart", LineChart).text


def title(pilot: Pilot[None]) -> str:
    """The legend of the chart at the right."""
    return right_chart(pilot).splitlines()[0]


@pytest.mark.parametrize("width", [60, 76, 100, 156])
def test_the_table_has_training_beside_validation_and_more_where_there_is_room(width: int) -> None:
    head, *rows, last = table(history(Shape()), width)
    assert all(len(text) <= width for text in [head, *rows, last])
    assert head.split()[:8] == ["epoch", "train", "acc", "val", "acc", "macro", "F1", "worst"]
    assert [row.split()[1] for row in rows] == [".600", ".700", ".800", ".900"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4★"]
    assert [row.split()[4:6] for row in rows][-1] == [".871", "neutral"]
    assert ("F1 positive" in head) == (width == 156)
    assert ("train loss" in head) == (width >= 76)


def test_kept_weights_are_marked_and_many_epochs_are_cut() -> None:
    rows = table(history(Shape(epochs=30)), 100, (1, 2, 30))
    assert [row.split()[0] for row in rows[1:-1]] == ["1", "…", "25★", "26", "27", "28", "29", "30"]
    assert [row.split()[0] for row in rows[1:-1] if " kept " in row] == ["1", "30"]
    assert rows[-1] == "★ the best · weights kept of 1-2, 30, in epochs/"
    assert epoch_table([], (), 80) == []


def test_an_epoch_that_is_not_scored_yet_is_in_the_table() -> None:
    found = History()
    found.apply(Record(1, 0.0, e.EpochFinished(1, 10, 0.5, 0.75)))
    assert table(found, 80)[1].split()[:3] == ["1", ".750", "–"]


@pytest.mark.parametrize("size", SIZES)
async def test_m_in_train_goes_round_the_figures(store: RunStore, size: tuple[int, int]) -> None:
    finished_run(store, "old-heron")
    async with bench(store, "train").run_test(size=size) as pilot:
        await until(pilot, lambda: "★" in right_chart(pilot) and "5 tries it" in shown(pilot))
        await pilot.pause()
        first = right_chart(pilot)
        assert "macro" in title(pilot)
        assert "worst" in title(pilot)
        assert "Metric" in painted(pilot.app).splitlines()[-1]
        await pilot.press("m")
        await until(pilot, lambda: title(pilot).startswith("accuracy"))
        assert "─●" in title(pilot)
        assert "validation" in title(pilot)
        assert "┈▼" in title(pilot)
        assert "training" in title(pilot)
        assert {"★", "▼"} <= set("".join(right_chart(pilot).splitlines()[1:])), "both can be told apart"
        assert "TF-IDF" in right_chart(pilot)
        assert "236 steps" in right_chart(pilot)
        await pilot.press("m")
        await until(pilot, lambda: title(pilot).startswith("F1"))
        assert [name in title(pilot) for name in ("negative", "neutral", "positive")] == [True] * 3
        assert {"★", "▼"} <= set("".join(right_chart(pilot).splitlines()[1:]))
        assert ["─●" in title(pilot), "┈▼" in title(pilot), "─■" in title(pilot)] == [True] * 3
        await pilot.press("m")
        await until(pilot, lambda: right_chart(pilot) == first)


async def test_a_live_run_goes_on_drawing_what_was_chosen(store: RunStore) -> None:
    run = partial_run(store, "brisk-otter", steps=118)
    with run.lock():
        async with bench(store, "train").run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "step 118/236" in shown(pilot))
            await pilot.press("m")
            await until(pilot, lambda: title(pilot).startswith("accuracy"))
            before = right_chart(pilot).count("▼")
            run.record(e.EpochFinished(3, 177, 0.3, 0.4321))
            await until(pilot, lambda: right_chart(pilot).count("▼") > before)
            assert title(pilot).startswith("accuracy")
            run.close()


async def test_without_utf8_every_figure_is_ascii(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    finished_run(store, "old-heron", shape=Shape(names=("a", "b", "c", "d")))
    async with bench(store, "train").run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: "finished" in shown(pilot))
        for _ in range(3):
            await pilot.press("m")
            assert right_chart(pilot).isascii()


@pytest.mark.parametrize("size", SIZES)
async def test_an_opened_run_shows_its_epochs_and_m_changes_its_chart(store: RunStore, size: tuple[int, int]) -> None:
    run = finished_run(store, "brisk-otter")
    epochs_path(run.path).mkdir()
    with commit_dir(place_of(run.path, 2)) as folder:
        (folder / "config.json").write_text("{}")
    async with bench(store, "runs").run_test(size=size) as pilot:
        await until(pilot, lambda: [table.row_count for table in pilot.app.screen.query(RunTable)] == [1])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunDetail) and "weights kept of 2" in shown(pilot))
        assert "train acc" in shown(pilot)
        assert "4★" in shown(pilot)
        assert "Metric" in painted(pilot.app).splitlines()[-1]
        await pilot.press("m")
        await until(pilot, lambda: title(pilot).startswith("accuracy"))
        await pilot.press("m")
        await until(pilot, lambda: "neutral" in title(pilot))
        await pilot.resize_terminal(size[0] + 40, size[1])
        await until(pilot, lambda: "F1 per class" in title(pilot))


@pytest.mark.parametrize(("width", "expected"), [(38, 2), (60, 4), (78, 4)])
def test_of_many_classes_the_worst_are_drawn_and_named(width: int, expected: int) -> None:
    found = history(Shape(names=tuple(f"class number {at}" for at in range(20))))
    plot = classes_plot(found, "", width)
    text = "".join(character for character, _ in clip(legend(plot, width), width))
    assert len(plot.series) == expected
    assert "worst" in plot.title
    assert all(series.name in text for series in plot.series), "every curve has its word"
    assert len({series.name for series in plot.series}) == expected
    reached = found.full_evals[-1].scores.class_f1
    drawn = sorted(series.last() for series in plot.series)
    assert drawn == pytest.approx(sorted(reached)[:expected])
    looks = [(series.marks, series.is_dotted) for series in plot.series]
    assert len({marks for marks, _ in looks}) == expected
    assert all(one != other for one, other in pairwise(looks))


def test_before_anything_is_scored_the_charts_are_empty() -> None:
    assert classes_plot(History()).series == ()
    assert not accuracy_plot(History()).has_points()
    old = History()
    old.apply(Record(1, 0.0, e.DataReady("x", ("a", "b"), 9, 9, (4, 5), (1, 1), (1, 1))))
    old.apply(Record(2, 0.0, e.EvalFinished(5, 1.0, True, e.Scores(2, 0.5, 0.5, 0.5, ()), 0.1)))
    assert all(math.isnan(series.last()) for series in classes_plot(old, "", 80).series)


def test_the_key_is_offered_where_there_are_charts() -> None:
    assert (BY_ID["metric"].keys, BY_ID["metric"].rooms) == ("m", ("train", "runs.opened"))

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.screen import Screen

from core.runs import History, Record
from tests.tui.fake_run import Shape, facts
from tui.thrift import StretchCompositor, StretchUpdate
from tui.widgets.canvas import Canvas, changed_spans, clip, flow, line
from tui.widgets.chart import LineChart, Stroke, rasterise
from tui.widgets.chart_model import Frame, Level, Plot, Series
from tui.widgets.chart_scale import Columns, Range, tick_label, ticks
from tui.widgets.curves import f1_plot, loss_plot


def history(until: int = 10**9) -> History:
    found = History()
    for number, fact in enumerate(facts(Shape()), 1):
        found.apply(Record(number, float(number), fact))
        if found.step >= until:
            break
    return found


class Bench(App[None]):
    """One chart of a given size."""

    def __init__(self, plot: Plot, floor: float = 0.0, ceiling: float = math.inf) -> None:
        super().__init__()
        self.plot, self.chart = plot, LineChart(floor, ceiling)

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_mount(self) -> None:
        self.chart.plot(self.plot)


async def drawn(plot: Plot, width: int = 60, height: int = 16) -> list[str]:
    app = Bench(plot)
    async with app.run_test(size=(width, height)) as pilot:
        await pilot.pause()
        return app.chart.text.splitlines()


@pytest.mark.parametrize("size", [(40, 8), (80, 12), (120, 30)])
async def test_titles_axes_names_and_baselines_are_legible_at_every_size(size: tuple[int, int]) -> None:
    rows = await drawn(f1_plot(history(150)), *size)
    text = "\n".join(rows)
    assert len(rows) == size[1]
    assert all(cell_len(row) <= size[0] for row in rows)
    assert rows[0].startswith("macro F1")
    assert "macro .8" in rows[0]
    assert "worst .8" in rows[0]
    assert "TF-IDF .6" in text
    assert "majority .2" in text
    assert "236 steps" in rows[-1], "the axis spans what is planned, not what is done"
    assert "★" in text
    assert "○" in text
    assert "●" in text
    assert sum("┤" in row for row in rows) >= 3


async def test_curves_are_told_apart_without_colour() -> None:
    text = "\n".join(await drawn(f1_plot(history())))
    assert {"●", "▽"} <= set(text)
    rows = await drawn(loss_plot(history()))
    assert "train" in rows[0]
    assert "validation" in rows[0]


async def test_without_utf8_everything_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    text = "\n".join([*(await drawn(f1_plot(history()))), *(await drawn(loss_plot(history())))])
    assert text.isascii()
    assert "macro" in text
    assert "TF-IDF" in text
    assert "@" in text


async def test_before_the_first_value_the_baselines_and_the_wait_are_shown() -> None:
    plot = Plot("macro F1", (Series("macro", [], []),), (Level("TF-IDF", 0.78),), 236.0, None, "first score in 00:12")
    text = "\n".join(await drawn(plot))
    assert "first score in 00:12" in text
    assert "TF-IDF .780" in text
    text = "\n".join(await drawn(Plot("loss", (Series("train", [], []),), (), 236.0, None, "first score in 00:12")))
    assert "first score in 00:12" in text


async def test_a_nan_is_a_gap_and_no_bound() -> None:
    steps = list(range(100))
    losses = [1.0 if step < 30 or step > 60 else math.nan for step in steps]
    rows = await drawn(Plot("loss", (Series("train", steps, losses),), (), 99.0), 52, 10)
    body = [row[row.index("│") + 1 :] for row in rows if "│" in row] + [row.split("┤")[1] for row in rows if "┤" in row]
    middle = {row.ljust(50)[18:26].strip() for row in body}
    assert middle == {""}
    assert any(row[:10].strip() for row in body)
    only = await drawn(Plot("loss", (Series("train", steps, [math.nan] * 100),), (), 99.0, None, "nothing was scored"))
    assert "nothing was scored" in "\n".join(only)


async def test_another_figure_in_the_process_does_not_leak_into_ours() -> None:
    import plotext

    plotext.title("somebody else's")
    plotext.plot([1, 2, 3], [900, -900, 900])
    text = "\n".join(await drawn(f1_plot(history())))
    assert "somebody" not in text
    assert "900" not in text


class Thrifty(Screen[None]):
    """A screen with one chart, as our rooms send it."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = StretchCompositor()

    def compose(self) -> ComposeResult:
        yield LineChart(0.0)


async def test_one_more_point_sends_a_few_cells_and_none_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = history(150), history(153)
    app: App[None] = App()
    sent: list[int] = []
    show = app._display

    def counting(screen: Screen[None], renderable: object) -> None:
        if isinstance(renderable, StretchUpdate):
            sent.append(len(renderable.render_segments(app.console)))
        show(screen, renderable)  # type: ignore[arg-type]

    monkeypatch.setattr(app, "_display", counting)
    async with app.run_test(size=(120, 30)) as pilot:
        await app.push_screen(Thrifty())
        chart = app.screen.query_one(LineChart)
        chart.plot(loss_plot(before))
        await pilot.pause()
        sent.clear()
        chart.plot(loss_plot(after))
        await pilot.pause()
        assert 0 < sum(sent) < 3000
        sent.clear()
        chart.plot(loss_plot(after))
        await pilot.pause()
        assert sum(sent) == 0


def test_a_long_series_is_cut_to_two_points_per_column_and_keeps_its_peaks() -> None:
    xs = list(range(100_000))
    ys = [math.sin(x / 9000) for x in xs]
    ys[54_321] = 9.0
    columns = Columns()
    (points,) = columns.segments(xs, ys, 0, 100_000, 100)
    assert len(points) <= 202
    assert (54_321, 9.0) in points
    assert points == sorted(points)


def test_only_what_is_new_is_looked_at_and_a_rewound_series_starts_over() -> None:
    columns = Columns()
    xs, ys = list(range(50)), [1.0] * 50
    columns.segments(xs, ys, 0, 100, 10)
    assert columns.taken == 50
    xs += range(50, 60)
    ys += [2.0] * 10
    grown = columns.segments(xs, ys, 0, 100, 10)
    assert grown == Columns().segments(xs, ys, 0, 100, 10)
    rewound = columns.segments(xs[:20], [5.0] * 20, 0, 100, 10)
    assert rewound == Columns().segments(xs[:20], [5.0] * 20, 0, 100, 10)


def test_the_y_range_moves_in_steps() -> None:
    bounds = Range(floor=0.0)
    first = bounds.include(0.21, 1.13)
    assert first == (0.0, 1.25)
    assert bounds.include(0.2, 1.2) == first, "small changes do not move it"
    assert bounds.include(0.0, 0.3) == pytest.approx((0.0, 0.3)), "it follows when the data fills less than half"
    assert Range(0.0, 1.0).include(0.9, 0.99)[1] == 1.0


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_lie_in_the_range_and_read_differently(low: float, span: float, parts: int) -> None:
    found = ticks(low, low + span, parts)
    assert len(found) <= parts + 2
    assert all(low - span * 1e-6 <= value <= low + span * (1 + 1e-6) for value in found)


def test_tick_labels() -> None:
    assert [tick_label(v, 0.25) for v in (0.0, 0.25, 1.5)] == ["0", ".25", "1.50"]
    assert [tick_label(v, 50) for v in (0, 100)] == ["0", "100"]


def test_rasterising_fills_exactly_the_frame() -> None:
    area = rasterise(Frame(100.0, 0.0, 1.0, 30, 5), [Stroke([(0.0, 0.0), (100.0, 1.0)], "one", False)])
    assert [len(cells) for cells in area] == [30] * 5
    assert area[-1][0][0] != " "
    assert area[0][-1][0] != " "
    assert {tone for cells in area for _, tone in cells} == {"", "one"}


@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["", "muted", "bad"])), max_size=5), st.integers(0, 20))
def test_lines_of_any_text_have_exactly_the_cells_asked_for(parts: list[tuple[str, str]], width: int) -> None:
    cells = clip(line(*parts), width)
    assert len(cells) == width
    text = "".join(character for character, _ in cells)
    assert cell_len(text) == width
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text)


def test_changed_stretches_cover_every_change_and_no_half_character() -> None:
    old, new = line("loss 日本 .412"), line("loss 日木 .419")
    spans = changed_spans(old, new)
    assert spans == [(7, 14)]
    assert changed_spans(old, old) == []


def test_flow_breaks_between_parts_only() -> None:
    rows = flow([line("126 seq/s"), line("best .884"), line("lr 3.1e-5")], 24)
    assert ["".join(c for c, _ in cells) for cells in rows] == ["126 seq/s   best .884", "lr 3.1e-5"]


async def test_a_canvas_shows_what_it_was_given_and_grows_with_it() -> None:
    class One(App[None]):
        def compose(self) -> ComposeResult:
            yield Canvas()

    app = One()
    async with app.run_test(size=(20, 5)) as pilot:
        canvas = app.query_one(Canvas)
        canvas.show([line("[/b] \x1b]52;c;x\x07"), line("two")])
        await pilot.pause()
        assert canvas.size.height == 2
        assert canvas.text.splitlines() == ["[/b] ␛]52;c;x␇", "two"]

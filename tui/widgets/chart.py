"""A line chart: plotext rasterises it (this is its only importer), we label it and repaint what changed.

Series differ by stroke and mark as well as by colour: solid or dotted, circles or triangles. A hollow mark was measured
on a sample, a filled one on every row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tui import format as fmt
from tui.widgets.canvas import BLANK, Canvas, Line, clip, line
from tui.widgets.chart_labels import (
    DOTTED,
    SOLID,
    draw_column,
    draw_ends,
    draw_levels,
    draw_marks,
    legend,
    name_levels,
    write,
    x_axis,
)
from tui.widgets.chart_model import Frame, Plot
from tui.widgets.chart_scale import Columns, Points, Range, dotted, nice_step, tick_label, ticks


class LineChart(Canvas):
    """Shows a `Plot`."""

    DEFAULT_CSS = "LineChart { height: 1fr; }"

    def __init__(self, floor: float = -math.inf, ceiling: float = math.inf, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._range = Range(floor, ceiling)
        self._columns: list[Columns] = []
        self._plot = Plot("")

    def plot(self, plot: Plot, *, fresh: bool = False) -> None:
        """Show this. `fresh`: it is another run's, so the y range starts anew."""
        if fresh:
            self._range = Range(self._range.floor, self._range.ceiling)
            self._columns.clear()
        if [one.name for one in plot.series] != [one.name for one in self._plot.series]:
            self._columns.clear()  # other curves: what was taken of the old ones is not theirs
        self._plot = plot
        self._draw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        if width < 12 or height < 4:
            self.show([line(self._plot.title)][:height])
            return
        self.show(self._compose_rows(width, height))

    def _compose_rows(self, width: int, height: int) -> list[Line]:
        plot, rows = self._plot, height - 2
        curves = self._decimate(width)
        bounds = self._bounds(curves)
        heading = legend(plot, width)
        if bounds is None:
            message = line((fmt.fit(plot.empty, width - 2), "muted"))
            pad = [BLANK] * ((width - len(message)) // 2)
            body: list[Line] = [[] for _ in range(height - 1)]
            body[(height - 1) // 2] = [*pad, *message]
            return [heading, *(clip(cells, width) for cells in body)]
        low, high = bounds
        y_ticks = ticks(low, high, max(2, min(rows // 2, 6)))
        step = nice_step(high - low, max(2, min(rows // 2, 6)))
        labels = [tick_label(value, step) for value in y_ticks]
        gutter = max((len(text) for text in labels), default=1)
        frame = Frame(max(plot.x_end, 1.0), low, high, width - gutter - 1, rows)
        area = self._area(frame, curves)
        if not plot.has_points() and plot.empty:
            wait = fmt.fit(plot.empty, frame.width)
            write(area, rows // 2, (frame.width - len(wait)) // 2, wait, "muted")
        marks = {frame.row(value): text for value, text in zip(y_ticks, labels, strict=True)}
        body = []
        for y, cells in enumerate(area):
            label, joint = (marks[y], "┤") if y in marks else ("", "│")
            body.append([*line((label.rjust(gutter) + joint, "muted")), *cells])
        return [heading, *body, x_axis(frame, gutter, plot.x_end, plot.unit)]

    def _decimate(self, count: int) -> list[list[Points]]:
        """Each series as its unbroken stretches, two points per column at most."""
        plot = self._plot
        while len(self._columns) < len(plot.series):
            self._columns.append(Columns())
        pairs = zip(plot.series, self._columns, strict=False)
        return [columns.segments(series.xs, series.ys, 0.0, max(plot.x_end, 1.0), count) for series, columns in pairs]

    def _bounds(self, curves: list[list[Points]]) -> tuple[float, float] | None:
        values = [level.value for level in self._plot.levels if math.isfinite(level.value)]
        values += [y for stretches in curves for points in stretches for _, y in points]
        return self._range.include(min(values), max(values)) if values else None

    def _area(self, frame: Frame, curves: list[list[Points]]) -> list[Line]:
        plot = self._plot
        strokes = [
            Stroke(points, series.tone, series.is_dotted)
            for series, stretches in zip(plot.series, curves, strict=True)
            for points in stretches
        ]
        area = rasterise(frame, strokes)
        if plot.best_x is not None:
            draw_column(area, frame.column(plot.best_x), "┊", "muted")
        draw_levels(area, frame, plot.levels)
        for series in reversed(plot.series):
            draw_marks(area, frame, series, plot.best_x)
        name_levels(area, frame, plot.levels)
        draw_ends(area, frame, plot.series)
        return area


@dataclass(frozen=True, slots=True)
class Stroke:
    """An unbroken stretch of a curve."""

    points: Points
    tone: str
    is_dotted: bool


def rasterise(frame: Frame, strokes: list[Stroke]) -> list[Line]:
    """The strokes as cells, top row first: braille, or points where the locale has no UTF-8.

    A figure of its own for every picture: the one at plotext's module level keeps what other code left in it.
    """
    from plotext._figure import _figure_class

    figure = _figure_class()
    figure._limit_size(False, False)
    figure.plot_size(frame.width, frame.height)
    figure.frame(False)
    figure.xticks([])
    figure.yticks([])
    figure.xlim(0.0, frame.x_end)
    figure.ylim(frame.low, frame.high)
    unicode = fmt.unicode_terminal()
    for number, stroke in enumerate(strokes, start=1):
        points = stroke.points
        if stroke.is_dotted and len(points) > 1:
            points = dotted(points, 0.0, frame.x_end, frame.width * (2 if unicode else 1))
        draw = figure.scatter if stroke.is_dotted else figure.plot
        marker = "braille" if unicode else DOTTED[unicode] if stroke.is_dotted else SOLID[unicode]
        draw([x for x, _ in points], [y for _, y in points], marker=marker, color=number % 256)
    figure._set_sizes()
    figure._build_matrix()
    matrix = figure.monitor.matrix
    tones = {number % 256: stroke.tone for number, stroke in enumerate(strokes, start=1)}
    rows = zip(reversed(matrix.marker), reversed(matrix.fullground), strict=True)
    return [
        [BLANK if mark == " " else (mark, tones.get(ink, "")) for mark, ink in zip(*row, strict=True)] for row in rows
    ]

"""A line chart: plotext rasterises it (this is its only importer), we label it and repaint what changed.

Series differ by stroke and mark as well as by colour: solid or dotted, circles or triangles. A hollow mark was measured
on a sample, a filled one on every row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui import format as fmt
from tui.widgets.canvas import BLANK, Canvas, Line, clip, line, spread
from tui.widgets.chart_scale import Columns, Points, Range, dotted, nice_step, sub_position, tick_label, ticks

_ASCII = str.maketrans({"●": "@", "○": "o", "▼": "V", "▽": "v", "★": "*", "╌": "-", "┈": "~", "┊": ":", "│": "|",
                        "┤": "|", "└": "+", "…": "~"})  # fmt: skip

SOLID, DOTTED = (".", "─"), ("'", "┈")
"""How a stroke looks without and with UTF-8 (in the chart itself braille takes the place of the latter)."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve. `marks`: the glyphs of a full and of a sampled point; none for a curve of many steps."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    tone: str = "one"
    is_dotted: bool = False
    marks: tuple[str, str] = ("", "")
    hollow: Sequence[bool] = ()

    def last(self) -> float:
        """The newest finite value, NaN when there is none."""
        return next((y for y in reversed(self.ys) if math.isfinite(y)), math.nan)


@dataclass(frozen=True, slots=True)
class Level:
    """A baseline: a horizontal line with its name."""

    name: str
    value: float
    stroke: str = "╌"


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything on one chart. `x_end` is the *planned* last step: the axis does not move while a run trains."""

    title: str
    series: tuple[Series, ...] = ()
    levels: tuple[Level, ...] = ()
    x_end: float = 0.0
    best_x: float | None = None
    empty: str = ""

    def has_points(self) -> bool:
        """Whether any series has a value to draw."""
        return any(math.isfinite(series.last()) for series in self.series)


@dataclass(frozen=True, slots=True)
class Frame:
    """Bounds and size (in cells) of the area that holds the curves."""

    x_end: float
    low: float
    high: float
    width: int
    height: int

    def column(self, x: float) -> int:
        """The cell column of `x`."""
        return sub_position(x, 0.0, self.x_end, self.width * 2) // 2

    def row(self, y: float) -> int:
        """The cell row of `y`, counted from the top."""
        return self.height - 1 - sub_position(y, self.low, self.high, self.height * 4) // 4


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
            _write(area, rows // 2, (frame.width - len(wait)) // 2, wait, "muted")
        marks = {frame.row(value): text for value, text in zip(y_ticks, labels, strict=True)}
        body = []
        for y, cells in enumerate(area):
            label, joint = (marks[y], "┤") if y in marks else ("", "│")
            body.append([*line((label.rjust(gutter) + joint, "muted")), *cells])
        return [heading, *map(_in_locale, body), _in_locale(x_axis(frame, gutter, plot.x_end))]

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
            _column(area, frame.column(plot.best_x), "┊", "muted")
        _draw_levels(area, frame, plot.levels)
        for series in reversed(plot.series):
            _draw_marks(area, frame, series, plot.best_x)
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


def _in_locale(cells: Line) -> Line:
    if fmt.unicode_terminal():
        return cells
    return [(character.translate(_ASCII), tone) for character, tone in cells]


def _write(area: list[Line], row: int, column: int, text: str, tone: str) -> None:
    if not 0 <= row < len(area):
        return
    for at, cell in enumerate(line((text, tone)), start=column):
        if 0 <= at < len(area[row]):
            area[row][at] = cell


def _column(area: list[Line], column: int, glyph: str, tone: str) -> None:
    for cells in area:
        if 0 <= column < len(cells) and cells[column] == BLANK:
            cells[column] = (glyph, tone)


def _draw_levels(area: list[Line], frame: Frame, levels: tuple[Level, ...]) -> None:
    """Lines under the curves, names over them: at the right end, at the left where another name is already."""
    taken: set[int] = set()
    for level in levels:
        if not frame.low <= level.value <= frame.high:
            continue
        row = frame.row(level.value)
        area[row] = [(level.stroke, "muted") if cell == BLANK else cell for cell in area[row]]
        text = f" {level.name} {fmt.score(level.value)} "
        column = 1 if row in taken else frame.width - len(text)
        if len(text) * 2 <= frame.width:
            _write(area, row, column, text, "muted")
        taken.add(row)


def _draw_marks(area: list[Line], frame: Frame, series: Series, best_x: float | None) -> None:
    """Marks on the points of a curve; where they would touch, those of full validations win."""
    full, hollow = series.marks
    if not full:
        return
    is_hollow = [*series.hollow, *[False] * (len(series.xs) - len(series.hollow))]
    points = [p for p in zip(series.xs, series.ys, is_hollow, strict=False) if math.isfinite(p[1])]
    taken: set[int] = set()
    for x, y, sampled in sorted(points, key=lambda point: point[2]):
        column = frame.column(x)
        if sampled and taken & {column - 1, column, column + 1}:
            continue
        taken.add(column)
        glyph = hollow if sampled else "★" if x == best_x and full == "●" else full
        _write(area, frame.row(y), column, glyph, series.tone)


def legend(plot: Plot, width: int) -> Line:
    """Title, then each series with its stroke, its name and its newest value: the fullest form that fits."""
    forms = [_legend(plot, wide, value) for wide, value in ((True, True), (False, True), (True, False), (False, False))]
    best = next((form for form in forms if len(form) <= width), forms[-1])
    key = _in_locale(line(("●full ○sample", "muted")))
    has_samples = any(any(series.hollow) for series in plot.series)
    if has_samples and len(best) + len(key) + 3 <= width:
        return spread(best, key, width)
    return clip(best, width)


def _legend(plot: Plot, wide: bool, with_value: bool) -> Line:
    unicode = fmt.unicode_terminal()
    parts = line((plot.title, "strong"))
    for series in plot.series:
        stroke = DOTTED[unicode] if series.is_dotted else SOLID[unicode]
        sample = stroke + (series.marks[0] or stroke) + (stroke if wide else "")
        value = f" {fmt.score(series.last())}" if with_value and math.isfinite(series.last()) else ""
        parts += line("  " if wide else " ", (sample, series.tone), f" {series.name}{value}")
    return _in_locale(parts)


def x_axis(frame: Frame, gutter: int, planned: float) -> Line:
    """Steps below the chart: 0, round numbers that fit, and the last planned one; nothing before there is a plan."""
    cells: Line = [BLANK] * frame.width
    corner: Line = [*[BLANK] * gutter, ("└", "muted")]
    if planned <= 0:
        return [*corner, *cells]
    end = f"{fmt.count(round(frame.x_end))} steps"
    limit = frame.width - len(end)
    for at, character in enumerate(end, start=limit):
        if at >= 0:
            cells[at] = (character, "muted")
    free = 0
    for value in ticks(0.0, frame.x_end, max(frame.width // 9, 1)):
        text = fmt.count(round(value))
        start = max(frame.column(value) - len(text) // 2, 0)
        if start >= free and start + len(text) < limit:
            for at, character in enumerate(text, start=start):
                cells[at] = (character, "muted")
            free = start + len(text) + 1
    return [*corner, *cells]

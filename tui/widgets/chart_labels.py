"""What is written over and around the curves: legend, axis, marks, names of baselines."""

from __future__ import annotations

import math

from tui import format as fmt
from tui.widgets.canvas import BLANK, Line, clip, line, spread
from tui.widgets.chart_model import Frame, Level, Plot, Series
from tui.widgets.chart_scale import ticks

SOLID, DOTTED = (".", "─"), ("'", "┈")
"""How a stroke looks without and with UTF-8 (in the chart itself braille takes the place of the latter)."""


def write(area: list[Line], row: int, column: int, text: str, tone: str) -> None:
    """Put a text over the area; what lies outside of it is left out."""
    if not 0 <= row < len(area):
        return
    for at, cell in enumerate(line((text, tone)), start=column):
        if 0 <= at < len(area[row]):
            area[row][at] = cell


def draw_column(area: list[Line], column: int, glyph: str, tone: str) -> None:
    """A vertical line where nothing else is."""
    for cells in area:
        if 0 <= column < len(cells) and cells[column] == BLANK:
            cells[column] = (glyph, tone)


def draw_levels(area: list[Line], frame: Frame, levels: tuple[Level, ...]) -> None:
    """Horizontal lines under the curves."""
    for level in _shown(frame, levels):
        row = frame.row(level.value)
        area[row] = [(level.stroke, "muted") if cell == BLANK else cell for cell in area[row]]


def name_levels(area: list[Line], frame: Frame, levels: tuple[Level, ...]) -> None:
    """The names of the lines at the right end, beside the line where a curve, a mark or another name is on it."""
    strokes = {level.stroke for level in levels}
    for name, value in _named(_shown(frame, levels)):
        text, row = f" {name} {fmt.score(value)} ", frame.row(value)
        start = frame.width - len(text)
        if len(text) * 2 > frame.width and (" = " not in name or start < 0):
            continue
        rows = [one for one in (row, row + 1, row - 1) if 0 <= one < frame.height]
        free = [one for one in rows if all(cell == BLANK or cell[0] in strokes for cell in area[one][start:])]
        write(area, (free or rows)[0], start, text, "muted")


def _shown(frame: Frame, levels: tuple[Level, ...]) -> list[Level]:
    """The levels within the frame, highest first."""
    return sorted((one for one in levels if frame.low <= one.value <= frame.high), key=lambda one: -one.value)


def _named(levels: list[Level]) -> list[tuple[str, float]]:
    """(name, value) of each level, highest first; those that read the same are one: `majority = TF-IDF`."""
    found: dict[str, tuple[str, float]] = {}
    for level in levels:
        text = fmt.score(level.value)
        before = found.get(text)
        found[text] = (f"{level.name} = {before[0]}" if before else level.name, level.value)
    return list(found.values())


def draw_marks(area: list[Line], frame: Frame, series: Series, best_x: float | None) -> None:
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
        write(area, frame.row(y), column, glyph, series.tone)


def draw_ends(area: list[Line], frame: Frame, all_series: tuple[Series, ...]) -> None:
    """The letters of curves at their newest points; where two would meet the later one moves to the left."""
    taken: set[tuple[int, int]] = set()
    for series in all_series:
        points = [point for point in zip(series.xs, series.ys, strict=False) if math.isfinite(point[1])]
        if not series.end or not points:
            continue
        row, column = frame.row(points[-1][1]), frame.column(points[-1][0])
        while (row, column) in taken and column > 0:
            column -= 1
        taken.add((row, column))
        write(area, row, column, series.end, series.tone)


def legend(plot: Plot, width: int) -> Line:
    """Title, then each series with its stroke, its name and its newest value: the fullest form that fits."""
    forms = [_legend(plot, wide, value) for wide, value in ((True, True), (False, True), (True, False), (False, False))]
    best = next((form for form in forms if len(form) <= width), forms[-1])
    key = line(("●full ○sample", "muted"))
    has_samples = any(any(series.hollow) for series in plot.series)
    if has_samples and len(best) + len(key) + 3 <= width:
        return spread(best, key, width)
    return clip(best, width)


def _legend(plot: Plot, wide: bool, with_value: bool) -> Line:
    unicode = fmt.unicode_terminal()
    parts = line((plot.title, "strong"))
    for series in plot.series:
        stroke = DOTTED[unicode] if series.is_dotted else SOLID[unicode]
        sample = stroke + (series.end or series.marks[0] or stroke) + (stroke if wide else "")
        value = f" {fmt.score(series.last())}" if with_value and math.isfinite(series.last()) else ""
        name = "" if series.end else f" {series.name}"
        parts += line("  " if wide else " ", (sample, series.tone), f"{name}{value}")
    return parts


def x_axis(frame: Frame, gutter: int, planned: float, unit: str = "steps") -> Line:
    """Steps (or other units) below the chart: 0, round numbers that fit, the last planned one; none without a plan."""
    cells: Line = [BLANK] * frame.width
    corner: Line = [*[BLANK] * gutter, ("└", "muted")]
    if planned <= 0:
        return [*corner, *cells]
    last = round(frame.x_end)
    end = f"{fmt.count(last)} {unit if last != 1 else unit.removesuffix('s')}"
    limit = frame.width - len(end)
    for at, character in enumerate(end, start=limit):
        if at >= 0:
            cells[at] = (character, "muted")
    free = 0
    for value in ticks(0.0, frame.x_end, max(frame.width // 9, 1)):
        text = fmt.count(round(value))
        start = max(frame.column(value) - len(text) // 2, 0)
        is_whole = abs(value - round(value)) < 1e-6  # of an axis of two epochs, say, there are others
        if is_whole and start >= free and start + len(text) < limit:
            for at, character in enumerate(text, start=start):
                cells[at] = (character, "muted")
            free = start + len(text) + 1
    return [*corner, *cells]

"""What a chart shows, without a widget: curves, baselines, and the frame they are drawn in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.chart_scale import sub_position


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
    end: str = ""
    """A letter for the curve's end, which then names it in the legend, too."""

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
    unit: str = "steps"
    """What the x axis counts."""

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

"""The arithmetic of a chart: round bounds that do not jitter, ticks, and two points per column of a long series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Points = list[tuple[float, float]]


def nice_step(span: float, parts: int) -> float:
    """The round number (1, 2, 2.5 or 5 times a power of ten) that cuts `span` into at most about `parts`."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    rough = span / max(parts, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, parts: int) -> list[float]:
    """Round numbers from `low` to `high`, at most about `parts` + 1 of them."""
    step = nice_step(high - low, parts)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_label(value: float, step: float) -> str:
    """`value` with as many decimals as `step` needs, without a leading zero below one: `.25`, `1.50`, `200`."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    if decimals and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    if abs(value) >= 1e5:
        return f"{value:.0e}".replace("e+0", "e")
    text = "0" if abs(value) < step / 1000 else f"{value:.{decimals}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


@dataclass(slots=True)
class Range:
    """The y range: it moves in round steps, and only when the data leaves it or fills less than half of it."""

    floor: float = -math.inf
    ceiling: float = math.inf
    low: float = 0.0
    high: float = 0.0

    def include(self, low: float, high: float) -> tuple[float, float]:
        """The bounds to draw with, for data from `low` to `high`."""
        fits = self.low <= low and high <= self.high
        if self.high > self.low and fits and high - low >= 0.4 * (self.high - self.low):
            return self.low, self.high
        if high - low < 1e-9:
            low, high = low - max(abs(low) * 0.1, 0.05), high + max(abs(high) * 0.1, 0.05)
        if 0 < low < 0.5 * high:
            low = 0.0
        step = nice_step(high - low, 5)
        self.low = max(math.floor(low / step + 1e-9) * step, self.floor)
        self.high = min(math.ceil(high / step - 1e-9) * step, self.ceiling)
        return self.low, self.high


@dataclass(slots=True)
class _Column:
    """What one column of the chart has seen: its lowest and highest point, and whether a value was missing."""

    lowest: tuple[float, float] | None = None
    highest: tuple[float, float] | None = None
    gap: bool = False

    def add(self, x: float, y: float) -> None:
        """One more point. What is not finite is a gap, never a bound."""
        if not math.isfinite(y):
            self.gap = True
            return
        if self.lowest is None or y < self.lowest[1]:
            self.lowest = (x, y)
        if self.highest is None or y >= self.highest[1]:
            self.highest = (x, y)


@dataclass(slots=True)
class Columns:
    """A growing series cut down to two points per column. Only what is new since the last call is looked at."""

    key: tuple[float, float, int] = (0.0, 0.0, 0)
    taken: int = 0
    last: tuple[float, float] = (0.0, 0.0)
    columns: dict[int, _Column] = field(default_factory=dict)

    def segments(self, xs: Sequence[float], ys: Sequence[float], low: float, high: float, count: int) -> list[Points]:
        """The unbroken stretches of the series, for x from `low` to `high` over `count` columns."""
        self._restart_if_other(xs, ys, (low, high, count))
        scale = (count - 1) / (high - low) if high > low else 0.0
        for at in range(self.taken, min(len(xs), len(ys))):
            column = round((xs[at] - low) * scale)
            self.columns.setdefault(column, _Column()).add(xs[at], ys[at])
        self.taken = min(len(xs), len(ys))
        if self.taken:
            self.last = (xs[self.taken - 1], ys[self.taken - 1])
        return self._collect()

    def _restart_if_other(self, xs: Sequence[float], ys: Sequence[float], key: tuple[float, float, int]) -> None:
        length = min(len(xs), len(ys))
        known = self.taken <= length and (
            self.taken == 0 or repr((xs[self.taken - 1], ys[self.taken - 1])) == repr(self.last)
        )
        if key != self.key or not known:
            self.key, self.taken = key, 0
            self.columns.clear()

    def _collect(self) -> list[Points]:
        segments: list[Points] = [[]]
        for _, column in sorted(self.columns.items()):
            if column.lowest is not None and column.highest is not None:
                segments[-1] += sorted({column.lowest, column.highest})
            if column.gap and segments[-1]:
                segments.append([])
        return [points for points in segments if points]


def sub_position(value: float, low: float, high: float, bins: int) -> int:
    """The bin of `bins` that `value` falls in, as plotext counts them."""
    return math.floor(round(0.5 + (bins - 1) * (value - low) / (high - low), 8)) if high > low else 0


def dotted(points: Points, low: float, high: float, bins: int, every: int = 3) -> Points:
    """Points on the line through `points`, one at every third of `bins`, so that it reads as dotted."""
    found: Points = []
    width = (high - low) / max(bins - 1, 1)
    for (x0, y0), (x1, y1) in pairwise(points):
        first, last = sub_position(x0, low, high, bins), sub_position(x1, low, high, bins)
        for place in range(first + (-first) % every, last + 1, every):
            x = min(max(low + place * width, x0), x1)
            found.append((x, y0 + (y1 - y0) * ((x - x0) / (x1 - x0) if x1 > x0 else 0.0)))
    return found

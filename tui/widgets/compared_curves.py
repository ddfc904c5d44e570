"""The curves of several runs over one another, by epoch. Each carries its letter at its end and in the legend."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from tui.compared import Comparison
from tui.widgets.chart import LineChart
from tui.widgets.chart_model import Plot, Series

LOOKS = (
    ("two", False), ("three", True), ("one", False), ("good", True),
    ("two", True), ("three", False), ("one", True), ("good", False),
)  # fmt: skip
"""Tone and stroke by turns: no two neighbours look alike, whatever the colours."""


def plot_of(found: Comparison, figure: str, title: str) -> Plot:
    """`loss` or `macro_f1` of each side on all validation rows."""
    series = []
    for at, side in enumerate(found.sides):
        points = found.curve(side, figure)
        tone, is_dotted = LOOKS[at % len(LOOKS)]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        series.append(Series(side.letter, xs, ys, tone=tone, is_dotted=is_dotted, end=side.letter))
    end = max((x for one in series for x in one.xs), default=0.0)
    return Plot(title, tuple(series), x_end=max(end, 1.0), empty="no curves were kept", unit="epochs")


class ComparedCurves(Horizontal):
    """Validation loss at the left, macro F1 at the right."""

    DEFAULT_CSS = """
    ComparedCurves LineChart { width: 1fr; }
    ComparedCurves #compared-f1 { margin-left: 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="compared-curves")

    def compose(self) -> ComposeResult:
        """Two charts of one size."""
        yield LineChart(0.0, id="compared-loss")
        yield LineChart(0.0, 1.0, id="compared-f1")

    def show(self, found: Comparison) -> None:
        """Draw these."""
        self.query_one("#compared-loss", LineChart).plot(plot_of(found, "loss", "validation loss"), fresh=True)
        self.query_one("#compared-f1", LineChart).plot(plot_of(found, "macro_f1", "macro F1"), fresh=True)

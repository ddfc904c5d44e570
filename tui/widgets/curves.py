"""The two charts of a run, made from its history: loss, and F1 with the baselines as lines."""

from __future__ import annotations

import math

from textual.app import ComposeResult
from textual.containers import Horizontal

from core.runs import History
from tui.widgets.chart import LineChart
from tui.widgets.chart_model import Level, Plot, Series

CIRCLES, TRIANGLES = ("●", "○"), ("▼", "▽")


def planned_steps(history: History) -> float:
    """The last step of the plan; what was reached when there is no plan to be read; 0 before anything is known."""
    return float(history.plan.steps if history.plan is not None else history.step)


def loss_plot(history: History, empty: str = "") -> Plot:
    """Loss of training (every step) and of validation."""
    scored = [point for point in history.evals if point.scores.loss is not None]
    validation = Series(
        "validation",
        [point.step for point in scored],
        [point.scores.loss if point.scores.loss is not None else math.nan for point in scored],
        tone="two",
        is_dotted=True,
        marks=CIRCLES,
        hollow=[not point.full for point in scored],
    )
    train = Series("train", history.loss_steps, history.losses, tone="one")
    return Plot("loss", (train, validation), (), planned_steps(history), _best_step(history), empty)


def f1_plot(history: History, empty: str = "") -> Plot:
    """Macro F1 and the F1 of the worst class on validation, over what needs no network."""
    steps = [point.step for point in history.evals]
    hollow = [not point.full for point in history.evals]
    worst = [min(point.scores.class_f1, default=math.nan) for point in history.evals]
    macro = [point.scores.macro_f1 for point in history.evals]
    series = (
        Series("macro", steps, macro, tone="two", marks=CIRCLES, hollow=hollow),
        Series("worst", steps, worst, tone="three", is_dotted=True, marks=TRIANGLES, hollow=hollow),
    )
    levels: tuple[Level, ...] = ()
    if history.baselines is not None:
        levels = (
            Level("TF-IDF", history.baselines.tfidf.macro_f1),
            Level("majority", history.baselines.majority.macro_f1, "┈"),
        )
    return Plot("macro F1", series, levels, planned_steps(history), _best_step(history), empty)


def _best_step(history: History) -> float | None:
    return float(history.saved.step) if history.saved is not None else None


class Curves(Horizontal, can_focus=True):
    """Loss at the left, F1 at the right. Takes the focus where a room has nothing else that could."""

    def compose(self) -> ComposeResult:
        """Two charts of one size."""
        yield LineChart(0.0, id="loss-chart")
        yield LineChart(0.0, 1.0, id="f1-chart")

    def show(self, history: History, *, empty: str = "", fresh: bool = False) -> None:
        """Draw what the history holds. `fresh`: it is another run than before."""
        self.query_one("#loss-chart", LineChart).plot(loss_plot(history, empty), fresh=fresh)
        self.query_one("#f1-chart", LineChart).plot(f1_plot(history, empty), fresh=fresh)

"""The two charts of a run, made from its history: loss, and beside it one of three: macro F1, accuracy, F1 per class.

The baselines are lines on it. Every curve is told from the others by stroke, mark and word, not by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal

from core.runs import History
from core.text import safe
from tui import format as fmt
from tui.widgets.chart import LineChart
from tui.widgets.chart_model import Level, Plot, Series

CIRCLES, TRIANGLES, SQUARES, DIAMONDS = ("●", "○"), ("▼", "▽"), ("■", "□"), ("◆", "◇")

CURVES = ((CIRCLES, False, "two"), (TRIANGLES, True, "three"), (SQUARES, False, "one"), (DIAMONDS, True, "good"))
"""Marks, whether dotted, and tone of the curves of a chart of classes: more of them could not be told apart."""

LEGEND = 12
"""Cells that a class must have in the legend: its stroke, and eight letters of its name."""


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


def f1_plot(history: History, empty: str = "", width: int = 0) -> Plot:
    """Macro F1 and the F1 of the worst class on validation, over what needs no network."""
    worst = [min(point.scores.class_f1, default=math.nan) for point in history.evals]
    macro = [point.scores.macro_f1 for point in history.evals]
    series = (
        _validated(history, "macro", macro, (CIRCLES, False, "two")),
        _validated(history, "worst", worst, (TRIANGLES, True, "three")),
    )
    return Plot("macro F1", series, _levels(history, "macro_f1"), planned_steps(history), _best_step(history), empty)


def accuracy_plot(history: History, empty: str = "", width: int = 0) -> Plot:
    """Accuracy on validation, and over each epoch of training as it was trained, over what needs no network."""
    series = (
        _validated(history, "validation", [point.scores.accuracy for point in history.evals], (CIRCLES, False, "two")),
        Series(
            "training",
            [one.step for one in history.epochs],
            [one.train_accuracy for one in history.epochs],
            tone="one",
            is_dotted=True,
            marks=TRIANGLES,
        ),
    )
    return Plot("accuracy", series, _levels(history, "accuracy"), planned_steps(history), _best_step(history), empty)


def classes_plot(history: History, empty: str = "", width: int = 0) -> Plot:
    """F1 of each class on validation; of more than a legend of `width` cells has words for, the worst ones."""
    names = history.data.label_names if history.data is not None else ()
    title, chosen, room = _chosen(history, len(names), width)
    words = fmt.fit_apart([safe(names[at]) for at in chosen], room)
    series = tuple(
        _validated(
            history,
            name,
            [point.scores.class_f1[at] if at < len(point.scores.class_f1) else math.nan for point in history.evals],
            look,
        )
        for at, name, look in zip(chosen, words, CURVES, strict=False)
    )
    return Plot(title, series, (), planned_steps(history), _best_step(history), empty)


def _chosen(history: History, classes: int, width: int) -> tuple[str, list[int], int]:
    """(title, classes to draw in their order, cells for the name of each): the worst at the newest full validation."""
    width = width or 10**6
    count, title = classes, next((one for one in ("F1 per class", "F1") if _places(one, width) >= classes), "")
    if not title:
        count = max(_places("worst F1", width), 1)
        title = f"F1, worst {count} of {classes}"
        title = title if _places(title, width) >= count else "worst F1"
    scored = history.full_evals or history.evals
    reached = scored[-1].scores.class_f1 if scored else ()
    order = sorted(range(classes), key=lambda at: reached[at] if at < len(reached) else math.inf)
    room = (width - len(title)) // max(count, 1) - 4
    return title, sorted(order[:count]), min(max(room, 4), 24)


def _places(title: str, width: int) -> int:
    return min((width - len(title)) // LEGEND, len(CURVES))


def _validated(history: History, name: str, values: list[float], look: tuple[tuple[str, str], bool, str]) -> Series:
    marks, is_dotted, tone = look
    steps, hollow = [point.step for point in history.evals], [not point.full for point in history.evals]
    return Series(name, steps, values, tone=tone, is_dotted=is_dotted, marks=marks, hollow=hollow)


def _levels(history: History, figure: str) -> tuple[Level, ...]:
    if history.baselines is None:
        return ()
    return (
        Level("TF-IDF", getattr(history.baselines.tfidf, figure)),
        Level("majority", getattr(history.baselines.majority, figure), "┈"),
    )


def _best_step(history: History) -> float | None:
    return float(history.saved.step) if history.saved is not None else None


METRICS: tuple[Callable[[History, str, int], Plot], ...] = (f1_plot, accuracy_plot, classes_plot)
"""What the chart at the right can show."""


class Curves(Horizontal, can_focus=True):
    """Loss at the left, scores at the right. Takes the focus where a room has nothing else that could."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self._metric = 0
        self._shown: tuple[History, str] | None = None

    def compose(self) -> ComposeResult:
        """Two charts of one size."""
        yield LineChart(0.0, id="loss-chart")
        yield LineChart(0.0, 1.0, id="f1-chart")

    def show(self, history: History, *, empty: str = "", fresh: bool = False) -> None:
        """Draw what the history holds. `fresh`: it is another run than before."""
        self._shown = history, empty
        self.query_one("#loss-chart", LineChart).plot(loss_plot(history, empty), fresh=fresh)
        self._show_scores(fresh=fresh)

    def next_metric(self) -> None:
        """Let the chart at the right show the next of what it can."""
        self._metric = (self._metric + 1) % len(METRICS)
        self._show_scores(fresh=True)

    def on_resize(self) -> None:
        """The legend has room for other words."""
        self.call_after_refresh(self._show_scores)

    def _show_scores(self, *, fresh: bool = False) -> None:
        if self._shown is not None:
            chart = self.query_one("#f1-chart", LineChart)
            chart.plot(METRICS[self._metric](*self._shown, chart.size.width), fresh=fresh)

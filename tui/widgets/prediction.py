"""What a model says about one text: a bar per class, in the model's order so that bars move and names stay."""

from __future__ import annotations

from core.errors import WorkbenchError
from core.text import safe
from tui.advice import here
from tui.facts import Answer
from tui.format import bar, cell, width_of
from tui.widgets.canvas import Canvas, Line, line
from tui.widgets.data_lines import wrap

MOST = 10
"""With more classes than these the most probable ones are shown, best first."""


class Prediction(Canvas):
    """Probability bars, and how the answer came about."""

    def answer(self, answer: Answer, width: int) -> None:
        """Show this answer."""
        self.show([*bars(answer, width), line(""), how(answer)], width)

    def say(self, *texts: str, width: int, tone: str = "muted") -> None:
        """Show words instead."""
        self.show([line((part, tone)) for text in texts for part in wrap(text, width)], width)

    def fail(self, error: WorkbenchError, width: int) -> None:
        """Show why there is no answer."""
        parts = [line((f"✗ {error.title}", "bad"))]
        parts += [line(f"  {text}") for text in wrap(error.message, width - 2)[:4]]
        parts += [line(("  Next: ", "strong"), text) for text in wrap(here(error.next_step), width - 9)[:2]]
        self.show(parts, width)


def bars(answer: Answer, width: int) -> list[Line]:
    """One line per class: `▸positive  ████████▌   94.1 %`; the mark is at the best."""
    pairs = list(answer.probabilities)
    hidden = max(len(pairs) - MOST, 0)
    if hidden:
        pairs = sorted(pairs, key=lambda pair: -pair[1])[:MOST]
    label = min(max(width_of(safe(name)) for name, _ in pairs), max(width // 3, 8))
    room = max(min(width - label - 12, 80), 4)
    best = answer.best[0]
    found = [
        line(
            ("▸" if name == best else " ", "accent"), (cell(safe(name), label) + " ", "strong" if name == best else ""),
            (bar(value, room), "one"), (f" {value * 100:5.1f} %", "strong" if name == best else ""),
        )
        for name, value in pairs
    ]  # fmt: skip
    return [*found, line((f" and {hidden} less probable classes", "muted"))] if hidden else found


def how(answer: Answer) -> Line:
    """`4.2 ms · onnx: a verified graph`."""
    cut = (" · the text was longer than the model reads: its end was cut", "warn") if answer.truncated else ""
    reason = f": {answer.reason}" if answer.reason else ""
    return line((f"{answer.milliseconds:.1f} ms · {answer.engine}{reason}"[:100], "muted"), cut)

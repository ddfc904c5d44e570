"""The scores of kinds of sentences as a list: `enter` opens the mistakes of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from core.text import safe
from tui import format as fmt
from tui.judged import SliceFigures, Span
from tui.keys import bindings
from tui.widgets.canvas import Line, line
from tui.widgets.class_list import content_of
from tui.widgets.judged_lines import span_text
from tui.widgets.option_rows import OptionRows

_SPAN = len(".145 .140–.151")
_REST = _SPAN + 3


class SliceList(OptionRows):
    """One line per slice under a line of titles; those without rows come last."""

    headings = frozenset({0})
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs", "slices")

    @dataclass
    class Opened(Message):
        """A person wants the mistakes of this slice."""

        one: SliceFigures

    def __init__(self) -> None:
        super().__init__(id="slices", classes="panel", markup=False)
        self.slices: tuple[SliceFigures, ...] = ()

    @property
    def text(self) -> str:
        """What is on it, as plain text."""
        return "\n".join(str(option.prompt) for option in self.options)

    def show(self, slices: tuple[SliceFigures, ...]) -> None:
        """Show these."""
        self.slices = tuple(sorted(slices, key=lambda one: not one.rows))
        self.draw()

    def lines(self, width: int) -> Sequence[Content]:
        """The titles and a line per slice."""
        return [content_of(cells) for cells in slice_lines(self.slices, width)] if self.slices else []

    def action_open(self) -> None:
        """The mistakes of the slice."""
        at = self.highlighted
        if at is not None and 0 < at <= len(self.slices):
            self.post_message(self.Opened(self.slices[at - 1]))

    def action_first(self) -> None:
        """To the first slice."""
        super().action_first()

    def action_last(self) -> None:
        """To the last slice."""
        super().action_last()


def slice_lines(slices: Sequence[SliceFigures], width: int) -> list[Line]:
    """Titles, then name, rows, accuracy and macro F1 with intervals, difference in accuracy to the rest."""
    room = width - 2 * (_SPAN + 2) - (_REST + 2) - 8
    name = max(min(max([5, *(fmt.width_of(safe(one.title)) + 2 for one in slices)]), room), 8)
    heads = "".join(f"  {fmt.cell(title, size)}" for title, size in
                    (("accuracy", _SPAN), ("macro F1", _SPAN), ("acc. to the rest", _REST)))  # fmt: skip
    lines = [line((f"{fmt.cell('slice', name)}    rows{heads}", "muted"))]
    for one in slices:
        title = fmt.fit(safe(one.title), name - 2 if one.rows and one.says_little else name)
        few = " !" if one.rows and one.says_little else ""
        spans = "".join(
            f"  {fmt.cell(span_text(span) if span else '', _SPAN)}" for span in (one.accuracy, one.macro_f1)
        )
        rest, tone = _rest(one.to_the_rest)
        lines.append(
            line(
                (title, "" if one.rows else "muted"), (few, "warn"), " " * (name - fmt.width_of(title + few)),
                f"{fmt.count(one.rows):>8}" if one.rows else ("    none", "muted"), spans, ("  " + rest, tone),
            )
        )  # fmt: skip
    return lines


def _rest(span: Span | None) -> tuple[str, str]:
    """`-.06 -.12–+.01`; loud where the interval leaves nothing out of doubt."""
    if span is None:
        return "", ""
    ends = [f"{value:+.2f}".replace("0.", ".", 1) for value in (span.value, span.low, span.high)]
    tone = "bad" if span.high < 0 else "good" if span.low > 0 else "muted"
    sign = " <" if span.high < 0 else " >" if span.low > 0 else ""
    return f"{ends[0]} {ends[1]}..{ends[2]}{sign}", tone

"""The confusion matrix as a table: a row per gold class, a column per answer. A cell is what a later look opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text
from textual.widgets import DataTable

from core.text import safe
from tui import format as fmt
from tui.widgets.run_report import Confusion

SHARE_WIDTH = len(" 100 %")
NAME_WIDTH = 14
NOTABLE = 0.1
"""Share of a class's rows from which a confusion is marked."""


class ConfusionTable(DataTable[Text]):
    """Counts on the validation rows; the diagonal is right."""

    def __init__(self) -> None:
        super().__init__(cursor_type="cell", zebra_stripes=False, id="confusion", cell_padding=1)

    def show(self, confusion: Confusion, width: int) -> None:
        """Show this matrix in `width` cells: shares give way first, then the ends of names; beyond that it scrolls."""
        self.clear(columns=True)
        largest = max((count for row in confusion.counts for count in row), default=0)
        count_width = len(fmt.count(largest)) + 2
        form = next((form for form in _forms(confusion.names, count_width) if form.total <= width), None)
        form = form or list(_forms(confusion.names, count_width))[-1]
        self.add_column(Text("is \\ said"), width=form.first)
        for name, column in zip(form.names, form.columns, strict=True):
            self.add_column(Text(name, justify="right"), width=column)
        for at, (name, counts) in enumerate(zip(form.names, confusion.counts, strict=True)):
            total = sum(counts)
            cells = [_cell(count, total, at == place, form.shares) for place, count in enumerate(counts)]
            self.add_row(Text(name, style="bold"), *cells)
        self.styles.height = len(form.names) + 1 + (1 if form.total > width else 0)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to lay the matrix out."""

    names: list[str]
    first: int
    columns: list[int]
    shares: bool

    @property
    def total(self) -> int:
        return self.first + sum(self.columns) + 2 * (len(self.columns) + 1)


def _forms(names: tuple[str, ...], count_width: int) -> Iterator[_Form]:
    for longest, shares in ((NAME_WIDTH, True), (NAME_WIDTH, False), (6, False)):
        cut = [fmt.fit(safe(name), longest) for name in names]
        widths = [max(count_width + (SHARE_WIDTH if shares else 0), fmt.width_of(name)) for name in cut]
        yield _Form(cut, max([9, *map(fmt.width_of, cut)]), widths, shares)


def _cell(count: int, total: int, is_right: bool, shares: bool) -> Text:
    if count == 0:
        return Text("·" if fmt.unicode_terminal() else ".", justify="right", style="dim")
    share = count / total if total else 0.0
    notable = not is_right and share >= NOTABLE
    text = f"{'! ' if notable else ''}{fmt.count(count)}" + (f" {share * 100:3.0f} %" if shares else "")
    return Text(text, justify="right", style="bold" if is_right or notable else "")

"""What is wrong with the data and what is fine, with its cures; and the cures that are in force."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from core.text import safe
from tui.facts import Finding, Profile
from tui.format import count
from tui.keys import bindings
from tui.widgets.option_rows import OptionRows

_MARKS = {"bad": ("✗", "$text-error"), "warn": ("!", "$text-warning"), "ok": ("✓", "$text-success")}
_FIX = "f\u00a0fixes"  # one word to the wrapping
_ORDER = {"bad": 0, "warn": 1, "ok": 2}


def _hanging(text: str, width: int) -> str:
    """`text` wrapped beside its mark: the words of a finding are never cut."""
    return "\n  ".join(textwrap.wrap(text, max(width - 2, 16))) or " "


class Health(OptionRows):
    """The findings, worst first. `enter` opens the rows behind one, `f` applies its cure."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "health")

    @dataclass
    class Chosen(Message):
        """Show the rows behind this finding."""

        finding: Finding

    @dataclass
    class Cured(Message):
        """Apply this cure."""

        cure: str

    def __init__(self) -> None:
        super().__init__(id="health", classes="panel", markup=False)
        self._findings: list[Finding] = []
        self._cures: tuple[str, ...] = ()
        self._dropped: tuple[tuple[str, int], ...] = ()
        self.border_title = "Health"

    def show(self, profile: Profile, cures: tuple[str, ...], fresh: bool = False) -> None:
        """Show this profile's findings, and the cures that made it what it is. `fresh`: the data is another."""
        if fresh:
            self.highlighted = None
        self._findings = sorted(profile.findings, key=lambda one: _ORDER.get(one.level, 1))
        self._cures, self._dropped = cures, profile.dropped
        cured = f" · {len(cures)} cure{'s' * (len(cures) != 1)}, u undoes" if cures else ""
        self.border_title = f"Health{cured}"
        self.draw()

    def lines(self, width: int) -> Sequence[Content]:
        """Findings, then cures, then what was dropped and why."""
        found = []
        for one in self._findings:
            mark, style = _MARKS.get(one.level, _MARKS["warn"])
            text = _hanging(safe(one.text) + (f" {_FIX}" if one.cure else ""), width)
            head, cure = (text.removesuffix(_FIX), (_FIX, "bold $text-accent")) if one.cure else (text, "")
            found.append(Content.assemble((f"{mark} ", f"bold {style}"), head, cure))
        for text in self._cures:
            found.append(Content.assemble(("+ ", "bold $text-accent"), _hanging(f"cured: {safe(text)}", width)))
        for reason, rows in self._dropped:
            text = _hanging(f"{count(rows)} left out: {safe(reason)}", width)
            found.append(Content.styled(f"- {text}", "$foreground-muted"))
        return found

    def here(self) -> Finding | None:
        """The finding under the cursor."""
        at = self.highlighted
        return self._findings[at] if at is not None and at < len(self._findings) else None

    def action_open(self) -> None:
        """The rows behind the finding."""
        if here := self.here():
            self.post_message(self.Chosen(here))

    def action_fix(self) -> None:
        """Apply the cure, or say that there is none."""
        here = self.here()
        if here and here.cure:
            self.post_message(self.Cured(here.cure))
        else:
            self.notify("This needs no cure." if here and here.level == "ok" else "There is no cure for this line.")

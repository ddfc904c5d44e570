"""What is wrong with the data and what is fine, what `f` does about it; and the cures, each with its switch."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from core.config import RunConfig
from core.text import safe
from tui.advice import here
from tui.facts import Finding, Profile
from tui.format import count
from tui.keys import bindings
from tui.widgets.cure_words import fix_words, is_done
from tui.widgets.option_rows import OptionRows

_MARKS = {"bad": ("✗", "$text-error"), "warn": ("!", "$text-warning"), "ok": ("✓", "$text-success")}
_RANKS = {"bad": 0, "warn": 1, "ok": 3}
_CURES, _GONE = 2, 4
"""Where cures, and rows that reading left out, stand among findings."""

_TOLD = {"empty text": "empty-text", "empty label": "empty-label", "wrong number of fields": "bad-rows"}
"""Reasons for rows being left out that a finding tells of, and its code."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows that reading left out for this reason."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class Cure:
    """A cure in the list: `rows` that it drops or changes, none while it is off."""

    cure: str
    on: bool
    rows: int | None


Entry = Finding | Cure | Gone


def _key(entry: Entry) -> tuple[str, str]:
    """What stays the same when the entry is found again in changed data."""
    match entry:
        case Finding():
            return "finding", entry.code
        case Cure():
            return "cure", entry.cure
        case Gone():
            return "gone", entry.reason


def _rank(entry: Entry) -> int:
    match entry:
        case Finding():
            return _RANKS.get(entry.level, 1)
        case Cure():
            return _CURES
        case Gone():
            return _GONE


class Health(OptionRows):
    """Findings, worst first, and the cures. `enter` opens the rows, `f` fixes, `space` switches a cure."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("data", "health")

    @dataclass
    class Chosen(Message):
        """Show the rows behind this entry."""

        entry: Entry

    @dataclass
    class Fixed(Message):
        """Do what this finding proposes."""

        finding: Finding

    @dataclass
    class Switched(Message):
        """Turn this cure off, or on again."""

        cure: str

    def __init__(self) -> None:
        super().__init__(id="health", classes="panel", markup=False)
        self._entries: list[Entry] = []
        self._tops: list[int] = []
        self._config = RunConfig()
        self._note = ("", "")
        self.border_title = "Health"

    def show(
        self,
        profile: Profile,
        switches: Iterable[tuple[str, bool]],
        config: RunConfig,
        fresh: bool = False,
        undone: str = "",
    ) -> None:
        """Show this profile's findings, and the cures that made it what it is.

        `fresh`: the data is another. `undone`: the cure just taken back, whose finding is under the cursor again.
        """
        rows = dict(profile.cures)
        told = {one.code for one in profile.findings}
        cures = [Cure(cure, on, rows.get(cure, 0) if on else None) for cure, on in switches]
        gone = [Gone(*one) for one in profile.dropped if one[0] not in rows and _TOLD.get(one[0]) not in told]
        before, self._config, self._note = (None, 0) if fresh else self._held(), config, ("", "")
        self._entries = sorted([*profile.findings, *cures, *gone], key=_rank)
        back = next((one for one in self._entries if isinstance(one, Finding) and undone and one.cure == undone), None)
        self._redraw(_key(back) if back else before[0], before[1])

    def add(self, findings: Sequence[Finding]) -> None:
        """Findings that came later. Nothing at the cursor or above it moves under somebody who is in the list."""
        fresh = {one.code: one for one in findings}
        kept = [one for one in self._entries if not (isinstance(one, Finding) and one.code in fresh)]
        at = self.highlighted
        if not self.has_focus or at is None:
            self._entries = sorted([*kept, *fresh.values()], key=_rank)
            self._redraw(None if at == 0 else self._held()[0], self._held()[1])
            return
        held = [one for one in self._entries[: at + 1] if one in kept]
        self._entries = held + sorted([*kept[len(held) :], *fresh.values()], key=_rank)
        self._redraw(*self._held())

    def configure(self, config: RunConfig) -> None:
        """Settings changed: what they mend is marked as done, or no more so."""
        if config != self._config:
            held, self._config = self._held(), config
            self._redraw(*held)

    def note(self, text: str, far: str = "") -> None:
        """What is looked for right now, and how far that is, in the title; empty when nothing is."""
        if (text, far) != self._note:
            self._note = text, far
            self._entitle()

    def _entitle(self) -> None:
        self.border_title = Content(" · ".join(["Health", *(self._looking() if self._note[0] else self._counts())]))

    def _looking(self) -> list[str]:
        text, far = self._note
        ways = (f"checking {text} {far}", f"checking {text}", f"{text} {far}", text)
        return [next((one for one in ways if len(one) <= self.outer_size.width - 11), text).strip()]

    def _counts(self) -> list[str]:
        open_ = [one for one in self._entries if isinstance(one, Finding) and _rank(one) < _CURES]
        left = sum(not is_done(one, self._config) for one in open_)
        cures = sum(isinstance(one, Cure) and one.on for one in self._entries)
        told = [f"{left} to look at" if left else "nothing to mend"] if self._entries else []
        return [*told, *([f"{cures} cure{'s' * (cures != 1)}"] if cures else [])]

    # Lines

    def _held(self) -> tuple[tuple[str, str] | None, int]:
        """What the cursor stands on, and how many lines below the top of the window."""
        at = self.highlighted
        if at is None or at >= len(self._entries) or at >= len(self._tops):
            return None, 0
        return _key(self._entries[at]), self._tops[at] - round(self.scroll_y)

    def _redraw(self, key: tuple[str, str] | None, below: int) -> None:
        """Draw, with the cursor on the same entry (or in its place) at the same height."""
        if key is None:
            self.highlighted = None
        self.draw()
        self._entitle()
        keys = [_key(one) for one in self._entries]
        if key is not None and keys:
            if key in keys:
                self.highlighted = keys.index(key)
            at = min(self.highlighted or 0, len(self._tops) - 1)
            if at >= 0:
                self.scroll_to(y=self._tops[at] - below, animate=False, immediate=True)

    def lines(self, width: int) -> Sequence[Content]:
        """One per entry, wrapped beside its mark."""
        found = [self._line(one, width) for one in self._entries]
        self._tops, top = [], 0
        for one in found:
            self._tops.append(top)
            top += one.plain.count("\n") + 1
        return found

    def _line(self, entry: Entry, width: int) -> Content:
        if isinstance(entry, Finding):
            return self._finding(entry, width)
        if isinstance(entry, Gone):
            return _hanging(f"- {count(entry.rows)} left out: {safe(entry.reason)}", width, "$foreground-muted")
        mark = "[x]" if entry.on else "[ ]"
        rows = f"  {count(entry.rows)} row{'s' * (entry.rows != 1)}" if entry.rows is not None else "  off"
        text = _hanging(f"{mark} {safe(entry.cure)}{rows}", width, "" if entry.on else "$foreground-muted", 4)
        return text.stylize("bold $text-accent", 0, 3)

    def _finding(self, one: Finding, width: int) -> Content:
        words, done = fix_words(one), is_done(one, self._config)
        mark, style = _MARKS["ok"] if done else _MARKS.get(one.level, _MARKS["warn"])
        said = here(safe(one.text))
        offer = f"done: {words}" if done else f"f: {words}" if words else ""
        glued = offer.replace(" ", "\u00a0") if len(offer) < width - 4 else offer
        text = _hanging(f"{mark} {said}{'  ' + glued if offer else ''}", width)
        text = text.stylize(f"bold {style}", 0, 1)
        return text.stylize("bold $text-accent", text.plain.rindex(offer.partition(" ")[0])) if offer else text

    # Doing

    def here(self) -> Entry | None:
        """What is under the cursor."""
        at = self.highlighted
        return self._entries[at] if at is not None and at < len(self._entries) else None

    def offers(self, key: str) -> bool:
        """Whether `fix` or `switch` does something right here."""
        here = self.here()
        if key == "switch":
            return isinstance(here, Cure)
        return isinstance(here, Finding) and bool(fix_words(here)) and not is_done(here, self._config)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        self.screen.refresh_bindings()

    def on_blur(self) -> None:
        """Nobody is in the list any more: what was added below the cursor takes its place."""
        key, below = self._held()
        self._entries.sort(key=_rank)
        self._redraw(key, below)

    def action_open(self) -> None:
        """The rows behind it."""
        if here := self.here():
            self.post_message(self.Chosen(here))

    def action_fix(self) -> None:
        """Do what the finding proposes, or say that it proposes nothing."""
        here = self.here()
        if isinstance(here, Finding) and fix_words(here):
            if is_done(here, self._config):
                self.notify("This is done; u takes it back.")
            else:
                self.post_message(self.Fixed(here))
        elif isinstance(here, Cure):
            self.notify("This is a cure: space turns it off and on.")
        else:
            level = here.level if isinstance(here, Finding) else ""
            self.notify("This needs no cure." if level == "ok" else "There is no cure for this line.")

    def action_switch(self) -> None:
        """Turn the cure off, or on again."""
        here = self.here()
        if isinstance(here, Cure):
            self.post_message(self.Switched(here.cure))
        else:
            self.notify("space turns a cure off and on; f makes this finding's cure, + any other.")


def _hanging(text: str, width: int, style: str = "", indent: int = 2) -> Content:
    """`text` wrapped beside its mark: the words of a finding are never cut."""
    lines = textwrap.wrap(text, max(width, 16), subsequent_indent=" " * indent, break_on_hyphens=False)
    return Content.styled("\n".join(lines).replace("\u00a0", " ") or " ", style)

"""Which columns hold the text, the label and the group: guessed, and open to choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Select, Static

from core.text import safe
from tui.facts import Profile

NONE = ""
SEVERAL = ("\0several",)
"""The text columns of the line that leads to choosing several; no column's name has a NUL."""


class Columns(Horizontal):
    """Three choices in one line. Empty until the first data is read."""

    DEFAULT_CSS = """
    Columns { height: 1; }
    Columns Static { width: auto; color: $text-muted; padding: 0 1 0 0; }
    Columns Select { width: 1fr; max-width: 26; margin-right: 2; }
    """

    @dataclass
    class Changed(Message):
        """A person chose other columns; `group` empty for none."""

        text: tuple[str, ...]
        label: str
        group: str

    class Several(Message):
        """Several text columns are to be joined: ask which."""

    PARTS: ClassVar[tuple[str, ...]] = ("text", "label", "group")

    def __init__(self) -> None:
        super().__init__(id="columns")
        self._profile: Profile | None = None

    def compose(self) -> ComposeResult:
        """A line that says what comes here."""
        yield Static("text, label and group columns: guessed once the file is read", id="columns-empty")

    async def furnish(self) -> None:
        """Put the choices there, still empty: too heavy for the first frame."""
        for part in self.PARTS:
            label, select = Static(part), Select[Any]([], id=f"column-{part}", compact=True, allow_blank=True)
            label.display = select.display = False
            await self.mount(label, select)

    def show(self, profile: Profile) -> None:
        """Offer this profile's columns, with its own chosen."""
        for child in self.children:
            child.display = child.id != "columns-empty"
        self._profile = profile
        chosen = {"text": profile.text, "label": profile.label, "group": profile.group}
        with self.prevent(Select.Changed):
            for part in self.PARTS:
                select: Select[Any] = self.query_one(f"#column-{part}", Select)
                select.set_options(self._options(part, profile))
                offered = {value for _, value in self._options(part, profile)}
                if chosen[part] in offered:
                    select.value = chosen[part]
                else:  # none was found: a person picks one
                    select.clear()

    @staticmethod
    def _options(part: str, profile: Profile) -> list[tuple[Any, Any]]:
        if part == "text":
            several = [profile.text] if len(profile.text) > 1 else []
            texts = [
                (Content(safe(" + ".join(names))), names) for names in [*((c,) for c in profile.columns), *several]
            ]
            return [*texts, *([(Content("several…"), SEVERAL)] if len(profile.columns) > 1 else [])]
        names = list(profile.columns) if part == "label" else [NONE, *profile.columns]
        return [(Content(safe(name)) if name else Content("none"), name) for name in names]

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        now = self._profile
        if now is None or event.value is Select.NULL:
            return
        values: dict[str, Any] = {"text": now.text, "label": now.label, "group": now.group}
        part = str(event.select.id).removeprefix("column-")
        if event.value == SEVERAL:
            self.show(now)  # what is in force, until other columns are
            self.post_message(self.Several())
            return
        if values[part] != event.value:
            values[part] = event.value
            self.post_message(self.Changed(**values))

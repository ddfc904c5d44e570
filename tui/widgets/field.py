"""Text fields of ours: one line, no blinking cursor, and one that opens what is pasted into it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widgets import Input

from core.text import safe
from tui.sources import given_path, pasted_path


class Field(Input):
    """One line of text; `enter` commits. Text is never highlighted, and what could act on a terminal is taken out."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """The value as it is shown and read: `Input` paints it as it is."""
        return safe(value)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # else `Input` would put it in once more
        text = safe(event.text.strip("\r\n"))
        if self.selection.is_empty:
            self.insert_text_at_cursor(text)
        else:
            self.replace(text, *self.selection)

    @dataclass
    class Left(Message):
        """The focus went elsewhere."""

        field: Field

        @property
        def control(self) -> Field:
            """For `@on` with a selector."""
            return self.field

    def on_blur(self) -> None:
        """Tell whoever put the field there."""
        self.post_message(self.Left(self))


class PathField(Field):
    """A place for a path: `enter` opens it, and so does pasting one that exists."""

    @dataclass
    class Opened(Message):
        """Open this source, as it was given."""

        given: str

    def _on_paste(self, event: events.Paste) -> None:
        if path := pasted_path(event.text):
            event.stop()
            event.prevent_default()
            self.value = ""
            self.post_message(self.Opened(path))
        elif not self.value and (path := given_path(event.text)):  # it stays in the field, to be corrected
            self.post_message(self.Opened(path))

    async def action_submit(self) -> None:
        """Open what was typed."""
        given = self.value.strip()
        if given:
            self.post_message(self.Opened(given_path(given) or given))

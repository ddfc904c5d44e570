"""What lies over a room for a moment: errors, the quit question, the go strip, help, a text to read."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Button, Static

from core.config import problem_with
from core.errors import WorkbenchError
from core.text import safe
from tui.advice import here
from tui.keys import KEYS, ROOMS, shown
from tui.widgets.field import Field


class Dialog(ModalScreen[ScreenResultType | None]):
    """A frame with a title in the middle of the screen; `esc` leaves with no answer."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("ctrl+q,ctrl+c", "app.quit", show=False),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._frame_title = safe(title)

    def compose(self) -> ComposeResult:
        """The frame; `content` fills it."""
        with Vertical(id="dialog") as frame:
            frame.border_title = Content(self._frame_title)
            yield from self.content()

    def content(self) -> ComposeResult:
        """What is inside the frame."""
        yield from ()

    def action_leave(self) -> None:
        """Leave with no answer."""
        self.dismiss(None)


class Question(Dialog[str]):
    """A question with two or more answers as buttons; the first is the default. Results in the id of the answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, text: str, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__(title)
        self._text, self._answers = text, answers

    def content(self) -> ComposeResult:
        """The text and the buttons."""
        yield Static(Content(safe(self._text, newlines=True)))
        with Horizontal(id="buttons"):
            for place, (name, label) in enumerate(self._answers):
                yield Button(label, id=name, compact=True, variant="primary" if place == 0 else "default")
        yield Static(Content.styled("enter chooses · ← → move · esc stays", "$foreground-muted"), id="question-keys")

    def on_mount(self) -> None:
        """The default answer has the focus."""
        self.query(Button).first().focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id)


class NumberDialog(Dialog[int]):
    """Asks for a whole number: that of the setting at `path`, whose bounds hold. Results in it."""

    def __init__(self, title: str, text: str, path: str, number: int) -> None:
        super().__init__(title)
        self._text, self._path, self._number = text, path, number

    def content(self) -> ComposeResult:
        """The text, the field, what is wrong with it."""
        yield Static(Content(safe(self._text)))
        yield Field(str(self._number), id="number")
        yield Static(Content(" "), id="says")
        yield Static(Content.styled("enter trains · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """What is typed takes the place of the proposal."""
        field = self.query_one(Field)
        field.focus()
        field.select_all()

    def _problem(self, text: str) -> str:
        if not (text.isascii() and text.isdigit()):
            return "a whole number"
        return problem_with(self._path, int(text[:18]))

    @on(Field.Changed)
    def _typed(self, event: Field.Changed) -> None:
        self.query_one("#says", Static).update(Content.styled(self._problem(event.value.strip()) or " ", "$text-error"))

    @on(Field.Submitted)
    def _entered(self, event: Field.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if not self._problem(text):
            self.dismiss(int(text))


_TITLE = 54
"""Cells that a title has in the frame of a dialog."""


class ErrorDialog(Dialog[None]):
    """What went wrong, and what to do about it."""

    DEFAULT_CLASSES = "error"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "leave", show=False)]

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__(f"✗ {error.title}")
        self.error = error

    def content(self) -> ComposeResult:
        """The title once more where the frame is too narrow for it, the message, then the next step."""
        if cell_len(self._frame_title) > _TITLE:
            yield Static(Content.styled(self._frame_title.removeprefix("✗ "), "bold"), id="whole-title")
        if self.error.message:
            yield Static(Content(safe(self.error.message, newlines=True)), id="message")
        if self.error.next_step:
            yield Static(
                Content.assemble(("Next: ", "bold"), safe(here(self.error.next_step), newlines=True)), id="next-step"
            )
        yield Static(Content.styled("enter or esc to go back", "$foreground-muted"))


class TextDialog(Dialog[None]):
    """A text to read, to scroll and to select; plain, line by line."""

    DEFAULT_CLASSES = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "leave", show=False)]

    def __init__(self, title: str, text: str, note: str = "") -> None:
        super().__init__(title)
        self._text, self._note = text, note

    def content(self) -> ComposeResult:
        """The text, then what to say about it."""
        with VerticalScroll(id="text"):
            yield Static(Content(safe(self._text, newlines=True)))
        yield Static(Content.styled(self._note or "enter or esc to go back", "$foreground-muted"))

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#text").focus()


_UNTABLED = {"try": [("shift+tab", "Model", "From the field to the choice of the model; enter opens it")]}
"""Ways that every terminal program has, told where they are not obvious: (keys, label, text) by room."""


class HelpDialog(Dialog[None]):
    """All keys, from the key table: those of this room first."""

    DEFAULT_CLASSES = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q,question_mark", "leave", show=False)]

    def __init__(self, room: str) -> None:
        super().__init__("Keys")
        self._room = room

    def content(self) -> ComposeResult:
        """One line per key, grouped by where it works."""
        with VerticalScroll(id="text"):
            yield Static(Content("\n").join(self._lines()))
        yield Static(Content.styled("↑ ↓ pgup pgdn scroll · esc closes", "$foreground-muted"))

    def _lines(self) -> list[Content]:
        lines, width = [], max(self.app.size.width * 9 // 10 - 9, 50)
        for room in [self._room, "everywhere", *(name for name in ROOMS if name != self._room)]:
            keys = [key for key in KEYS if any(place.split(".")[0] == room for place in key.rooms)]
            lines.append(Content.styled(ROOMS.get(room, "Everywhere"), "bold underline"))
            told = [(" ".join(map(shown, key.keys.split(","))), key.label, key.tooltip) for key in keys]
            for names, label, text in [*told, *_UNTABLED.get(room, ())]:
                hanging = ("\n" + " " * 37).join(textwrap.wrap(text, max(width - 37, 12)))
                lines.append(
                    Content.assemble((f"  {names:<15} ", "bold"), f"{label:<18} ", (hanging, "$foreground-muted"))
                )
            lines.append(Content(""))
        lines.append(Content("In a text field keys are text: enter commits, esc leaves, ctrl+g goes anywhere."))
        return lines

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#text").focus()


class GoStrip(ModalScreen[str | None]):
    """`ctrl+g`: one line at the bottom; the next key says where to. Results in an action's name, or nothing."""

    CHOICES: ClassVar[dict[str, str]] = {
        **{str(number): f"go('{room}')" for number, room in enumerate(ROOMS, 1)},
        "p": "command_palette", "question_mark": "help", "q": "quit",
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__(id="go-strip")

    def compose(self) -> ComposeResult:
        """The line."""
        rooms = "  ".join(f"{number} {name}" for number, name in enumerate(ROOMS.values(), 1))
        yield Static(Content(f" {rooms}  p palette  ? help  q quit  esc"))

    def on_key(self, event: events.Key) -> Any:
        """Any other key goes back."""
        event.stop()
        event.prevent_default()
        self.dismiss(self.CHOICES.get(event.key))

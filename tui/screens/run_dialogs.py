"""What is asked about one run of the list: its tags, its note, its name; each is one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from core.errors import RunError
from core.runs import Summary
from core.runs.names import check_name
from core.runs.notes import LONGEST_NOTE, tags_in
from core.text import safe
from tui import format as fmt
from tui.screens.modals import Dialog
from tui.widgets.field import Field

_WIDE = 56


class LineDialog(Dialog[str]):
    """One line to type; results in it. `check` says what is wrong with what was typed, empty when nothing is."""

    def __init__(self, title: str, text: str, value: str, check: Callable[[str], str], verb: str) -> None:
        super().__init__(title)
        self._text, self.before, self._check, self._verb = text, value, check, verb

    def content(self) -> ComposeResult:
        """The text, the field, what is wrong with it."""
        yield Static(Content(safe(self._text)))
        yield Field(self.before, id="line")
        yield Static(Content(" "), id="says")
        yield Static(Content.styled(f"enter {self._verb} · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """What is there is changed more often than replaced."""
        self.query_one(Field).focus()

    @on(Field.Changed)
    def _typed(self, event: Field.Changed) -> None:
        told = self._check(event.value.strip()) or " "
        self.query_one("#says", Static).update(Content.styled(fmt.fit(safe(told), _WIDE), "$text-error"))

    @on(Field.Submitted)
    def _entered(self, event: Field.Submitted) -> None:
        event.stop()
        if not self._check(event.value.strip()):
            self.dismiss(event.value.strip())


def tags_dialog(run: Summary, everyone: Iterable[Summary]) -> LineDialog:
    """The tags of `run`; those that other runs have are told, the commonest first."""
    counts = Counter(tag for one in everyone for tag in one.tags)
    known = fmt.fit(safe(" ".join(tag for tag, _ in counts.most_common(20))), _WIDE - 8)
    text = "With a space between them." + (f" In use: {known}" if known else "")
    return LineDialog(f"Tags of {run.name}", text, " ".join(run.tags), _wrong_tags, "saves")


def _wrong_tags(text: str) -> str:
    return _problem(lambda: tags_in(text.split()))


def note_dialog(run: Summary) -> LineDialog:
    """The note of `run`; lines that the shell has put into one become one line."""
    return LineDialog(
        f"Note about {run.name}", "Empty takes it away.", " ".join(run.note.split()), _wrong_note, "saves"
    )


def _wrong_note(text: str) -> str:
    return f"{len(text)} characters; {LONGEST_NOTE} at most" if len(text) > LONGEST_NOTE else ""


def name_dialog(run: Summary, everyone: Iterable[Summary]) -> LineDialog:
    """Another name for `run`; that of another run is refused while it is typed."""
    taken = {one.name for one in everyone} - {run.name}

    def wrong(text: str) -> str:
        return "A run of this name is there already" if text in taken else _problem(lambda: check_name(text))

    return LineDialog(f"Rename {run.name}", "Runs made from it follow.", run.name, wrong, "renames")


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except RunError as wrong:
        return f"{wrong.title}. {wrong.message}" if len(wrong.title) < 24 else wrong.title
    return ""

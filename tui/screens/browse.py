"""A dialog that picks a file or a folder: the list of `textual-fspicker`, with names that cannot act on a terminal."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static
from textual.worker import get_current_worker
from textual_fspicker.parts import DirectoryNavigation
from textual_fspicker.parts.directory_navigation import DirectoryEntry
from textual_fspicker.safe_tests import is_dir, is_file, is_symlink

from core.config import DataConfig
from core.paths import expanded
from core.text import safe
from tui import format as fmt
from tui.screens.modals import Dialog
from tui.widgets.field import Field

SUFFIXES = (
    ".csv", ".tsv", ".tab", ".txt", ".jsonl", ".json", ".ndjson", ".parquet", ".pq",
    ".gz", ".gzip", ".bz2", ".xz", ".zip", ".tar", ".tgz", ".tbz2", ".txz",
)  # fmt: skip
"""What is listed: the kinds of files that can be read, and those that they are packed in."""


class Entry(DirectoryEntry):
    """One line of the list."""

    @classmethod
    def _name(cls, location: Path) -> Text:
        return Text.assemble(safe(location.name), " ", cls.LINK_ICON if is_symlink(location) else "")


class Files(DirectoryNavigation):
    """Folders and data files. A folder that vanishes or may not be read is an empty one, said so by a message."""

    def hide(self, path: Path) -> bool:
        """Whether this entry is left out: hidden ones, and files that are no data."""
        return super().hide(path) or (path.suffix.lower() not in SUFFIXES and is_file(path))

    @work(exclusive=True, thread=True)
    def _load(self) -> None:
        worker, styles, found = get_current_worker(), self._styles, list[DirectoryEntry]()
        try:
            for place in self._location.iterdir():
                if worker.is_cancelled:
                    return
                with suppress(OSError):  # it is gone again, or may not be looked at
                    if is_dir(place) or is_file(place):
                        found.append(Entry(place, styles))
        except OSError:
            self.post_message(self.PermissionError(self, self._location))
        self._entries = found
        self.app.call_from_thread(self._repopulate_display)


class FileDialog(Dialog[Path]):
    """Results in a path, or nothing. `enter` on a file takes it; other files are named in the field.

    A folder holds data too: one file per part, or a folder of texts per class. A button takes the one on show.
    """

    CSS_PATH = "../styles/browse.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("full_stop", "hidden", show=False)]

    def __init__(self, place: Path) -> None:
        super().__init__("Open a file")
        self._place = place

    def content(self) -> ComposeResult:
        """Where we are, the list, the field."""
        yield Static("", id="place")
        yield Files(self._place)
        with Horizontal(id="named"):
            yield Field(placeholder="or the name of any file", id="name")
            yield Button("Open", id="select", compact=True)
            yield Button("This folder", id="folder", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(Files).focus()

    def on_resize(self) -> None:
        """The place is cut for the width."""
        self.call_after_refresh(self._say_place)

    @on(DirectoryNavigation.Changed)
    def _say_place(self) -> None:
        label = self.query_one("#place", Static)
        room = label.content_size.width or self.app.size.width - 8
        label.update(Content(fmt.fit(safe(self.query_one(Files).location), room, keep_end=True)))
        self._say()

    def _say(self, text: str = "") -> None:
        self.query_one("#dialog").border_subtitle = Content(safe(text))

    @on(DirectoryNavigation.PermissionError)
    def _cannot_read(self) -> None:
        self._say("this folder cannot be read")

    @on(DirectoryNavigation.Selected)
    def _chosen(self, event: DirectoryNavigation.Selected) -> None:
        self.dismiss(event.path)

    @on(Input.Submitted)
    @on(Button.Pressed, "#select")
    def _named(self) -> None:
        given = self.query_one("#name", Field).value.strip()
        files = self.query_one(Files)
        if not given:
            self._say("a name is wanted")
            return
        try:
            path = (files.location / expanded(given)).resolve()
            is_folder, is_there = path.is_dir(), path.exists()
        except (OSError, RuntimeError, ValueError) as broken:
            self._say(str(broken))
            return
        if is_folder:
            files.location = path
            files.focus()
            self.query_one("#name", Field).value = ""
        elif is_there:
            self.dismiss(path)
        else:
            self._say("there is no such file")

    @on(Button.Pressed, "#folder")
    def _folder(self) -> None:
        self.dismiss(self.query_one(Files).location)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)

    def action_hidden(self) -> None:
        """Show or leave out what begins with a dot."""
        self.query_one(Files).toggle_hidden()


def choose_file(now: DataConfig | None) -> FileDialog:
    """The dialog, beginning where the present file lies."""
    place = Path(now.source).parent if now is not None and Path(now.source).is_absolute() else Path.home()
    return FileDialog(place if is_dir(place) else Path.home())

"""The settings as a list: name, value, sentence. `enter` edits in place, checked while you type; `space` switches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList

from core.config import RunConfig, is_tuple, parse, settings, spec_of, type_of
from core.errors import ConfigError
from core.text import safe
from tui.format import cell
from tui.keys import bindings
from tui.widgets.field import Field
from tui.widgets.option_rows import OptionRows

NAME = 26
VALUE = 18
"""Cells of a setting's name and of its value."""

_STOP = ("training.epochs", "training.metric", "training.patience")
_WHERE = ("training.device", "training.precision", "training.threads")


def groups() -> list[tuple[str, list[str]]]:
    """The shown settings under the headings people look for."""
    paths = [path for path, _, spec in settings() if spec.shown]
    special = {*_STOP, *_WHERE}
    found = [
        (section.capitalize(), [p for p in paths if p.startswith(f"{section}.") and p not in special])
        for section in dict.fromkeys(path.split(".")[0] for path in paths)
    ]
    found.append(("When to stop", [path for path in _STOP if path in paths]))
    found.append(("Where to run", [path for path in _WHERE if path in paths]))
    return [(title, members) for title, members in found if members]


def written(value: Any) -> str:
    """A value as people type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def name_of(path: str) -> str:
    """`learning rate`."""
    return path.split(".")[1].replace("_", " ")


def sentence_of(path: str) -> str:
    """What a setting means, and its bounds."""
    spec = spec_of(path)
    return f"{spec.sentence} ({bounds})" if (bounds := spec.bounds()) else spec.sentence


class SettingRows(OptionRows):
    """The list itself. Changed values stand in bold with a dot, so that what differs from the defaults is seen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("configure", "settings")

    @dataclass
    class Wanted(Message):
        """Edit this setting, or take its next value when `switch`."""

        path: str
        switch: bool

    def __init__(self) -> None:
        super().__init__(id="settings", markup=False)
        self.config = RunConfig()
        self.paths: list[str] = []
        for title, members in groups():
            self.paths += [f"#{title}", *members]
        self.headings = frozenset(at for at, path in enumerate(self.paths) if path.startswith("#"))

    def show(self, config: RunConfig) -> None:
        """Show these values."""
        if config != self.config or not self.option_count:
            self.config = config
            self.draw()

    def lines(self, width: int) -> Sequence[Content]:
        """`  learning rate    1e-4    Peak learning rate of AdamW. (1e-08 to 1)`, or as much as fits."""
        found = []
        default = RunConfig()
        for path in self.paths:
            if path.startswith("#"):
                found.append(Content.styled(path[1:], "bold $text-primary"))
                continue
            value = self.config.get(path)
            changed = value != default.get(path)
            style = "bold $text-accent" if changed else "bold"
            room = width - NAME - VALUE - 3
            notes = (sentence_of(path), spec_of(path).sentence, spec_of(path).bounds(), "")
            note = next(text for text in notes if len(text) <= max(room, 0))
            found.append(
                Content.assemble(
                    f"  {cell(name_of(path), NAME - 2)}", ("•" if changed else " ", "$text-accent"),
                    (cell(safe(written(value)), VALUE) + "  ", style), (note, "$foreground-muted"),
                )
            )  # fmt: skip
        return found

    def here(self) -> str:
        """The setting under the cursor; empty when there is none."""
        at = self.highlighted
        return self.paths[at] if at is not None and at not in self.headings else ""

    def action_open(self) -> None:
        """Edit."""
        if path := self.here():
            self.post_message(self.Wanted(path, switch=False))

    def action_switch(self) -> None:
        """The next value of a choice."""
        if path := self.here():
            self.post_message(self.Wanted(path, switch=True))


class ConfigForm(Container):
    """The list, and a field that lies over the value which is being edited."""

    DEFAULT_CSS = """
    ConfigForm { layers: base over; height: 1fr; }
    ConfigForm > #settings { layer: base; height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    ConfigForm > #editor { layer: over; position: absolute; display: none; height: 1; background: $primary 35%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "revert", show=False)]

    @dataclass
    class Changed(Message):
        """A setting has this value now."""

        path: str
        value: Any

    @dataclass
    class Said(Message):
        """What is to be said about the setting under the cursor, and whether it is a complaint."""

        text: str
        is_problem: bool

    def __init__(self) -> None:
        super().__init__(id="form")
        self._editing = ""
        self._before: Any = None
        self.devices: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """The list and the hidden field."""
        yield SettingRows()
        yield Field(id="editor")

    def show(self, config: RunConfig) -> None:
        """Show these values."""
        self.query_one(SettingRows).show(config)
        if self._editing:
            self.call_after_refresh(self._place)

    @property
    def complaint(self) -> str:
        """What is wrong with the value under edit; empty when nothing is."""
        if not self._editing:
            return ""
        try:
            parse(self._editing, self.query_one("#editor", Field).value)
        except ConfigError as wrong:
            return wrong.title
        return ""

    def _choices(self, path: str) -> tuple[str, ...]:
        if path == "training.device":
            return ("auto", *self.devices) if self.devices else ()
        return ("no", "yes") if type_of(path) is bool else spec_of(path).choices

    @on(SettingRows.Wanted)
    def _wanted(self, message: SettingRows.Wanted) -> None:
        message.stop()
        choices, now = self._choices(message.path), self.query_one(SettingRows).config.get(message.path)
        if choices:
            at = choices.index(written(now)) + 1 if written(now) in choices else 0
            self._set(message.path, parse(message.path, choices[at % len(choices)]))
        elif not message.switch:
            self._edit(message.path, now)

    def _set(self, path: str, value: Any) -> None:
        self.post_message(self.Changed(path, value))
        self._say(path)

    def _edit(self, path: str, value: Any) -> None:
        rows, editor = self.query_one(SettingRows), self.query_one("#editor", Field)
        wide = type_of(path) is str or is_tuple(type_of(path))
        editor.styles.width = rows.size.width - NAME if wide else VALUE + 2
        self._editing, self._before = path, value
        self._place()
        with self.prevent(Input.Changed):
            editor.value = written(value)
        editor.display = True
        editor.focus()
        editor.action_select_all()

    def _place(self) -> None:
        """Lay the field over its value, wherever the list has scrolled to."""
        if self._editing:
            rows = self.query_one(SettingRows)
            line = rows.paths.index(self._editing) - round(rows.scroll_offset.y)
            self.query_one("#editor", Field).styles.offset = (NAME, line)

    @on(OptionList.OptionSelected, "#settings")
    def _clicked(self) -> None:
        self.query_one(SettingRows).action_open()

    @on(OptionList.OptionHighlighted, "#settings")
    def _moved(self) -> None:
        if not self._editing and (path := self.query_one(SettingRows).here()):
            self._say(path)

    def _say(self, path: str) -> None:
        self.post_message(self.Said(f"{name_of(path)}: {sentence_of(path)}", False))

    @on(Input.Changed, "#editor")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not self._editing:
            return
        try:
            value = parse(self._editing, event.value)
        except ConfigError as wrong:
            self.post_message(self.Changed(self._editing, self._before))  # not the valid beginning of what was typed
            self.post_message(self.Said(f"✗ {wrong.title}", True))
            return
        self._set(self._editing, value)

    @on(Input.Submitted, "#editor")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            parse(self._editing, event.value)
        except ConfigError:
            return  # the complaint stands below; the field stays open
        self._close()

    def action_revert(self) -> None:
        """`esc`: the value is again what it was before."""
        if self._editing:
            self._set(self._editing, self._before)
            self._close()
        else:
            raise SkipAction

    @on(Field.Left, "#editor")
    def _left(self) -> None:
        if self._editing:  # the mouse or ctrl+g took the focus away: the last valid value is in force
            self._close(focus=False)

    def _close(self, focus: bool = True) -> None:
        self._say(self._editing)
        self._editing = ""
        self.query_one("#editor").display = False
        if focus:
            self.query_one(SettingRows).focus()

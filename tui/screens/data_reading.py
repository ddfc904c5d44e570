"""How a file is read: every decision with its reason, and the settings that override it."""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, OptionList, Static

from core.config import DataConfig, absolute_source, spec_of
from core.errors import WorkbenchError
from core.text import safe
from tui.facts import Profile
from tui.format import cell, fit
from tui.screens.data_dialogs import PickDialog, RuleRows, told
from tui.screens.modals import Dialog
from tui.sources import given_path, short
from tui.widgets.option_rows import OptionRows

Complaint = Callable[[DataConfig], Awaitable[WorkbenchError | None]]

SETTINGS = (
    "encoding", "delimiter", "header", "quoting", "text", "label", "group", "time", "validation_file", "test_file",
)  # fmt: skip
"""Fields of `DataConfig` that say how the data is read, as they are listed."""

_ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1251", "shift_jis", "gb18030")
_DELIMITERS = ((",", "comma"), (";", "semicolon"), ("tab", "tab"), ("|", "pipe"))
_AUTO = "\0auto"
_BROWSE = "\0browse"
"""Values that no setting has."""

NAME, VALUE = 19, 20
"""Cells of a setting's name and of its value."""


class ReadingRows(OptionRows):
    """The settings: what is in force, by whose will, and why; then what else was decided."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *RuleRows.BINDINGS,
        Binding("space", "select", show=False),
    ]

    def __init__(self, data: DataConfig, profile: Profile | None) -> None:
        super().__init__(id="settings", markup=False)
        self.data, self._begun, self._profile = data, data, profile
        self._reasons: list[str] = []

    def show(self, data: DataConfig) -> None:
        """Show these values."""
        self.data = data
        self.draw()

    def here(self) -> str:
        """The setting under the cursor; empty on what cannot be set."""
        at = self.highlighted or 0
        return SETTINGS[at] if at < len(SETTINGS) else ""

    def reason(self) -> str:
        """What was decided on the line under the cursor, and why, in full."""
        at = self.highlighted or 0
        return self._reasons[at] if at < len(self._reasons) else ""

    def lines(self, width: int) -> list[Content]:
        """`encoding   utf-8   every byte is valid UTF-8`; a value that a person set has a dot."""
        decided = {what.removesuffix(" column"): (value, reason) for what, value, reason in self._told()}
        others = [one for one in self._told() if one[0].removesuffix(" column") not in SETTINGS]
        self._reasons = [": ".join(part for part in decided.get(name, ()) if part) for name in SETTINGS]
        self._reasons += [f"{what} {value}: {reason}" for what, value, reason in others]
        found = [self._line(name, decided.get(name, ("", "")), width) for name in SETTINGS]
        for what, value, reason in others:
            text = fit(f"  {cell(safe(what), NAME - 2)}{safe(value)} · {safe(reason)}", width)
            found.append(Content.styled(text, "$foreground-muted"))
        return found

    def _told(self) -> tuple[tuple[str, str, str], ...]:
        return self._profile.reading if self._profile else ()

    def _line(self, name: str, decided: tuple[str, str], width: int) -> Content:
        now = getattr(self.data, name)
        is_set = now not in ("", (), "auto")
        value, note = decided
        if is_set or now != getattr(self._begun, name):
            value = written(name, now) if is_set else "auto"
            note = "" if now != getattr(self._begun, name) else note
        unsaid = "none" if name in ("group", "time", "validation_file", "test_file") else "auto"
        return Content.assemble(
            f"  {cell(name.replace('_', ' '), NAME - 3)}", ("•" if is_set else " ", "$text-accent"),
            (cell(safe(value or unsaid), VALUE - 1), "bold $text-accent" if is_set else "bold"), " ",
            (fit(safe(note), max(width - NAME - VALUE, 0)), "$foreground-muted"),
        )  # fmt: skip


def written(name: str, value: Any) -> str:
    """A value as it is shown."""
    if name == "text":
        return " + ".join(value)
    if name.endswith("_file"):
        return short(value, VALUE - 2)
    return dict(_DELIMITERS).get(value, value) if name == "delimiter" else str(value)


class ReadingDialog(Dialog[DataConfig]):
    """Results in the data read otherwise, once it was found that it can be."""

    DEFAULT_CLASSES = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "apply", show=False)]

    def __init__(self, data: DataConfig, profile: Profile | None, complaint: Complaint, at: str = "") -> None:
        super().__init__(f"Reading {short(data.given or data.source, 50)}")
        self._data, self._profile, self._complaint, self._at = data, profile, complaint, at

    def content(self) -> ComposeResult:
        """The settings, the sentence of one, the buttons."""
        yield ReadingRows(self._data, self._profile)
        yield Static("", id="says")
        with Horizontal(id="buttons"):
            yield Button("Apply  ctrl+s", id="apply", variant="primary", compact=True)
            yield Button("Cancel  esc", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Begin in the list, on what was asked for."""
        self.query_one("#dialog").border_subtitle = "enter changes a setting"
        self.query_one(ReadingRows).focus()
        if self._at:
            self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.query_one(ReadingRows).highlighted = SETTINGS.index(self._at)
        self._pick(self._at)

    @on(OptionList.OptionHighlighted, "#settings")
    def _moved(self) -> None:
        rows = self.query_one(ReadingRows)
        reason = rows.reason()
        text = (
            spec_of(f"data.{rows.here()}").sentence if rows.here() else "Decided while reading; nothing here sets it."
        )
        self.query_one("#says", Static).update(
            Content.assemble(safe(reason), "\n" if reason else "", (text, "$foreground-muted"))
        )

    @on(OptionList.OptionSelected, "#settings")
    def _wanted(self) -> None:
        if name := self.query_one(ReadingRows).here():
            self._pick(name)

    # One setting

    @work(exclusive=True, group="pick")
    async def _pick(self, name: str) -> None:
        rows = self.query_one(ReadingRows)
        picked = await self.app.push_screen_wait(self._question(name, getattr(rows.data, name)))
        if picked == (_BROWSE,):
            from tui.screens.browse import choose_file

            file = await self.app.push_screen_wait(choose_file(rows.data))
            picked = (str(file),) if file else None
        if picked is None:
            return
        value, wrong = self._value(name, picked)
        if wrong:
            self.query_one("#says", Static).update(Content.styled(f"✗ {safe(wrong)}", "bold $text-error"))
        else:
            rows.show(replace(rows.data, **{name: value}))

    def _question(self, name: str, now: Any) -> PickDialog:
        """The values that this setting can have."""
        title = name.replace("_", " ").capitalize()
        detected = (_AUTO, "auto: detected")
        columns = [(one, one) for one in self._profile.columns] if self._profile else []
        chosen = now if isinstance(now, tuple) else (now or _AUTO,)
        if name == "text":
            shown = now or (self._profile.text if self._profile else ())
            return PickDialog(title, columns, shown, several=True, free="" if columns else "the name of a column")
        if name in ("label", "group", "time"):
            first = (_AUTO, "auto: guessed" if name == "label" else "none")
            return PickDialog(title, [first, *columns], chosen, free="" if columns else "the name of a column")
        if name == "encoding":
            options = [detected, *((one, one) for one in _ENCODINGS)]
            return PickDialog(title, options, chosen, free="another, by its name")
        if name == "delimiter":
            return PickDialog(title, [detected, *_DELIMITERS], chosen, free="another, one character")
        if name.endswith("_file"):
            options = [(_AUTO, "none"), (_BROWSE, "Browse…")]
            return PickDialog(title, options, chosen, free="a path: type or paste")
        return PickDialog(title, [(one, one) for one in spec_of(f"data.{name}").choices], chosen)

    def _value(self, name: str, picked: tuple[str, ...]) -> tuple[Any, str]:
        """(the value, what is wrong with it)."""
        if name == "text":
            return picked, ""
        value = "" if picked[0] == _AUTO else picked[0]
        if name.endswith("_file") and value:
            value = absolute_source(given_path(value) or value)
        if name == "delimiter" and len(value) > 1 and value != "tab":
            return value, f"{value!r} is more than one character"
        if name == "encoding" and value and not _is_encoding(value):
            return value, f"Python knows no encoding {value!r}"
        return value, ""

    # All of them

    @on(Button.Pressed, "#apply")
    def action_apply(self) -> None:
        """`ctrl+s`: try it on the data; the dialog stays open while that cannot be."""
        self._apply()

    @work(exclusive=True, group="apply")
    async def _apply(self) -> None:
        data = self.query_one(ReadingRows).data
        if data == self._data:
            self.dismiss(None)
            return
        says = self.query_one("#says", Static)
        says.update(Content(f"reading {safe(Path(data.source).name)}…"))
        error = await self._complaint(data)
        if error is None:
            self.dismiss(data)
        else:
            says.update(told(error))

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except LookupError:
        return False

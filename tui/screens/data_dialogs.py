"""The Data room's small dialogs: another name for a class, a cure from the list of all, one value of several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core.errors import WorkbenchError
from core.text import safe
from tui.advice import here
from tui.facts import ClassCount, Rule
from tui.format import cell, count, fit
from tui.screens.modals import Dialog
from tui.widgets.cure_words import rename_rule
from tui.widgets.field import Field
from tui.widgets.option_rows import OptionRows

Complaint = Callable[[str], Awaitable[WorkbenchError | None]]
"""What is wrong with a cure for the data on show; nothing when it can be used."""


def told(error: WorkbenchError) -> Content:
    """What is wrong, as a dialog says it below a field."""
    more = " ".join(text for text in (error.message, here(error.next_step)) if text)
    return Content.assemble((f"✗ {safe(error.title)}", "bold $text-error"), f"\n{safe(more)}" if more else "")


class RenameDialog(Dialog[str]):
    """Results in the rule that renames a class, or merges it into another."""

    def __init__(self, name: str, classes: Sequence[ClassCount]) -> None:
        super().__init__("Rename a class")
        self._old = name
        self._known = {safe(one.name): one for one in classes}

    def content(self) -> ComposeResult:
        """The question, the field, what will happen."""
        rows = self._known[safe(self._old)].rows if safe(self._old) in self._known else 0
        yield Static(Content(f"Another name for '{safe(self._old)}' ({count(rows)} rows):"))
        yield Field(placeholder="a new name, or that of another class to merge them", id="name")
        yield Static(Content(" "), id="says")
        yield Static(Content.styled("enter does it · → takes the name that is offered · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """The field has the focus, and offers the names of the other classes."""
        field = self.query_one(Field)
        others = [name for name in self._known if name != safe(self._old)]
        field.suggester = SuggestFromList(others, case_sensitive=False)
        field.focus()
        self._say("")

    def _say(self, new: str) -> bool:
        """Tell what this name would do; whether it does anything."""
        other = self._known.get(new)
        if not new:
            text = ", ".join(name for name in self._known if name != safe(self._old))
            said = Content.styled(fit(f"Others: {text}", 56), "$foreground-muted")
        elif new == safe(self._old):
            said = Content.styled("That is its name already.", "$text-warning")
        elif other is not None:
            rows = other.rows + self._known[safe(self._old)].rows
            said = Content.assemble(
                ("merges ", "bold $text-accent"), f"the two: '{fit(new, 24)}' gets {count(rows)} rows"
            )
        else:
            said = Content("renames the class")
        self.query_one("#says", Static).update(said)
        return bool(new) and new != safe(self._old)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._say(event.value.strip())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        new = event.value.strip()
        if self._say(new):
            self.dismiss(rename_rule(self._old, self._known[new].name if new in self._known else new))


class RuleRows(OptionRows):
    """All rules: name and sentence."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False), Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False), Binding("G", "last", show=False),
    ]  # fmt: skip

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(id="rules", markup=False)
        self.rules = rules

    def lines(self, width: int) -> list[Content]:
        """`drop-rare    Leave classes with fewer than N rows out.`"""
        name = max(len(safe(one.name)) for one in self.rules) + 2
        return [
            Content.assemble((cell(safe(one.name), name), "bold"), fit(safe(one.sentence), max(width - name, 8)))
            for one in self.rules
        ]

    def here(self) -> Rule:
        """The rule under the cursor."""
        return self.rules[self.highlighted or 0]


class CureDialog(Dialog[str]):
    """Results in a cure that was tried on the data and can be used."""

    DEFAULT_CLASSES = "wide"

    def __init__(self, rules: Sequence[Rule], complaint: Complaint) -> None:
        super().__init__("Add a cure")
        self._offered, self._complaint = rules, complaint

    def content(self) -> ComposeResult:
        """The rules, what is written behind the colon, what is wrong with it."""
        yield RuleRows(self._offered)
        yield Static("", id="shape")
        yield Field(id="argument")
        yield Static("", id="says")
        yield Static(Content.styled("enter chooses, and tries it on the data · esc", "$foreground-muted"), id="keys")

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(RuleRows).focus()
        self.query_one(Field).display = False

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        rule = self.query_one(RuleRows).here()
        self.query_one("#shape", Static).update(
            Content.assemble((safe(rule.shape), "bold $text-accent"), "\n", (safe(rule.sentence), "$foreground-muted"))
        )
        self._say(None)

    def _say(self, error: WorkbenchError | None, text: str = "") -> None:
        self.query_one("#says", Static).update(told(error) if error else Content(text))

    @on(OptionList.OptionSelected)
    def _chosen(self) -> None:
        rule, field = self.query_one(RuleRows).here(), self.query_one(Field)
        if not rule.example:
            self._try(rule.name)
            return
        field.value = ""
        field.placeholder = f"for example {rule.example}" + ("" if rule.needs else " (or nothing)")
        field.display = True
        field.focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        rule, argument = self.query_one(RuleRows).here(), event.value.strip()
        self._try(f"{rule.name}:{argument}" if argument else rule.name)

    @work(exclusive=True)
    async def _try(self, cure: str) -> None:
        """Refuse it here, with the reason, or take it."""
        self._say(None, f"trying {safe(cure)}…")
        error = await self._complaint(cure)
        if error is None:
            self.dismiss(cure)
        else:
            self._say(error)

    def action_leave(self) -> None:
        """Out of the field, then out of the dialog."""
        field = self.query_one(Field)
        if field.has_focus:
            field.display = False
            self._say(None)
            self.query_one(RuleRows).focus()
        else:
            self.dismiss(None)


class PickRows(OptionList):
    """The values to pick from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *RuleRows.BINDINGS,
        Binding("space", "mark", show=False),
    ]

    def action_mark(self) -> None:
        """Mark or unmark, where several may be picked."""
        if isinstance(self.screen, PickDialog):
            self.screen.mark()


class PickDialog(Dialog[tuple[str, ...]]):
    """Results in the values that were picked: one, or with `several` those marked, in the order of marking.

    `free`: what may be typed instead, in words; empty for nothing.
    """

    def __init__(
        self, title: str, options: Sequence[tuple[str, str]], chosen: tuple[str, ...], *,
        several: bool = False, free: str = "",
    ) -> None:  # fmt: skip
        super().__init__(title)
        self._options, self._several, self._free = list(options), several, free
        self._marked = [one for one in chosen if one in dict(options)]
        self._other = next((one for one in chosen if one not in dict(options)), "")

    def content(self) -> ComposeResult:
        """The values, a field, the keys."""
        yield PickRows(id="values", markup=False)
        if self._free:
            yield Field(self._other, placeholder=self._free, id="other")
        keys = "space marks, in the order of joining · enter takes them" if self._several else "enter takes it"
        other = " · tab: type another" if self._free else ""
        yield Static(Content.styled(f"{keys}{other} · esc", "$foreground-muted"))

    def on_mount(self) -> None:
        """On what is in force now."""
        names = [name for name, _ in self._options]
        self._draw(names.index(self._marked[0]) if self._marked else 0)
        self.query_one("#other" if self._other else "#values").focus()

    def _draw(self, at: int) -> None:
        rows = self.query_one(PickRows)
        rows.set_options([Option(self._line(name, label)) for name, label in self._options])
        rows.highlighted = at if self._options else None

    def _line(self, name: str, label: str) -> Content:
        place = self._marked.index(name) + 1 if name in self._marked else 0
        mark = (f"[{place}] " if place else "[ ] ") if self._several else ("▸ " if place else "  ")
        return Content.assemble((mark, "bold $text-accent"), (safe(label), "bold" if place else ""))

    def mark(self) -> None:
        """`space`: the value under the cursor joins those marked as the last, or leaves them."""
        at = self.query_one(PickRows).highlighted
        if self._several and at is not None:
            name = self._options[at][0]
            self._marked = [one for one in self._marked if one != name] + ([] if name in self._marked else [name])
            self._draw(at)

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        if self._several:
            self.dismiss(tuple(self._marked) or (self._options[event.option_index][0],))
        else:
            self.dismiss((self._options[event.option_index][0],))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if value := event.value.strip():
            self.dismiss((value,))

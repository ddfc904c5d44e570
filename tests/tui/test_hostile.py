"""No markup from data: every place of the screen that could take a text for markup, and a real terminal."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.launch import child_environment
from core.runs import RunStore
from tests.faults.hostile import ATTACKS, carried, leaks
from tests.terminal.emulator import FINETUI, Terminal
from tests.tui.fake_run import Shape, finished_run

TUI = Path(__file__).parents[2] / "tui"

MARKUP = {
    "Static": 0, "Label": 0, "Button": 0, "Link": 0, "Checkbox": 0, "RadioButton": 0, "Option": 0, "Tab": 0,
    "TabPane": 0, "Collapsible": None, "notify": 0, "update": 0, "add_column": 0, "add_row": None, "add_option": 0,
    "add_options": 0, "from_markup": -1, "set_options": None,
}  # fmt: skip
"""Calls that take a plain string for markup, and which argument that is; None: any, -1: the call itself is refused."""

TITLES = ("border_title", "border_subtitle", "tooltip", "title", "sub_title")
"""Attributes of a widget that take a plain string for markup."""

MARKED_UP = re.compile(r"\[[/@a-zA-Z$#!]")


def is_our_own_words(node: ast.expr) -> bool:
    """Whether the text is written out in the source, so that no data is in it and no bracket opens a tag."""
    if isinstance(node, ast.Constant):
        return not (isinstance(node.value, str) and MARKED_UP.search(node.value))
    if isinstance(node, ast.IfExp):
        return is_our_own_words(node.body) and is_our_own_words(node.orelse)
    return False


def is_a_number_of(node: ast.expr) -> bool:
    """An f-string whose only unknown is `len(...)` holds a number and words of our own."""
    if not isinstance(node, ast.JoinedStr):
        return False
    unknown = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
    known = [one for one in node.values if isinstance(one, ast.Constant)]
    return all(map(is_our_own_words, known)) and all(
        isinstance(one, ast.Call) and getattr(one.func, "id", "") == "len" for one in unknown
    )


def is_content(node: ast.expr) -> bool:
    """`Content(...)`, `Content.styled(...)`, `Text(...)`: what is never read as markup."""
    if isinstance(node, ast.IfExp):
        return is_content(node.body) and is_content(node.orelse)
    if isinstance(node, ast.Call):
        inner = node.func
        while isinstance(inner, ast.Attribute | ast.Call):
            inner = inner.value if isinstance(inner, ast.Attribute) else inner.func
        return isinstance(inner, ast.Name) and inner.id in ("Content", "Text")
    return False


BY_HAND = {
    "modals.py": {"Button(label, id=name, compact=True, variant='primary' if place == 0 else 'default')"},
    "columns.py": {"Static(part)"},
    "run_detail.py": {"self.query_one(f'#{name}').border_title = title"},
    "row_pane.py": {"rows.border_title = data_lines.rows_title(query, page.total)"},
    "run_table.py": {"self.add_column(self._title(key), key=key, width=width)"},
    "data_reading.py": {"says.update(told(error))"},
    "option_rows.py": {"Option(content, disabled=at in self.headings)", "self.set_options(found)"},
    "data_dialogs.py": {
        "Option(self._line(name, label))",
        "self.query_one('#says', Static).update(said)",
        "self.query_one('#says', Static).update(told(error) if error else Content(text))",
    },
}  # fmt: skip
"""Calls whose argument is content, or one of a few words of ours, for a reason that stands elsewhere in the file."""


def suspicious(source: str, by_hand: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every call or title in `source` through which a text could become markup."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt | ast.expr) and ast.unparse(node) in by_hand:
            continue
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Attribute) and target.attr in TITLES and not _plain(node.value):
                yield f"{node.lineno}: {ast.unparse(node)}"
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        at = MARKUP.get(name)
        off = any(one.arg == "markup" and getattr(one.value, "value", True) is False for one in node.keywords)
        if name not in MARKUP or off or at is None:
            continue
        if at == -1 or (len(node.args) > at and _is_text(name, node) and not _plain(node.args[at])):
            yield f"{node.lineno}: {ast.unparse(node)}"


def _plain(node: ast.expr) -> bool:
    return is_our_own_words(node) or is_content(node) or is_a_number_of(node)


def _is_text(name: str, node: ast.Call) -> bool:
    """`update` is also a method of dictionaries: only that of a widget that was asked for, or of `says`, is meant."""
    if name != "update" or not isinstance(node.func, ast.Attribute):
        return True
    owner = ast.unparse(node.func.value)
    return "query_one" in owner or owner in ("says", "label")


def test_no_place_of_the_screen_takes_a_text_for_markup() -> None:
    found = {
        path.name: list(suspicious(path.read_text(encoding="utf-8"), frozenset(BY_HAND.get(path.name, ()))))
        for path in sorted(TUI.rglob("*.py"))
    }
    assert len(found) > 40
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "line",
    [
        "Static(text)", "Static(f'{name} trains')", "self.notify(run.name)", "Button(label)", "Option(name)",
        "self.query_one('#says', Static).update(error.title)", "self.border_title = path.name",
        "frame.border_title = f'log: {path}'", "Content.from_markup(text)", "Static('[bold]x[/]')",
        "table.add_column(name)", "self.notify(Content(a) if b else a)", "Static(safe(text))",
    ],
)  # fmt: skip
def test_such_a_place_would_be_found(line: str) -> None:
    assert list(suspicious(line))


@pytest.mark.parametrize(
    "line",
    [
        "Static('Model', classes='muted')", "Static(Content(text))", "self.notify(text, markup=False)",
        "self.border_title = f'History · {len(found)}'", "Static(Content.styled(a, b))", "found.update(other)",
        "table.add_column(Text(name, justify='right'))", "self.notify('This is done.' if a else 'It is off.')",
    ],
)  # fmt: skip
def test_what_is_fine_is_not(line: str) -> None:
    assert not list(suspicious(line))


def test_lists_of_options_read_no_markup() -> None:
    """An `OptionList` takes its lines for markup unless it is told not to, when it is made."""
    for path in TUI.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            if any(getattr(base, "id", "") in ("OptionRows", "RuleRows") for base in kind.bases):
                assert "markup=False" in ast.unparse(kind) or kind.name in ("RuleRows",), f"{path.name}: {kind.name}"
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if getattr(call.func, "id", "") in ("OptionList", "PickRows", "SelectionList"):
                assert "markup=False" in ast.unparse(call), f"{path.name}:{call.lineno}"


OURS = re.compile(
    rb"\x1b\[[0-9;:]*[mHJKABCDGdhlr]|\x1b\[\?[0-9;$]*[hlp]|\x1b\[[>=<?]?[0-9;]*u|\x1b\[[0-9;]*[nct]|\x1b[78=>]|\x1b\[!p"
    rb"|\x1b\[[0-9;]* q|\x1b\(B|\x1b\]22;[a-z-]*\x07"
)
"""What Textual sends to draw: colours, places, modes, the shape of the mouse's pointer."""

SHELL = "The same from a shell"

SIGNS = [text for text in ATTACKS.values() if len(text) < 200]


def test_nothing_of_the_data_reaches_a_real_terminal_raw(tmp_path: Path) -> None:
    """The whole screen in a pty, on a file of attacks with an attack for a name, and a run with attacks for tags."""
    path = tmp_path / os.fsdecode(b"evil\x1b]0;owned\x07\x1b[31m[red]\xe2\x80\xae.jsonl")
    rows = [{"text": f"{one} {n}", "label": SIGNS[n % 9] + "x"} for n, one in enumerate(SIGNS * 2)]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    run = finished_run(RunStore(tmp_path / "runs"), "otter", shape=Shape(names=tuple(SIGNS[:9]), epochs=1))
    told = {"tags": carried(SIGNS[:20]), "notes": "\x1b]52;c;ZXZpbA==\x07"}
    (run.path / "notes.toml").write_text("".join(f"{name} = {json.dumps(one)}\n" for name, one in told.items()))
    run.log_path.write_text("\n".join(carried(SIGNS)))
    inherited = {name: value for name, value in child_environment().items() if name == "PYTHONPATH"}
    words = [*FINETUI, str(path), "--runs", str(tmp_path / "runs")]
    with Terminal(words, 120, 40, XDG_STATE_HOME=str(tmp_path / "state"), **inherited) as terminal:
        terminal.wait(lambda text: f"{len(rows)} rows" in text and "owned" in text)
        for keys, seen in (
            ("2", "▸2 Configure"),
            ("y", SHELL),
            ("\x1b", "▸2 Configure"),
            ("3", "▸3 Train"),
            ("l", "log: log.txt"),
            ("4", "▸4 Runs"),
            ("\r", "esc"),
            ("1", "▸1 Data"),
        ):
            terminal.send(keys)
            terminal.wait(lambda text, seen=seen: seen in text and (seen == SHELL or SHELL not in text))
        terminal.send("q")
        terminal.wait_end()
    drawn = OURS.sub(b"", terminal.raw)
    sent = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", drawn)
    assert len(sent) == 1  # the command that `y` copies, which the program itself sends
    assert b"ZXZpbA==" not in sent
    rest = re.sub(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07", b"", drawn).decode("utf-8")
    assert leaks(rest, "\r\n") == []
    assert "owned" in rest

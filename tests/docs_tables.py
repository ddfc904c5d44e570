"""The tables of the documentation, made from the code. `python -m tests.docs_tables` writes them; a test compares."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from core.cli import COMMANDS, HIDDEN
from core.config import RunConfig, flag_of, settings
from tui.keys import KEYS, shown

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "data.md")
PACKAGES = ("core", "tui")
INTRO = (
    "Each is an option of `finetui train`, a key in that section of `run.toml`, and (but for `data`) a field "
    "of the Configure room."
)
REST = {
    "runs/": "saved runs live here (ignored by git, but for its README)",
    "tests/": "core/ · tui/ (pilot) · terminal/ (a real pty) · faults/ · benchmarks/",
    "docs/": "pictures, bringing data, and the table of options",
    "Makefile": "make run · make test · make check · make bench · make faults",
    "constraints.txt": "the versions that `make` installs",
}


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows])


def commands() -> str:
    rows = [(f"`finetui {name}`", text) for name, (_, text) in COMMANDS.items() if name not in HIDDEN]
    return _table(
        ("command", "what it does"), [("`finetui [FILE]`", "The screen, on the sample or on that file."), *rows]
    )


def keys() -> str:
    rows = []
    for key in KEYS:
        places = ", ".join(dict.fromkeys(room.split(".")[0] for room in key.rooms))
        names = " ".join(f"`{shown(name)}`" for name in key.keys.split(","))
        rows.append((names, key.tooltip, "each" if len(key.rooms) == 5 else places))
    return _table(("key", "what it does", "where"), rows)


def options() -> str:
    default, sections = RunConfig(), {}
    for path, _, spec in settings():
        if path in ("data.source", "data.given"):
            continue
        value = default.get(path)
        shown_value = "" if value in ("", ()) else f"`{str(value).lower() if isinstance(value, bool) else value}`"
        row = (f"`{flag_of(path)}`", f"`{path.split('.')[1]}`", shown_value, spec.bounds(), spec.sentence)
        sections.setdefault(path.split(".")[0], []).append(row)
    parts = [
        "# Options",
        "",
        INTRO,
        "",
    ]
    for section, rows in sections.items():
        parts += [f"## {section}", "", _table(("option", "key", "default", "bounds", "what it is"), rows), ""]
    return "\n".join(parts)


def _line_of(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n\n")[0].replace("\n", " ").strip()


def tree() -> str:
    """Each package and module with the first sentence of its docstring."""
    lines = ["```"]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py"), key=lambda p: (p.parent, p.name != "__init__.py", p.name)):
            place = path.relative_to(ROOT)
            deep = len(place.parts) - 2
            if path.name == "__init__.py":
                lines.append(f"{'  ' * deep}{place.parent.name + '/':<{24 - 2 * deep}} {_line_of(path)}")
            else:
                lines.append(f"{'  ' * (deep + 1)}{place.name:<{22 - 2 * deep}} {_line_of(path)}")
    lines += [f"{name:<24} {text}" for name, text in REST.items()]
    return "\n".join([*lines, "```"])


def cures() -> str:
    from core.data.cures import catalogue

    return _table(("rule", "what it does"), [(f"`{one['shape']}`", one["sentence"]) for one in catalogue()])


def filled(text: str) -> str:
    """A page with its tables made anew."""
    for name, make in (("commands", commands), ("keys", keys), ("tree", tree), ("cures", cures)):
        text = re.sub(
            rf"<!-- {name} -->.*?<!-- end -->",
            lambda _, n=name, m=make: f"<!-- {n} -->\n{m()}\n<!-- end -->",
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "options.md").write_text(options(), encoding="utf-8")

"""Writing a comparison to a file that a person names: CSV, Markdown or JSON, by the ending of the name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from core.errors import Cancelled, RunError, WorkbenchError
from core.paths import expanded
from core.runs.atomic import write_file
from core.text import safe
from tui.compared import COMMON, Comparison
from tui.screens.modals import Question
from tui.screens.run_dialogs import LineDialog

if TYPE_CHECKING:
    from tui.app import Workbench

Judge: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]
"""`CompareRoom.judge`."""

FORMS = {".csv": "csv", ".md": "markdown", ".json": "json"}


def problem_with(text: str) -> str:
    """What is wrong with the name of a file to write to; empty when nothing is."""
    if not text:
        return "a name that ends with .csv, .md or .json"
    path = expanded(text)
    if path.suffix.lower() not in FORMS:
        return "it must end with .csv, .md or .json"
    try:
        if path.is_dir():
            return "this is a folder"
        if not path.absolute().parent.is_dir():
            return f"there is no folder {safe(str(path.parent))}"
    except OSError as broken:
        return broken.strerror or str(broken)
    return ""


async def export(workbench: Workbench, found: Comparison, judge: Judge) -> None:
    """Ask for a file, and whether to overwrite it; then write the part that is shown."""
    text = "The part that is shown. The ending says how: .csv, .md or .json."
    dialog = LineDialog("Export this comparison", text, _proposal(found), problem_with, "writes")
    given = await workbench.push_screen_wait(dialog)
    if given is None:
        return
    path = expanded(given).absolute()
    if path.exists() and not await _may_overwrite(workbench, path):
        return
    try:
        content = await _content(found, judge, FORMS[path.suffix.lower()])
        await asyncio.to_thread(write_file, path, content)
    except Cancelled:
        return
    except WorkbenchError as error:
        workbench.show_error(error)
    except OSError as broken:
        workbench.show_error(RunError(f"Cannot write {path}", broken.strerror or str(broken), "Name another file."))
    else:
        workbench.notify(f"Written: {safe(str(path))}", markup=False)


def _proposal(found: Comparison) -> str:
    names = [one.name for one in found.runs]
    return f"{'-and-'.join(names) if len(names) == 2 else f'comparison-of-{len(names)}-runs'}.md"


async def _may_overwrite(workbench: Workbench, path: Path) -> bool:
    answers = [("keep", "Keep it"), ("write", "Overwrite it")]
    question = Question("There is such a file", f"{path} would be replaced.", answers)
    return await workbench.push_screen_wait(question) == "write"


async def _content(found: Comparison, judge: Judge, form: str) -> str:
    asked = {"is_common": True} if found.part == COMMON else {"part": found.part}
    answer = await judge("compare", **asked, **{"as": form})
    if form == "json":
        return json.dumps(answer, ensure_ascii=False, indent=1) + "\n"
    return str(answer["text"]).rstrip("\n") + "\n"

"""The checks that need more than a glance at the data, asked for one after another while the room is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from core.errors import Cancelled, WorkbenchError
from tui.engine import Engine
from tui.facts import Examined, Finding, examined_of
from tui.format import share

CHECKS = {
    "lengths": "token lengths",
    "near-duplicates": "near duplicates",
    "pieces": "pieces of texts",
    "leaks": "leaks",
    "baseline": "baselines",
}
"""Each check by its name, as people call what it looks for."""


async def examine(engine: Engine, config: dict[str, Any], tell: Callable[[str, str], None]) -> AsyncIterator[Examined]:
    """What each check found, in their order; `tell` hears what is under way.

    Ends quietly when a person cancelled or other data took the place of this. A check that fails is a finding.
    """
    for number, (check, words) in enumerate(CHECKS.items(), 1):
        head = f"{words}… {number}/{len(CHECKS)}"
        tell(head, "")

        def progress(done: int, total: int, _: str, head: str = head) -> None:
            tell(head, share(done / total) if total and done else "")

        try:
            answer = await engine.ask(
                "data", "examine", on_progress=progress, newest="examine", config=config, check=check
            )
            yield examined_of(answer)
        except Cancelled:
            return
        except WorkbenchError as error:
            yield Examined((Finding("warn", check, f"{words} could not be looked at: {error.title}", 0),))

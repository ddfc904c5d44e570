"""What is asked before a comparison looks at test rows: each look is counted."""

from __future__ import annotations

from typing import Any

from tui import format as fmt
from tui.compared import Comparison
from tui.screens.modals import Question


def rows_text(count: int) -> str:
    """`12 rows`."""
    return f"{fmt.count(count)} row{'s' * (count != 1)}"


def common_question(common: dict[str, Any]) -> Question:
    """Results in `score`. `common`: the child's answer to `common_rows`."""
    asked = [f"{name} {count}" for name, count in common["asked"]]
    text = (
        f"There are {rows_text(common['rows'])} that one of these runs tests on and that none of them trained on. "
        "Comparing on them counts as a look at the test part."
    )
    if asked:
        text += f"\nTexts without a saved answer are put to the models: {', '.join(asked)}."
    return Question("Compare on the common test", text, [("stay", "Stay"), ("score", "Compare, and count it")])


def look_question(found: Comparison) -> Question:
    """Results in `look`."""
    text = (
        "What is chosen after reading test rows is chosen by them, and the test score flatters from then on. "
        "A look at this test part is counted and shown. "
        f"It has been looked at for {found.runs_looked} run{'s' * (found.runs_looked != 1)}."
    )
    return Question("Look at test rows", text, [("stay", "Stay"), ("look", "Look, and count it")])

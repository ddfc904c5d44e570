"""`python -m tests.pictures RUNS`: the pictures of the documentation, from the real program on a real runs folder."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from core.runs import RunStore
from tui.app import Workbench

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (100, 30)


def _without_web_fonts(svg: str) -> str:
    """A picture must show the same without a network: the reader's own monospace font does."""
    return re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)


def _save(app: Workbench, name: str) -> None:
    (DOCS / f"{name}.svg").write_text(_without_web_fonts(app.export_screenshot(title="finetui")), encoding="utf-8")


async def main(runs: Path) -> None:
    """One picture per room. The newest run of the folder is the one that is shown."""
    store = RunStore(runs)
    app = Workbench(store)
    app.run_name = store.names()[0]
    async with app.run_test(size=SIZE) as pilot:
        for number, room in enumerate(("data", "configure", "train", "runs", "try"), 1):
            await pilot.press("ctrl+g", str(number))
            await pilot.pause(4)
            if room == "try":
                await pilot.press(*"Not a bad word to say about it")
                await pilot.pause(6)
            _save(app, room)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute()))

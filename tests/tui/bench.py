"""The workbench opened in one room, and waiting for what should be seen, for pilot tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

import tui.app
from core.runs import RunStore
from tests.tui.conftest import fake_engine
from tui.app import Workbench
from tui.widgets.canvas import Canvas
from tui.widgets.class_list import ClassList
from tui.widgets.slice_list import SliceList

_CSS = str(Path(tui.app.__file__).parent / "styles" / "app.tcss")


def bench(store: RunStore, room: str, *, fake: bool = False) -> Workbench:
    """The real workbench on these runs; it opens in this room, or in Train when a run is live.

    `fake`: with children that need neither pandas nor a model.
    """

    class Bench(Workbench):
        CSS_PATH = _CSS
        DEFAULT_MODE = room

    return Bench(store, None, fake_engine() if fake else None)


def shown(pilot: Pilot[None]) -> str:
    """Everything on the lines, charts and lists of figures of the room."""
    screen = pilot.app.screen
    found = [*screen.query(Canvas), *screen.query(ClassList), *screen.query(SliceList)]
    return "\n".join(one.text for one in found if one.display)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until something is true, ten seconds at most."""
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"never came true:\n{shown(pilot)}")

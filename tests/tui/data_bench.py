"""The Data room in a pilot test: loaded, its cursor where a line says something, its checks done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.tui.bench import until
from tests.tui.conftest import painted
from tui.app import Workbench
from tui.screens.data import DataRoom
from tui.widgets.health import Health

Build = Callable[..., Workbench]


def room(app: Workbench) -> DataRoom:
    assert isinstance(app.screen, DataRoom)
    return app.screen


async def loaded(pilot: Pilot[None], app: Workbench, text: str = "75 rows") -> None:
    await until(pilot, lambda: app.screen.focused is not None and text in painted(app) and "sentence" in painted(app))


@asynccontextmanager
async def opened(
    app: Workbench, size: tuple[int, int] = (80, 24), *, checks: bool = False
) -> AsyncIterator[tuple[Workbench, Pilot[None]]]:
    """The app running with its data shown; with `checks` when the last check of it is done."""
    async with app.run_test(size=size) as pilot:
        await loaded(pilot, app)
        if checks:
            await checked(pilot, app)
        yield app, pilot


async def checked(pilot: Pilot[None], app: Workbench) -> None:
    """Until the last check of the data is done."""
    await until(pilot, lambda: "TF-IDF" in painted(app) and "5/5" not in painted(app))


def lines(app: Workbench) -> list[str]:
    """What Health says, a text per entry."""
    health = room(app).query_one(Health)
    return [str(option.prompt) for option in health.options]


def put_cursor(app: Workbench, text: str) -> Health:
    """Focus Health with the cursor on the entry that holds `text`."""
    health = room(app).query_one(Health)
    health.focus()
    health.highlighted = next(at for at, line in enumerate(lines(app)) if text in line)
    return health


def under_cursor(app: Workbench) -> str:
    """The entry of Health under its cursor."""
    health = room(app).query_one(Health)
    return lines(app)[health.highlighted] if health.highlighted is not None else ""

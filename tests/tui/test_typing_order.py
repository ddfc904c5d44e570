"""Keys that arrive in one packet act as they were typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from core.config import RunConfig
from tui.app import Workbench


def burst(app: Workbench, *keys: str) -> None:
    """All at once, as one packet of a slow line."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def settle(pilot: Pilot[None]) -> None:
    for _ in range(5):
        await pilot.pause()


async def test_backspace_and_letters_keep_their_order(workbench: Callable[..., Workbench]) -> None:
    app = workbench()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        field = Input()
        await app.screen.mount(field)
        field.focus()
        await settle(pilot)
        burst(app, "a", "b", "c", "backspace", "z", "home", "x")
        await settle(pilot)
        assert field.value == "xabz"


async def test_a_key_after_a_room_key_never_acts_in_the_room_that_was_left(
    workbench: Callable[..., Workbench],
) -> None:
    app = workbench()
    for name in ("one", "two"):
        app.store.create(RunConfig(), name)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4")
        await settle(pilot)
        burst(app, "5", "d", "u")
        await settle(pilot)
        assert app.current_mode == "try"
        assert sorted(app.store.names()) == ["one", "two"]

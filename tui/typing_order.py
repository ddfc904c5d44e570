"""Keys act in the order in which they were typed, also when a slow line delivers several at once.

Textual hands a key to the focused widget's queue, and it comes back to the app for its binding through the queue of
every widget above: a letter typed next may be inserted before the backspace, or delete a run in the room just left.
Here a key that no text field takes runs its binding at once, after the field has taken what was typed before.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import events
from textual.app import App
from textual.widget import Widget

PATIENCE = 0.5
"""Seconds to wait for a text field to take what was typed before; it takes far less than one."""


class KeysInOrder(App[None]):
    """An app whose keys do not overtake one another."""

    _typed_into: Widget | None = None

    async def on_event(self, event: events.Event) -> None:
        """Run a key's binding now, unless the focused widget wants the key as text."""
        key = event if isinstance(event, events.Key) and not event.is_forwarded else None
        if key and self._running and self.screen.maximized is None and await self._ran_binding(key):
            return
        await super().on_event(event)

    async def _ran_binding(self, event: events.Key) -> bool:
        focused = self.screen.focused
        if focused is not None and focused.check_consume_key(event.key, event.character):
            self._typed_into = focused
            return False
        await self._let_it_type()
        self.app_focus = True
        return await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key)

    async def _let_it_type(self) -> None:
        """Wait until the field that was typed into has taken every key before this one."""
        field, self._typed_into = self._typed_into, None
        if field is None or not field.is_running:
            return
        taken = asyncio.Event()
        if field.call_later(taken.set):
            with suppress(TimeoutError):
                await asyncio.wait_for(taken.wait(), PATIENCE)

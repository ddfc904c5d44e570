"""The two lines every room has: the row of rooms on top, the row of keys below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from tui.keys import BY_ID, KEYS, ROOMS, shown

_ORDER = {key.id: place for place, key in enumerate(KEYS)}
_ALWAYS = ("start", "go", "help", "quit")


class RoomRow(Widget):
    """`1 Data  2 Configure  …` with the room we are in marked; a click goes there."""

    def __init__(self, room: str) -> None:
        super().__init__(id="room-row")
        self._room = room
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> RenderResult:
        """The row, and where each name lies for clicks."""
        pieces: list[tuple[str, str]] = []
        self._spans, at = [], 0
        for number, (room, name) in enumerate(ROOMS.items(), 1):
            here = room == self._room
            text = f"▸{number} {name} " if here else f" {number} {name} "
            pieces.append((text, "bold reverse" if here else "$foreground-muted"))
            self._spans.append((at, at + len(text), room))
            at += len(text)
        return Content.assemble(*pieces)

    async def on_click(self, event: events.Click) -> None:
        """Go to the room under the mouse."""
        for start, end, room in self._spans:
            if start <= event.x < end:
                await self.run_action(f"app.go('{room}')")


class KeyRow(Widget):
    """The keys that work right here, most specific first, as many as fit; the way to all of them stays visible."""

    def __init__(self) -> None:
        super().__init__(id="key-row")
        self._spans: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Redraw whenever the keys that work change, which they do with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def _offered(self) -> list[tuple[str, str]]:
        """(key name, id) of what works with the present focus, each meaning once."""
        found: dict[str, str] = {}
        offered = self.screen.active_bindings
        for active in offered.values():
            known = BY_ID.get(active.binding.id or "")
            if known and known.footer and active.enabled and known.id not in found and self._is_offered(known.id):
                names = [one for one in known.keys.split(",") if one in offered and not self._is_text(one)]
                if names:
                    found[known.id] = names[0]
        if "help" in found:  # ctrl+g is for where the single keys do not work
            found.pop("go", None)
        return [(found[name], name) for name in sorted(found, key=_ORDER.__getitem__)]

    def _is_offered(self, name: str) -> bool:
        screen: Screen[Any] = self.screen
        offers: Callable[[str], bool] | None = getattr(screen, "in_footer", None)
        return offers is None or offers(name)

    def _is_text(self, key: str) -> bool:
        """Whether the field that has the focus takes this key as text."""
        focused, text = self.screen.focused, shown(key)
        return focused is not None and len(text) == 1 and focused.check_consume_key(key, text)

    def render(self) -> RenderResult:
        """As many keys as the width takes."""
        pieces: list[tuple[str, str]] = []
        self._spans, at = [], 0
        offered = self._offered()
        tail = [one for one in offered if one[1] in _ALWAYS]
        room_for_tail = sum(self._width(key, name) for key, name in tail)
        for key, name in [one for one in offered if one[1] not in _ALWAYS] + tail:
            if name not in _ALWAYS and at + self._width(key, name) + room_for_tail > self.size.width:
                continue
            pieces += [(f" {shown(key)} ", "bold reverse"), (f" {self._label(name)} ", "")]
            self._spans.append((at, at + self._width(key, name), key))
            at += self._width(key, name)
        return Content.assemble(*pieces)

    def _label(self, key: str) -> str:
        name_of: Callable[[str], str] | None = getattr(self.screen, "name_of", None)
        return (name_of(key) if name_of is not None else "") or BY_ID[key].brief

    def _width(self, key: str, name: str) -> int:
        return len(shown(key)) + len(self._label(name)) + 4

    def on_click(self, event: events.Click) -> None:
        """A click on a label is that key."""
        for start, end, key in self._spans:
            if start <= event.x < end:
                self.app.simulate_key(key)

"""What every room is made of: the row of rooms, a body that is filled after the first frame, the row of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen

from tui.widgets.rows import KeyRow, RoomRow

if TYPE_CHECKING:
    from tui.app import Workbench


class Room(Screen[None]):
    """A mode of the workbench. A subclass names itself, its first focus, its skeleton and what fills it.

    `skeleton` yields what the first frame shows and stays light. `fill` runs after that frame and mounts the rest;
    only then is the first focus given, unless a person was quicker.
    """

    AUTO_FOCUS = ""
    ROOM: ClassVar[str] = ""
    FIRST_FOCUS: ClassVar[str] = ""

    @property
    def workbench(self) -> Workbench:
        """The app, with its type."""
        return cast("Workbench", self.app)

    def compose(self) -> ComposeResult:
        """The row of rooms, the body, the row of keys."""
        yield RoomRow(self.ROOM)
        with Vertical(id="body"):
            yield from self.skeleton()
        yield KeyRow()

    def skeleton(self) -> ComposeResult:
        """What the first frame shows."""
        yield from ()

    async def fill(self) -> None:
        """Mount what the first frame could do without, and begin what takes time."""

    def on_mount(self) -> None:
        """Paint first, fill then."""
        self.call_after_refresh(self._fill)

    async def _fill(self) -> None:
        await self.fill()
        if self.focused is None:
            self.focus_first()

    def focus_first(self) -> None:
        """Give the focus to where this room begins."""
        if self.FIRST_FOCUS:
            for widget in self.query(self.FIRST_FOCUS).results():
                widget.focus(scroll_visible=False)
                break

    def unready(self) -> str:
        """Why no run may start from this room as it stands; empty when one may."""
        return ""

    def offers(self, key: str) -> bool:
        """Whether the key of this id is worth its place in the footer and the palette now; it works all the same."""
        return True

    def in_footer(self, key: str) -> bool:
        """Whether the key of this id has a place in the footer now, which is short; the palette has it all the same."""
        return self.offers(key)

    def name_of(self, key: str) -> str:
        """What the footer calls the key of this id now; empty for its usual name."""
        return ""

    def action_leave(self) -> None:
        """`esc`: out of a text field, back to where the room begins."""
        self.focus_first()

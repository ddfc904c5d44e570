"""The short form of the hostile strings: a hundred through every room and every command that needs no training."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.fuzz import commands, surroundings
from tests.faults.fuzz_screen import ROOMS, Findings
from tests.faults.hostile import ATTACKS, BIDI, leaks, strings

MANY = 100

Room = Callable[[Path, list[str], Findings], Awaitable[None]]


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in surroundings(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


def test_the_strings_are_many_different_and_hostile() -> None:
    found = strings(1000)
    assert len(set(found)) == 1000
    assert set(ATTACKS.values()) <= set(found)
    assert strings(1000) == found
    seen = set("".join(found))
    assert {"\x1b", "\x9b", "\0", "\a", "\r", "\ud83d", "\u2028", "\ufeff", *BIDI} <= seen
    assert leaks("\x1b\x9b\u202e\ud83d\u2028a\n", "\n") == ["U+001B", "U+009B", "U+2028", "U+202E", "U+D83D"]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
async def test_a_room_paints_nothing_of_them_raw(room: Room, tmp_path: Path) -> None:
    found = Findings()
    await room(tmp_path, strings(MANY), found)
    assert found.wrong == []
    assert found.paintings > 5


def test_no_command_prints_any_of_them_raw(tmp_path: Path) -> None:
    found = commands(strings(MANY), tmp_path / "place")
    assert found.wrong == []
    assert found.calls > MANY

from __future__ import annotations

from collections import defaultdict

from core.cli import COMMANDS
from tui.__main__ import COMMANDS as NAMED
from tui.keys import BY_ID, KEYS, ROOMS, bindings, shown


def test_a_key_means_one_thing_in_the_whole_program() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for key in KEYS:
        for name in key.keys.split(","):
            meanings[name].add(key.id)
    assert {name: ids for name, ids in meanings.items() if len(ids) > 1} == {}


def test_ids_are_unique_and_every_key_is_explained() -> None:
    assert len(BY_ID) == len(KEYS)
    for key in KEYS:
        assert key.label
        assert key.tooltip
        assert key.rooms


def test_places_are_rooms_their_widgets_or_everywhere() -> None:
    places = {place.split(".")[0] for key in KEYS for place in key.rooms}
    assert places <= {*ROOMS, "everywhere"}


def test_rooms_are_numbered_in_their_order() -> None:
    assert [BY_ID[f"go-{room}"].keys for room in ROOMS] == ["1", "2", "3", "4", "5"]


def test_bindings_carry_id_label_and_tooltip() -> None:
    [stop] = [one for one in bindings("train") if not isinstance(one, tuple) and one.id == "stop"]
    assert (stop.key, stop.action, stop.description) == ("s", "stop", "Stop & save")
    assert stop.tooltip


def test_keys_are_written_as_people_write_them() -> None:
    assert [shown(name) for name in ("slash", "question_mark", "ctrl+r", "x")] == ["/", "?", "ctrl+r", "x"]


def test_the_screen_hands_every_command_to_the_engine() -> None:
    assert set(COMMANDS) == NAMED

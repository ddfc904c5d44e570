"""Next steps of the core, told as ways of the screen."""

from __future__ import annotations

import pytest

from tui.advice import here


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("Name it: --label mood", "Pick the label column above, in room 1"),
        ("Name another column: --label NAME", "Pick the label column above, in room 1"),
        ("Did you mean --text review?", "Did you mean review? Pick it as the text column in room 1."),
        ("--cure drop-rare:3", "In Health (room 1) f applies the cure where a finding offers it"),
        (
            "--cure 'drop-class:a b' --cure drop-class:c",
            "In Health (room 1) f applies the cure where a finding offers it",
        ),
        ("finetui runs lists them.", "Room 4 lists them."),
        ("Use --model starter.", "Use model starter. (Room 2 sets it.)"),
        ("Then --header no.", "Then v (room 1): header no."),
        ("Check the path.", "Check the path."),
        ("", ""),
    ],
)
def test_options_become_what_one_does_here(told: str, wanted: str) -> None:
    assert here(told) == wanted

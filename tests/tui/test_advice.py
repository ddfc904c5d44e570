"""Next steps of the core, told as ways of the screen."""

from __future__ import annotations

import pytest

from core.config import DataConfig
from core.config.recipe import told_by_line
from core.errors import DataError
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


@pytest.mark.parametrize(
    ("recipe", "about", "step", "wanted"),
    [
        ("smile", ("data.cures", "drop-class:nocode"), "Take another.", "Take another."),
        (
            "app-reviews",
            ("data.label", "score"),
            "Did you mean --label stars?",
            "Pick the label column in room 1 first",
        ),
    ],
)
def test_what_only_a_shell_can_do_about_a_recipe_is_not_told_as_a_way_of_the_screen(
    recipe: str, about: tuple[str, str], step: str, wanted: str
) -> None:
    unfit = DataError("There is no such thing", "It is not there.", step)
    unfit.about = about
    told = told_by_line(unfit, DataConfig(recipe=recipe))
    assert "finetui recipes" in told.next_step
    assert here(told.next_step) == wanted

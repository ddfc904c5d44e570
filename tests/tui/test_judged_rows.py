"""The sentences behind the scores of a run: lists, filters, slices, words that pushed; the test part is asked about."""

from __future__ import annotations

import pytest
from textual.widgets import Button

from core.runs import RunStore
from tests.core.judged import predictions, sure_of
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.judged_bench import (
    NAMES,
    SIZES,
    TEXTS,
    judged,
    mistakes,
    opened,
    plain,
    texts,
    told,
    twice,
    with_fake,
)
from tui.judged import Explanation, Judged, Push
from tui.row_filter import Scope, parsed
from tui.screens.mistakes import Mistakes
from tui.screens.modals import Question, TextDialog
from tui.screens.run_detail import RunDetail
from tui.screens.slices import Slices
from tui.screens.threshold_dialog import probability
from tui.widgets import sentence
from tui.widgets.mistake_list import MistakeList


async def test_rows_are_filtered_and_right_ones_listed_on_request(store: RunStore) -> None:
    run = judged(store, told())
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        await opened(pilot, run)
        pilot.app.push_screen(Mistakes(RunDetail(run).subject, Scope()))
        await mistakes(pilot, 3)
        assert texts(pilot) == [TEXTS[1], TEXTS[2], TEXTS[7]]
        assert "row 2 · said good .950 · is bad .025 · then fine .025" in shown(pilot)
        await pilot.press("slash", *"class:fine")
        await mistakes(pilot, 1)
        assert texts(pilot) == [TEXTS[7]]
        await pilot.press("enter", "space")
        await mistakes(pilot, 3)
        await pilot.press("slash", *" zzz")
        await until(pilot, lambda: "No row fits." in shown(pilot))
        await pilot.press("escape")
        await mistakes(pilot, 8)
        await pilot.press("slash", *"len>5")
        await mistakes(pilot, 1)
        await pilot.press("escape", "slash", *"class:nobody")
        await until(pilot, lambda: "There is no class nobody" in shown(pilot))
        await pilot.press("escape")
        await mistakes(pilot, 8)
        assert isinstance(pilot.app.focused, MistakeList)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunDetail))


async def test_a_class_without_mistakes_says_how_to_see_its_rows(store: RunStore) -> None:
    run = judged(store, predictions([0, 1, 2], sure_of([0, 1, 2], 3), names=NAMES))
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("enter")
        await until(pilot, lambda: "No mistakes here. space lists the right answers, too." in shown(pilot))
        await pilot.press("space")
        await mistakes(pilot, 1)
        assert "right" in shown(pilot)


async def test_the_first_look_at_test_rows_is_asked_about_and_counted(store: RunStore) -> None:
    run = judged(store, twice(told()))
    async with bench(store, "runs").run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("enter")
        await mistakes(pilot, 2)
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("enter")
        await mistakes(pilot, 2)
        assert "validation" in shown(pilot)
        assert not (run.path / "looked.jsonl").exists()
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        pilot.app.screen.query_one("#look", Button).press()
        await until(pilot, lambda: "looked at for 1 run" in shown(pilot))
        assert (run.path / "looked.jsonl").read_text().count("mistakes") == 1
        await pilot.press("P")
        await until(pilot, lambda: "· validation ·" in shown(pilot))
        await pilot.press("P")
        await until(
            pilot,
            lambda: "· test ·" in shown(pilot),
        )
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen and "looked at for 1 run" in shown(pilot))
        assert "classes on test" in painted(pilot.app)


@pytest.mark.parametrize("size", SIZES)
async def test_slices_are_a_table_and_one_opens_its_mistakes(store: RunStore, size: tuple[int, int]) -> None:
    run = judged(store, told())
    async with bench(store, "runs").run_test(size=size) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Slices) and "has a negation !" in shown(pilot))
        assert "all in capitals" in shown(pilot)
        await pilot.press("slash", *"go+d", "enter")
        await until(pilot, lambda: "/go+d/" in shown(pilot))
        at = next(at for at, one in enumerate(pilot.app.screen.query_one("#slices").slices) if one.key == "regex")  # type: ignore[attr-defined]
        await pilot.press("g", *["down"] * at, "enter")
        await mistakes(pilot, 1)
        assert texts(pilot) == [TEXTS[1]]
        assert "/go+d/" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Slices))
        await pilot.press("slash", "(", "enter")
        await until(pilot, lambda: "✗" in shown(pilot) and isinstance(pilot.app.screen, Slices))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_the_sentence_under_the_cursor_is_taken_apart_by_words(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = judged(store, told())
    async with with_fake(store, monkeypatch, "explain").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("enter")
        await mistakes(pilot, 2)
        await until(pilot, lambda: "this is not ++good at all and goes on for a while" in shown(pilot))
        assert "+ pushed towards the answer" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
        assert "+0.500  good" in painted(pilot.app)
        await pilot.press("escape", "j")
        await until(pilot, lambda: "No word does much by itself" in shown(pilot))
        assert "日本語の長い文章です" in shown(pilot)


async def test_a_run_without_a_model_says_that_its_words_cannot_be_weighed(store: RunStore) -> None:
    run = judged(store, told())
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("enter")
        await mistakes(pilot, 2)
        await until(pilot, lambda: "Its words cannot be weighed" in shown(pilot))
        assert TEXTS[1] in shown(pilot)


# Without a screen


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("no good", {"words": "no good"}),
        ('class:"not relevant" don\'t said:', {"class": "not relevant", "words": "don't"}),
        ("is:sad said:happy", {"gold": "sad", "said": "happy"}),
        ("len>20", {"min_words": 21}),
        ("len<=20 len>=3", {"min_words": 3, "max_words": 20}),
        ("len<0", {"max_words": 0}),
        ("len:7", {"min_words": 7, "max_words": 7}),
        ("len> len>x class:", {}),
        ("regex:n.t https://a.b", {"regex": "n.t", "words": "https://a.b"}),
    ],
)
def test_a_filter_is_understood_as_it_is_typed(typed: str, wanted: dict[str, object]) -> None:
    assert parsed(typed) == wanted


@pytest.mark.parametrize(
    ("typed", "value"),
    [(".85", 0.85), ("0,85", 0.85), ("85 %", 0.85), ("", 0.0), ("1", 1.0), ("7", None), ("nan", None), ("x", None)],
)
def test_a_threshold_is_a_probability(typed: str, value: float | None) -> None:
    assert probability(typed) == value


def test_words_are_marked_where_they_stand_and_nothing_is_lost() -> None:
    text = "so\tgood,\nnot \x1b[2Jbad 日本"
    words = [("so", 0.0), ("good,", 0.4), ("not", 0.06), ("\x1b[2Jbad", -0.3), ("日", -0.06), ("本", 0.01)]
    pushes = [Push(text.index(word), text.index(word) + len(word), word, push, "") for word, push in words]
    found = sentence.marked(text, Explanation("x", 0.9, tuple(pushes), 1, False))
    assert plain([found]) == "so ++good, +not --␛[2Jbad -日本"
    assert plain([sentence.marked(text, None)]) == "so good, not ␛[2Jbad 日本"


@pytest.mark.parametrize("width", [8, 9, 30])
def test_a_sentence_is_wrapped_by_cells_and_whole(width: int) -> None:
    text = "a word, 日本語の長い文章です and averyveryverylongword"
    row = Judged(3, text, "sad", "", "happy", 0.9, 0.05, ())
    lines = sentence.wrap_cells(sentence.marked(text, None), width)
    assert all(len(cells) <= width for cells in lines)
    assert plain(lines).replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert plain([sentence.heading(row)]) == "row 3 · said happy .900 · is sad .050"

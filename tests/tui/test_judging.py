"""A run judged on the screen: verdict, classes, confusions, threshold."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from core.evaluation.judgement import Judgement, read_judgement
from core.runs import RunStore
from tests.core.judged import always_happy, predictions, sure_of
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import finished_run
from tests.tui.judged_bench import (
    SIZES,
    TEXTS,
    judged,
    mistakes,
    opened,
    texts,
    told,
    twice,
    was_told,
    with_fake,
)
from tui.screens.run_detail import RunDetail
from tui.screens.threshold_dialog import ThresholdDialog
from tui.widgets.class_list import ClassList
from tui.widgets.confusion import ConfusionTable
from tui.widgets.threshold import ThresholdPane


@pytest.mark.parametrize("size", SIZES)
async def test_a_model_that_answers_one_class_is_seen_as_such_and_its_rare_classes_are_two_keys_away(
    store: RunStore, size: tuple[int, int]
) -> None:
    run = judged(store, always_happy())
    async with bench(store, "runs").run_test(size=size) as pilot:
        await opened(pilot, run)
        lines = painted(pilot.app).splitlines()
        assert "✗ Answers happy to every row: accuracy 0.767, macro F1 0.145" in lines[2]
        assert "Every row of angry, disgust, not-relevant, sad and surprise is wrong." in shown(pilot)
        assert ".145 .139–.179" in painted(pilot.app)
        classes = pilot.app.screen.query_one(ClassList)
        assert [one.name for one in classes.figures][:2] == ["disgust", "sad"], "the worst and rarest first"
        assert classes.current == "disgust"
        assert "disgust" in painted(pilot.app), "in sight at the first glance"
        await pilot.press("down", "enter")
        await mistakes(pilot, 5)
        assert "is or said sad" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunDetail))
        await pilot.press("k", "enter")
        await mistakes(pilot, 1)
        assert all(len(one) <= size[0] for one in painted(pilot.app).splitlines())


async def test_the_arrows_walk_from_block_to_block_and_back(store: RunStore) -> None:
    run = judged(store, told())
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        table, pane = screen.query_one(ConfusionTable), screen.query_one(ThresholdPane)
        await pilot.press("down", "down", "down")
        assert pilot.app.focused is table
        assert table.current == (0, 2), "what is confused most often"
        await until(pilot, lambda: "is bad, called good: 2 rows, 67 % of that class" in painted(pilot.app))
        await pilot.press("space")
        await until(pilot, lambda: "!  67 %" in painted(pilot.app))
        assert "shares of each class" in painted(pilot.app)
        await pilot.press("space", "left", "G")
        await until(pilot, lambda: "is good, called fine: 1 row, 33 % of that class" in painted(pilot.app))
        await pilot.press("left", "left", "left")
        assert table.current == (2, 0), "not on the names"
        await pilot.press("down")
        assert pilot.app.focused is pane
        await pilot.press("down", "down", "down")
        assert pilot.app.focused is screen.query_one("#sheet")
        await pilot.press("up")
        await until(pilot, lambda: pilot.app.focused is pane)


async def test_a_cell_opens_its_sentences_also_the_right_ones_and_an_empty_one_says_so(store: RunStore) -> None:
    run = judged(store, told())
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("tab", "enter")
        await mistakes(pilot, 2)
        assert "is bad, said good" in shown(pilot)
        assert texts(pilot) == [TEXTS[1], TEXTS[2]], "the most confident mistake first"
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("left", "left", "enter")
        await mistakes(pilot, 1)
        assert "all bad that are right" in shown(pilot)
        assert texts(pilot) == [TEXTS[0]]
        assert not any(ord(one) < 32 and one != "\n" for one in painted(pilot.app) + shown(pilot))
        assert "␛]52;c;ZXZpbA==␇ [/bold]" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("right", "enter")
        await until(pilot, lambda: was_told(pilot, "There is no row in this cell."))
        assert pilot.app.screen is screen


async def test_the_test_part_is_shown_as_figures_and_nobody_has_looked_at_its_rows(store: RunStore) -> None:
    run = judged(store, twice(told()))
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        await opened(pilot, run)
        assert "classes on validation" in painted(pilot.app)
        assert "scored by 1 run and looked at for 0 runs" in shown(pilot)
        assert "Test part" in painted(pilot.app).splitlines()[-1]
        await pilot.press("P")
        await until(pilot, lambda: "classes on test" in painted(pilot.app))
        assert "Validation" in painted(pilot.app).splitlines()[-1]
        assert not (run.path / "looked.jsonl").exists()
        await pilot.press("P")
        await until(pilot, lambda: "classes on validation" in painted(pilot.app))


async def test_a_threshold_is_changed_with_plus_and_minus_or_typed_and_kept(store: RunStore) -> None:
    run = judged(store, always_happy())
    async with bench(store, "runs").run_test(size=(80, 40)) as pilot:
        screen = await opened(pilot, run)
        pane = screen.query_one(ThresholdPane)
        assert "every answer is given · answers 100.0 % (223 of 223), right .767" in pane.text
        pane.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ThresholdDialog))
        field = pilot.app.screen.query_one(Input)
        field.value = "7"
        await pilot.press("enter")
        await until(pilot, lambda: "It is a probability, 0 to 1." in painted(pilot.app))
        field.value = "70 %"
        await pilot.press("enter")
        await until(pilot, lambda: "unsure below .7 · kept" in pane.text)
        kept = read_judgement(run)
        assert isinstance(kept, Judgement)
        assert kept.unsure_below == 0.7
        await pilot.press("plus", "plus", "minus", "plus")
        await until(pilot, lambda: "unsure below .72 · kept" in pane.text)
        assert read_judgement(run) == Judgement(kept.temperature, 0.72, kept.rows)
        assert "answers 100.0 %" not in pane.text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ThresholdDialog))
        pilot.app.screen.query_one(Input).value = "0"
        await pilot.press("enter")
        await until(pilot, lambda: "every answer is given" in pane.text and read_judgement(run) is None)


async def test_a_run_without_predictions_shows_its_folder_and_asks_nobody(store: RunStore) -> None:
    run = finished_run(store, "brisk-otter")
    app = bench(store, "runs")
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await opened(pilot, run, "no predictions were saved")
        assert "validation: macro F1 .887" in shown(pilot)
        assert not screen.query_one(ThresholdPane).display
        await pilot.press("enter")
        await until(pilot, lambda: was_told(pilot, "No predictions were saved with this run"))
        assert not app.engine.lives("judge")


async def test_damaged_predictions_are_told_in_place(store: RunStore) -> None:
    run = judged(store, told())
    (run.path / "predictions.parquet").write_bytes(b"PAR1 nonsense")
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run, "The predictions of brisk-otter cannot be read")
        assert "validation: macro F1 .887" in shown(pilot), "what the folder tells is there"
        assert pilot.app.screen.query_one(ConfusionTable).display


@pytest.mark.parametrize("size", SIZES)
async def test_many_classes_can_be_walked_through(store: RunStore, size: tuple[int, int]) -> None:
    names = (*(f"card {at:02} has not arrived" for at in range(76)), "日本語のラベル")
    said = [76 if at == 5 else at for at in range(77)]
    run = judged(store, predictions(list(range(77)), sure_of(said, 77, 0.9), names=names))
    async with bench(store, "runs").run_test(size=size) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("G")
        await until(pilot, lambda: "card 75 has not arrived" in painted(pilot.app))
        await pilot.press("down")
        table = screen.query_one(ConfusionTable)
        assert pilot.app.focused is table
        assert table.current == (5, 76)
        await until(pilot, lambda: "is card 05 has not arrived, called 日本語のラベル: 1 row" in shown(pilot))
        assert table.size.height < size[1]
        await pilot.press("enter")
        await mistakes(pilot, 1)


async def test_esc_cancels_what_is_asked_and_goes_back(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = judged(store, told(), "slow")
    app = with_fake(store, monkeypatch, "judge")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run, "judging the validation rows")
        await until(pilot, lambda: app.engine.busy("judge"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, RunDetail))
        assert not app.engine.lives("judge"), "it really ended"


@pytest.mark.parametrize(("name", "says"), [("die", "said the fake"), ("bad", "The predictions are [/damaged]")])
async def test_a_child_that_fails_is_told_in_place(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    run = judged(store, told(), name)
    async with with_fake(store, monkeypatch, "judge").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run, says)
        assert isinstance(pilot.app.screen, RunDetail)


async def test_without_utf8_everything_is_ascii_but_the_names(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    run = judged(store, twice(told()))
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        assert shown(pilot).isascii()
        await pilot.press("enter")
        await mistakes(pilot, 2)
        assert shown(pilot).replace(TEXTS[1], "").replace(TEXTS[2], "").isascii()

"""Suspicious labels on the screen: listed, decided about, taken back, and a run trained with the decisions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.runs import Run, RunStore
from core.runs.corrections import file_of, read_corrections
from core.runs.notes import read_notes
from tests.core import labelled
from tests.tui.bench import bench, shown, until
from tests.tui.conftest import painted
from tests.tui.fake_run import Shape, ending, facts
from tests.tui.judged_bench import SIZES, TEXTS, judged, opened, told, twice, with_fake
from tui.screens.data_dialogs import PickDialog
from tui.screens.judging import Subject
from tui.screens.modals import ErrorDialog, Question, TextDialog
from tui.screens.suspicious import Suspicious
from tui.screens.train import TrainRoom
from tui.widgets.suspect_list import SuspectList

AT = list(range(3, 200, 17))


def suspected(store: RunStore, name: str = "brisk-otter", *, is_twice: bool = False) -> Run:
    """A run with eight judged rows, three of them mistakes; `is_twice`: as test rows too."""
    run = judged(store, twice(told()) if is_twice else told(), name)
    (run.path / "data.json").write_text(json.dumps({"test_mark": "m", "fingerprint": "ab" * 8}))
    return run


def reviewed(tmp_path: Path, store: RunStore, base: Path | str = "starter") -> Run:
    """A run on reviews that are there, twelve of 200 labelled wrong."""
    source = labelled.write(tmp_path / "reviews.jsonl", labelled.flipped(labelled.reviews(), AT))
    return ended(labelled.finished_run(store, labelled.config_of(source, base)))


def ended(run: Run) -> Run:
    """The run with a log that says it went through."""
    shape = Shape(names=("negative", "positive"))
    for fact in [*facts(shape), *ending(shape)]:
        run.record(fact)
    run.close()
    return run


async def listed(pilot: Pilot[None], run: Run, seen: str = " rows, about ") -> SuspectList:
    """The screen on that run, as soon as this is on it."""
    await until(pilot, lambda: bool(pilot.app.screen.query("#where")))
    screen = Suspicious(Subject(run))
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and seen in shown(pilot))
    await pilot.pause()
    return screen.query_one(SuspectList)


def standing(run: Run) -> list[tuple[str, str, str]]:
    found = read_corrections(file_of(run), missing_ok=True).standing
    return [(one.do, one.old, one.new) for one in found]


def is_listed(pilot: Pilot[None], word: str, text: str) -> Callable[[], bool]:
    """Whether the line with that text begins with that word."""

    def look() -> bool:
        lines = [one.strip("│▏ ") for one in painted(pilot.app).splitlines()]
        return any(one.startswith(word) and text in one for one in lines)

    return look


@pytest.mark.parametrize("size", SIZES)
async def test_rows_are_listed_and_decided_about_and_each_decision_is_seen_at_once(
    store: RunStore, size: tuple[int, int]
) -> None:
    run = suspected(store)
    async with bench(store, "runs").run_test(size=size) as pilot:
        await opened(pilot, run)
        assert "Labels" in painted(pilot.app).splitlines()[-1]
        await pilot.press("L")
        await until(pilot, lambda: "3 of 8 rows, about " in shown(pilot))
        rows = pilot.app.screen.query_one(SuspectList)
        assert pilot.app.focused is rows
        assert "row 2 · validation · is bad · rather good" in shown(pilot)
        assert "the model says good 0.95 and bad 0.03" in shown(pilot).replace("\n", " ")
        assert TEXTS[1] in shown(pilot), "whole"
        assert "nothing is decided yet" in shown(pilot)
        assert "Train" not in painted(pilot.app).splitlines()[-1]
        await pilot.press("f")
        await until(pilot, lambda: "1 fixed" in shown(pilot))
        assert is_listed(pilot, "fixed", "this is not good")()
        assert rows.cursor == 1, "on the next one"
        await pilot.press("x", "K")
        await until(pilot, lambda: "1 fixed, 1 excluded, 1 kept" in shown(pilot))
        assert standing(run) == [("fix", "bad", "good"), ("exclude", "good", ""), ("keep", "bad", "")]
        assert is_listed(pilot, "excluded", "not so bad")()
        assert is_listed(pilot, "kept", "日本語")()
        assert "validation with them, same answers: accuracy .625 → .857" in shown(pilot)
        lines = painted(pilot.app).splitlines()
        assert all(len(one) <= size[0] for one in lines)
        for label in ("All", "Exclude", "Fix", "Undo", "Keep", "Train"):
            assert label in lines[-1]


async def test_undo_takes_back_the_row_under_the_cursor_or_the_last_decision(store: RunStore) -> None:
    run = suspected(store)
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        rows = await listed(pilot, run)
        await pilot.press("f", "x")
        await until(pilot, lambda: "1 fixed, 1 excluded" in shown(pilot))
        assert rows.cursor == 2, "on one that nothing is decided about"
        await pilot.press("u")
        await until(pilot, lambda: "taken back: row 8, good" in shown(pilot))
        assert rows.cursor == 1
        assert standing(run) == [("fix", "bad", "good")]
        await pilot.press("x", "g")
        await until(pilot, lambda: "1 fixed, 1 excluded" in shown(pilot))
        await pilot.press("u")
        await until(pilot, lambda: "taken back: row 2, bad" in shown(pilot) and "1 excluded" in shown(pilot))
        assert standing(run) == [("exclude", "good", "")]
        assert not is_listed(pilot, "fixed", "this is not good")()
        await pilot.press("u")
        await until(pilot, lambda: standing(run) == [] and "nothing is decided yet" in shown(pilot))
        await pilot.press("u")
        await until(pilot, lambda: "✗ There is nothing to undo" in shown(pilot))


async def test_another_class_is_chosen_from_a_list(store: RunStore) -> None:
    run = suspected(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await listed(pilot, run)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickDialog))
        assert "It is labelled bad. Rather:" in painted(pilot.app)
        assert "▸ good" in painted(pilot.app), "what is suggested"
        await pilot.press("up", "enter")
        await until(pilot, lambda: "1 fixed" in shown(pilot))
        assert standing(run) == [("fix", "bad", "fine")]
        await pilot.press("g", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
        assert "→ fixed to fine" in painted(pilot.app)


async def test_what_was_decided_before_is_listed_last_and_can_be_taken_back(store: RunStore) -> None:
    run = suspected(store)
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        screen = (await listed(pilot, run)).screen
        assert isinstance(screen, Suspicious)
        screen.action_fix()
        screen.action_leave()  # in the same moment: pressed keys would give the child time
        await until(pilot, lambda: not isinstance(pilot.app.screen, Suspicious))
        assert standing(run) == [("fix", "bad", "good")], "saved, however soon one leaves"
        rows = await listed(pilot, run)
        assert "2 of 8 rows" in shown(pilot)
        assert "1 fixed" in shown(pilot)
        assert rows.total == 3
        await pilot.press("G")
        await until(pilot, lambda: "decided before · is bad" in shown(pilot))
        await pilot.press("u")
        await until(pilot, lambda: standing(run) == [])


async def test_test_rows_that_a_decision_touches_are_counted_with_scores_before_and_after(store: RunStore) -> None:
    run = suspected(store, is_twice=True)
    async with bench(store, "runs").run_test(size=(100, 40)) as pilot:
        rows = await listed(pilot, run)
        assert rows.total == 3, "no test row is listed"
        await pilot.press("f")
        await until(pilot, lambda: "1 fixed · 1 row of the locked test among them" in shown(pilot))
        assert "test with them, same answers: accuracy .625 → .750" in shown(pilot)


async def test_a_child_is_trained_with_the_decisions_once_they_are_saved(
    tmp_path: Path, store: RunStore, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = reviewed(tmp_path, store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        rows = await listed(pilot, run)
        wrong = rows.total
        assert wrong > 0
        screen = rows.screen
        assert isinstance(screen, Suspicious)
        go, judge = asyncio.Event(), screen.judge

        async def later(ask: str, newest: str = "", **params: Any) -> dict[str, Any]:
            if ask == "decide":
                await go.wait()
            return await judge(ask, newest, **params)

        monkeypatch.setattr(screen, "judge", later)
        await pilot.press("f", "r", "k")
        assert is_listed(pilot, "saving", rows.row_at(0).text[:20])()
        assert pilot.app.screen is screen, "no complaint that nothing was decided"
        go.set()
        await until(pilot, lambda: launched == ["first-corrected"])
        child = Run(store.root / "first-corrected")
        assert child.config().data.corrections == f"{file_of(run)}@1"
        assert child.config().split.of == str(run.path)
        assert read_notes(child).parent == "first"
        await until(pilot, lambda: isinstance(pilot.app.screen, TrainRoom))
        await pilot.press("4")
        await until(pilot, lambda: isinstance(pilot.app.screen, Suspicious))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        assert "first-corrected is training" in painted(pilot.app)


async def test_training_rows_are_judged_on_demand_and_esc_cancels_that_alone(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = suspected(store, "slow")
    app = with_fake(store, monkeypatch, "explain")
    async with app.run_test(size=(80, 24)) as pilot:
        rows = await listed(pilot, run)
        assert "All" in painted(app).splitlines()[-1]
        await pilot.press("space")
        await until(pilot, lambda: "… small models [/1]: 2 of 5   esc cancels" in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "1 excluded" in shown(pilot) and len(standing(run)) == 1)
        await pilot.press("escape")
        await until(pilot, lambda: "cancelled" in shown(pilot))
        assert not app.engine.lives("explain"), "it really ended"
        assert isinstance(app.screen, Suspicious)
        assert rows.total == 3
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Suspicious))


async def test_training_rows_join_the_list(tmp_path: Path, store: RunStore) -> None:
    run = reviewed(tmp_path, store, tmp_path / "gone")
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        few = (await listed(pilot, run)).total
        await pilot.press("space")
        await until(pilot, lambda: "labels, all rows" in shown(pilot))
        rows = pilot.app.screen.query_one(SuspectList)
        assert rows.total > few
        assert "! Judged by words alone" in shown(pilot), "its base model is not there"
        parts = [one.part for at in range(rows.total) if (one := rows.row_at(at))]
        assert set(parts) == {"train", "validation"}
        await pilot.press("f")
        await until(pilot, lambda: "1 fixed" in shown(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "labels, all rows" not in shown(pilot) and rows.total == few + 1)
        await pilot.press("G")
        await until(pilot, lambda: "→ fixed to" in shown(pilot))
        assert " · train · is " in shown(pilot), "what is known of it is kept"


@pytest.mark.parametrize(("name", "says"), [("die", "said the fake"), ("bad", "The predictions are [/damaged]")])
async def test_a_child_that_fails_is_told_in_place(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    run = suspected(store, name)
    async with with_fake(store, monkeypatch, "judge").run_test(size=(80, 24)) as pilot:
        await listed(pilot, run, says)
        await pilot.press("f", "x", "K", "enter")
        assert isinstance(pilot.app.screen, Suspicious), "there is nothing to decide about"
        assert "saving" not in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Suspicious))


async def test_a_decision_that_cannot_be_saved_is_told_and_not_shown_as_made(store: RunStore, tmp_path: Path) -> None:
    run = suspected(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        rows = await listed(pilot, run)
        (tmp_path / "elsewhere").mkdir()
        (store.root / ".corrections").symlink_to(tmp_path / "elsewhere")
        await pilot.press("f")
        await until(pilot, lambda: "✗ The decision could not be saved" in shown(pilot))
        assert "nothing is decided yet" in shown(pilot)
        assert not is_listed(pilot, "fixed", "this is not good")()
        assert not is_listed(pilot, "saving", "this is not good")()
        assert rows.total == 3
        await pilot.press("r")
        assert not isinstance(pilot.app.screen, ErrorDialog)


async def test_a_run_with_nothing_suspicious_says_so(store: RunStore, tmp_path: Path) -> None:
    source = labelled.write(tmp_path / "reviews.jsonl", labelled.reviews())
    run = ended(labelled.finished_run(store, labelled.config_of(source)))
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await listed(pilot, run, "No label looks wrong")
        assert "space judges the training rows, too" in shown(pilot)


async def test_a_text_cannot_act_on_the_terminal_and_without_utf8_our_own_signs_are_ascii(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    run = suspected(store)
    async with bench(store, "runs").run_test(size=(80, 24)) as pilot:
        await listed(pilot, run)
        await pilot.press("f")
        await until(pilot, lambda: "1 fixed" in shown(pilot))
        assert not any(ord(one) < 32 and one != "\n" for one in painted(pilot.app) + shown(pilot))
        assert shown(pilot).replace(TEXTS[2], "").isascii()

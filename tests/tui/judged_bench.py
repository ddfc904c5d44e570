"""Judged runs on the screen, for pilot tests: what a run said, the run opened, its sentences listed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from core.evaluation.predictions import Predictions
from core.launch import child_command
from core.runs import Run, RunStore
from tests.core.judged import predictions, sure_of, write
from tests.tui import fake_judge
from tests.tui.bench import bench, shown, until
from tests.tui.fake_run import Shape, finished_run
from tui import engine as engines
from tui.app import Workbench
from tui.screens.mistakes import Mistakes
from tui.screens.run_detail import RunDetail
from tui.widgets.canvas import Line
from tui.widgets.class_list import ClassList
from tui.widgets.mistake_list import MistakeList

SIZES = [(80, 24), (160, 48)]
NAMES = ("bad", "fine", "good")
FAKE = str(Path(fake_judge.__file__))

TEXTS = (
    "so good \x1b]52;c;ZXZpbA==\x07 [/bold]", "this is not good at all and goes on for a while", "日本語の長い文章です",
    "مرحبا كيف حالك", "fine by me", "quite good", "a bad one", "not so bad",
)  # fmt: skip


def told(parts: Sequence[str] = ()) -> Predictions:
    """Eight rows, the first three of `bad`; three mistakes, the most confident one the second row."""
    gold, said = [0, 0, 0, 1, 1, 2, 2, 2], [0, 2, 2, 1, 1, 2, 2, 1]
    sure = [0.6, 0.95, 0.7, 0.8, 0.9, 0.65, 0.85, 0.5]
    return predictions(gold, sure_of(said, 3, sure), names=NAMES, texts=TEXTS, parts=parts)


def twice(one: Predictions) -> Predictions:
    """The same rows as validation and as the test part."""
    both = one.take(np.arange(len(one)).repeat(2))
    both.parts[1::2] = "test"
    return both


def judged(store: RunStore, found: Predictions, name: str = "brisk-otter") -> Run:
    """A finished run, whole on disk, that said this."""
    run = finished_run(store, name, shape=Shape(names=found.label_names))
    write(run, found)
    (run.path / "data.json").write_text(json.dumps({"test_mark": "m"}))
    return run


async def opened(pilot: Pilot[None], run: Run, seen: str = "95 % intervals") -> RunDetail:
    """The run opened, and judged."""
    await until(pilot, lambda: bool(pilot.app.screen.query("#where")))
    screen = RunDetail(run)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and seen in shown(pilot))
    await until(pilot, lambda: isinstance(pilot.app.focused, ClassList) and bool(pilot.app.focused.current))
    return screen


async def mistakes(pilot: Pilot[None], total: int) -> Mistakes:
    """The sentences, as soon as so many are counted."""

    def are_there() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, Mistakes) and f"{total} of " in shown(pilot) and screen.query_one(MistakeList).display

    await until(pilot, are_there)
    assert isinstance(pilot.app.screen, Mistakes)
    return pilot.app.screen


def texts(pilot: Pilot[None]) -> list[str]:
    """The sentences in the list, from top to bottom."""
    rows = pilot.app.screen.query_one(MistakeList)
    return [row.text for at in range(rows.total) if (row := rows.row_at(at)) is not None]


def was_told(pilot: Pilot[None], text: str) -> bool:
    """Whether a note said this."""
    return any(text in one.message for one in pilot.app._notifications)


def plain(lines: list[Line]) -> str:
    return "\n".join("".join(character for character, _ in cells) for cells in lines)


def with_fake(store: RunStore, monkeypatch: pytest.MonkeyPatch, kind: str) -> Workbench:
    """The workbench whose children of this kind are `fake_judge`, all others real."""
    monkeypatch.setitem(engines.KINDS, kind, ("fake",))
    app = bench(store, "runs")
    fake = [sys.executable, "-P", FAKE]
    app.engine = engines.Engine(lambda given: fake if given[0] == "fake" else child_command(*given))
    return app

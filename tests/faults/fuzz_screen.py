"""Hostile strings through every room of the screen: what is painted is looked at segment by segment."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import OptionList

import tui.screens.run_reading
from core.config import RunConfig
from core.errors import DataError
from core.runs import RunStore, Summary
from core.runs.run import RunState
from core.training import events as e
from tests.faults.hostile import carried, leaks
from tests.tui.bench import bench
from tests.tui.fake_run import Shape, facts, finished_run
from tui.app import Workbench
from tui.engine import Engine
from tui.facts import Answer
from tui.screens.data_dialogs import CureDialog, PickDialog, RenameDialog
from tui.screens.modals import ErrorDialog, Question, TextDialog
from tui.sources import data_config
from tui.widgets.class_balance import ClassBalance
from tui.widgets.config_form import ConfigForm
from tui.widgets.field import Field
from tui.widgets.health import Health
from tui.widgets.history_list import HistoryList
from tui.widgets.log_pane import LogPane
from tui.widgets.prediction import Prediction
from tui.widgets.row_list import RowList
from tui.widgets.run_table import RunTable

CHILD = Path(__file__).with_name("hostile_child.py")
TEXTS = ("model.base", "data.label", "data.group", "data.delimiter", "split.of", "training.device")
"""Settings that hold any text."""


@dataclass
class Findings:
    """What went wrong, and how many paintings were looked at."""

    wrong: list[str] = field(default_factory=list)
    paintings: int = 0

    def expect(self, is_so: bool, what: str) -> None:
        if not is_so:
            self.wrong.append(what)


@dataclass
class Bench:
    """The workbench open in a room, on one batch of strings."""

    app: Workbench
    pilot: Pilot[None]
    texts: list[str]
    found: Findings

    def look(self) -> str:
        """Examine everything that is on the screen now, and return it."""
        lines = []
        for strip in self.app.screen._compositor.render_strips():
            for segment in strip:
                if bad := leaks(segment.text):
                    self.found.wrong.append(f"{type(self.app.screen).__name__}: {bad} in {segment.text[:60]!r}")
                style = segment.style or Style.null()
                action = style.meta.get("@click") if style.meta else None
                if (style.link and "evil" in style.link) or action in ("app.quit", "app.bell"):
                    self.found.wrong.append(f"{type(self.app.screen).__name__}: markup is in force: {segment.text!r}")
            lines.append("".join(segment.text for segment in strip))
        self.found.paintings += 1
        return "\n".join(lines)

    async def until(self, is_so: Callable[[], bool], what: str) -> bool:
        for _ in range(400):
            if is_so():
                return True
            await self.pilot.pause(0.02)
        self.found.wrong.append(f"{type(self.app.screen).__name__}: {what} never came\n{self.look()[:600]}")
        return False

    async def walk(self, widget: Any) -> list[str]:
        """Every screenful of what scrolls, from top to bottom."""
        seen, at = [], 0
        while True:
            widget.scroll_to(y=at, animate=False, immediate=True)
            await self.pilot.pause()
            seen.append(self.look())
            at += max(widget.scrollable_content_region.height, 1)
            if at >= widget.virtual_size.height:
                return seen

    async def dialog(self, screen: Any) -> None:
        """Open it, look, close it."""
        self.app.push_screen(screen)
        if await self.until(lambda: self.app.screen is screen, type(screen).__name__):
            await self.pilot.pause()
            for one in screen.query("#text, OptionList"):
                await self.walk(one)
            self.look()
            screen.dismiss(None)
            await self.until(lambda: self.app.screen is not screen, "what was below the dialog")


@asynccontextmanager
async def opened(
    folder: Path, room: str, texts: list[str], found: Findings, source: str = "mixed"
) -> AsyncIterator[Bench]:
    """The real app in this room, its children hostile."""
    listing = folder / "strings.json"
    listing.write_text(json.dumps(texts), encoding="utf-8")
    store = RunStore(folder / "runs")
    store.prepare()
    app = bench(store, room)
    app.engine = Engine(lambda words: [sys.executable, "-P", str(CHILD), str(listing), *words])
    app.set_reactive(Workbench.config, RunConfig(data=data_config(str(folder / source))))
    async with app.run_test(size=(120, 50), notifications=True) as pilot:
        await pilot.pause()
        yield Bench(app, pilot, texts, found)
        found.expect(app._exception is None, f"{room}: {app._exception!r}")
    found.expect("crashed" not in app.farewell, app.farewell)


async def data_room(folder: Path, texts: list[str], found: Findings) -> None:
    """Classes, findings, rows, columns, dialogs; then data that is refused, and an error."""
    names = len({one for one in texts if one})
    async with opened(folder, "data", texts, found) as at:
        app, one = at.app, at.app.screen.query_one
        if not await at.until(lambda: bool(app.screen.query(RowList)) and one(RowList).total == len(texts), "the rows"):
            return
        balance, health, rows = one(ClassBalance), one(Health), one(RowList)
        if names > 12:
            balance.focus()
            balance._is_open = True
            balance.draw()
        await at.pilot.pause()
        found.expect(balance.option_count == names, f"{balance.option_count} classes shown of {names}")
        found.expect(health.option_count >= names, f"{health.option_count} findings shown of {names}")
        for widget in (balance, health):
            await at.walk(widget)
        await at.until(lambda: all(rows.row_at(place) for place in range(rows.total)), "every page of the rows")
        numbers = _numbers(await at.walk(rows))
        found.expect(numbers >= set(range(1, len(texts) + 1)), f"{len(numbers)} rows painted of {len(texts)}")
        whole = "\n".join(texts)

        async def no_complaint(cure: str) -> None: ...

        for dialog in (
            ErrorDialog(DataError(texts[0], whole[:4000], texts[-1])), TextDialog(texts[1], whole, ""),
            Question(texts[2], whole[:2000], [("a", "A"), ("b", "B")]),
            RenameDialog(texts[3], app.screen.profile.classes), PickDialog(texts[4], [(t, t) for t in texts], ()),
            CureDialog(_rules(texts), no_complaint),
        ):  # fmt: skip
            await at.dialog(dialog)
    for source in ("refused", "error"):
        async with opened(folder, "data", texts, found, source) as at:
            await at.until(lambda: any(mark in at.look() for mark in ("✗", "Next:")), f"{source} data")


def _rules(texts: list[str]) -> list[Any]:
    from tui.facts import Rule

    return [Rule(text, text, text, True, text) for text in texts]


def _numbers(pages: list[str]) -> set[int]:
    """The whole numbers that stand alone: a row's own comes after the name of its file, of any length in characters."""
    return {int(number) for page in pages for number in re.findall(r"(?<= )\d{1,6}(?= )", page)}


async def configure_room(folder: Path, texts: list[str], found: Findings) -> None:
    """Every text setting holds each string once; presets, recipe, forecast and devices come from the child."""
    async with opened(folder, "configure", texts, found) as at:
        form = at.app.screen.query_one(ConfigForm)
        await at.until(lambda: form.query_one(OptionList).option_count > 5, "the settings")
        lines = form.query_one(OptionList).option_count
        for start in range(0, len(texts), len(TEXTS)):
            config = at.app.config
            for path, text in zip(TEXTS, texts[start : start + len(TEXTS)], strict=False):
                config = config.with_value(path, text)
            chosen = tuple(f"drop-class:{text}" for text in texts[start : start + 3])
            at.app.config = config.with_value("data.cures", chosen)
            await at.pilot.pause()
            at.look()
        found.expect(form.query_one(OptionList).option_count == lines, "settings came or went")
        await at.pilot.pause(1.6)  # what is counted and measured comes after a rest of the fingers
        at.look()
        await at.app.screen.action_command()  # type: ignore[attr-defined]
        await at.pilot.pause()
        at.look()


async def train_room(folder: Path, texts: list[str], found: Findings) -> None:
    """A run that failed, with each string as a warning; its log; its classes."""
    store = RunStore(folder / "runs")
    first, *_, last = carried(texts)  # a configuration is kept in UTF-8
    config = RunConfig(data=replace(data_config(first or "x"), source="/nowhere"))
    run = store.create(config.with_value("model.base", last or "y"))
    names = tuple(dict.fromkeys(texts))[:60]
    for fact in facts(Shape(names=names, epochs=1, steps_per_epoch=6)):
        run.record(_spoiled(fact, texts))
    for text in texts:
        run.record(e.Warned(text, text[::-1]))
    run.record(e.RunFailed("DataError", texts[0], texts[1], texts[2]))
    run.close()
    logged = [text.replace("\n", " ").encode("utf-8", "replace") or b"-" for text in texts]
    run.log_path.write_bytes(b"\n".join(logged)[: 60 << 10])
    async with opened(folder, "train", texts, found) as at:
        at.app.screen.open_run(run.name)  # type: ignore[attr-defined]
        await at.until(lambda: "failed" in at.look(), "the failure")
        at.app.screen.action_log()  # type: ignore[attr-defined]
        pane = at.app.screen.query_one(LogPane)
        await at.until(lambda: pane.line_count > 0, "the log")
        shown = min(len(texts), run.log_path.read_bytes().count(b"\n") + 1)
        found.expect(pane.line_count == shown, f"{pane.line_count} lines of the log shown of {shown}")
        await at.walk(pane)


def _spoiled(fact: e.Event, texts: list[str]) -> e.Event:
    match fact:
        case e.RunStarted():
            return replace(fact, host=texts[0], command=texts[1])
        case e.DeviceChosen():
            return replace(fact, name=texts[2], device=texts[3], reason=texts[4], precision=texts[5])
        case e.PlanMade():
            return replace(fact, base=texts[6], forward=texts[7])
        case e.StageChanged():
            return replace(fact, detail=texts[len(fact.stage)])
        case e.DataReady():
            return replace(fact, source=texts[0])
        case e.ModelSaved():
            return replace(fact, metric=texts[8])
    return fact


async def runs_room(folder: Path, texts: list[str], found: Findings) -> None:
    """The table with each string in every column, an opened run with strings for classes, tags and notes."""
    store = RunStore(folder / "runs")
    run = finished_run(store, shape=Shape(names=tuple(dict.fromkeys(texts))[:24], epochs=1, steps_per_epoch=6))
    (run.path / "notes.toml").write_text(f"tags = {json.dumps(carried(texts[:9]), ensure_ascii=False)}\n")
    with mock.patch.object(tui.screens.run_reading, "PERIOD", 1e6):
        async with opened(folder, "runs", texts, found) as at:
            screen = at.app.screen
            await at.until(lambda: bool(screen.query(RunTable)) and screen.query_one(RunTable).row_count > 0, "runs")
            await at.until(lambda: bool(screen.runs), "all runs")  # type: ignore[attr-defined]
            screen.post_message(tui.screens.run_reading.ListRead([_summary(n, t) for n, t in enumerate(texts)], True))
            table = screen.query_one(RunTable)
            await at.until(lambda: "run-0" in str(table._cells), "the made-up runs")
            table.action_last()
            await at.pilot.pause()
            found.expect(table.row_count == len(texts), f"{table.row_count} runs shown of {len(texts)}")
            await at.walk(table)
            screen.query_one("#filter", Field).value = texts[-1]
            await at.pilot.pause()
            at.look()
        async with opened(folder, "runs", texts, found) as at:
            from tui.screens.run_detail import RunDetail

            detail = RunDetail(run)
            at.app.push_screen(detail)
            await at.until(lambda: "confusion" in {one.id for one in detail.query("*") if one.display}, "the report")
            await at.pilot.pause()
            await at.walk(detail.query_one("#sheet"))


def _summary(number: int, text: str) -> Summary:
    path = Path("/nowhere") / f"run-{number}"
    worst = None if number % 3 else 0.5
    tags, problem = (text, text[::-1]), text if number % 5 == 0 else ""
    return Summary(path.name, path, RunState.FINISHED, 1.0, 2.0, text, text, 0.5, 0.5, text, worst, tags, problem, text)


async def try_room(folder: Path, texts: list[str], found: Findings) -> None:
    """Answers with strings for classes, the history, an error, and what is typed and pasted."""
    async with opened(folder, "try", texts, found) as at:
        screen = at.app.screen
        await at.until(lambda: bool(screen.query("#model")), "the choice of the model")
        history, shown, line = screen.query_one(HistoryList), screen.query_one(Prediction), screen.query_one(Field)
        filed = texts[:400]
        for start in range(0, len(texts), 10):
            names = tuple((name, 0.1) for name in texts[start : start + 10])
            shown.answer(Answer(texts[start], names, 1.0, texts[start], names[-1][0], True), 100)
            line.value = texts[start]
            await at.pilot.pause()
            at.look()
            shown.fail(DataError(*(texts[(start + n) % len(texts)] for n in range(3))), 100)
            await at.pilot.pause()
            at.look()
        for text in filed:
            history.answers.insert(0, ("tiny", Answer(text, ((text, 0.9),), 1.0, "onnx", "", False)))
        history.draw()
        await at.pilot.pause()
        found.expect(history.option_count == len(filed), f"{history.option_count} filed of {len(filed)}")
        await at.walk(history)
        for text in filed[:40]:
            at.app.notify(text, markup=False, timeout=0.05)
        await at.pilot.pause()


ROOMS = (data_room, configure_room, train_room, runs_room, try_room)

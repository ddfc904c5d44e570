"""The whole workbench over an empty runs folder, with a child that needs neither pandas nor a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

import tui.app
from core.config import RunConfig
from core.launch import again
from core.runs import Run, RunStore
from tests.tui import fake_child
from tui.app import Workbench
from tui.engine import Engine
from tui.sources import data_config

FAKE = str(Path(fake_child.__file__))


def fake_engine() -> Engine:
    """An engine whose children are `fake_child`."""
    return Engine(lambda arguments: [sys.executable, "-P", FAKE, *arguments])


def painted(app: App[Any]) -> str:
    """Every character on the screen."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


@pytest.fixture
def workbench(tmp_path: Path) -> Callable[..., Workbench]:
    """Builds the app on a source; `real` for the engine's own children."""

    def build(source: str = "sample", *, real: bool = False) -> Workbench:
        store = RunStore(tmp_path / "runs")
        return Workbench(store, RunConfig(data=data_config(source)), None if real else fake_engine())

    return build


@pytest.fixture
def fake_model(tmp_path: Path) -> str:
    """A finished run as far as the Try room looks: its name."""
    run = RunStore(tmp_path / "runs").create(RunConfig(), "brisk-otter")
    run.model_path.mkdir()
    (run.model_path / "config.json").write_text("{}")
    return run.name


@pytest.fixture(autouse=True)
def utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts in braille, whatever the locale of the machine."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty runs folder that is there."""
    store = RunStore(tmp_path / "runs")
    store.prepare()
    return store


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that a trainer was started on; this process, which lives, stands for it."""
    found: list[str] = []

    def start(run: Run) -> None:
        run.note_launch(os.getpid())
        found.append(run.name)

    monkeypatch.setattr(again, "start", start)
    monkeypatch.setattr(tui.app, "start", start)
    return found

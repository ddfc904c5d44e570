"""A run that trains, and the screen in a terminal beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.launch import start
from core.runs import Run, RunStore, follow
from core.training import events as e
from tests.core.test_session import config_for, write_reviews


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Run]:
    """A run of a tiny model that trains until it is stopped, its first steps done."""
    source = write_reviews(tmp_path / "reviews.csv", 400)
    run = RunStore(tmp_path / "runs").create(config_for(tmp_path, source, epochs=1000), "long-hare")
    start(run)
    for batch in follow(run):
        if any(isinstance(record.event, e.StepsFinished) for record in batch.records):
            break
    yield run
    if run.state().is_live:
        run.ask("stop")
        for _ in follow(run):
            pass

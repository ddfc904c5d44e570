"""Fixtures that every room's tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from core.launch import child_environment
from core.runs import RunStore

settings.register_profile("finetui", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("finetui")

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty place for runs."""
    return RunStore(tmp_path / "runs")


@pytest.fixture(autouse=True)
def state_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program remembers of a person stays in the test: recent sources, when the screen was last open."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of hidden size 32 with two layers and a tokenizer of its own."""
    from tests.tiny import tiny_bert

    return tiny_bert(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that sums come out in one order; a module asks for it with `pytestmark`."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts `python -c SCRIPT ARGUMENTS` with our packages importable; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:  # what we had still to say to it
                    continue

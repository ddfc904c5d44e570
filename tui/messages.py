"""What rooms and widgets tell each other. Facts only; the app and the rooms decide what follows."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class RunLaunched(Message):
    """A trainer was started on the run of this name."""

    name: str


@dataclass
class RunSelected(Message):
    """A person chose the run of this name: rooms that show one run show this one."""

    name: str


@dataclass
class RunEnded(Message):
    """The run of this name is no longer live."""

    name: str


@dataclass
class RunsChanged(Message):
    """Runs were deleted or brought back: lists of runs look again."""


@dataclass
class DataProfiled(Message):
    """The data on screen was read; `usable` when a run could train on it."""

    usable: bool

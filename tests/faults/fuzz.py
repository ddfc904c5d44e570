"""The long form: hostile strings through every room of the screen and every command."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from unittest import mock

from tests.faults.fuzz_commands import Commands, run_all
from tests.faults.fuzz_screen import ROOMS, Findings
from tests.faults.hostile import strings
from tests.faults.score import Score, Tally
from tests.tiny import tiny_bert

BATCH = 400
"""Strings that a room is opened with at a time."""


def surroundings(folder: Path) -> dict[str, str]:
    """An environment in which nothing of a person's is read or written."""
    names = ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    return {"LC_ALL": "C.UTF-8", "HF_HUB_OFFLINE": "1", **{name: str(folder / name.lower()) for name in names}}


def rooms(texts: list[str], folder: Path) -> Findings:
    """Every room on these strings."""
    found = Findings()
    for room in ROOMS:
        place = folder / room.__name__
        place.mkdir(parents=True)
        asyncio.run(room(place, texts, found))
    return found


def commands(texts: list[str], folder: Path, base: Path | None = None) -> Commands:
    """Every command on these strings; those that need a model only with a `base` to train."""
    folder.mkdir(parents=True)
    return run_all(folder, texts, base)


def run(tries: int, folder: Path) -> Score:
    """`tries` strings through everything; what came out raw, was taken for markup or ended in an error is counted."""
    tally, texts, paintings = Tally(), strings(tries), 0
    with mock.patch.dict(os.environ, surroundings(folder)):
        for start in range(0, tries, BATCH):
            batch = texts[start : start + BATCH]
            found = rooms(batch if len(batch) > 60 else texts[-60:], folder / f"screen-{start}")
            tally.tries += len(batch)
            paintings += found.paintings
            for why in found.wrong:
                tally.spoiled(why)
        asked = commands(texts, folder / "commands", tiny_bert(folder / "base"))
        for why in asked.wrong:
            tally.spoiled(why)
    note = f"{paintings} paintings of 5 rooms and 7 dialogs, {asked.calls} calls of commands looked at"
    return tally.score("hostile text", "strings through every room and every command", note)

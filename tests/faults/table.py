"""The faults of the bench: where each one lives, and how often it is tried."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from tests.faults.score import Score


@dataclass(frozen=True, slots=True)
class Fault:
    """A module of this folder with `run(tries, folder) -> Score`, and its `tries` in the long and the short form."""

    module: str
    long: int
    short: int

    def run(self, folder: Path, *, short: bool = False) -> Score:
        """Try it in an empty folder."""
        module = importlib.import_module(f"tests.faults.{self.module}")
        score = module.run(self.short if short else self.long, folder)
        assert isinstance(score, Score)
        return score


FAULTS = {
    "kills-training": Fault("training", 1000, 6),
    "kills-commit": Fault("kills_commit", 1000, 12),
    "power": Fault("power", 256, 12),
    "boundaries": Fault("boundaries", 0, 30),
    "disk-full": Fault("disk_full", 0, 100),
    "disk-full-training": Fault("disk_full_training", 4, 1),
    "bit-flips": Fault("bit_flips", 200, 40),
    "torn-log": Fault("torn_log", 2000, 100),
    "races": Fault("races", 5, 1),
    "hang-ups": Fault("hangups", 50, 3),
    "hostile-text": Fault("fuzz", 10_000, 100),
}
"""Name -> fault. One line adds one."""

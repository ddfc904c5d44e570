"""Which runs can be asked: those with a saved model, the live one's best so far among them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import WorkbenchError
from core.runs import Run, RunStore

NEWEST = 30
"""Runs offered at most."""


@dataclass(frozen=True, slots=True)
class Askable:
    """A run with a model, and what it was trained on."""

    name: str
    path: Path
    data: str


def askable(store: RunStore) -> list[Askable]:
    """The runs whose `model/` is there, newest first."""
    found = []
    for name in store.names():
        run = Run(store.root / name)
        try:
            if (run.model_path / "config.json").is_file():
                data = run.config().data
                found.append(Askable(name, run.path, Path(data.given or data.source).name))
        except (OSError, WorkbenchError):  # a damaged or foreign folder: the Runs room says so
            continue
        if len(found) == NEWEST:
            break
    return found


def choose(found: list[Askable], wanted: str) -> Askable | None:
    """The wanted run when it can be asked, else the newest one."""
    return next((one for one in found if one.name == wanted), found[0] if found else None)

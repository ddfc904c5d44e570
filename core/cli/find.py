"""Which run a person means."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import RunError
from core.runs import Run, RunStore, find_root
from core.text import safe


def find_run(given: str, root: Path | None) -> Run:
    """The run of that name in the runs folder, or the run folder at that path. Raises `RunError`."""
    folder = Path(given).expanduser()
    if os.sep not in given:
        return RunStore(find_root(root).path).open(given)
    if not (folder / "run.toml").is_file():
        raise RunError(f"{safe(given)} is not a run folder", "It has no run.toml.", "finetui runs lists the runs.")
    return Run(folder.absolute())

"""The data set that was read last, for a process that is asked about one file again and again."""

from __future__ import annotations

from pathlib import Path

from core.config import DataConfig
from core.data.dataset import Dataset, load_dataset
from core.protocol import Progress, no_progress
from core.runs.corrections import state_of

_kept: dict[object, Dataset] = {}


def kept_dataset(config: DataConfig, progress: Progress = no_progress) -> Dataset:
    """What `load_dataset` gives, read anew only when its settings or its files have changed.

    Settings of a run are changed a dozen times, its data hardly ever. Folders and what lies elsewhere are always read.
    """
    key = _key(config)
    if key is None:
        return load_dataset(config, progress)
    if key not in _kept:
        found = load_dataset(config, progress)
        _kept.clear()
        _kept[key] = found
    return _kept[key]


def _key(config: DataConfig) -> object:
    """Equal for equal rows; None where that cannot be told by looking at files."""
    states = []
    for source in filter(None, (config.source, config.validation_file, config.test_file)):
        path = Path(source)
        if source != "sample" and not path.is_file():
            return None
        state = path.stat() if path.is_file() else None
        states.append((source, state and (state.st_mtime_ns, state.st_size, state.st_ino)))
    if config.corrections:
        states.append((config.corrections, state_of(config.corrections)))
    return config, tuple(states)

"""From what a person named as the source to a table: one place decides who reads it, and joins files given as parts."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import PurePath
from typing import Any

from core.config import DataConfig
from core.config.change import REMOTE
from core.data.sources.join import Piece, join
from core.data.table import PARTS, Table
from core.errors import DataError
from core.protocol import Progress, no_progress
from core.text import safe

__all__ = ["read_table", "stamp"]

_SETTINGS = ("source", "validation_file", "test_file")
"""The settings that name the files of `PARTS`, in this order."""


def read_table(config: DataConfig, progress: Progress = no_progress) -> Table:
    """The source of `config` as a table of text cells, with the files given as its parts, if any.

    Raises `DataError`, or `ConfigError` for a wrong setting.
    """
    alone = [found for found in zip(PARTS, _SETTINGS, _alone(config), strict=True) if found[2].source]
    if len(alone) == 1:
        table = _read_one(config, progress)
        return replace(table, pinned={_SETTINGS[0]: table.source})
    names = [_shown(one) for _, _, one in alone]
    _refuse_copies(names, [one for _, _, one in alone])
    short = [PurePath(name).name for name in names]
    names = short if len(set(short)) == len(short) else names
    pinned: dict[str, str] = {}

    def read_piece(setting: str, one: DataConfig, name: str, config: DataConfig) -> Table:
        table = _read_piece(one, name, progress, config)
        pinned[setting] = table.source
        return table

    pieces = [
        Piece(safe(name), part, partial(read_piece, setting, one, safe(name)))
        for name, (part, setting, one) in zip(names, alone, strict=True)
    ]
    return replace(join(pieces, config, strict=True), pinned=pinned)


def _refuse_copies(names: list[str], alone: list[DataConfig]) -> None:
    """Raise `DataError` when one file stands behind two names. A wrong name is told too, before anything is read."""
    known: dict[Hashable, str] = {}
    for name, one in zip(names, alone, strict=True):
        mark = stamp(one)
        if same := known.get(mark):
            what = f"{safe(name)} is named twice." if same == name else f"{safe(same)} and {safe(name)} are one file."
            raise DataError("One file is given as two parts", what, "Name another file.")
        known[mark] = name


def stamp(config: DataConfig) -> Hashable:
    """Something that is equal as long as no file behind the source was changed. Raises `DataError` for none."""
    stamps = tuple(_module(one).stamp(one) for one in _alone(config) if one.source)
    return stamps[0] if len(stamps) == 1 else stamps


def _alone(config: DataConfig) -> tuple[DataConfig, DataConfig, DataConfig]:
    """The configuration of each part's own file: those of validation and test are without a source where none is."""
    files = (config.validation_file, config.test_file)
    main = replace(config, validation_file="", test_file="")
    validation, test = (replace(main, source=file, given="") for file in files)
    return main, validation, test


def _read_one(config: DataConfig, progress: Progress) -> Table:
    read: Callable[[DataConfig, Progress], Table] = _module(config).read_table
    return read(config, progress)


def _read_piece(alone: DataConfig, name: str, progress: Progress, config: DataConfig) -> Table:
    """One of several given files, read with the layout that `config` has by now."""
    table = _read_one(replace(alone, quoting=config.quoting, header=config.header), progress)
    if table.part is not None:
        what = f"{name} comes in parts itself: {', '.join(one.name for one in table.members)}."
        raise DataError(
            "This source comes in parts", what, "Leave out --validation-file and --test-file, or name files."
        )
    return table


def _module(config: DataConfig) -> Any:
    """Who reads this source. The remote ones are loaded only when named: they need a client library."""
    kind = next((one.removesuffix(":") for one in REMOTE if config.source.startswith(one)), "local")
    return import_module(f"core.data.sources.{kind}")


def _shown(config: DataConfig) -> str:
    return config.given or config.source

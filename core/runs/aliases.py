"""Names that runs had before, where a configuration still points to them: `.names/OLD` holds the new name.

A child's base model and the split it uses again are paths into its parent's folder. Its `run.toml` is never rewritten:
what points to a folder that is gone is followed when the configuration is read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from core.config import RunConfig
from core.runs.atomic import write_file
from core.runs.names import valid_name

FOLDER = ".names"


def named_now(root: Path, old: str) -> str:
    """The name that the run has now which configurations know as `old`; empty when they know none as that."""
    if not valid_name(old):
        return ""
    try:
        found = (root / FOLDER / old).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
    return found if valid_name(found) else ""


def lead(root: Path, old: str, new: str, *, is_needed: bool) -> None:
    """Let what led to `old` lead to `new`, and so `old` itself where it `is_needed`. Raises `OSError`."""
    folder = root / FOLDER
    known = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    for name in known:
        if name != new and named_now(root, name) == old:
            write_file(folder / name, f"{new}\n")
    if is_needed:
        folder.mkdir(mode=0o700, exist_ok=True)
        write_file(folder / old, f"{new}\n")
    drop(root, new)


def drop(root: Path, old: str) -> None:
    """Let nothing be known as `old` any more. Raises nothing."""
    with suppress(OSError):
        (root / FOLDER / old).unlink()
    with suppress(OSError):  # it holds others still
        (root / FOLDER).rmdir()


def followed(config: RunConfig, root: Path | None = None) -> RunConfig:
    """`config` with paths into folders of runs that were renamed since leading to where these are now.

    `root`: where a split is looked for that is given by the bare name of a run.
    """
    of, base = config.split.of, config.model.base
    if root is not None and of and os.sep not in of and not (root / of).exists():
        of = named_now(root, of) or of
    elif os.sep in of:
        of = _followed_path(of)
    if os.sep in base:
        base = _followed_path(base)
    if of != config.split.of:
        config = config.with_value("split.of", of)
    return config if base == config.model.base else config.with_value("model.base", base)


def _followed_path(given: str) -> str:
    path = Path(given)
    if not path.is_absolute() or path.exists():
        return given
    for folder in (path, *path.parents[:3]):
        if now := named_now(folder.parent, folder.name):
            return str(folder.parent / now / path.relative_to(folder))
    return given

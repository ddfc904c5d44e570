"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """`path` with `~` and `~user` resolved; as it is where nobody has that name: then nothing lies there either."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):
        return Path(path)

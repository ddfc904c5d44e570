"""What lies in the trash of a runs folder, and which entry a person means."""

from __future__ import annotations

from pathlib import Path

from core.errors import RunError
from core.runs.store import TRASH


def name_of(place: Path) -> str:
    """The name that the run at this place of the trash had."""
    return place.name.rsplit("~", 1)[0]


def kept(root: Path) -> list[Path]:
    """The entries of the trash below `root`, the newest first; none when it cannot be read."""
    try:
        places = [place for place in (root / TRASH).iterdir() if "~" in place.name]
    except OSError:
        return []
    return sorted(places, key=lambda place: place.name.rsplit("~", 1)[1].zfill(20), reverse=True)


def find(root: Path, given: str) -> Path:
    """The entry of that name: its own, that of a run (its newest), or a beginning that only one run has.

    Raises `RunError` with what is there when none or more than one is meant.
    """
    places = kept(root)
    whole = [place for place in places if given in (place.name, name_of(place))]
    begun = [place for place in places if given and name_of(place).startswith(given)]
    names = list(dict.fromkeys(map(name_of, begun)))
    if whole or len(names) == 1:
        return (whole or begun)[0]
    if names:
        raise RunError(f"More than one run in the trash begins with {given!r}", _some(names))
    everything = list(dict.fromkeys(map(name_of, places)))
    there = f"There: {_some(everything)}." if everything else "It is empty."
    raise RunError(f"{given!r} is not in the trash", f"Looked in {root / TRASH}. {there}")


def _some(names: list[str]) -> str:
    rest = len(names) - 8
    return ", ".join(names[:8]) + (f" and {rest} more" if rest > 0 else "")

"""What is to be expected of a run, as a forecast child tells it: arithmetic at once, a measurement a little later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outlook:
    """Seconds from launch to end, and bytes at the peak; `probed` when both were measured, else they are marked ~."""

    seconds: float
    probed: bool
    how: str
    peak: int | None
    free: int | None
    fits: bool
    proposal: dict[str, int] = field(default_factory=dict)
    """Settings that fit where these do not."""


def outlook_of(answer: dict[str, Any]) -> Outlook:
    """The forecast in a child's answer."""
    peak, free = answer.get("peak_bytes"), answer.get("free_bytes")
    return Outlook(
        float(answer["seconds"]),
        bool(answer["probed"]),
        str(answer.get("how") or ""),
        None if peak is None else int(peak),
        None if free is None else int(free),
        bool(answer.get("fits", True)),
        {str(path): int(value) for path, value in dict(answer.get("proposal") or {}).items()},
    )

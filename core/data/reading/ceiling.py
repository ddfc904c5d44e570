"""How much may come out of a file that is packed, or packs its own content."""

from __future__ import annotations

from core.errors import DataError

_ALWAYS = 1 << 26
_RATIO = 200
"""What is allowed out of a packed file: 64 MiB whatever its size, beyond that 200 times its size. Text packs to a third
or a tenth; what packs to a thousandth was made to fill a machine."""


class Ceiling:
    """Counts what comes out of one source, however often it is packed, and stops it when no data packs to so little."""

    # `packed`: the bytes of the source; `always`: what may come out whatever those are, 64 MiB where not said.
    def __init__(self, packed: int, name: str, always: int = 0) -> None:
        self._most = max(_RATIO * packed, always or _ALWAYS)
        self._packed, self._name = packed, name
        self._out = 0

    def add(self, size: int) -> None:
        """`size` more bytes came out. Raises `DataError` when they are too many."""
        self._out += size
        if self._out > self._most:
            raise DataError(
                "This file unpacks to far more than its size",
                f"{self._name} has {self._packed} bytes and holds more than {self._most}: a zip bomb, or damaged.",
                "If you trust it, unpack it yourself or save it as CSV, and name that.",
            )

"""What the weights of a model folder are, by the headers of its safetensors files: no weight is read.

A safetensors file is eight bytes (the header's length, little-endian), the header as JSON, and the data:
https://huggingface.co/docs/safetensors#format
"""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.text import safe

AGAIN = "Fetch or save the model again, or choose another: --model starter."

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_LONGEST = 16 << 20
"""Bytes of a header at most. The format allows 100 MB, but that of an encoder has fifty thousand bytes."""

_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4,
          "I64": 8, "U64": 8, "F64": 8}  # fmt: skip
"""Of one number in each format; packed ones are not among them."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor as it lies in its file: its format, for example `F32` or `BF16`, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def read_tensors(folder: Path) -> dict[str, Stored]:
    """Every tensor of the model in `folder` by name. Raises `ModelError` when a file is missing, damaged or cut."""
    found: dict[str, Stored] = {}
    for path in _files(folder):
        found |= _header(path)
    return found


def _files(folder: Path) -> list[Path]:
    """The files that transformers would load: one, or those that an index names."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    try:
        listing = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in listing.values()})
    except FileNotFoundError:
        others = ", ".join(safe(path.name) for path in sorted(folder.glob("*.safetensors"))[:3])
        raise ModelError(
            f"{safe(folder.name)} has no {WEIGHTS}", f"It holds {others}." if others else str(folder), AGAIN
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
        raise ModelError(f"{folder / INDEX} cannot be read", safe(repr(broken))[:200], AGAIN) from None
    missing = [name for name in names if not _is_part(folder, name)]
    if missing:
        raise ModelError(
            f"The weights of {safe(folder.name)} are not complete",
            f"{len(missing)} of {len(names)} files are not there, the first is {safe(missing[0])}.",
            AGAIN,
        )
    return [folder / name for name in names]


def _is_part(folder: Path, name: str) -> bool:
    """Whether the index names a file of this folder's: never a path, never another kind of file."""
    return Path(name).name == name and name.endswith(".safetensors") and (folder / name).is_file()


def _header(path: Path) -> dict[str, Stored]:
    """The header of one file. Raises `ModelError`."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as handle:
            start = handle.read(8)
            if start == b"version ":  # of https://git-lfs.github.com/spec/v1
                raise ModelError(
                    f"{safe(path.name)} is a placeholder",
                    "git cloned the folder without its large files.",
                    f"Fetch them: git -C {shlex.quote(str(path.parent))} lfs pull",
                )
            length = int.from_bytes(start, "little")
            if len(start) < 8 or not 2 <= length <= min(_LONGEST, size - 8):
                raise _damaged(path, "it does not begin with a safetensors header, or was cut off inside it")
            entries = json.loads(handle.read(length))
    except (OSError, ValueError, RecursionError) as broken:
        raise _damaged(path, safe(str(broken))[:200]) from None
    try:
        entries.pop("__metadata__", None)
        end = _end(entries)
        found = {name: _stored(entry) for name, entry in entries.items()}
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as broken:
        raise _damaged(path, f"its header is not understood: {safe(repr(broken))[:200]}") from None
    if 8 + length + end != size:
        raise _damaged(path, f"it has {size} bytes where its header says {8 + length + end}")
    return found


def _stored(entry: dict[str, Any]) -> Stored:
    return Stored(str(entry["dtype"]), tuple(_count(size) for size in entry["shape"]))


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is no size")
    return value


def _end(entries: dict[str, Any]) -> int:
    """Bytes of data that the header tells of. Raises `ValueError` where tensors overlap, leave gaps or do not fit."""
    spans: list[tuple[int, int, str]] = []
    for name, entry in entries.items():
        start, end = map(_count, entry["data_offsets"])
        spans.append((start, end, name))
    at = 0
    for start, end, name in sorted(spans):
        one = _stored(entries[name])
        if start != at or end < start:
            raise ValueError(f"{name[:60]} lies from {start} to {end}, the one before it ends at {at}")
        if one.dtype in _BYTES and math.prod(one.shape) * _BYTES[one.dtype] != end - start:
            raise ValueError(f"{name[:60]} has the shape {list(one.shape)[:8]} and {end - start} bytes")
        at = end
    return at


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"The weights of {safe(path.parent.name)} are damaged", f"{path}: {why}.", AGAIN)

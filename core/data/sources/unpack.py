"""Packed bytes: which packing they are in, by their content and never by a name, and what comes out of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from typing import BinaryIO

from core.data.reading.ceiling import Ceiling
from core.errors import DataError
from core.protocol import Progress

HEAD = 512
"""Bytes of a file that tell how it is packed."""

_BLOCK = 1 << 20
_MAGIC = (
    (re.compile(rb"PK(\x03\x04|\x05\x06)"), "zip"),
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\x00"), "xz"),
    (re.compile(rb"[\s\S]{257}ustar"), "tar"),
)
ARCHIVES = ("zip", "tar")
"""Packings that hold files; the others hold one stream of bytes."""

_ENDINGS = (".gz", ".gzip", ".bz2", ".xz", ".zip", ".tgz", ".tbz2", ".txz", ".tar")
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)
"""What the decompressors raise for bytes that are not as they should be."""


def packing(head: bytes) -> str:
    """`zip`, `tar`, `gzip`, `bzip2` or `xz` by the first `HEAD` bytes of a file; empty for what is not packed."""
    return next((kind for magic, kind in _MAGIC if magic.match(head)), "")


def bare_name(path: str) -> str:
    """A path without the ends that only say how the file is packed: `a/reviews.csv.gz` -> `a/reviews.csv`."""
    lower = path.lower()
    while end := next((one for one in _ENDINGS if lower.endswith(one) and lower != one), ""):
        lower = lower[: -len(end)]
        if lower.endswith("/"):
            break
    return path[: len(lower)]


def suffix_of(path: str) -> str:
    """The end of a file's name that says what is in it, in lower case: `a/reviews.csv.gz` -> `.csv`."""
    name = bare_name(path).rpartition("/")[2]
    stem, dot, end = name.rpartition(".")
    return f".{end.lower()}" if dot and stem and end else ""


def inflate(raw: bytes, kind: str, name: str, progress: Progress, ceiling: Ceiling) -> bytes:
    """What a gzip, bzip2 or xz stream holds. Raises `DataError` for a damaged one and for a bomb."""
    inside = io.BytesIO(raw)
    blocks: list[bytes] = []
    try:
        with _open(inside, kind) as stream:
            while block := stream.read(_BLOCK):
                ceiling.add(len(block))
                blocks.append(block)
                progress(inside.tell(), len(raw), "unpacking")
    except DAMAGE as broken:
        raise damaged(name, f"{kind}-compressed", broken) from None
    return b"".join(blocks)


def _open(inside: BinaryIO, kind: str) -> BinaryIO:
    if kind == "gzip":
        return gzip.GzipFile(fileobj=inside, mode="rb")  # type: ignore[return-value]
    return bz2.BZ2File(inside) if kind == "bzip2" else lzma.LZMAFile(inside)  # type: ignore[return-value]


def damaged(name: str, what: str, broken: Exception) -> DataError:
    """The error for a packed file that cannot be unpacked."""
    cut = isinstance(broken, EOFError)
    why = "it ends too early" if cut else str(broken).rstrip(".") or type(broken).__name__
    return DataError("This file is damaged", f"{name} is {what}: {why}.", "Fetch or copy it again.")

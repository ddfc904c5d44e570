"""The files in a zip or tar archive. Nothing is ever written to disk; damage and traps are named."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Sequence
from functools import partial
from stat import S_ISLNK
from typing import BinaryIO

from core.data.reading.ceiling import Ceiling
from core.data.sources.entry import Entry, is_clutter, left_out, listed
from core.data.sources.unpack import DAMAGE, damaged
from core.data.table import Decision
from core.errors import DataError
from core.protocol import Progress
from core.text import safe

_BLOCK = 1 << 20
_OUTSIDE = re.compile(r"^/|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)")
_BROKEN = (*DAMAGE, zipfile.BadZipFile, tarfile.TarError, NotImplementedError, RuntimeError, ValueError)

_OFFICE = "Save the sheet as CSV in your office program."
_NO_DATA = (
    (re.compile(r"xl/"), "an Excel workbook", _OFFICE),
    (re.compile(r"word/document\.xml$"), "a Word document", "Copy its table into a CSV file."),
    (re.compile(r"ppt/"), "a PowerPoint document", "Name a table of texts and labels."),
    (re.compile(r"META-INF/manifest\.xml$"), "an OpenDocument file", _OFFICE),
    (re.compile(r"(?:[^/]+/)?data\.pkl$"), "a saved PyTorch object", "Save texts and labels as CSV or Parquet."),
)


def entries_of(
    stream: BinaryIO, kind: str, size: int, name: str, progress: Progress, ceiling: Ceiling
) -> tuple[list[Entry], tuple[Decision, ...]]:
    """The files in an archive of `size` bytes, and what was decided about them.

    `stream` is read from later too, by the entries; what they unpack counts against `ceiling`. Raises `DataError` for
    an archive that is damaged, encrypted, empty, full of traps only, or no archive of data but an office document.
    """
    try:
        found = _in_zip(stream, name, ceiling, progress) if kind == "zip" else _in_tar(stream, size, name, progress)
    except _BROKEN as broken:
        raise damaged(name, f"a {kind} archive", broken) from None
    if not found:
        raise DataError("This archive is empty", f"{name} holds no files.", "Name a table of texts and labels.")
    outside = [one for one in found if _OUTSIDE.search(one.path)]
    kept = [one for one in found if not _OUTSIDE.search(one.path)]
    if not kept:
        what = f"{name}: the names of its files lead out of it, such as {listed([one.path for one in outside], 1)}."
        raise DataError("There is nothing to read", what, "Unpack it where it may lead to, and name the table.")
    decision = Decision("archive", kind, "by its content")
    return kept, (decision, *left_out(outside, "their names lead out of the archive"))


def _in_zip(stream: BinaryIO, name: str, ceiling: Ceiling, progress: Progress) -> list[Entry]:
    archive = zipfile.ZipFile(stream)
    files = [one for one in archive.infolist() if not one.is_dir() and not S_ISLNK(one.external_attr >> 16)]
    _refuse_office([one.filename for one in files], name)
    if any(one.flag_bits & 1 and not is_clutter(one.filename) for one in files):
        step = "Unpack it with its password and name the table inside."
        raise DataError("This archive is encrypted", f"{name} asks for a password.", step)
    return [
        Entry(one.filename.replace("\\", "/"), one.file_size, partial(_unzip, archive, one, name, ceiling, progress))
        for one in files
    ]


def _refuse_office(paths: Sequence[str], name: str) -> None:
    for pattern, kind, step in _NO_DATA:
        if any(pattern.match(path) for path in paths):
            raise DataError("This is no table of text", f"{name} is {kind}.", step)


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, ceiling: Ceiling, progress: Progress) -> bytes:
    blocks: list[bytes] = []
    done = 0
    try:
        with archive.open(member) as stream:
            while block := stream.read(_BLOCK):  # in blocks, for the size that an archive states may be a lie
                ceiling.add(len(block))
                blocks.append(block)
                done += len(block)
                if member.file_size > _BLOCK:
                    progress(done, member.file_size, "unpacking")
    except _BROKEN as broken:
        raise damaged(f"{name}/{safe(member.filename)}", "in a zip archive", broken) from None
    return b"".join(blocks)


def _in_tar(stream: BinaryIO, size: int, name: str, progress: Progress) -> list[Entry]:
    archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115  # `stream` is the caller's
    found: list[Entry] = []
    for one in archive:
        if one.isreg() and not one.issparse():
            found.append(Entry(one.name.removeprefix("./"), one.size, partial(_untar, stream, size, one, name)))
        if len(found) % 1000 == 0:
            progress(len(found), 0, "files")
    return found


def _untar(stream: BinaryIO, size: int, member: tarfile.TarInfo, name: str) -> bytes:
    """A file of a tar archive. It is not packed there, so it counts against no ceiling."""
    stream.seek(member.offset_data)
    raw = stream.read(min(member.size, size))
    if len(raw) < member.size:
        raise damaged(f"{name}/{safe(member.name)}", "in a tar archive", EOFError())
    return raw

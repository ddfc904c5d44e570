"""One text file per document, in one folder per class: `neg/ pos/`, or `train/neg train/pos test/neg test/pos`."""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.config import DataConfig
from core.data.reading.ceiling import Ceiling
from core.data.reading.decode import decode
from core.data.sources.entry import Entry, left_out, listed, wrapping
from core.data.sources.naming import part_of_folder
from core.data.sources.opened import opened
from core.data.sources.unpack import packing
from core.data.table import PARTS, Decision, Member, Table, whole_table
from core.protocol import Progress
from core.text import safe

UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")
NO_CLASS = "document without a class"

_OFTEN = 500
_SAMPLE = 1 << 20
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """Documents by class, in the order they become rows."""

    documents: tuple[Entry, ...]
    classes: tuple[str, ...]
    """The class of each document."""
    wrap: str
    """The folders around all of them."""
    unlabelled: tuple[Entry, ...]
    """Documents in a folder whose name says that they have no class."""


def class_folders(documents: Sequence[Entry]) -> ClassFolders | None:
    """The class folders among the text files of a source; None when their folders are no classes.

    There must be two classes, and one must have two documents: else they are a few files that happen to lie in folders.
    """
    wrap = wrapping(documents)
    plain: dict[str, list[Entry]] = defaultdict(list)
    parted: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for one in documents:
        folders = one.path.removeprefix(wrap).split("/")[:-1]
        if len(folders) == 1:
            plain[folders[0]].append(one)
        elif len(folders) == 2 and (part := one.part or part_of_folder(folders[0])):
            parted[part, folders[1]].append(one)
    if len({name for _, name in parted if name.lower() not in UNLABELLED}) > 1:
        return _ordered(parted, wrap)
    if all(part_of_folder(name) for name in plain):
        return None
    return _ordered({("", name): found for name, found in plain.items()}, wrap)


def _ordered(folders: dict[tuple[str, str], list[Entry]], wrap: str) -> ClassFolders | None:
    order = sorted(folders, key=lambda one: (PARTS.index(one[0]) if one[0] else 0, one[1]))
    labelled = [key for key in order if key[1].lower() not in UNLABELLED]
    if len({name for _, name in labelled}) < 2 or max(len(folders[key]) for key in labelled) < 2:
        return None
    documents = [(replace(one, part=part), name) for part, name in labelled for one in folders[part, name]]
    unlabelled = [one for key in order if key not in labelled for one in folders[key]]
    return ClassFolders(
        tuple(one for one, _ in documents), tuple(name for _, name in documents), wrap, tuple(unlabelled)
    )


def read_documents(
    found: ClassFolders, seen: Sequence[Entry], config: DataConfig, name: str, progress: Progress, ceiling: Ceiling
) -> Table:
    """A table of text, label and file. `seen`: every file of the source, to say which are left out. Raises `DataError`.

    What packed documents hold counts against `ceiling`.

    Documents without a class are counted as dropped, after all others, and never read.
    """
    texts, encodings = _texts(found.documents, config.encoding, name, progress, ceiling)
    files = [_as_text(one.path.removeprefix(found.wrap)) for one in found.documents]
    classes = sorted(set(found.classes))
    taken = {one.path for one in (*found.documents, *found.unlabelled)}
    reading = [
        Decision("layout", "a folder per class", f"{len(classes)} folders with text files: {listed(classes, 12)}"),
        *left_out([one for one in seen if one.path not in taken], "in no folder of a class"),
        *encodings,
    ]
    table = whole_table(
        {"text": texts, "label": [_as_text(one) for one in found.classes], "file": files}, config.source, ()
    )
    if parts := Counter(one.part for one in found.documents if one.part):
        shown = [part for part in PARTS if part in parts]
        reading.insert(1, Decision("parts", ", ".join(shown), "by the names of the folders"))
        codes = np.array([PARTS.index(one.part) for one in found.documents], dtype=np.int8)
        table = replace(table, part=codes, members=tuple(Member(part, part, parts[part]) for part in shown))
    if gone := len(found.unlabelled):
        folders = sorted({one.path.removeprefix(found.wrap).rpartition("/")[0] for one in found.unlabelled})
        reason = f"{gone} documents that have no class by the folder's name"
        reading.append(Decision("left out", listed(folders), reason))
        table = replace(table, read=table.read + gone, dropped={NO_CLASS: gone})
    return replace(table, reading=tuple(reading))


def _as_text(path: str) -> str:
    """A path as a cell: bytes of a name that are no UTF-8 stand in it as half surrogates, which no table can hold."""
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _texts(
    documents: Sequence[Entry], asked: str, name: str, progress: Progress, ceiling: Ceiling
) -> tuple[list[str], list[Decision]]:
    """The text of each document, white space around it off, and how they were decoded.

    Those that are no UTF-8 are looked at together: one document is too short to tell an encoding by.
    """
    texts: list[str] = []
    older: dict[int, bytes] = {}
    marked: Counter[str] = Counter()
    for at, one in enumerate(documents):
        raw = one.read()
        if packing(raw):
            raw, _, _ = opened(one, f"{name}/{safe(one.path)}", progress, ceiling)
        if asked or raw.startswith(_MARKS) or b"\0" in raw:
            decoded = decode(raw, asked, f"{name}/{safe(one.path)}")
            marked.update(one.value for one in decoded.decisions if one.what == "encoding")
            texts.append(decoded.data.decode("utf-8"))
        else:
            try:
                texts.append(raw.decode("utf-8"))
            except UnicodeDecodeError:
                older[at] = raw
                texts.append("")
        if at % _OFTEN == 0 or at + 1 == len(documents):
            progress(at + 1, len(documents), "documents")
    decisions = _decode_older(older, texts, name)
    if rest := len(documents) - len(older) - marked.total():
        reason = (
            "every byte is valid UTF-8" if not decisions and not marked else f"{rest} of {len(documents)} documents"
        )
        decisions.insert(0, Decision("encoding", "utf-8", reason))
    why = "as asked" if asked else "by byte-order mark or zero bytes"
    decisions += [Decision("encoding", kind, f"{count} documents, {why}") for kind, count in marked.items()]
    return [text.replace("\r\n", "\n").strip() for text in texts], decisions


def _decode_older(older: dict[int, bytes], texts: list[str], name: str) -> list[Decision]:
    """Decode the documents that are no UTF-8 in place, all in one encoding."""
    if not older:
        return []
    sample = b"\n".join(older.values())[:_SAMPLE]
    guess = next(one for one in decode(sample, "", name).decisions if one.what == "encoding")
    for at, raw in older.items():
        texts[at] = raw.decode(guess.value, "replace")
    reason = f"{len(older)} of {len(texts)} documents are not UTF-8"
    if guess.value == "utf-8":
        return [Decision("encoding", "utf-8", f"{reason}, but nearly: damaged places became �")]
    return [Decision("encoding", guess.value, f"{reason} and read cleanly so (a guess: --encoding NAME overrides it)")]

"""Which files of a repository make up a configuration, and which part each is: by the card, else by where they lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from core.data.sources.entry import Entry, is_clutter, listed
from core.data.sources.hub.plan import DEFAULT, File
from core.data.sources.naming import TABLE_SUFFIXES, part_of_folder, tables_of
from core.data.sources.unpack import suffix_of
from core.data.table import PARTS, Decision
from core.errors import DataError
from core.text import safe

_PARQUET = (".parquet", ".pq")
_PACKED = (".zip", ".tar", ".tgz", ".gz")
_SHARD = re.compile(r"(?P<split>.*?)[-_.]?\d+(?:-of-\d+)?(?:-[0-9a-f]{8,})?")
"""`train-00000-of-00002`, `train-00000-of-00001-3f0c2a1b9d8e7f65`, `0000`."""

Layout = dict[str, list[File]]
"""Files by configuration; `File.part` holds the name of the split as its author wrote it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The configuration taken and its files, those that are left out gone."""

    configuration: str
    files: tuple[File, ...]
    said: tuple[Decision, ...]
    only: bool = False
    """Whether there is no other configuration."""


def choose(files: Iterable[File], card: Mapping[str, Any], wanted: str, name: str) -> Choice | None:
    """The files of `wanted` (empty: the only one, or the card's default): as the card says, else the Parquet files.

    Nothing when the repository holds neither. Raises `DataError` when it has several, or not this one.
    """
    kept = [one for one in files if not is_clutter(one.path)]
    if one := next((one for one in kept if one.path == wanted), None):
        return Choice(wanted, (one,), (Decision("file", wanted, "as asked"),))
    by_card = _by_card(kept, card)
    layout = by_card or _by_place(one for one in kept if suffix_of(one.path) in _PARQUET)
    if not layout:
        return None
    return _of(layout, _pick(layout, wanted, _marked(card) if by_card else "", name))


def choose_tables(files: Iterable[File], wanted: str, name: str) -> Choice | None:
    """The same in a repository without a word about them: CSV, JSON and the like, or an archive, by their names."""
    kept = [one for one in files if not is_clutter(one.path)]
    if wanted:
        inside = [one for one in kept if one.path.startswith(f"{wanted}/")]
        folders = sorted({one.path.partition("/")[0] for one in _tables(kept) if "/" in one.path})
        if not _tables(inside) and _tables(kept):
            raise _unknown(wanted, folders or [one.path for one in _tables(kept)], name)
        kept = inside
    found = _tables(kept) or [one for one in kept if one.path.lower().endswith(_PACKED)]
    if not found:
        return None
    return Choice(wanted or DEFAULT, tuple(found), (), not wanted)


def _tables(files: list[File]) -> list[File]:
    by_suffix = [one for one in files if suffix_of(one.path) in TABLE_SUFFIXES]
    if len(by_suffix) < 2:
        return by_suffix
    names = {one.path for one in tables_of([Entry(one.path, one.size, bytes) for one in by_suffix])}
    return [one for one in by_suffix if one.path in names]


def _pick(layout: Layout, wanted: str, marked: str, name: str) -> tuple[str, str]:
    """The configuration and why."""
    if wanted in layout:
        return wanted, "as asked"
    if wanted:
        raise _unknown(wanted, list(layout), name)
    if len(layout) == 1:
        return next(iter(layout)), ""
    if marked in layout:
        others = listed([one for one in layout if one != marked])
        return marked, f"its card marks it as the default; {name}/CONFIG takes another: {others}"
    raise DataError(
        "This data set has several configurations",
        f"{name}: {listed(sorted(layout), 30)}.",
        f"Name one: {name}/{safe(sorted(layout)[0])}",
    )


def _unknown(wanted: str, known: list[str], name: str) -> DataError:
    base = name.removesuffix(f"/{wanted}")
    if known == [DEFAULT]:
        what = f"{base} has only one, without a name, and no file {safe(wanted)!r} either."
        return DataError(f"There is no configuration {safe(wanted)!r}", what, f"Leave it out: {base}")
    what = f"{base} has {listed(sorted(known), 30)}."
    return DataError(f"There is no configuration {safe(wanted)!r}", what, f"Name one: {base}/{safe(sorted(known)[0])}")


def _of(layout: Layout, picked: tuple[str, str]) -> Choice:
    """The files of one configuration with their parts; splits that are none of ours are left out, and said."""
    (configuration, why), alone = picked, len(layout) == 1
    said = [Decision("configuration", configuration, why)] if why else []
    parts = {one.part: part_of_folder(one.part.removeprefix("partial-")) for one in layout[configuration]}
    if not any(parts.values()):
        return Choice(configuration, tuple(replace(one, part="") for one in layout[configuration]), tuple(said), alone)
    others = sorted(split for split, part in parts.items() if not part and split)
    if others:
        said.append(Decision("left out", listed(others), f"a split that is none of {', '.join(PARTS)}"))
    cut = sorted(split for split in parts if split.startswith("partial-"))
    if cut:
        said.append(Decision("not whole", listed(cut), "the Hub converted only its first part: it is large"))
    kept = [replace(one, part=parts[one.part]) for one in layout[configuration] if parts[one.part] or not one.part]
    return Choice(configuration, tuple(kept), tuple(said), alone)


def _by_place(files: Iterable[File]) -> Layout:
    """`CONFIG/SPLIT-00000-of-00002.parquet`, `data/SPLIT-….parquet`, `CONFIG/SPLIT/0000.parquet`."""
    layout: Layout = {}
    for one in files:
        *folders, last = one.path.split("/")
        stem = PurePosixPath(last).stem
        shard = _SHARD.fullmatch(stem)
        split = shard["split"] if shard else stem
        if not split or (folders and not part_of_folder(split) and part_of_folder(folders[-1])):
            split = folders.pop() if folders else stem
        if folders[:1] == ["data"]:
            folders = folders[1:]
        layout.setdefault("/".join(folders) or DEFAULT, []).append(replace(one, part=split))
    return layout


def _by_card(files: list[File], card: Mapping[str, Any]) -> Layout:
    """What the card's `configs` say, as far as the files they name are tables that are there."""
    layout: Layout = {}
    for one in _mappings(card.get("configs")):
        folder = str(one.get("data_dir") or "").strip("./")
        found: dict[str, File] = {}
        for split, pattern in _patterns(one.get("data_files")) or ([("", "**")] if folder else []):
            inside = pattern.removeprefix("./")
            match = re.compile(_glob(f"{folder}/{inside}" if folder else inside))
            taken = [file for file in files if match.fullmatch(file.path) and _is_data(file.path)]
            found |= {file.path: replace(file, part=split) for file in taken if file.path not in found}
        if found:
            layout[str(one.get("config_name") or DEFAULT)] = list(found.values())
    return layout


def _is_data(path: str) -> bool:
    return suffix_of(path) in (*TABLE_SUFFIXES, ".txt") or path.lower().endswith(_PACKED)


def _marked(card: Mapping[str, Any]) -> str:
    """The configuration that the card calls the default."""
    configs = list(_mappings(card.get("configs")))
    return next((str(one.get("config_name") or DEFAULT) for one in configs if one.get("default") is True), DEFAULT)


def _patterns(said: Any) -> list[tuple[str, str]]:
    """(split or empty, pattern) of `data_files`: a pattern, a list of them, a mapping, or a list of split and path."""
    if isinstance(said, str):
        return [("", said)]
    if isinstance(said, Mapping):
        return [(str(split), path) for split, paths in said.items() for path in _texts(paths)]
    found: list[tuple[str, str]] = []
    for one in said if isinstance(said, list) else []:
        if isinstance(one, Mapping):
            found += [(str(one.get("split") or ""), path) for path in _texts(one.get("path"))]
        else:
            found += [("", path) for path in _texts(one)]
    return found


def _texts(said: Any) -> list[str]:
    return [str(one) for one in (said if isinstance(said, list) else [said]) if one]


def _mappings(said: Any) -> list[Mapping[str, Any]]:
    return [one for one in (said if isinstance(said, list) else [said]) if isinstance(one, Mapping)]


def _glob(pattern: str) -> str:
    """A pattern of the shell as a regular expression: `*` stays in its folder, `**` does not."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]\\]+\])", pattern)
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meant.get(one) or _range(one) or re.escape(one) for one in pieces)


def _range(piece: str) -> str:
    inside = re.fullmatch(r"\[(!?)([^\]\\]+)\]", piece)
    return f"[{'^' if inside[1] else ''}{inside[2].replace('^', '')}]" if inside else ""

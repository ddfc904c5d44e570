"""What the names of files say: which hold tables, which hold documents, and which part of the data they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.data.reading import DELIMITED_SUFFIXES, JSON_SUFFIXES, PARQUET_SUFFIXES
from core.data.sources.entry import Entry
from core.data.sources.unpack import bare_name, suffix_of

TABLE_SUFFIXES = frozenset((*DELIMITED_SUFFIXES, *JSON_SUFFIXES, *PARQUET_SUFFIXES))

_PARTS = {
    "train": ("train", "training", "trainset"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development", "devset"),
    "test": ("test", "testing", "testset", "eval", "evaluation"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}

_ABOUT = re.compile(
    r"read[-_ .]?me|licen[cs]e|copying|change[-_]?log|notice|citation|authors|contributing|requirements"
)
_SERVES = re.compile(
    r".*sample[-_ ]?submission.*|dataset[-_](infos?|dict|metadata)|state|package(-lock)?|config|metadata|"
    r"croissant|tokenizer.*|vocab"
)
_OTHER = frozenset(
    ".md .rst .py .ipynb .r .html .htm .pdf .png .jpg .jpeg .gif .svg .xml .yaml .yml .toml .css .js .sh .log .bin .pt "
    ".safetensors .npy .npz .pkl .pickle .feat .vocab .arrow .doc .docx .xls .xlsx .ods .odt .mp3 .wav .mp4 .db "
    ".sqlite .7z .zst .rar .lock .bib .tex .ini .cfg .sha256 .md5".split()
)
_SHARD = re.compile(r"(?:^|[-_.])\d+(?:[-_.]of[-_.]\d+)?(?:[-_.][0-9a-f]{8,})?$")


def stem_of(path: str) -> str:
    """A file's name without its folders and ends, in lower case but where a capital begins a word."""
    name = bare_name(path).rpartition("/")[2]
    suffix = suffix_of(path)
    return name[: -len(suffix)] if suffix else name


def is_about(path: str) -> bool:
    """Whether a file tells about the data, by its name: a README, a licence."""
    return _ABOUT.match(stem_of(path).lower()) is not None


def tables_of(entries: Sequence[Entry]) -> list[Entry]:
    """The files that can be tables: by a table's suffix; without such files the `.txt` ones; then any that may be text.

    Files that only serve a data set (a sample submission, `dataset_infos.json`) count when there are no others.
    """
    if len(entries) == 1:
        return list(entries)
    data = [one for one in entries if not is_about(one.path)]
    by_suffix = [one for one in data if suffix_of(one.path) in TABLE_SUFFIXES]
    serving = [one for one in by_suffix if _SERVES.fullmatch(stem_of(one.path).lower())]
    return (
        [one for one in by_suffix if one not in serving]
        or serving
        or [one for one in data if suffix_of(one.path) == ".txt"]
        or [one for one in data if suffix_of(one.path) not in _OTHER]
    )


def documents_of(entries: Sequence[Entry]) -> list[Entry]:
    """The files that can be one text each."""
    no_text = TABLE_SUFFIXES | _OTHER
    return [one for one in entries if suffix_of(one.path) not in no_text and not is_about(one.path)]


def part_of_folder(name: str) -> str:
    """The part that a folder is by its whole name, or empty."""
    return _PART_OF.get(name.lower(), "")


def part_and_rest(path: str) -> tuple[str, tuple[str, ...]]:
    """The part that a file is by its name, else by the nearest folder's; and what is left of its path without that.

    `en/train-00000-of-00002.parquet` -> `train`, (`en/`,). Files of one data set have the same rest. A name with words
    of two parts (`train_test.csv`) is none.
    """
    *folders, _ = path.split("/")
    words = _words(_SHARD.sub("", stem_of(path)))
    found = {_PART_OF[word] for word in words if word in _PART_OF}
    rest = [word for word in words if word not in _PART_OF]
    if not found:
        for at in range(len(folders) - 1, -1, -1):
            inside = _words(folders[at])
            if any(word in _PART_OF for word in inside):
                found = {_PART_OF[word] for word in inside if word in _PART_OF}
                folders[at] = "_".join(word for word in inside if word not in _PART_OF)
                break
    where = "".join(f"{folder}/" for folder in folders if folder)
    return (found.pop() if len(found) == 1 else ""), (*([where] if where else []), *rest)


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return re.findall(r"[^\W\d_]+|\d+", apart)

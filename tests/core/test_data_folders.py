"""Folders: one sub-folder per class, parts, one table, or a question that names the files."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from core.config import DataConfig
from core.data.dataset import load
from core.data.sources import read_table, stamp
from core.data.table import PARTS, Table
from core.errors import DataError


def _write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def _read(root: Path) -> Table:
    return read_table(DataConfig(source=str(root), given="data"))


def _cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(str(cell) for cell in row) for row in table.frame.to_numpy().tolist()]


def _decided(table: Table, what: str) -> list[str]:
    return [one.value for one in table.reading if one.what == what]


def _said(table: Table, value: str) -> str:
    return next(one.reason for one in table.reading if one.value == value)


REVIEWS: dict[str, str | bytes] = {
    "README": "about this data",
    "neg/a.txt": "It never gets going.\n",
    "neg/b.txt": "Long\r\nand dull",
    "pos/a.txt": "A lovely film.",
}


def test_one_folder_per_class(tmp_path: Path) -> None:
    table = _read(_write(tmp_path, REVIEWS))
    assert table.columns == ("text", "label", "file")
    assert _cells(table) == [
        ("It never gets going.", "neg", "neg/a.txt"),
        ("Long\nand dull", "neg", "neg/b.txt"),
        ("A lovely film.", "pos", "pos/a.txt"),
    ]
    assert table.read == 3
    assert table.members == ()
    assert _decided(table, "layout") == ["a folder per class"]
    assert _decided(table, "left out") == ["README"]


def test_the_same_in_an_archive_and_in_wrapping_folders(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in REVIEWS.items():
            archive.writestr(f"movies/all/{name}", content)
    (tmp_path / "movies.zip").write_bytes(out.getvalue())
    wanted = _cells(_read(_write(tmp_path / "plain", REVIEWS)))
    assert _cells(_read(tmp_path / "movies.zip")) == wanted
    assert _cells(_read(tmp_path / "movies.zip" / "movies")) == wanted
    _write(tmp_path / "wrapped" / "movies" / "all", REVIEWS)
    assert _cells(_read(tmp_path / "wrapped")) == wanted


def test_parts_of_class_folders_and_documents_without_a_class(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"imdb.vocab": "the\n", "train/urls_pos.txt": "x", "train/labeledBow.feat": "0:1"}
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            files |= {f"{part}/{label}/{n}.txt": f"{label} text {n} of {part}" for n in range(3)}
    files |= {f"train/unsup/{n}.txt": "no class" for n in range(4)}
    table = _read(_write(tmp_path, {f"aclImdb/{name}": content for name, content in files.items()}))
    assert table.part is not None
    assert [PARTS[code] for code in table.part] == ["train"] * 6 + ["test"] * 6
    assert (len(table.frame), table.read, table.dropped) == (12, 16, {"document without a class": 4})
    assert [(one.name, one.part, one.read) for one in table.members] == [("train", "train", 6), ("test", "test", 6)]
    assert table.place(7) == ("test", 1)
    assert _decided(table, "parts") == ["train, test"]
    assert "4 documents" in _said(table, "train/unsup")


def test_empty_documents_are_rows_that_cleaning_counts(tmp_path: Path) -> None:
    _write(tmp_path, {**REVIEWS, "pos/b.txt": "", "pos/c.txt": " \n"})
    loaded = load(DataConfig(source=str(tmp_path)))
    assert loaded.dataset.read == 5 == len(loaded.dataset.texts) + sum(loaded.dataset.dropped.values())
    assert loaded.dataset.dropped == {"empty text": 2}


def test_documents_in_several_encodings(tmp_path: Path) -> None:
    old = {f"neg/old{n}.txt": f"ein schöner, müder Film über Köln {n}".encode("cp1252") for n in range(5)}
    table = _read(_write(tmp_path, {**REVIEWS, **old, "pos/wide.txt": "Ça va très bien".encode("utf-16")}))
    texts = {file: text for text, _, file in _cells(table)}
    assert texts["neg/old3.txt"] == "ein schöner, müder Film über Köln 3"
    assert texts["pos/wide.txt"] == "Ça va très bien"
    assert _decided(table, "encoding") == ["utf-8", "cp1252", "utf-16-le"]
    assert "a guess" in _said(table, "cp1252")
    asked = read_table(DataConfig(source=str(tmp_path / "neg" / "old3.txt"), encoding="cp1252", header="no"))
    assert "schöner" in asked.frame.to_numpy().tolist()[0][0]


def test_newsgroup_files_without_a_suffix(tmp_path: Path) -> None:
    files = {f"{group}/{n}": f"From somebody\n\nabout {group}" for group in ("rec.autos", "sci.med") for n in (1, 2)}
    assert sorted(set(_read(_write(tmp_path, dict(files))).frame["label"])) == ["rec.autos", "sci.med"]


def test_many_small_documents_tell_their_progress(tmp_path: Path) -> None:
    files = {f"{label}/{n}.txt": f"text {n}" for label in ("a", "b") for n in range(800)}
    _write(tmp_path, dict(files))
    seen: list[tuple[int, int]] = []
    read_table(
        DataConfig(source=str(tmp_path)),
        lambda done, total, what: seen.append((done, total)) if what == "documents" else None,
    )
    assert seen[-1] == (1600, 1600)
    assert len(seen) > 2


def test_the_one_table_in_a_folder(tmp_path: Path) -> None:
    _write(tmp_path, {"data/reviews.csv": "text,label\na b,x\nc d,y\n", "README.md": "hi", ".git/x.csv": "a,b\n1,2\n"})
    table = _read(tmp_path)
    assert (table.columns, table.read, table.members) == (("text", "label"), 2, ())
    assert _decided(table, "file") == ["data/reviews.csv"]


def test_several_tables_without_parts_are_a_question(tmp_path: Path) -> None:
    _write(tmp_path, {"a.csv": "text,label\na b,x\n", "b.csv": "text,label\nc d,y\n"})
    with pytest.raises(DataError, match="several tables") as caught:
        _read(tmp_path)
    assert caught.value.message == "data holds a.csv, b.csv."
    assert "data/a.csv" in caught.value.next_step


def test_folders_with_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to read"):
        _read(tmp_path)
    _write(tmp_path, {"a.png": b"\x89PNG", "b.png": b"\x89PNG"})
    with pytest.raises(DataError, match=r"a\.png, b\.png"):
        _read(tmp_path)


def test_an_error_in_one_file_names_it(tmp_path: Path) -> None:
    _write(tmp_path, {"train.csv": "text,label\na b,x\n", "test.csv": b"\x89PNG\r\n\x1a\n" + bytes(99)})
    with pytest.raises(DataError, match=r"data/test\.csv is a PNG image"):
        _read(tmp_path)


def test_names_that_are_no_utf8_or_would_act_on_a_terminal(tmp_path: Path) -> None:
    _write(tmp_path, {"neg/\x1b]52;c;x\x07.txt": "a b", "pos/a.txt": "c d", "pos/b.txt": "e f"})
    Path(os.fsdecode(os.fsencode(tmp_path / "pos") + b"/caf\xe9.txt")).write_text("g h")
    table = _read(tmp_path)
    assert [file for _, _, file in _cells(table)][1:] == ["pos/a.txt", "pos/b.txt", "pos/caf\ufffd.txt"]
    _write(tmp_path, {"neg/\x1b[31m.txt": b"\x89PNG\0"})
    with pytest.raises(DataError, match="PNG image") as caught:
        _read(tmp_path)
    assert caught.value.message.isprintable()


def test_links_and_pipes_in_a_folder_do_no_harm(tmp_path: Path) -> None:
    _write(tmp_path, REVIEWS)
    (tmp_path / "pos" / "again").symlink_to(tmp_path)
    (tmp_path / "pos" / "gone.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "pos" / "z.txt").symlink_to(tmp_path / "neg" / "a.txt")
    os.mkfifo(tmp_path / "pos" / "pipe.txt")
    assert [file for _, _, file in _cells(_read(tmp_path))] == ["neg/a.txt", "neg/b.txt", "pos/a.txt", "pos/z.txt"]


def test_the_stamp_of_a_folder_changes_with_any_file(tmp_path: Path) -> None:
    config = DataConfig(source=str(_write(tmp_path, REVIEWS)))
    first = stamp(config)
    assert stamp(config) == first
    _write(tmp_path, {"pos/a.txt": "A lovely film, truly."})
    second = stamp(config)
    (tmp_path / "pos" / "a.txt").rename(tmp_path / "pos" / "b.txt")
    assert len({first, second, stamp(config)}) == 3

"""Packed sources: what is inside is read by its content; damage, traps and doubts are named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import DataConfig
from core.data.reading import ceiling
from core.data.sources import read_table, stamp
from core.data.table import Table
from core.errors import DataError

CSV = b"text,label\nWhat a lovely film,positive\nIt never gets going,negative\nA film about bees,neutral\n"
OTHER = b"name,price\nbread,3\nmilk,1\n"


def _read(path: Path, given: str = "") -> Table:
    return read_table(DataConfig(source=str(path), given=given))


def _decided(table: Table, what: str) -> list[str]:
    return [one.value for one in table.reading if one.what == what]


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "end", "pack"),
    [("gzip", ".gz", gzip.compress), ("bzip2", ".bz2", bz2.compress), ("xz", ".xz", lzma.compress)],
)
def test_a_packed_file_is_read_and_said_to_be_packed(
    tmp_path: Path, kind: str, end: str, pack: Callable[[bytes], bytes]
) -> None:
    for name in (f"reviews.csv{end}", "reviews.csv", f"reviews{end}"):
        (tmp_path / name).write_bytes(pack(CSV))
        table = _read(tmp_path / name)
        assert table.columns == ("text", "label")
        assert (table.read, table.rows.tolist()) == (3, [1, 2, 3])
        assert _decided(table, "compression") == [kind]
    (tmp_path / f"twice{end}").write_bytes(pack(pack(CSV)))
    with pytest.raises(DataError, match="packed more than once"):
        _read(tmp_path / f"twice{end}")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_cut_or_damaged_is_named_so(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"".join(b"a text of number %d,%d\n" % (n, n % 2) for n in range(5000)))
    middle = len(packed) // 2
    wrong = packed[:middle] + bytes(255 - byte for byte in packed[middle : middle + 40]) + packed[middle + 40 :]
    for content in (packed[:middle], packed[:-3], wrong):
        (tmp_path / "a.csv.gz").write_bytes(content)
        with pytest.raises(DataError, match="damaged") as caught:
            _read(tmp_path / "a.csv.gz", given="a.csv.gz")
        assert caught.value.message.startswith("a.csv.gz is ")
        assert caught.value.next_step


def test_a_file_that_is_only_named_as_packed_is_read_as_it_is(tmp_path: Path) -> None:
    for name in ("plain.csv.gz", "plain.zip", "plain.tar.gz"):
        (tmp_path / name).write_bytes(CSV)
        table = _read(tmp_path / name)
        assert (table.read, _decided(table, "compression")) == (3, [])


def test_the_suffix_under_the_packing_counts(tmp_path: Path) -> None:
    lines = b'["a", "b"]\n["c", "d"]\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    with pytest.raises(DataError, match="no valid JSON"):
        _read(tmp_path / "a.jsonl.gz")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(lines))
    assert _read(tmp_path / "a.csv.gz").read == 2


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling, "_ALWAYS", 1 << 20)
    zeros = bytes(30 << 20)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(zeros))
    _zip(tmp_path / "bomb.zip", {"a.csv": zeros})
    for name in ("bomb.csv.gz", "bomb.zip"):
        with pytest.raises(DataError, match="far more than its size"):
            _read(tmp_path / name)
    (tmp_path / "honest.csv.gz").write_bytes(gzip.compress(CSV + b"the same row again,neutral\n" * 10_000))
    assert _read(tmp_path / "honest.csv.gz").read == 10_003


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz", "folder"])
def test_many_small_bombs_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(ceiling, "_ALWAYS", 1 << 20)
    small = gzip.compress(b"a " * (300 << 10))
    members = {f"{('neg', 'pos')[at % 2]}/{at}.txt.gz": small for at in range(8)}
    path = tmp_path / "documents"
    if kind == "zip":
        _zip(path, members)
    elif kind == "folder":
        for name, content in members.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    else:
        path.write_bytes(_tar(members, "w:gz" if kind == "tgz" else "w"))
    with pytest.raises(DataError, match="far more than its size"):
        _read(path)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_whose_files_all_lead_out_of_it(tmp_path: Path, kind: str) -> None:
    members = {"../reviews.csv": CSV}
    path = tmp_path / "data"
    if kind == "zip":
        _zip(path, members)
    else:
        path.write_bytes(_tar(members))
    with pytest.raises(DataError, match="lead out of it") as caught:
        _read(path)
    assert "../reviews.csv" in caught.value.message


def test_the_one_table_in_an_archive(tmp_path: Path) -> None:
    members = {
        "data/README.md": b"about",
        "data/LICENSE": b"free",
        "data/reviews.csv": CSV,
        "__MACOSX/data/._reviews.csv": b"\0\1",
        "data/.hidden.csv": OTHER,
    }
    _zip(tmp_path / "a.zip", members)
    (tmp_path / "a.tar").write_bytes(_tar(members))
    (tmp_path / "a.tar.gz").write_bytes(_tar(members, "w:gz"))
    (tmp_path / "a.tgz").write_bytes(_tar(members, "w:gz"))
    (tmp_path / "a.tar.xz").write_bytes(_tar(members, "w:xz"))
    for name in ("a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.xz"):
        table = _read(tmp_path / name)
        assert (table.columns, table.read) == (("text", "label"), 3)
        assert _decided(table, "archive") == ["zip" if name == "a.zip" else "tar"]
        assert _decided(table, "file") == ["data/reviews.csv"]
        assert _decided(table, "left out") == ["data/LICENSE, data/README.md"]
        assert table.part is None


def test_a_table_without_a_suffix_beside_a_readme(tmp_path: Path) -> None:
    _zip(tmp_path / "sms.zip", {"SMSSpamCollection": b"ham\tsee you there\nspam\twin a prize now\n", "readme": b"x"})
    assert _decided(_read(tmp_path / "sms.zip"), "file") == ["SMSSpamCollection"]


def test_several_tables_are_listed_and_one_can_be_named(tmp_path: Path) -> None:
    _zip(tmp_path / "data.zip", {"shop/reviews.csv": CSV, "shop/prices.csv": OTHER})
    with pytest.raises(DataError, match="several tables") as caught:
        _read(tmp_path / "data.zip", given="data.zip")
    assert "shop/prices.csv, shop/reviews.csv" in caught.value.message
    assert "data.zip/shop/prices.csv" in caught.value.next_step
    table = _read(tmp_path / "data.zip" / "shop" / "reviews.csv", given="data.zip/shop/reviews.csv")
    assert table.columns == ("text", "label")
    assert table.source == str(tmp_path / "data.zip" / "shop" / "reviews.csv")
    with pytest.raises(DataError, match="No such file in this archive") as missing:
        _read(tmp_path / "data.zip" / "shop" / "review.csv", given="data.zip/shop/review.csv")
    assert missing.value.next_step == "Did you mean data.zip/shop/reviews.csv?"


def test_a_packed_table_inside_an_archive_as_in_a_competition(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("train.tsv", CSV.replace(b",", b"\t"))
    members = {"train.tsv.zip": inner.getvalue(), "sampleSubmission.csv": b"id,label\n1,0\n"}
    table = _read(_zip(tmp_path / "movies.zip", members))
    assert (table.columns, table.read) == (("text", "label"), 3)
    assert _decided(table, "compression") == ["zip"]
    deeper = io.BytesIO()
    with zipfile.ZipFile(deeper, "w") as archive:
        archive.writestr("train.tsv.zip", inner.getvalue())
    with pytest.raises(DataError, match="packed more than once"):
        _read(_zip(tmp_path / "deep.zip", {"a.zip": deeper.getvalue()}))


def test_archives_that_cannot_be_read(tmp_path: Path) -> None:
    whole = _zip(tmp_path / "whole.zip", {"a.csv": CSV * 200}).read_bytes()
    flagged = bytearray(whole)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        flagged[whole.index(mark) + at] |= 1
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    tar = _tar({"a.csv": CSV * 200})
    cases = [
        (whole[: len(whole) // 2], "damaged"),
        (bytes(flipped), "damaged"),
        (bytes(flagged), "encrypted"),
        (_zip(tmp_path / "empty.zip", {}).read_bytes(), "empty"),
        (_zip(tmp_path / "junk.zip", {"__MACOSX/a.csv": CSV}).read_bytes(), "nothing to read"),
        (_zip(tmp_path / "pictures.zip", {"a.png": b"1", "b.png": b"2"}).read_bytes(), "nothing to read"),
        (_zip(tmp_path / "sheet.zip", {"xl/workbook.xml": b"<a/>"}).read_bytes(), "Excel workbook"),
        (tar[:2000], "damaged"),
    ]
    for content, said in cases:
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(DataError, match=said) as caught:
            _read(tmp_path / "a.zip")
        assert caught.value.next_step


def test_members_that_lead_out_are_left_out_and_said(tmp_path: Path) -> None:
    members = {"../evil.csv": OTHER, "/etc/evil.csv": OTHER, "C:\\evil.csv": OTHER, "ok.csv": CSV}
    table = _read(_zip(tmp_path / "a.zip", members))
    assert table.columns == ("text", "label")
    assert _decided(table, "left out") == ["../evil.csv, /etc/evil.csv, C:/evil.csv"]
    assert not (tmp_path.parent / "evil.csv").exists()


def test_a_damaged_member_is_named_and_the_others_can_be_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bad.csv", OTHER)
        archive.writestr("good.csv", CSV)
    content = (tmp_path / "a.zip").read_bytes().replace(b"bread", b"broad")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.csv"):
        _read(tmp_path / "a.zip" / "bad.csv")
    assert _read(tmp_path / "a.zip" / "good.csv").read == 3


def test_a_path_that_goes_on_below_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    with pytest.raises(DataError, match="cannot be opened"):
        _read(tmp_path / "a.csv" / "b.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV))
    with pytest.raises(DataError, match="no archive"):
        _read(tmp_path / "a.csv.gz" / "b.csv")


def test_an_archive_that_was_changed_has_another_stamp(tmp_path: Path) -> None:
    config = DataConfig(source=str(_zip(tmp_path / "a.zip", {"a.csv": CSV}) / "a.csv"))
    before = stamp(config)
    assert stamp(config) == before
    _zip(tmp_path / "a.zip", {"a.csv": CSV + CSV})
    assert stamp(config) != before
    assert stamp(DataConfig(source=str(tmp_path / "a.zip"))) != stamp(config)


def test_progress_is_told_while_unpacking(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(CSV))
    seen: list[str] = []
    read_table(DataConfig(source=str(tmp_path / "a.csv.gz")), lambda done, total, what: seen.append(what))
    assert {"bytes", "unpacking", "rows"} <= set(seen)

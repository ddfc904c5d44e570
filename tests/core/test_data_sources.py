"""Any file as a table: encodings, delimiters, headers, quotes; read = kept + dropped; bad input says what to do."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from core.config import DataConfig, RunConfig, to_dict
from core.data.dataset import load_dataset
from core.data.service import DataService
from core.data.sources import read_table
from core.data.table import Table
from core.errors import ConfigError, DataError
from core.protocol import no_progress

ROWS = [
    ("What a lovely film, truly", "positive"),
    ("It never gets going at all", "negative"),
    ("A film about bees", "neutral"),
]


def _read(path: Path, content: str | bytes, **settings: object) -> Table:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(DataConfig(source=str(path), **settings))  # type: ignore[arg-type]


def _cells(table: Table) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in table.frame.to_numpy().tolist()]


def _decided(table: Table, what: str) -> str:
    return next(one.value for one in table.reading if one.what == what)


def _csv(rows: list[tuple[str, str]] = ROWS, head: str = "text,label\n", end: str = "\n") -> str:
    return head.replace("\n", end) + "".join(f'"{text}",{label}{end}' for text, label in rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings(tmp_path: Path, encoding: str) -> None:
    rows = [("Ein schönes, großes Café – ja", "gut"), ("日本語のテキスト, ほら", "schlecht")] * 5
    table = _read(tmp_path / "a.csv", _csv(rows).encode(encoding))
    assert table.columns == ("text", "label")
    assert _cells(table) == [list(row) for row in rows]


def test_cp1252_is_said_to_be_a_guess_and_can_be_overridden(tmp_path: Path) -> None:
    rows = [("It’s a café — “naïve” at best", "good"), ("The price is 20 € too much", "bad")]
    content = _csv(rows).encode("cp1252")
    table = _read(tmp_path / "a.csv", content)
    assert _cells(table) == [list(row) for row in rows]
    decision = next(one for one in table.reading if one.what == "encoding")
    assert decision.value == "cp1252"
    assert "line 2" in decision.reason
    assert "--encoding" in decision.reason
    assert _decided(_read(tmp_path / "a.csv", content, encoding="latin-1"), "encoding") == "latin-1"


def test_cyrillic_in_an_old_encoding(tmp_path: Path) -> None:
    rows = [("Это очень хороший фильм, мне понравилось", "да"), ("Скучно и слишком долго тянется", "нет")] * 10
    assert _cells(_read(tmp_path / "a.csv", _csv(rows).encode("cp1251"))) == [list(row) for row in rows]


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("gb18030", [("这部电影真的很好看我很喜欢", "好"), ("非常无聊的一部电影不推荐", "坏")]),
        ("shift_jis", [("この映画はとても良かったです", "良い"), ("退屈な映画でした", "悪い")]),
        ("cp1253", [("Πολύ καλή ταινία και ωραία", "ναι"), ("Βαρετή ταινία", "όχι")]),
        ("latin-1", [("Está muy bien, señor, ¡qué película!", "sí"), ("Malísima película de año", "no")]),
    ],
)
def test_other_old_encodings(tmp_path: Path, encoding: str, rows: list[tuple[str, str]]) -> None:
    assert _cells(_read(tmp_path / "a.csv", _csv(rows * 10).encode(encoding))) == [list(row) for row in rows * 10]


def test_a_damaged_byte_does_not_turn_utf8_into_something_else(tmp_path: Path) -> None:
    content = _csv([("Schöne Grüße aus Köln über Nürnberg", "a")] * 20).encode() + b'"bad \xff byte",a\n'
    table = _read(tmp_path / "a.csv", content)
    assert _decided(table, "encoding") == "utf-8"
    assert table.frame["text"].iloc[0] == "Schöne Grüße aus Köln über Nürnberg"
    assert table.frame["text"].iloc[-1] == "bad \ufffd byte"


def test_a_late_byte_far_behind_the_sniffed_part_is_seen(tmp_path: Path) -> None:
    content = _csv([("plain words and more of them", "a")] * 4000).encode() + "café,a\n".encode("cp1252")
    assert _decided(_read(tmp_path / "a.csv", content), "encoding") == "cp1252"


def test_the_wrong_encoding_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: byte 0xe9"):
        _read(tmp_path / "a.csv", "text,label\ncafé,a\n".encode("cp1252"), encoding="utf-8")
    with pytest.raises(ConfigError, match="Unknown encoding"):
        _read(tmp_path / "a.csv", "text,label\n", encoding="klingon")


@pytest.mark.parametrize(("char", "name"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "pipe")])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".dat"])
def test_delimiters_whatever_the_name_says(tmp_path: Path, char: str, name: str, suffix: str) -> None:
    lines = [f"A film about the bee number {n}{char}{'yes' if n % 2 else 'no'}" for n in range(10)]
    table = _read(tmp_path / f"a{suffix}", f"text{char}label\n" + "\n".join(lines))
    assert _decided(table, "delimiter") == name
    assert len(table.frame) == 10


def test_commas_in_prose_do_not_make_columns(tmp_path: Path) -> None:
    lines = ["yes, well, no\t1", "oh, come on\t0", "fine by me\t1", "one, two, three, four\t0"]
    assert _read(tmp_path / "a.csv", "\n".join(lines)).columns == ("column_1", "column_2")


def test_crlf_old_mac_and_no_last_line_end(tmp_path: Path) -> None:
    for end in ("\r\n", "\r", "\n"):
        table = _read(tmp_path / "a.csv", _csv(end=end).rstrip("\r\n"))
        assert _cells(table) == [list(row) for row in ROWS]


def test_a_lone_carriage_return_inside_of_a_field_is_text(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.tsv", "text\tlabel\none \r two\tx\nthree four\ty\n")
    assert _cells(table) == [["one \r two", "x"], ["three four", "y"]]


def test_na_is_a_text_and_01_is_not_1(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.csv", "text,label\nNA,01\nnull,1\nNaN,1.0\nNone, 1\n")
    assert _cells(table) == [["NA", "01"], ["null", "1"], ["NaN", "1.0"], ["None", " 1"]]


def test_without_a_header(tmp_path: Path) -> None:
    content = (
        '611857364396965889,"@museum Merci pour le partage!",nocode\n614484565059596288,"Dorian Gray #LoveWins",happy\n'
    )
    table = _read(tmp_path / "a.csv", content)
    assert table.columns == ("column_1", "column_2", "column_3")
    assert table.rows.tolist() == [1, 2]
    assert _decided(table, "header") == "no"


def test_a_first_row_that_recurs_is_no_header(tmp_path: Path) -> None:
    lines = [f"{'ham' if n % 3 else 'spam'}\tsee you there {n}" for n in range(12)]
    assert _decided(_read(tmp_path / "a.tsv", "\n".join(lines)), "header") == "no"


def test_header_names_unknown_but_unlike_the_rows(tmp_path: Path) -> None:
    lines = [f"see you there {n},{'ja' if n % 3 else 'nein'}" for n in range(12)]
    assert _read(tmp_path / "a.csv", "aussage,urteil\n" + "\n".join(lines)).columns == ("aussage", "urteil")


def test_header_asked_for_or_refused(tmp_path: Path) -> None:
    assert _read(tmp_path / "a.csv", _csv(), header="no").read == 4
    table = _read(tmp_path / "a.csv", "1,2\n3,4\n5,6\n", header="yes")
    assert table.columns == ("1", "2")


def test_empty_and_double_names_are_told_apart(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.csv", ",text,text\n0,a b,x\n1,c d,y\n")
    assert table.columns == ("column_1", "text", "text_2")


def test_quotes_that_frame(tmp_path: Path) -> None:
    content = 'text,label\n"He said ""no"", twice",a\n"over\ntwo lines",b\nplain,a\n'
    table = _read(tmp_path / "a.csv", content)
    assert _cells(table) == [['He said "no", twice', "a"], ["over\ntwo lines", "b"], ["plain", "a"]]
    assert table.rows.tolist() == [1, 2, 3]


def test_quotes_that_are_text(tmp_path: Path) -> None:
    lines = ['"wow" he said\t1', '"never again\t0', 'a "fine" film\t1', '"quoted"\t0', "plain words\t1"]
    table = _read(tmp_path / "a.tsv", "\n".join(lines))
    assert _decided(table, "quoting") == "none"
    assert [row[0] for row in _cells(table)] == [line.split("\t")[0] for line in lines]


def test_quotes_first_seen_behind_the_sniffed_part(tmp_path: Path) -> None:
    lines = [f"a plain sentence number {n}\t{n % 2}" for n in range(4000)] + ['"wow" he said\t1', '"open\t0']
    table = _read(tmp_path / "a.tsv", "\n".join(lines))
    assert len(table.frame) == 4002
    assert table.frame["column_1"].iloc[-2] == '"wow" he said'


def test_a_quote_that_is_never_closed_falls_back_to_text(tmp_path: Path) -> None:
    good = [f'"a sentence, number {n}",{"x" if n % 2 else "y"}' for n in range(3000)]
    content = "text,label\n" + "\n".join([*good, '"open to the end,x', "more,y"])
    with pytest.raises(DataError, match="never closed"):
        _read(tmp_path / "a.csv", content, quoting="standard")
    table = _read(tmp_path / "a.csv", content)
    assert _decided(table, "quoting") == "none"
    assert table.read == len(table.frame) + sum(table.dropped.values()) == 3002


def test_ragged_rows_are_counted_and_can_be_looked_at(tmp_path: Path) -> None:
    content = "text,label\ngood one,a\ntoo, many, fields\nshort\n\nfine too,b\nx,y,z,w\n"
    table = _read(tmp_path / "a.csv", content)
    assert table.read == 6
    assert table.dropped == {"wrong number of fields": 2, "blank line": 1}
    assert [(one.row, one.text) for one in table.bad] == [(2, "too, many, fields"), (6, "x,y,z,w")]
    assert table.rows.tolist() == [1, 3, 5]
    assert table.read == len(table.frame) + sum(table.dropped.values())


def test_a_first_line_that_is_too_long_is_a_bad_row_too(tmp_path: Path) -> None:
    lines = ["one more, and more,7,9", *(f"text number {n},{n % 2}" for n in range(20))]
    table = _read(tmp_path / "a.csv", "\n".join(lines), header="no")
    assert (table.read, table.dropped, table.rows[0]) == (21, {"wrong number of fields": 1}, 2)


def test_bad_rows_keep_their_numbers_across_pieces(tmp_path: Path) -> None:
    lines = [f"row {n},{n % 2}" for n in range(450_000)]
    lines[399_999] = "row,1,2"
    table = _read(tmp_path / "a.csv", "\n".join(lines))
    assert [one.row for one in table.bad] == [400_000]
    assert table.frame["column_1"].iloc[-1] == "row 449999"
    assert table.rows[-1] == 450_000


def test_many_bad_rows_do_not_take_long_to_count(tmp_path: Path) -> None:
    lines = [f"text {n},{n % 2}" for n in range(10_000)] + [f"a text, {n},1" for n in range(300_000)]
    table = _read(tmp_path / "a.csv", "\n".join(lines))
    assert table.dropped == {"wrong number of fields": 300_000}
    assert len(table.bad) == 1000


def test_a_bad_row_that_is_shown_in_part_says_so(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.csv", "text,label\nfine,a\nq,w,e,r,t,y\nq,w,e,r\nfine too,b\n")
    assert [one.text for one in table.bad] == ["q,w,e,r,…", "q,w,e,r"]


def test_a_page_of_bad_rows_tells_how_many_are_not_held(tmp_path: Path) -> None:
    lines = [f"text {n},{n % 2}" for n in range(4000)] + ["a,b,c"] * 1500
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    config = to_dict(RunConfig(data=DataConfig(source=str(tmp_path / "a.csv"))))
    page = DataService().rows({"config": config, "code": "bad-rows", "count": 1}, no_progress)
    assert (page["total"], page["not_held"], len(page["rows"])) == (1000, 500, 1)


def test_a_parquet_file_of_one_text_a_million_times_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from core.data.reading import parquet

    monkeypatch.setattr(parquet, "_ALWAYS", 1 << 22)
    rows = 40_000
    table = pa.table({"text": ["x y " * 100] * rows, "label": ["a", "b"] * (rows // 2)})
    pq.write_table(table, tmp_path / "bomb.parquet")
    pq.write_table(table.slice(0, 5000), tmp_path / "honest.parquet")
    with pytest.raises(DataError, match="far more than its size"):
        read_table(DataConfig(source=str(tmp_path / "bomb.parquet")))
    assert read_table(DataConfig(source=str(tmp_path / "honest.parquet"))).read == 5000


def test_nul_bytes_become_visible(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.csv", ("text,label\n" + "good words here,a\n" * 50 + "an\0other one,b\n").encode())
    assert table.frame["text"].iloc[-1] == "an\ufffdother one"
    assert _decided(table, "NUL bytes") == "1"


def test_jsonl_json_and_their_cells(tmp_path: Path) -> None:
    records = [{"text": "é \ud83d\ude00", "label": 1, "x": None}, {"text": "b", "label": 1.0, "x": True, "y": [1, "ä"]}]
    wanted = [["é 😀", "1", "", ""], ["b", "1.0", "true", '["1", "ä"]']]
    lines = "\n".join(json.dumps(one) for one in records)
    assert _cells(_read(tmp_path / "a.jsonl", lines + "\n\n")) == wanted
    assert _cells(_read(tmp_path / "a.json", json.dumps(records, indent=1))) == wanted
    assert _cells(_read(tmp_path / "b.json", json.dumps({"data": records}))) == wanted
    assert _cells(_read(tmp_path / "unknown.thing", lines)) == wanted
    columns = {"text": ["a b", "c"], "label": ["x", "y"]}
    assert _cells(_read(tmp_path / "c.json", json.dumps(columns))) == [["a b", "x"], ["c", "y"]]


def test_half_a_surrogate_in_json(tmp_path: Path) -> None:
    assert _cells(_read(tmp_path / "a.jsonl", '{"text": "a \\ud800 b", "label": "x"}\n')) == [["a ? b", "x"]]


@pytest.mark.parametrize(("line", "said"), [('{"text": "open', "line 3"), ("[1, 2]", "line 3"), ("{}{}", "line 3")])
def test_wrong_jsonl_lines_are_counted_until_they_are_most(tmp_path: Path, line: str, said: str) -> None:
    good = '{"text": "a", "label": "b"}\n'
    table = _read(tmp_path / "a.jsonl", good + good + "\n" + line + "\n" + good)
    assert (table.read, table.dropped, table.rows.tolist()) == (4, {"no valid JSON object": 1}, [1, 2, 4])
    assert [(one.row, one.text) for one in table.bad] == [(3, line)]
    with pytest.raises(DataError, match=said) as caught:
        _read(tmp_path / "b.jsonl", good + good + f"{line}\n" * 3)
    assert caught.value.next_step


def test_a_first_line_that_is_no_json(tmp_path: Path) -> None:
    table = _read(tmp_path / "a.jsonl", 'a title\n{"text": "a", "label": "b"}\n{"text": "c", "label": "d"}\n')
    assert (table.rows.tolist(), table.bad[0].row) == ([2, 3], 1)


def test_nuls_written_as_escapes_become_visible(tmp_path: Path) -> None:
    two = _read(tmp_path / "a.jsonl", '{"text": "a\\u0000b", "label": "x"}\n{"text": "c", "label": "y"}\n')
    assert two.frame["text"].tolist() == ["a\ufffdb", "c"]
    assert _decided(two, "NUL bytes") == "1"


def test_different_data_has_different_fingerprints(tmp_path: Path) -> None:
    found = set()
    for at, texts in enumerate((("a\\u0000b", "c"), ("a", "b\\u0000c"))):
        lines = "".join(f'{{"text": "{text}", "label": "{label}"}}\n' for text, label in zip(texts, "xy", strict=True))
        (tmp_path / f"{at}.jsonl").write_text(lines)
        found.add(load_dataset(DataConfig(source=str(tmp_path / f"{at}.jsonl"))).fingerprint)
    assert len(found) == 2


def test_deep_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no valid JSON"):
        _read(tmp_path / "a.json", "[" * 100_000)


def test_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"text": ["a b", None, "NA"], "label": [1, 2, 1], "raw": [b"\xff", b"\xfe", b""], "many": [[1], [], None]}
    columns["kind"] = pa.array(["x", "y", "x"]).dictionary_encode()  # type: ignore[assignment]
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = read_table(DataConfig(source=str(tmp_path / "a.parquet")))
    assert table.columns == ("text", "label", "many", "kind")
    assert _cells(table)[1:] == [["", "2", "[]", "y"], ["NA", "1", "", "x"]]
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-30])
    with pytest.raises(DataError, match="Parquet file cannot be read") as found:
        read_table(DataConfig(source=str(tmp_path / "b.parquet")))
    assert found.value.next_step
    with pytest.raises(DataError, match="no Parquet file"):
        _read(tmp_path / "c.parquet", "text,label\na,b\n")


def test_parquet_columns_of_bytes_are_text_where_they_can_be(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw, good = [b"\xff\xfe\xfd", b"abc"], [b"abc", b"abd"]
    columns = {
        "text": ["a b", "c d"],
        "hash": pa.array(raw, pa.binary(3)),
        "large": pa.array(raw, pa.large_binary()),
        "coded": pa.array(raw, pa.binary()).dictionary_encode(),
        "code": pa.array(good, pa.binary(3)),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    table = read_table(DataConfig(source=str(tmp_path / "a.parquet")))
    assert table.columns == ("text", "code")
    assert _cells(table) == [["a b", "abc"], ["c d", "abd"]]
    left_out = [(one.value, one.reason) for one in table.reading if one.what == "left out"]
    assert left_out == [(name, "its values are bytes that are no text") for name in ("hash", "large", "coded")]


def test_the_sample() -> None:
    table = read_table(DataConfig(source="sample"))
    assert table.columns == ("text", "label", "domain")
    assert table.read == len(table.frame) > 1200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n \n\n", "empty"),
        (b"text,label\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "PNG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), "zstd"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "7z archive"),
        (pickle.dumps({"text": ["a"]}), "pickle"),
        (bytes(range(256)) * 40, "control bytes"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        _read(tmp_path / "a.csv", content)
    assert caught.value.next_step


def test_a_zip_and_a_workbook_named_csv(tmp_path: Path) -> None:
    for member, said in (("a.csv", "no rows"), ("xl/workbook.xml", "Excel workbook")):
        with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
            archive.writestr(member, "text,label\n")
        with pytest.raises(DataError, match=said):
            read_table(DataConfig(source=str(tmp_path / "a.csv")))


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(_csv())
    with pytest.raises(DataError) as missing:
        read_table(DataConfig(source=str(tmp_path / "review.csv"), given="review.csv"))
    assert "reviews.csv" in missing.value.next_step
    assert missing.value.message == "review.csv"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe"):
        read_table(DataConfig(source=str(tmp_path / "pipe")))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match="cannot be opened"):
        read_table(DataConfig(source=str(tmp_path / "loop")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(_csv())
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(DataConfig(source=str(path)))


def test_a_delimiter_that_cannot_be_one(tmp_path: Path) -> None:
    assert _decided(_read(tmp_path / "a.csv", "a\tb\nc\td\n", delimiter="tab"), "delimiter") == "tab"
    with pytest.raises(ConfigError, match="delimiter"):
        _read(tmp_path / "a.csv", _csv(), delimiter="<>")


def test_progress_is_told_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(_csv())
    seen: list[str] = []
    read_table(DataConfig(source=str(path)), lambda done, total, what: seen.append(what))
    assert {"bytes", "rows"} <= set(seen)

"""The quick ways read and count as the careful ones do: two parsers, columns measured as bytes, and hostile shapes."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.config import DataConfig, RunConfig, to_dict
from core.data import flat
from core.data.dataset import load_dataset
from core.data.reading import delimited
from core.data.reading.decode import decode
from core.data.reading.quick import read_quickly
from core.data.reading.sniff import Layout
from core.data.service import DataService
from core.data.sources import read_table
from core.data.table import Table
from core.data.texts import Texts, blank, holding, keys_and_words
from core.errors import Cancelled, DataError
from core.protocol import no_progress

MEGABYTE = 1_000_000

CELLS = st.text(alphabet='ab"", ;\n\t\r\ufeff\x85\u2028é\ufffd', max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A small table, some of it in quotes, some of it with quotes and delimiters where they do not belong."""
    delimiter = draw(st.sampled_from(",;\t"))
    width = draw(st.integers(1, 4))
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        ragged = draw(st.sampled_from([0] * 9 + [1, -1]))
        cells = [draw(CELLS) for _ in range(max(width + ragged, 1))]
        if draw(st.booleans()):
            cells = ['"{}"'.format(cell.replace('"', '""')) if set(cell) & set('",;\t\n') else cell for cell in cells]
        lines.append(delimiter.join(cells))
    return "\n".join(lines).encode()


def outcome(data: bytes, config: DataConfig) -> Any:
    try:
        table = delimited.read_delimited(data, config, ".csv", (), no_progress)
    except DataError as error:
        return error.to_dict()
    return (
        table.frame.dtypes.astype(str).to_dict(),
        table.frame.to_numpy().tolist(),
        table.rows.tolist(),
        table.read,
        table.dropped,
        table.bad,
        table.reading,
    )


@given(
    tables(),
    st.sampled_from(["", ",", ";", "tab"]),
    st.sampled_from(["auto", "standard", "none"]),
    st.sampled_from(["auto", "yes", "no"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b'a,b\n"c,d\ne,f', ",", "standard", "no")
@example(b'a,b\n"c,d\ne,f', ",", "auto", "no")
@example(b'a,b\nc,"', ",", "standard", "yes")
@example(b'a,b\nx"y"z,"p"q"r"\n"d""e", "f"', ",", "standard", "no")
@example(b"\xef\xbb\xbfa,b\nc,d", ",", "standard", "no")
@example(b"a,b\n\n,\nc,d\n\n\n", ",", "auto", "yes")
@example(b"a\n\n\nb\n", "", "auto", "no")
@example(b"a,b\rc,d\ne,f\n", ",", "none", "no")
def test_both_parsers_make_the_same_of_every_table(
    monkeypatch: pytest.MonkeyPatch, data: bytes, delimiter: str, quoting: str, header: str
) -> None:
    config = DataConfig(source="a.csv", delimiter=delimiter, quoting=quoting, header=header)
    with monkeypatch.context() as without:
        without.setattr(delimited, "read_quickly", lambda *_: None)
        careful = outcome(data, config)
    assert outcome(data, config) == careful


TWO = Layout(",", True, True, ("text", "label"), ())


@pytest.mark.parametrize(
    "data",
    [
        b"text,label\na b,x\nc d,y",
        b'text,label\n"a, b",x\n"two\nlines ""quoted""",y\n',
        b"text,label\n,x\n,\n\n NA ,01\n",
    ],
)
def test_plain_tables_go_the_quick_way(data: bytes) -> None:
    frame = read_quickly(data, TWO, no_progress)
    assert frame is not None
    assert str(frame.dtypes["text"]) == "str"


@pytest.mark.parametrize(
    "data",
    [
        b"text,label\na b,x,more\nc d,y\n",
        b"text,label\na b\nc d,y\n",
        b"text,label\na b\r,x\n",
        b'text,label\na b,x\n"c d,y\n',
        b'text,label\na b,x\nc d,"',
    ],
)
def test_tables_with_a_doubt_do_not(data: bytes) -> None:
    assert read_quickly(data, TWO, no_progress) is None


def million_like(rows: int) -> bytes:
    lines = (f'"Row {n}, with ""words"" é",{"yes" if n % 2 else "no"}\n' for n in range(rows))
    return ("text,label\n" + "".join(lines)).encode()


@pytest.mark.parametrize("odd", [b"", b"one,two,three\n\n"])
def test_a_file_of_many_blocks_keeps_its_rows_in_order(tmp_path: Path, odd: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(million_like(60_000) + odd + b"the last,no\n")
    table = read_table(DataConfig(source=str(tmp_path / "a.csv")))
    texts = table.frame["text"].tolist()
    assert texts[:60_000] == [f'Row {n}, with "words" é' for n in range(60_000)]
    assert texts[60_000:] == ["the last"]
    assert table.rows[-1] == table.read == (60_003 if odd else 60_001)
    assert sum(table.dropped.values()) == (2 if odd else 0)


def test_progress_is_told_while_it_reads_and_can_cancel(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(million_like(400_000))
    config = DataConfig(source=str(tmp_path / "a.csv"))
    told: list[tuple[int, int, str]] = []
    dataset = load_dataset(config, lambda *now: told.append(now))
    for what in ("bytes", "rows", "comparing texts"):
        done = [one[0] for one in told if one[2] == what]
        assert len(done) > 1, what
        assert done == sorted(done)
    assert len(dataset.texts) == 400_000

    def cancel(done: int, total: int, what: str) -> None:
        if what == "rows" and done > 1:
            raise Cancelled("Somebody typed on")

    with pytest.raises(Cancelled):
        load_dataset(config, cancel)


WORDS = st.lists(st.text(alphabet="aAbé \t\n\v\x00\x1c\xa0\u2003\u202f\u3000–", max_size=8), max_size=40)
BLANKS = r"[ \t\n\f\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Unicode's separators and the white space of RE2."""


def plainly(text: str) -> str:
    return re.sub(BLANKS + "+", " ", text.lower().strip())


@given(WORDS, st.sampled_from([2, 9, 1 << 17]), st.integers(0, 5))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["a  b", "A\tb", "a b", "ab", "a\u3000b", ""], 1 << 17, 0)
def test_equal_texts_have_equal_keys_whatever_the_pieces(
    monkeypatch: pytest.MonkeyPatch, texts: list[str], piece: int, start: int
) -> None:
    with monkeypatch.context() as smaller:
        smaller.setattr(flat, "PIECE", piece)
        keys, words = keys_and_words(pa.array(texts, pa.large_string()).slice(start))
    clean = [plainly(text) for text in texts[start:]]
    first = {text: at for at, text in reversed(list(enumerate(clean)))}
    assert keys.tolist() == [first[text] for text in clean]
    assert words.tolist() == [text.count(" ") + (text != "") for text in clean]


def test_texts_of_any_length_are_compared() -> None:
    long = "word " * 60_000
    texts = [long, "short", long.upper(), long + "s", "Ⱥ" * 50_000, "SHORT ", "ⱥ" * 50_000]
    assert keys_and_words(texts)[0].tolist() == [0, 1, 0, 3, 4, 1, 4]


def test_texts_whose_sums_are_equal_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.texts._prints", lambda offsets, _: np.zeros(len(offsets) - 1, dtype=np.uint64))
    assert keys_and_words(["b", "a", "B", "c", "a "])[0].tolist() == [0, 1, 0, 3, 1]


@given(WORDS, st.text(alphabet="aé \t–", min_size=1, max_size=5), st.sampled_from([2, 1 << 17]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["aé", "é–", "–"], "é–", 1 << 17)
def test_parts_and_blanks_are_found(monkeypatch: pytest.MonkeyPatch, texts: list[str], part: str, piece: int) -> None:
    with monkeypatch.context() as smaller:
        smaller.setattr(flat, "PIECE", piece)
        assert holding(texts, part).tolist() == [part in text for text in texts]
        assert holding(texts, part, any_case=True).tolist() == [part.lower() in text.lower() for text in texts]
    assert blank(texts).tolist() == [not text.strip() for text in texts]


def test_texts_are_a_sequence() -> None:
    plain = [f"text {n}" for n in range(10)]
    texts = Texts(plain)
    assert texts == plain
    assert texts == Texts(plain)
    assert texts != [*plain[:-1], "other"]
    assert texts != plain[:-1]
    assert list(texts) == plain
    assert (texts[0], texts[-1], texts[np.int64(3)]) == (plain[0], plain[-1], plain[3])
    assert (texts[2:5], texts[::-3], texts[20:]) == (plain[2:5], plain[::-3], [])
    assert texts.take(np.array([7, 1, 7])) == ["text 7", "text 1", "text 7"]
    assert "text 4" in texts
    assert not Texts([])
    with pytest.raises(IndexError):
        texts[10]


def test_the_fingerprint_is_the_one_of_the_joined_texts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(million_like(20_000))
    data = load_dataset(DataConfig(source=str(tmp_path / "a.csv")))
    whole = "\0".join(data.texts) + "\0".join(("", "", *data.label_names))
    labels = np.array([1, 0], dtype="<i8")[np.array([data.label_names[one] == "no" for one in data.labels], dtype=int)]
    assert data.fingerprint == hashlib.sha256(whole.encode() + labels.tobytes()).hexdigest()


@given(st.lists(st.sampled_from([b"ab", b"\xc3\xa9", b"\xe2\x80\x93", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xff"])))
@settings(deadline=None)
@example([b"ab"] * 40_000 + [b"\xe2\x80\x93", b"\xc3"])
def test_what_is_not_utf8_is_found_where_it_stands(parts: list[bytes]) -> None:
    raw = b"a line\n" + b"".join(parts)
    value = decode(raw, "", "a.csv").decisions[0]
    bad = [char for char in raw.decode("utf-8", "surrogateescape") if "\udc80" <= char <= "\udcff"]
    if bad:
        assert f"line 2 holds byte 0x{ord(bad[0]) - 0xDC00:02x}" in value.reason
    else:
        assert value.reason in ("plain ASCII", "every byte is valid UTF-8")


def _read(path: Path, data: bytes) -> Table:
    path.write_bytes(data)
    return read_table(DataConfig(source=str(path)))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"word " * (4 * MEGABYTE), 1),
        (b"text,label\na b,x\n" + b"word " * (4 * MEGABYTE) + b",y\nc d,x\n", 3),
        (b"text,label\na b,x\nc d,x\n" + b"word " * (4 * MEGABYTE), 4),
        (b'text,label\n"' + b"word " * (4 * MEGABYTE) + b'",y\n', 2),
    ],
    ids=["alone", "third", "last", "in quotes"],
)
def test_a_line_of_megabytes_is_refused(tmp_path: Path, data: bytes, line: int) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path / "a.csv", data)
    assert caught.value.message == f"Line {line} is 20 MB long: is this a table of texts?"
    assert caught.value.next_step


def test_long_fields_of_many_lines_and_json_on_one_line_are_read(tmp_path: Path) -> None:
    poem = "A line of a poem\n" * 1_100_000
    table = _read(tmp_path / "a.csv", million_like(3000) + f'"{poem}",yes\nc d,no\n'.encode())
    assert table.frame["text"].tolist()[3000:] == [poem, "c d"]
    rows = [{"text": "word " * 200, "label": "x"}] * 18_000
    assert len(_read(tmp_path / "b.json", json.dumps(rows).encode()).frame) == 18_000


ONE, NO_TEXT, WIDE = "There is only one column", "No text column found", "Far too many columns"
HOSTILE = {
    "quotes": (b'"' * MEGABYTE, ONE),
    "quotes in lines": ((b'"' * 1000 + b"\n") * 1000, ONE),
    "quotes and commas": (b'","' * 300_000, WIDE),
    "quotes inside": (b'a"b,"c"d\n' * 50_000, NO_TEXT),
    "quotes opened in each line": (b'"abc,def\n' * 50_000, NO_TEXT),
    "quotes doubled": (b'""""""""\n' * 50_000, ONE),
    "quotes around blanks": (b'" "," "\n' * 50_000, NO_TEXT),
    "quotes late": (b"a,b\n" * 16_000 + b'"' + b"x,y\n" * 100_000, NO_TEXT),
    "a header of 100 000 names": (b",".join(b"c%d" % n for n in range(100_000)) + b"\na,b\n" * 50, WIDE),
    "100 000 equal names": (b",".join([b"label"] * 100_000) + b"\n" + b",".join([b"a b"] * 100_000), WIDE),
    "delimiters": (b",;|\t" * 250_000, WIDE),
    "open brackets": (b"[" * MEGABYTE, ONE),
    "open braces": (b'{"a":' * 200_000, ONE),
    "escaped quotes": (b'{"text":"' + b'\\"' * MEGABYTE + b'"}', ONE),
    "blank lines": (b"\n" * MEGABYTE + b"a,b\n" * 10, NO_TEXT),
    "blanks": (b" " * MEGABYTE + b"\nabc", ONE),
    "doubled line ends": (b"a,b\r\r\n" * 50_000, NO_TEXT),
    "one letter": (b"a" * MEGABYTE, ONE),
    "at signs": (b"a@" * MEGABYTE, ONE),
    "numbers": (b"1,2,3,4\n" * 100_000, NO_TEXT),
    "pipes": (b"||||a|b||\n" * 50_000, NO_TEXT),
    "long names": (b"a" * 60_000 + b"," + b"b" * 60_000 + b"\nx,z\n", NO_TEXT),
    "a staircase": (b"\n".join(b"a," * n + b"b" for n in range(1500)), ONE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_shapes_get_their_diagnosis(tmp_path: Path, name: str) -> None:
    data, title = HOSTILE[name]
    (tmp_path / "a.csv").write_bytes(data)
    config = to_dict(RunConfig(data=DataConfig(source=str(tmp_path / "a.csv"))))
    try:
        problem = DataService().profile({"config": config}, no_progress)["problem"]
    except DataError as error:
        problem = error.to_dict()
    assert problem["title"] == title
    assert problem["next_step"]

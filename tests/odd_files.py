"""A corpus of odd files: what people, programs and bad transfers leave behind, and what must be said of each one.

A case is a `Readable`, whose rows are counted, or a `Refused`, whose error is named. Everything is generated; content
that is large, or needs a library, or is no plain file, is made only when its test runs.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import socket
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = tuple[str, ...]
Content = bytes | Callable[[], bytes]

BLANK, RAGGED, NO_TEXT, NO_LABEL = "blank line", "wrong number of fields", "empty text", "empty label"
NO_OBJECT = "no valid JSON object"
FEELINGS = {"happy": 20, "sad": 20}
ROWS: list[Row] = [(f"The film number {n} was a {('joy', 'bore')[n % 2]}", ("happy", "sad")[n % 2]) for n in range(40)]
TABLE, NO_CLASSES = "This is no table of text", "The label column does not hold classes"


@dataclass(frozen=True, slots=True)
class Place:
    """What is no plain file: `make` is called with the path it is to lie at."""

    make: Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Readable:
    """A source that yields rows: how it is read, what is kept, what is found."""

    name: str
    file: str
    content: Content | Place
    reading: dict[str, str] = field(default_factory=dict)
    """Decisions by name."""
    kept: int = 40
    dropped: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] | None = field(default_factory=lambda: FEELINGS)
    """Rows per class; `None` leaves them open."""
    first: str | None = None
    """The text of the first row that is kept."""
    codes: tuple[str, ...] = ()
    """Findings there must be."""
    problem: str = ""
    """Title of what forbids training, or empty where nothing does."""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A source that cannot be read: the error's title, and words of its message or next step."""

    name: str
    file: str
    content: Content | Place
    title: str
    says: str = ""
    kind: str = "DataError"
    settings: dict[str, Any] = field(default_factory=dict)


Case = Readable | Refused


def put(case: Case, folder: Path) -> Path:
    """Write the case into `folder`; its path."""
    path = folder / case.file
    if isinstance(case.content, Place):
        case.content.make(path)
    else:
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content())
    return path


def csv(
    rows: list[Row] = ROWS, head: Row | None = ("text", "label"), char: str = ",", end: str = "\n", quote: bool = False
) -> str:
    """Rows as delimited text; quotes only where asked for."""
    mark = '"' if quote else ""
    lines = [*([] if head is None else [char.join(head)]), *(char.join(f"{mark}{c}{mark}" for c in r) for r in rows)]
    return end.join(lines) + end


def plain(*more: str, **how: Any) -> bytes:
    """The usual rows and some more lines, in UTF-8."""
    return (csv(**how) + "".join(f"{line}\n" for line in more)).encode()


def labelled(labels: list[str], **how: Any) -> bytes:
    """Forty texts under these labels in turn."""
    return plain(rows=[(text, labels[n % len(labels)]) for n, (text, _) in enumerate(ROWS)], **how)


def worded(texts: list[str]) -> list[Row]:
    """Forty different rows made of these texts in turn."""
    return [(f"{texts[n % len(texts)]} {n}", label) for n, (_, label) in enumerate(ROWS)]


def encodings() -> Iterator[Case]:
    """Bytes of many alphabets."""
    coffee = worded(
        ["Ein schönes, großes Café – ja".replace(",", ""), "Über Köln nach Nürnberg, oder".replace(",", "")]
    )
    for name, bom, codec, value in (
        ("utf8-bom", b"\xef\xbb\xbf", "utf-8", "utf-8"),
        ("utf16le-bom", b"\xff\xfe", "utf-16-le", "utf-16-le"),
        ("utf16be-bom", b"\xfe\xff", "utf-16-be", "utf-16-be"),
        ("utf16le-no-bom", b"", "utf-16-le", "utf-16-le"),
        ("utf16be-no-bom", b"", "utf-16-be", "utf-16-be"),
        ("utf32le-bom", b"\xff\xfe\0\0", "utf-32-le", "utf-32-le"),
        ("utf32be-bom", b"\0\0\xfe\xff", "utf-32-be", "utf-32-be"),
    ):
        how = {"encoding": value, "header": "yes", "delimiter": "comma"}
        yield Readable(name, "a.csv", bom + csv(coffee).encode(codec), how, first=coffee[0][0])
    asked = {"encoding": "utf-32-le"}
    yield Refused("utf32-no-bom", "a.csv", csv().encode("utf-32-le"), TABLE, "--encoding")
    yield Readable("utf32-no-bom-asked", "a.csv", csv().encode("utf-32-le"), {"encoding": "utf-32-le"}, settings=asked)
    for name, codec, value, texts in (
        ("latin1", "latin-1", "cp1252", ["¡Qué película más bonita señor", "Está mal hecha según mi opinión"]),
        ("cp1252-quotes-euro", "cp1252", "cp1252", ["It’s “naïve” – 20 € too much…", "The café’s price is 5 €"]),
        ("cp1251-russian", "cp1251", "cp1251", ["Это очень хороший фильм", "Скучно и слишком долго тянется"]),
        ("koi8r-russian", "koi8_r", "koi8_r", ["Это очень хороший фильм", "Скучно и слишком долго тянется"]),
        ("big5", "big5", "big5", ["這部電影真的很好看我很喜歡", "非常無聊的一部電影不推薦"]),
        ("cp949-korean", "cp949", "cp949", ["이 영화는 정말 재미있었어요", "너무 지루하고 길어요"]),
        ("cp1253-greek", "cp1253", "cp1253", ["Πολύ καλή ταινία και ωραία", "Πολύ βαρετή ταινία"]),
        ("shift-jis", "shift_jis", "cp932", ["この映画はとても良かったです", "退屈な映画でした"]),
        ("gb18030", "gb18030", "gb18030", ["这部电影真的很好看我很喜欢", "非常无聊的一部电影不推荐"]),
    ):
        rows = worded(texts)
        content = csv(rows).encode(codec)
        yield Readable(name, "a.csv", content, {"encoding": value}, first=rows[0][0], codes=("encoding",))
    latin = csv(coffee).replace("–", "-").encode("latin-1")
    yield Readable("latin1-asked", "a.csv", latin, {"encoding": "latin-1"}, settings={"encoding": "latin-1"})
    yield Refused(
        "latin1-asked-as-utf8", "a.csv", latin, "This file is not in utf-8", "line 2", settings={"encoding": "utf-8"}
    )
    klingon = {"encoding": "klingon"}
    yield Refused("unknown-encoding", "a.csv", latin, "Unknown encoding", "cp1252", "ConfigError", klingon)
    broken = csv(coffee).encode() + b"one broken \xff byte,sad\n"
    yield Readable(
        "utf8-one-broken-byte", "a.csv", broken, {"encoding": "utf-8"}, 41, {}, {"happy": 20, "sad": 21},
        first=coffee[0][0], codes=("residue",),
    )  # fmt: skip
    mojibake = plain("un cafÃ© trÃ¨s bon,happy", "itâ€™s bad,sad")
    yield Readable(
        "mojibake-inside",
        "a.csv",
        mojibake,
        {"encoding": "utf-8"},
        42,
        {},
        {"happy": 21, "sad": 21},
        codes=("residue",),
    )


def characters() -> Iterator[Case]:
    """Characters that act on a terminal, vanish, or are half of one."""
    nul = plain().replace(b"film number 3 ", b"film \0 number 3 ")
    yield Readable("nul-bytes", "a.csv", nul, {"NUL bytes": "1"}, codes=("residue",))
    yield Refused("all-nul", "a.csv", b"\0" * 4096, TABLE, "binary")
    evil = "\x1b]52;c;aGk=\x07\x1b[31mred\x1b[0m\x9b5m \x08\x7f"
    yield Readable("escapes-in-texts", "a.csv", csv(worded([evil])).encode(), first=f"{evil} 0")
    labels = {f"{evil}happy": 20, "\x1b[2Jsad": 20}
    yield Readable("escapes-in-labels", "a.csv", labelled(list(labels)), classes=labels)
    rare = f"rare{evil}"
    yield Readable(
        "escapes-in-a-rare-label", "a.csv", plain(f"some text,{rare}"), kept=41, classes={**FEELINGS, rare: 1},
        codes=(f"rare:{rare}",), problem="A class has too few rows",
    )  # fmt: skip
    names = plain(head=(f"text{evil}", f"label{evil}"))
    yield Readable("escapes-in-column-names", "a.csv", names, {"header": "yes"})
    hidden = csv(head=("\u202etext", "la\u200bbel")).encode()
    yield Readable("bidi-in-column-names", "a.csv", hidden, {"header": "yes"})
    bidi = worded(["\u202eevil\u202c \u2066x\u2069", "👩\u200d👩\u200d👧 zwj \u200b"])
    yield Readable("bidi-and-zwj", "a.csv", csv(bidi).encode(), first=bidi[0][0])
    separators = worded(["one\u2028two\u2029three\x85four\x0bfive\x0csix"])
    yield Readable("unicode-line-ends", "a.csv", csv(separators).encode(), first=separators[0][0])
    yield Readable("emoji-only", "a.csv", csv([("😀" * (n + 1), label) for n, (_, label) in enumerate(ROWS)]).encode())
    for name, text in (("right-to-left", "هذا فيلم جميل جدا"), ("cjk-without-blanks", "这部电影真的很好看我很喜欢")):
        yield Readable(name, "a.csv", plain(rows=worded([text]), head=None), {"header": "no"}, first=f"{text} 0")
    markup = worded(["[/] [bold]x[/bold] [link=http://x]y", "{curly} %s %(x)d \\n"])
    yield Readable("markup", "a.csv", csv(markup).encode(), first=markup[0][0])


def lines() -> Iterator[Case]:
    """Line ends and lines without rows."""
    text = csv()
    for name, content in (
        ("crlf", text.replace("\n", "\r\n")),
        ("cr-only", text.replace("\n", "\r")),
        ("mixed-line-ends", text.replace("joy,happy\n", "joy,happy\r\n")),
        ("crlf-no-final", text.replace("\n", "\r\n").rstrip()),
        ("no-final-newline", text.rstrip()),
        ("trailing-blank-lines", text + "\n" * 9),
        ("trailing-crlf-lines", text.replace("\n", "\r\n") + "\r\n" * 9),
    ):
        yield Readable(name, "a.csv", content.encode(), {"header": "yes", "delimiter": "comma"}, first=ROWS[0][0])
    middle = text.replace("number 9 was a bore,sad\n", "number 9 was a bore,sad\n\n\n\n")
    yield Readable("blank-lines-between", "a.csv", middle.encode(), dropped={BLANK: 3})
    yield Readable("rows-of-delimiters", "a.csv", plain(",", ","), dropped={BLANK: 2})
    yield Readable("rows-of-blanks", "a.csv", plain("  ,happy", "   ,   "), dropped={NO_TEXT: 2}, codes=("empty-text",))
    yield Readable("blank-lines-on-top", "a.csv", b"\n\n" + plain(), {"header": "yes"}, dropped={}, first=ROWS[0][0])
    yield Readable("delimiters-on-top", "a.csv", b",\n,\n" + plain(), {"header": "yes"}, first=ROWS[0][0])
    comment = b"# exported on 2024-01-01\n" + plain()
    yield Readable("comment-on-top", "a.csv", comment, {"header": "yes"}, first=ROWS[0][0])
    sep = b"sep=;\n" + plain(char=";")
    yield Readable("excel-sep-line", "a.csv", sep, {"delimiter": "semicolon", "header": "yes"}, first=ROWS[0][0])
    yield Readable("ctrl-z-at-the-end", "a.csv", plain() + b"\x1a", dropped={NO_LABEL: 1}, first=ROWS[0][0])


def quoting() -> Iterator[Case]:
    """Quotes that frame and quotes that are text."""
    yield Readable("quoted", "a.csv", plain(quote=True), {"quoting": "standard"}, first=ROWS[0][0])
    doubled = plain('"She said ""well, well"" twice",sad', quote=True)
    yield Readable("doubled-quotes", "a.csv", doubled, {"quoting": "standard"}, 41, {}, {"happy": 20, "sad": 21})
    inner = plain('"one line\nand, another",sad', quote=True)
    yield Readable("newline-in-quotes", "a.csv", inner, {"quoting": "standard"}, 41, {}, {"happy": 20, "sad": 21})
    unclosed = plain('"never closed,sad', "another row,happy")
    yield Readable("unclosed-quote", "a.csv", unclosed, {"quoting": "none"}, 42, {}, {"happy": 21, "sad": 21})
    late = plain(rows=ROWS * 100) + b'"never closed,sad\n' + plain(rows=ROWS * 100, head=None)
    yield Readable(
        "unclosed-quote-late",
        "a.csv",
        late,
        {"quoting": "none"},
        8001,
        {},
        {"happy": 4000, "sad": 4001},
        codes=("duplicates",),
    )
    asked = {"quoting": "standard"}
    yield Refused("unclosed-quote-asked", "a.csv", late, "A quote is never closed", "record 4001", settings=asked)
    tweets = csv([(f'"{text} they said' if n % 3 else text, label) for n, (text, label) in enumerate(ROWS)], char="\t")
    yield Readable("quotes-as-text", "a.tsv", tweets.encode(), {"quoting": "none", "delimiter": "tab"})
    inches = worded(['a 5" disk', 'the 17" screen and the 19" one'])
    yield Readable("quotes-inside", "a.csv", csv(inches).encode(), {"quoting": "none"}, first=inches[0][0])
    slashed = plain(rows=[(rf'"He said \"{text}\" to me"', label) for text, label in ROWS])
    yield Readable("backslashed-quotes", "a.csv", slashed, {"quoting": "none"})
    single = plain(rows=[(f"'{text}'", f"'{label}'") for text, label in ROWS])
    yield Readable("single-quotes", "a.csv", single, classes=None, first=f"'{ROWS[0][0]}'")
    only = "There is only one column"
    for name, content in (("one-quote", b'"'), ("only-quotes", b'"' * 200_000)):
        yield Readable(name, "a.csv", content, {}, 0, {only.lower(): 1}, {}, problem=only)


def layout() -> Iterator[Case]:
    """Delimiters and names of columns."""
    for char, value, file in (
        (";", "semicolon", "a.csv"), ("|", "pipe", "a.csv"), ("\t", "tab", "a.csv"), (",", "comma", "a.txt"),
        (",", "comma", "a.tsv"), ("\t", "tab", "a"), (",", "comma", "a.json.csv"), (",", "comma", "A.CSV"),
    ):  # fmt: skip
        yield Readable(f"{value}-in-{file}", file, plain(char=char), {"delimiter": value}, first=ROWS[0][0])
    padded = plain(rows=[(f"{text} ", f"  {label}  ") for text, label in ROWS])
    yield Readable("padded", "a.csv", padded, {"delimiter": "comma"})
    decimal = plain(
        rows=[(text, f"3,{n}", label) for n, (text, label) in enumerate(ROWS)],
        head=("text", "price", "label"),
        char=";",
    )
    yield Readable("decimal-commas", "a.csv", decimal, {"delimiter": "semicolon", "label column": "label"})
    prose = plain(rows=[(f"well, {text}, yes", label) for text, label in ROWS], char="\t")
    yield Readable("commas-in-tsv", "a.csv", prose, {"delimiter": "tab"}, first=f"well, {ROWS[0][0]}, yes")
    many = plain("a,b,c,d,happy", "one,two,sad")
    yield Readable("too-many-fields", "a.csv", many, dropped={RAGGED: 2}, codes=("bad-rows",))
    few = plain("a text and no more", "another")
    yield Readable("too-few-fields", "a.csv", few, dropped={NO_LABEL: 2}, codes=("empty-label",))
    trailing = plain().replace(b"happy\n", b"happy,\n").replace(b"sad\n", b"sad,\n")
    yield Readable("trailing-delimiters", "a.csv", trailing, {"text column": "text"}, first=ROWS[0][0])
    equal = plain(rows=[(text, str(n), label) for n, (text, label) in enumerate(ROWS)], head=("text", "text", "label"))
    yield Readable("equal-names", "a.csv", equal, {"text column": "text", "label column": "label"}, first=ROWS[0][0])
    index = [(str(n), *row) for n, row in enumerate(ROWS)]
    for name, head in (("index-without-name", ("", "text", "label")), ("r-row-names", ("text", "label"))):
        content = plain(rows=index, head=head)
        yield Readable(name, "a.csv", content, {"text column": "text", "label column": "label"}, first=ROWS[0][0])
    yield Readable("no-header", "a.csv", plain(head=None), {"header": "no"}, first=ROWS[0][0])
    numbers = plain(head=("0", "1"))
    found = {**FEELINGS, "1": 1}
    yield Readable(
        "header-like-data", "a.csv", numbers, {"header": "no"}, 41, {}, found, codes=("rare:1",),
        problem="A class has too few rows",
    )  # fmt: skip
    yield Readable("header-like-data-asked", "a.csv", numbers, {"header": "yes"}, settings={"header": "yes"})
    data = b"my review,sad\n" + plain(head=None)
    yield Readable("data-like-a-header", "a.csv", data, {"header": "no"}, 41, {}, {"happy": 20, "sad": 21}, "my review")
    titled = plain(
        rows=[(f"Title {n}", text, label) for n, (text, label) in enumerate(ROWS)], head=("title", "body", "label")
    )
    both = {"text": ("title", "body")}
    yield Readable("two-text-columns", "a.csv", titled, {"label column": "label"}, first=None)
    yield Readable("two-text-columns-joined", "a.csv", titled, first=f"Title 0\n{ROWS[0][0]}", settings=both)
    ids = plain(rows=[(str(n // 4), *row) for n, row in enumerate(ROWS)], head=("id", "text", "label"))
    yield Readable("ids-that-repeat", "a.csv", ids, {"label column": "label"}, first=ROWS[0][0])
    missing = "There is no column 'lable'"
    yield Readable(
        "a-column-misspelt",
        "a.csv",
        plain(),
        {},
        0,
        {missing.lower(): 40},
        {},
        problem=missing,
        settings={"label": "lable"},
    )
    both_names = {"text": ("text",), "label": "text"}
    yield Refused("one-column-for-both", "a.csv", plain(), "One column cannot be both", settings=both_names)
    comma = {"delimiter": "::"}
    yield Refused("delimiter-of-two", "a.csv", plain(), "cannot be a delimiter", "tab", "ConfigError", comma)


def labels() -> Iterator[Case]:
    """Labels that spreadsheets and programs like to spoil."""
    for name, first in (("na", "NA"), ("null", "null"), ("none", "None"), ("nan", "nan")):
        found = {first: 20, "good": 20}
        yield Readable(f"label-{name}", "a.csv", labelled([first, "good"]), classes=found, codes=(f"no-label:{first}",))
    words = ["NA", "null", "None", "nan", "N/A", "-", "#N/A", "inf"]
    nothing = plain(rows=[(words[n % 8], label) for n, (_, label) in enumerate(ROWS)])
    yield Readable("na-as-texts", "a.csv", nothing, first="NA", codes=("duplicates",), classes=FEELINGS)
    yield Readable("01-is-not-1", "a.csv", labelled(["01", "1"]), classes={"01": 20, "1": 20})
    yield Readable("1e3-is-not-1000", "a.csv", labelled(["1e3", "1000"]), classes={"1e3": 20, "1000": 20})
    yield Readable("infinite-labels", "a.csv", labelled(["1e999", "2", "3", "4"]), classes=None)
    yield Readable("booleans", "a.csv", labelled(["True", "False"]), classes={"True": 20, "False": 20})
    case = labelled(["happy", "Happy ", " happy", "sad"])
    yield Readable(
        "case-and-blanks", "a.csv", case, classes={"happy": 20, "Happy": 10, "sad": 10}, codes=("spelling:Happy",)
    )
    several = labelled(["happy", "sad", '"happy,sad"', "sad"])
    found = {"happy": 10, "sad": 20, "happy,sad": 10}
    yield Readable("labels-with-commas", "a.csv", several, classes=found, codes=("multi-label:,",))
    piped = labelled(["happy", "sad", "happy|sad"])
    yield Readable("labels-with-pipes", "a.csv", piped, classes=None, codes=("multi-label:|",))
    stars = {str(n): 8 for n in range(1, 6)}
    rating = labelled(list(stars), head=("text", "rating"))
    yield Readable("rating-1-to-5", "a.csv", rating, {"label column": "rating"}, classes=stars, codes=("rating",))
    tenths = labelled([f"{n / 100:.2f}" for n in range(0, 80, 2)], head=("text", "score"))
    yield Readable("rating-of-fractions", "a.csv", tenths, {"label column": "score"}, classes=None, problem=NO_CLASSES)
    unique = plain(rows=[(text, f"class {n}") for n, (text, _) in enumerate(ROWS)])
    yield Readable("label-nearly-unique", "a.csv", unique, classes=None, problem=NO_CLASSES)
    yield Readable("one-class", "a.csv", labelled(["sad"]), classes={"sad": 40}, problem="There is only one class")
    rows = [(f"a text of its own with number {n}", f"class-{n % 1000}") for n in range(5000)]
    yield Readable("a-thousand-classes", "a.csv", plain(rows=rows), kept=5000, classes=None)
    yield Readable("label-of-5000-letters", "a.csv", labelled(["x" * 5000, "y"]), classes=None)


def nothing() -> Iterator[Case]:
    """Files with hardly anything in them."""
    empty, no_rows = "This file is empty", "There are no rows"
    for name, content, title in (
        ("0-bytes", b"", empty), ("only-blanks", b" \n\t\r\n  \n", empty), ("only-newlines", b"\n" * 500, empty),
        ("only-bom", b"\xef\xbb\xbf", empty), ("only-utf16-bom", b"\xff\xfe", empty),
        ("only-utf32-bom", b"\xff\xfe\0\0", empty), ("header-only", b"text,label\n", no_rows),
        ("header-only-no-end", b"text,label", no_rows),
    ):  # fmt: skip
        yield Refused(name, "a.csv", content, title)
    only = "There is only one column"
    yield Readable("one-byte", "a.csv", b"x", {"delimiter": "none"}, 0, {only.lower(): 1}, {}, problem=only)
    column = "\n".join(text for text, _ in ROWS).encode()
    yield Readable("one-column", "a.txt", column, {"delimiter": "none"}, 0, {only.lower(): 40}, {}, problem=only)
    one = b"text,label\nthe one and only,happy\n"
    yield Readable("one-row", "a.csv", one, {"header": "yes"}, 1, {}, {"happy": 1}, problem="There is only one class")
    yield Readable("only-delimiters", "a.csv", b",,,\n" * 3, {}, 0, {only.lower(): 3}, {}, problem=only)


def as_lines(rows: list[Any]) -> str:
    """Records as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def json_files() -> Iterator[Case]:
    """JSON of every shape."""
    records = [{"text": text, "label": label} for text, label in ROWS]
    good = as_lines(records)
    for name, file, content, shape in (
        ("json-lines", "a.jsonl", good, "JSON Lines"), ("json-lines-in-json", "a.json", good, "JSON Lines"),
        ("json-lines-bom", "a.jsonl", "\ufeff" + good, "JSON Lines"),
        ("json-lines-in-txt", "a.txt", good, "JSON Lines"),
        ("json-lines-crlf", "a.jsonl", good.replace("\n", "\r\n"), "JSON Lines"),
        ("json-lines-blank", "a.jsonl", good.replace("\n", "\n\n"), "JSON Lines"),
        ("json-on-one-line", "a.json", json.dumps(records), "JSON"),
        ("json-indented", "a.json", json.dumps(records, indent=2), "JSON"),
        ("json-under-a-key", "a.json", json.dumps({"version": 1, "data": records}), "JSON"),
        ("json-columns", "a.json", json.dumps({"text": [r[0] for r in ROWS], "label": [r[1] for r in ROWS]}), "JSON"),
        ("json-equal-keys", "a.jsonl", good.replace('{"text"', '{"text": "old", "text"'), "JSON Lines"),
    ):  # fmt: skip
        yield Readable(name, file, content.encode(), {"format": shape}, first=ROWS[0][0])
    wide = Readable("json-utf16", "a.json", json.dumps(records).encode("utf-16"), {"encoding": "utf-16-le"})
    yield wide
    for name, values in (
        ("ints", (0, 1)),
        ("booleans", (True, False)),
        ("floats", (1.0, 1.5)),
        ("nan", (float("nan"), 2)),
    ):
        shown = {json.dumps(one): 20 for one in values}
        typed = as_lines([{**one, "label": values[n % 2]} for n, one in enumerate(records)])
        yield Readable(f"json-{name}", "a.jsonl", typed.encode(), classes=shown)
    nulls = as_lines([*records, {"text": "x", "label": None}, {"text": None, "label": "sad"}]).encode()
    yield Readable("json-null", "a.jsonl", nulls, dropped={NO_LABEL: 1, NO_TEXT: 1})
    nested = as_lines([{**one, "meta": {"a": [1, {"b": None}]}} for one in records]).encode()
    yield Readable("json-nested", "a.jsonl", nested, {"text column": "text", "label column": "label"})
    differing = as_lines([{**one, f"key_{n % 5}": "x"} for n, one in enumerate(records)]).encode()
    yield Readable("json-differing-keys", "a.jsonl", differing, first=ROWS[0][0])
    halves = good.replace("joy", "joy \\ud83d").replace("happy", "\\udc00").encode()
    yield Readable("json-lone-surrogates", "a.jsonl", halves, classes=None)
    keys = good.replace('"label"', '"label\\ud83d"').replace('"text"', '"te\\u001bxt"').encode()
    yield Readable("json-odd-keys", "a.jsonl", keys)
    yield Readable("json-empty-key", "a.jsonl", good.replace('"text"', '""').encode(), first=ROWS[0][0])
    broken = good.replace('number 6 was a joy"', "number 6 was a joy").encode()
    yield Readable("json-broken-line-7", "a.jsonl", broken, kept=39, dropped={NO_OBJECT: 1}, classes=None)
    number = "".join([*good.splitlines(True)[:6], "42\n"]).encode()
    yield Readable("json-number-in-line-7", "a.jsonl", number, kept=6, dropped={NO_OBJECT: 1}, classes=None)
    mostly = "".join([*good.splitlines(True)[:3], *["42\n"] * 4]).encode()
    yield Refused("json-mostly-numbers", "a.jsonl", mostly, "A line is no JSON object", "line 4")
    title, bad = "This JSON is no table", "This is no valid JSON"
    for name, file, text, said in (
        ("json-lists", "a.json", json.dumps(list(map(list, ROWS))), title), ("json-scalar", "a.json", "42", title),
        ("json-string", "a.json", '"\\u001b[31mhello"', title), ("json-null-root", "a.json", "null", title),
        ("json-empty-list", "a.json", "[]", "There are no rows"),
        ("json-truncated", "a.json", json.dumps(records)[:900], bad),
        ("json-deep-lists", "a.json", "[" * 100_000, bad), ("json-deep-objects", "a.json", '{"a":' * 100_000, bad),
        ("json-deep-closed", "a.json", "[" * 100_000 + "]" * 100_000, bad),
        ("json-prose", "a.json", "hello there", bad),
        ("json-escape-inside", "a.json", '{"text": "\x1b[31m"', bad),
    ):  # fmt: skip
        yield Refused(name, file, text.encode(), said)
    deep = as_lines(records[:20]) + '{"text": ' + "[" * 60_000 + "]" * 60_000 + ', "label": "sad"}\n'
    yield Readable("json-deep-line", "a.jsonl", deep.encode(), kept=20, dropped={NO_OBJECT: 1}, classes=None)
    half = as_lines([{**one, "more": 0} for one in records]).replace("0}", "[" * 900 + "]" * 900 + "}").encode()
    yield Readable("json-rather-deep", "a.jsonl", half, first=ROWS[0][0])


def parquet(column: Callable[[Any], dict[str, Any]] | None = None, keep: int | None = None) -> Callable[[], bytes]:
    """A Parquet file of the usual rows, with further columns, or the first bytes of it."""

    def make() -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        more = column(pa) if column else {}
        stream = io.BytesIO()
        pq.write_table(pa.table({"text": [r[0] for r in ROWS], "label": [r[1] for r in ROWS], **more}), stream)
        return stream.getvalue()[:keep]

    return make


def parquet_files() -> Iterator[Case]:
    """Parquet of every type, whole and not."""
    how = {"format": "Parquet", "text column": "text"}
    yield Readable("parquet", "a.parquet", parquet(), how, first=ROWS[0][0])
    yield Readable("parquet-in-csv", "a.csv", parquet(), how, first=ROWS[0][0])
    for name, column, classes in (
        ("ints", lambda pa: pa.array([n % 2 for n in range(40)]), {"0": 20, "1": 20}),
        ("bools", lambda pa: pa.array([n % 2 == 0 for n in range(40)]), {"true": 20, "false": 20}),
        ("dates", lambda pa: pa.array([n % 2 for n in range(40)], pa.date32()), {"1970-01-01": 20, "1970-01-02": 20}),
        ("dictionary", lambda pa: pa.array([r[1] for r in ROWS]).dictionary_encode(), FEELINGS),
        ("large-strings", lambda pa: pa.array([r[1] for r in ROWS], pa.large_string()), FEELINGS),
        ("utf8-bytes", lambda pa: pa.array([r[1].encode() for r in ROWS]), FEELINGS),
    ):
        typed = parquet(lambda pa, column=column: {"label": column(pa)})
        yield Readable(f"parquet-{name}", "a.parquet", typed, {"format": "Parquet"}, classes=classes)
    empty = parquet(lambda pa: {"label": pa.array([r[1] if n > 3 else None for n, r in enumerate(ROWS)])})
    found = {"happy": 18, "sad": 18}
    yield Readable("parquet-nulls", "a.parquet", empty, kept=36, dropped={NO_LABEL: 4}, classes=found)
    rich = parquet(
        lambda pa: {"meta": pa.array([{"a": [n, None]} for n in range(40)]), "vector": pa.array([[0.5]] * 40)}
    )
    yield Readable("parquet-nested", "a.parquet", rich, {"text column": "text", "label column": "label"})
    image = parquet(lambda pa: {"image": pa.array([b"\xff\xd8\xfe" + bytes([n]) for n in range(40)])})
    yield Readable("parquet-images", "a.parquet", image, {"left out": "image"})
    void = parquet(lambda pa: {"void": pa.nulls(40)})
    yield Readable("parquet-null-column", "a.parquet", void, {"label column": "label"})

    def types(pa: Any) -> dict[str, Any]:
        day = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
        return {
            "time": pa.array([day] * 40, pa.timestamp("ns", "UTC")),
            "price": pa.array([Decimal("1.50")] * 40),
            "span": pa.array([timedelta(days=1)] * 40),
            "map": pa.array([[("key", 1)]] * 40, pa.map_(pa.string(), pa.int64())),
            "view": pa.array(["x"] * 40, pa.string_view()),
        }

    yield Readable("parquet-types", "a.parquet", parquet(types), {"text column": "text", "label column": "label"})
    wrong = parquet(lambda pa: {"wrong": pa.array([b"\xff\xfe"] * 40).view(pa.string())})
    yield Readable("parquet-invalid-utf8", "a.parquet", wrong, {"left out": "wrong"})
    none = parquet(lambda pa: {"text": pa.array([], pa.string()), "label": pa.array([], pa.string())})
    yield Refused("parquet-without-rows", "a.parquet", none, "There are no rows")
    for name, bytes_kept in (("truncated", 700), ("head-only", 4)):
        yield Refused(f"parquet-{name}", "a.parquet", parquet(keep=bytes_kept), "This Parquet file cannot be read")
    yield Refused("csv-in-parquet", "a.parquet", plain(), "This is no Parquet file")


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def encrypted() -> bytes:
    """A zip archive whose one file says that it is encrypted: bit 0 of its flags, in both of its headers."""
    raw = bytearray(zipped({"a.csv": plain()}))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def patched(at: int, by: bytes) -> bytes:
    """A zip archive with other bytes in its directory's first entry, `at` bytes behind its beginning."""
    raw = bytearray(zipped({"a.csv": plain()}))
    start = raw.index(b"PK\x01\x02") + at
    raw[start : start + len(by)] = by
    return bytes(raw)


def tarred(name: str, content: bytes = b"", link: str = "") -> bytes:
    """A tar archive of one file or of one symbolic link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.type, member.linkname = len(content), tarfile.SYMTYPE if link else tarfile.REGTYPE, link
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def packed_zeros(pack: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """More than a gibibyte of one letter in a small file, put together from equal streams."""
    return lambda: pack(b"a" * (1 << 24)) * 80


def archives() -> Iterator[Case]:
    """Packed tables, and packings that lie."""
    table = plain()
    squeezed = gzip.compress(table, mtime=0)
    litter = {"__MACOSX/._a.csv": b"\0\5\x16\7", ".DS_Store": b"\0\0\0\1Bud1", "d/a.csv": table, "README.md": b"# Hi"}
    for name, file, content in (
        ("csv-gz", "a.csv.gz", squeezed), ("gz-in-csv", "a.csv", squeezed),
        ("csv-xz", "a.csv.xz", lzma.compress(table)),
        ("csv-bz2", "a.csv.bz2", bz2.compress(table)), ("xz-in-gz", "a.csv.gz", lzma.compress(table)),
        ("gz-of-two-parts", "a.csv.gz", gzip.compress(table[:500]) + gzip.compress(table[500:])),
        ("zip-of-one", "a.zip", zipped({"a.csv": table})), ("zip-in-csv", "a.csv", zipped({"a.csv": table})),
        ("zip-with-litter", "a.zip", zipped(litter)), ("tar", "a.tar", tarred("a.csv", table)),
        ("tar-gz", "a.tgz", gzip.compress(tarred("a.csv", table))),
        ("utf16-in-gz", "a.csv.gz", gzip.compress(csv().encode("utf-16"))),
    ):  # fmt: skip
        yield Readable(name, file, content, {"delimiter": "comma", "header": "yes"}, first=ROWS[0][0])
    halves = {"a.csv": csv(ROWS[:20]).encode(), "b.csv": csv(ROWS[20:]).encode()}
    yield Refused("zip-of-two", "a.zip", zipped(halves), "There are several tables", "a.zip/a.csv")
    outside = {"../../outside.csv": table, "/etc/outside.csv": table}
    yield Refused("zip-of-names-outside", "a.zip", zipped(outside), "There is nothing to read")
    folders = {f"{label}/{n}.txt": text.encode() for n, (text, label) in enumerate(ROWS)}
    yield Readable("zip-of-class-folders", "a.zip", zipped(folders))
    broken = "This file is damaged"
    for name, file, content, title in (
        ("gz-truncated", "a.csv.gz", squeezed[:-30], broken), ("gz-head-only", "a.csv.gz", squeezed[:10], broken),
        ("gz-with-garbage", "a.csv.gz", squeezed + b"garbage", broken),
        ("gz-of-nothing", "a.csv.gz", gzip.compress(b""), "This file is empty"),
        ("xz-truncated", "a.csv.xz", lzma.compress(table)[:-30], broken),
        ("bz2-truncated", "a.csv.bz2", bz2.compress(table)[:-30], broken),
        ("zip-with-a-wrong-sum", "a.zip", patched(16, b"\0\1\2\3"), broken),
        ("zip-with-a-wrong-size", "a.zip", patched(24, b"\x0a\0\0\0"), broken),
        ("zip-of-no-known-method", "a.zip", patched(10, b"\x63\0"), broken),
        ("zip-pointing-nowhere", "a.zip", patched(42, b"\xff\xff\0\0"), broken),
        ("tar-of-links", "a.tar", tarred("a.csv", link="/etc/passwd"), "This archive is empty"),
        ("tar-truncated", "a.tar", tarred("a.csv", table)[:900], broken),
        ("zip-truncated", "a.zip", zipped({"a.csv": table})[:-40], broken),
        ("zip-encrypted", "a.zip", encrypted(), "This archive is encrypted"),
        ("zip-empty", "a.zip", zipped({}), "This archive is empty"),
        ("zip-of-an-empty-file", "a.zip", zipped({"a.csv": b""}), "This file is empty"),
        ("zip-of-pictures", "a.zip", zipped({"a.png": b"\x89PNG\r\n\x1a\n"}), TABLE),
        ("excel", "a.xlsx", zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), TABLE),
        ("excel-in-csv", "a.csv", zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), TABLE),
        ("7z", "a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(range(256)), TABLE),
        ("zstd", "a.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(range(256)), TABLE),
    ):  # fmt: skip
        yield Refused(name, file, content, title)
    yield Refused("gz-bomb", "a.csv.gz", packed_zeros(gzip.compress), "far more than its size")


def foreign() -> Iterator[Case]:
    """What is no table at all."""
    noise = random.Random(1).randbytes(40_000)
    for name, content, says in (
        ("png", b"\x89PNG\r\n\x1a\n" + noise, "PNG"), ("jpeg", b"\xff\xd8\xff\xe0" + noise, "JPEG"),
        ("pdf", b"%PDF-1.7\n" + noise, "PDF"), ("elf", b"\x7fELF" + noise, "program"),
        ("pickle", pickle.dumps(ROWS), "pickle"), ("sqlite", b"SQLite format 3\0" + noise, "SQLite"),
        ("old-office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise, "Office"),
        ("numpy", b"\x93NUMPY\1\0" + noise, "numpy"),
        ("arrow", b"ARROW1\0\0" + noise, "Parquet"), ("noise", noise, "binary"),
    ):  # fmt: skip
        yield Refused(f"{name}-in-csv", "a.csv", content, TABLE, says)
    one = "There is only one column"
    page = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<p>Hello</p>\n</html>\n"
    yield Readable("html-page", "a.csv", page, {}, 0, {one.lower(): 4}, {}, problem=one)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    yield Readable("git-lfs-pointer", "a.csv", pointer, {}, 0, {one.lower(): 3}, {}, problem=one)


def pipe(path: Path) -> None:
    """A FIFO that nobody writes to."""
    os.mkfifo(path)


def listening(path: Path) -> None:
    """The file of a socket; bound by its name in the folder, for the whole path may be too long."""
    at = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"/proc/self/fd/{at}/{path.name}")
    os.close(at)


def tree(files: dict[str, bytes], others: Sequence[tuple[str, Callable[[Path], object]]] = ()) -> Place:
    """A folder of these files, and of what is no file; a name that ends with `/` is an empty folder."""

    def make(path: Path) -> None:
        path.mkdir()
        for name, content in files.items():
            there = path / name
            (there if name.endswith("/") else there.parent).mkdir(parents=True, exist_ok=True)
            if not name.endswith("/"):
                there.write_bytes(content)
        for name, other in others:
            other(path / name)

    return Place(make)


def places() -> Iterator[Case]:
    """Folders, pipes, links, and names that are hard to say."""
    yield Refused("fifo", "a.csv", Place(pipe), "This is no regular file")
    yield Refused("socket", "a.csv", Place(listening), "This is no regular file")
    yield Refused("device", "a.csv", Place(lambda path: path.symlink_to(os.devnull)), "This is no regular file")
    yield Refused(
        "endless-device", "a.csv", Place(lambda path: path.symlink_to("/dev/zero")), "This is no regular file"
    )
    yield Refused("no-such-file", "a.csv", Place(lambda path: (path.parent / "a.tsv").touch()), "No such file", "a.tsv")
    yield Refused("dangling-link", "a.csv", Place(lambda path: path.symlink_to("nowhere")), "No such file")
    yield Refused("link-loop", "a.csv", Place(lambda path: path.symlink_to(path)), "This file cannot be opened")
    yield Refused("name-too-long", "a" * 400, Place(lambda path: None), "This file cannot be opened")
    yield Refused("name-with-nul", "a\0.csv", Place(lambda path: None), "This file cannot be opened")
    yield Readable(
        "linked", "a.csv", Place(lambda path: (path.parent / "b").write_bytes(plain()) and path.symlink_to("b"))
    )
    yield Refused("escapes-in-name", "a\x1b]0;x\x07\u202e.csv", b"", "This file is empty")
    yield Refused("escapes-in-name-of-none", "a\x1b]0;x\x07\u202e.csv", Place(lambda path: None), "No such file")
    yield Readable("name-not-utf8", os.fsdecode(b"a\xff\n.csv"), plain())
    yield Refused("folder-empty", "data", tree({}), "There is nothing to read")
    yield Refused("folder-of-empty-folders", "data", tree({"happy/": b"", "sad/": b""}), "There is nothing to read")
    yield Refused(
        "folder-of-pictures", "data", tree({"a.png": b"\x89PNG", "b.bin": b"\0\1\2"}), "There is nothing to read"
    )
    files = {f"{label}/{n}.txt": text.encode() for n, (text, label) in enumerate(ROWS)}
    yield Readable("class-folders", "data", tree(files))
    for name, make in (
        ("fifo", pipe),
        ("socket", listening),
        ("device", lambda path: path.symlink_to("/dev/zero")),
        ("dangling-link", lambda path: path.symlink_to("nowhere")),
        ("link-to-itself", lambda path: path.symlink_to(path.parent.parent)),
    ):
        yield Readable(f"class-folders-with-a-{name}", "data", tree(files, [("sad/odd.txt", make)]))
    latin = {**files, "sad/40.txt": "un café très mauvais".encode("latin-1"), "sad/41.txt": b" \n"}
    how = {"encoding": "cp1252", "layout": "a folder per class"}
    found = {"happy": 20, "sad": 21}
    yield Readable(
        "class-folders-in-latin1", "data", tree(latin), how, 41, {NO_TEXT: 1}, found, codes=("encoding", "empty-text")
    )
    odd = {f"\x1b[2J{name}": text for name, text in files.items()}
    yield Readable("class-folders-with-escapes", "data", tree(odd), classes={"\x1b[2Jhappy": 20, "\x1b[2Jsad": 20})
    unnamed = {name.replace("sad", os.fsdecode(b"sa\xff")): text for name, text in files.items()}
    yield Readable("class-folder-not-utf8", "data", tree(unnamed), classes=None)
    split = {"train.csv": csv(ROWS[:30]).encode(), "test.csv": csv(ROWS[30:]).encode()}
    yield Readable("folder-of-parts", "data", tree(split), {"parts": "train, test"}, first=ROWS[0][0])
    yield Readable("class-folders-one-empty", "data", tree({**files, "angry/": b""}))
    yield Readable("folder-of-one-table", "data", tree({"a.csv": plain(), "LICENSE": b"MIT"}), first=ROWS[0][0])


def sizes() -> Iterator[Case]:
    """Much of one thing."""
    one = "There is only one column"
    yield Readable("one-line-of-10-mb", "a.csv", lambda: b"word " * 2_000_000, {}, 0, {one.lower(): 1}, {}, problem=one)
    yield Refused("one-line-of-20-mb", "a.csv", lambda: b"word " * 4_000_000, "A line is far too long", "Line 1")
    yield Readable("long-line-inside", "a.csv", lambda: plain("word " * 2_000_000 + ",sad"), kept=41, classes=None)
    cell = '"' + "a line, with commas\n" * 250_000 + '",sad'
    quoted = {"kept": 41, "classes": {"happy": 20, "sad": 21}, "first": ROWS[0][0]}
    yield Readable("cell-of-5-mb", "a.csv", lambda: plain(cell, quote=True), {"quoting": "standard"}, **quoted)
    framed = {"quoting": "standard"}
    first = lambda: f"text,label\n{cell}\n".encode() + plain(head=None)  # noqa: E731
    yield Readable("first-cell-of-5-mb-asked", "a.csv", first, framed, 41, {}, quoted["classes"], settings=framed)
    names = tuple(f"column {n}" for n in range(9_998))
    wide = [(text, label, *("0" * 9_998)) for text, label in ROWS]
    yield Readable(
        "ten-thousand-columns", "a.csv", lambda: plain(rows=wide, head=("text", "label", *names)), first=ROWS[0][0]
    )
    yield Readable("a-million-delimiters", "a.csv", lambda: plain("," * 1_000_000), dropped={BLANK: 1})
    keys = lambda: as_lines([{"text": t, "label": c, f"k{n}": 1} for n, (t, c) in enumerate(ROWS * 50)]).encode()  # noqa: E731
    yield Readable("json-2000-keys", "a.jsonl", keys, kept=2000, classes=None, codes=("duplicates",))


def deep() -> Iterator[Readable]:
    """Those that are odd in what they say, not in how they lie: for what looks at texts and labels again."""
    many = ("a-thousand-classes", "ten-thousand-columns", "json-2000-keys")  # seconds each, and nothing new
    for case in (*characters(), *lines(), *layout(), *labels(), *nothing(), *sizes()):
        if isinstance(case, Readable) and case.kept and case.name not in many:
            yield case


CASES: tuple[Case, ...] = (
    *encodings(), *characters(), *lines(), *quoting(), *layout(), *labels(), *nothing(), *json_files(),
    *parquet_files(), *archives(), *foreign(), *places(), *sizes(),
)  # fmt: skip

"""What `safe()` lets through to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import safe, shorten
from tests.faults.hostile import ATTACKS, leaks

# Every code point, surrogates and controls more often than chance would have them.
ANYTHING = st.text(
    st.one_of(
        st.integers(0, 0x10FFFF),
        st.integers(0, 0xA0),
        st.integers(0xD800, 0xDFFF),
        st.integers(0x200B, 0x206F),
        st.sampled_from([0xFEFF, 0xAD, 0x061C, 0xE0041, 0x180E, 0x3164]),
    ).map(chr)
)

VISIBLE_FORMAT = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Category Cf, yet drawn: signs that go around numbers."""


def acts_on_a_terminal(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cf":
        return char not in VISIBLE_FORMAT and not 0x13430 <= ord(char) <= 0x1345F
    return category in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in (
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B", "S",
    )  # fmt: skip


@given(ANYTHING)
def test_nothing_that_acts_gets_through(text: str) -> None:
    assert not [hex(ord(char)) for char in safe(text) if acts_on_a_terminal(char)]


def test_no_code_point_of_all_gets_through_that_acts() -> None:
    passed = safe("".join(map(chr, range(0x110000))))
    assert not [hex(ord(char)) for char in passed if acts_on_a_terminal(char)]


@given(ANYTHING)
def test_newlines_alone_stay_when_asked_for(text: str) -> None:
    lines = safe(text, newlines=True)
    assert not [char for char in lines if char != "\n" and acts_on_a_terminal(char)]
    assert lines.count("\n") == text.count("\n")


@given(ANYTHING, st.booleans())
def test_idempotent(text: str, newlines: bool) -> None:
    once = safe(text, newlines=newlines)
    assert safe(once, newlines=newlines) == once


@given(ANYTHING)
def test_every_encoder_takes_it(text: str) -> None:
    safe(text).encode("utf-8")


@given(st.text(st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\x9b31mb", "a\ufffd31mb"),
        ("pay\u202eexe.tac", "payexe.tac"),
        ("a\u200db", "ab"),
        ("half \ud83d", "half \ufffd"),
        ("one\r\ntwo\tthree\nfour", "one two three four"),
        ("over\rwrite", "over␍write"),
        ("nul\0", "nul␀"),
        ("[/] [bold]", "[/] [bold]"),
    ],
)
def test_examples(hostile: str, shown: str) -> None:
    assert safe(hostile) == shown


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_no_attack_survives(attack: str) -> None:
    assert leaks(safe(attack)) == []
    assert leaks(safe(attack, newlines=True), "\n") == []
    assert safe(f"before {attack} after").startswith("before ")  # nothing before it is taken away
    assert safe(f"before {attack} after").endswith(" after")


def test_anything_can_be_shown() -> None:
    assert safe(None) == "None"
    assert safe(ValueError("a\x1bb")) == "a␛b"


@given(st.text(), st.integers(-2, 30))
def test_shorten_keeps_the_width(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= max(width, 0)
    assert short == text or width <= 0 or short.endswith("…")

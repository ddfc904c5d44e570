from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import safe
from tui import format as fmt


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.884, ".884"), (1.0, "1.00"), (0.9999, "1.00"), (0.0, ".000"), (None, "–"), (math.nan, "–"), (math.inf, "–")],
)
def test_scores_have_three_digits_and_no_leading_zero(value: float | None, shown: str) -> None:
    assert fmt.score(value) == shown


def test_counts_are_grouped_by_a_thin_space_of_one_cell() -> None:
    assert fmt.count(1_234_567) == "1\u2009234\u2009567"
    assert fmt.width_of(fmt.count(1481)) == 5


@pytest.mark.parametrize(
    ("value", "shown"),
    [(9.42, "9.4"), (126.3, "126"), (3111, "3.1k"), (12_400, "12k"), (999.7, "1.0k"), (2.5e6, "2.5M"), (math.nan, "–")],
)
def test_rates_keep_to_a_few_digits(value: float, shown: str) -> None:
    assert fmt.rate(value) == shown


def test_small_numbers_read_as_people_write_them() -> None:
    assert [fmt.small(v) for v in (3.1e-5, 0.0, 1.23, 0.52, 140.0, math.nan)] == [
        "3.1e-5",
        "0",
        "1.23",
        "0.52",
        "140",
        "–",
    ]


def test_sizes_and_durations() -> None:
    assert [fmt.size(v) for v in (512 * 2**20, 1.1 * 2**30, 80 * 2**30, 700)] == [
        "512 MiB",
        "1.1 GiB",
        "80.0 GiB",
        "700 B",
    ]
    assert [fmt.clock(v) for v in (41, 725, 3723, math.nan, None)] == ["00:41", "12:05", "1:02:03", "--:--", "--:--"]
    assert [fmt.span(v) for v in (0.31, 41, 720, 7560, 400_000)] == ["0.3 s", "41 s", "12 min", "2.1 h", "5 d"]
    assert [fmt.age(v) for v in (1, 41, 720, 7200, 3 * 86400)] == ["now", "41 s", "12 min", "2 h", "3 d"]


def test_a_bar_is_drawn_in_eighths_and_always_as_wide_as_asked() -> None:
    assert fmt.bar(0.5, 5, unicode=True) == "██▌  "
    assert fmt.bar(0.0001, 4, unicode=True) == "▏   ", "something is not nothing"
    assert fmt.bar(0.5, 4, unicode=False) == "##.."
    for part in (0, 0.3, 1, 7, -2, math.nan):
        assert fmt.width_of(fmt.bar(part, 9, unicode=True)) == 9


@pytest.mark.parametrize(
    ("names", "unicode"),
    [
        ({}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "de_DE.ISO-8859-1@euro", "LC_ALL": "C.utf8"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
    ],
)
def test_the_locale_decides_on_braille(monkeypatch: pytest.MonkeyPatch, names: dict[str, str], unicode: bool) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert fmt.unicode_terminal() is unicode


@given(st.text(max_size=40), st.integers(0, 30))
def test_a_cut_text_never_takes_more_cells_than_it_may(text: str, width: int) -> None:
    clean = safe(text)
    assert fmt.width_of(fmt.fit(clean, width)) <= width
    assert fmt.width_of(fmt.fit(clean, width, keep_end=True)) <= width
    assert fmt.width_of(fmt.cell(clean, width)) == width
    if fmt.width_of(clean) <= width:
        assert fmt.fit(clean, width) == clean


def test_wide_characters_are_not_halved() -> None:
    assert fmt.fit("日本語テキスト", 6) == "日本…"
    assert fmt.cell("日本語", 5) == "日本…"
    assert fmt.cell("日本", 6, right=True) == "  日本"

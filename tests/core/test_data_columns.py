"""Text, label and group columns: guessed with a reason, overridable, unknown names answered with the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import DataConfig
from core.data.columns import Columns, choose_columns
from core.data.dataset import load_dataset
from core.data.sources import read_table
from core.errors import DataError

SENTENCES = ["a film about the sea", "we left at half time", "nobody could say why", "the best of all evenings"]


def _choose(path: Path, content: str, **settings: object) -> Columns:
    path.write_text(content, encoding="utf-8")
    config = DataConfig(source=str(path), **settings)  # type: ignore[arg-type]
    return choose_columns(read_table(config), config)


def _table(*columns: str, rows: int = 40) -> str:
    """A CSV of the named columns, cells made by what the name says."""
    makers = {
        "id": lambda n: f"{n + 10**12}",
        "hash": lambda n: f"A2IB{n * 7919:X}U",
        "text": lambda n: f"{SENTENCES[n % 4]} in {n} words",
        "title": lambda n: f"part {n}",
        "label": lambda n: ("good", "bad", "so so")[n % 3],
        "stars": lambda n: str(n % 5 + 1),
        "when": lambda n: f"{1_600_000_000 + n * 977}",
        "user": lambda n: f"u{n % 9}",
    }
    kinds = [name.split(":")[-1] for name in columns]
    lines = [",".join(name.split(":")[0] for name in columns)]
    lines += [",".join(makers[kind](n) for kind in kinds) for n in range(rows)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        (("text", "label"), "text", "label"),
        (("label", "text"), "text", "label"),
        (("x:id", "y:text", "z:label"), "y", "z"),
        (("reviewerID:hash", "title", "reviewText:text", "overall:stars", "unixTime:when"), "reviewText", "overall"),
        (("tweet_id:id", "airline_sentiment:label", "tweet:text", "user"), "tweet", "airline_sentiment"),
        (("text", "label:stars", "label_text:label"), "text", "label_text"),
        (("domain:label", "text", "sentiment:label"), "text", "sentiment"),
    ],
)
def test_guesses(tmp_path: Path, columns: tuple[str, ...], text: str, label: str) -> None:
    found = _choose(tmp_path / "a.csv", _table(*columns))
    assert (found.text, found.label) == ((text,), label)
    assert all(one.reason for one in found.decisions)


def test_a_script_without_blanks_is_text_too(tmp_path: Path) -> None:
    lines = [f"{n},これは映画の感想文です{n}番,{'良い' if n % 2 else '悪い'}" for n in range(30)]
    assert _choose(tmp_path / "a.csv", "\n".join(lines)).text == ("column_2",)


def test_a_group_is_suggested_never_taken(tmp_path: Path) -> None:
    found = _choose(tmp_path / "a.csv", _table("text", "label", "user"))
    assert found.group == ""
    assert "user" in found.decisions[2].reason
    assert _choose(tmp_path / "a.csv", _table("text", "label", "user"), group="user").group == "user"


def test_overrides_and_several_text_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title,body,label\nfirst,words here,a\n,only body,b\nonly title,,a\n")
    dataset = load_dataset(DataConfig(source=str(path), text=("title", "body"), label="label"))
    assert dataset.texts == ["first\nwords here", "only body", "only title"]


def test_an_unknown_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'labell'") as caught:
        _choose(tmp_path / "a.csv", _table("text", "label"), label="labell")
    assert "--label label" in caught.value.next_step
    assert "text, label" in caught.value.message


def test_hostile_column_names_are_made_safe(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        _choose(tmp_path / "a.csv", "te\x1b]52;cxt,label\nan evening,b\n", header="yes", label="nope")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("text\njust one\ncolumn here\n", "only one column"),
        ("id,label\n1,a\n2,b\n3,a\n4,b\n", "No text column"),
        ("text,other\n" + "\n".join(f"a line of words {n},value {n}" for n in range(30)), "No label column"),
    ],
)
def test_columns_that_cannot_be_told(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        _choose(tmp_path / "a.csv", content, header="yes")
    assert caught.value.next_step


def test_text_and_label_cannot_be_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be both"):
        _choose(tmp_path / "a.csv", _table("text", "label"), text=("label",), label="label")

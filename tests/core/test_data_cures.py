"""Cures: what they keep, what they count, how a wrong one is answered; and the data set that comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import DataConfig, SplitConfig
from core.data.dataset import Dataset, load_dataset, sort_labels
from core.data.split.trainable import check_trainable
from core.errors import ConfigError, DataError

ROWS = [
    ("one fine day", "happy"),
    ("nothing to say", "nocode"),
    ("both at once", "happy|sad"),
    ("one fine  DAY", "happy"),
    ("one fine day", "sad"),
    ("rain again today", "sad"),
    ("sun again today", "happy"),
    ("what is this", "disgust"),
]


def _load(path: Path, *cures: str, rows: list[tuple[str, str]] = ROWS) -> Dataset:
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    dataset = load_dataset(DataConfig(source=str(path), cures=cures))
    assert dataset.read == len(dataset.texts) + sum(dataset.dropped.values())
    return dataset


def _labels(dataset: Dataset) -> list[str]:
    return [dataset.label_names[code] for code in dataset.labels]


@pytest.mark.parametrize(
    ("cures", "rows", "dropped"),
    [
        ((), [1, 2, 3, 4, 5, 6, 7, 8], {}),
        (("drop-class:nocode",), [1, 3, 4, 5, 6, 7, 8], {"drop-class:nocode": 1}),
        (
            ("drop-class:nocode", "drop-multi-label"),
            [1, 4, 5, 6, 7, 8],
            {"drop-class:nocode": 1, "drop-multi-label": 1},
        ),
        (("drop-multi-label:o",), [1, 3, 4, 5, 6, 7, 8], {"drop-multi-label:o": 1}),
        (("keep-classes: sad, happy",), [1, 4, 5, 6, 7], {"keep-classes: sad, happy": 3}),
        (("drop-duplicates",), [1, 2, 3, 5, 6, 7, 8], {"drop-duplicates": 1}),
        (("drop-conflicts",), [2, 3, 6, 7, 8], {"drop-conflicts": 3}),
        (("drop-rare:2",), [1, 4, 5, 6, 7], {"drop-rare:2": 3}),
    ],
)
def test_what_stays_and_what_is_counted(
    tmp_path: Path, cures: tuple[str, ...], rows: list[int], dropped: dict[str, int]
) -> None:
    dataset = _load(tmp_path / "a.tsv", *cures)
    assert dataset.rows.tolist() == rows
    assert dataset.dropped == dropped


def test_rename_and_merge(tmp_path: Path) -> None:
    dataset = _load(tmp_path / "a.tsv", "rename-class:disgust=sad", "rename-class:happy|sad=mixed")
    assert dataset.label_names == ("happy", "mixed", "nocode", "sad")
    assert _labels(dataset)[-1] == "sad"
    rows = [("a b", "x=y"), ("c d", "z"), ("e f", "x=y")]
    assert _load(tmp_path / "a.tsv", "rename-class:x=y=w", rows=rows).label_names == ("w", "z")


def test_order_matters(tmp_path: Path) -> None:
    merged = _load(tmp_path / "a.tsv", "rename-class:disgust=sad", "drop-rare:2")
    assert "what is this" in merged.texts
    assert merged.label_names == ("happy", "sad")


def test_bins_of_stars(tmp_path: Path) -> None:
    rows = [(f"text number {n}", value) for n, value in enumerate(["1.0", "2", "3.0", "4", "5", "none", "9"])]
    dataset = _load(tmp_path / "a.tsv", "bins:<=2=negative,3=drop,>=4=positive", rows=rows)
    assert _labels(dataset) == ["negative", "negative", "positive", "positive", "positive"]
    assert sorted(dataset.dropped.values()) == [1, 1]
    gap = _load(tmp_path / "a.tsv", "bins:<2=low,>4=high", rows=rows)
    assert _labels(gap) == ["low", "high", "high"]


@pytest.mark.parametrize(
    ("cure", "said"),
    [
        ("drop-clas:x", "drop-class:NAME"),
        ("nonsense", "drop-duplicates"),
        ("drop-class", "drop-class:NAME"),
        ("drop-rare:few", "drop-rare:N"),
        ("rename-class:a", "rename-class:OLD=NEW"),
        ("bins:low", "bins:"),
        ("drop-duplicates:all", "drop-duplicates"),
        ("drop-class:nocde", "nocode"),
        ("keep-classes:happy,sat", "sad"),
        ("rename-class:hapy=sad", "happy"),
    ],
)
def test_a_wrong_cure_names_what_is_meant(tmp_path: Path, cure: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path / "a.tsv", cure)
    assert said in caught.value.next_step


def test_empty_texts_and_labels_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n  ,a\nsome words,\nmore words, a \nother words,b\n,\n")
    dataset = load_dataset(DataConfig(source=str(path)))
    assert dataset.texts == ["more words", "other words"]
    assert dataset.label_names == ("a", "b")
    assert dataset.dropped == {"blank line": 1, "empty text": 1, "empty label": 1}
    assert dataset.rows.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["10", "9", "1"], ["1", "9", "10"]),
        (["5.0", "1.0"], ["1.0", "5.0"]),
        (["positive", "negative", "neutral"], ["negative", "neutral", "positive"]),
        (["Positive", "Negative"], ["Negative", "Positive"]),
        (["b", "a", "10"], ["10", "a", "b"]),
        (["nan", "1", "2"], ["1", "2", "nan"]),
    ],
)
def test_the_order_of_labels(given: list[str], wanted: list[str]) -> None:
    assert sort_labels(given) == wanted


def test_the_fingerprint_is_of_the_data_not_of_the_file(tmp_path: Path) -> None:
    first = _load(tmp_path / "a.tsv", "drop-class:nocode")
    (tmp_path / "b.csv").write_text("label,text\n" + "".join(f"{b},{a}\n" for a, b in ROWS if b != "nocode"))
    assert load_dataset(DataConfig(source=str(tmp_path / "b.csv"))).fingerprint == first.fingerprint
    assert _load(tmp_path / "a.tsv").fingerprint != first.fingerprint


def _classes(**counts: int) -> list[tuple[str, str]]:
    return [(f"text {name} number {n}", name) for name, count in counts.items() for n in range(count)]


def test_sound_data_is_trainable(tmp_path: Path) -> None:
    check_trainable(_load(tmp_path / "a.tsv", rows=_classes(a=3, b=9)), SplitConfig())
    check_trainable(_load(tmp_path / "a.tsv", rows=_classes(a=2, b=9)), SplitConfig(test=0.0))


@pytest.mark.parametrize(
    ("rows", "title", "step"),
    [
        (_classes(a=9), "only one class", "--label"),
        (_classes(a=9, b=1, c=9), "too few rows", "--cure drop-class:b"),
        (_classes(a=9, b=1, c=2), "2 classes have too few rows", "--cure drop-rare:3"),
        (_classes(a=9, b=9) + [("same words", "c")] * 5, "too few rows", "--cure drop-class:c"),
        (_classes(**{f"k{n}": 2 for n in range(40)}), "does not hold classes", "--label"),
    ],
)
def test_what_cannot_be_trained_on_names_the_flag(
    tmp_path: Path, rows: list[tuple[str, str]], title: str, step: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_trainable(_load(tmp_path / "a.tsv", rows=rows), SplitConfig())
    assert title in caught.value.title
    assert step in caught.value.next_step


def test_no_rows_left(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No rows are left"):
        check_trainable(_load(tmp_path / "a.tsv", "drop-rare:99"), SplitConfig())


def test_the_flag_that_is_named_does_cure(tmp_path: Path) -> None:
    rows = _classes(a=9, b=1, c=2, d=8)
    with pytest.raises(DataError) as caught:
        check_trainable(_load(tmp_path / "a.tsv", rows=rows), SplitConfig())
    cure = caught.value.next_step.removeprefix("--cure ")
    check_trainable(_load(tmp_path / "a.tsv", cure, rows=rows), SplitConfig())

"""The split of another run used again: by rows, through cures and moved rows, and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.config import DataConfig, RunConfig, SplitConfig, dumps, with_absolute_paths
from core.data.dataset import Dataset, load_dataset
from core.data.split import Split, split_rows
from core.data.split.again import beside
from core.errors import DataError
from core.evaluation.marks import mark_of
from core.evaluation.predictions import write_split
from core.runs import RunState, RunStore
from tests.core.test_cli import finetui
from tests.core.test_session import config_for, wait_end, write_reviews

Rows = list[tuple[str, str, str]]


def _rows(count: int = 120) -> Rows:
    """(text with a link, label, group): every text twice, two texts to a group."""
    return [(f"text {n // 2} http://t.co/{n}", "ab"[n // 2 % 2], f"group {n // 4}") for n in range(count)]


def _load(path: Path, rows: Rows, **settings: object) -> Dataset:
    path.write_text("text\tlabel\tgroup\n" + "".join("\t".join(row) + "\n" for row in rows))
    return load_dataset(DataConfig(source=str(path), text=("text",), label="label", **settings))  # type: ignore[arg-type]


def _run(folder: Path, dataset: Dataset, config: SplitConfig | None = None) -> Split:
    """The split of `dataset`, written as a run writes it."""
    split = split_rows(dataset, config or SplitConfig())
    folder.mkdir(exist_ok=True)
    write_split(folder / "split.parquet", dataset, split)
    (folder / "data.json").write_text(json.dumps({"source": dataset.source, "read": dataset.read}))
    return split


def _again(dataset: Dataset, folder: Path, **settings: object) -> Split:
    return split_rows(dataset, SplitConfig(of=str(folder), seed=99, validation=0.4, **settings))  # type: ignore[arg-type]


def _texts(dataset: Dataset, rows: np.ndarray) -> list[str]:
    return [dataset.texts[row] for row in rows]


def _same(first: Split, second: Split) -> None:
    for part in ("train", "validation", "test"):
        assert getattr(first, part).tolist() == getattr(second, part).tolist()


def test_the_same_rows_whatever_seed_and_fractions(tmp_path: Path) -> None:
    dataset = _load(tmp_path / "a.tsv", _rows())
    first = _run(tmp_path / "first", dataset)
    again = _again(dataset, tmp_path / "first")
    _same(first, again)
    assert again.method == "again"
    assert again.reason == "as in first: 120 rows where they were"


def test_cures_that_change_or_drop_rows_keep_the_others_where_they_were(tmp_path: Path) -> None:
    source = tmp_path / "a.tsv"
    rows = [*_rows(), *[(f"other {n}", "c", "") for n in range(20)]]
    first = _run(tmp_path / "first", _load(source, rows))
    cured = _load(source, rows, cures=("strip:urls", "drop-class:c"))
    assert not any("http" in text for text in cured.texts)
    again = _again(cured, tmp_path / "first")
    for part in ("train", "validation", "test"):
        kept = [row for row in getattr(first, part).tolist() if row < 120]
        if part == "train":  # without their links these are copies of held-out texts
            kept = [row for row in kept if row not in again.left_out]
        assert getattr(again, part).tolist() == kept
    assert "train" in again.reason.partition("rows of first are not here")[0]


@pytest.mark.parametrize("settings", [{"cures": ("strip:urls",)}, {"group": "group"}])
def test_what_became_a_copy_of_a_held_out_row_is_not_trained_on(tmp_path: Path, settings: dict[str, object]) -> None:
    """Without their links texts are the same in pairs; by the column named since four rows are of one group."""
    source = tmp_path / "a.tsv"
    first = _run(tmp_path / "first", _load(source, _rows()))
    changed = _load(source, _rows(), **settings)
    again = _again(changed, tmp_path / "first")
    assert again.test.tolist() == first.test.tolist()
    assert again.validation.tolist() == first.validation.tolist()
    codes = changed.keys if changed.group_keys is None else changed.group_keys
    held = {*codes[first.test].tolist(), *codes[first.validation].tolist()}
    assert again.train.tolist() == [row for row in first.train.tolist() if codes[row] not in held]
    gone = len(first.train) - len(again.train)
    assert gone == len(again.left_out) > 0
    assert f"{120 - gone} rows where they were" in again.reason
    assert f"{gone} training rows that became copies of held-out ones left out" in again.reason


def test_copies_apart_stay_so_where_the_switch_allows_it(tmp_path: Path) -> None:
    source = tmp_path / "a.tsv"
    first = _run(tmp_path / "first", _load(source, _rows()))
    cured = _load(source, _rows(), cures=("strip:urls",))
    _same(first, _again(cured, tmp_path / "first", keep_duplicates_together=False))


def test_copies_that_were_apart_in_the_other_run_are_no_new_ones(tmp_path: Path) -> None:
    """A published split may cut copies in two; used again it is the same split."""
    rows = [(text.partition(" http")[0], label, group) for text, label, group in _rows()]
    dataset = _load(tmp_path / "a.tsv", rows)
    first = _run(tmp_path / "first", dataset, SplitConfig(keep_duplicates_together=False))
    assert np.isin(dataset.keys[first.train], dataset.keys[first.test]).any()
    again = _again(dataset, tmp_path / "first")
    _same(first, again)
    assert len(again.left_out) == 0


def test_rows_that_moved_in_the_file_are_known_by_their_text(tmp_path: Path) -> None:
    """A line put in at the top shifts every record number: rows that are neighbours must not change places."""
    before = _load(tmp_path / "a.tsv", _rows())
    first = _run(tmp_path / "first", before)
    after = _load(tmp_path / "a.tsv", [("quite new", "a", ""), *reversed(_rows())])
    again = _again(after, tmp_path / "first")
    for part in ("validation", "test"):
        assert sorted(_texts(after, getattr(again, part))) == sorted(_texts(before, getattr(first, part)))
    assert mark_of(after, again.test) == mark_of(before, first.test)
    assert "1 new rows trained on" in again.reason


def test_new_rows_are_trained_on_but_not_copies_of_held_out_ones(tmp_path: Path) -> None:
    known = _load(tmp_path / "a.tsv", _rows(), group="group")
    first = _run(tmp_path / "first", known)
    held, trained = int(first.test[0]), int(first.train[0])
    assert known.groups is not None
    new = [
        (f"  {known.texts[held].upper()}", "a", ""),  # the same text but for case and spaces
        ("words of its own", "b", str(known.groups[held])),
        (known.texts[trained], "a", ""),
        ("quite new", "b", "group of its own"),
    ]
    grown = _load(tmp_path / "b.tsv", [*_rows(), *new], group="group")
    again = _again(grown, tmp_path / "first")
    assert again.left_out.tolist() == [120, 121]
    assert [row for row in again.train.tolist() if row >= 120] == [122, 123]
    assert again.test.tolist() == first.test.tolist()
    assert "2 new rows trained on; 2 new copies of held-out rows left out" in again.reason
    repeated = _again(grown, tmp_path / "first", keep_duplicates_together=False)
    assert repeated.left_out.tolist() == [121]  # a switch for copies of texts: groups still hold


def test_what_was_left_out_stays_out_in_a_third_run(tmp_path: Path) -> None:
    known = _load(tmp_path / "a.tsv", _rows())
    first = _run(tmp_path / "first", known)
    grown = _load(tmp_path / "b.tsv", [*_rows(), (known.texts[int(first.test[0])], "a", "")])
    second = _run(tmp_path / "second", grown, SplitConfig(of=str(tmp_path / "first")))
    assert second.left_out.tolist() == [120]
    third = _again(grown, tmp_path / "second")
    _same(second, third)
    assert third.left_out.tolist() == [120]


def test_rows_that_are_gone_are_counted_by_part(tmp_path: Path) -> None:
    first = _run(tmp_path / "first", _load(tmp_path / "a.tsv", _rows()))
    gone = {int(first.test[0]), int(first.test[1]), int(first.train[0])}
    fewer = _load(tmp_path / "b.tsv", [row for n, row in enumerate(_rows()) if n not in gone])
    again = _again(fewer, tmp_path / "first")
    assert len(again.test) == len(first.test) - 2
    assert "1 train and 2 test rows of first are not here" in again.reason


def _other_data(folder: Path) -> None:
    other = folder / "other.tsv"
    _run(folder / "first", _load(other, [(f"elsewhere {n}", "ab"[n % 2], "") for n in range(90)]))


def _torn(folder: Path) -> None:
    _run(folder / "first", _load(folder / "a.tsv", _rows()))
    (folder / "first" / "split.parquet").write_bytes(b"PAR1 torn")


def _no_ids(folder: Path) -> None:
    (folder / "first").mkdir()
    pd.DataFrame({"row": [1], "split": ["train"]}).to_parquet(folder / "first" / "split.parquet")


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (_other_data, "first was split on other data"),
        (_torn, "The split of first cannot be read"),
        (_no_ids, "The split of first cannot be read"),
        (lambda folder: (folder / "first").mkdir(), "first has no split"),
        (lambda _: None, "first has no split"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(tmp_path: Path, make: Callable[[Path], None], title: str) -> None:
    make(tmp_path)
    rows = [("mine " + text, label, group) for text, label, group in _rows()] if make is _other_data else _rows()
    with pytest.raises(DataError) as caught:
        _again(_load(tmp_path / "a.tsv", rows), tmp_path / "first")
    assert caught.value.title == title
    assert caught.value.next_step


def test_a_class_that_is_held_out_only_is_refused(tmp_path: Path) -> None:
    """Labels that were changed since, or classes that were left out."""
    before = _load(tmp_path / "a.tsv", _rows())
    first = _run(tmp_path / "first", before)
    tested = set(first.test.tolist())
    after = [(text, "c" if n in tested else label, group) for n, (text, label, group) in enumerate(_rows())]
    with pytest.raises(DataError, match="'c': only among the rows of test"):
        _again(_load(tmp_path / "a.tsv", after), tmp_path / "first")


def test_the_name_of_a_run_means_the_one_beside(tmp_path: Path) -> None:
    dataset = _load(tmp_path / "a.tsv", _rows())
    first = _run(tmp_path / "first", dataset)
    _same(first, split_rows(dataset, beside(SplitConfig(of="first"), tmp_path)))
    with pytest.raises(DataError, match="no run folder 'first'"):
        split_rows(dataset, SplitConfig(of="first"))


def test_only_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = RunConfig()
    assert with_absolute_paths(config.with_value("split.of", "first")).split.of == "first"
    assert with_absolute_paths(config.with_value("split.of", "runs/first")).split.of == str(tmp_path / "runs" / "first")


def test_from_the_command_line_two_runs_are_scored_on_the_same_rows(tmp_path: Path) -> None:
    config = config_for(tmp_path, write_reviews(tmp_path / "reviews.csv", 120), epochs=1)
    (tmp_path / "tiny.toml").write_text(dumps(config))
    words = ("train", "reviews.csv", "--config", "tiny.toml", "--runs", "runs", "--name")
    assert finetui(*words, "first", cwd=tmp_path).returncode == 0
    done = finetui(*words, "second", "--split-of", "first", "--split-seed", "3", "--test-fraction", "0.4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    store = RunStore(tmp_path / "runs")
    first, second = store.open("first"), store.open("second")
    facts = [run.read_json("data.json") for run in (first, second)]
    assert facts[0]["test_mark"] == facts[1]["test_mark"]
    assert facts[0]["validation_mark"] == facts[1]["validation_mark"]
    assert facts[0]["split"]["method"] == "stratified"
    assert facts[1]["split"] == {
        "method": "again",
        "reason": "as in first: 120 rows where they were",
        "left_out": 0,
    }
    frames = [pd.read_parquet(run.path / "split.parquet") for run in (first, second)]
    assert frames[0].equals(frames[1])
    assert second.config().split.of == str(first.path)
    assert second.read_json("metrics.json")["test"]["runs_scored"] == 2
    refused = finetui(*words, "third", "--split-of", "nobody", cwd=tmp_path)
    assert (refused.returncode, "nobody" in refused.stderr) == (2, True)
    (tmp_path / "other.csv").write_text((tmp_path / "reviews.csv").read_text().replace("the ", "no "))
    other = finetui(
        "train", "other.csv", "--config", "tiny.toml", "--runs", "runs", "--split-of", "first", cwd=tmp_path
    )
    assert (other.returncode, "first was split on other data" in other.stderr) == (2, True)
    assert sorted(store.names()) == ["first", "second"]  # bad input leaves nothing behind


def test_a_run_that_names_another_finds_it_in_its_own_folder(tmp_path: Path) -> None:
    config = config_for(tmp_path, write_reviews(tmp_path / "reviews.csv", 120), epochs=1)
    store = RunStore(tmp_path / "runs")
    _run(store.root / "first" if store.root.mkdir() is None else store.root, load_dataset(config.data))
    run = store.create(config.with_value("split.of", "first"), "second")
    from core.launch import start

    start(run)
    assert wait_end(run) is RunState.FINISHED, run.log_path.read_text()
    assert run.read_json("data.json")["split"]["method"] == "again"

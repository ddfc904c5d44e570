"""`finetui labels` in a shell: candidates, decisions, and a child run with the labels corrected."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pyarrow.parquet
import pytest

from core.cli import build
from core.cli.console import print_error
from core.errors import WorkbenchError
from core.evaluation.predictions import read_predictions
from core.runs import Run, RunStore
from tests.core.labelled import GOOD, config_of, finished_run, flipped, reviews, write
from tests.core.test_session import config_for

AT = list(range(3, 200, 17))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with reviews, some labelled wrong, and a run `first` that answers by the words."""
    source = write(tmp_path / "reviews.jsonl", flipped(reviews(), AT))
    finished_run(RunStore(tmp_path / "runs"), config_of(source))
    return tmp_path


def called(place: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command, in this process: a fresh one takes seconds."""
    out, said = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(said):
        try:
            code = build(("labels",))(["labels", *words, "--runs", str(place / "runs")], standalone_mode=False)
        except WorkbenchError as error:
            print_error(error)
            code = error.exit_code
        except SystemExit as end:
            code = int(end.code or 0)
    return int(code or 0), out.getvalue(), said.getvalue()


def labels(place: Path, *words: str, run: str = "first") -> tuple[str, str]:
    code, out, said = called(place, run, *words)
    assert code == 0, said
    return out, said


def refused(place: Path, *words: str, run: str = "first") -> str:
    code, out, said = called(place, run, *words)
    assert code == 2, out
    return said


def test_candidates_are_listed_decided_and_taken_back(place: Path) -> None:
    table, said = labels(place, "--reasons")
    assert max(map(len, table.splitlines()[:2])) <= 80
    listed = json.loads(labels(place, "--json")[0])
    rows = listed["rows"]
    assert {one["row"] for one in rows} <= {one + 1 for one in AT}
    assert len(rows) >= 2
    assert rows[0]["id"][:6] in table
    assert rows[0]["why"] in table
    assert f"{listed['looked']} rows judged" in said
    first, second = (one["id"][:8] for one in rows[:2])

    done = labels(place, "--fix", first, "--exclude", second, "--why", "I read it")[1]
    assert f"{rows[0]['given']} -> {rows[0]['suggested']}" in done
    assert "In validation: 1 with another label, 1 left out" in done
    assert "before" in done
    assert "after" in done
    left = json.loads(labels(place, "--json")[0])["rows"]
    assert [one["id"] for one in left] == [one["id"] for one in rows[2:]]
    shown = labels(place, "--decisions")[0]
    assert "I read it" in json.loads(labels(place, "--decisions", "--json")[0])["standing"][0]["decision"]["why"]
    assert first in shown
    assert max(map(len, shown.splitlines())) <= 80

    assert "taken back" in labels(place, "--undo", "last")[1]
    assert second in json.dumps(json.loads(labels(place, "--json")[0])["rows"])
    labels(place, "--undo", first)
    assert json.loads(labels(place, "--json")[0])["rows"] == rows
    assert "nothing to undo" in refused(place, "--undo", first)
    assert "nothing to undo" in refused(place, "--undo", "last")


def test_a_training_row_is_fixed_to_a_class_that_is_named(place: Path) -> None:
    split = pyarrow.parquet.read_table(place / "runs" / "first" / "split.parquet").to_pylist()
    row = next(one["id"] for one in split if one["split"] == "train" and one["row"] == AT[0] + 1)
    assert "=CLASS" in refused(place, "--fix", row[:8]), "nobody has judged it yet"
    assert "Did you mean negative" in refused(place, "--fix", f"{row[:8]}=negativ")
    assert "negative -> positive" in labels(place, "--fix", f"{row[:8]}=POSITIVE")[1]
    (place / "reviews.jsonl").unlink()
    assert "whether the decisions on training rows fit" in labels(place, "--decisions")[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--keep", "zzzz"), "No row of first"),
        (("--keep", ""), "names no row"),
        (("--fix", "abc="), "or no class"),
        (("--why", "because"), "--why is the reason"),
        (("--train",), "No label was corrected"),
    ],
)
def test_what_cannot_be_done_says_why(place: Path, words: tuple[str, ...], why: str) -> None:
    assert why in refused(place, *words)


def test_a_damaged_file_and_decisions_that_fit_no_more_are_told(place: Path) -> None:
    rows = json.loads(labels(place, "--json")[0])["rows"]
    labels(place, "--fix", rows[0]["id"])
    (path,) = (place / "runs" / ".corrections").iterdir()
    with open(path, "a") as handle:
        handle.write("\x1b]0;boo\x07\n")
    write(place / "reviews.jsonl", [(text, label) for text, label in reviews() if text != rows[0]["text"]])
    said = labels(place, "--decisions")[1]
    assert "1 cannot be applied: their text is not in this data" in said
    assert "damaged lines passed over: 2" in said
    assert "\x1b" not in said


def test_a_child_is_trained_on_the_same_rows_with_the_labels_corrected(tmp_path: Path) -> None:
    source = write(tmp_path / "reviews.jsonl", flipped(reviews(), AT))
    finished_run(RunStore(tmp_path / "runs"), config_for(tmp_path, source, epochs=1))
    held = read_predictions(Run(tmp_path / "runs" / "first"))
    wrong = [
        (one, part, "positive" if any(word in text for word in GOOD) else "negative")
        for one, part, text, row in zip(held.ids, held.parts, held.texts, held.rows, strict=True)
        if row - 1 in AT
    ]
    words = [word for one, _, label in wrong[1:] for word in ("--fix", f"{one}={label}")]
    labels(tmp_path, "--exclude", str(wrong[0][0]), *words)
    said = labels(tmp_path, "--train")[1]
    assert "run first-corrected" in said
    assert any(part == "test" for _, part, _ in wrong)
    assert "In the locked test part: " in said

    child = Run(tmp_path / "runs" / "first-corrected")
    assert child.notes()["parent"] == "first"
    facts = child.read_json("data.json")
    assert facts["dropped"]["left out by corrections"] == 1
    assert any(one["what"] == "corrections" for one in facts["reading"])
    after = read_predictions(child)
    gold = {one: after.label_names[code] for one, code in zip(after.ids, after.gold, strict=True)}
    assert str(wrong[0][0]) not in gold
    assert all(gold[one] == label for one, _, label in wrong[1:])
    parts = dict(zip(held.ids, held.parts, strict=True))
    assert {one: parts[one] for one in gold} == dict(zip(after.ids, after.parts, strict=True))
    assert len(gold) == len(parts) - 1
    assert "No label was corrected since" in refused(tmp_path, "--train", run="first-corrected")

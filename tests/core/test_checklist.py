"""Saved sentences with their answers: what the file makes of damage, and what every new run of that data says."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli import main
from core.config import RunConfig, with_source, with_values
from core.errors import RunError
from core.inference import predictor
from core.runs import Run, RunStore, read_history
from core.runs.checklist import (
    FAIL,
    OK,
    UNKNOWN,
    add,
    file_of,
    read_checklist,
    read_results,
    remove,
)
from core.runs.history import History, Record
from core.training import events as e
from core.training.session import train
from tui.widgets.run_report import read_report, scores

Shell = Callable[[str], tuple[int, str, str]]

HOSTILE = "ab\x1b]52;c;ZXZpbA==\x07 [/red]\u202e film"


def config_of(folder: Path, base: Path | str = "starter") -> RunConfig:
    """Two classes, one epoch; the test part is left alone."""
    source = folder / "films.csv"
    if not source.exists():
        lines = [f"a {'good' if n % 2 else 'bad'} film number {n},{'up' if n % 2 else 'down'}" for n in range(80)]
        source.write_text("text,label\n" + "\n".join(lines) + "\n")
    values = {"model.base": str(base), "training.epochs": 1, "training.onnx": False, "training.score_test": False}
    return with_values(with_source(RunConfig(), str(source)), values)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run folder of which only the settings are there."""
    return RunStore(tmp_path / "runs").create(config_of(tmp_path), "bare")


def trained(root: Path, config: RunConfig, name: str) -> Run:
    made = RunStore(root / "runs").create(config, name)
    with made.lock():
        for fact in train(made, lambda: ""):
            made.record(fact)
    made.close()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checklist")


@pytest.fixture(scope="module")
def first(folder: Path, tiny_base: Path) -> Run:
    """A whole tiny run, made while there is no checklist."""
    return trained(folder, config_of(folder, tiny_base), "first")


@pytest.fixture
def asked(first: Run) -> Run:
    """The same run, whose checklist begins empty."""
    file_of(first).unlink(missing_ok=True)
    return first


@pytest.fixture
def shell(asked: Run, capsys: pytest.CaptureFixture[str]) -> Shell:
    def call(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*shlex.split(line), "--runs", str(asked.path.parent)])
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def saved(run: Run) -> list[tuple[str, str]]:
    return [(one.text, one.label) for one in read_checklist(run).entries]


def said_of(run: Run, text: str) -> tuple[str, str]:
    """What the run says to a text, and the class that it does not."""
    found = predictor.open_predictor(run.path)
    best = int(found.predict([text]).probabilities[0].argmax())
    return found.label_names[best], found.label_names[1 - best]


# The file


def test_a_sentence_is_there_once_with_its_last_answer_until_it_is_taken_away(run: Run) -> None:
    add(run, [("one", "up"), ("  two ", "down")])
    add(run, [("one", "down"), ("three", "up")])
    assert saved(run) == [("one", "down"), ("two", "down"), ("three", "up")]
    remove(run, [read_checklist(run).entries[1]])
    assert saved(run) == [("one", "down"), ("three", "up")]
    add(run, [("two", "up")])
    assert saved(run) == [("one", "down"), ("three", "up"), ("two", "up")]
    lines = file_of(run).read_text().splitlines()
    assert [json.loads(line)["do"] for line in lines] == ["add", "add", "add", "add", "remove", "add"]
    assert all(json.loads(line)["at"] > 1.7e9 and json.loads(line)["run"] == "bare" for line in lines)


def test_the_list_is_that_of_the_source_whatever_is_made_of_its_rows(run: Run, tmp_path: Path) -> None:
    store, config = RunStore(tmp_path / "runs"), run.config()
    cured = store.create(with_values(config, {"data.cures": ("drop-duplicates",)}), "cured")
    other = store.create(with_source(RunConfig(), "sample"), "other")
    one, two = (
        store.create(replace(config, data=replace(config.data, source=f"hub:a/b@{commit}")), name)
        for name, commit in (("h1", "1f" * 20), ("h2", "2e" * 20))
    )
    assert file_of(run) == file_of(cured)
    assert file_of(one) == file_of(two)
    assert len({file_of(run), file_of(other), file_of(one)}) == 3


def test_a_torn_tail_does_not_count_and_the_next_line_is_whole(run: Run) -> None:
    add(run, [("one", "up"), ("two", "down")])
    whole = file_of(run).read_bytes()
    file_of(run).write_bytes(whole[:-9])
    assert (saved(run), read_checklist(run).damaged) == ([("one", "up")], ())
    add(run, [("three", "up")])
    assert (saved(run), read_checklist(run).damaged) == ([("one", "up"), ("three", "up")], (2,))


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[" * 60_000,
        "[]",
        '{"format":2,"do":"add","text":"x","label":"up"}',
        '{"format":1,"do":"add","text":"  ","label":"up"}',
        '{"format":1,"do":"add","text":"x"}',
        '{"format":1,"do":"add","text":7,"label":"up"}',
        '{"format":1,"do":"burn","text":"x","label":"up"}',
        '{"format":1,"do":"add","text":"x","label":"up","at":NaN}',
        '{"format":1,"do":"add","text":"\\ud800","label":"up"}',
        '{"format":1,"do":"add","text":"' + "x" * 200_000 + '","label":"up"}',
    ],
    ids=lambda line: line[:40],
)
def test_a_line_that_says_nothing_is_named_and_passed_over(run: Run, line: str) -> None:
    add(run, [("one", "up")])
    with file_of(run).open("a") as stream:
        stream.write(line + "\n")
    add(run, [("two", "down")])
    assert (saved(run), read_checklist(run).damaged) == ([("one", "up"), ("two", "down")], (2,))


def test_what_is_no_sentence_is_refused_before_anything_is_written(run: Run) -> None:
    for text, label in (("", "up"), (" ", "up"), ("x" * 5000, "up"), ("\udce9", "up"), ("x", " ")):
        with pytest.raises(RunError):
            add(run, [("one", "up"), (text, label)])
    assert not file_of(run).exists()


def test_what_is_no_file_is_an_error_and_is_not_waited_for(run: Run) -> None:
    add(run, [("one", "up")])
    file_of(run).unlink()
    os.mkfifo(file_of(run))
    with pytest.raises(RunError, match="cannot be read"):
        read_checklist(run)


def test_a_list_that_is_a_link_to_somewhere_else_is_not_written_through(run: Run, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file_of(run).parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="could not be saved"):
        add(run, [("one", "up")])
    assert not list((tmp_path / "elsewhere").iterdir())


# At the end of a run


def test_a_new_run_of_that_data_is_asked_and_shows_what_came_of_it(
    asked: Run, folder: Path, tiny_base: Path, shell: Shell
) -> None:
    assert read_history(asked).checklist is None
    assert not (asked.path / "checklist.json").exists()
    right, wrong = said_of(asked, "a good film")  # the same settings and seed make the same model
    add(asked, [("a good film", right), ("a good  film", wrong)])
    with file_of(asked).open("a") as stream:
        lines = {"format": 1, "do": "add", "text": HOSTILE, "label": "no[/b]\x1b[31m"}
        stream.write(json.dumps(lines) + "\nnonsense\n")
    second = trained(folder, config_of(folder, tiny_base), "second")
    assert read_history(second).checklist == e.ChecklistRun(1, 1, 1)
    assert [one.outcome for one in read_results(second)] == [OK, FAIL, UNKNOWN]
    assert read_results(second)[0].said == right
    tree = second.read_json("checklist.json")
    assert [tree[key] for key in ("passed", "failed", "unknown")] == [1, 1, 1]
    assert isinstance(second.newest(), e.RunFinished)
    code, out, err = shell("show second")
    assert code == 0
    assert "checklist: 1 passed, 1 failed, 1 expects a class that this run does not have" in out
    assert f"  fail: a good film · expected {wrong}, said {right}" in out.replace("good  film", "good film")
    assert "line 4 cannot be read" in err
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert json.loads(shell("show second --json")[1])["checklist"] == {"passed": 1, "failed": 1, "unknown": 1}
    assert "passed" not in shell("show first")[1]


def test_a_list_that_cannot_be_read_warns_and_the_run_ends_whole(asked: Run, folder: Path, tiny_base: Path) -> None:
    file_of(asked).mkdir(parents=True)
    try:
        third = trained(folder, config_of(folder, tiny_base), "third")
    finally:
        file_of(asked).rmdir()
    history = read_history(third)
    assert [one.title for one in history.warnings] == ["The checklist was not run"]
    assert history.checklist is None
    assert isinstance(history.end, e.RunFinished)
    assert third.read_json("metrics.json")["validation"]


def test_a_model_that_does_not_answer_warns_and_the_run_ends_whole(
    asked: Run, folder: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError("no answer")

    add(asked, [("a good film", "up")])
    monkeypatch.setattr(predictor, "open_predictor", broken)
    fourth = trained(folder, config_of(folder, tiny_base), "fourth")
    history = read_history(fourth)
    assert "ZeroDivisionError: no answer" in history.warnings[-1].message
    assert isinstance(history.end, e.RunFinished)


def test_a_run_that_went_on_from_an_earlier_step_has_not_been_asked_yet() -> None:
    history = History()
    for number, fact in enumerate((e.ChecklistRun(2, 1), e.RunResumed(4, exact=True)), 1):
        history.apply(Record(number, float(number), fact))
        assert (history.checklist == e.ChecklistRun(2, 1)) == (number == 1)


def test_an_opened_run_shows_the_tally(asked: Run) -> None:
    report = read_report(asked)
    report.history.checklist = e.ChecklistRun(7, 1, 2)
    told = " ".join("".join(text for text, *_ in one) for one in scores(report, 80))
    assert "checklist: 7 passed, 1 failed, 2 expect a class that this run does not have" in " ".join(told.split())


# In the shell


def test_sentences_are_saved_asked_and_taken_away_in_the_shell(asked: Run, shell: Shell) -> None:
    right, _ = said_of(asked, "a good = film")
    code, _, err = shell("checklist first")
    assert (code, "is empty" in err) == (0, True)
    code, out, err = shell(f"checklist first --add 'a good = film={right}'")
    assert (code, saved(asked)) == (0, [("a good = film", right)])
    assert "1 sentence in the checklist" in err
    code, out, err = shell("checklist first")
    assert code == 0
    row = out.splitlines()[1].split(maxsplit=5)
    assert row[:4] == ["1", "ok", right, right]
    assert row[5] == "a good = film"
    assert "1 passed, 0 failed" in err
    shell(
        f"checklist first --add 'a good film={said_of(asked, 'a good film')[1]}' --add 'bad={said_of(asked, 'bad')[0]}'"
    )
    code, out, err = shell("checklist first --json")
    found = json.loads(out)
    assert code == 1
    assert (found["passed"], found["failed"], found["unknown"]) == (2, 1, 0)
    assert [one["outcome"] for one in found["results"]] == [OK, FAIL, OK]
    assert 0.5 <= found["results"][1]["probability"] <= 1
    code, out, _ = shell("checklist first --remove 2 --json")
    assert (code, [one["text"] for one in json.loads(out)["sentences"]]) == (0, ["a good = film", "bad"])
    assert shell("checklist first")[0] == 0


def test_what_cannot_be_saved_or_taken_away_is_refused_whole(asked: Run, shell: Shell) -> None:
    code, _, err = shell("checklist first --add 'fine=up' --add 'fine=sideways'")
    assert code == 2
    assert "no class 'sideways'" in err
    assert "down, up" in err
    for words in ("--add nothing", "--add =up", "--add 'x='", "--remove 1", "--remove 0 --add fine=up"):
        code, _, err = shell(f"checklist first {words}")
        assert (code, err.startswith("error: ")) == (2, True), words
    assert saved(asked) == []


def test_a_class_that_the_run_does_not_have_is_told_and_does_not_pass(asked: Run, shell: Shell) -> None:
    add(asked, [("fine", "up")])
    text = (
        file_of(asked)
        .read_text()
        .replace('"label":"up"', '"label":"gone\\u001b[2J"')
        .replace("fine", "f\\u202ei\\u0007")
    )
    file_of(asked).write_text(text)
    code, out, err = shell("checklist first")
    assert code == 1
    assert "unknown" in out
    assert "1 expects a class that this run does not have" in err
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert max(map(len, out.splitlines())) <= 80

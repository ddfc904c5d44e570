"""Keeping runs in order from the shell: tag, note, rename, archive, and what `runs` lists."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli import main
from core.config import RunConfig
from core.runs import RunStore
from core.runs.notes import change_notes, read_notes
from core.training import events as e
from tests.core.test_store import metrics

Shell = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def three(store: RunStore) -> RunStore:
    for number, (name, score) in enumerate((("brisk-otter", 0.8), ("calm-heron", 0.9), ("wise-wren", 0.7))):
        run = store.create(RunConfig(), name)
        run.record(e.RunFinished("trained", False, 60.0 * (number + 1)))
        run.close()
        validation = {"macro_f1": score, "accuracy": 1 - score, "class_f1": {"bad": score, "good": 1.0}}
        (run.path / "metrics.json").write_text(metrics(validation=validation, seconds=60.0 * (number + 1)))
    return store


@pytest.fixture
def shell(three: RunStore, capsys: pytest.CaptureFixture[str]) -> Shell:
    def call(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*shlex.split(line), "--runs", str(three.root)])
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def names(out: str) -> list[str]:
    """The runs of a printed table, from top to bottom."""
    return [word for line in out.splitlines()[1:] if (word := line.removeprefix("*").split()[0])]


def listed(shell: Shell, words: str) -> list[str]:
    code, out, err = shell(f"runs {words} --json")
    assert code == 0, err
    return [one["name"] for one in json.loads(out)]


def test_tags_are_given_taken_away_shown_and_found(shell: Shell, three: RunStore) -> None:
    assert shell("tag brisk +baseline v2")[:2] == (0, "baseline v2\n")
    assert shell("tag brisk v3 --remove v2 --remove baseline")[1] == "v3\n"
    assert shell("tag brisk-otter")[1] == "v3\n"
    assert json.loads(shell("tag brisk --json")[1]) == {"run": "brisk-otter", "tags": ["v3"]}
    assert "brisk-otter had no v9" in shell("tag brisk --remove v9")[2]
    assert "has no tags" in shell("tag calm-heron")[2]
    assert listed(shell, "tag:v3") == ["brisk-otter"]
    code, out, _ = shell("runs")
    assert (code, "tags" in out, "v3" in out) == (0, True, True)
    code, _, err = shell("tag brisk 'not a tag'")
    assert code == 2
    assert "cannot be a tag" in err
    assert read_notes(three.open("brisk-otter")).tags == ("v3",)


def test_a_note_is_written_shown_replaced_and_taken_away(shell: Shell) -> None:
    assert "has no note" in shell("note brisk")[2]
    assert shell("note brisk try a lower rate")[0] == 0
    assert shell("note brisk")[1] == "try a lower rate\n"
    assert listed(shell, "note:lower") == ["brisk-otter"]
    assert "in place of" in shell("note brisk other")[2]
    assert json.loads(shell("note brisk --json")[1]) == {"run": "brisk-otter", "note": "other"}
    assert shell("note brisk --clear text")[0] == 2
    assert "no note any more" in shell("note brisk --clear")[2]
    assert "has no note" in shell("note brisk")[2]


def test_a_run_gets_another_name(shell: Shell, three: RunStore) -> None:
    change_notes(three.open("wise-wren"), lambda tree: tree.update(parent="brisk-otter"))
    assert "is called amber-adder now" in shell("rename brisk-otter amber-adder")[2]
    assert listed(shell, "parent:adder") == ["wise-wren"]
    code, _, err = shell("show brisk-otter")
    assert code == 2
    assert "It is called amber-adder now" in err
    told = json.loads(shell("rename amber-adder brisk-otter --json")[1])
    assert (told["run"], told["was"]) == ("brisk-otter", "amber-adder")
    for line, why in (
        ("rename brisk x", "full name"), ("rename brisk-otter calm-heron", "already exists"),
        ("rename brisk-otter ../x", "cannot be a run's name"), ("rename nobody x", "no run"),
    ):  # fmt: skip
        code, _, err = shell(line)
        assert code == 2
        assert why in err


def test_runs_are_put_aside_and_brought_back_and_nothing_moves(shell: Shell, three: RunStore) -> None:
    code, _, err = shell("archive brisk calm")
    assert code == 0
    assert "finetui archive --undo brisk-otter calm-heron" in err
    code, out, err = shell("runs")
    assert names(out) == ["wise-wren"]
    assert "2 archived" in err
    assert listed(shell, "--all") == ["calm-heron", "brisk-otter", "wise-wren"]
    assert listed(shell, "--archived") == ["calm-heron", "brisk-otter"]
    assert listed(shell, "is:archived") == ["calm-heron", "brisk-otter"]
    assert len(three.names()) == 3
    shell("archive --undo brisk-otter")
    assert listed(shell, "") == ["brisk-otter", "wise-wren"]
    code, _, err = shell("archive wise-wren nobody")
    assert code == 2
    assert "nobody" in err
    assert "wise-wren" in listed(shell, ""), "all of them are there before the first is put aside"


def test_a_list_is_filtered_sorted_and_cut(shell: Shell) -> None:
    assert listed(shell, "") == ["calm-heron", "brisk-otter", "wise-wren"]
    assert listed(shell, "'f1>.75' not heron") == ["brisk-otter"]
    assert listed(shell, "--sort accuracy") == ["wise-wren", "brisk-otter", "calm-heron"]
    assert listed(shell, "--sort name --reverse --limit 2") == ["wise-wren", "calm-heron"]
    assert listed(shell, "--sort time") == ["wise-wren", "calm-heron", "brisk-otter"]
    assert listed(shell, "--sort worst --reverse") == ["wise-wren", "brisk-otter", "calm-heron"]
    code, out, err = shell("runs zzz")
    assert (code, out) == (0, "")
    assert "None of 3 runs is like that" in err
    for line, why in (("runs stat:x", "'state'"), ("runs --sort test", "cannot be sorted"),
                      (f"runs {'x' * 10_000}", "too long")):  # fmt: skip
        code, _, err = shell(line)
        assert code == 2
        assert why in err


def test_the_star_stays_with_the_best_of_all_when_a_list_is_cut_or_turned_round(shell: Shell) -> None:
    assert not any(line.startswith("*") for line in shell("runs otter")[1].splitlines())
    starred = [line.split()[1] for line in shell("runs --reverse")[1].splitlines() if line.startswith("*")]
    assert starred == ["calm-heron"]


def test_how_much_room_runs_take(shell: Shell, three: RunStore) -> None:
    step = three.root / "wise-wren" / "checkpoints" / "step-1"
    step.mkdir(parents=True)
    (step / "state").write_bytes(b"x" * (3 << 20))
    code, out, err = shell("runs --sizes")
    assert code == 0
    assert "size" in out.splitlines()[0]
    assert "3 runs, 3 MiB (checkpoints 3 MiB)" in err
    assert listed(shell, "--sort size")[0] == "wise-wren"
    told = json.loads(shell("runs wren --sizes --json")[1])
    assert told[0]["bytes"]["checkpoints"] == 3 << 20


def test_damaged_notes_are_told_in_the_list_and_not_written_over(shell: Shell, three: RunStore) -> None:
    path: Path = three.root / "brisk-otter" / "notes.toml"
    path.write_text("tags = = x")
    code, out, err = shell("runs")
    assert code == 0
    assert len(names(out)) == 3
    assert "brisk-otter: its tags and its note cannot be read" in err
    for line in ("tag brisk x", "note brisk x", "note brisk", "archive brisk", "rename brisk-otter x", "tag brisk"):
        code, _, err = shell(line)
        assert code == 2, line
        assert "notes of brisk-otter are damaged" in err
    assert path.read_text() == "tags = = x"

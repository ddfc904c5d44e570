"""`finetui data` as a person in a shell meets it: what it tells by itself, which flag mends what, what scripts get."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig, dumps, with_values
from core.launch import child_command, child_environment
from tests.tiny import WORDS

MARKS = "✗!✓"


def finetui(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = child_environment() | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    return subprocess.run(child_command(*words), capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A folder with phrases cut from sentences in `phrases.csv`, near-copies among them, and a configuration."""
    folder = tmp_path_factory.mktemp("data")
    draw, lines = np.random.RandomState(1), ["SentenceId,phrase,mood"]
    for sentence in range(60):
        words, mood = draw.choice(WORDS, 16).tolist(), "happy" if sentence % 4 else "sad"
        lines.append(f"{sentence},{' '.join(words)},{mood}")
        for _ in range(6):
            first = draw.randint(0, 11)
            lines.append(f"{sentence},{' '.join(words[first : first + draw.randint(4, 10)])},{mood}")
    lines.append("60,a lonely row of its own,odd\x1b[31m")
    (folder / "phrases.csv").write_text("\n".join(lines) + "\n")
    config = with_values(RunConfig(), {"model.base": str(tiny_base), "data.cures": ["drop-rare:10"]})
    (folder / "run.toml").write_text(dumps(config))
    return folder


@pytest.fixture(scope="module")
def text(place: Path) -> str:
    """What is said about the phrases, without the lonely row."""
    done = finetui("data", "phrases.csv", "--cure", "drop-rare:10", "--model", _base(place), cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _base(place: Path) -> str:
    from core.config import load

    return load(place / "run.toml").model.base


def test_a_person_sees_classes_lengths_faults_and_floors(text: str) -> None:
    for part in ("happy", "█", "imbalance: 3.0", "tokens a text", "split, stratified", "TF-IDF", "always 'happy'"):
        assert part in text
    assert "pieces of one text" in text
    assert "--group SentenceId" in text
    assert "--rows pieces" in text
    assert "ready to train: finetui train" in text


def test_the_worst_comes_first_and_every_line_fits(text: str) -> None:
    marks = [line[0] for line in text.splitlines() if line[:1] in MARKS and line[1:2] == " "]
    assert marks == sorted(marks, key=MARKS.index)
    long = [line for line in text.splitlines() if len(line) > 80 and "/" not in line]
    assert long == []


def test_the_flag_that_is_named_mends_the_finding(place: Path, text: str) -> None:
    (mend,) = [line.split("mend: ")[1].split("   ")[0] for line in text.splitlines() if "--group" in line]
    words = ["data", "phrases.csv", "--cure", "drop-rare:10", "--model", _base(place), "--json", *shlex.split(mend)]
    found = json.loads(finetui(*words, cwd=place).stdout)
    (pieces,) = [one for one in found["findings"] if one["code"] == "pieces"]
    assert pieces["level"] == "ok"
    assert found["split"]["method"] == "grouped"


def test_a_script_gets_everything_in_one_object(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--config", "run.toml", "--json", cwd=place)
    found = json.loads(done.stdout)
    assert set(found["examined"]) == {"lengths", "near-duplicates", "pieces", "leaks", "baseline"}
    codes = [one["code"] for one in found["findings"]]
    assert {"pieces", "leak", "lengths", "duplicates"} <= set(codes)
    assert len(codes) == len(set(codes))
    assert found["examined"]["lengths"]["facts"]["unit"] == "tokens"
    assert found["kept"] == sum(sum(found["split"][part]) for part in ("train", "validation", "test"))


def test_a_quick_look_asks_no_model(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--cure", "drop-rare:10", "--model", "./nothing-here", "--quick", cwd=place)
    assert done.returncode == 0
    assert "tokens" not in done.stdout
    assert "pieces" not in done.stdout
    assert "always 'happy': accuracy" in done.stdout


def test_a_model_that_is_not_here_leaves_the_rest_standing(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--cure", "drop-rare:10", "--model", "./nothing-here", cwd=place)
    assert done.returncode == 0
    assert "not counted" in done.stdout
    assert "TF-IDF" in done.stdout


@pytest.mark.parametrize("code", ["pieces", "duplicates", "no-such"])
def test_the_rows_behind_a_finding(place: Path, code: str) -> None:
    words = ["data", "phrases.csv", "--config", "run.toml", "--rows", code]
    done = finetui(*words, "--limit", "3", cwd=place)
    if code == "no-such":
        assert done.returncode == 2
        assert done.stdout == ""
        assert "no finding 'no-such'" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    answer = json.loads(finetui(*words, "--json", "--limit", "100000", cwd=place).stdout)
    assert len(answer["rows"]) == answer["total"] > 0
    assert len(done.stdout.splitlines()) == min(3, answer["total"])
    assert f"--limit {answer['total']}" in done.stderr or answer["total"] <= 3
    assert all(set(row) == {"row", "file", "text", "label"} for row in answer["rows"])


def test_the_rows_of_a_class(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--class", "sad", "--limit", "1000", "--json", cwd=place)
    answer = json.loads(done.stdout)
    assert answer["total"] == 105
    assert {row["label"] for row in answer["rows"]} == {"sad"}
    wrong = finetui("data", "phrases.csv", "--class", "hapy", cwd=place)
    assert wrong.returncode == 2
    assert "Did you mean 'happy'" in wrong.stderr


def test_what_cannot_be_trained_on_says_which_flag_helps(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--quick", cwd=place)
    assert done.returncode == 0
    assert "cannot be trained on as it is" in done.stdout
    assert "--cure" in done.stdout
    assert "\x1b" not in done.stdout


def test_parts_are_counted_class_by_class(tmp_path: Path) -> None:
    draw = np.random.RandomState(2)
    for name, rows in (("train", 60), ("dev", 20), ("test", 12)):
        lines = [f"{' '.join(draw.choice(WORDS, 9))},{'ab'[n % 2]}" for n in range(rows)]
        (tmp_path / f"{name}.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    done = finetui("data", ".", "--quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head = next(line for line in done.stdout.splitlines() if line.startswith("class"))
    assert head.split()[1:] == ["rows", "share", "train", "validation", "test"]
    row = next(line for line in done.stdout.splitlines() if line.startswith("a "))
    assert row.split()[2:] == ["46", "50.0%", "30", "10", "6"]
    assert "dev.csv    validation    20" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.csv"], "No such file"),
        (["phrases.csv", "--validation-fraction", "0.9"], "--validation-fraction"),
        (["phrases.csv", "--config", "missing.toml"], "missing.toml"),
        (["phrases.csv", "--split-of", "nobody"], "nobody"),
    ],
)
def test_bad_input_is_refused(place: Path, words: list[str], said: str) -> None:
    done = finetui("data", *words, cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_column_still_shows_which_there_are(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--group", "SentenceID", cwd=place)
    assert done.returncode == 2
    assert "columns: SentenceId, phrase, mood" in done.stdout
    assert "--group SentenceId" in done.stderr


def test_what_a_cure_left_out_can_be_looked_at(place: Path) -> None:
    done = finetui("data", "phrases.csv", "--cure", "drop-rare:10", "--rows", "drop-rare:10", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "a lonely row of its own" in done.stdout

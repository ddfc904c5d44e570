"""The resident child that answers for the screen, and the command line's `classify` and `export`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.inference.service import Residents
from core.launch import child_command, child_environment
from core.runs import Run
from core.runs.store import MARKER
from tests.tiny import exported_run, tiny_model


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / MARKER).touch()
    shutil.copytree(exported_run().path, tmp_path / "tiny")
    return tmp_path


class Child:
    """The service as the screen starts it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            child_command("classify", "--jsonl"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            cwd=os.sep,
            text=True,
        )

    def ask(self, **body: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"id": 1, **body}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def child() -> Iterator[Child]:
    found = Child()
    yield found
    found.process.communicate(timeout=30)
    assert found.process.returncode == 0


def test_the_service_answers_and_survives_bad_requests(root: Path, child: Child) -> None:
    run = str(root / "tiny")
    warm = child.ask(ask="warm", run=run)["result"]
    assert warm["engine"] == "onnx"
    assert warm["label_names"] == ["negative", "neutral", "positive"]
    answer = child.ask(ask="classify", run=run, texts=["good", "very good " * 40, "\x1b\ud800"])["result"]
    assert len(answer["probabilities"]) == 3
    assert all(abs(sum(row) - 1) < 1e-5 for row in answer["probabilities"])
    assert answer["truncated"] == [False, True, False]
    assert answer["milliseconds"] > 0
    assert child.ask(ask="classify", run=run, texts=[])["result"]["probabilities"] == []
    for bad in ({"run": run}, {"run": run, "texts": "good"}, {"run": run, "texts": [1]}, {"texts": ["good"]}):
        assert child.ask(ask="classify", **bad)["error"]["kind"] == "DataError"
    gone = child.ask(ask="classify", run=str(root / "gone"), texts=["good"])["error"]
    assert gone["kind"] == "RunError"
    assert gone["next_step"]
    assert "result" in child.ask(ask="classify", run=run, texts=["still here"])


def test_a_better_epoch_and_a_new_graph_are_picked_up(root: Path) -> None:
    run, models = Run(root / "tiny"), Residents()
    first = models.get(run.path)
    assert models.get(run.path) is first
    tiny_model(run, labels=("no", "yes"), seed=3)
    second = models.get(run.path)
    assert (second.engine, second.label_names) == ("torch", ("no", "yes"))
    assert models.get(run.path) is second


def test_the_last_three_models_stay(root: Path) -> None:
    paths = [Path(shutil.copytree(root / "tiny", root / name)) for name in ("a", "b", "c", "d")]
    models = Residents()
    kept = [models.get(path) for path in paths[:3]]
    assert models.get(paths[0]) is kept[0]
    models.get(paths[3])
    assert models.paths == [paths[2], paths[0], paths[3]]
    assert models.get(paths[2]) is kept[2]


def finetui(root: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        child_command(*words, "--runs", str(root)),
        input=stdin,
        env=child_environment(),
        capture_output=True,
        check=False,
    )


def test_classify_prints_label_probability_and_text(root: Path) -> None:
    done = finetui(root, "classify", "tiny", "good", "a \x1b[31mred\tword")
    assert (done.returncode, done.stderr) == (0, b"")
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [row[2] for row in rows] == ["good", "a ␛[31mred word"]
    assert all(row[0] in ("negative", "neutral", "positive") and 0 < float(row[1]) <= 1 for row in rows)


def test_classify_reads_lines_and_keeps_one_answer_for_each(root: Path) -> None:
    lines = b"good\r\n\nbad \xff\xfe line\n" + b"\n".join(b"phone %d" % n for n in range(700))
    done = finetui(root, "classify", "tiny", "-", "--json", stdin=lines)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = ["good", "", "bad \ufffd\ufffd line", *(f"phone {n}" for n in range(700))]
    assert [one["text"] for one in found] == wanted
    assert found[0]["label"] == max(found[0]["probabilities"], key=found[0]["probabilities"].get)
    assert abs(sum(found[0]["probabilities"].values()) - 1) < 1e-4


def test_classify_answers_a_line_before_the_next_one_comes(root: Path) -> None:
    words = child_command("classify", str(root / "tiny"), "-")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for text in (b"good", b"bad"):
            child.stdin.write(text + b"\n")
            child.stdin.flush()
            assert child.stdout.readline().rstrip().endswith(text)
        child.stdin.close()
        assert child.wait() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("classify",), "Which run?"),
        (("classify", "nobody", "good"), "There is no run"),
        (("classify", "--jsonl", "tiny"), "takes no RUN"),
        (("export", "/nowhere/at/all", "--onnx"), "not a run folder"),
    ],
)
def test_what_was_given_wrong_is_said_on_stderr(root: Path, words: tuple[str, ...], said: str) -> None:
    done = finetui(root, *words)
    assert done.returncode == 2
    assert done.stdout == b""
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_export_prints_where_and_how_exact(root: Path) -> None:
    done = finetui(root, "export", "tiny", "--onnx")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == str(root / "tiny" / "onnx")
    assert "largest difference to torch" in done.stderr.decode()

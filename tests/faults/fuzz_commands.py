"""Hostile strings through every command: what it prints on either stream is looked at byte by byte."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

from core.cli import main
from core.cli.console import print_error
from core.config import RunConfig
from core.errors import DataError
from core.launch import child_command, child_environment
from core.runs import Run, RunStore
from core.training import events as e
from tests.faults.hostile import carried, leaks
from tests.tui.fake_run import Shape, facts, finished_run
from tui.sources import data_config

FILE = "data\n$(touch canary) \x1b[31m[@click=app.quit]\u202e'\".jsonl"
"""The name of the file of rows."""

TEXT, LABEL = "text\x1b]0;owned\x07[/]", "label\u202e\x9b31m"
"""Its columns."""

CLASSES = ("good\x1b]52;c;ZXZpbA==\x07", "bad[/red]\u202e\t\r", "=1+1\0\u2028odd")

TRACEBACK = "Traceback (most recent call last)"


class Commands:
    """Runs commands in a folder and keeps what was wrong with what they printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wrong, self.calls = folder, list[str](), 0
        self.runs = folder / "runs"

    def judge(self, words: Iterable[str], out: bytes, errors: bytes, json_out: bool = False) -> None:
        """Hold one command's output against what must never be in it."""
        self.calls += 1
        name = " ".join(words)[:80]
        for stream, printed in (("stdout", out), ("stderr", errors)):
            try:
                text = printed.decode("utf-8")
            except UnicodeDecodeError as broken:
                self.wrong.append(f"{name!r} {stream}: {broken}")
                continue
            if bad := leaks(text, "\n\t"):
                at = next(line for line in text.split("\n") if leaks(line, "\t"))
                self.wrong.append(f"{name!r} {stream}: {bad} in {at[:80]!r}")
            if TRACEBACK in text:
                self.wrong.append(f"{name!r} {stream}: a traceback: {text[-300:]!r}")
        if json_out:
            try:
                for line in out.decode("ascii").splitlines():
                    json.loads(line)
            except ValueError as broken:
                self.wrong.append(f"{name!r}: no JSON: {broken}")

    def run(self, *words: str, stdin: bytes = b"", runs: bool = True, **environment: str) -> bytes:
        """One command in a process of its own; returns its stdout."""
        words = (*words, "--runs", str(self.runs)) if runs else words
        done = subprocess.run(
            child_command(*words), cwd=self.folder, input=stdin, capture_output=True, check=False,
            env=child_environment() | {"HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "", "COLUMNS": "100"} | environment,
        )  # fmt: skip
        self.judge(words, done.stdout, done.stderr, "--json" in words and done.returncode == 0)
        return done.stdout

    def here(self, *words: str) -> None:
        """One command in this process: for the thousands of names that nothing has."""
        out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace") for _ in range(2))
        with redirect_stdout(out), redirect_stderr(errors), chdir(self.folder):
            try:
                main(list(words))
            except SystemExit:
                pass
            except Exception as broken:  # noqa: BLE001  # whatever comes out is a finding
                self.wrong.append(f"{' '.join(words)[:80]!r}: {broken!r}"[:300])
        out.flush()
        errors.flush()
        self.judge(words, out.buffer.getvalue(), errors.buffer.getvalue())  # type: ignore[attr-defined]


def write_rows(folder: Path, texts: list[str]) -> Path:
    """The strings as data: JSON, which can carry anything."""
    path = folder / FILE
    lines = [json.dumps({TEXT: f"{text} {n}", LABEL: CLASSES[n % 3], "n": n}) for n, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n")
    return path


def data_commands(at: Commands, texts: list[str], whole: bool) -> None:
    """`data` on a file of the strings, and on one whose classes and columns are all different ones.

    Without `whole` only what a glance tells, for each of the deeper checks loads what takes seconds.
    """
    path = str(write_rows(at.folder, texts))
    columns = ("--text", TEXT, "--label", LABEL)
    if whole:
        at.run("data", path, *columns)
        at.run("data", path, *columns, "--json")
    at.run("data", path, *columns, "--class", CLASSES[0], "--limit", str(len(texts)))
    at.run("data", path, "--label", "no\x1bsuch", "--quick")
    many = at.folder / "many\x1b[2J.jsonl"
    rows = [{"text": text, "label": texts[n // 2], texts[n % 9] or "x": text} for n, text in enumerate(texts)]
    many.write_text("\n".join(map(json.dumps, rows)))
    at.run("data", str(many), "--quick")
    if whole:
        at.run("data", str(many), "--quick", "--json")
        at.run("data", str(many), "--rows", "no such", "--quick")


def model_commands(at: Commands, texts: list[str], base: Path) -> None:
    """A tiny model trained on the strings, and everything that is asked of it."""
    columns = ("--text", TEXT, "--label", LABEL, "--model", str(base), "--max-length", "16", "--device", "cpu")
    path = str(write_rows(at.folder, texts[:120]))
    at.run("train", path, *columns, "--epochs", "1", "--name", "fuzz", "--no-onnx")
    at.run("forecast", path, *columns, "--no-probe")
    at.run("forecast", path, *columns, "--no-probe", "--json")
    for words in (("show", "fuzz"), ("show", "fuzz", "--json"), ("attach", "fuzz"), ("export", "fuzz")):
        at.run(*words)
    at.run("export", "fuzz", "--json")
    lines = [text.replace("\n", " ") for text in carried(texts)]
    told = at.run("classify", "fuzz", "-", stdin="\n".join(lines).encode())
    if told.count(b"\n") != len(lines):
        at.wrong.append(f"classify gave {told.count(bytes([10]))} lines for {len(lines)} texts")
    at.run("classify", "fuzz", "-", "--json", stdin="\n".join(lines).encode())
    at.run("classify", "fuzz", "--", *(line.replace("\0", "") for line in lines[:60]))


def run_commands(at: Commands, texts: list[str]) -> None:
    """Runs whose facts, tags, notes and metrics are made of the strings; one failed."""
    store = RunStore(at.runs)
    names = tuple(dict.fromkeys(texts))[:40]
    config = RunConfig(data=replace(data_config("sample"), source=carried(texts)[0], given=carried(texts)[5]))
    finished = finished_run(store, "finished", shape=Shape(names=names, epochs=1, steps_per_epoch=6))
    failed = store.create(config.with_value("model.base", carried(texts)[7]), "failed")
    for fact in facts(Shape(names=names, epochs=1, steps_per_epoch=6)):
        failed.record(replace(fact, name=texts[1], reason=texts[2]) if isinstance(fact, e.DeviceChosen) else fact)
    for text in texts:
        failed.record(e.Warned(text, text[::-1]))
    failed.record(e.RunFailed(texts[3], texts[4], texts[5], texts[6]))
    failed.close()
    for run in (finished, failed):
        (run.path / "notes.toml").write_text(f"tags = {json.dumps(carried(texts[:30]), ensure_ascii=False)}\n")
    damaged = store.create(RunConfig(), "damaged")
    (damaged.path / "metrics.json").write_text("[" * 200_000)
    _odd(store, texts)
    for words in (("runs",), ("show", "finished"), ("show", "failed"), ("attach", "failed"), ("show", "damaged")):
        at.run(*words)
    at.run("runs", "--json")
    at.run("show", "failed", "--json")
    at.run("stop", "failed")
    at.run("delete", "finished", "--yes")
    at.run("restore", "finished")


def _odd(store: RunStore, texts: list[str]) -> Run:
    """A run whose metrics hold strings where figures belong."""
    run = store.create(RunConfig(), "odd")
    figures = {"macro_f1": texts[0], "accuracy": [texts[1]], "class_f1": {texts[2]: texts[3]}, "confusion": texts}
    (run.path / "metrics.json").write_text(json.dumps({"validation": figures, "label_names": texts[:9], "seconds": 1}))
    return run


def other_commands(at: Commands) -> None:
    """What tells about the machine, where its surroundings are hostile too."""
    hostile = {
        "TERM": "xterm\x1b]0;x\x07",
        "COLORTERM": "\x9b31m\u202e",
        "NO_COLOR": "[/]\r",
        "FINETUI_RUNS": "r\x1b[2J",
    }
    for words in (("doctor",), ("doctor", "--json")):
        at.run(*words, runs=False, **hostile)
    (at.folder / "evil\x1b[31m.toml").write_text('[data]\nsource = "a\\u0000b\\u001b[31m"\n')
    (at.folder / "keys.toml").write_text('[data]\n"so\\u001b[31murce" = 1\n')
    (at.folder / "deep.toml").write_text("a = " + "[" * 20_000)
    for name in ("evil\x1b[31m.toml", "keys.toml", "deep.toml", "none\x1b.toml"):
        at.run("data", "--config", name, "--quick")


def names_of_nothing(at: Commands, texts: list[str]) -> None:
    """Each string as the name of a run, a file, an entry in the trash or an option; and as an error."""
    runs = str(at.runs)
    for number, text in enumerate(texts):
        word = carried([text])[0].replace("\0", "")  # what a shell can hand over
        match number % 4:
            case 0:
                at.here("show", "--runs", runs, "--", word)
            case 1:
                at.here("data", "--quick", "--", word[:200])
            case 2:
                at.here("restore", "--runs", runs, "--", word)
            case 3:
                at.here("runs", f"--{word}")
        errors = io.StringIO()
        with redirect_stderr(errors):
            print_error(DataError(text, text, text))
        at.judge(("print_error",), b"", errors.getvalue().encode("utf-8", "backslashreplace"))


def run_all(folder: Path, texts: list[str], base: Path | None) -> Commands:
    """Everything above, without a `base` what trains nothing; returns what was found."""
    at = Commands(folder)
    data_commands(at, texts, whole=base is not None)
    if base is not None:
        model_commands(at, texts, base)
    run_commands(at, texts)
    other_commands(at)
    names_of_nothing(at, texts)
    if (folder / "canary").exists():
        at.wrong.append("a name was run by a shell")
    return at

"""Names that a shell would run, tables that a spreadsheet would compute, links that lead out, secrets lying about."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tui.crash
from core.cli.classify import _as_json
from core.cli.find import find_run
from core.config import DataConfig, RunConfig, command_line
from core.errors import RunError
from core.inference.export import _alone
from core.launch import child_command, child_environment, start
from core.protocol import unexpected
from core.runs import RunState, RunStore
from core.runs.log import append_line
from core.runs.store import valid_name
from core.secrets import without_secrets
from core.spreadsheet import csv_line, guarded, unguarded
from core.text import safe
from core.training import events as e
from tests.core.test_session import config_for, wait_end, write_reviews
from tests.tiny import tiny_run

TOKENS = {
    "HF_TOKEN": "hf_planted0000000000000000000",
    "KAGGLE_KEY": "0123456789abcdefplanted",
    "KAGGLE_USERNAME": "planted-user-of-kaggle",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/planted/EXAMPLEKEY",
    "WANDB_API_KEY": "planted-wandb-00000000",
    "MY_PASSWORD": "planted correct horse",
}
LOGIN = "https://somebody:planted-login@example.org/data.csv"


def finetui(*words: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        child_command(*words), capture_output=True, text=True, cwd=cwd, input=stdin,
        env=child_environment() | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


# Secrets


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's home with every kind of secret in it, in variables too; returns the folder to work in."""
    home, place = tmp_path / "home", tmp_path / "place"
    for folder in (home / "hf", home / ".kaggle", place):
        folder.mkdir(parents=True)
    (home / "hf" / "token").write_text("hf_fileplanted000000000000000")
    (home / ".kaggle" / "kaggle.json").write_text('{"username": "u", "key": "fileplantedkey00000"}')
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(place / name))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return place


def secrets_in(text: str) -> list[str]:
    return [secret for secret in (*TOKENS.values(), "planted") if secret in text]


def look_for_secrets(planted: Path, commands: list[list[str]]) -> None:
    """A run that ends well, one that fails, one whose facts hold secrets, a crash of the screen, these commands."""
    runs = planted / "runs"
    config = config_for(planted, write_reviews(planted / "reviews.csv", 80), epochs=1)
    store = RunStore(runs)
    good, failed = store.create(config, "good"), store.create(config, "failed")
    start(good)
    failed.record(e.Warned("odd", f"Illegal header value b'Bearer {TOKENS['HF_TOKEN']}'"))
    failed.record(e.RunFailed("X", "title", f"{LOGIN}: {TOKENS['MY_PASSWORD']}", TOKENS["WANDB_API_KEY"]))
    failed.close()
    lost = store.create(config.with_value("data.source", str(planted / "gone.csv")), "lost")
    start(lost)
    assert wait_end(good) is RunState.FINISHED, good.log_path.read_text()
    assert wait_end(lost) is RunState.FAILED
    tui.crash.note(RuntimeError(f"Bearer {TOKENS['HF_TOKEN']} {TOKENS['AWS_SECRET_ACCESS_KEY']} {LOGIN}"))
    assert tui.crash.crash_path().is_relative_to(planted)
    for words in commands:
        done = finetui(*words, "--runs", str(runs), cwd=planted)
        assert done.stdout or done.stderr
        assert not secrets_in(done.stdout + done.stderr), words
    written = [path for path in planted.rglob("*") if path.is_file()]
    assert len(written) > 15
    for path in written:
        assert not secrets_in(path.read_bytes().decode("utf-8", "replace")), path


def test_no_secret_is_in_any_file_or_output(planted: Path) -> None:
    look_for_secrets(planted, [["show", "failed"], ["data", LOGIN]])


@pytest.mark.faults
def test_no_secret_is_in_any_file_or_output_of_any_command(planted: Path) -> None:
    look_for_secrets(
        planted,
        [
            ["export", "good"], ["doctor"], ["doctor", "--json"], ["show", "good", "--json"], ["attach", "failed"],
            ["data", "hub:owner/name"], ["train", LOGIN], ["forecast", "reviews.csv", "--no-probe"],
            ["train", "reviews.csv", "--model", "owner/name", "--name", "remote"], ["runs", "--json"],
        ],
    )  # fmt: skip


def test_what_is_written_down_is_for_its_owner_alone(planted: Path) -> None:
    run = RunStore(planted / "runs").create(RunConfig())
    run.record(e.Warned("a"))
    run.close()
    tui.crash.note(RuntimeError("x"))
    for path in (planted / "runs", run.path, tui.crash.crash_path().parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (run.events_path, tui.crash.crash_path()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_texts_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "s3cret-value")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("PASSWORD_STORE_DIR", "/home/me/.passwords")
    assert without_secrets("is s3cret-value here") == "is [MY_API_TOKEN] here"
    assert without_secrets("false and /home/me/.passwords") == "false and /home/me/.passwords"
    assert without_secrets("Bearer hf_abcdefghijklmnop.") == "Bearer [token]."
    assert without_secrets("https://me:pw@host/x?a=b@c") == "https://[login]@host/x?a=b@c"
    assert without_secrets("mail me@host, see https://host/@me") == "mail me@host, see https://host/@me"
    assert "s3cret" not in unexpected(ValueError("s3cret-value")).message


def test_the_data_is_never_taken_for_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "negative")
    line = e.encode(1, 0.0, e.DataReady("x", ("negative", "positive"), 2, 2, (1, 1), (0, 0), (0, 0)))
    assert "negative" in line


# Spreadsheets

CELLS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''+1", "＝1", "=cmd|' /C calc'!A0", "don't", "a=b", ""]


@pytest.mark.parametrize("text", CELLS)
def test_a_formula_gets_a_guard_and_loses_it_again(text: str) -> None:
    cell = guarded(text)
    assert not cell or cell[0] not in "=+-@\t\r＝＋－＠"
    assert unguarded(cell) == text
    assert cell in (text, f"'{text}")


@given(st.text())
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_line_of_csv_reads_back_as_what_may_be_shown(texts: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(f"{csv_line(texts)}\n", newline=""))
    assert row == [safe(guarded(text), newlines=True) for text in texts]
    assert not any(re.match(r"[=+\-@\t\r]", cell) for cell in row)


def test_classify_guards_its_table_and_leaves_json_exact(tmp_path: Path) -> None:
    tiny_run(tmp_path / "runs", labels=("=good", "-bad", "@x"))
    texts = ["=HYPERLINK(1)", "+1", "-1", "@a", 'plain, with a "quote"', "\tx", "'=1"]
    lines = "\n".join(texts)
    table = finetui("classify", "tiny", "-", "--csv", "--runs", "runs", cwd=tmp_path, stdin=lines)
    assert table.returncode == 0, table.stderr
    head, *rows = csv.reader(io.StringIO(table.stdout, newline=""))
    assert head == ["label", "probability", "text"]
    assert len(rows) == len(texts)
    assert all(cell[0] not in "=+-@\t\r" for label, probability, text in rows for cell in (label, probability, text))
    assert rows[5][2] == "' x"  # the tab that was guarded against is shown as a blank
    assert [unguarded(rows[at][2]) for at in (0, 1, 2, 3, 4, 6)] == [texts[at] for at in (0, 1, 2, 3, 4, 6)]
    for text in texts:
        assert _as_json(text, [("=a", 1.0)], False)["text"] == text


def test_one_answer_has_one_form(tmp_path: Path) -> None:
    done = finetui("classify", "tiny", "a", "--json", "--csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "two forms" in done.stderr


# Names and links

NAMES = [
    '$(touch canary) `touch canary` it\'s "it"\nnew;b&c|d*?[x]#\\.csv',
    "-rf.csv",
    "!x\t\x1b[31m\u202e.csv",
    os.fsdecode(b"latin-\xe9.csv"),
]


def words_of(command: str, cwd: Path) -> list[bytes]:
    """What a shell makes of the words behind `finetui`."""
    script = f"finetui() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, cwd=cwd)
    return done.stdout.split(b"\0")


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_is_printed_names_this_file_and_runs_nothing(name: str, tmp_path: Path) -> None:
    path = write_reviews(tmp_path / name, 60)
    done = finetui("data", f"./{name}", "--quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = done.stdout[done.stdout.index("finetui train") :].rstrip("\n")
    assert list(map(os.fsdecode, words_of(printed, tmp_path)))[:2] == ["train", str(path)]
    assert not (tmp_path / "canary").exists()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1))
def test_any_value_is_one_word_of_the_command(value: str) -> None:
    config = RunConfig(data=DataConfig(source=f"/{value}", label=value, cures=(f"drop-class:{value}",)))
    line = command_line(config)
    assert line == safe(line, newlines=True)
    words = [word.decode() for word in words_of(line, Path("/"))]
    assert words[:2] == ["train", f"/{value}"]
    assert words[words.index("--label") + 1] == value


@pytest.mark.parametrize(
    "name", ["", "-x", "a b", "a\nb", "$(touch canary)", "../x", "a/b", ".x", "x" * 65, "a'b", "é", "last"]
)
def test_no_run_is_named_so(name: str, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    if name:
        with pytest.raises(RunError):
            store.create(RunConfig(), name)
        assert store.names() == []
    folder = tmp_path / "else" / (name.replace("/", "_") or "$(x)")
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text("")
    if not valid_name(folder.name):
        with pytest.raises(RunError, match="no run may have"):
            find_run(str(folder), None)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A run folder may be somebody else's: its links lead to files of ours."""
    mine = tmp_path / "mine"
    mine.write_text("dear\n")
    run = tiny_run(tmp_path / "runs")
    for name in ("events.jsonl", "control.jsonl", ".onnx.lock", "run.lock"):
        (run.path / name).symlink_to(mine)
    with pytest.raises(OSError, match="symbolic link"):
        append_line(run.control_path, "x")
    with pytest.raises(OSError, match="symbolic link"):
        run.record(e.Warned("x"))
    with pytest.raises((RunError, OSError)), run.lock():
        pass
    with pytest.raises(OSError, match="symbolic link"), _alone(run):
        pass
    assert mine.read_text() == "dear\n"


def test_runs_that_are_links_are_none(tmp_path: Path) -> None:
    elsewhere = tiny_run(tmp_path / "other")
    store = RunStore(tmp_path / "runs")
    store.prepare()
    (store.root / "linked").symlink_to(elsewhere.path)
    assert store.names() == []
    with pytest.raises(RunError):
        store.delete("linked")
    assert elsewhere.path.is_dir()


def test_files_with_brackets_without_end_are_damaged_and_no_crash(tmp_path: Path) -> None:
    run = RunStore(tmp_path / "runs").create(RunConfig(), "deep")
    for name in ("metrics.json", "launch.json", "data.json", "notes.toml"):
        (run.path / name).write_text("a = " * name.endswith("toml") + "[" * 100_000)
    with pytest.raises(RunError, match="damaged"):
        run.read_json("metrics.json")
    assert run.notes() == {}
    done = finetui("runs", "--runs", "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "damaged" in done.stderr

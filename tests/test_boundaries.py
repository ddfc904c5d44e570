"""Who may import whom, and what a process has loaded: the laws that the architecture rests on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.launch import child_command, child_environment

ROOT = Path(__file__).parents[1]
HEAVY = frozenset("torch transformers tokenizers sklearn scipy pandas pyarrow numpy onnxruntime".split())
SCREEN = frozenset("textual rich plotext textual_fspicker tui".split())


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd, env=child_environment())


def loaded_by(statement: str, cwd: Path) -> set[str]:
    """The top-level packages in a fresh process after this statement."""
    script = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(run(sys.executable, "-P", "-c", script, cwd=cwd).stdout.split())


def imported_by(command: list[str], cwd: Path) -> set[str]:
    """The top-level packages that a command imports while it runs."""
    timed = [command[0], "-X", "importtime", *command[1:]]
    lines = run(*timed, cwd=cwd).stderr.splitlines()
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_the_screen_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = loaded_by("import tui.app, tui.__main__", tmp_path)
    assert "textual" in loaded
    assert not loaded & (HEAVY | {"typer"})


@pytest.mark.parametrize(
    "room", ["core", "core.runs", "core.config", "core.launch", "core.text", "core.protocol", "core.training.events"]
)
def test_the_light_rooms_load_nothing_but_small_things(room: str, tmp_path: Path) -> None:
    loaded = loaded_by(f"import {room}", tmp_path)
    assert room.partition(".")[0] in loaded
    assert not loaded & (HEAVY | SCREEN | {"pydantic", "typer", "click", "psutil", "huggingface_hub"})


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["train", "--help"], ["runs", "--runs", "nowhere"]])
def test_a_word_of_help_loads_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    imported = imported_by(child_command(*words), tmp_path)
    assert "typer" in imported
    assert not imported & (HEAVY | SCREEN)


def test_no_file_of_core_names_the_screen() -> None:
    named = re.compile(r"^\s*(?:from|import)\s+(textual|rich|plotext|textual_fspicker|tui)\b", re.MULTILINE)
    files = list((ROOT / "core").rglob("*.py"))
    assert len(files) > 40
    assert not [path.name for path in files if named.search(path.read_text(encoding="utf-8"))]


def test_the_widgets_have_one_door_to_plotext() -> None:
    named = re.compile(r"^\s*(?:from|import)\s+(?:plotext|textual_plotext)\b", re.MULTILINE)
    doors = [path for path in (ROOT / "tui").rglob("*.py") if named.search(path.read_text(encoding="utf-8"))]
    assert len(doors) <= 1


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of a user's in which half of our imports would find something else."""
    raises = "raise SystemExit('the wrong file was run')\n"
    for package in ("core", "tui"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(raises)
        (tmp_path / package / "__main__.py").write_text(raises)
    for module in ("torch", "typer", "json", "platformdirs", "numpy"):
        (tmp_path / f"{module}.py").write_text(raises)
    return tmp_path


def test_ours_runs_from_a_folder_that_holds_the_same_names(hostile: Path) -> None:
    from core import __version__

    assert run(*child_command("--version"), cwd=hostile).stdout == f"finetui {__version__}\n"
    assert '"cpu"' in run(*child_command("devices", "--json"), cwd=hostile).stdout


def test_a_trainer_started_there_is_ours(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.config import RunConfig
    from core.launch import start
    from core.runs import RunState, RunStore
    from core.training.events import RunFailed

    monkeypatch.chdir(hostile)
    config = RunConfig().with_value("data.source", str(hostile / "nothing.csv"))
    run_folder = RunStore(hostile / "runs").create(config, "one")
    assert start(run_folder).wait() == 2
    assert run_folder.state() is RunState.FAILED
    last = run_folder.raw_records()[-1][2]
    assert isinstance(last, RunFailed)
    assert last.kind == "DataError"
    assert "wrong file" not in run_folder.log_path.read_text()


def test_a_locale_without_the_letters_is_no_crash(tmp_path: Path) -> None:
    rows = "".join(f"text number {n},{('höh', 'tief')[n % 2]}\n" for n in range(20))
    (tmp_path / "data.csv").write_text("text,label\n" + rows, encoding="utf-8")
    done = subprocess.run(
        child_command("data", "data.csv"),
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=child_environment() | {"PYTHONIOENCODING": "ascii"},
    )
    assert b"h\\xf6h" in done.stdout

"""A run folder of the first version, kept as it was written: the present code lists, shows, opens and asks it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.errors import RunError
from core.inference.predictor import open_predictor
from core.launch import child_command, child_environment
from core.runs import Run, RunState, RunStore, read_history
from core.runs.atomic import verify_dir

GOLDEN = Path(__file__).parent.parent / "golden" / "runs"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A copy: nothing may change the original."""
    shutil.copytree(GOLDEN, tmp_path / "runs")
    return RunStore(tmp_path / "runs").open("golden")


def shell(run: Run, *arguments: str) -> str:
    command = child_command(*arguments, "--runs", str(run.path.parent))
    found = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_it_is_listed(run: Run) -> None:
    (one,) = RunStore(run.path.parent).list()
    assert (one.name, one.state, one.problem) == ("golden", RunState.FINISHED, "")
    assert (one.data, one.base, one.seconds) == ("reviews.csv", "base", 130.71)
    assert one.macro_f1 == pytest.approx(0.5846, abs=1e-4)
    assert (one.worst_class, one.worst_f1) == ("good", pytest.approx(0.4))
    assert one.fingerprint
    assert one.validation_mark


def test_its_history_is_whole(run: Run) -> None:
    history = read_history(run)
    assert [number for number, _, _ in run.raw_records()] == list(range(1, 70))
    assert history.loss_steps == list(range(1, 19))
    assert len(history.full_evals) == 3
    assert history.best is not None
    assert history.best.step == 12
    assert history.test is not None


def test_the_shell_shows_it(run: Run) -> None:
    assert "golden" in shell(run, "runs")
    shown = shell(run, "show", "golden")
    assert "best epoch (2), validation" in shown
    assert "0.585" in shown


def test_its_model_is_whole_and_answers_as_it_did(run: Run) -> None:
    verify_dir(run.model_path)
    predictor = open_predictor(run.path)
    (one,) = predictor.predict(["the film was great"]).probabilities
    assert predictor.label_names == ("bad", "good")
    assert list(one) == pytest.approx([0.644705, 0.355295], abs=0.01)


def test_it_goes_to_the_trash_and_back(run: Run) -> None:
    store = RunStore(run.path.parent)
    place = store.delete("golden")
    assert store.names() == []
    assert read_history(store.restore(place)).last_number == 69


def test_a_newer_format_is_refused_and_listed_with_its_reason(run: Run) -> None:
    text = (run.path / "run.toml").read_text()
    (run.path / "run.toml").write_text(text.replace("format = 1", "format = 2"))
    with pytest.raises(RunError, match="written by another version") as found:
        run.config()
    assert "format 2" in str(found.value)
    assert "newer finetui" in str(found.value)
    (one,) = RunStore(run.path.parent).list()
    assert "newer finetui" in one.problem


def test_a_model_of_a_newer_format_is_refused(run: Run) -> None:
    facts = run.model_path / "finetui.json"
    content = facts.read_text()
    assert '"format": 1' in content
    facts.write_text(content.replace('"format": 1', '"format": 9'))
    with pytest.raises(RunError, match="cannot be used") as found:
        open_predictor(run.path)
    assert "format is 9" in found.value.message


def test_it_is_small_and_says_nothing_of_who_made_it() -> None:
    files = [path for path in GOLDEN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    for path in files:
        content = path.read_bytes()
        assert not re.search(rb"(^|[\"' =])/[a-z]+/", content), path.name
        for name in re.findall(rb'"host": ?"([^"]*)"', content):
            assert name == b"box", path.name


def test_its_settings_are_all_there(run: Run) -> None:
    config = run.config()
    assert (config.training.epochs, config.training.batch_size, config.model.base) == (3, 8, "base")
    assert json.loads((run.path / "metrics.json").read_text())["validation"]["macro_f1"] > 0.5

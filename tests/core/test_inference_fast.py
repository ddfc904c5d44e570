"""Answers from bf16 products: close to the exact ones, asked for by name, refused where they would not be fast."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import core.inference.fast_predictor
from core.errors import RunError
from core.inference.predictor import open_predictor
from core.launch import child_command, child_environment
from tests.tiny import exported_run, tiny_encoder, tiny_run

TEXTS = ["a very good film", "awful", "the battery was bad and the room slow, never again", "", "good " * 90]


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU without these instructions computes the same, only slowly."""
    monkeypatch.setattr(core.inference.fast_predictor, "cpu_has_bf16", lambda: True)


@pytest.mark.usefixtures("with_bf16")
def test_fast_answers_are_close_to_exact_ones() -> None:
    run = exported_run()
    exact, fast = open_predictor(run.path).predict(TEXTS), open_predictor(run.path, fast=True).predict(TEXTS)
    assert np.abs(exact.probabilities - fast.probabilities).max() < 0.05
    assert np.allclose(fast.probabilities.sum(axis=1), 1, atol=1e-5)
    assert fast.truncated == exact.truncated


@pytest.mark.usefixtures("with_bf16")
def test_where_two_labels_are_close_float32_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    run = exported_run()
    exact = open_predictor(run.path).predict(TEXTS).probabilities
    fast = open_predictor(run.path, fast=True)
    first, second = np.sort(exact, axis=1)[:, :-3:-1].T
    monkeypatch.setattr(core.inference.fast_predictor, "CLOSE", float(np.median(first - second)))
    found = fast.predict(TEXTS).probabilities
    off = np.abs(found - exact).max(axis=1)
    close = first - second < np.median(first - second) * 0.9
    assert close.any()
    assert off[close].max() < 1e-5
    assert off[first - second > np.median(first - second) * 1.1].max() > 1e-5


def test_a_cpu_without_bf16_is_told_to_leave_it_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.inference.fast_predictor, "cpu_has_bf16", lambda: False)
    with pytest.raises(RunError, match="no bf16") as found:
        open_predictor(tiny_run(tmp_path / "runs").path, fast=True)
    assert "--fast" in found.value.next_step


@pytest.mark.usefixtures("with_bf16")
def test_another_architecture_has_no_fast_way(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "runs")
    from transformers import AutoModelForSequenceClassification

    from core.inference.torch_predictor import quiet
    from core.runs.atomic import commit_dir

    base = tiny_encoder(tmp_path / "base", "mpnet")
    facts = (run.model_path / "finetui.json").read_text()
    with quiet():
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=3)
    with commit_dir(run.model_path) as folder:
        model.save_pretrained(folder)
        (folder / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
        (folder / "finetui.json").write_text(facts)
    with pytest.raises(RunError, match="no fast way"):
        open_predictor(run.path, fast=True)


def test_a_file_on_stdin_is_answered_whole_and_in_order(tmp_path: Path) -> None:
    run = exported_run()
    rows = [f"{word} film number {number}" for number in range(400) for word in ("good", "bad")]
    (tmp_path / "rows.txt").write_text("\n".join(rows), encoding="utf-8")
    with open(tmp_path / "rows.txt", "rb") as file:
        done = subprocess.run(
            child_command("classify", str(run.path), "-"),
            stdin=file,
            capture_output=True,
            text=True,
            env=child_environment(),
            check=True,
        )
    assert [line.split("\t")[2] for line in done.stdout.splitlines()] == rows

"""The ONNX graph of a run: verified before it appears, made anew when the weights change, refused when it is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError, RunError
from core.inference import export
from core.inference.predictor import open_predictor
from core.runs import Run
from core.runs.atomic import verify_dir
from tests.tiny import exported_run, tiny_model


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(Path(shutil.copytree(exported_run().path, tmp_path / "tiny")))


def test_the_graph_is_committed_with_its_facts(run: Run) -> None:
    verify_dir(run.onnx_path)
    facts = export.export_onnx(run)
    assert facts["verification"]["max_difference"] <= 1e-4
    assert facts["label_names"] == ["negative", "neutral", "positive"]
    assert facts["bytes"] > 10_000
    assert Path(facts["path"]) == run.onnx_path
    inside = (run.onnx_path / "model.onnx").read_bytes()
    assert b".py" not in inside, "where a node came from is nobody's business"


def test_a_graph_that_fits_is_kept_and_an_older_one_replaced(run: Run) -> None:
    made = (run.onnx_path / "manifest.json").stat().st_mtime_ns
    export.export_onnx(run)
    assert (run.onnx_path / "manifest.json").stat().st_mtime_ns == made
    tiny_model(run, labels=("no", "yes"), seed=2)
    export.export_onnx(run)
    predictor = open_predictor(run.path)
    assert (predictor.engine, predictor.label_names) == ("onnx", ("no", "yes"))
    shutil.rmtree(run.onnx_path)
    np.testing.assert_allclose(
        predictor.predict(["good", "a bad trip"]).probabilities,
        open_predictor(run.path).predict(["good", "a bad trip"]).probabilities,
        atol=1e-4,
    )


def test_a_graph_that_answers_differently_never_appears(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(run.onnx_path)
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    monkeypatch.setattr(export, "ATTENTIONS", ("eager",))
    with pytest.raises(ModelError, match="differs by"):
        export.export_onnx(run)
    assert not [path.name for path in run.path.iterdir() if "onnx" in path.name and path.is_dir()]
    predictor = open_predictor(run.path)
    assert predictor.engine == "torch"
    assert "differs by" in predictor.reason


def test_what_cannot_be_exported_is_said(run: Run) -> None:
    (run.model_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(RunError, match="size"):
        export.export_onnx(run)
    shutil.rmtree(run.model_path)
    with pytest.raises(RunError, match="no model"):
        export.export_onnx(run)


def test_a_run_folder_that_cannot_be_written_is_said(run: Run) -> None:
    (run.path / ".onnx.lock").unlink(missing_ok=True)
    (run.path / ".onnx.lock").mkdir()
    with pytest.raises(RunError, match="Cannot write"):
        export.export_onnx(run)

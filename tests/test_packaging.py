"""What travels: sdist to wheel, the sample in it and no saved run, and a program that starts from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    decoy = ROOT / "runs" / "saved-by-a-person"
    decoy.mkdir()
    try:
        (decoy / "run.toml").write_text("format = 1\n")
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
            check=True,
            capture_output=True,
        )
    finally:
        (decoy / "run.toml").unlink()
        decoy.rmdir()
    return folder


def _names(built: Path) -> tuple[list[str], list[str]]:
    (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    with tarfile.open(sdist) as archive, zipfile.ZipFile(wheel) as box:
        return archive.getnames(), box.namelist()


def test_no_saved_run_travels(built: Path) -> None:
    in_sdist, in_wheel = _names(built)
    assert not [name for name in in_sdist + in_wheel if "saved-by-a-person" in name]
    assert any(name.endswith("runs/README.md") for name in in_sdist)


def test_the_wheel_holds_the_sample_its_card_and_the_styles(built: Path) -> None:
    _, in_wheel = _names(built)
    assert {"core/data/samples/reviews.jsonl", "core/data/samples/README.md", "tui/styles/app.tcss"} <= set(in_wheel)
    for folder, end in (("core/config/recipes", "toml"), ("tui/styles", "tcss")):
        names = [f"{folder}/{path.name}" for path in (ROOT / folder).glob(f"*.{end}")]
        assert set(names) <= set(in_wheel)


def test_the_installed_wheel_runs(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            str(site),
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core", "data", "sample", "--json"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
    )
    assert '"negative"' in done.stdout
    where = subprocess.run(
        [sys.executable, "-P", "-c", "import core; print(core.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
    )
    assert where.stdout.startswith(str(site))

"""Data sets and competitions of Kaggle: versions, cache, credentials; every refusal says what to do about it."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.config import DataConfig
from core.data.sources import read_table, stamp
from core.data.sources.kaggle import read as reading
from core.data.sources.kaggle.names import parse
from core.data.sources.remote import Memory
from core.data.table import PARTS, Table
from core.errors import DataError
from core.launch import child_command, child_environment
from tests.servers.base import Fault, running
from tests.servers.kaggle import Kaggle

TOKEN = "KGAT_ThisIsTheTokenNobodyMaySee"


def _csv(count: int, word: str = "film") -> bytes:
    rows = "".join(f'"The {word} number {row}, well, was a joy",{"no yes".split()[row % 2]}\n' for row in range(count))
    return f"text,label\n{rows}".encode()


def _environment(kaggle: Kaggle, home: Path) -> dict[str, str]:
    """The library asks `http://localhost` and is sent to the server as through a proxy."""
    return {
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "HTTP_PROXY": kaggle.address,
        "http_proxy": kaggle.address,
        "NO_PROXY": "",
        "no_proxy": "",
        "KAGGLEHUB_CACHE": str(home / "cache"),
        "KAGGLE_CONFIG_DIR": str(home / "kaggle"),
        "HOME": str(home),
    }


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    """Kaggle on this machine; the library keeps all its files inside `tmp_path`."""
    served = Kaggle()
    served.datasets["some/films"] = [{"films.csv": _csv(20)}, {"train.csv": _csv(40), "test.csv": _csv(10, "play")}]
    served.competitions["best-film"] = {"train.csv": _csv(30), "sampleSubmission.csv": b"id,label\n1,no\n"}
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with running(served):
        for name, value in _environment(served, tmp_path).items():
            monkeypatch.setenv(name, value)
        _another_process(monkeypatch)
        yield served


def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process found out."""
    monkeypatch.setattr(reading, "_MEMORY", Memory())


def _read(source: str, progress: Callable[[int, int, str], None] | None = None) -> Table:
    config = DataConfig(source=source, given=source)
    return read_table(config, progress) if progress else read_table(config)


def _refused(source: str) -> DataError:
    with pytest.raises(DataError) as raised:
        _read(source)
    return raised.value


def _parts(table: Table) -> dict[str, int]:
    assert table.part is not None
    return {name: int((table.part == code).sum()) for code, name in enumerate(PARTS) if (table.part == code).any()}


def _version(table: Table) -> str:
    return next(f"{one.value}: {one.reason}" for one in table.reading if one.what == "version")


def test_the_newest_version_with_progress(kaggle: Kaggle) -> None:
    steps: list[tuple[int, int]] = []
    table = _read(
        "kaggle:some/films", lambda done, total, what: steps.append((done, total)) if what == "downloading" else None
    )
    assert table.source == "kaggle:some/films@2"
    assert _parts(table) == {"train": 40, "test": 10}
    assert _version(table).startswith("2: the newest")
    assert steps[-1][0] == steps[-1][1] > 0


def test_a_pinned_version_stays_what_it_was(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _read("kaggle:some/films")
    kaggle.datasets["some/films"].append({"films.csv": _csv(4)})
    _another_process(monkeypatch)
    kaggle.asked.clear()
    assert _read(first.source).frame.equals(first.frame)
    assert kaggle.asked == []
    assert _read("kaggle:some/films").source == "kaggle:some/films@3"
    assert len(_read("kaggle:some/films@1").frame) == 20


def test_offline_after_the_first_fetch(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    _read("kaggle:some/films@1")
    first = _read("kaggle:some/films")
    _another_process(monkeypatch)
    kaggle.stop()
    again = _read("kaggle:some/films")
    assert again.source == first.source
    assert again.frame.equals(first.frame)
    assert _version(again).startswith("2: offline, no connection: the version fetched on 20")
    refused = _refused("kaggle:some/others")
    assert refused.title == "Kaggle cannot be reached: no connection"
    assert "Connect to the network" in refused.next_step


def test_the_network_is_asked_once_in_a_process(kaggle: Kaggle) -> None:
    config = DataConfig(source="kaggle:some/films")
    first = stamp(config)
    assert "kaggle:some/films@2" in str(first)
    kaggle.asked.clear()
    assert stamp(config) == first
    assert kaggle.asked == []
    for _ in range(2):
        with pytest.raises(DataError, match="no such data set"):
            stamp(DataConfig(source="kaggle:some/none"))
    assert len(kaggle.asked) == 2


def test_one_file(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    table = _read("kaggle:some/films/test.csv")
    assert table.source == "kaggle:some/films@2/test.csv"
    assert len(table.frame) == 10
    _another_process(monkeypatch)
    kaggle.stop()
    assert _read(table.source).frame.equals(table.frame)
    assert _read("kaggle:some/films/test.csv").source == table.source


def test_one_file_of_what_is_here_already(kaggle: Kaggle) -> None:
    whole = _read("kaggle:some/films")
    kaggle.stop()
    assert len(_read(f"{whole.source}/test.csv").frame) == 10


def test_a_competition(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle.token = TOKEN
    refused = _refused("kaggle:competition/best-film")
    assert refused.title == "Kaggle asks who you are"
    assert "KAGGLE_API_TOKEN" in refused.next_step
    assert "kaggle.json" in refused.next_step
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    table = _read("kaggle:competition/best-film")
    assert table.source == "kaggle:competition/best-film"
    assert len(table.frame) == 30
    assert _version(table).startswith("none: competitions have none: these are the files fetched on 20")
    kaggle.competitions["best-film"] = {"train.csv": _csv(2)}
    kaggle.stop()
    assert len(_read("kaggle:competition/best-film").frame) == 30
    assert len(_read("kaggle:competition/best-film/train.csv").frame) == 30


def test_rules_that_are_not_accepted(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    kaggle.faults.append(Fault("POST", 403))
    refused = _refused("kaggle:competition/best-film")
    assert refused.title == "The rules of this competition are not accepted"
    assert "/competitions/best-film/rules" in refused.next_step


@pytest.mark.parametrize("where", ["GetDataset", "DownloadDataset", "storage"])
@pytest.mark.parametrize(
    ("fault", "title", "step"),
    [
        (Fault("", 401), "Kaggle asks who you are", "KAGGLE_USERNAME"),
        (Fault("", 403), "Kaggle does not give this data set", "/datasets/some/films"),
        (Fault("", 429, {"Retry-After": "90"}), "Kaggle asks to wait", "90 seconds"),
        (Fault("", 429), "Kaggle asks to wait", "some minutes"),
        (Fault("", 500), "Kaggle is out of order", "its side"),
    ],
)
def test_refused(kaggle: Kaggle, where: str, fault: Fault, title: str, step: str) -> None:
    kaggle.faults.append(Fault(where, fault.status, fault.headers))
    refused = _refused("kaggle:some/films")
    assert refused.title == title
    assert step in refused.next_step
    assert "SIGNED" not in str(refused)
    kaggle.faults.clear()
    assert len(_read("kaggle:some/films").frame) == 50


def test_wrong_credentials(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kaggle.token = TOKEN
    monkeypatch.setenv("KAGGLE_API_TOKEN", f"{TOKEN}x")
    refused = _refused("kaggle:some/films")
    assert refused.title == "Kaggle does not take these credentials"
    assert TOKEN not in str(refused)
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    (tmp_path / "kaggle").mkdir()
    (tmp_path / "kaggle" / "kaggle.json").write_text('{"username": "me"}')
    refused = _refused("kaggle:some/films")
    assert refused.title == "The Kaggle credentials cannot be read"
    assert "'key'" in refused.message


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("kaggle:some/none", "There is no such data set"),
        ("kaggle:some/films@9", "Kaggle has nothing of this name"),
        ("kaggle:some/films/none.csv", "Kaggle has nothing of this name"),
        ("kaggle:films", "This is no name of Kaggle"),
        ("kaggle:some/../films", "This is no name of Kaggle"),
        ("kaggle:some/films/../../x", "This is no name of Kaggle"),
        ("kaggle:", "This is no name of Kaggle"),
        ("kaggle:some/films@new", "This is no name of Kaggle"),
        ("kaggle:competition/best-film@3", "Competitions have no versions"),
    ],
)
def test_nothing_of_this_name(kaggle: Kaggle, source: str, title: str) -> None:
    assert _refused(source).title == title


@pytest.mark.parametrize("source", ["kaggle:a/b", "kaggle:a/b@3", "kaggle:a/b@3/c/d.csv", "kaggle:competition/a/b.csv"])
def test_names_read_back(source: str) -> None:
    assert parse(source).source == source
    assert parse("kaggle:a/b/c.csv@3").source == "kaggle:a/b@3/c.csv"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on(kaggle: Kaggle, ranges: bool) -> None:
    kaggle.ranges = ranges
    kaggle.faults.append(Fault("storage", cut=700, times=1))
    assert len(_read("kaggle:some/films").frame) == 50


def test_a_download_that_never_ends(kaggle: Kaggle, tmp_path: Path) -> None:
    kaggle.faults.append(Fault("storage", cut=700))
    refused = _refused("kaggle:some/films")
    assert refused.title == "The download broke off"
    assert not list(tmp_path.rglob("*.csv"))
    kaggle.faults.clear()
    assert len(_read("kaggle:some/films").frame) == 50


def test_a_damaged_download_is_not_kept(kaggle: Kaggle, tmp_path: Path) -> None:
    wrong = {"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="}
    kaggle.wrong_hash = wrong
    assert _refused("kaggle:some/films").title == "The download came damaged"
    assert not list(tmp_path.rglob("*.csv"))
    kaggle.wrong_hash = {}
    assert len(_read("kaggle:some/films").frame) == 50


def test_the_library_prints_nothing(kaggle: Kaggle, capfd: pytest.CaptureFixture[str]) -> None:
    kaggle.hub_version = "99.0.0"
    _read("kaggle:some/films")
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("kagglehub").propagate is False


def test_from_the_command_line(kaggle: Kaggle, tmp_path: Path) -> None:
    own = {name: value for name, value in child_environment().items() if not name.upper().endswith("_PROXY")}
    environment = {**own, **_environment(kaggle, tmp_path), "KAGGLE_API_TOKEN": TOKEN}

    def finetui(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            child_command("data", *words), env=environment, capture_output=True, text=True, timeout=120
        )

    kaggle.token, kaggle.hub_version = TOKEN, "99.0.0"
    first = finetui("kaggle:some/films", "--json", "--quick")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert json.loads(first.stdout)["source"] == "kaggle:some/films@2"
    refused = finetui("kaggle:some/none")
    assert refused.returncode == 2
    assert "There is no such data set" in refused.stderr
    assert f"Bearer {TOKEN}" in kaggle.authorised
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(TOKEN in text for text in (first.stdout, refused.stdout + refused.stderr))
    assert not any(TOKEN.encode() in data for data in kept)
    kaggle.stop()
    offline = finetui("kaggle:some/films", "--json", "--quick")
    assert json.loads(offline.stdout)["source"] == "kaggle:some/films@2"

"""Data sets of the Hub: found, pinned, fetched, read offline; what goes wrong is said with what to do about it."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.config import DataConfig, RunConfig, to_dict
from core.data.reading.parquet import class_names
from core.data.service import DataService
from core.data.sources import read_table, stamp
from core.data.sources.hub import read as reading
from core.data.sources.hub.files import choose
from core.data.sources.hub.plan import File
from core.data.sources.remote import Memory
from core.data.table import PARTS, Table
from core.errors import DataError
from core.launch import child_command, child_environment
from core.preflight import preflight
from core.protocol import no_progress
from tests.servers.base import Fault, running
from tests.servers.hub import Hub

TOKEN = "hf_ThisIsTheTokenNobodyMaySee"
NAMES = ("negative", "positive")


def _parquet(count: int, labels: list[int] | None = None, names: tuple[str, ...] = NAMES, word: str = "film") -> bytes:
    """A file as the `datasets` library writes it."""
    codes = labels if labels is not None else [row % len(names) for row in range(count)]
    texts = [f"The {word} number {row} was a joy to see" for row in range(count)]
    features = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    table = pa.table({"text": texts, "label": pa.array(codes, pa.int64())})
    return _written(table, features)


def _written(table: pa.Table, features: dict[str, Any]) -> bytes:
    said = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(said), out)
    return out.getvalue()


def _csv(count: int, labels: tuple[str, str] = NAMES) -> bytes:
    rows = "".join(f'"The film number {row}, well, was a joy",{labels[row % 2]}\n' for row in range(count))
    return f"text,label\n{rows}".encode()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub on this machine; the library keeps all its files inside `tmp_path`."""
    from huggingface_hub import constants, utils

    served = Hub()
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with running(served):
        monkeypatch.setattr(constants, "ENDPOINT", served.address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", served.address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        _another_process(monkeypatch)
        yield served
    utils.close_session()


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


def _reason(table: Table, what: str) -> str:
    return " / ".join(f"{one.value}: {one.reason}" for one in table.reading if one.what == what)


def _three_parts(hub: Hub, name: str = "some/films") -> str:
    return hub.commit(
        name,
        {
            "data/train-00000-of-00002.parquet": _parquet(40),
            "data/train-00001-of-00002.parquet": _parquet(20, word="book"),
            "data/test-00000-of-00001.parquet": _parquet(10, word="play"),
            "data/unsupervised-00000-of-00001.parquet": _parquet(30, [-1] * 30, word="song"),
            "README.md": b"---\n---\n",
        },
    )


def test_parts_class_names_and_the_commit(hub: Hub) -> None:
    commit = _three_parts(hub)
    steps: list[tuple[int, int]] = []
    table = _read(
        "hub:some/films", lambda done, total, what: steps.append((done, total)) if what == "downloading" else None
    )
    assert table.source == f"hub:some/films@{commit}"
    assert table.read == len(table.frame) == 70
    assert _parts(table) == {"train": 60, "test": 10}
    assert set(table.frame["label"]) == set(NAMES)
    assert "unsupervised" in _reason(table, "left out")
    assert commit[:12] in _reason(table, "commit")
    assert steps[-1][0] == steps[-1][1] > 0
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert not any("unsupervised" in line for line in hub.asked)


def test_a_pinned_source_stays_what_it_was(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _three_parts(hub)
    first = _read("hub:some/films")
    new = hub.commit("some/films", {"data/train-00000-of-00001.parquet": _parquet(5)})
    _another_process(monkeypatch)
    hub.asked.clear()
    again = _read(first.source)
    assert again.source == first.source == f"hub:some/films@{old}"
    assert again.frame.equals(first.frame)
    assert hub.asked == []
    assert _read("hub:some/films").source == f"hub:some/films@{new}"
    assert len(_read("hub:some/films").frame) == 5


def test_a_pinned_source_is_found_on_another_machine(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    old = _three_parts(hub)
    hub.commit("some/films", {"data/train-00000-of-00001.parquet": _parquet(5)})
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert len(_read(f"hub:some/films@{old}").frame) == 70


def test_offline_after_the_first_fetch(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    _three_parts(hub)
    first = _read("hub:some/films")
    _another_process(monkeypatch)
    hub.stop()
    again = _read("hub:some/films")
    assert again.source == first.source
    assert again.frame.equals(first.frame)
    assert "offline" in _reason(again, "commit")
    assert "the commit fetched on 20" in _reason(again, "commit")
    refused = _refused("hub:some/others")
    assert refused.title == "The Hub cannot be reached: no connection"
    assert "Connect to the network" in refused.next_step


def test_offline_mode_of_the_library(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    _three_parts(hub)
    first = _read("hub:some/films")
    _another_process(monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    again = _read("hub:some/films")
    assert again.source == first.source
    assert "HF_HUB_OFFLINE is set" in _reason(again, "commit")
    assert "HF_HUB_OFFLINE is set" in _refused("hub:some/others").title
    assert hub.asked == []


def test_the_network_is_asked_once_in_a_process(hub: Hub) -> None:
    commit = _three_parts(hub)
    config = DataConfig(source="hub:some/films")
    first = stamp(config)
    assert commit in str(first)
    hub.asked.clear()
    assert stamp(config) == first
    assert hub.asked == []
    for _ in range(2):
        with pytest.raises(DataError, match="no such data set"):
            stamp(DataConfig(source="hub:some/none"))
    assert len(hub.asked) == 4


def test_configurations(hub: Hub) -> None:
    files = {f"{name}/train-00000-of-00001.parquet": _parquet(10, word=name) for name in ("emotion", "irony", "v1.0.0")}
    commit = hub.commit("lab/tweets", files)
    refused = _refused("hub:lab/tweets")
    assert refused.title == "This data set has several configurations"
    assert "emotion, irony, v1.0.0" in refused.message
    assert refused.next_step == "Name one: hub:lab/tweets/emotion"
    table = _read("hub:lab/tweets/irony")
    assert table.source == f"hub:lab/tweets/irony@{commit}"
    assert "irony" in table.frame["text"][0]
    assert "irony" in _refused("hub:lab/tweets/ironic").message
    assert len(_read(table.source).frame) == 10


def test_a_pinned_name_means_one_configuration(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [
        {"config_name": "default", "data_files": "a.csv"},
        {"config_name": "extra", "data_files": "b.csv", "default": True},
    ]
    commit = hub.commit("lab/tweets", {"a.csv": _csv(10), "b.csv": _csv(20)}, {"configs": configs})
    first = _read("hub:lab/tweets/default")
    assert (len(first.frame), first.source) == (10, f"hub:lab/tweets/default@{commit}")
    assert len(_read("hub:lab/tweets").frame) == 20
    _another_process(monkeypatch)
    assert len(_read(first.source).frame) == 10
    hub.stop()
    _another_process(monkeypatch)
    assert len(_read(first.source).frame) == 10


def test_offline_a_branch_does_not_stand_for_the_main_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = _three_parts(hub)
    _read(f"hub:some/films@{commit}")
    _another_process(monkeypatch)
    hub.stop()
    assert "cannot be reached" in _refused("hub:some/films").title
    assert len(_read(f"hub:some/films@{commit}").frame) == 70


def test_the_files_of_the_parts_are_pinned_too(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(_csv(60))
    from core.runs.store import RunStore
    from core.training.prepare import prepare
    from core.training.resume import Start

    commit = hub.commit("some/held", {"data/held.parquet": _parquet(20, word="play")})
    data = DataConfig(source=str(tmp_path / "train.csv"), test_file="hub:some/held", text=("text",), label="label")
    pinned = preflight(RunConfig(data=data)).data
    assert (pinned.source, pinned.test_file) == (data.source, f"hub:some/held@{commit}")
    answer = DataService().check({"config": to_dict(RunConfig(data=data))}, no_progress)
    parts = {"validation_file": "", "test_file": pinned.test_file}
    assert answer == {"source": data.source, **parts, "corrections": ""}
    run = RunStore(tmp_path / "runs").create(RunConfig(data=pinned))
    events = prepare(run, run.config(), Start())
    while getattr(next(events), "stage", "") != "baselines":
        pass
    assert run.read_json("data.json")["files"] == {"test": pinned.test_file}
    hub.commit("some/held", {"data/held.parquet": _parquet(5, word="song")})
    _another_process(monkeypatch)
    assert read_table(pinned).read == 80


def test_short_and_former_names(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.commit("lab/tweets", {"emotion/train.parquet": _parquet(10), "irony/train.parquet": _parquet(10)})
    hub.moved["tweets"] = "lab/tweets"
    table = _read("hub:tweets/emotion")
    assert table.source == f"hub:lab/tweets/emotion@{commit}"
    _another_process(monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert _read("hub:tweets/emotion").source == table.source


def test_the_card_says_which_files(hub: Hub) -> None:
    info = [
        {"name": "text", "dtype": "string"},
        {"name": "label", "dtype": {"class_label": {"names": {"0": "no", "1": "yes"}}}},
    ]
    splits = [{"split": "train", "path": ["tables/a_*.csv"]}, {"split": "dev", "path": "tables/late.csv"}]
    card = {
        "configs": [
            {"config_name": "plain", "default": True, "data_files": splits},
            {"config_name": "other", "data_files": "tables/other.csv"},
        ],
        "dataset_info": [{"config_name": "plain", "features": info}, {"config_name": "other", "features": []}],
    }
    coded = _csv(20, ("0", "1"))
    files = {f"tables/{name}.csv": coded for name in ("a_1", "a_2", "late", "other")}
    hub.commit("some/cards", files, card)
    table = _read("hub:some/cards")
    assert _parts(table) == {"train": 40, "validation": 20}
    assert set(table.frame["label"]) == {"no", "yes"}
    assert "other" in _reason(table, "configuration")
    assert set(_read("hub:some/cards/other").frame["label"]) == {"0", "1"}


def test_files_that_the_hub_converted(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.commit("some/script", {"script.py": b"print()", "README.md": b""})
    files = {"plain/train/0000.parquet": _parquet(10), "plain/train/0001.parquet": _parquet(10, word="book")}
    converted = hub.commit(
        "some/script", files | {"plain/partial-test/0000.parquet": _parquet(4)}, branch="refs/convert/parquet"
    )
    table = _read("hub:some/script")
    assert table.source == f"hub:some/script/plain@{converted}"
    assert _parts(table) == {"train": 20, "test": 4}
    assert "converted" in _reason(table, "files")
    assert "partial-test" in _reason(table, "not whole")
    _another_process(monkeypatch)
    assert _read(table.source).frame.equals(table.frame)


def test_a_repository_of_plain_tables(hub: Hub) -> None:
    hub.commit("some/tables", {"train.csv": _csv(20), "test.csv": _csv(10), "dataset_infos.json": b"{}", "a.md": b"#"})
    table = _read("hub:some/tables")
    assert _parts(table) == {"train": 20, "test": 10}
    one = _read("hub:some/tables/test.csv")
    assert len(one.frame) == 10
    assert "/test.csv@" in one.source
    assert _read(one.source).frame.equals(one.frame)


@pytest.mark.parametrize(
    ("files", "title"),
    [
        ({"script.py": b"", "README.md": b""}, "This data set is a program"),
        ({"cats/1.png": b"", "cats/2.png": b""}, "There is no table in this data set"),
        ({}, "There is no table in this data set"),
    ],
)
def test_nothing_to_read(hub: Hub, files: dict[str, bytes], title: str) -> None:
    hub.commit("some/thing", files)
    assert _refused("hub:some/thing").title == title


def test_pictures_without_a_text(hub: Hub) -> None:
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    table = pa.table({"image": [{"bytes": b"\x89PNG", "path": "1.png"}], "label": [0]})
    hub.commit("some/cats", {"data/train-00000-of-00001.parquet": _written(table, features)})
    refused = _refused("hub:some/cats")
    assert refused.title == "This data set holds no text"
    assert "image (image)" in refused.message
    card = {"dataset_info": {"features": [{"name": "image", "dtype": "image"}]}}
    hub.commit("some/dogs", {"data/train-00000-of-00001.parquet": b"never fetched"}, card)
    assert _refused("hub:some/dogs").title == "This data set holds no text"
    assert not any("/dogs/resolve" in line for line in hub.asked)


def test_hidden_labels_are_left_out_and_said(hub: Hub) -> None:
    files = {"train": _parquet(20), "validation": _parquet(6, word="book"), "test": _parquet(8, [-1] * 8, word="play")}
    hub.commit("some/contest", {f"data/{part}-00000-of-00001.parquet": data for part, data in files.items()})
    table = _read("hub:some/contest")
    assert _parts(table) == {"train": 20, "validation": 6}
    assert table.read == len(table.frame) + sum(table.dropped.values()) == 34
    assert "8 labels are hidden" in _reason(table, "left out")


def test_lists_of_classes_become_names_with_a_bar_between(hub: Hub) -> None:
    label = {"feature": {"names": ["joy", "anger", "fear"], "_type": "ClassLabel"}, "_type": "List"}
    table = pa.table(
        {"text": ["a fine day it was", "so and so it went"], "labels": pa.array([[0], [1, 2]], pa.list_(pa.int64()))}
    )
    features = {"text": {"dtype": "string", "_type": "Value"}, "labels": label}
    hub.commit("some/feelings", {"data/train-00000-of-00001.parquet": _written(table, features)})
    assert _read("hub:some/feelings").frame["labels"].tolist() == ["joy", "anger|fear"]


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"info": {"features": 3}}', b'{"info": {"features": {"a": [1]}}}']
)
def test_a_strange_description_names_no_classes(said: bytes) -> None:
    assert class_names({b"huggingface": said}) == {}


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["data/train-00000-of-00001-3f0c2a1b9d8e7f65.parquet"], {"train"}),
        (["train.parquet", "val.parquet", "extra.parquet"], {"train", "validation"}),
        (["default/train/0000.parquet", "default/test/0000.parquet"], {"train", "test"}),
        (["data/train/part-1.parquet", "data/test/part-1.parquet"], {"train", "test"}),
        (["reviews.parquet"], {""}),
    ],
)
def test_parts_by_where_the_files_lie(paths: list[str], found: set[str]) -> None:
    choice = choose([File(path, 1) for path in paths], {}, "", "hub:a/b")
    assert choice is not None
    assert choice.configuration == "default"
    assert {one.part for one in choice.files} == found


def test_gated(hub: Hub) -> None:
    _three_parts(hub)
    hub.repositories["some/films"].gated = True
    refused = _refused("hub:some/films")
    assert refused.title == "This data set is gated"
    assert f"{hub.address}/datasets/some/films" in refused.next_step
    assert "hf auth login" in refused.next_step


def test_a_private_one_needs_the_token(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _three_parts(hub)
    hub.repositories["some/films"].token = TOKEN
    refused = _refused("hub:some/films")
    assert refused.title == "There is no such data set"
    assert "HF_TOKEN" in refused.next_step
    monkeypatch.setenv("HF_TOKEN", f"{TOKEN}x")
    assert "whose token" in _refused("hub:some/films").next_step
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert len(_read("hub:some/films").frame) == 70
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "source", ["hub:", "hub:a b/c", "hub:../etc", "hub:a/..", "hub:a/b@", "hub:a/b/../../c", "hub:a/b@../x"]
)
def test_no_name(hub: Hub, source: str) -> None:
    assert _refused(source).title == "This is no name of the Hub"
    assert hub.asked == []


def test_no_such_revision(hub: Hub) -> None:
    _three_parts(hub)
    hub.commit("some/films", {"data/train-00000-of-00001.parquet": _parquet(8)}, branch="small")
    refused = _refused("hub:some/films@smal")
    assert "main, small" in refused.message
    assert len(_read("hub:some/films@small").frame) == 8
    assert _refused(f"hub:some/films@{'0' * 40}").title.startswith("There is no revision")


@pytest.mark.parametrize("where", ["GET /api", "HEAD", "GET /datasets"])
def test_a_rate_limit_is_told_and_not_waited_for(hub: Hub, where: str) -> None:
    _three_parts(hub)
    hub.faults.append(Fault(where, 429, {"Retry-After": "240"}))
    refused = _refused("hub:some/films")
    assert refused.title == "The Hub asks to wait"
    assert refused.next_step == "Try again in 4 minutes."
    assert sum(where in line for line in hub.asked) == 1


def test_a_rate_limit_as_the_hub_writes_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    _three_parts(hub)
    first = _read("hub:some/films")
    _another_process(monkeypatch)
    hub.faults.append(Fault("", 429, {"RateLimit": '"api";r=0;t=55'}))
    assert "55 seconds" in _refused("hub:some/others").next_step
    again = _read("hub:some/films")
    assert again.source == first.source
    assert "asks to wait" in _reason(again, "commit")


@pytest.mark.parametrize("where", ["GET /api", "HEAD", "GET /datasets"])
def test_out_of_order(hub: Hub, where: str) -> None:
    _three_parts(hub)
    hub.faults.append(Fault(where, 503))
    refused = _refused("hub:some/films")
    assert refused.title == "The Hub is out of order"
    assert "503" in refused.message
    hub.faults.clear()
    assert len(_read("hub:some/films").frame) == 70


def test_a_fault_that_passes_is_not_noticed(hub: Hub) -> None:
    _three_parts(hub)
    hub.faults += [Fault("HEAD", 502, times=1), Fault("GET /datasets", cut=300, times=1)]
    assert len(_read("hub:some/films").frame) == 70
    assert sum("GET /datasets" in line for line in hub.asked) == 4  # three files, one of them in two pieces


def test_a_short_file_is_never_read(hub: Hub, tmp_path: Path) -> None:
    _three_parts(hub)
    hub.repositories["some/films"].short = 10
    refused = _refused("hub:some/films")
    assert refused.title == "The download broke off"
    assert not list((tmp_path / "hub").rglob("*.parquet"))
    hub.repositories["some/films"].short = 0
    assert len(_read("hub:some/films").frame) == 70


def test_a_file_that_was_damaged_since_is_fetched_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _three_parts(hub)
    first = _read("hub:some/films")
    next((tmp_path / "hub").rglob("train-00001-of-00002.parquet")).write_bytes(b"PAR1")
    _another_process(monkeypatch)
    assert _read(first.source).frame.equals(first.frame)


def _environment(hub: Hub, home: Path, **more: str) -> dict[str, str]:
    own = {name: value for name, value in child_environment().items() if not name.startswith(("HF_", "XDG_"))}
    return {**own, "HOME": str(home), "HF_ENDPOINT": hub.address, "NO_PROXY": "*", **more}


def _finetui(hub: Hub, home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = child_command("data", *words, "--quick")
    return subprocess.run(command, env=_environment(hub, home, **more), capture_output=True, text=True, timeout=120)


def test_from_the_command_line(hub: Hub, tmp_path: Path) -> None:
    commit = _three_parts(hub)
    first = _finetui(hub, tmp_path, "hub:some/films", "--json", HF_TOKEN=TOKEN)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    found = json.loads(first.stdout)
    assert found["source"] == f"hub:some/films@{commit}"
    assert found["kept"] == 70
    offline = _finetui(hub, tmp_path, "hub:some/films", "--json", HF_HUB_OFFLINE="1", HF_TOKEN=TOKEN)
    assert json.loads(offline.stdout)["source"] == found["source"]
    refused = _finetui(hub, tmp_path, "hub:some/none", HF_TOKEN=TOKEN)
    assert refused.returncode == 2
    assert "There is no such data set" in refused.stderr
    assert "Traceback" not in refused.stderr
    said = [first.stdout, offline.stderr, refused.stdout + refused.stderr]
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert f"Bearer {TOKEN}" in hub.authorised
    assert not any(TOKEN in text for text in said)
    assert not any(TOKEN.encode() in data for data in kept)


def test_no_room(hub: Hub, tmp_path: Path) -> None:
    big = os.urandom(400_000).hex().encode()
    hub.commit("some/films", {"train.csv": b"text,label\n" + big})
    refused = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *child_command("data", "hub:some/films")],
        env=_environment(hub, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert refused.returncode == 2
    assert "There is no room for the download" in refused.stderr
    assert "HF_HUB_CACHE" in refused.stderr


def test_cancelled_in_the_middle(hub: Hub, tmp_path: Path) -> None:
    """The screen ends its child: what is left of the download harms nobody and goes away."""
    _three_parts(hub)
    release = Event()
    fault = Fault("GET .*train-00001", cut=500, hold=release)
    hub.faults.append(fault)
    config = {"config": {"data": {"source": "hub:some/films"}}}
    with subprocess.Popen(
        child_command("data", "--jsonl"),
        env=_environment(hub, tmp_path, HF_HUB_DOWNLOAD_TIMEOUT="60"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(json.dumps({"id": 1, "ask": "profile", **config}) + "\n")
        child.stdin.flush()
        seen = (json.loads(line).get("progress") or {} for line in child.stdout)
        assert next(one for one in seen if one.get("what") == "downloading" and one["done"] > 0)
        assert fault.reached.wait(60)
        child.kill()
    release.set()
    hub.faults.clear()
    for left in tmp_path.rglob("*.incomplete"):
        os.utime(left, (0, 0))
    again = _finetui(hub, tmp_path, "hub:some/films", "--json")
    assert json.loads(again.stdout)["kept"] == 70
    assert not list(tmp_path.rglob("*.incomplete"))

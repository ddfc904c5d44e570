"""What a person is told about a file: the profile, its findings and their rows, and `finetui data`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.config import DataConfig, RunConfig, SplitConfig, to_dict
from core.data.service import DataService
from core.errors import DataError
from core.launch import child_environment
from core.protocol import no_progress

LINES = [
    *[f"a happy sentence number {n}\thappy" for n in range(40)],
    *[f"a sad sentence number {n}\tsad" for n in range(12)],
    *["not to be said\tnocode"] * 3,
    "both of them at once\thappy|sad",
    "a happy  SENTENCE number 1\thappy",
    "a happy sentence number 2\tsad",
    "it was a cafÃ© by the sea\tsad",
    "in another spelling\tHappy",
    "   \thappy",
    "too\tmany\tfields",
]


def _request(path: Path | str, split: SplitConfig | None = None, **settings: Any) -> dict[str, Any]:
    data = DataConfig(source=str(path), **settings)
    return {"config": to_dict(RunConfig(data=data, split=split or SplitConfig()))}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "moods.tsv"
    path.write_text("text\tlabel\n" + "\n".join(LINES), encoding="utf-8")
    return path


def _profile(path: Path | str, **settings: Any) -> dict[str, Any]:
    found = DataService().profile(_request(path, **settings), no_progress)
    assert found["read"] == found["kept"] + sum(one["rows"] for one in found["dropped"])
    json.dumps(found)
    return found


def _by_code(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in found["findings"]}


def test_the_whole_profile(file: Path) -> None:
    found = _profile(file)
    assert found["columns"] == ["text", "label"]
    assert (found["text"], found["label"], found["group"]) == (["text"], "label", "")
    assert (found["read"], found["kept"]) == (62, 60)
    assert found["classes"][0] == {"name": "happy", "rows": 41, "share": pytest.approx(41 / 60)}
    assert found["majority"]["accuracy"] == pytest.approx(41 / 60)
    assert found["majority"]["macro_f1"] == pytest.approx(2 * 41 / (41 + 60) / 5)
    assert found["lengths"]["p50"] == 5
    assert len(found["lengths"]["histogram"]) == 20
    assert {"encoding", "delimiter", "quoting", "header", "text column", "label column"} <= {
        one["what"] for one in found["reading"]
    }
    assert found["problem"]["kind"] == "DataError"
    assert "--cure" in found["problem"]["next_step"]


def test_findings_with_rows_and_cures(file: Path) -> None:
    found = _by_code(_profile(file))
    expected = {
        "bad-rows": (1, ""),
        "empty-text": (1, ""),
        "multi-label:|": (1, "drop-multi-label"),
        "no-label:nocode": (3, "drop-class:nocode"),
        "duplicates": (3, "drop-duplicates"),
        "conflicts": (2, "drop-conflicts"),
        "spelling:Happy": (1, "rename-class:Happy=happy"),
        "residue": (1, ""),
    }
    assert {code: (found[code]["rows"], found[code]["cure"]) for code in expected} == expected
    assert found["no-label:nocode"]["level"] == "bad"


def test_every_finding_opens_its_rows(file: Path) -> None:
    service = DataService()
    request = _request(file)
    for one in service.profile(request, no_progress)["findings"]:
        answer = service.rows({**request, "code": one["code"]}, no_progress)
        assert answer["total"] == one["rows"], one
    rows = service.rows({**request, "code": "bad-rows"}, no_progress)["rows"]
    assert rows == [{"row": 62, "file": "", "text": "too\tmany\tfields", "label": ""}]
    assert service.rows({**request, "code": "empty-text"}, no_progress)["rows"][0]["row"] == 61
    with pytest.raises(DataError, match="no finding"):
        service.rows({**request, "code": "nothing"}, no_progress)


def test_every_cure_that_is_offered_works_and_ends_its_finding(file: Path) -> None:
    for code, one in _by_code(_profile(file)).items():
        if one["cure"]:
            after = _by_code(_profile(file, cures=(one["cure"],)))
            assert code not in after or after[code]["rows"] == 0


def test_cured_rows_can_be_looked_at(file: Path) -> None:
    service = DataService()
    request = {**_request(file, cures=("drop-class:nocode",)), "code": "drop-class:nocode"}
    answer = service.rows(request, no_progress)
    assert answer["total"] == 3
    assert answer["rows"][0] == {"row": 53, "file": "", "text": "not to be said", "label": "nocode"}


def test_rows_are_paged_and_filtered(file: Path) -> None:
    service, request = DataService(), _request(file)
    page = service.rows({**request, "start": 2, "count": 3}, no_progress)
    assert (page["total"], [row["row"] for row in page["rows"]]) == (60, [3, 4, 5])
    assert service.rows({**request, "filter": "SAD sentence"}, no_progress)["total"] == 12
    assert service.rows({**request, "filter": "number 1", "label": "sad"}, no_progress)["total"] == 3
    assert service.rows({**request, "label": "no such"}, no_progress) == {"total": 0, "rows": []}
    assert service.rows({**request, "filter": "[/("}, no_progress)["total"] == 0
    with pytest.raises(DataError, match="whole number"):
        service.rows({**request, "start": -1}, no_progress)


def test_split_preview(file: Path) -> None:
    cures = ("drop-rare:10",)
    answer = DataService().split(_request(file, cures=cures), no_progress)
    assert answer["label_names"] == ["happy", "sad"]
    assert sum(answer["train"] + answer["validation"] + answer["test"]) == 55
    assert answer["train"][0] > answer["validation"][0] > 0 < answer["test"][1]
    with pytest.raises(DataError, match="too few rows"):
        DataService().split(_request(file), no_progress)


def test_a_cure_does_not_read_the_file_again_but_a_change_of_the_file_does(file: Path) -> None:
    service, seen = DataService(), list[str]()

    def progress(done: int, total: int, what: str) -> None:
        seen.append(what)

    service.profile(_request(file), progress)
    assert "bytes" in seen
    seen.clear()
    service.profile(_request(file, cures=("drop-duplicates",)), progress)
    assert "bytes" not in seen
    file.write_text(file.read_text(encoding="utf-8") + "\none row more\tsad\n", encoding="utf-8")
    assert service.profile(_request(file), progress)["read"] == 63
    assert "bytes" in seen


def test_a_rating_offers_bins(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("review,stars\n" + "".join(f"a review of {n} words,{n % 5 + 1}.0\n" for n in range(100)))
    found = _by_code(_profile(path))["rating"]
    assert found["cure"] == "bins:<=2=negative,3=drop,>=4=positive"
    assert [one["name"] for one in _profile(path, cures=(found["cure"],))["classes"]] == ["negative", "positive"]


def test_one_class_only_is_still_profiled(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"words of number {n},only\n" for n in range(20)))
    found = _profile(path)
    assert found["kept"] == 20
    assert "one class" in found["problem"]["title"]


def test_columns_that_cannot_be_told_still_show_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,kind\n1,a\n2,b\n3,a\n4,b\n")
    found = _profile(path)
    assert found["columns"] == ["id", "kind"]
    assert found["kept"] == 0
    assert "text column" in found["problem"]["title"]


def test_nothing_left_is_still_a_profile(file: Path) -> None:
    found = _profile(file, cures=("drop-rare:999",))
    assert (found["kept"], found["classes"]) == (0, [])
    assert "No rows" in found["problem"]["title"]


def test_the_sample_is_healthy() -> None:
    found = _profile("sample")
    assert found["problem"] is None
    assert [one["name"] for one in found["classes"]] == ["positive", "negative", "neutral"]
    assert not [one for one in found["findings"] if one["level"] == "bad"]


def _run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "core", "data", *arguments]
    environment = child_environment() | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, input=stdin, capture_output=True, text=True, encoding="utf-8", env=environment)


def test_the_command_for_people(file: Path) -> None:
    done = _run(str(file), "--cure", "drop-rare:10")
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout
    assert "█" in done.stdout
    assert "55 rows kept of 62" in done.stdout
    assert "--cure drop-duplicates" in done.stdout
    assert f"finetui train {file} --cure drop-rare:10" in done.stdout
    assert done.stderr == ""


def test_the_command_for_scripts(file: Path) -> None:
    done = _run(str(file), "--json", "--text", "text", "--label", "label")
    assert json.loads(done.stdout)["kept"] == 60


def test_the_command_that_serves(file: Path) -> None:
    lines = [{"id": 1, "ask": "profile", **_request(file)}, {"id": 2, "ask": "rows", "count": 2, **_request(file)}]
    done = _run("--jsonl", stdin="\n".join(json.dumps(one) for one in lines) + "\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("progress" in one for one in answers)
    results = {one["id"]: one["result"] for one in answers if "result" in one}
    assert results[1]["read"] == 62
    assert len(results[2]["rows"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.csv",), "No such file"),
        (("{file}", "--label", "lable"), "--label label"),
        (("{file}", "--cure", "drop-everything"), "Unknown cure"),
        (("{file}", "--quoting", "maybe"), "quoting"),
        (("{one}",), "only one column"),
    ],
)
def test_bad_input_in_the_shell(file: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    one = tmp_path / "one.txt"
    one.write_text("some words\nand some more\n")
    done = _run(*(word.format(file=file, one=one) for word in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_control_byte_of_the_data_reaches_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"words \x1b]52;c;eA==\x07 {n},x\x1b[31m{n % 2}\n" for n in range(20)))
    done = _run(str(path))
    assert done.returncode == 0
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07", "\x9b"}

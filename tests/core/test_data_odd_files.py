"""Odd files: the right diagnosis of each, rows that add up, no traceback, no hang, no control character in messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.config import DataConfig, RunConfig, to_dict
from core.data.examine import CHECKS
from core.data.service import DataService
from core.errors import DataError, WorkbenchError
from core.launch import child_environment
from core.protocol import Handler, no_progress
from core.text import safe
from tests.odd_files import CASES, Case, Readable, Refused, deep, plain, put

GUARD = 60
"""Seconds after which a case counts as one that hangs."""

READABLE = [one for one in CASES if isinstance(one, Readable)]
REFUSED = [one for one in CASES if isinstance(one, Refused)]
BY_NAME = {one.name: one for one in CASES}

Answer = dict[str, Any]


def within_guard(work: Handler, request: Answer) -> Answer:
    """What `work` answers or raises; a failure where it does neither."""
    came: list[Answer] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            came.append(work(request, no_progress))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the test sees it
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(GUARD)
    if raised:
        raise raised[0]
    assert came, f"no answer within {GUARD} s"
    return came[0]


def request_of(path: Path, **settings: Any) -> Answer:
    return {"config": to_dict(RunConfig(data=DataConfig(source=str(path), **settings)))}


def ask(case: Case, folder: Path) -> tuple[DataService, Answer]:
    return DataService(), request_of(put(case, folder), **case.settings)


def assert_safe(*texts: str) -> None:
    for text in texts:
        assert text == safe(text, newlines=True), f"{text!r} could act on a terminal"


def assert_error(fields: dict[str, str]) -> None:
    assert fields["title"]
    assert fields["next_step"].strip(), f"no next step: {fields}"
    assert_safe(*fields.values())


def assert_sound(found: Answer) -> None:
    """What holds for every answer, whatever the file."""
    assert found["read"] == found["kept"] + sum(one["rows"] for one in found["dropped"])
    assert found["kept"] == sum(one["rows"] for one in found["classes"])
    assert_safe(*(one["text"] for one in found["findings"]))
    assert_safe(*(part for one in found["reading"] for part in one.values()))
    assert_safe(*(one["reason"] for one in found["dropped"]))
    if found["problem"]:
        assert_error(found["problem"])
    json.dumps(found)


def assert_opens(service: DataService, request: Answer, findings: list[Answer]) -> None:
    """Every finding opens its rows, as many as it says."""
    for one in findings:
        if one["rows"]:
            opened = within_guard(service.rows, {**request, "code": one["code"]})
            assert opened["total"] == one["rows"], one
            assert opened["rows"], one


def run_data(case: Case, folder: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the real program."""
    child = subprocess.run(
        [sys.executable, "-P", "-m", "core", "data", *options, str(put(case, folder))],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=2 * GUARD,
        env={**child_environment(), "PYTHONIOENCODING": "utf-8"},
    )
    return child.returncode, child.stdout.decode(), child.stderr.decode()


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(CASES) == len(BY_NAME)
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", READABLE, ids=lambda one: one.name)
def test_readable(case: Readable, tmp_path: Path) -> None:
    service, request = ask(case, tmp_path)
    found = within_guard(service.profile, request)
    decided = {one["what"]: one["value"] for one in found["reading"]}
    assert {what: decided.get(what) for what in case.reading} == case.reading
    assert {one["reason"]: one["rows"] for one in found["dropped"]} == case.dropped
    assert found["kept"] == case.kept
    if case.classes is not None:
        assert {one["name"]: one["rows"] for one in found["classes"]} == case.classes
    assert {one["code"] for one in found["findings"] if one["level"] != "ok"} >= set(case.codes)
    assert (found["problem"] or {"title": ""})["title"] == case.problem
    assert_sound(found)
    if not found["kept"]:
        return
    page = within_guard(service.rows, request)
    assert page["total"] == found["kept"]
    if case.first is not None:
        assert page["rows"][0]["text"] == case.first
    assert_opens(service, request, found["findings"])
    if not case.problem:
        parts = within_guard(service.split, request)
        assert sum(sum(parts[name]) for name in ("train", "validation", "test")) == found["kept"]


@pytest.mark.parametrize("case", REFUSED, ids=lambda one: one.name)
def test_refused(case: Refused, tmp_path: Path) -> None:
    service, request = ask(case, tmp_path)
    with pytest.raises(WorkbenchError) as raised:
        within_guard(service.profile, request)
    fields = raised.value.to_dict()
    assert fields["kind"] == case.kind
    assert case.title in fields["title"]
    assert case.says in f"{fields['message']} {fields['next_step']}"
    assert_error(fields)


@pytest.mark.parametrize("case", deep(), ids=lambda one: one.name)
def test_what_needs_more_than_a_glance(case: Readable, tmp_path: Path) -> None:
    service, request = ask(case, tmp_path)
    for check in CHECKS:
        found = within_guard(service.examine, {**request, "check": check})
        json.dumps(found)
        assert_safe(*(one["text"] for one in found["findings"]))
        assert_opens(service, request, found["findings"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(plain())
    path.chmod(0)
    with pytest.raises(DataError, match="This file cannot be read") as raised:
        DataService().profile(request_of(path), no_progress)
    assert_error(raised.value.to_dict())


@pytest.mark.parametrize("name", ["escapes-in-column-names", "escapes-in-a-rare-label"])
def test_for_people_on_the_command_line(name: str, tmp_path: Path) -> None:
    code, out, said = run_data(BY_NAME[name], tmp_path)
    assert code == 0, said
    assert_safe(out, said)
    assert "rows kept of" in out


BY_PROGRAM = (
    *("escapes-in-column-names", "json-lone-surrogates", "latin1", "one-column", "fifo", "pickle-in-csv"),
    *("escapes-in-name", "json-deep-lists", "gz-truncated"),
)


@pytest.mark.parametrize("name", BY_PROGRAM)
def test_for_scripts_on_the_command_line(name: str, tmp_path: Path) -> None:
    case = BY_NAME[name]
    code, out, said = run_data(case, tmp_path, "--json")
    assert "Traceback" not in said
    assert_safe(out, said)
    if isinstance(case, Refused):
        assert (code, out) == (2, "")
        assert case.title in said
    else:
        assert code == 0, said
        assert out.isascii()
        found = json.loads(out)
        assert_sound(found)
        assert (found["kept"], found["read"]) == (case.kept, case.kept + sum(case.dropped.values()))


PIECES = st.lists(
    st.sampled_from(
        (
            *("text", "label", ",", ";", "\t", "|", '"', '""', "\n", "\r\n", "\r", " ", "\\", "'", "1", "a b c", "é"),
            *("\0", "日本", "{", "}", "[", "]", ":", '{"text": "a", "label": "b"}', "#", "\x1b[0m", "\ufeff", "\u202e"),
        )
    ),
    max_size=60,
)


@given(content=st.one_of(st.binary(max_size=300), PIECES.map(lambda parts: "".join(parts).encode())))
@example(content=b'"')
@example(content=b'a,"b\nc,"d\n')
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt"])
def test_any_bytes_at_all(content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    service, request = DataService(), request_of(path)
    try:
        found = within_guard(service.profile, request)
    except WorkbenchError as error:
        assert_error(error.to_dict())
        return
    assert_sound(found)
    if found["kept"]:
        assert within_guard(service.rows, request)["total"] == found["kept"]
        assert_opens(service, request, found["findings"])


@given(
    content=PIECES.map("".join),
    delimiter=st.sampled_from(["", ",", "tab", "|", "x"]),
    header=st.sampled_from(["auto", "yes", "no"]),
    quoting=st.sampled_from(["auto", "standard", "none"]),
    encoding=st.sampled_from(["", "utf-8", "utf-16", "cp1252"]),
)
@example(content=",,,\n", delimiter=",", header="yes", quoting="auto", encoding="")
@example(content="# no more than this\n", delimiter=",", header="yes", quoting="none", encoding="")
def test_any_text_with_any_setting(
    content: str, delimiter: str, header: str, quoting: str, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content.encode())
    asked = {"delimiter": delimiter, "header": header, "quoting": quoting, "encoding": encoding}
    try:
        assert_sound(within_guard(DataService().profile, request_of(path, **asked)))
    except WorkbenchError as error:
        assert_error(error.to_dict())

"""Requests and answers through a real child: nothing corrupts the lines, and nothing hangs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from core.errors import Cancelled, DataError, WorkbenchError
from core.launch import child_environment
from core.protocol import encode_line, no_progress, result_of

SERVER = """
import os, subprocess, sys, threading
from core.errors import DataError
from core.protocol import serve

def echo(request, progress):
    return {"said": request.get("text")}

def fail(request, progress):
    raise DataError("The file is empty", "0 bytes", "Choose another.")

def noisy(request, progress):
    print("a library prints")
    os.write(1, b"straight to the descriptor\\n")
    subprocess.run(["echo", "from a child"], check=True)
    sys.stdout.flush()
    return {"fine": True}

def slow(request, progress):
    for done in range(3):
        progress(done, 3, "reading")
    return {}

def crash(request, progress):
    raise KeyError("a bug \x1b[2J here")

def odd(request, progress):
    return {"no": object()}

def wait(request, progress):  # until everything that was asked has arrived
    for thread in threading.enumerate():
        if thread.name == "requests":
            thread.join()
    return {}

def big(request, progress):
    return {"text": "x" * 300_000}

def long(request, progress):
    for done in range(400):
        progress(done, 400, "checking")
    return {}

def staying(request, progress):
    while True:
        progress(0, 0, "checking")

def dying(request, progress):
    raise SystemExit(3)

handlers = {"echo": echo, "fail": fail, "noisy": noisy, "slow": slow, "wait": wait, "crash": crash, "odd": odd}
handlers["big"] = big
serve(handlers, float(sys.argv[1]), {"long": long, "staying": staying, "dying": dying})
print("left")
"""


def serve(asked: bytes, idle: float = 600.0) -> tuple[list[dict[str, Any]], str]:
    """What a child answers to these lines until they end, and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", SERVER, str(idle)],
        input=asked,
        capture_output=True,
        check=True,
        env=child_environment() | {"PYTHONUTF8": "0", "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict"},
    )
    return [json.loads(line) for line in done.stdout.decode("ascii").splitlines()], done.stderr.decode()


def lines(*requests: dict[str, Any]) -> bytes:
    return "".join(encode_line(request) + "\n" for request in requests).encode()


def test_answers_come_in_order_with_their_ids() -> None:
    answers, errors = serve(lines(*({"id": n, "ask": "echo", "text": f"☃{n}"} for n in range(50))))
    assert [answer["id"] for answer in answers] == list(range(50))
    assert [result_of(answer)["said"] for answer in answers] == [f"☃{n}" for n in range(50)]
    assert errors == "left\n"


def test_an_error_is_answered_and_the_next_request_too() -> None:
    failed, fine = serve(lines({"id": 1, "ask": "fail"}, {"id": 2, "ask": "echo", "text": "x"}))[0]
    with pytest.raises(DataError, match="The file is empty") as found:
        result_of(failed)
    assert (found.value.message, found.value.next_step) == ("0 bytes", "Choose another.")
    assert fine["result"] == {"said": "x"}


@pytest.mark.parametrize("ask", ["crash", "odd"])
def test_an_error_of_ours_is_answered_in_plain_words_and_the_child_lives_on(ask: str) -> None:
    (failed, fine), errors = serve(lines({"id": 1, "ask": ask}, {"id": 2, "ask": "echo", "text": "on"}))
    assert failed["id"] == 1
    error = failed["error"]
    assert error["title"] == "This did not work"
    assert error["next_step"]
    assert "Traceback" not in str(error)
    assert "\x1b" not in error["message"]
    assert "Traceback" in errors
    assert fine["result"] == {"said": "on"}


def test_stray_prints_go_to_stderr() -> None:
    answers, errors = serve(lines({"id": 1, "ask": "noisy"}))
    assert answers == [{"id": 1, "result": {"fine": True}}]
    for stray in ("a library prints", "straight to the descriptor", "from a child"):
        assert stray in errors


def test_progress_comes_before_its_answer() -> None:
    *progress, answer = serve(lines({"id": "x", "ask": "slow"}))[0]
    assert [one["progress"]["done"] for one in progress] == [0, 1, 2]
    assert {one["id"] for one in [*progress, answer]} == {"x"}


def test_only_the_newest_of_a_key_is_answered() -> None:
    asked = lines(
        {"id": 0, "ask": "wait"},
        {"id": 1, "ask": "echo", "text": "n", "newest": "typing"},
        {"id": 2, "ask": "echo", "text": "other", "newest": "rows"},
        {"id": 3, "ask": "echo", "text": "no", "newest": "typing"},
        {"id": 4, "ask": "echo", "text": "always"},
        {"id": 5, "ask": "echo", "text": "not", "newest": "typing"},
    )
    answers = {answer["id"]: answer for answer in serve(asked)[0]}
    assert list(answers) == [0, 1, 2, 3, 4, 5]
    for skipped in (1, 3):
        with pytest.raises(Cancelled):
            result_of(answers[skipped])
    assert [result_of(answers[n])["said"] for n in (2, 4, 5)] == ["other", "always", "not"]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (b"hello", "This line is not a request"),
        (b"[1]", "This line is not a request"),
        (b"\xff\xfe{", "This line is not a request"),
        (b"[" * 100_000, "This line is not a request"),
        (b'{"id": 9}', "Unknown request None"),
        (b'{"id": 9, "ask": "dance"}', "Unknown request 'dance'"),
        (b'{"id": 9, "ask": ["echo"]}', "Unknown request"),
    ],
)
def test_nonsense_is_answered_and_harms_nothing(line: bytes, title: str) -> None:
    answers, _ = serve(b"\n" + line + b"\n" + lines({"id": 1, "ask": "echo", "text": "on"}))
    assert answers[0]["error"]["title"].startswith(title)
    assert result_of(answers[1]) == {"said": "on"}


def test_text_that_could_act_on_a_terminal_is_escaped() -> None:
    ((answer), _) = serve(lines({"id": 1, "ask": "echo", "text": "\x1b]52;c;\x07 \u202e \udc80"}))
    assert answer[0]["result"] == {"said": "\x1b]52;c;\x07 \u202e \udc80"}
    assert encode_line(answer[0]).isprintable()


def test_nobody_asks_and_the_child_leaves_in_peace() -> None:
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", SERVER, "0.05"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=child_environment(),
    )
    with child:  # its input stays open all the while
        assert child.stderr is not None
        errors = child.stderr.read()
        assert child.wait() == 0
    assert errors == b"left\n"


def test_an_unknown_kind_of_error_stays_an_error() -> None:
    with pytest.raises(WorkbenchError, match="from a newer version"):
        result_of({"id": 1, "error": {"kind": "MoonError", "title": "from a newer version"}})
    with pytest.raises(WorkbenchError, match="Something went wrong"):
        result_of({"id": 1, "error": {}})
    no_progress(0, 0, "shown to nobody")


def test_two_threads_never_write_into_one_another_s_lines() -> None:
    asked = [{"id": 0, "ask": "long"}, *({"id": number, "ask": "big"} for number in range(1, 60))]
    found, _ = serve(lines(*asked))
    results = [one["id"] for one in found if "result" in one]
    assert sorted(results) == list(range(60))
    assert sum("progress" in one for one in found) == 400


def test_a_newer_request_ends_what_runs_in_the_background() -> None:
    asked = [{"id": 1, "ask": "staying", "newest": "checks"}, {"id": 2, "ask": "long", "newest": "checks"}]
    found, _ = serve(lines(*asked))
    ends = {one["id"]: one for one in found if "progress" not in one}
    assert ends[1]["error"]["kind"] == "Cancelled"
    assert ends[2]["result"] == {}


def test_quick_requests_do_not_wait_for_the_background() -> None:
    asked = [
        {"id": 1, "ask": "staying", "newest": "checks"},
        {"id": 2, "ask": "echo", "text": "hello"},
        {"id": 3, "ask": "long", "newest": "checks"},
    ]
    found, _ = serve(lines(*asked))
    assert next(one for one in found if one["id"] == 2)["result"] == {"said": "hello"}


def test_a_child_whose_background_died_ends() -> None:
    """Its standard input stays open: only it can know."""
    command = [sys.executable, "-P", "-c", SERVER, "600"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment()
    ) as child:
        assert child.stdin
        child.stdin.write(b'{"id": 1, "ask": "dying"}\n')
        child.stdin.flush()
        assert child.wait(timeout=60) == 0

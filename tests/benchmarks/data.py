"""How soon a large file is looked at, what that costs, and how soon a file that is no table is refused."""

from __future__ import annotations

import atexit
import functools
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import RunConfig, to_dict, with_source
from core.errors import DataError
from core.protocol import no_progress
from tests.benchmarks.child import talking
from tests.benchmarks.startup import finetui
from tests.terminal.emulator import Terminal

ROWS = 1_000_000
ROUNDS = 3
LABELS = ("anger", "fear", "joy", "love", "sadness", "surprise")
PLAIN = """
import sys, json, pandas
frame = pandas.read_csv(sys.argv[1])
counts = frame["label"].value_counts()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"rows": len(frame), "classes": counts.to_dict(), "peak": int(peak.split()[1]) / 1024}))
"""


@functools.cache
def folder() -> Path:
    """A place for large files until the benchmark ends."""
    path = Path(tempfile.mkdtemp(prefix="finetui-bench-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def million() -> Path:
    """A million rows of 5 to 25 made-up words, a third with a comma (so in quotes), some with quotes and accents."""
    rng = random.Random(17)
    syllables = [one + other for one in "bcdfghjklmnprstvwz" for other in "aeiou"]
    words = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(20_000)]
    path = folder() / "m.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("text,label\n")
        for _ in range(ROWS):
            text, kind = " ".join(rng.choices(words, k=rng.randint(5, 25))), rng.random()
            if kind < 0.3:
                text = f'"{text.replace(" ", ", ", 1)}"'
            elif kind < 0.35:
                text = f'"""{text}"" he said"'
            elif kind > 0.97:
                text += " é – ü"
            file.write(f"{text},{rng.choice(LABELS)}\n")
    return path


@dataclass(frozen=True, slots=True)
class Asked:
    """One profile through a fresh child: what it says, seconds from its start to each stage, its peak in MiB."""

    result: dict[str, Any]
    stages: dict[str, float]
    peak: float
    silence: float
    """Seconds of the longest time between two words of progress."""


def ask(source: str) -> Asked:
    """Start a child as the screen does and ask it for a profile."""
    began = last = time.perf_counter()
    config = to_dict(with_source(RunConfig(), source))
    stages: dict[str, float] = {}
    silence = 0.0
    with talking("data", "--jsonl") as child:
        child.say({"id": 1, "ask": "profile", "config": config})
        while "result" not in (message := child.hear()):
            now = time.perf_counter()
            silence = max(silence, now - last) if stages else 0.0
            stages.setdefault(message["progress"]["what"], now - began)
            last = now
        now = time.perf_counter()
        stages["answer"] = now - began
        peak = peak_megabytes(child.pid)
    return Asked(message["result"], stages, peak, max(silence, now - last))


def peak_megabytes(process: int) -> float:
    """The largest resident set a process has had."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def plain_pandas() -> tuple[float, dict[str, Any]]:
    """Seconds from start to end of a process that only reads and counts, and what it says."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PLAIN, str(million())], check=True, capture_output=True, text=True)
    return time.perf_counter() - began, json.loads(done.stdout)


def million_seconds() -> float:
    """Start of a fresh child to its whole profile, beside plain pandas in turns; rows and classes must be equal."""
    size = million().stat().st_size / 2**20
    bare = ask("sample").peak
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(ask(str(million())))
        theirs.append(plain_pandas())
    for one, (_, other) in zip(ours, theirs, strict=True):
        assert one.result["read"] == one.result["kept"] == other["rows"] == ROWS
        assert {row["name"]: row["rows"] for row in one.result["classes"]} == other["classes"]
    seconds = [one.stages["answer"] for one in ours]
    peak, their_peak = max(one.peak for one in ours), max(other["peak"] for _, other in theirs)
    print(f"  profile {told(seconds)} s   pandas.read_csv + value_counts {told([one for one, _ in theirs])} s")
    print(
        f"  file {size:.0f} MiB   peak {peak:.0f} MiB, of it {bare:.0f} before any data   pandas {their_peak:.0f} MiB"
    )
    print(f"  beyond the bare child {(peak - bare) / size:.2f} times the file, in all {peak / size:.2f} times")
    marks = (
        ("start and imports", "bytes"),
        ("read", "cleaning"),
        ("clean", "looking for faults"),
        ("faults", "answer"),
    )
    before = [0.0] * ROUNDS
    for name, end in marks:
        ends = [one.stages[end] for one in ours]
        print(f"  {name:<18} {told([later - earlier for earlier, later in zip(before, ends, strict=True)])} s")
        before = ends
    print(f"  longest time without a word of progress {told([one.silence * 1000 for one in ours], 0)} ms")
    return statistics.median(seconds)


def told(values: list[float], digits: int = 2) -> str:
    """A median with its spread."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def screen_seconds() -> float:
    """The enter key on a typed path to the class distribution of a million rows on the screen."""
    seconds, keys = opened_on_screen()
    print(f"  {len(keys)} keys while it loads: {told(keys, 0)} ms to the paint")
    return seconds


def screen_key_milliseconds() -> float:
    """A key to its paint while a million rows load, 95th percentile."""
    keys: list[float] = []
    while len(keys) < 30:
        keys += opened_on_screen()[1]
    return sorted(keys)[int(0.95 * (len(keys) - 1) + 0.5)]


def opened_on_screen() -> tuple[float, list[float]]:
    """Seconds from the enter key to the distribution, and milliseconds to the paint of each key typed meanwhile.

    The sample is still being examined then, so that the child that does so is ended and a new one has to start.
    """
    path = str(million())
    with tempfile.TemporaryDirectory() as home:
        here = {name: f"{home}/{name}" for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        with Terminal([finetui(), "--runs", f"{home}/runs"], 120, 40, **here) as terminal:
            terminal.wait(lambda text: "3 classes" in text and "o  File" in text)
            terminal.send("o")
            terminal.wait(lambda text: "o  File" not in text)
            terminal.send(path)
            terminal.wait(lambda text: path in text)
            began = time.perf_counter()
            terminal.send("\r")
            keys = list(typed_while_loading(terminal, path))
            terminal.wait(is_there, 60)
            return time.perf_counter() - began, keys


def is_there(text: str) -> bool:
    """Whether the distribution of the million rows is on the screen."""
    return f"{len(LABELS)} classes" in text and LABELS[0] in text


def typed_while_loading(terminal: Terminal, path: str) -> Iterator[float]:
    """Type a letter into the field and take it away, again and again; milliseconds until each shows."""
    longer = False
    while not is_there(terminal.text()):
        longer = not longer
        began = time.perf_counter()
        terminal.send("x" if longer else "\x7f")
        terminal.wait(lambda text, wanted=longer: (f"{path}x" in text) == wanted or is_there(text))
        if not is_there(terminal.text()):
            yield (time.perf_counter() - began) * 1000
        pause = time.perf_counter() + 0.03
        while (left := pause - time.perf_counter()) > 0:
            terminal.pump(left)


LARGE = 200 * 1000 * 1000
ODD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "one line of 200 MB": ("csv", lambda: b"word " * (LARGE // 5)),
    "line 3 of 200 MB": ("csv", lambda: b"text,label\na b,x\n" + b"word " * (LARGE // 5) + b",y\nc d,x\n"),
    "a field of 200 MB in quotes": ("csv", lambda: b'text,label\n"' + b"word " * (LARGE // 5) + b'",y\n'),
    "200 MB of quotes": ("csv", lambda: b'"' * LARGE),
    "200 MB of commas": ("csv", lambda: b"," * LARGE),
    "200 MB of blank lines": ("csv", lambda: b"\n" * LARGE),
    "1 MB of quotes": ("csv", lambda: b'"' * 1_000_000),
    "quotes and commas, 4 MB a line": ("csv", lambda: b'","' * 1_300_000 + b"\na,b\n"),
    "a quote in each of 500 000 lines": ("csv", lambda: b'"abc,def\n' * 500_000),
    "a quote never closed, 10 MB": ("csv", lambda: b'text,label\n"a b,x\n' + b"some words,y\n" * 800_000),
    "10 000 columns": ("csv", lambda: (b",".join([b"a b"] * 10_000) + b"\n") * 40),
    "a header of 100 000 names": ("csv", lambda: b",".join(b"c%d" % n for n in range(100_000)) + b"\na,b\n" * 50),
    "1 MB of open brackets": ("json", lambda: b"[" * 1_000_000),
    "a JSON document of 20 MB on one line": ("json", lambda: json.dumps([{"text": "word " * 200}] * 20_000).encode()),
}


def odd_lines_seconds() -> float:
    """The longest that a file which is no table of texts takes to be refused, or shown as what it is."""
    from core.data.service import DataService

    worst = 0.0
    for name, (suffix, content) in ODD.items():
        path = folder() / f"odd.{suffix}"
        path.write_bytes(content())
        began = time.perf_counter()
        try:
            request = {"config": to_dict(with_source(RunConfig(), str(path)))}
            found = DataService().profile(request, no_progress)
            said = (found["problem"] or {"title": "nothing is wrong"})["title"]
        except DataError as refused:
            said = f"{refused.title}: {refused.message}"
        seconds = time.perf_counter() - began
        worst = max(worst, seconds)
        print(f"  {seconds:6.2f} s  {name:<38} {said[:90]}", flush=True)
        path.unlink()
    return worst

"""The append-only log: whole lines come back, a torn tail harms nobody."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import Run, read_history
from core.runs.log import LogReader, LogWriter, append_line
from core.training import events as e
from tests.conftest import Spawn
from tests.faults.layer import layer

FACTS = [
    e.RunStarted(1, "box", "finetui train"),
    e.StepsFinished(1, 2, (0.9, 0.8), 1e-4, 1.0, 32, 700, 0.2),
    e.Warned("tail — ☃", "é\u2028"),
    e.RunFinished("trained", False, 3.0),
]


def write(path: Path, lines: list[str]) -> None:
    writer = LogWriter(path)
    for line in lines:
        writer.append(line)
    writer.close()


def test_lines_come_back_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    reader = LogReader(path)
    assert reader.read() == []
    write(path, ["one", "two"])
    assert reader.read() == ["one", "two"]
    assert reader.read() == []
    append_line(path, "three")
    assert reader.read() == ["three"]


def test_cut_at_every_byte_gives_exactly_the_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, [e.encode(number, 1.0, fact) for number, fact in enumerate(FACTS, 1)] + ["é☃ not a fact"])
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        assert LogReader(path).read_all() == whole[:length].decode(errors="replace").split("\n")[:-1]


def test_a_run_cut_at_every_byte_is_read_and_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for fact in FACTS:
        run.record(fact)
    run.close()
    whole = run.events_path.read_bytes()
    for length in range(len(whole) + 1):
        run.events_path.write_bytes(whole[:length])
        kept = whole[:length].count(b"\n")
        assert [event for _, _, event in run.raw_records()] == FACTS[:kept]
        assert read_history(run).last_number == kept
        again = Run(tmp_path)
        again.record(e.RunPaused(2))
        again.close()
        # A line that lacks nothing but its end counts once it is ended: its content is whole.
        kept += whole[length : length + 1] == b"\n"
        assert [event for _, _, event in run.raw_records()] == [*FACTS[:kept], e.RunPaused(2)]
        assert [number for number, _, _ in run.raw_records()] == list(range(1, kept + 2))


def test_a_request_after_a_torn_tail_stands_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.control_path.write_bytes(b'{"ask":"st')
    run.ask("stop")
    assert json.loads(LogReader(run.control_path).read_all()[-1])["ask"] == "stop"


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)))), st.data())
def test_a_growing_log_read_at_any_moment(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        reader, found = LogReader(path), []
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with open(path, "ab") as handle:
                handle.write(whole[start:end])
            found += reader.read(limit=8)
        assert found + reader.read_all() == lines


def test_a_line_longer_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, ["short", "x" * 1000, "end"])
    reader = LogReader(path)
    found: list[str] = []
    while lines := reader.read(limit=16):
        found += lines
    assert found == ["short", "x" * 1000, "end"]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, ["a\x0bb\x85c\u2028d\re"])
    assert LogReader(path).read() == ["a\x0bb\x85c\u2028d\re"]


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for fact in FACTS:
        run.record(fact)
    run.close()
    lines = run.events_path.read_bytes().split(b"\n")
    lines[1] = b"\xff\x00 garbage \xc3"
    run.events_path.write_bytes(b"\n".join(lines))
    assert [(number, event) for number, _, event in run.raw_records()] == [
        (1, FACTS[0]), (3, FACTS[2]), (4, FACTS[3]),
    ]  # fmt: skip


def test_lines_of_many_writers_do_not_mix(tmp_path: Path, spawn: Spawn) -> None:
    script = (
        "import sys; from pathlib import Path; from core.runs.log import append_line\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for n in range(200): append_line(Path(sys.argv[1]), f'{sys.argv[2]} {n} ' + sys.argv[2] * 300)"
    )
    path = tmp_path / "log"
    children = [spawn(script, path, name) for name in "abcd"]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children:
        child.communicate("go\n")
    found = LogReader(path).read_all()
    assert sorted(found) == sorted(f"{name} {n} {name * 300}" for name in "abcd" for n in range(200))


def test_a_full_disk_is_told_and_leaves_no_part_of_a_line(tmp_path: Path, spawn: Spawn) -> None:
    """The limit on a file's size makes the system write a part of a line, as a full disk does."""
    script = """
import resource, sys
from pathlib import Path
from core.runs.log import LogWriter
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
writer = LogWriter(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
written = 0
try:
    while True:
        writer.append("x" * 299)
        written += 1
except OSError:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
torn = not open(sys.argv[1]).read().endswith("\\n")
writer.append("after")
print(written, torn)
"""
    out, _ = spawn(script, tmp_path / "log").communicate()
    assert out == "3 False\n"
    assert LogReader(tmp_path / "log").read_all() == ["x" * 299] * 3 + ["after"]


def test_a_fact_that_lacked_only_its_end_is_not_there_twice(tmp_path: Path, spawn: Spawn) -> None:
    """The disk is full one byte before the end: the same fact, written again with room, has its number alone."""
    script = """
import resource, sys
from pathlib import Path
from core.runs.log import LogWriter
writer = LogWriter(Path(sys.argv[1]))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (len("the fact"), hard))
try:
    writer.append("the fact")
except OSError as full:
    print(full.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
writer.append("the fact")
"""
    out, _ = spawn(script, tmp_path / "log").communicate()
    assert out == "28\n"
    assert LogReader(tmp_path / "log").read_all() == ["the fact"]


def test_what_is_synced_is_found_under_its_name(tmp_path: Path) -> None:
    with layer(tmp_path) as calls:
        writer = LogWriter(tmp_path / "log")
        writer.append("a line")
        writer.sync()
        assert [call.path for call in calls if call.kind == "fsync"] == [str(tmp_path), str(tmp_path / "log")]
        writer.close()


def test_facts_wait_for_room_and_the_reserve_gives_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, real, full = Run(tmp_path), LogWriter.append, {"is": False}
    reserve = tmp_path / ".reserve"

    def append(self: LogWriter, line: str) -> None:
        if full["is"] and not reserve.exists():  # what the reserve gave is used up by one fact
            raise OSError(28, "No space left on device")
        if full["is"] and reserve.stat().st_size:
            raise OSError(28, "No space left on device")
        real(self, line)

    monkeypatch.setattr(LogWriter, "append", append)
    run.reserve()
    run.record(FACTS[0])
    full["is"] = True
    run.record(FACTS[1])
    assert not reserve.exists()  # given back, so that the log may grow
    run.record(FACTS[2])
    with pytest.raises(OSError, match="No space"):
        run.close()  # an end that nobody can read is no end
    full["is"] = False
    run.record(e.Heartbeat(1, 1.0))
    run.close()
    records = run.raw_records()
    assert [number for number, _, _ in records] == [1, 2, 3, 4]
    assert [fact for _, _, fact in records][:3] == FACTS[:3]

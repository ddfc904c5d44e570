"""Following a run that a real process writes: every fact once, in order, and an end when it ends."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import RunConfig
from core.runs import Batch, Run, RunState, RunStore, follow, read_history, replay
from core.training import events as e
from tests.conftest import Spawn

WRITER = """
import sys
from pathlib import Path
from core.runs import Run
from core.training import events as e
run, step = Run(Path(sys.argv[1])), 0
with run.lock():
    print("held", flush=True)
    for line in sys.stdin:
        what, count = line.split()
        if what == "steps":
            for _ in range(int(count)):
                step += 1
                run.record(e.StepsFinished(step, step, (1 / step,), 1e-4, 1.0, 16, 300, 0.01))
        elif what == "resume":
            step = int(count)
            run.record(e.RunResumed(step, True))
        else:
            run.record(e.RunFinished("trained", what == "stop", 1.0))
            break
    run.close()
"""


class Writer:
    """A process that owns a run and records what it is told to."""

    def __init__(self, run: Run, child: subprocess.Popen[str]) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        self.run, self.child, self._in = run, child, child.stdin
        assert child.stdout.readline() == "held\n"

    def tell(self, *lines: str) -> None:
        for line in lines:
            print(line, file=self._in, flush=True)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()


@pytest.fixture
def writer(store: RunStore, spawn: Spawn) -> Writer:
    run = store.create(RunConfig(), "one")
    return Writer(run, spawn(WRITER, run.path))


def numbers(batches: Iterator[Batch] | list[Batch]) -> list[int]:
    return [record.number for batch in batches for record in batch.records]


def test_every_fact_once_and_in_order_until_the_end(writer: Writer) -> None:
    found: list[Batch] = []
    for batch in follow(writer.run):
        if not found:
            assert (batch.records, batch.state) == ((), RunState.RUNNING)
            writer.tell("steps 3000", "finish 0")
        found.append(batch)
    assert numbers(found) == list(range(1, 3002))
    assert found[-1].state is RunState.FINISHED
    assert isinstance(found[-1].records[-1].event, e.RunFinished)


def test_what_was_there_before_comes_first_and_then_what_is_new(writer: Writer) -> None:
    writer.tell("steps 40")
    seen, fed = [], False
    for batch in follow(writer.run):
        seen += [record.number for record in batch.records]
        if len(seen) == 40 and not fed:
            fed = True
            writer.tell("steps 2", "stop 0")
    assert seen == list(range(1, 44))
    assert writer.run.state() is RunState.STOPPED


def test_two_readers_see_the_same(writer: Writer) -> None:
    found: list[list[int]] = [[], []]

    def read(place: int) -> None:
        found[place] = numbers(follow(writer.run))

    readers = [threading.Thread(target=read, args=(place,)) for place in (0, 1)]
    for reader in readers:
        reader.start()
    writer.tell("steps 500", "finish 0")
    for reader in readers:
        reader.join()
    assert found[0] == found[1] == list(range(1, 502))


def test_a_killed_writer_is_interrupted(writer: Writer) -> None:
    writer.tell("steps 5")
    seen, states = 0, []
    for batch in follow(writer.run):
        seen += len(batch.records)
        states.append(batch.state)
        if seen == 5 and batch.state is RunState.RUNNING:
            writer.kill()
    assert states[-1] is RunState.INTERRUPTED
    assert seen == 5


def test_a_line_cut_by_a_kill_is_no_fact_and_the_next_process_goes_on(writer: Writer, spawn: Spawn) -> None:
    writer.tell("steps 5")
    for batch in follow(writer.run):
        if batch.records and batch.records[-1].number == 5:
            break
    writer.kill()
    with open(writer.run.events_path, "ab") as log:
        log.write(b'{"n":6,"t":17')
    assert numbers(follow(writer.run)) == [1, 2, 3, 4, 5]
    again = Writer(writer.run, spawn(WRITER, writer.run.path))
    again.tell("resume 3", "steps 4", "finish 0")
    assert numbers(follow(writer.run)) == list(range(1, 12))
    history = read_history(writer.run)
    assert history.loss_steps == list(range(1, 8))
    assert len(history.losses) == 7
    assert isinstance(history.end, e.RunFinished)


def test_cancelling_ends_a_follower_that_waits(writer: Writer) -> None:
    cancelled, first = threading.Event(), threading.Event()

    def read() -> None:
        for _ in follow(writer.run, cancelled):
            first.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert first.wait(30)
    cancelled.set()
    reader.join(30)
    assert not reader.is_alive()
    assert list(follow(writer.run, cancelled)) == []


def test_a_run_that_is_deleted_ends(writer: Writer, store: RunStore) -> None:
    writer.tell("steps 1")
    states = []
    for batch in follow(writer.run):
        states.append(batch.state)
        if batch.records:
            writer.run.path.rename(store.root / "elsewhere")
    assert states[-1] is RunState.INTERRUPTED


def test_a_finished_run_is_one_batch(store: RunStore) -> None:
    run = store.create(RunConfig(), "one")
    for fact in (e.RunStarted(1, "box", ""), e.RunFailed("DataError", "no", "", "")):
        run.record(fact)
    run.close()
    (batch,) = follow(run)
    assert batch.state is RunState.FAILED
    assert batch.records == tuple(replay(run))
    assert [record.number for record in batch.records] == [1, 2]


@pytest.mark.parametrize("ended", [True, False])
def test_a_log_of_many_megabytes_is_read_to_its_end(store: RunStore, ended: bool) -> None:
    run = store.create(RunConfig(), "one")
    line = e.encode(1, 1.0, e.StepsFinished(1, 9000, (0.123456,) * 9000, 1e-4, 1.0, 16, 300, 0.01))
    count = (10 << 20) // len(line)
    with open(run.events_path, "w") as log:
        for number in range(1, count + 1):
            log.write(line.replace('"n":1', f'"n":{number}', 1) + "\n")
        if ended:
            log.write(e.encode(count + 1, 2.0, e.RunFinished("trained", False, 1.0)) + "\n")
    assert numbers(follow(run)) == list(range(1, count + 1 + ended))


def test_a_run_never_started_waits_and_is_left_by_cancelling(tmp_path: Path) -> None:
    run = RunStore(tmp_path).create(RunConfig(), "one")
    cancelled = threading.Event()
    for batch in follow(run, cancelled):
        assert (batch.records, batch.state) == ((), RunState.QUEUED)
        cancelled.set()

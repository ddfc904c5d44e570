"""A log is cut at every byte and garbled anywhere: what is whole is read, and the next fact is numbered on."""

from __future__ import annotations

import random
from pathlib import Path

from core.runs import Run, read_history
from core.runs.log import LogReader
from core.training import events as e
from tests.faults.folders import unsynced
from tests.faults.score import Score, Tally

NAME = "torn-log"
WHAT = "a log of facts cut at every byte, or with bytes garbled anywhere"

SCORES = e.Scores(10, 0.8, 0.7, 0.75, (0.9, 0.5), 0.4)
NEXT = e.Warned("the next one")


def _facts(steps: int) -> list[e.Event]:
    facts: list[e.Event] = [
        e.RunStarted(1, "box", "finetui train"),
        e.StageChanged("read", "caf\u00e9 \u2028 \u2603.csv"),
        e.DataReady("sample", ("bad", "good"), 20, 20, (5, 5), (3, 3), (2, 2)),
        e.BaselinesScored(SCORES, SCORES),
    ]
    for step in range(1, steps + 1):
        facts += [
            e.StepsFinished(step, step, (round(1 / step, 3),), 1e-4, 1.0, 32, 700, 0.2),
            e.EvalFinished(step, 1.0, True, SCORES, 0.1),
        ]
    return [*facts, e.ModelSaved(steps, 1.0, "macro_f1", 0.7), e.RunFinished("trained", False, 3.0)]


def _log(run: Run, facts: list[e.Event]) -> bytes:
    for fact in facts:
        run.record(fact)
    run.close()
    return run.events_path.read_bytes()


def _check_cut(run: Run, whole: bytes, length: int, facts: list[e.Event], tally: Tally) -> None:
    run.events_path.write_bytes(whole[:length])
    kept = whole[:length].count(b"\n")
    tally.tries += 1
    if len(LogReader(run.events_path).read_all()) != kept or [one for *_, one in run.raw_records()] != facts[:kept]:
        tally.missed(f"cut at {length}: whole facts were not read")
    if read_history(run).last_number != kept:
        tally.spoiled(f"cut at {length}: the history ends with {read_history(run).last_number}, not {kept}")
    again = Run(run.path)
    again.record(NEXT)
    again.close()
    kept += whole[length : length + 1] == b"\n"  # a line that lacks nothing but its end counts once it is ended
    found = run.raw_records()
    if [one for *_, one in found] != [*facts[:kept], NEXT] or [number for number, *_ in found] != [*range(1, kept + 2)]:
        tally.spoiled(f"cut at {length}: the next fact did not follow on")


def _garbled(lines: list[bytes], chance: random.Random) -> tuple[set[int], bytes]:
    """The lines hit, and the log: some bytes of one line become others, or a part of it goes, or its end."""
    hit = chance.randrange(len(lines))
    line = bytearray(lines[hit])
    match chance.randrange(4):
        case 0:
            for _ in range(chance.randint(1, 8)):
                line[chance.randrange(len(line))] = chance.choice([0, 10, 13, 34, 92, 125, 255, chance.randrange(256)])
        case 1:
            begin = chance.randrange(len(line))
            del line[begin : begin + chance.randint(1, 40)]
        case 2:
            line[:] = bytes(len(line))  # pages that never reached the disk
        case _:
            line[:] = chance.randbytes(len(line))
    ended = [*lines[:hit], bytes(line), *lines[hit + 1 :]]
    return {hit}, b"".join(one + b"\n" for one in ended)


def _check_garbled(run: Run, lines: list[bytes], facts: list[e.Event], chance: random.Random, tally: Tally) -> None:
    hit, content = _garbled(lines, chance)
    run.events_path.write_bytes(content)
    tally.tries += 1
    try:
        found = run.raw_records()
        read_history(run)
        run.state()
        again = Run(run.path)
        again.record(NEXT)
        again.close()
        after = run.raw_records()
    except Exception as error:  # noqa: BLE001 - any error is one too many
        tally.spoiled(f"a garbled line {hit}: {error!r}")
        return
    numbers = {number: fact for number, _, fact in found}
    lost = [at for at in range(len(lines)) if at not in hit and facts[at] not in [one for *_, one in found]]
    if lost:
        tally.missed(f"line {lost[0]} went with line {hit}; numbers {sorted(numbers)[:3]}")
    if after[-1][2] != NEXT or after[-1][0] <= len(lines) - 1:
        tally.spoiled(f"after a garbled line {hit} the next fact got number {after[-1][0]} of {len(lines)}")


def run(tries: int, folder: Path, *, steps: int = 0, seed: int = 0) -> Score:
    """Cut a log at every byte, then garble it `tries` times. It has 6 + 2 * `steps` facts; 0 stands for 1 or 12."""
    tally, chance = Tally(), random.Random(seed)
    facts = _facts(steps or (12 if tries > 1000 else 1))
    run = Run(folder)
    with unsynced():
        whole = _log(run, facts)
        for length in range(len(whole) + 1):
            _check_cut(run, whole, length, facts, tally)
        for _ in range(tries):
            _check_garbled(run, whole.splitlines(), facts, chance, tally)
    return tally.score(NAME, WHAT, f"{len(whole) + 1} cuts, {tries} garbled logs of {len(facts)} facts")

"""Lost lines: the screen in a real terminal that is hung up at random moments, while a trainer works that it started.

Each time the screen must be gone at once without a word of a crash, nothing of it may live on but the trainer, and the
trainer must go on: the next screen, in another terminal, shows the same run, and its history has no gap.
`python -m tests.faults.hangups RUNS [CONFIG]` is the screen itself, begun from a configuration with a tiny model.
"""

from __future__ import annotations

import faulthandler
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from core.config import dumps
from core.launch import child_environment
from core.runs import Run, RunState, RunStore, follow
from core.training.events import StepsFinished
from tests.core.test_session import config_for, write_reviews
from tests.faults.score import Score, Tally
from tests.terminal.emulator import Terminal

WHAT = "a terminal hung up at a random moment: screen gone, nothing left behind, the trainer and its history whole"

GO, LAUNCH = "\x07", "\x12"  # ctrl+g, ctrl+r

TRIES_PER_RUN = 7
"""Hang-ups that one trainer lives through before another one is started."""


class Bench:
    """One runs folder, the run that trains there, and the terminals that are lost."""

    def __init__(self, folder: Path, seed: int, limit: float) -> None:
        self.chance, self.limit, self.tally = random.Random(seed), limit, Tally()
        self.store, self.folder = RunStore(folder / "runs"), folder
        self.mark = f"FINETUI_HANGUPS={uuid4().hex}"
        config = config_for(folder, write_reviews(folder / "reviews.csv", 400), epochs=1000)
        (folder / "config.toml").write_text(dumps(config), encoding="utf-8")
        self.run: Run | None = None
        self.tried = 0
        self.slowest = 0.0

    def screen(self, *, fresh: bool = False) -> Terminal:
        """A screen in a new terminal; `fresh`: on the data, else it opens on the run that trains."""
        name, _, value = self.mark.partition("=")
        words = [str(self.store.root), *([str(self.folder / "config.toml")] if fresh else [])]
        here = {name: value, "XDG_STATE_HOME": str(self.folder / "state")}
        paths = {key: value for key, value in child_environment().items() if key == "PYTHONPATH"}
        return Terminal([sys.executable, "-P", "-m", "tests.faults.hangups", *words], **here, **paths)

    def watch(self) -> Terminal:
        """A screen that shows the run, which one launches first where none trains; its history is that of the log."""
        if self.run is None or self.tried >= TRIES_PER_RUN or not self.run.state().is_live:
            self.end_run()
            terminal = self.screen(fresh=True)
            self._launch(terminal)
            terminal.wait(lambda text: "seq/s" in text, 120)
            self._find_run()
            return terminal
        before = last_step(self.run)
        terminal = self.screen()
        try:
            terminal.wait(
                lambda text: self.run is not None and self.run.name in text and shown_step(text) >= before, 60
            )
        except TimeoutError as never:
            self.tally.missed(f"a new screen did not show step {before} of the run: {never}")
        return terminal

    def _launch(self, terminal: Terminal) -> None:
        terminal.wait(lambda text: "2 classes" in text, 60)
        terminal.send(LAUNCH)

    def _find_run(self) -> None:
        live = self.store.live()
        self.run, self.tried = (live[0] if live else None), 0

    def lose(self, terminal: Terminal, when: str, seconds: float) -> None:
        """Hang up after a random time of at most `seconds`, and look at what is left."""
        end = time.monotonic() + self.chance.uniform(0, seconds)
        while (left := end - time.monotonic()) > 0 and not terminal.ended:
            terminal.pump(left)
        before = last_step(self.run) if self.run else 0
        self.tally.tries += 1
        self.tried += 1
        if not terminal.ended:
            try:
                self.slowest = max(self.slowest, terminal.hang_up(self.limit, signal.SIGUSR2))
            except TimeoutError:
                where = (self.folder / "stack.txt").read_text()[-1500:]
                self.tally.spoiled(f"{when}: the screen was not gone within {self.limit:g} s: {where}")
        if terminal.code not in (0, 2, -signal.SIGHUP, -signal.SIGKILL) or b"Traceback" in terminal.raw:
            self.tally.spoiled(f"{when}: it ended with {terminal.code}: {terminal.text()[-300:]}")
        self._look_for_orphans(when)
        if self.run is not None:
            self._look_at_run(self.run, before, when)

    def _look_for_orphans(self, when: str) -> None:
        end = time.monotonic() + self.limit
        while left := self._children():
            if time.monotonic() > end:
                self.tally.spoiled(f"{when}: left behind {left}")
                return
            time.sleep(0.02)

    def _children(self) -> list[str]:
        """Every process that inherited our mark and is no trainer."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    words = (path / "cmdline").read_bytes().split(b"\0")
                    if words != [b""] and b"work" not in words:
                        found.append(f"{path.name}: {b' '.join(words).decode(errors='replace')}")
            except OSError:
                continue
        return found

    def _look_at_run(self, run: Run, before: int, when: str) -> None:
        try:
            wait_for(lambda: not run.state().is_live or last_step(run) > before, 60)
        except TimeoutError:
            self.tally.missed(f"{when}: the trainer made no step after {before}")
        if run.state() in (RunState.INTERRUPTED, RunState.FAILED):
            self.tally.missed(f"{when}: the run is {run.state()}")
            self.run = None
        for fault in faults_of(run):
            self.tally.missed(f"{when}: {fault}")
        if "Traceback" in run.log_path.read_text():
            self.tally.spoiled(f"{when}: a traceback in the run's log")

    def end_run(self) -> None:
        """Stop the run that trains and look at all of it once more."""
        if self.run is None:
            return
        if self.run.state().is_live:
            self.run.ask("stop")
            for _ in follow(self.run):
                pass
        if self.run.state() not in (RunState.STOPPED, RunState.FINISHED):
            self.tally.missed(f"the run could not be stopped: it is {self.run.state()}")
        for fault in faults_of(self.run):
            self.tally.missed(fault)
        self.run = None

    # The moments

    def while_it_opens(self) -> None:
        """Before anything is painted, or just then."""
        self.lose(self.screen(), "opening", 1.5)

    def while_a_run_starts(self) -> None:
        """Between ctrl+r and the first steps: there is a run that trains, or there never was one."""
        self.end_run()
        known = set(self.store.names())
        terminal = self.screen(fresh=True)
        self._launch(terminal)
        self.lose(terminal, "launching", 3.0)
        for name in set(self.store.names()) - known:
            self.run, self.tried = self.store.open(name), 1
            self._look_at_run(self.run, 0, "launching")
        if [path for path in self.store.root.glob("[!.]*") if not (path / "run.toml").is_file()]:
            self.tally.spoiled("launching: a run folder without its configuration")

    def in_a_room(self) -> None:
        """In one of the five rooms, while it opens or after."""
        terminal = self.watch()
        terminal.send(GO + self.chance.choice("12345"))
        self.lose(terminal, "in a room", 1.0)

    def in_a_dialog(self) -> None:
        """While a dialog lies over the room."""
        terminal = self.watch()
        terminal.send(self.chance.choice(["q", "?", ":", GO, "\x10"]))
        self.lose(terminal, "in a dialog", 0.7)

    def while_it_trains(self) -> None:
        """Looking on."""
        self.lose(self.watch(), "looking on", 1.0)

    def while_leaving(self) -> None:
        """Between the key that leaves and the end."""
        terminal = self.watch()
        terminal.send(self.chance.choice(["b", "q\r", "\x03\r"]))
        self.lose(terminal, "leaving", 0.6)


MOMENTS: tuple[Callable[[Bench], None], ...] = (
    Bench.in_a_room, Bench.while_leaving, Bench.while_it_opens, Bench.in_a_dialog, Bench.while_it_trains,
    Bench.in_a_room, Bench.while_a_run_starts, Bench.in_a_dialog, Bench.while_leaving, Bench.in_a_room,
)  # fmt: skip


def run(tries: int, folder: Path, *, seed: int = 0, limit: float = 2.0) -> Score:
    """Lose the line so many times. `limit`: seconds that a screen, and what it started, may take to be gone."""
    bench = Bench(folder, seed, limit)
    try:
        while bench.tally.tries < tries:
            MOMENTS[bench.tally.tries % len(MOMENTS)](bench)
        with bench.watch():  # once more from another terminal
            pass
        bench.end_run()
    finally:
        for live in bench.store.live():
            live.ask("kill")
    if list((folder / "state").rglob("crash.log")):
        bench.tally.spoiled("a crash was written down")
    return bench.tally.score("hang-ups", WHAT, f"slowest end {bench.slowest:.2f} s")


def last_step(run: Run) -> int:
    """The newest step in the log."""
    steps = [fact.last for _, _, fact in run.raw_records() if isinstance(fact, StepsFinished)]
    return steps[-1] if steps else 0


def shown_step(text: str) -> int:
    """The step that the Train room shows, -1 for none."""
    found = re.search(r"step ([\d\u2009]+)/", text)
    return int(found[1].replace("\u2009", "")) if found else -1


def faults_of(run: Run) -> list[str]:
    """What is wrong with a history: numbers with a gap or double, steps that are missing or counted twice."""
    records = run.raw_records()
    numbers = [number for number, _, _ in records]
    steps = [at for _, _, fact in records if isinstance(fact, StepsFinished) for at in range(fact.first, fact.last + 1)]
    found = [] if numbers == list(range(1, len(numbers) + 1)) else ["the facts have a gap"]
    return found if steps == list(range(1, len(steps) + 1)) else [*found, "the steps have a gap"]


def wait_for(true: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def main() -> None:
    """The screen, as `finetui` opens it."""
    from core.config import load
    from tui import terminal
    from tui.__main__ import open_screen

    words = [Path(word) for word in sys.argv[1:]]
    faulthandler.register(signal.SIGUSR2, file=open(words[0].parent / "stack.txt", "w"))  # noqa: SIM115
    if terminal.why_none():  # the line was lost before there was a program to hear of it
        sys.exit(2)
    open_screen(words[0], load(words[1]) if len(words) > 1 else None)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    main()

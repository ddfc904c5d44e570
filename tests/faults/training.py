"""A trainer is killed at random moments of training and saving, again and again, and goes on each time.

A server process imports the heavy libraries once and forks a trainer for each life; a few lives are real processes.
Every step offers a checkpoint, so that most moments are moments of saving. After each kill every visible checkpoint
must be whole, what was acknowledged must be there, and the run that comes to its end must equal the unbroken one: the
same weights bit by bit, and a history with each step once.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.launch import start
from core.runs import Run, RunState, RunStore, epochs, follow, read_history
from core.runs.atomic import recover_dir, sha256_of, verify_dir
from core.runs.checkpoints import listed, newest, tidy
from core.training import events as e
from tests.core.test_session import config_for, write_reviews
from tests.faults.score import Score, Tally

ROWS, EPOCHS = 160, 6
REAL = 20
"""Lives in processes of their own, in the long form."""


def forked(run: Run) -> int:
    """Start the trainer of `run` in a fork of this process, a checkpoint offered at every step; returns its number."""
    child = os.fork()
    if child:
        return child
    try:
        log = os.open(run.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from core.training import checkpoint, loop, worker

        loop.READ_BACK = loop.CHECKPOINT_EVERY = -1.0
        checkpoint.REST = 0.0
        code = worker.work(run)
        sys.stdout.flush()
        os._exit(code)
    finally:
        os._exit(70)


def warm_up() -> None:
    """Import what a trainer imports, and start no thread that a fork would lose."""
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import torch
    import transformers

    torch.set_num_threads(1)
    assert sklearn
    assert transformers.AutoModelForSequenceClassification
    from core.data.dataset import load_dataset
    from core.data.split import split_rows
    from core.modelling.build import build_model
    from core.training import checkpoint, loop, prepare

    assert all((load_dataset, split_rows, build_model, checkpoint, loop, prepare))


class Lives:
    """Runs that are killed again and again, and what is found after each kill."""

    def __init__(self, folder: Path, chance: random.Random, tally: Tally) -> None:
        self._folder, self._chance, self._tally = folder, chance, tally
        self._store = RunStore(folder / "runs")
        config = config_for(
            folder, write_reviews(folder / "reviews.csv", ROWS), epochs=EPOCHS, device="cpu", save_epochs=True
        )
        self._config = replace(config, model=replace(config.model, dropout=0.2))
        self.finished = 0
        began = time.monotonic()
        whole = self._store.create(self._config, "unbroken")
        os.waitpid(forked(whole), 0)
        self._life = time.monotonic() - began
        if whole.state() is not RunState.FINISHED:
            raise RuntimeError(f"the unbroken run is {whole.state()}: {whole.log_path.read_text()[-2000:]}")
        self._expected = self._fruit(whole)
        if len(self._expected[0]) != 1 + EPOCHS:
            raise RuntimeError(f"it kept {len(self._expected[0]) - 1} epochs of {EPOCHS}")
        self._steps = len(read_history(whole).losses)

    def _fruit(self, run: Run) -> tuple[list[str], list[float]]:
        """What a run comes to: the digests of its best weights and of those of every epoch, and its losses."""
        places = [run.model_path, *(epochs.place_of(run.path, epoch) for epoch in epochs.kept(run.path))]
        return [sha256_of(place / "model.safetensors") for place in places], read_history(run).losses

    def one_run(self, kills: int, real: int) -> int:
        """Kill one run until it is finished, or `kills` are done: the first `real` of them in real processes."""
        run = self._store.create(self._config, f"run-{self.finished}-{self._tally.tries}")
        done = 0
        while True:
            if self._live(run, real=done < real, kill=done < kills):
                done += 1
                self._tally.tries += 1
                self._look(run)
                continue
            self.finished += 1
            self._compare(run)
            return done

    def _live(self, run: Run, *, real: bool, kill: bool) -> bool:
        """Let a trainer live for a random time; True when it was killed, False when it came to its end."""
        if real:
            said = len(run.raw_records())
            child = start(run).pid
            self._trains(run, said)
            spent = self._chance.uniform(0.0, 0.5) * self._life
        else:
            child = forked(run)
            spent = self._chance.uniform(0.2, 1.0) * self._life
        until = time.monotonic() + spent
        while not kill or time.monotonic() < until:
            if self._is_over(child, run, real=real):
                return False
            time.sleep(0.002)  # the moment of the kill is random: nothing is awaited by it
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):  # the waiting thread of a launched one may have been first
            os.waitpid(child, 0)
        return run.state() not in (RunState.FINISHED, RunState.FAILED)

    def _trains(self, run: Run, said: int) -> None:
        """Wait until the trainer that was started after so many facts has come to its steps."""
        for _ in follow(run):
            facts = [fact for _, _, fact in run.raw_records()[said:]]
            if any(isinstance(fact, e.StageChanged) and fact.stage == "train" for fact in facts):
                return

    def _is_over(self, child: int, run: Run, *, real: bool) -> bool:
        if real:
            return run.state() in (RunState.FINISHED, RunState.FAILED)
        return os.waitpid(child, os.WNOHANG)[0] != 0

    def _look(self, run: Run) -> None:
        """What is there after a kill: all that is visible is whole, all that was acknowledged is there."""
        tidy(run.path)
        epochs.tidy(run.path)
        recover_dir(run.model_path)
        for epoch in epochs.kept(run.path):
            try:
                verify_dir(epochs.place_of(run.path, epoch))
            except Exception as broken:  # noqa: BLE001 - whatever is wrong is counted
                self._tally.spoiled(f"epoch {epoch}: {broken!r}")
        for one in listed(run.path):
            try:
                verify_dir(one.path)
            except Exception as broken:  # noqa: BLE001 - whatever is wrong is counted
                self._tally.spoiled(f"checkpoint of step {one.step}: {broken!r}")
        facts = [fact for _, _, fact in run.raw_records()]
        kept = [fact.step for fact in facts if isinstance(fact, e.CheckpointSaved)]
        found, _ = newest(run.path, contents=True)
        if kept and (found is None or found.step < kept[-1]):
            self._tally.missed(f"a checkpoint of step {kept[-1]} was acknowledged, there is {found}")
        if any(isinstance(fact, e.ModelSaved) for fact in facts):
            try:
                verify_dir(run.model_path)
            except Exception as broken:  # noqa: BLE001
                self._tally.missed(f"the best weights: {broken!r}")

    def _compare(self, run: Run) -> None:
        """A run that came to its end equals the unbroken one."""
        if run.state() is not RunState.FINISHED:
            self._tally.missed(f"{run.name} is {run.state()}: {run.newest()}")
            return
        history = read_history(run)
        if history.loss_steps != list(range(1, self._steps + 1)):
            self._tally.spoiled("the history has a gap or a step twice")
        if self._fruit(run) != self._expected:
            self._tally.spoiled(f"{run.name} does not equal the unbroken run")
        if listed(run.path):  # killed between its last fact and the tidying: the next owner does that
            os.waitpid(forked(run), 0)
        if listed(run.path):
            self._tally.spoiled("a finished run still has checkpoints")
        if any(not one.exact for one in history.resumed):
            self._tally.spoiled(f"not exact: {history.resumed}")


def run(tries: int, folder: Path) -> Score:
    """Kill a trainer `tries` times; of every run the end is compared with the unbroken one."""
    warm_up()
    tally, real = Tally(), min(REAL, tries // 6)
    lives = Lives(folder, random.Random(7), tally)
    while tally.tries < tries:
        lives.one_run(tries - tally.tries, real - tally.tries)
    note = f"{lives.finished} runs came to their end; {real} kills of real processes, the others of forks"
    return tally.score("kills-training", "SIGKILL in training and saving, then resumed: equal to the bit", note)

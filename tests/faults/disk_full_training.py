"""A small disk fills up while a run trains on it, at every point where training saves something.

The trainer must go on, say what it could not save once there is room again, and end as the run on a roomy disk does;
one that never gets room must not say that it has finished. Where no tmpfs may be mounted it counts as not tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from core.launch import child_environment, start
from core.runs import Run, RunState, RunStore, follow, read_history
from core.runs.atomic import sha256_of, verify_dir
from core.runs.checkpoints import listed, newest
from core.training import events as e
from tests.core.test_session import config_for, write_reviews
from tests.faults.score import Score, Tally

NAME, WHAT = "disk-full-training", "a real disk fills up while a run trains on it, for a while or for good"
SIZE = "80m"
EPOCHS = 40


class Disk:
    """A small disk, and the file that takes all of its room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Take all room, and what is given back a moment later too."""
        page = b"\0" * os.sysconf("SC_PAGE_SIZE")
        with open(self._filler, "ab", buffering=0) as filler:
            try:
                while filler.write(page) == len(page):
                    pass
            except OSError:
                return

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink(missing_ok=True)


def trained(run: Run, disk: Disk, full: Callable[[e.Event], bool], *, for_good: bool = False) -> RunState:
    """Train `run`; the disk is full from the first fact that `full` picks until the trainer says so, or for good."""
    child, is_full = start(run), False
    for batch in follow(run):
        if is_full and not for_good and any(isinstance(record.event, e.Warned) for record in batch.records):
            disk.free()
        if is_full and for_good:
            disk.fill()  # what is given back meanwhile, too
        if not is_full and any(full(record.event) for record in batch.records):
            disk.fill()
            is_full = True
    child.wait()
    disk.free()
    return run.state()


def _look(run: Run, tally: Tally, expected: str) -> None:
    """What must hold of a run that had room in the end."""
    history = read_history(run)
    if run.state() is not RunState.FINISHED:
        tally.missed(f"the run is {run.state()}: {run.newest()}")
        return
    verify_dir(run.model_path)
    if sha256_of(run.model_path / "model.safetensors") != expected:
        tally.spoiled("its weights are not those of a run that had room")
    numbers = [number for number, _, _ in run.raw_records()]
    if numbers != sorted(set(numbers)) or numbers[-1] != len(numbers):
        tally.missed("facts are gone")
    if history.loss_steps != list(range(1, len(history.losses) + 1)):
        tally.spoiled("its history has a gap")
    if not any("could" in fact.title for fact in history.warnings):
        tally.spoiled("nobody was told")


def tries(disk: Disk, most: int) -> Tally:
    """Fill the disk at the first step, at saved models, at checkpoints, at epochs; then for good."""
    tally, store = Tally(), RunStore(disk.folder / "runs")
    config = config_for(disk.folder, write_reviews(disk.folder / "reviews.csv"), epochs=EPOCHS, learning_rate=1e-3)
    roomy = store.create(config, "roomy")
    trained(roomy, disk, lambda fact: False)
    if roomy.state() is not RunState.FINISHED:
        raise RuntimeError(f"with room it is {roomy.state()}: {roomy.newest()}")
    expected = sha256_of(roomy.model_path / "model.safetensors")
    moments: list[Callable[[e.Event], bool]] = [
        lambda fact: isinstance(fact, e.StepsFinished),
        lambda fact: isinstance(fact, e.ModelSaved),
        lambda fact: isinstance(fact, e.CheckpointSaved),
        lambda fact: isinstance(fact, e.EpochFinished) and fact.epoch == EPOCHS // 2,
    ]
    for number, moment in enumerate(moments[:most]):
        run = store.create(config, f"for-a-while-{number}")
        trained(run, disk, moment)
        tally.tries += 1
        _look(run, tally, expected)
    run = store.create(config, "for-good")
    if trained(run, disk, moments[0], for_good=True) is RunState.FINISHED:
        _look(run, tally, expected)  # in the room that its own files gave back: then it is as whole as any
    tally.tries += 1
    if newest(run.path)[0] is None and listed(run.path):
        tally.missed("its checkpoints")
    trained(run, disk, lambda fact: False)  # with room it goes on
    if run.state() is not RunState.FINISHED:
        tally.missed(f"with room again it is {run.state()}: {run.newest()}")
    tally.tries += 1
    return tally


def run(tries: int, folder: Path) -> Score:
    """`tries`: how many moments at which the disk fills up."""
    here = folder / "small"
    here.mkdir()
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = f'mount -t tmpfs -o size={SIZE},mode=700 finetui-faults "$1" && shift && exec "$@"'
    child = [sys.executable, "-m", "tests.faults.disk_full_training", str(here), str(tries)]
    tally = Tally()
    found = subprocess.run(
        [*alone, "sh", "-c", script, "sh", str(here), *child],
        capture_output=True, text=True, env=child_environment(), check=False, timeout=1800,
    )  # fmt: skip
    lines = found.stdout.splitlines()
    if found.returncode or not lines:
        tally.spoiled(f"could not be tried: {found.stderr[-300:]}")
        return tally.score(NAME, WHAT)
    tally.tries, tally.invalid, tally.lost = map(int, lines[0].split())
    tally.found += [line for line in lines[1:] if line]
    return tally.score(NAME, WHAT, f"a tmpfs of {SIZE.upper()}B; weights, log and scores as on a roomy disk")


if __name__ == "__main__":
    done = tries(Disk(Path(sys.argv[1])), int(sys.argv[2]))
    print(done.tries, done.invalid, done.lost)
    print("\n".join(done.found))

"""Checkpoints on disk: written beside the training, read when a run goes on.

A snapshot is copied while the loop waits, and hashed, written and synced by a thread while it goes on. What is told of
is on the disk: `CheckpointSaved` comes after the commit.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.errors import RunError
from core.runs.atomic import commit_dir, sync_path
from core.runs.checkpoints import NOT_WRITTEN, Checkpoint, checkpoints_path, newest, place_of, prune
from core.text import safe
from core.training import events as e
from core.training.standing import Keep, Snapshot

TENSORS, FACTS = "state.safetensors", "progress.json"

REST = 9.0
"""Times as long as a checkpoint took to write, in which no other is begun unless it is urgent: where an epoch takes a
second, losing a few is cheaper than writing all the time."""

LONGEST_REST = 200.0
"""Seconds: what takes long to write is written every few minutes all the same."""


class Keeper:
    """Writes the checkpoints of one run, one at a time."""

    def __init__(self, run: Path) -> None:
        """`run`: its folder."""
        self._run = run
        self._thread: threading.Thread | None = None
        self._facts: SimpleQueue[e.Event] = SimpleQueue()
        self._trouble = ""
        self._rest_until = 0.0

    def offer(self, keep: Keep) -> None:
        """Write this one, unless that would take more than a tenth of the time; an urgent one always.

        Raises what `keep.take` does.
        """
        if not keep.urgent and time.monotonic() < self._rest_until:
            return
        self.wait()
        snapshot = keep.take()
        self._rest_until = math.inf
        self._thread = threading.Thread(target=self._write, args=(snapshot, keep), name="keeper", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Until what was offered is written, or has failed; at most so many seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    def news(self) -> Iterator[e.Event]:
        """What has become of checkpoints since this was asked last."""
        while True:
            try:
                yield self._facts.get_nowait()
            except Empty:
                return

    def _write(self, snapshot: Snapshot, keep: Keep) -> None:
        began = time.perf_counter()
        if (fact := self._result(snapshot, keep, began)) is not None:
            self._facts.put(fact)
        self._rest_until = time.monotonic() + min(REST * (time.perf_counter() - began), LONGEST_REST)

    def _result(self, snapshot: Snapshot, keep: Keep, began: float) -> e.Event | None:
        try:
            size = write(self._run, snapshot)
        except Exception as failed:  # noqa: BLE001  # the border of a thread: training goes on, and the next is tried
            why = safe(getattr(failed, "strerror", None) or str(failed) or type(failed).__name__)[:200]
            known, self._trouble = why == self._trouble, why
            if known and not keep.urgent:  # said once, and not every five minutes, but to whoever asks
                return None
            step = newest(self._run)[0]
            last = f"the last one is of step {step.step}" if step else "there is none yet"
            return e.Warned(NOT_WRITTEN, f"{why}. Training goes on; {last}.")
        self._trouble = ""
        return e.CheckpointSaved(snapshot.step, keep.epoch, size, round(time.perf_counter() - began, 3))


def write(run: Path, snapshot: Snapshot) -> int:
    """Commit `snapshot` as a checkpoint of `run`, remove those it replaces, and return its size in bytes.

    Raises `OSError` or `SafetensorError`; older checkpoints are still there then.
    """
    checkpoints_path(run).mkdir(mode=0o700, exist_ok=True)
    sync_path(run)  # a commit makes durable what lies in that folder, not the folder itself
    with commit_dir(place_of(run, snapshot.step)) as folder:
        save_file(snapshot.tensors, folder / TENSORS)
        (folder / FACTS).write_text(json.dumps(snapshot.facts), encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir())
    prune(run)
    return size


def read(checkpoint: Checkpoint) -> Snapshot:
    """The snapshot in a checkpoint whose manifest holds. Raises `RunError`."""
    try:
        facts = json.loads((checkpoint.path / FACTS).read_text(encoding="utf-8"))
        if int(facts["format"]) != 1:
            raise RunError(
                f"The checkpoint of step {checkpoint.step} was made by a newer finetui",
                next_step="Go on with the version that made it, or a newer one.",
            )
        return Snapshot(load_file(checkpoint.path / TENSORS), facts)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as broken:
        raise RunError(f"{checkpoint.path.name} cannot be read", safe(str(broken))[:300]) from None

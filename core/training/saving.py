"""The best weights so far, on the disk as soon as there is room, in memory until then; and those of every epoch."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Any

from core.errors import DiskFullError
from core.runs import epochs
from core.runs.atomic import MANIFEST, commit_dir, sync_path
from core.runs.run import Run
from core.text import safe
from core.training import events as e

if TYPE_CHECKING:
    from core.training.job import Better, EpochDone
    from core.training.prepare import Prepared

SPARE = 64 << 20
"""Bytes beside the weights: logs, predictions, the tokenizer."""


class BestModel:
    """Keeps `model/` of one run at the best weights."""

    def __init__(self, run: Run, prepared: Prepared) -> None:
        self._run, self._prepared = run, prepared
        self._unsaved: tuple[Better, dict[str, Any]] | None = None
        self.step = -1
        """Step of the weights that this process has saved; -1: none."""

    def save(self, better: Better) -> Iterator[e.Event]:
        """Save the weights as they are now; where that fails they wait in memory, and training goes on."""
        yield from self._write(better, self._prepared.job.engine.state())

    def again(self) -> Iterator[e.Event]:
        """Try once more to save what is waiting."""
        if self._unsaved is not None:
            yield from self._write(*self._unsaved, first=False)

    def settle(self) -> None:
        """Raise `DiskFullError` when something still waits: a run whose best weights are nowhere is no success."""
        if self._unsaved is not None:
            raise DiskFullError(
                "The best weights could not be saved",
                f"{self._run.model_path} has no room for them.",
                f"Make room, then: finetui resume {self._run.name}",
            )

    def _write(self, better: Better, state: dict[str, Any], *, first: bool = True) -> Iterator[e.Event]:
        from safetensors import SafetensorError

        try:
            with commit_dir(self._run.model_path) as folder:
                _save(self._prepared, better, state, folder)
        except (OSError, SafetensorError) as failed:
            self._unsaved = better, state
            if first:
                yield e.Warned(
                    "The best weights so far could not be saved",
                    f"{_why(failed)}. They wait in memory and are saved when there is room; training goes on.",
                )
            return
        self._unsaved, self.step = None, better.step
        yield e.ModelSaved(better.step, better.epoch, better.metric, better.value)


class EpochModels:
    """Keeps the weights of every epoch of one run in `epochs/N/`, in the form of `model/`."""

    def __init__(self, run: Run, prepared: Prepared, best: BestModel) -> None:
        self._run, self._prepared, self._best = run, prepared, best
        self._has_told = False

    def save(self, done: EpochDone) -> Iterator[e.Event]:
        """Save the weights as they are now. Where that fails these are not kept, and training goes on.

        They do not wait in memory: they would be as many as there are epochs.
        """
        from safetensors import SafetensorError

        epoch = round(done.epoch)
        try:
            self._leave_room()
            epochs.epochs_path(self._run.path).mkdir(exist_ok=True)
            sync_path(self._run.path)  # a commit makes durable what lies in that folder, not the folder itself
            with commit_dir(epochs.place_of(self._run.path, epoch)) as folder:
                if self._best.step == done.step:  # these very weights have just been written
                    _copy(self._run.model_path, folder)
                else:
                    _save(self._prepared, done, self._prepared.job.engine.state(), folder)
        except (OSError, SafetensorError) as failed:
            if not self._has_told:
                self._has_told = True
                what = f"{_why(failed)}. They are not kept; those of later epochs are where there is room."
                yield e.Warned(f"The weights of epoch {epoch} could not be saved", f"{what} Training goes on.")
            return
        yield e.EpochSaved(epoch, done.step)

    def _leave_room(self) -> None:
        """Raise `OSError` when the best weights and a checkpoint would have no room beside one more epoch."""
        parameters, trained = self._prepared.sizes
        free = disk_usage(self._run.path).free
        if free < 2 * 4 * parameters + snapshot_bytes(parameters, trained) + SPARE:
            left = f"The {_size(free)} that are free are left for the best weights and for checkpoints"
            raise OSError(errno.ENOSPC, left)


def _save(prepared: Prepared, scored: Better | EpochDone, state: dict[str, Any], folder: Path) -> None:
    """Write the weights in `state`, and what is known of them, as transformers loads them."""
    from core.modelling.build import save_model

    facts = {
        "max_length": prepared.max_length,
        "label_names": list(prepared.dataset.label_names),
        "text_rules": list(prepared.text_rules),
        "base": prepared.base_origin,
        "step": scored.step,
        "epoch": scored.epoch,
        "value": scored.value if scored.metric != "loss" else -scored.value,
    }
    save_model(prepared.job.model, prepared.tokenizer, folder, facts, state)


def _copy(source: Path, folder: Path) -> None:
    """Make the files of a committed folder appear in `folder` too: as further names of the same, where that can be.

    No file of a committed folder is ever written to: it is replaced as a whole, so neither name changes the other.
    """
    for path in source.iterdir():
        if path.name == MANIFEST:
            continue
        try:
            os.link(path, folder / path.name)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, folder / path.name)


def _why(failed: Exception) -> str:
    return safe(getattr(failed, "strerror", None) or str(failed))[:200]


def room_needed(parameters: int, trained: int) -> tuple[int, int]:
    """(bytes without which nothing can be saved, bytes with checkpoints) of a run, while old and new lie side by side.

    Float32 weights twice; three checkpoints.
    """
    model = 2 * 4 * parameters + SPARE
    return model, model + 3 * snapshot_bytes(parameters, trained)


def snapshot_bytes(parameters: int, trained: int) -> int:
    """Size of a checkpoint, in memory until it is written: all weights, and two moments of those that are trained."""
    return 4 * (parameters + 2 * trained)


def check_room(run: Run, parameters: int, trained: int, epochs_to_keep: int = 0) -> Iterator[e.Event]:
    """Say what there is no room for. Raises `DiskFullError` when the model could not be saved.

    `epochs_to_keep`: epochs still to come whose weights are wanted too.
    """
    least, whole = room_needed(parameters, trained)
    each = epochs_to_keep * 4 * parameters
    free = disk_usage(run.path).free
    if free < least:
        raise DiskFullError(
            "There is no room on the disk for the model",
            f"{run.path} has {_size(free)} free, saving takes {_size(least)}.",
            "Make room, or keep the runs elsewhere: --runs DIR.",
        )
    if free < whole:
        yield e.Warned(
            "There is little room on the disk for checkpoints",
            f"{_size(free)} free, {_size(whole)} wanted: should this run be interrupted, it may have to begin again.",
        )
    if free < whole + each and epochs_to_keep:
        yield e.Warned(
            "There is little room on the disk for the weights of every epoch",
            f"{_size(free)} free, {_size(whole + each)} wanted: those of the later ones may not be kept.",
        )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.0f} MiB"

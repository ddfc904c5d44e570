"""The best weights so far, on the disk as soon as there is room, in memory until then."""

from __future__ import annotations

from collections.abc import Iterator
from shutil import disk_usage
from typing import TYPE_CHECKING, Any

from core.errors import DiskFullError
from core.runs.atomic import commit_dir
from core.runs.run import Run
from core.text import safe
from core.training import events as e

if TYPE_CHECKING:
    from core.training.job import Better
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
            self._commit(better, state)
        except (OSError, SafetensorError) as failed:
            self._unsaved = better, state
            if first:
                why = safe(getattr(failed, "strerror", None) or str(failed))[:200]
                yield e.Warned(
                    "The best weights so far could not be saved",
                    f"{why}. They wait in memory and are saved when there is room; training goes on.",
                )
            return
        self._unsaved, self.step = None, better.step
        yield e.ModelSaved(better.step, better.epoch, better.metric, better.value)

    def _commit(self, better: Better, state: dict[str, Any]) -> None:
        from core.modelling.build import save_model

        prepared = self._prepared
        facts = {
            "max_length": prepared.max_length,
            "label_names": list(prepared.dataset.label_names),
            "text_rules": list(prepared.text_rules),
            "base": prepared.base_origin,
            "step": better.step,
            "epoch": better.epoch,
            "value": better.value if better.metric != "loss" else -better.value,
        }
        with commit_dir(self._run.model_path) as folder:
            save_model(prepared.job.model, prepared.tokenizer, folder, facts, state)


def room_needed(parameters: int, trained: int) -> tuple[int, int]:
    """(bytes without which nothing can be saved, bytes with checkpoints) of a run, while old and new lie side by side.

    Float32 weights twice; three checkpoints.
    """
    model = 2 * 4 * parameters + SPARE
    return model, model + 3 * snapshot_bytes(parameters, trained)


def snapshot_bytes(parameters: int, trained: int) -> int:
    """Size of a checkpoint, in memory until it is written: all weights, and two moments of those that are trained."""
    return 4 * (parameters + 2 * trained)


def check_room(run: Run, parameters: int, trained: int) -> Iterator[e.Event]:
    """Say what there is no room for. Raises `DiskFullError` when the model could not be saved."""
    least, whole = room_needed(parameters, trained)
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


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 1 << 30 else f"{count / 2**20:.0f} MiB"

"""From where a run goes on, and under which conditions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.config import RunConfig, SplitConfig
from core.data.split.again import beside
from core.errors import DeviceError, RunError
from core.modelling.plan import Techniques
from core.runs.atomic import verify_dir
from core.runs.checkpoints import checkpoints_path, hide_damaged, newest
from core.runs.run import Run
from core.training import events as e

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.training.device import Device
    from core.training.standing import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where training begins. `again`: a trainer was here before; `snapshot`: what it left, or none."""

    again: bool = False
    snapshot: Snapshot | None = None
    damaged: tuple[str, ...] = ()

    @property
    def step(self) -> int:
        """The last step that is done."""
        return self.snapshot.step if self.snapshot is not None else 0

    @property
    def conditions(self) -> dict[str, Any]:
        """Those under which the run was trained until now; empty when there are none to keep."""
        return dict(self.snapshot.facts["conditions"]) if self.snapshot is not None else {}

    def device(self, config: RunConfig) -> Device:
        """The device, format and threads that the run had, where they are still to be had. Raises `DeviceError`."""
        from core.training.device import choose_device

        before = self.conditions
        if not before:
            return choose_device(config.training)
        kept = replace(config.training, precision=before["precision"], threads=before["threads"])
        if config.training.device == "auto" and before["device"] in ("cpu", "mps"):
            kept = replace(kept, device=before["device"])
        try:
            return choose_device(kept)
        except DeviceError:  # another machine: it goes on there, and says that it is not exact
            return choose_device(replace(config.training, device="auto", precision="auto", threads=0))

    def techniques(self) -> Techniques:
        """As the run used them: what had no room then, or could not be recorded, changes the last bits."""
        before = self.conditions
        if not before:
            return Techniques()
        recorded = bool(before["recorded steps"]) or before["device"] != "cuda"
        return Techniques(activation_cache=before["cached layers"] > 0, cuda_graphs=recorded)

    def told(self) -> list[e.Event]:
        """Facts for a person about what could not be used."""
        return [e.Warned("A checkpoint is damaged, the one before it is used", one) for one in self.damaged]

    def fresh(self) -> e.RunResumed:
        """The fact that a run begins again from its first step: earlier facts of steps no longer count."""
        return e.RunResumed(0, True, "there was no checkpoint: from the beginning")


def was_begun(run: Run) -> bool:
    """Whether a trainer has got beyond its start: what this process says of its own start does not count."""
    facts = (fact for _, _, fact in run.raw_records())
    return any(isinstance(fact, e.StageChanged) and fact.stage != "start" for fact in facts)


def is_waiting_to_go_on(run: Run) -> bool:
    """Whether an earlier trainer had begun and the present one has not come to its first step yet."""
    facts = [fact for _, _, fact in run.raw_records()]
    here = max((place for place, fact in enumerate(facts) if isinstance(fact, e.RunStarted)), default=0)
    stages = [(place < here, fact.stage) for place, fact in enumerate(facts) if isinstance(fact, e.StageChanged)]
    return (False, "train") not in stages and any(before and stage != "start" for before, stage in stages)


def start_of(run: Run) -> Start:
    """Where `run` goes on: at its newest whole checkpoint, every byte of which is checked. Raises `RunError`."""
    from core.training.checkpoint import read

    found, damaged = newest(run.path, contents=True)
    if found is None and damaged:
        raise RunError(
            "None of its checkpoints is whole",
            f"{'; '.join(damaged)}.",
            f"To begin this run again from its first step, take {checkpoints_path(run.path)} away.",
        )
    snapshot = read(found) if found is not None else None
    hide_damaged(run.path, found.step if found is not None else -1)
    return Start(was_begun(run), snapshot, tuple(damaged))


def check_same_data(run: Run, dataset: Dataset) -> None:
    """Raise `RunError` when the rows are not those that the run began with."""
    before = run.read_json("data.json").get("fingerprint")
    if before and before != dataset.fingerprint:
        raise RunError(
            "The data has changed since this run began",
            f"{dataset.source} holds other texts or labels than the run was trained on until now.",
            "Put the old file back, or train anew: finetui train.",
        )


def split_of_before(run: Run, config: RunConfig) -> SplitConfig:
    """The split that `run` has already, row for row; that of its configuration where it has none yet.

    The run whose split was taken over may have changed, or be gone: test rows of before must not be trained on.
    """
    if (run.path / "split.parquet").is_file():
        return replace(config.split, of=str(run.path), train_share=1.0)  # what it left out is left out there already
    return beside(config.split, run.path.parent)


def best_on_disk(run: Run, snapshot: Snapshot) -> Iterator[e.Event]:
    """Bring what `snapshot` takes for the best score into line with the weights that are in fact saved.

    They differ when the disk was full at that time, and when somebody took `model/` away or damaged it. Where the best
    weights are those of the snapshot itself, or none are left, the loop scores and offers them anew.
    """
    progress = snapshot.facts["progress"]
    wanted = int(progress["best_step"])
    try:
        verify_dir(run.model_path)
        saved = json.loads((run.model_path / "finetui.json").read_text(encoding="utf-8"))
        step, value = int(saved["step"]), float(saved["value"])
    except (OSError, ValueError, KeyError, TypeError, RunError):
        step, value = -1, math.nan
    if not wanted or step >= wanted:
        return
    there = step >= 0 and wanted != snapshot.step
    progress["best"], progress["best_step"] = (value, step) if there else (None, 0)
    if wanted != snapshot.step:
        instead = f"those of step {step} are there" if there else "the newest ones stand in for them"
        what = f"Those of step {wanted} were never saved, or are damaged: {instead}."
        yield e.Warned("The best weights so far are gone", what)

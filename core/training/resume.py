"""From where a run goes on, and under which conditions."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.config import RunConfig
from core.errors import DeviceError, RunError
from core.modelling.plan import Techniques
from core.runs.checkpoints import newest
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
        except DeviceError:
            return choose_device(replace(config.training, threads=kept.threads))

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


def start_of(run: Run) -> Start:
    """Where `run` goes on: at its newest whole checkpoint, every byte of which is checked. Raises `RunError`."""
    from core.training.checkpoint import read

    facts = [fact for _, _, fact in run.raw_records()]
    again = any(isinstance(fact, e.StageChanged) and fact.stage != "start" for fact in facts)  # "start" may be our own
    found, damaged = newest(run.path, contents=True)
    return Start(again, read(found) if found is not None else None, tuple(damaged))


def check_same_data(run: Run, dataset: Dataset) -> None:
    """Raise `RunError` when the rows are not those that the run began with."""
    before = run.read_json("data.json").get("fingerprint")
    if before and before != dataset.fingerprint:
        raise RunError(
            "The data has changed since this run began",
            f"{dataset.source} holds other texts or labels than the run was trained on until now.",
            "Put the old file back, or train anew: finetui train.",
        )


def best_on_disk(run: Run, snapshot: Snapshot) -> None:
    """Bring what `snapshot` takes for the best score into line with the weights that were in fact saved.

    They differ when the disk was full at that time, and when somebody took `model/` away.
    """
    progress = snapshot.facts["progress"]
    try:
        saved = json.loads((run.model_path / "finetui.json").read_text(encoding="utf-8"))
        step, value = int(saved["step"]), float(saved["value"])
    except (OSError, ValueError, KeyError, TypeError):
        progress["best"], progress["best_step"] = None, 0
        return
    if step < progress["best_step"]:
        progress["best"], progress["best_step"] = value, step

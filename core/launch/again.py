"""Going on with a run, and runs made from runs: more epochs of a complete one, a failed one anew with gentler settings.

A complete run never goes on itself, for its test rows were scored: more epochs are a child, whose base model is its
parent's `model/` and whose rows are dealt as its parent's were.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from core.config import RunConfig
from core.errors import RunError
from core.launch.local import start
from core.runs.atomic import verify_dir
from core.runs.corrections import file_of, pinned, read_corrections
from core.runs.history import History
from core.runs.notes import change_notes
from core.runs.resume import Outlook, outlook
from core.runs.run import Run, RunState
from core.runs.store import RunStore
from core.training.events import RunFailed

MORE, ANEW, CORRECTED = "more", "again", "corrected"
"""What is put behind the name of a run that another one is made from: with its weights, without, with other labels."""


def go_on(run: Run, begin: Callable[[Run], object] | None = None) -> Outlook:
    """Let `run` go on, and say from where; `begin` starts its trainer, or puts it in the line.

    Raises `RunError` when it cannot go on.
    """
    last = run.newest()
    found = outlook(run, run.state(last), last)
    if not found.possible:
        raise RunError(f"{run.name} cannot go on", found.why_not, found.next_step)
    (begin or start)(run)
    return found


def finish(run: Run) -> Outlook:
    """Let a trainer score and save a run as it was left, without another step. Raises `RunError` when it cannot."""
    last = run.newest()
    found = outlook(run, run.state(last), last)
    if not found.can_finish:
        if not found.possible:
            raise RunError(f"{run.name} cannot go on", found.why_not, found.next_step)
        raise RunError(
            f"There is nothing of {run.name} to save yet",
            "No checkpoint of it is there.",
            f"It can begin again: finetui resume {run.name}",
        )
    start(run)
    run.ask("stop")
    return found


def more_epochs(parent: Run, epochs: int) -> RunConfig:
    """The configuration of a child that trains the complete run `parent` for `epochs` more.

    Raises `RunError` when there is no whole model to go on from, or no split to use again.
    """
    anew = f"Train anew: finetui train --config {parent.path / 'run.toml'}"
    if not parent.model_path.is_dir() or not (parent.path / "split.parquet").is_file():
        raise RunError(f"{parent.name} has no model to go on from", "It ended before there was one.", anew)
    verify_dir(parent.model_path)
    values = {
        "model.base": str(parent.model_path.absolute()),
        **_same_rows(parent),
        "training.epochs": epochs,
    }
    return _with(parent.config(), values)


def remedy(config: RunConfig, history: History) -> dict[str, Any]:
    """The settings with which a run that failed would fare better, by their paths; empty when none are known."""
    end, training = history.end, config.training
    kind = end.kind if isinstance(end, RunFailed) else ""
    if kind == "MemoryFullError" and training.batch_size > 1 and training.accumulation <= 512:
        half = training.batch_size // 2
        return {"training.batch_size": half, "training.accumulation": training.accumulation * 2}
    rate = training.learning_rate or (history.plan.learning_rate if history.plan is not None else 0.0)
    if kind == "NotFiniteError" and rate > 0:
        return {"training.learning_rate": float(f"{rate / 3:.1e}")}
    return {}


def with_remedy(run: Run, history: History) -> RunConfig:
    """The configuration of `run` with what `remedy` changes. Raises `RunError` when it cannot be read."""
    config = run.config()
    return _with(config, remedy(config, history))


def with_corrections(parent: Run) -> RunConfig:
    """The configuration of a child that trains as `parent` did, on the same rows, with the labels as corrected since.

    Raises `RunError` when there are no corrections beyond those of `parent` itself, or no split to use again.
    """
    config = parent.config()
    if not (parent.path / "split.parquet").is_file():
        raise RunError(f"{parent.name} has no split to use again", "It ended before its rows were dealt.")
    path = file_of(parent)
    before = read_corrections(config.data.corrections).changing if config.data.corrections else ()
    if read_corrections(path, missing_ok=True).changing == before:
        what = "It was trained with all of them." if before else "None was fixed or excluded."
        raise RunError(f"No label was corrected since {parent.name}", what, f"finetui labels {parent.name}")
    return _with(config, {"data.corrections": pinned(str(path)), **_same_rows(parent)})


def _same_rows(parent: Run) -> dict[str, Any]:
    """The settings that deal a child's rows as its parent's were: what that left out stays out, and no more."""
    return {"split.of": str(parent.path.absolute()), "split.train_share": 1.0}


def _with(config: RunConfig, values: dict[str, Any]) -> RunConfig:
    for path, value in values.items():
        config = config.with_value(path, value)
    return config


def make(config: RunConfig, parent: Run, word: str) -> Run:
    """A new run beside `parent`, named after it: `brisk-otter-more`, `-more2`. Raises `RunError`.

    `word`: `MORE` for one that goes on from its weights, `CORRECTED` for one with other labels: the notes of both
    name the parent; `ANEW` for one that begins anew.
    """
    store = RunStore(parent.path.parent)
    for name in _names(parent.name, word):
        if os.path.lexists(store.root / name):
            continue
        try:
            child = store.create(config, name)
        except RunError:
            if os.path.lexists(store.root / name):  # another process was quicker
                continue
            raise
        if word in (MORE, CORRECTED):
            change_notes(child, lambda tree: tree.update(parent=parent.name))
        return child
    raise AssertionError("names do not end")


def _names(parent: str, word: str) -> Iterator[str]:
    stem = re.sub(rf"-{word}\d*$", "", parent)[: 64 - len(word) - 5]
    yield f"{stem}-{word}"
    for number in count(2):
        yield f"{stem}-{word}{number}"


def is_left(state: RunState) -> bool:
    """Whether a run in this state has no trainer and is not complete: it waits for somebody to go on with it."""
    return state in (RunState.PAUSED, RunState.INTERRUPTED, RunState.FAILED)

"""The epochs of a run: what each one reached, and the weights kept of it, in `epochs/N/` as `model/` has the best.

An epoch's folder counts only if it is committed; which numbers are there is read from their names alone.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.runs.atomic import MANIFEST, recover_dir
from core.runs.history import History
from core.training.events import Scores

MANY = 12
"""Epochs that are shown whole; of more the first, the best and the last ones."""

LAST = 6
"""How many last ones."""


@dataclass(frozen=True, slots=True)
class EpochRow:
    """What is known of an epoch, or of the part of one after which all validation rows were scored.

    Training figures are means over the epoch as it was trained, NaN where it was not trained to its end; `scores` are
    those on every validation row, none before they are there.
    """

    epoch: float
    step: int
    train_loss: float
    train_accuracy: float
    scores: Scores | None
    is_best: bool = False
    is_kept: bool = False

    @property
    def figures(self) -> tuple[float, float, float, float]:
        """Loss, accuracy, macro F1 and weighted F1 on validation; NaN where they are not known."""
        found = self.scores
        if found is None:
            return math.nan, math.nan, math.nan, math.nan
        return math.nan if found.loss is None else found.loss, found.accuracy, found.macro_f1, found.weighted_f1

    @property
    def name(self) -> str:
        """`3`, or `2.4` for a part of the third."""
        return f"{round(self.epoch, 2):g}"

    def right(self, rows: Sequence[int]) -> list[tuple[int, int]]:
        """(right answers, rows) of each class; empty where the log is too old to tell. `rows`: validation rows."""
        recall = self.scores.class_recall if self.scores is not None else ()
        return [(round(share * count), count) for share, count in zip(recall, rows, strict=False)]


def epoch_rows(history: History, kept: Iterable[int] = ()) -> list[EpochRow]:
    """The epochs of a run in their order. `kept`: the numbers of those whose weights are in `epochs/`."""
    trained = {one.step: one for one in history.epochs}
    scored = {point.step: point for point in history.full_evals if point.step}
    best, there, rows = history.saved.step if history.saved is not None else -1, set(kept), []
    for step in sorted(trained.keys() | scored.keys()):
        one, point = trained.get(step), scored.get(step)
        epoch = float(one.epoch) if one is not None else point.epoch if point is not None else math.nan
        loss, accuracy = (one.train_loss, one.train_accuracy) if one is not None else (math.nan, math.nan)
        scores = point.scores if point is not None else None
        rows.append(EpochRow(epoch, step, loss, accuracy, scores, step == best, one is not None and epoch in there))
    return rows


def notable(rows: Sequence[EpochRow]) -> list[EpochRow | None]:
    """`rows`, or of many the first, the best and the last ones; None stands where some were left out."""
    if len(rows) <= MANY:
        return list(rows)
    shown = [at for at, row in enumerate(rows) if at == 0 or row.is_best or at >= len(rows) - LAST]
    found: list[EpochRow | None] = []
    for before, at in zip([-1, *shown], shown, strict=False):
        found += [rows[at]] if at == before + 1 else [None, rows[at]]
    return found


# The folders


def epochs_path(run: Path) -> Path:
    """Where the run in this folder keeps the weights of its epochs."""
    return run / "epochs"


def place_of(run: Path, epoch: int) -> Path:
    """The folder with the weights after that epoch, counted from 1."""
    return epochs_path(run) / str(epoch)


def kept(run: Path) -> list[int]:
    """The epochs whose weights are there, in order."""
    try:
        names = [path.name for path in epochs_path(run).iterdir() if (path / MANIFEST).is_file()]
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and name == str(int(name)))


def size_of(run: Path) -> int:
    """Bytes of all that is kept of epochs; what one of them shares with `model/` counts too."""
    found = 0
    for folder in (place_of(run, epoch) for epoch in kept(run)):
        with suppress(OSError):
            found += sum(path.stat().st_size for path in folder.iterdir())
    return found


def kept_text(epochs: Sequence[int]) -> str:
    """`1-4, 6`: which epochs are there."""
    parts: list[list[int]] = []
    for epoch in epochs:
        if parts and parts[-1][-1] == epoch - 1:
            parts[-1] = [parts[-1][0], epoch]
        else:
            parts.append([epoch])
    return ", ".join("-".join(map(str, part)) for part in parts)


def tidy(run: Path) -> None:
    """After a crash: bring back what lay aside, clear away what was half-made or half-removed. For the owner alone."""
    with suppress(OSError):
        for hidden in list(epochs_path(run).glob(".*")):
            if hidden.name.endswith(".gone"):
                shutil.rmtree(hidden, ignore_errors=True)
            else:
                recover_dir(epochs_path(run) / hidden.name.removeprefix(".").split(".")[0])


def drop_after(run: Path, epoch: int) -> None:
    """Remove those of later epochs: the run goes on from before them, and trains them anew. For the owner alone."""
    for number in kept(run):
        if number > epoch:
            folder = place_of(run, number)
            hidden = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.gone")
            with suppress(OSError):
                os.rename(folder, hidden)
                shutil.rmtree(hidden, ignore_errors=True)

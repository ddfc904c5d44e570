"""What people decide about the labels of a run, and what that changes: rows fixed, rows left out, scores."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.data.corrected import corrected
from core.errors import ConfigError, RunError, WorkbenchError
from core.evaluation.candidates import Meant, rows_meant
from core.evaluation.metrics import report
from core.evaluation.predictions import Predictions, read_predictions, text_id
from core.protocol import Progress, no_progress
from core.runs.corrections import Corrections, Decision, Do, append, file_of, others_of, read_corrections
from core.runs.run import Run
from core.text import safe, shorten

LAST = "last"
"""In place of an id to undo: what was decided last of all that stands."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done about one row. `id` may be its beginning; `new`: the class of a fix, or as suggested."""

    do: Do
    id: str
    new: str = ""


def decide(run: Run, wishes: Sequence[Wish], why: str = "") -> list[Decision]:
    """Write down what a person wants, all of it or nothing, and return the decisions; what stands is not repeated.

    Raises `ConfigError` for a row or class that there is not, and `RunError` when it cannot be saved.
    """
    path = file_of(run)
    found = read_corrections(path, missing_ok=True)
    named = [one for one in wishes if not _is_last(one)]
    rows = dict(zip(named, rows_meant(run, [one.id for one in named]), strict=True)) if named else {}
    names = read_predictions(run).label_names
    facts = run.read_json("data.json")
    data, source = (str(facts.get(key, "")) for key in ("fingerprint", "source"))
    made: list[Decision] = []
    for wish in wishes:
        one = _last(found) if _is_last(wish) else _decision(wish, rows[wish], names, found)
        stands = found.about(*one.key)
        if stands is None or (stands.do, stands.new) != (one.do, one.new):
            made.append(replace(one, why=safe(why.strip()), run=run.name, data=data, source=source))
    append(path, made)
    return made


def _is_last(wish: Wish) -> bool:
    return wish.do is Do.UNDO and wish.id == LAST


def _last(found: Corrections) -> Decision:
    if not found.standing:
        raise ConfigError("There is nothing to undo", "Nothing was decided about these labels.")
    one = found.standing[-1]
    return Decision(Do.UNDO, one.text, one.old, row=one.row)


def _decision(wish: Wish, row: Meant, names: Sequence[str], found: Corrections) -> Decision:
    text, new = text_id(row.text), ""
    if wish.do is Do.UNDO and found.about(text, row.label) is None:
        raise ConfigError(f"There is nothing to undo about {wish.id}", "Nothing was decided about that row.")
    if wish.do is Do.FIX:
        new = _class(wish.new, names) if wish.new else row.suggested
        step = f"Name its class: {wish.id}=CLASS"
        if not new:
            raise ConfigError(f"Nobody suggests a label for {wish.id}", "It was not judged yet.", step)
        if new == row.label:
            raise ConfigError(f"{wish.id} is labelled {safe(shorten(new, 40))} already", next_step=step)
    return Decision(wish.do, text, row.label, new, row=row.id)


def _class(given: str, names: Sequence[str]) -> str:
    """The class of that name, whatever the case. Raises `ConfigError` with the nearest one."""
    folded = [name for name in names if name.casefold() == given.strip().casefold()]
    if given in names or len(folded) == 1:
        return given if given in names else folded[0]
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f"Did you mean {safe(near[0])}? " if near else ""
    listed = ", ".join(safe(shorten(name, 40)) for name in names[:12]) + (" …" if len(names) > 12 else "")
    raise ConfigError(f"There is no class {safe(shorten(given, 40))!r}", f"{hint}The classes: {listed}.")


@dataclass(frozen=True, slots=True)
class Standing:
    """A decision in force, with its text where that is at hand, and why it does not fit the data, if it does not."""

    decision: Decision
    text: str = ""
    unfit: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """All that stands for the data of a run."""

    path: str
    standing: tuple[Standing, ...]
    damaged: tuple[int, ...] = ()
    touched: tuple[dict[str, Any], ...] = ()
    """What `touched` says of validation and test."""
    elsewhere: tuple[str, ...] = ()
    """Files with decisions on the same source under other cures."""
    notes: tuple[str, ...] = ()


def decided(run: Run, progress: Progress = no_progress) -> Decided:
    """Everything decided about the labels of the data of `run`, and what it changes. Raises `RunError`."""
    path = file_of(run)
    found = read_corrections(path, missing_ok=True)
    notes: list[str] = []
    texts: dict[str, str] = {}
    unfit: dict[tuple[str, str], str] = {}
    scores: tuple[dict[str, Any], ...] = ()
    try:
        held = read_predictions(run)
        texts |= {text_id(text): text for text in held.texts.tolist()}
        scores = touched(held, found.changing)
    except RunError as missing:
        notes.append(f"{missing.title}: the scores before and after cannot be shown.")
    if found.standing:
        try:
            said, more = _fit(run, found, progress)
            texts, unfit = texts | more, {one.key: why for one, why in said}
        except WorkbenchError as gone:
            notes.append(f"{gone.title}: whether the decisions on training rows fit cannot be said.")
    standing = tuple(Standing(one, texts.get(one.text, ""), unfit.get(one.key, "")) for one in found.standing)
    source = str(run.read_json("data.json").get("source", ""))
    elsewhere = tuple(str(one) for one in others_of(path, source))
    return Decided(str(path), standing, found.damaged, scores, elsewhere, tuple(notes))


def _fit(run: Run, found: Corrections, progress: Progress) -> tuple[list[tuple[Decision, str]], dict[str, str]]:
    """Which decisions do not fit the data before corrections, and why; and the texts that decisions are about."""
    from core.data.kept import kept_dataset

    dataset = kept_dataset(replace(run.config().data, corrections=""), progress)
    texts = list(dataset.texts)
    _, _, unfit = corrected(dataset.labels, dataset.label_names, texts, found.changing)
    wanted = {one.text for one in found.standing}
    return unfit, {name: text for text in texts if (name := text_id(text)) in wanted}


def touched(held: Predictions, corrections: Sequence[Decision]) -> tuple[dict[str, Any], ...]:
    """For validation and test: held-out rows that these corrections touch, and the scores before and after.

    The answers stay, the labels change: `before` and `after` hold rows, accuracy and macro_f1; `after` is None when no
    row is left. A part of which no row is touched is left out.
    """
    found = []
    for part in ("validation", "test"):
        rows = held.part(part)
        gold, gone, _ = corrected(rows.gold, held.label_names, rows.texts.tolist(), corrections)
        fixed = int(((gold != rows.gold) & ~gone).sum())
        if fixed or gone.any():
            before, after = _scores(rows, rows.gold, ~gone | True), _scores(rows, gold, ~gone)
            facts = {"part": part, "fixed": fixed, "excluded": int(gone.sum()), "before": before, "after": after}
            found.append(facts)
    return tuple(found)


def _scores(rows: Predictions, gold: Any, kept: Any) -> dict[str, Any] | None:
    if not np.any(kept):
        return None
    scores = report(gold[kept], rows.said[kept], len(rows.label_names)).scores
    return {"rows": scores.rows, "accuracy": scores.accuracy, "macro_f1": scores.macro_f1}

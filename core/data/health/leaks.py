"""Held-out rows that training has seen: the same text, or nearly the same, on both sides of this split."""

from __future__ import annotations

import numpy as np

from core.config import RunConfig
from core.data.dataset import Loaded
from core.data.examine import Examined
from core.data.health.finding import Finding, many, mask_of
from core.data.health.near import THRESHOLD, groups_of
from core.data.split import split_rows
from core.data.table import Ints
from core.data.texts import Mask
from core.errors import WorkbenchError
from core.protocol import Progress


def check(loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """Copies of training texts, and rows of trained groups, among validation and test rows.

    Nothing where the data cannot be split. Raises `Cancelled` through `progress`.
    """
    dataset = loaded.dataset
    progress(0, 0, "splitting")
    try:
        parts = split_rows(dataset, config.split)
    except WorkbenchError:  # the profile tells why
        return Examined()
    held = np.concatenate((parts.validation, parts.test))
    rows, groups = groups_of(dataset, progress)
    copies = held[_also(dataset.keys, parts.train, held)]
    # Over the rows looked at only: nothing is known of the others.
    seen = mask_of(parts.train, len(dataset.texts))[rows]
    outside = mask_of(held, len(dataset.texts))[rows] & ~mask_of(copies, len(dataset.texts))[rows]
    near = np.flatnonzero(outside)[_also(groups, np.flatnonzero(seen), np.flatnonzero(outside))]
    facts = {"held_out": len(held), "copies": len(copies), "near": len(near), "near_rows": len(rows)}
    findings = [_copied(copies, len(held), config, parts.method)]
    if dataset.group_keys is not None:
        grouped = held[_also(dataset.group_keys, parts.train, held)]
        facts["in_trained_groups"] = len(grouped)
        findings += _grouped(grouped, len(held), parts.method)
    if len(near):
        looked_at = int(outside.sum()) + int(np.isin(rows, copies).sum())
        text = f"{_of(len(near), looked_at)} {'is' if len(near) == 1 else 'are'} nearly the same as a training text"
        cure = f"drop-near-duplicates:{THRESHOLD:g}"
        findings.append(Finding("warn", "near-leak", text, len(near), cure, kept=rows[near]))
    return Examined(findings, facts)


def _also(codes: Ints, train: Ints, held: Ints) -> Mask:
    """Which of the held-out rows have a code that stands in training too."""
    found: Mask = mask_of(codes[train], int(codes.max()) + 1)[codes[held]]
    return found


def _copied(copies: Ints, held: int, config: RunConfig, method: str) -> Finding:
    if len(copies) == 0:
        return Finding("ok", "leak", "no leak found: no held-out text stands in training word for word", 0)
    text = f"{_of(len(copies), held)} repeat{'s' if len(copies) == 1 else ''} a training text"
    if method == "given":
        return Finding("bad", "leak", text, len(copies), "drop-leaks", kept=copies)
    if not config.split.keep_duplicates_together:
        settings: dict[str, object] = {"split.keep_duplicates_together": True}
        return Finding("bad", "leak", text, len(copies), settings=settings, kept=copies)
    return Finding("bad", "leak", text, len(copies), "drop-duplicates", kept=copies)


def _grouped(rows: Ints, held: int, method: str) -> list[Finding]:
    """Given parts may share groups; dealt anew by groups they do not. The split of another run stays what it is."""
    if len(rows) == 0:
        return []
    text = f"{_of(len(rows), held)} {'is' if len(rows) == 1 else 'are'} of a group that is trained on too"
    settings: dict[str, object] = {"split.method": "grouped"} if method in ("given", "random") else {}
    return [Finding("bad", "group-leak", text, len(rows), settings=settings, kept=rows)]


def _of(count: int, total: int) -> str:
    return f"{count:,} of {many(total, 'held-out row')}".replace(",", " ")

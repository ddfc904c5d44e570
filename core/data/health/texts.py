"""What could be stripped from the texts: addresses, mentions, tags."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.data.dataset import Loaded
from core.data.health.finding import Finding, many
from core.data.texts import matching
from core.text_rules import STRIP, TEXT_RULES

SHARES = {"html": 0.005, "urls": 0.01, "mentions": 0.01}
"""The share of rows from which on stripping is offered."""

SAMPLE = 20_000
"""Rows that tell, in data of more than twice as many, whether counting all is worth a fifth of a second each."""


def texts(loaded: Loaded) -> Iterator[Finding]:
    """Texts with URLs, @mentions or HTML tags, where there are more than a few.

    Only tags are a fault: they are of the page, not of the sentence. The others are offers: they may carry meaning.
    """
    column = loaded.dataset.column
    total = len(loaded.dataset.texts)
    if total == 0:
        return
    sample = column
    if total > 2 * SAMPLE:
        sample = column.take(np.linspace(0, total - 1, SAMPLE).astype(np.int64))
    for kind, share in SHARES.items():
        rule = TEXT_RULES[kind]
        if matching(sample, rule.sign).mean() < share / 2:
            continue
        at = np.flatnonzero(matching(column, rule.sign)).astype(np.int64)
        if len(at) >= share * total:
            text = f"{many(len(at), 'text')} with {rule.what}"
            yield Finding("warn" if kind == "html" else "ok", kind, text, len(at), f"{STRIP}:{kind}", kept=at)

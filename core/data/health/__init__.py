"""The health report: what is odd about a data set, how many rows it touches, and what mends it.

`findings` is what a glance over every row tells, within the time that reading takes. What needs more than a glance
(near copies, pieces of one text, leaks) is a module each and asked for by `core.data.examine`.
"""

from __future__ import annotations

from core.data.dataset import Loaded
from core.data.health.balance import balance
from core.data.health.copies import copies
from core.data.health.finding import Finding
from core.data.health.labels import labels
from core.data.health.parts import parts
from core.data.health.reading import reading, residue
from core.data.health.texts import texts

LEVELS = ("bad", "warn", "ok")


def findings(loaded: Loaded) -> list[Finding]:
    """Everything seen at a glance, worst first; what was looked for and is fine comes last."""
    found = [
        *parts(loaded),
        *reading(loaded),
        *labels(loaded),
        *copies(loaded),
        *residue(loaded),
        *texts(loaded),
        *balance(loaded),
    ]
    return sorted(found, key=lambda one: LEVELS.index(one.level))

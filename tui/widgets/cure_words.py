"""What `f` will do about a finding, in few words; and the rule that renames a class."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from core.config import RunConfig
from core.text import safe
from tui.facts import Finding

_CURES = {
    "drop-class": "drop {}",
    "keep-classes": "keep {}",
    "drop-multi-label": "drop them",
    "keep-first-label": "keep the first",
    "drop-rare": "drop them",
    "bins": "make classes",
    "drop-duplicates": "drop copies",
    "drop-near-duplicates": "keep one of each",
    "drop-conflicts": "drop them",
    "conflicts-majority": "take the commonest",
    "drop-leaks": "drop from training",
    "strip": "strip {}",
    "cap-rows": "cap at {}",
}

_SETTINGS = {
    "data.group": "group by {}",
    "data.time": "order by {}",
    "data.validation_file": "validate on {}",
    "data.test_file": "test on {}",
    "split.method": "split: {}",
    "split.keep_duplicates_together": "keep together",
    "training.class_weights": "weigh classes",
    "training.oversample": "oversample",
    "model.max_length": "cut at {} tokens",
}

LONGEST = 24
"""Characters of a name in these words."""


def fix_words(finding: Finding) -> str:
    """`drop nocode`, `group by SentenceId`; empty for a finding that nothing mends."""
    if finding.cure:
        name, _, argument = finding.cure.partition(":")
        if name in ("rename-class", "merge-classes", "merge-rare"):
            return f"merge into {_shown(argument.rpartition('=')[2])}"
        return _CURES.get(name, name.replace("-", " ")).format(_shown(argument))
    return ", ".join(_setting_words(path, value) for path, value in finding.settings.items())


def _setting_words(path: str, value: Any) -> str:
    shown = PurePath(str(value)).name if path.endswith("_file") else value
    words = _SETTINGS.get(path, path.split(".")[1].replace("_", " ") + " {}")
    return words.format(_shown(str(shown)))


def _shown(name: str) -> str:
    name = safe(name)
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def is_done(finding: Finding, config: RunConfig) -> bool:
    """Whether the settings that mend it are in force."""
    return bool(finding.settings) and all(config.get(path) == value for path, value in finding.settings.items())


def rename_rule(old: str, new: str) -> str:
    """The rule that gives the class `old` the name `new`.

    `rename-class:OLD=NEW` is cut at an equals sign; a name that holds one stands in quotes, which only
    `merge-classes` knows.
    """
    if "=" not in old + new:
        return f"rename-class:{old}={new}"
    quoted = ['"' + name.replace('"', '""') + '"' for name in (old, new)]
    return f"merge-classes:{quoted[0]}={quoted[1]}"

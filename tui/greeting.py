"""Who was away is told what ended meanwhile: when the screen was last open is the age of one small file."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

from core.runs import Run, RunState, RunStore
from core.runs.summary import summarise
from tui import format as fmt

NEWEST = 50
"""Runs that are looked at, at most."""

_WORDS = {
    RunState.FINISHED: "finished", RunState.STOPPED: "stopped", RunState.FAILED: "failed",
    RunState.INTERRUPTED: "was interrupted",
}  # fmt: skip


def _mark(root: Path) -> Path:
    name = hashlib.sha256(str(root).encode(errors="surrogateescape")).hexdigest()[:16]
    return Path(platformdirs.user_state_dir("finetui", appauthor=False)) / "seen" / name


def last_open(root: Path) -> float | None:
    """When the screen was last open on these runs; none when it never was."""
    try:
        return _mark(root).stat().st_mtime
    except OSError:
        return None


def note_open(root: Path) -> None:
    """The screen is open now, or was until now. Where nothing can be kept nobody is greeted."""
    mark = _mark(root)
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.touch()


def greeting(store: RunStore, since: float) -> str:
    """`brisk-otter finished 2 h ago, best .884` for the run that ended last after `since`; empty for none."""
    ended = []
    for name in store.names()[:NEWEST]:
        run = Run(store.root / name)
        with suppress(OSError):
            moment = run.events_path.stat().st_mtime
            if moment > since and run.state() in _WORDS:
                ended.append((moment, run))
    if not ended:
        return ""
    moment, run = max(ended, key=lambda one: one[0])
    summary = summarise(run)
    best = "" if summary.macro_f1 is None else f", best {fmt.score(summary.macro_f1)}"
    return f"{run.name} {_WORDS.get(summary.state, 'ended')} {_ago(time.time() - moment)}{best}"


def _ago(seconds: float) -> str:
    age = fmt.age(max(seconds, 0.0))
    return "just now" if age == "now" else f"{age} ago"

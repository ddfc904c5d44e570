"""What people decided about labels: kept, fixed, left out, or taken back. One line each, never in a person's own file.

The decisions on a data set lie in `.corrections/FINGERPRINT.jsonl` beside the runs: the fingerprint of the data before
corrections, as `data.json` of a run holds it, for that is known when the source is gone. Whatever changes texts or
labels, a cure for one, makes another data set, whose decisions are others. But each decision names the text (its
hash) and the label it is about and no row number, so that a file may be named for other data too: what fits is applied
there, and the rest is told.

Lines are only ever appended. `FILE@12` means the first 12 of them: a run that was trained with those stays what it is
while people decide on.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.errors import DiskFullError, RunError
from core.paths import expanded
from core.runs.log import FULL
from core.runs.pages import append_lines, read_lines
from core.runs.run import Run
from core.text import safe, shorten

FOLDER = ".corrections"
FORMAT = 1

LARGEST = 256 << 20
"""Bytes of a file that is read: a million decisions."""

LONGEST_LINE = 1 << 16
LONGEST_LABEL, LONGEST_WHY = 1000, 1000
"""Characters."""

_HASH = re.compile(r"[0-9a-f]{16}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16,64}")
_PINNED = re.compile(r"(.+)@([0-9]{1,9})", re.DOTALL)


class Do(StrEnum):
    """What can be decided about a text under a label."""

    KEEP = "keep"
    FIX = "fix"
    EXCLUDE = "exclude"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line: every row with this text under this label is meant."""

    do: Do
    text: str
    """Hash of the text (`text_id`), as it was after the cures."""
    old: str
    """The label it had."""
    new: str = ""
    """The label it has been given, of a fix."""
    why: str = ""
    """In a person's words."""
    run: str = ""
    """The run that it was suggested by."""
    row: str = ""
    """Id of the row that the person looked at."""
    data: str = ""
    """Fingerprint of the data set that the person looked at."""
    source: str = ""
    """Where that came from."""
    at: float = 0.0
    """Seconds since 1970."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is about."""
        return self.text, self.old


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a file holds: `standing` has the decisions in force, in the order they were made."""

    standing: tuple[Decision, ...] = ()
    lines: int = 0
    """Whole lines that were read: `FILE@lines` stays this."""
    damaged: tuple[int, ...] = ()
    """Numbers, from 1, of the lines that are no decision."""
    path: Path = field(default_factory=Path)

    @property
    def changing(self) -> tuple[Decision, ...]:
        """Those that change the data."""
        return tuple(one for one in self.standing if one.do in (Do.FIX, Do.EXCLUDE))

    def about(self, text: str, old: str) -> Decision | None:
        """What is in force for this text under this label."""
        return next((one for one in self.standing if one.key == (text, old)), None)


def fold(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Those in force, in the order they were made: the newest of each text and label, `UNDO` taking the last one back.

    An undo of nothing is nothing.
    """
    stacks: dict[tuple[str, str], list[tuple[int, Decision]]] = {}
    for number, one in enumerate(decisions):
        stack = stacks.setdefault(one.key, [])
        if one.do is not Do.UNDO:
            stack.append((number, one))
        elif stack:
            stack.pop()
    newest = sorted((stack[-1] for stack in stacks.values() if stack), key=lambda pair: pair[0])
    return tuple(one for _, one in newest)


def corrections_path(root: Path, fingerprint: str) -> Path:
    """Where the decisions on the data of that fingerprint lie below the runs folder. Raises `RunError` for none."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise RunError("The data of this run has no fingerprint", "Its data.json does not tell which data it is.")
    return root / FOLDER / f"{fingerprint}.jsonl"


def file_of(run: Run) -> Path:
    """Where decisions on the data of `run` go: to the file it was corrected with, if it was.

    So a child's further decisions stand beside those it was trained with. Raises `RunError` while that is not known.
    """
    if named := run.config().data.corrections:
        return parse_pinned(named)[0]
    return corrections_path(run.path.parent, str(run.read_json("data.json").get("fingerprint", "")))


def parse_pinned(named: str) -> tuple[Path, int | None]:
    """The file and the number of its lines that `FILE@12` means; all of them, None, for a bare name."""
    found = _PINNED.fullmatch(named)
    if found is None or expanded(named).is_file():
        return expanded(named), None
    return expanded(found[1]), int(found[2])


def pinned(named: str) -> str:
    """`named` with the number of lines that it has now; as it is where it says so already. Raises `RunError`."""
    path, lines = parse_pinned(named)
    return f"{path.absolute()}@{read_corrections(named).lines if lines is None else lines}"


def state_of(named: str) -> tuple[int, int, int] | None:
    """Changes whenever the file called `FILE` or `FILE@12` does; None where there is none."""
    if not named:
        return None
    try:
        state = parse_pinned(named)[0].stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def read_corrections(named: str | Path, *, missing_ok: bool = False) -> Corrections:
    """What the file called `FILE` or `FILE@12` holds. A torn last line does not count; a damaged one is told.

    Raises `RunError` for a file that is no file, cannot be read, or has fewer lines than it is to have.
    """
    path, wanted = parse_pinned(str(named))
    try:
        lines = read_lines(path, LARGEST, "file of decisions")
    except FileNotFoundError:
        if missing_ok:
            return Corrections(path=path)
        step = "finetui labels RUN --decisions names the file of a run; without --corrections none is applied."
        raise RunError(f"There is no file of corrections {safe(str(path))}", next_step=step) from None
    except OSError as broken:
        raise RunError(f"The corrections {safe(str(path))} cannot be read", broken.strerror or str(broken)) from None
    if wanted is not None and len(lines) < wanted:
        what = f"It has {len(lines)} lines, and the first {wanted} were meant: it was cut, or is another file."
        raise RunError(f"{safe(path.name)} holds fewer decisions than it did", what, "Restore it from a copy.")
    found, damaged = [], []
    for number, line in enumerate(lines[:wanted], 1):
        try:
            found.append(decode(line))
        except ValueError:
            damaged.append(number)
    return Corrections(fold(found), len(lines[:wanted]), tuple(damaged), path)


def decode(line: str) -> Decision:
    """The decision in a line. Raises `ValueError` for what is none: whatever it may hold, it came from a file."""
    if len(line) > LONGEST_LINE:
        raise ValueError("too long")
    try:
        tree: Any = json.loads(line)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError("no decision of a known format")
    at = tree.pop("at", 0.0)
    texts = {name: tree.get(name, "") for name in ("do", "text", "old", "new", "why", "run", "row", "data", "source")}
    if any(not isinstance(value, str) for value in texts.values()) or isinstance(at, bool):
        raise ValueError("a value of another kind")
    if not isinstance(at, int | float) or not 0 <= at < 1e12:
        raise ValueError("no time")
    return checked(Decision(Do(texts.pop("do")), at=float(at), **texts))


def checked(one: Decision) -> Decision:
    """`one` when it can be a decision. Raises `ValueError`."""
    if not _HASH.fullmatch(one.text) or not one.old.strip():
        raise ValueError("it is about no text, or no label")
    if one.do is Do.FIX and (not one.new.strip() or one.new == one.old):
        raise ValueError("a fix gives another label")
    if max(len(one.old), len(one.new)) > LONGEST_LABEL or len(one.why) > LONGEST_WHY:
        raise ValueError("a label or a reason that is too long")
    return one


def encode(one: Decision) -> str:
    """A decision as its line."""
    fields = {name: value for name, value in asdict(one).items() if value != ""}
    return json.dumps({"format": FORMAT, **fields}, separators=(",", ":"))


def append(path: Path, decisions: Iterable[Decision]) -> None:
    """Write these decisions at the end of the file, each in one piece; its folder is made where it is not there.

    Raises `RunError` for what cannot be a decision, before any is written, and where the file cannot be written;
    `DiskFullError` when there is no room.
    """
    now, lines = time.time(), []
    for one in decisions:
        try:
            lines.append(encode(checked(replace(one, at=one.at or now))))
        except ValueError as wrong:
            raise RunError("This cannot be decided", f"{safe(shorten(one.old, 40))}: {wrong}.") from None
    try:
        append_lines(path, lines)
    except OSError as broken:
        kind = DiskFullError if broken.errno in FULL else RunError
        why = broken.strerror or str(broken)
        raise kind("The decision could not be saved", f"{path}: {why}", "Is the runs folder yours to write?") from None


def others_of(path: Path, source: str) -> list[Path]:
    """Further files beside `path` with decisions on the same source: made under other cures, or on an older file."""
    try:
        files = sorted(one for one in path.parent.iterdir() if one.suffix == ".jsonl" and one != path)
    except OSError:
        return []
    return [one for one in files if source and _is_about(one, source)]


def _is_about(path: Path, source: str) -> bool:
    try:
        return any(one.source == source for one in read_corrections(path).standing)
    except RunError:
        return False

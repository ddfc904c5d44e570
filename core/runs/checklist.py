"""Sentences that a person saved with the answer that is right: the checklist of a data set, asked of every new run.

They lie in `.checklists/NAME.jsonl` beside the runs, one line for each time that one was added or taken away. NAME is
made from the source and not from the fingerprint of the data: a cure, a corrected label or a longer file makes another
data set, and that is the run which should still know what the one before it knew. Of a data set of the Hub every
commit counts as one.

A sentence is there once: adding it anew changes the answer that is expected.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.config.change import REMOTE
from core.errors import DiskFullError, RunError
from core.runs.log import FULL
from core.runs.pages import append_lines, read_lines
from core.runs.run import Run
from core.text import safe, shorten

FOLDER = ".checklists"
FILE = "checklist.json"
"""In the folder of a run: what it said to each sentence at the end of its training."""

FORMAT = 1
MOST = 1000
"""Sentences that are asked: they are few and chosen, and no run should wait long for them."""

LARGEST = 64 << 20
"""Bytes of a file that is read."""

LONGEST_LINE = 1 << 17
LONGEST_TEXT, LONGEST_LABEL = 4000, 1000
"""Characters."""

ADD, REMOVE = "add", "remove"
OK, FAIL, UNKNOWN = "ok", "fail", "unknown"
"""What became of a sentence; unknown: the run has no class of the expected name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `text` should be answered with `label`, or is asked no more (`label` empty)."""

    do: str
    text: str
    label: str = ""
    run: str = ""
    """The run that the person was asking."""
    source: str = ""
    """Where the data came from."""
    at: float = 0.0
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """What a file holds: the sentences in force, oldest first, at most `MOST` of them."""

    entries: tuple[Entry, ...] = ()
    damaged: tuple[int, ...] = ()
    """Numbers, from 1, of the lines that say nothing."""
    more: int = 0
    """Sentences beyond `MOST`."""
    path: Path = field(default_factory=Path)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a run said to one sentence. `outcome` is `OK`, `FAIL` or `UNKNOWN`."""

    text: str
    expected: str
    said: str
    probability: float
    """Of what it said."""
    outcome: str


def fold(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Those in force: each sentence once, where it was first added, with what was said of it last."""
    found: dict[str, Entry] = {}
    for one in entries:
        if one.do == ADD:
            found[one.text] = one
        else:
            found.pop(one.text, None)
    return tuple(found.values())


def source_of(run: Run) -> str:
    """What the checklist of `run` goes by: its source, without the commit. Raises `RunError` for a damaged folder."""
    source = run.config().data.source
    return re.sub(r"@[^@/]*\Z", "", source) if source.startswith(REMOTE) else source


def file_of(run: Run) -> Path:
    """Where the checklist of the data of `run` lies. Raises `RunError` for a damaged folder."""
    source = source_of(run)
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(source).stem)[:32].strip("-") or "data"
    mark = hashlib.sha256(source.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
    return run.path.parent / FOLDER / f"{stem}-{mark}.jsonl"


def read_checklist(run: Run) -> Checklist:
    """The checklist of the data of `run`, empty where there is none. A torn last line does not count.

    Raises `RunError` for one that cannot be read; a damaged line is told and passed over.
    """
    path = file_of(run)
    try:
        lines = read_lines(path, LARGEST, "checklist")
    except FileNotFoundError:
        return Checklist(path=path)
    except OSError as broken:
        why = f"{path}: {broken.strerror or broken}"
        raise RunError("The checklist cannot be read", safe(why), "Mend the file, or take it away.") from None
    found, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            found.append(decode(line))
        except ValueError:
            damaged.append(number)
    entries = fold(found)
    return Checklist(entries[:MOST], tuple(damaged), max(len(entries) - MOST, 0), path)


def decode(line: str) -> Entry:
    """What a line says. Raises `ValueError` for nothing: whatever it may hold, it came from a file."""
    if len(line) > LONGEST_LINE:
        raise ValueError("too long")
    try:
        tree: Any = json.loads(line)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError("nothing of a known format")
    at = tree.get("at", 0.0)
    texts = {name: tree.get(name, "") for name in ("do", "text", "label", "run", "source")}
    if any(not isinstance(value, str) for value in texts.values()):
        raise ValueError("a value of another kind")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e12:
        raise ValueError("no time")
    return checked(Entry(at=float(at), **texts))


def checked(one: Entry) -> Entry:
    """`one` when it can be in a checklist, blanks around its text gone. Raises `ValueError`."""
    one = replace(one, text=one.text.strip())
    if one.do not in (ADD, REMOVE):
        raise ValueError("neither added nor removed")
    if not one.text or len(one.text) > LONGEST_TEXT:
        raise ValueError(f"a sentence has 1 to {LONGEST_TEXT} characters")
    if one.do == ADD and not one.label.strip():
        raise ValueError("it has no answer")
    if len(one.label) > LONGEST_LABEL:
        raise ValueError(f"an answer has {LONGEST_LABEL} characters at most")
    try:
        one.text.encode()
    except UnicodeEncodeError:  # half a letter, which no model can be asked about
        raise ValueError("it is not Unicode") from None
    return one


def encode(one: Entry) -> str:
    """An entry as its line."""
    fields = {name: value for name, value in asdict(one).items() if value != ""}
    return json.dumps({"format": FORMAT, **fields}, separators=(",", ":"))


def add(run: Run, pairs: Iterable[tuple[str, str]]) -> None:
    """Save sentences with the answer that is right, all or none of them, in the checklist of the data of `run`.

    Raises `RunError` for what cannot be one, a class that the run does not have, and where it cannot be saved;
    `DiskFullError` when there is no room.
    """
    wanted, names = list(pairs), label_names(run)
    for text, label in wanted:
        if names and label not in names:
            known = ", ".join(shorten(safe(name), 24) for name in names[:12])
            raise RunError(f"{run.name} has no class {safe(shorten(label, 40))!r}", f"It has {known}.")
        if not text.strip():
            raise RunError("There is no sentence to save", next_step="Give it before the answer: TEXT=LABEL.")
    before = {one.text for one in read_checklist(run).entries}
    if len(before | {text.strip() for text, _ in wanted}) > MOST:
        raise RunError(f"A checklist holds {MOST} sentences at most", next_step="Take one away first: --remove N.")
    _append(run, [Entry(ADD, text, label) for text, label in wanted])


def remove(run: Run, entries: Iterable[Entry]) -> None:
    """Ask these no more. Raises `RunError` where that cannot be saved, `DiskFullError` when there is no room."""
    _append(run, [Entry(REMOVE, one.text) for one in entries])


def label_names(run: Run) -> tuple[str, ...]:
    """The classes of `run`; empty while they are not known."""
    found = run.read_json("data.json").get("label_names")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _append(run: Run, entries: Iterable[Entry]) -> None:
    path, now, lines = file_of(run), time.time(), []
    for one in entries:
        try:
            lines.append(encode(checked(replace(one, run=run.name, source=source_of(run), at=now))))
        except ValueError as wrong:
            raise RunError("This cannot be saved", f"{safe(shorten(one.text, 40))}: {wrong}.") from None
    try:
        append_lines(path, lines)
    except OSError as broken:
        kind = DiskFullError if broken.errno in FULL else RunError
        why = safe(f"{path}: {broken.strerror or broken}")
        raise kind("The checklist could not be saved", why, "Is the runs folder yours to write?") from None


# What a run said


def read_results(run: Run) -> tuple[Checked, ...]:
    """What `run` said at the end of its training; nothing when it was asked nothing. Raises `RunError` when damaged."""
    found = run.read_json(FILE).get("results", [])
    try:
        return tuple(
            Checked(str(one["text"]), str(one["expected"]), str(one["said"]), float(one["probability"]),
                    str(one["outcome"]))
            for one in found
        )  # fmt: skip
    except (TypeError, KeyError, ValueError) as broken:
        raise RunError(f"{run.name} is damaged", f"{run.path / FILE}: {safe(repr(broken))}") from None


def tally(results: Iterable[Checked]) -> tuple[int, int, int]:
    """How many passed, failed, and expect a class that the run does not have."""
    outcomes = [one.outcome for one in results]
    return outcomes.count(OK), outcomes.count(FAIL), outcomes.count(UNKNOWN)


def tally_text(passed: int, failed: int, unknown: int) -> str:
    """`7 passed, 1 failed, 2 expect a class that this run does not have`."""
    parts = [f"{passed} passed", f"{failed} failed"]
    if unknown:
        parts.append(f"{unknown} expect{'s' * (unknown == 1)} a class that this run does not have")
    return ", ".join(parts)

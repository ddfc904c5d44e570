"""Groups: runs that belong together, as one object. The same settings over seeds or folds, a sweep, a learning curve.

What a group is stands in `.groups/NAME/group.json` of the runs folder; that a run is a member stands in the run's own
folder, so that it stays one whatever it is renamed to. A group's figures are derived from its members, never stored.
"""

from __future__ import annotations

import json
import math
import statistics
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.runs.atomic import write_file
from core.runs.run import Run, RunState
from core.runs.store import RunStore, valid_name
from core.runs.summary import Summary, summarise

FOLDER, FILE, MEMBER = ".groups", "group.json", "member.json"
FORMAT = 1

KINDS = ("seeds", "folds", "sweep", "curve")


@dataclass(frozen=True, slots=True)
class Group:
    """What somebody asked for. `planned`: how many members it will have; `about`: what a kind has to know beside."""

    name: str
    kind: str
    planned: int
    created: float
    metric: str = "macro_f1"
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a group. `what` says how it differs from the others: `seed 3`, `fold 2`, `40 % of the rows`."""

    run: Run
    index: int
    what: str
    values: dict[str, Any]
    """The settings in which it differs, by `section.name`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a group stands, from its members: validation figures only."""

    group: Group
    members: tuple[tuple[Member, Summary], ...]
    scores: dict[str, float] = field(default_factory=dict)
    """The group's own metric on validation by the name of a member that has ended; more is better."""

    @property
    def finished(self) -> list[tuple[Member, Summary]]:
        """Members that have a score and have ended."""
        ended = (RunState.FINISHED, RunState.STOPPED)
        return [one for one in self.members if one[1].state in ended and one[1].macro_f1 is not None]

    @property
    def best(self) -> tuple[Member, Summary] | None:
        """The member that is best on validation by the group's metric; the earlier of equals."""
        ranked = [one for one in self.finished if one[0].run.name in self.scores]
        return max(ranked, key=lambda one: (self.scores[one[0].run.name], -one[0].index), default=None)

    def values(self, what: str) -> list[float]:
        """`macro_f1` or `accuracy` of every finished member."""
        found = [getattr(summary, what) for _, summary in self.finished]
        return [value for value in found if value is not None and math.isfinite(value)]

    def mean(self, what: str) -> tuple[float, float] | None:
        """(mean, standard deviation) over the finished members; the deviation is not a number for a single one."""
        values = self.values(what)
        if not values:
            return None
        return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else math.nan

    @property
    def state(self) -> str:
        """`5 of 5 finished`, with what the others do."""
        counts: dict[str, int] = {}
        for _, summary in self.members:
            counts[str(summary.state)] = counts.get(str(summary.state), 0) + 1
        done = len(self.finished)
        others = [f"{count} {state}" for state, count in counts.items() if state not in ("finished", "stopped")]
        missing = self.group.planned - len(self.members)
        others += [f"{missing} to come"] if missing > 0 and self.group.kind == "sweep" else []
        return ", ".join([f"{done} of {self.group.planned} finished", *others])


def folder_of(root: Path, name: str) -> Path:
    """Where what is known of a group lies."""
    return root / FOLDER / name


def create_group(store: RunStore, group: Group) -> Path:
    """Write a new group down and return its folder. Raises `RunError` when the name is taken or not allowed."""
    if not valid_name(group.name) or group.name == "last":
        raise RunError(f"{group.name!r} cannot be a group's name", "Letters, digits, dot, dash and underscore.")
    store.prepare()
    folder = folder_of(store.root, group.name)
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        write_file(folder / FILE, json.dumps({"format": FORMAT, **asdict(group)}, indent=1))
    except FileExistsError:
        raise RunError(f"A group named {group.name} already exists", next_step="Choose another name.") from None
    except OSError as broken:
        raise RunError(f"Cannot create {folder}", broken.strerror or str(broken)) from None
    return folder


def add_member(run: Run, group: str, index: int, what: str, values: dict[str, Any]) -> Member:
    """Make `run` a member. Raises `RunError` when that cannot be written."""
    try:
        facts = {"group": group, "index": index, "what": what, "values": values}
        write_file(run.path / MEMBER, json.dumps(facts))
    except OSError as broken:
        raise RunError(f"Cannot write to {run.path}", broken.strerror or str(broken)) from None
    return Member(run, index, what, values)


def group_of(run: Run) -> str:
    """The name of the group that `run` is a member of; empty when it is of none."""
    with suppress(RunError):
        return str(run.read_json(MEMBER).get("group", ""))
    return ""


def read_group(root: Path, name: str) -> Group:
    """The group of that name, or of a unique beginning of it. Raises `RunError`."""
    names = group_names(root)
    matches = [one for one in names if one == name] or [one for one in names if name and one.startswith(name)]
    if len(matches) != 1:
        known = f"Groups: {', '.join(names[:8])}." if names else "There are none: finetui group makes one."
        raise RunError(f"There is no group {name!r}" if not matches else f"{name!r} means several groups", known)
    return _read(folder_of(root, matches[0]))


def group_names(root: Path) -> list[str]:
    """The names of all groups, newest first."""
    paths = [path.parent for path in (root / FOLDER).glob(f"*/{FILE}")]
    return [path.name for path in sorted(paths, key=_modified, reverse=True)]


def members(root: Path, name: str) -> list[Member]:
    """The runs of a group, in their order. A member whose folder is gone is no longer one."""
    found = []
    for path in root.glob(f"*/{MEMBER}"):
        run = Run(path.parent)
        with suppress(RunError, KeyError, TypeError, ValueError):
            facts = run.read_json(MEMBER)
            if facts["group"] == name:
                found.append(Member(run, int(facts["index"]), str(facts["what"]), dict(facts["values"])))
    return sorted(found, key=lambda one: one.index)


def standing(root: Path, group: Group) -> Standing:
    """Where `group` stands now."""
    found = tuple((one, summarise(one.run)) for one in members(root, group.name))
    scores = {one.run.name: value for one, _ in found if (value := _score(one.run, group.metric)) is not None}
    return Standing(group, found, scores)


def _score(run: Run, metric: str) -> float | None:
    """The best epoch of `run` by `metric`, a loss negated; none while it has not ended."""
    with suppress(RunError, KeyError, TypeError, ValueError):
        value = float(run.read_json("metrics.json")["validation"][metric])
        return -value if metric == "loss" else value
    return None


def _read(folder: Path) -> Group:
    try:
        facts: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if facts.pop("format") != FORMAT:
            raise RunError(f"The group {folder.name} was made by a newer finetui")
        known = {name: facts[name] for name in Group.__slots__ if name in facts}
        return Group(**known)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as broken:
        raise RunError(f"The group {folder.name} is damaged", f"{folder / FILE}: {broken}") from None


def _modified(path: Path) -> float:
    with suppress(OSError):
        return (path / FILE).stat().st_mtime
    return 0.0

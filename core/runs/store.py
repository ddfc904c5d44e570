"""The folder where runs live: create, list, open, delete to the trash and bring back."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from core.config import RunConfig, dumps
from core.errors import RunError
from core.paths import expanded
from core.runs.atomic import sync_path, write_file
from core.runs.history import History
from core.runs.names import suggestions
from core.runs.resume import COMPLETE, outlook
from core.runs.run import Run, RunState

MARKER = ".finetui-runs"
TRASH = ".trash"
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def valid_name(name: str) -> bool:
    """Whether a run may have this name: it is also a folder name, so no separators, no leading dot, at most 64."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".")


@dataclass(frozen=True, slots=True)
class Root:
    """Where runs live, and why there."""

    path: Path
    reason: str


def find_root(explicit: Path | None = None) -> Root:
    """`--runs DIR`, then `FINETUI_RUNS`, then the nearest marked `runs/` upward, then the platform's data folder.

    Raises `RunError` when the current folder was deleted and is needed for that.
    """
    try:
        if explicit is not None:
            return Root(expanded(explicit).absolute(), "--runs")
        if named := os.environ.get("FINETUI_RUNS"):
            return Root(expanded(named).absolute(), "FINETUI_RUNS")
        here = Path.cwd()
    except FileNotFoundError:
        raise RunError("The current folder is gone", next_step="cd to another folder, and try again.") from None
    for folder in (here, *here.parents):
        if (folder / "runs" / MARKER).is_file():
            return Root(folder / "runs", "the nearest runs folder of finetui")
    return Root(Path(platformdirs.user_data_dir("finetui", appauthor=False)) / "runs", "the data folder of this user")


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the Runs table. Scores are those on validation: test figures are shown in an opened run only."""

    name: str
    path: Path
    state: RunState
    created: float
    seconds: float
    data: str
    base: str
    macro_f1: float | None
    accuracy: float | None
    worst_class: str
    worst_f1: float | None
    tags: tuple[str, ...]
    problem: str = ""
    fingerprint: str = ""
    """Of the data set; empty while it is not known."""
    validation_mark: str = ""
    """Of the validation rows: scores compare between runs where both are equal."""
    parent: str = ""
    """The run whose weights this one began with, if there is one."""
    can_finish: bool = False
    """Whether it can be scored and saved as it was left."""
    can_have_more: bool = False
    """Whether it has ended with a model, which another run can train for more epochs."""


class RunStore:
    """The runs below one folder. Creating the object touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder and its marker. Raises `RunError` when it cannot be written to."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError), open(self.root / MARKER, "x") as marker:
                marker.write("finetui keeps its runs here. Each folder is one run.\n")
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(self.root))
        except OSError as broken:
            raise RunError(
                f"Cannot write to the runs folder {self.root}",
                broken.strerror or str(broken),
                "Choose another: --runs DIR, or set FINETUI_RUNS.",
            ) from None

    def create(self, config: RunConfig, name: str = "") -> Run:
        """A new run folder with its `run.toml`: from here on nothing is lost.

        Raises `RunError` when the name is taken or not allowed, or the folder cannot be written.
        """
        if name and not valid_name(name):
            raise RunError(
                f"{name!r} cannot be a run's name",
                "Letters, digits, dot, dash and underscore; at most 64 of them.",
            )
        if name == "last":
            raise RunError("A run cannot be named 'last'", "That word stands for the newest run.")
        try:
            content = dumps(config).encode()
        except UnicodeEncodeError:
            raise RunError(
                "A name in this configuration is not valid UTF-8", next_step="Rename the file or folder it points to."
            ) from None
        self.prepare()
        staged = self._staged(content)
        for candidate in [name] if name else suggestions():
            path = self.root / candidate
            try:
                if os.path.lexists(path):
                    continue
                os.rename(staged, path)  # claims the name: it never replaces a folder that holds something
                sync_path(self.root)
            except OSError as broken:
                if broken.errno in _TAKEN:
                    continue
                shutil.rmtree(staged, ignore_errors=True)
                raise RunError(f"Cannot create {path}", broken.strerror or str(broken)) from None
            return Run(path)
        shutil.rmtree(staged, ignore_errors=True)
        raise RunError(f"A run named {name or 'like the suggestions'} already exists", next_step="Choose another name.")

    def _staged(self, content: bytes) -> Path:
        """A hidden folder with this `run.toml`: whoever is killed while making a run takes no name away with it."""
        staged = self.root / f".{secrets.token_hex(8)}.new"
        try:
            staged.mkdir(mode=0o700)
            write_file(staged / "run.toml", content)
        except OSError as broken:
            shutil.rmtree(staged, ignore_errors=True)
            raise RunError(f"Cannot write to {self.root}", broken.strerror or str(broken)) from None
        return staged

    def names(self) -> list[str]:
        """The names of all runs, newest first."""
        return [run.name for run in sorted(self._runs(), key=_created, reverse=True)]

    def _runs(self) -> Iterator[Run]:
        try:
            entries = list(os.scandir(self.root))
        except OSError:
            return
        for entry in entries:
            if _is_run(entry):
                yield Run(Path(entry.path))

    def open(self, name: str) -> Run:
        """The run of that name, of a unique beginning of it, or `last` for the newest. Raises `RunError`."""
        names = self.names()
        if name == "last" and names:
            return Run(self.root / names[0])
        matches = [known for known in names if known == name] or [known for known in names if known.startswith(name)]
        if len(matches) == 1 and name:
            return Run(self.root / matches[0])
        if len(matches) > 1 and name:
            raise RunError(f"More than one run begins with {name!r}", ", ".join(matches[:8]))
        raise RunError(
            f"There is no run {name!r}",
            f"Looked in {self.root}.",
            "finetui runs lists them." if names else "No runs there yet: finetui train FILE makes one.",
        )

    def live(self) -> list[Run]:
        """The runs that train or wait right now, newest first."""
        return [run for run in sorted(self._runs(), key=_created, reverse=True) if _is_live(run)]

    def list(self) -> list[Summary]:
        """One summary per run, newest first. A damaged run is listed with its problem, never left out."""
        return [summarise(run) for run in sorted(self._runs(), key=_created, reverse=True)]

    def delete(self, name: str) -> Path:
        """Move a run to the trash and return its place there. Raises `RunError` while it is being trained."""
        run = self.open(name)
        if run.name != name:
            raise RunError(
                f"There is no run {name!r}", next_step=f"Did you mean {run.name}? Deleting wants the full name."
            )
        if run.state() is RunState.RUNNING:
            raise RunError(f"{name} is being trained", next_step=f"finetui stop {name}")
        trash = self.root / TRASH
        place = trash / f"{name}~{time.time_ns()}"
        try:
            trash.mkdir(mode=0o700, exist_ok=True)
            if trash.is_symlink():
                raise NotADirectoryError(errno.ENOTDIR, f"{trash} is a link to somewhere else")
            os.rename(run.path, place)
        except OSError as broken:
            raise RunError(f"Cannot move {name} to the trash", broken.strerror or str(broken)) from None
        return place

    def restore(self, place: Path) -> Run:
        """Bring a run back from the trash. Raises `RunError` when its name is taken again or it cannot be moved."""
        name = place.name.rsplit("~", 1)[0]
        target = self.root / name
        if place.parent != self.root / TRASH or not valid_name(name) or not self._is_kept(place):
            raise RunError(f"{place.name} is not in the trash")
        try:
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "", str(target))
            os.rename(place, target)  # fails when another process has made a run of that name meanwhile
        except OSError as broken:
            if broken.errno in _TAKEN:
                raise RunError(f"A run named {name} already exists", next_step="Rename that one first.") from None
            raise RunError(
                f"Cannot bring {name} back", broken.strerror or str(broken), f"Is {self.root} writable?"
            ) from None
        return Run(target)

    def _is_kept(self, place: Path) -> bool:
        """Whether this entry of the trash is a run that `delete` put there. No link is followed."""
        if (self.root / TRASH).is_symlink() or place.is_symlink():
            return False
        with suppress(OSError):
            return stat.S_ISREG((place / "run.toml").lstat().st_mode)
        return False


def _is_run(entry: os.DirEntry[str]) -> bool:
    """Whether this is a run of ours. In a shared folder lie runs of others, too, which we may not look into."""
    with suppress(OSError):
        return (
            valid_name(entry.name)
            and entry.is_dir(follow_symlinks=False)
            and stat.S_ISREG(Path(entry.path, "run.toml").lstat().st_mode)
            and os.access(entry.path, os.R_OK | os.X_OK)
        )
    return False


def _is_live(run: Run) -> bool:
    with suppress(OSError):
        return not (run.path / "metrics.json").exists() and run.state().is_live
    return False


def _created(run: Run) -> float:
    try:
        return (run.path / "run.toml").stat().st_mtime
    except OSError:
        return 0.0


def base_name(base: str) -> str:
    """A base model in one word: of a folder its name, and for the model of a run the name of that run."""
    path = Path(base)
    return path.parent.name if path.name == "model" and path.parent.name else path.name


def summarise(run: Run, history: History | None = None) -> Summary:
    """The row of one run, from `metrics.json` when it is there, else from its log (or `history`, when that is read)."""
    from core.runs.follow import read_history

    created, problem, ahead = _created(run), "", None
    data = base = worst = ""
    macro = accuracy = worst_f1 = None
    seconds, state = 0.0, RunState.INTERRUPTED
    try:
        config = run.config()
        data, base = Path(config.data.given or config.data.source).name, base_name(config.model.base)
        metrics = run.read_json("metrics.json")
        state = run.state()
        if not metrics:
            history = read_history(run) if history is None else history
            ahead = None if state.is_live else outlook(run, state, history.end)
            seconds = history.elapsed(time.time() if state.is_live else history.last_time)
            best = history.best or (history.full_evals[-1] if history.full_evals else None)
            names = history.data.label_names if history.data else ()
            if best and names:
                scores = best.scores
                macro, accuracy = scores.macro_f1, scores.accuracy
                worst, worst_f1 = names[scores.worst], scores.class_f1[scores.worst]
        else:
            seconds = float(metrics.get("seconds", 0.0))
            scored: dict[str, Any] = metrics["validation"]
            macro, accuracy = float(scored["macro_f1"]), float(scored["accuracy"])
            pairs = [(float(value), str(name)) for name, value in scored["class_f1"].items()]
            worst_f1, worst = min(pairs)
    except (RunError, ValueError, KeyError, TypeError, AttributeError, OSError) as broken:
        problem = str(broken) if isinstance(broken, RunError | OSError) else f"metrics.json is damaged: {broken!r}"
    notes = run.notes()
    tags = notes.get("tags", ())
    return Summary(
        run.name,
        run.path,
        state,
        created,
        max(seconds, 0.0),
        data,
        base,
        macro,
        accuracy,
        worst,
        worst_f1,
        tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        problem,
        *_marks(run),
        parent=str(notes.get("parent", "")),
        can_finish=ahead is not None and ahead.can_finish,
        can_have_more=state in COMPLETE if ahead is None else ahead.can_have_more,
    )


def _marks(run: Run) -> tuple[str, str]:
    """(fingerprint of the data, mark of the validation rows), empty while they are not known."""
    try:
        facts = run.read_json("data.json")
    except RunError:
        return "", ""
    return str(facts.get("fingerprint", "")), str(facts.get("validation_mark", ""))

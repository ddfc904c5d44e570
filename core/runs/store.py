"""The folder where runs live: create, list, open, rename, delete to the trash and bring back."""

from __future__ import annotations

import difflib
import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import platformdirs

from core.config import RunConfig, dumps
from core.errors import RunError
from core.paths import expanded
from core.runs import aliases
from core.runs.atomic import sync_path, write_file
from core.runs.index import Index
from core.runs.names import check_name, suggestions, valid_name
from core.runs.renaming import new_name_of, rename_run, require_free
from core.runs.run import Run, RunState
from core.runs.summary import Summary, summarise

__all__ = ["MARKER", "TRASH", "Root", "RunStore", "Summary", "find_root", "summarise", "valid_name"]

MARKER = ".finetui-runs"
TRASH = ".trash"
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


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
        if name:
            check_name(name)
        try:
            content = dumps(config).encode()
        except UnicodeEncodeError:
            raise RunError(
                "A name in this configuration is not valid UTF-8", next_step="Rename the file or folder it points to."
            ) from None
        self.prepare()
        if name:
            require_free(self, name)
        staged = self._staged(content)
        for candidate in [name] if name else suggestions():
            path = self.root / candidate
            try:
                if os.path.lexists(path) or aliases.named_now(self.root, candidate):
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
        return [name for _, name in sorted(self._found(), key=itemgetter(0), reverse=True)]

    def runs(self) -> Iterator[Run]:
        """All runs, newest first."""
        return (Run(self.root / name) for name in self.names())

    def _found(self) -> Iterator[tuple[float, str]]:
        """When each run was made, and its name."""
        try:
            entries = list(os.scandir(self.root))
        except OSError:
            return
        for entry in entries:
            made = _made(entry)
            if made is not None:
                yield made, entry.name

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
        if now := new_name_of(self, name):
            raise RunError(f"There is no run {name!r}", f"It is called {now} now.", f"finetui show {now}")
        raise RunError(
            f"There is no run {name!r}",
            f"Looked in {self.root}.",
            _hint(name, names) if names else "No runs there yet: finetui train FILE makes one.",
        )

    def live(self) -> list[Run]:
        """The runs that train or wait right now, newest first."""
        return [run for run in self.runs() if _is_live(run)]

    def list(self) -> list[Summary]:
        """One summary per run, newest first. A damaged run is listed with its problem, never left out."""
        index = Index(self.root)
        found = [index.summary(run) for run in self.runs()]
        index.save([one.name for one in found])
        return found

    def rename(self, old: str, new: str) -> Run:
        """Give the run `old` another name, which others that point to it follow. Raises `RunError` with the reason."""
        return rename_run(self, old, new)

    def delete(self, name: str) -> Path:
        """Move a run to the trash and return its place there. Raises `RunError` while it is being trained."""
        run = self.open(name)
        if run.name != name:
            raise RunError(
                f"There is no run {name!r}", next_step=f"Did you mean {run.name}? Deleting wants the full name."
            )
        from core.runs.waiting import is_begun, leave_line

        if run.state() is RunState.RUNNING or is_begun(run):
            raise RunError(f"{name} is being trained", next_step=f"finetui stop {name}")
        leave_line(run)
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
        require_free(self, name)
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


def _made(entry: os.DirEntry[str]) -> float | None:
    """When this run of ours was made, none for anything else.

    In a shared folder lie runs of others, too, which we may not look into.
    """
    with suppress(OSError):
        if valid_name(entry.name) and entry.is_dir(follow_symlinks=False):
            found = os.lstat(f"{entry.path}/run.toml")
            if stat.S_ISREG(found.st_mode) and os.access(entry.path, os.R_OK | os.X_OK):
                return found.st_mtime
    return None


def _is_live(run: Run) -> bool:
    with suppress(OSError):
        return not (run.path / "metrics.json").exists() and run.state().is_live
    return False


def _hint(name: str, names: list[str]) -> str:
    """The run whose name, or first word of it, is nearest."""
    words = {known.split("-")[0]: known for known in reversed(names)} | {known: known for known in names}
    near = difflib.get_close_matches(name, words, n=1)
    return f"Did you mean {words[near[0]]}? finetui runs lists them." if near else "finetui runs lists them."

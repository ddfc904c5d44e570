"""The process that works on the queue: it starts one waiting run after another, each on a device that is free.

One such process serves a runs folder on each host. It is started by whoever puts a run in the line, lives in a session
of its own, so that no closed screen ends it, and leaves when nothing waits any more. A failed run is passed over; one
whose trainer vanished is tried once more.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import RunError
from core.launch.child import child_command, child_environment
from core.launch.local import start
from core.machine import list_gpus
from core.runs import waiting
from core.runs.lock import Owner, RunLock, is_held
from core.runs.log import append_line
from core.runs.run import Run, RunState
from core.runs.store import RunStore

FOLDER = ".queue"
LOG = "log.jsonl"

PERIOD = 0.5
"""Seconds between two looks."""

CPU = "cpu"


def queue_folder(root: Path) -> Path:
    """Where the worker of this host has its lock, and what it did is told."""
    return root / FOLDER


def is_served(root: Path) -> bool:
    """Whether a process of this host works on the queue of `root`."""
    return is_held(_place(root))


def ensure_served(root: Path) -> bool:
    """Start a process that works on the queue, unless one does or nothing waits. Returns whether one was started.

    Raises `RunError` when it cannot be started.
    """
    if is_served(root) or not any(not place.held for _, place in waiting.waiting(root)):
        return False  # who serves it looks once more after it has let go of its lock
    try:
        folder = _place(root)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(folder / "log.txt", "ab") as log:
            subprocess.Popen(
                child_command("work-queue", str(root)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(os.sep),
                env=child_environment(),
                start_new_session=True,
            )
    except OSError as broken:
        raise RunError("Nobody can be started to work on the queue", broken.strerror or str(broken)) from None
    return True


def line_up(run: Run) -> None:
    """Put `run` at the end of the line, and have the line worked on. Raises `RunError`."""
    waiting.enqueue(run)
    ensure_served(run.path.parent)


def told(root: Path, count: int = 20) -> list[dict[str, object]]:
    """What was done last, the oldest first: `{"t": unix time, "what": started|ended|again|lost, "run": name, ...}`."""
    found = []
    with suppress(OSError):
        for line in (queue_folder(root) / LOG).read_text(encoding="utf-8").splitlines()[-count:]:
            with suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict) and isinstance(fact.get("t"), int | float):
                    found.append(fact)
    return found


def devices() -> list[str]:
    """What runs can be given to, one each: every GPU that may be used, else the CPU."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if listed and all(part.strip().isdigit() for part in listed.split(",")):
        return [f"cuda:{index}" for index in range(len(listed.split(",")))]
    return [f"cuda:{index}" for index in range(len(list_gpus()))] or [CPU]


class Worker:
    """Serves the queue below `root` until nothing waits. `launch` starts a trainer and returns its process."""

    def __init__(
        self,
        root: Path,
        places: list[str] | None = None,
        launch: Callable[[Run, dict[str, str]], subprocess.Popen[bytes]] | None = None,
        period: float = PERIOD,
    ) -> None:
        self.root = root
        self.places = devices() if places is None else places
        self._launch: Callable[[Run, dict[str, str]], subprocess.Popen[bytes]] = launch or start
        self._period = period
        self._swept: float = 0.0
        self._busy: dict[str, tuple[Run, int, subprocess.Popen[bytes] | None]] = {}

    def serve(self) -> None:
        """Work until nothing waits and nothing of ours trains; at once when another process does so already."""
        while True:
            with _alone(self.root) as mine:
                if not mine:
                    return
                self._adopt()
                while self._step():
                    time.sleep(self._period)
            # Somebody may have put a run in the line, and found us still here, after we had looked.
            if not self._next(self.places):
                return

    def _step(self) -> bool:
        """One look; false when nothing is left to do."""
        if time.monotonic() > self._swept:
            self._swept = time.monotonic() + waiting.STALE / 2
            waiting.put_back_lost(self.root)
        for device, (run, attempts, child) in list(self._busy.items()):
            if child.poll() is not None if child is not None else not run.state().is_live:
                del self._busy[device]
                self._ended(run, attempts)
        free = [device for device in self.places if device not in self._busy]
        refused: set[Path] = set()
        while free and not self._is_disturbed():
            found = self._next(free, refused)
            if found is None:
                break
            run, device = found
            if (place := waiting.take(run)) is None:  # somebody was faster, or we may not write there
                refused.add(run.path)
                continue
            self._begin(run, device, place.attempts)
            free = [one for one in free if one not in self._busy]
        return bool(self._busy) or self._next(self.places, refused) is not None

    def _next(self, free: list[str], without: Collection[Path] = ()) -> tuple[Run, str] | None:
        """The next run that is not held, nor among those `without`, and the first free device that suits it."""
        for run, place in waiting.waiting(self.root):
            if place.held or run.path in without:
                continue
            for device in free:
                if suits(wanted(run), device):
                    return run, device
        return None

    def _begin(self, run: Run, device: str, attempts: int) -> None:
        kind, _, index = device.partition(":")
        alone = kind == "cuda" and wanted(run) in ("auto", kind)  # who names a number sees them all
        environment = {"CUDA_VISIBLE_DEVICES": _visible(int(index))} if alone else {}
        try:
            child = self._launch(run, environment)
        except RunError as broken:
            self._tell("ended", run, state="failed", reason=broken.title)
            waiting.let_go(run)
            return
        self._busy[device] = (run, attempts, child)
        self._tell("started", run, device=device)

    def _ended(self, run: Run, attempts: int) -> None:
        state = run.state() if run.path.is_dir() else RunState.FAILED
        again = state is RunState.INTERRUPTED and attempts < waiting.RETRIES
        with suppress(RunError, OSError):
            waiting.let_go(run, again=again, attempts=attempts + 1)
        if state is RunState.INTERRUPTED:
            self._tell("again" if again else "lost", run)
        else:
            self._tell("ended", run, state=str(state))

    def _adopt(self) -> None:
        """Runs taken by a worker that is gone: those that still train are waited for, the others are over or lost."""
        for run, owner, attempts in waiting.taken(self.root):
            if not waiting.is_abandoned(owner) or owner == Owner.me():
                continue
            if run.state().is_live:  # or its trainer is only just coming
                device = next((one for one in self.places if one not in self._busy), f"adopted {run.name}")
                self._busy[device] = (run, attempts, None)
            else:
                self._ended(run, attempts)

    def _is_disturbed(self) -> bool:
        """Whether somebody else's run trains on the CPU that is all we have: two at a time are slower than in turn."""
        if self.places != [CPU]:
            return False
        mine = {run.path for run, _, _ in self._busy.values()}
        return any(run.path not in mine and is_held(run.path) for run in RunStore(self.root).live())

    def _tell(self, what: str, run: Run, **more: str) -> None:
        with suppress(OSError):
            line = {"t": round(time.time(), 3), "what": what, "run": run.name, **more}
            append_line(queue_folder(self.root) / LOG, json.dumps(line))


def suits(asked: str, device: str) -> bool:
    """Whether a run that asks for `asked` may be given to `device`."""
    if asked in ("auto", device):
        return True
    return asked == "cuda" and device.startswith("cuda:")


def wanted(run: Run) -> str:
    """What `run` asks for: `auto` for all that any place can do, else a GPU."""
    try:
        device = run.config().training.device
    except RunError:
        return "auto"  # its trainer says what is wrong with it
    return device if device.startswith("cuda") else "auto"


def _visible(index: int) -> str:
    """The number of a GPU as the driver counts them, which a child that shall see it alone is told."""
    listed = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    return listed[index] if index < len(listed) else str(index)


def _place(root: Path) -> Path:
    return queue_folder(root) / Owner.me().host


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Whether this process now is the one of this host that serves the queue of `root`."""
    place = _place(root)
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = RunLock(place)
    try:
        lock.__enter__()
    except RunError:
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__()

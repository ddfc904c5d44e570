"""No room, no right to write, a disk that turned read-only: at every call of every save, and on a real small disk."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.errors import RunError
from core.launch import child_environment
from core.runs import RunStore
from core.runs.atomic import write_file
from core.runs.lock import RunLock, is_held
from core.runs.log import LogReader, LogWriter, append_line
from tests.faults.folders import ABSENT, Save, commit, recovered, seen, unsynced
from tests.faults.layer import Call, layer
from tests.faults.score import Score, Tally

NAME = "disk-full"
WHAT = "no room (also after half of the bytes), no right, read-only: at every writing call of every save"

OLD, NEW = "old", "new"


def _version(old: int) -> Callable[[Path], str]:
    def look(root: Path) -> str:
        return {old: OLD, 2: NEW}.get(found := seen(root / "model"), f"version {found}")

    return look


def _file(root: Path) -> str:
    content = (root / "metrics.json").read_bytes()
    return {b"old" * 3000: OLD, b"new!" * 3000: NEW}.get(content, f"{len(content)} other bytes")


LINE = "second " + "x" * 300


def _append(root: Path) -> None:
    append_line(root / "log", LINE)


def _write_log(root: Path) -> None:
    writer = LogWriter(root / "log")
    try:
        writer.append(LINE)
    finally:
        writer.close()


def _log(root: Path) -> str:
    """The old line is whole, and the new one is there once or not at all: of the trainer's log nothing is left torn."""
    found = LogReader(root / "log").read_all()
    return {("first",): OLD, ("first", LINE): NEW}.get(tuple(found), f"{len(found)} lines")


def _requests(root: Path) -> str:
    """A log of many writers may hold a part of the line before the line: none of them may take anything back."""
    found = LogReader(root / "log").read_all()
    if found[0] != "first" or not all(LINE.startswith(line) for line in found[1:]):
        return f"{len(found)} lines"
    return NEW if LINE in found else OLD


def _run(root: Path) -> str:
    store = RunStore(root / "runs")
    if store.names() != ["one"]:
        return OLD
    return NEW if store.open("one").config() == RunConfig() else "another configuration"


def _create(root: Path) -> None:
    RunStore(root / "runs").create(RunConfig(), "one")


def _lock(root: Path) -> None:
    with RunLock(root):
        if not is_held(root):
            raise AssertionError("it was taken and nobody sees it")


def _free(root: Path) -> str:
    return "it is still held" if is_held(root) else NEW if (root / "owner.json").exists() else OLD


def _nothing(_: Path) -> None:
    pass


SAVES = (
    Save("first commit", _nothing, lambda root: commit(root / "model", 2), _version(ABSENT)),
    Save("commit by exchange", lambda root: commit(root / "model", 1), lambda root: commit(root / "model", 2),
         _version(1)),
    Save("commit by two renames", lambda root: commit(root / "model", 1), lambda root: commit(root / "model", 2),
         _version(1), exchange=False),
    Save("file", lambda root: write_file(root / "metrics.json", "old" * 3000),
         lambda root: write_file(root / "metrics.json", "new!" * 3000), _file),
    Save("line", lambda root: append_line(root / "log", "first"), _append, _requests),
    Save("log", lambda root: append_line(root / "log", "first"), _write_log, _log),
    Save("new run", lambda root: RunStore(root / "runs").prepare(), _create, _run),
    Save("lock", _nothing, _lock, _free),
)  # fmt: skip

_MAKING = ("create", "mkdir", "rename", "exchange")
FAILS = {
    "no room": (errno.ENOSPC, (*_MAKING, "write", "fsync")),
    "half a write": (errno.ENOSPC, ("write",)),
    "a write but its last byte": (errno.ENOSPC, ("write",)),
    "no right": (errno.EACCES, (*_MAKING, "truncate", "unlink", "rmdir")),
    "read-only": (errno.EROFS, (*_MAKING, "write", "fsync", "truncate", "unlink", "rmdir")),
}
"""What a call answers, and which calls do."""


def _failing(why: str, place: int, *, stays: bool) -> tuple[Callable[[Call, Callable[..., Any]], Any], list[Call]]:
    """A hook in which the call number `place` of those that can fail does; with `stays`, all after it too."""
    number, kinds = FAILS[why]
    passed, failed = 0, []

    def hook(call: Call, do: Callable[..., Any]) -> Any:
        nonlocal passed
        if call.kind not in kinds:
            return do()
        passed += 1
        if passed - 1 < place or (passed - 1 > place and not stays):
            return do()
        failed.append(call)
        if "a write" in why and passed - 1 == place and len(call.data) > 1:
            end = len(call.data) // 2 if "half" in why else len(call.data) - 1
            return do(call.data[:end])  # the next one says that there is no room
        raise OSError(number, os.strerror(number), call.path)

    return hook, failed


def _tries(save: Save, why: str, stays: bool, folder: Path, tally: Tally, stride: int) -> None:
    place = 0
    while True:
        root = folder / "root"
        root.mkdir()
        save.prepare(root)
        hook, failed = _failing(why, place, stays=stays)
        said: Exception | None = None
        with layer(root, hook, exchange=save.exchange):
            try:
                save.act(root)
            except Exception as error:  # noqa: BLE001 - the kind of error is what is looked at
                said = error
        if failed:
            tally.tries += 1
            if stays and not save.exchange and seen(root / "model") == ABSENT:
                recovered(root / "model")  # nothing could be renamed any more, also not back: for the next owner to do
            where = f"{save.name}, {why}{' from' if stays else ' at'} {failed[0].kind} {place}"
            _judge(save, root, tally, where, said, tidy="unlink" not in FAILS[why][1])
        shutil.rmtree(root)
        if not failed:
            return
        place += stride


def _judge(save: Save, root: Path, tally: Tally, where: str, said: Exception | None, *, tidy: bool) -> None:
    """The old content or the new is whole, a failure was told, and the next attempt with room works.

    `tidy`: nothing may be left over, for what was begun could be removed.
    """
    found = save.look(root)
    if said is not None and not isinstance(said, OSError | RunError):
        tally.spoiled(f"{where}: {said!r}")
    elif found not in (OLD, NEW):
        tally.spoiled(f"{where}: {found}")
    elif said is None and found != NEW:
        tally.missed(f"{where}: success was told")
    elif said is not None and not _is_clear(said):
        tally.spoiled(f"{where}: the error says nothing: {said!r}")
    if found == NEW and save.name in ("line", "log", "new run"):
        return
    try:
        save.act(root)
        if save.name.endswith(("commit", "exchange", "renames")):
            recovered(root / "model")
        left = [path.name for path in root.rglob(".*") if path.name != ".finetui-runs"]
    except Exception as again:  # noqa: BLE001 - any error is one too many
        tally.missed(f"{where}: and then with room {again!r}")
        return
    if save.look(root) != NEW:
        tally.missed(f"{where}: the next attempt left {save.look(root)}")
    elif left and tidy:
        tally.spoiled(f"{where}: {left[0]} was left over")


def _is_clear(said: Exception) -> bool:
    if isinstance(said, RunError):
        return bool(said.title and said.message)
    return isinstance(said, OSError) and bool(said.strerror)


def _small_disk(folder: Path, tally: Tally, saves: tuple[Save, ...], most: int) -> None:
    """Every save on a real disk with 0, 1, 2, ... pages of room. Runs where a tmpfs is mounted on `folder`."""
    for save in saves:
        for pages in range(most):
            root = folder / "root"
            root.mkdir()
            save.prepare(root)
            _fill(folder / "filler", pages)
            said: Exception | None = None
            try:
                save.act(root)
            except Exception as error:  # noqa: BLE001 - the kind of error is what is looked at
                said = error
            (folder / "filler").unlink()
            tally.tries += 1
            _judge(save, root, tally, f"{save.name}, no room but {pages} pages", said, tidy=True)
            shutil.rmtree(root)


def _fill(path: Path, pages: int) -> None:
    """Take all room but so many pages."""
    page = os.sysconf("SC_PAGE_SIZE")
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(page))
        except OSError:
            filler.truncate(max(filler.tell() // page - pages, 0) * page)


def _mounted(folder: Path, tally: Tally, most: int) -> str:
    """The same in a child with a small disk of its own, and what to say about it."""
    here = folder / "small"
    here.mkdir()
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = 'mount -t tmpfs -o size=512k,mode=700 finetui-faults "$1" && shift && exec "$@"'
    child = [sys.executable, "-m", "tests.faults.disk_full", str(here), str(most)]
    try:
        found = subprocess.run(
            [*alone, "sh", "-c", script, "sh", str(here), *child],
            capture_output=True, text=True, env=child_environment(), check=False, timeout=600,
        )  # fmt: skip
    except OSError:
        return "no real small disk: this system has no unshare"
    lines = found.stdout.splitlines()
    if found.returncode or not lines:
        return "no real small disk: mounting one is not allowed here"
    tries, invalid, lost = map(int, lines[0].split())
    tally.tries, tally.invalid, tally.lost = tally.tries + tries, tally.invalid + invalid, tally.lost + lost
    tally.found += lines[1:]
    return f"{tries} of them on a real disk of 512 KB"


def run(tries: int, folder: Path) -> Score:
    """`tries` 0: every call of every save; else every second or so, and a smaller part of the real disk."""
    tally, stride = Tally(), 3 if tries else 1
    with unsynced():
        for save, why, stays in _cases():
            _tries(save, why, stays, folder, tally, stride)
    return tally.score(NAME, WHAT, _mounted(folder, tally, 3 if tries else 24))


def _cases() -> Iterator[tuple[Save, str, bool]]:
    for save in SAVES:
        for why in FAILS:
            for stays in (False, True):
                yield save, why, stays


if __name__ == "__main__":
    counts = Tally()
    _small_disk(Path(sys.argv[1]), counts, SAVES, int(sys.argv[2]))
    print(counts.tries, counts.invalid, counts.lost)
    print(*counts.found, sep="\n", end="")

"""What a person changes in the list of runs, each with its way back: deleting, renaming, tags, notes, putting aside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual import work

from core.errors import RunError, WorkbenchError
from core.runs import Run, RunStore, Summary
from core.runs.disk import Usage, usage
from core.runs.notes import edit, tags_in
from core.runs.store import TRASH
from core.text import safe
from tui import format as fmt
from tui.messages import RunsChanged
from tui.screens.modals import TextDialog
from tui.screens.room import Room
from tui.screens.run_dialogs import LineDialog, name_dialog, note_dialog, tags_dialog


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made: what it says, the run and the name it has now (empty when it is gone), the way back."""

    said: str
    name: str
    now: str
    back: Callable[[], Change] | None = None


# What happens on the disk: in a thread, raising `WorkbenchError` or `OSError`


def delete(store: RunStore, name: str) -> Change:
    """Move a run to the trash."""
    place = store.delete(name)

    def back() -> Change:
        found = store.restore(place).name
        return Change(f"{found} is back.", found, found)

    return Change(f"{name} is in the trash. u brings it back.", name, "", back)


def rename(store: RunStore, name: str, new: str) -> Change:
    """Give a run another name."""
    found = store.rename(name, new).name

    def back() -> Change:
        store.rename(found, name)
        return Change(f"{name} has its name again.", found, name)

    return Change(f"{name} is called {found} now.", name, found, back)


def tag(store: RunStore, name: str, had: tuple[str, ...], wanted: tuple[str, ...]) -> Change:
    """Give a run these tags in place of those that it had; what others changed meanwhile stays."""
    run = Run(store.root / name)
    before, after = edit(run, add=[one for one in wanted if one not in had], remove=set(had) - set(wanted))

    def back() -> Change:
        edit(run, add=set(before.tags) - set(after.tags), remove=set(after.tags) - set(before.tags))
        return Change(f"{name} has the tags it had.", name, name)

    told = f"has the tags {', '.join(after.tags)}" if after.tags else "has no tags now"
    return Change(f"{name} {told}.", name, name, back)


def note(store: RunStore, name: str, text: str) -> Change:
    """Write a note about a run."""
    run = Run(store.root / name)
    before, after = edit(run, text=text)

    def back() -> Change:
        edit(run, text=before.text)
        return Change(f"{name} has the note it had.", name, name)

    return Change(f"{name} has a note." if after.text else f"{name} has no note now.", name, name, back)


def archive(store: RunStore, name: str, *, archived: bool) -> Change:
    """Put a run aside, or bring it back into the list."""
    run = Run(store.root / name)
    edit(run, archived=archived)

    def back() -> Change:
        edit(run, archived=not archived)
        return Change(f"{name} is {'back in the list' if archived else 'put aside again'}.", name, name)

    told = "is put aside. u brings it back, / is:archived lists it" if archived else "is back in the list"
    return Change(f"{name} {told}.", name, name, back)


class ChangingRoom(Room):
    """Makes changes one after another and keeps the way back of each."""

    def __init__(self) -> None:
        super().__init__()
        self._backs: list[tuple[str, Callable[[], Change]]] = []
        self._turn = asyncio.Lock()

    def changed(self, change: Change) -> None:
        """Show what a change has made of the list, at once."""

    def listed(self) -> list[Summary]:
        """All runs that are known, those that are not shown too."""
        return []

    def ask_change(self, what: str, run: Summary) -> None:
        """Ask for what is needed, then `tag`, `note`, `rename`, `archive` or `delete` this run."""
        store = self.workbench.store
        match what:
            case "tag":
                self._ask(tags_dialog(run, self.listed()), run, lambda text: partial(
                    tag, store, run.name, run.tags, tags_in(text.split())))  # fmt: skip
            case "note":
                self._ask(note_dialog(run), run, lambda text: partial(note, store, run.name, text))
            case "rename":
                self._ask(name_dialog(run, self.listed()), run, lambda text: partial(rename, store, run.name, text))
            case "archive":
                self._change(run.name, partial(archive, store, run.name, archived=not run.is_archived))
            case "delete":
                self._change(run.name, partial(delete, store, run.name))

    @work
    async def _ask(self, dialog: LineDialog, run: Summary, change: Callable[[str], Callable[[], Change]]) -> None:
        if run.notes_problem:
            self.workbench.show_error(_damaged(run))
            return
        before = dialog.before
        answer = await self.app.push_screen_wait(dialog)
        if answer is not None and answer != before:
            self._change(run.name, change(answer))

    @work
    async def _change(self, name: str, change: Callable[[], Change]) -> None:
        async with self._turn:
            if done := await self._made(name, change):
                if done.back is not None:
                    self._backs.append((done.now or name, done.back))
                self._show_change(done)

    def action_undo(self) -> None:
        """Take the last change to the list back."""
        self._undo()

    @work
    async def _undo(self) -> None:
        async with self._turn:
            if not self._backs:
                self.notify("Nothing to take back.")
                return
            name, back = self._backs.pop()
            if done := await self._made(name, back):
                self._show_change(done)

    async def _made(self, name: str, change: Callable[[], Change]) -> Change | None:
        try:
            return await asyncio.to_thread(change)
        except (OSError, WorkbenchError) as broken:
            wrong = broken if isinstance(broken, WorkbenchError) else RunError(f"{name} was not changed", str(broken))
            self.workbench.show_error(wrong)
            self.post_message(RunsChanged())
        return None

    def _show_change(self, done: Change) -> None:
        if done.now != done.name:  # other rooms know it by its name
            if self.workbench.run_name == done.name:
                self.workbench.run_name = done.now
            if self.workbench.asked_run == done.name:
                self.workbench.asked_run = done.now
        self.changed(done)
        self.refresh_bindings()
        self.post_message(RunsChanged())
        self.notify(safe(done.said), markup=False)

    # Disk use

    @work
    async def action_room(self) -> None:
        """How much room the runs take."""
        runs, store = self.listed(), self.workbench.store
        self.notify("Adding up what lies on the disk…", timeout=2)
        sizes, trash = await asyncio.to_thread(lambda: (_usages(runs), usage(store.root / TRASH).total))
        if self.is_current:
            self.app.push_screen(TextDialog("Disk use", "\n".join(_room_lines(sizes, trash))))


def _damaged(run: Summary) -> RunError:
    return RunError(
        f"The notes of {run.name} are damaged",
        run.notes_problem,
        "Mend the file, or take it away: nothing else of the run depends on it.",
    )


def _usages(runs: list[Summary]) -> dict[str, Usage]:
    return {one.name: usage(one.path) for one in runs}


def _room_lines(sizes: dict[str, Usage], trash: int) -> list[str]:
    """`12 runs, 1.8 GiB (checkpoints 0.9 GiB, epochs 0.2 GiB)`, then the runs, the largest first."""
    whole = sum(sizes.values(), Usage())
    told = [("checkpoints", whole.checkpoints), ("epochs", whole.epochs)]
    parts = ", ".join(f"{name} {fmt.size(value)}" for name, value in told if value)
    lines = [
        f"{fmt.count(len(sizes))} run{'s' * (len(sizes) != 1)}, {fmt.size(whole.total)}{f' ({parts})' * bool(parts)}"
    ]
    if trash:
        lines.append(f"{fmt.size(trash)} more in the trash")
    largest = sorted(sizes.items(), key=lambda one: one[1].total, reverse=True)
    return [*lines, "", *(f"{fmt.cell(fmt.size(one.total), 9, right=True)}  {name}" for name, one in largest[:200])]

"""How a trainer comes to start: a new run, one that goes on, one that is only scored and saved, one made from another.

Each is looked at first, in a thread or a child, and may ask a person something; what then starts it is returned, and
`None` when the person thought better of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.config import RunConfig, to_dict, with_absolute_paths
from core.errors import RunError
from core.launch import again
from core.runs import Run, read_history
from core.runs.resume import Outlook, outlook
from tui.screens.modals import NumberDialog

if TYPE_CHECKING:
    from tui.app import Workbench

Begin = Callable[[Run], object]
"""What makes a prepared run begin: a trainer at once, or a place in the line."""

Launch = Callable[[Begin], Run]
"""For a thread: prepares a run, lets it begin and returns it. Raises `WorkbenchError`."""

MORE = 2
"""Epochs that are proposed for a complete run."""


async def new_run(app: Workbench, config: RunConfig) -> Launch:
    """A run of this configuration. Nothing is written before all is well."""
    checked = await _checked(app, config)

    def launch(begin: Begin) -> Run:
        run = app.store.create(checked)
        begin(run)
        return run

    return launch


async def going_on(app: Workbench, run: Run) -> Launch | None:
    """Go on with a run where it was left; of a complete one, a child for as many more epochs as a person says."""
    found = await asyncio.to_thread(_look, run)
    if found.can_have_more:
        return await _more_epochs(app, run, found)
    if not found.possible:
        raise RunError(f"{run.name} cannot go on", found.why_not, found.next_step)

    def launch(begin: Begin) -> Run:
        again.go_on(run, begin)
        return run

    return launch


async def finishing(run: Run) -> Launch:
    """Score and save a run that was left, as it is."""

    def launch(begin: Begin) -> Run:
        again.finish(run)  # it takes seconds: nobody waits with that
        return run

    return launch


async def anew(app: Workbench, run: Run) -> Launch:
    """A failed run from its beginning, with the settings that `core.launch.again.remedy` names."""
    config = await asyncio.to_thread(lambda: again.with_remedy(run, read_history(run)))
    return await _child(app, config, run, again.ANEW)


async def corrected(app: Workbench, run: Run) -> Launch:
    """A child of a run, on the same rows, with the labels as people have decided since."""
    return await _child(app, await asyncio.to_thread(again.with_corrections, run), run, again.CORRECTED)


async def _more_epochs(app: Workbench, run: Run, found: Outlook) -> Launch | None:
    text = (
        f"{run.name} does not go on itself. {found.why_not} More epochs are a run of their own, which begins with its "
        "weights and uses the same rows in each part."
    )
    epochs = await app.push_screen_wait(NumberDialog("More epochs", text, "training.epochs", MORE))
    if epochs is None:
        return None
    return await _child(app, await asyncio.to_thread(again.more_epochs, run, epochs), run, again.MORE)


async def _child(app: Workbench, config: RunConfig, parent: Run, word: str) -> Launch:
    checked = await _checked(app, config)

    def launch(begin: Begin) -> Run:
        run = again.make(checked, parent, word)
        begin(run)
        return run

    return launch


async def _checked(app: Workbench, config: RunConfig) -> RunConfig:
    """`config` with its sources pinned to what was read. Raises `WorkbenchError` when it cannot be trained on."""
    config = with_absolute_paths(config)
    if not app.engine.busy("data"):
        app.notify("Looking at data and settings…", timeout=1)
    found = await app.engine.ask("data", "check", config=to_dict(config))
    for name in ("source", "validation_file", "test_file", "corrections"):
        config = config.with_value(f"data.{name}", str(found.get(name) or config.get(f"data.{name}")))
    return config


def _look(run: Run) -> Outlook:
    last = run.newest()
    return outlook(run, run.state(last), last)

"""Commands to a trainer: pause, save, stop, and resume, which starts one."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from core.cli.console import Line, out, say
from core.cli.find import find_run, live_or_last
from core.cli.follow import json_of, progress_text, watch
from core.cli.options import JsonOption, LiveArgument, RunsOption
from core.cli.report import left_text, size_text
from core.errors import ConfigError, RunError, TrainingError
from core.launch import again, start
from core.launch.login import ends_with_login
from core.runs import History, Run, RunState, RunStore, find_root, follow, read_history
from core.runs.absence import Silence, silence_text
from core.runs.checkpoints import NOT_WRITTEN
from core.runs.resume import outlook, place_text
from core.training import events as e


def pause(run: LiveArgument = "", json: JsonOption = False, runs: RunsOption = None) -> None:
    """Let a run write a checkpoint and leave, so that its device is free. Waits until it has left."""
    found = _live(live_or_last(run, runs))
    with _standing(found, "pause"):
        found.ask("pause")
        say(f"{found.name}: asked to pause, waiting for the step to end")
        history, state, _ = _until(found, lambda one: False)
    if json:
        out(json_of(found, state, history))
    if state in (RunState.INTERRUPTED, RunState.FAILED):
        raise TrainingError(f"{found.name} did not pause", f"It {_ended(state)}.", f"finetui show {found.name}")
    say(left_text(found, history, state) or f"{found.name} had no time to pause: it {_ended(state)}")


def _ended(state: RunState) -> str:
    return "has failed" if state is RunState.FAILED else f"was {state}" if again.is_left(state) else f"is {state}"


def save(run: LiveArgument = "", json: JsonOption = False, runs: RunsOption = None) -> None:
    """Let a run write a checkpoint now and go on. Waits until it is on the disk, and says what was written."""
    found = _live(live_or_last(run, runs))
    before = read_history(found).last_number
    with _standing(found, "save"):
        found.ask("save")
        history, state, last = _until(found, _is_about_checkpoint, before)
    if isinstance(last, e.CheckpointSaved):
        if json:
            out(json_format.dumps({"run": found.name, "path": str(found.path), **asdict(last)}))
        else:
            steps = history.plan.steps if history.plan is not None else 0
            out(f"{place_text(last.step, steps)}, {size_text(last.bytes)}, {last.seconds:.1f} s")
        return
    if isinstance(last, e.Warned):
        raise TrainingError(last.title, last.message)
    raise TrainingError(f"No checkpoint of {found.name} was written", f"It {_ended(state)} by now.")


def _is_about_checkpoint(fact: e.Event) -> bool:
    return isinstance(fact, e.CheckpointSaved) or (isinstance(fact, e.Warned) and fact.title == NOT_WRITTEN)


@contextmanager
def _standing(run: Run, wish: str) -> Iterator[None]:
    """Who does not wait leaves the wish with the run: it cannot be taken back."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\nthe request to {wish} stands: {run.name} does so when its step has ended · finetui attach {run.name}")
        raise


def _until(run: Run, wanted: Callable[[e.Event], bool], told: int = 0) -> tuple[History, RunState, e.Event | None]:
    """Follow a live run until a fact after number `told` is wanted, or it ends: what happened, its state, that fact."""
    history, line, state, silence = History(), Line(), RunState.RUNNING, Silence(run)
    try:
        for batch in follow(run, idle=1.0):
            state = batch.state
            for record in batch.records:
                history.apply(record)
                if record.number > told and wanted(record.event):
                    return history, state, record.event
            quiet = silence_text(run, silence.seconds(history, state))
            line.draw(f"{quiet} · {progress_text(history)}" if quiet else progress_text(history), quiet)
    finally:
        line.clear()
    return history, state, None


def stop(run: LiveArgument = "", runs: RunsOption = None) -> None:
    """Ask a run to finish its step, validate, and save the best weights.

    A run that is named and was paused or interrupted, or has failed, is scored and saved as it was left.
    """
    found = live_or_last(run, runs)
    if run and again.is_left(found.state()):
        at = place_text(again.finish(found).step, _steps(found))
        say(f"{found.name} is being scored and saved as it was after {at} · finetui attach {found.name}")
        return
    _live(found).ask("stop")
    say(f"{found.name} stops after its step and saves · finetui attach {found.name}")


def resume(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="Name of the run, a beginning of it, or 'last'. Without: the newest that waits to go on.",
            show_default=False,
        ),
    ] = "",
    epochs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--epochs", help="More epochs of a complete run, as a run of their own.", show_default=False),
    ] = None,
    runs: RunsOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start and return at once.")] = False,
    json: JsonOption = False,
) -> None:
    """Go on with a run that was paused, interrupted or failed; with --epochs train a complete one for more.

    The first ctrl+c stops and saves, the second stops now.
    """
    if epochs is not None and not run:
        raise ConfigError("More epochs of which run?", next_step=f"finetui resume RUN --epochs {epochs}")
    found, told = find_run(run, runs) if run else _waiting(runs), 0
    if epochs is None:
        history = read_history(found)
        told = history.last_number
        at = again.go_on(found)
        say(f"{found.name} goes on from {place_text(at.step, history.plan.steps if history.plan else 0)}")
    else:
        found = _child(found, epochs)
    if detach:
        if warning := ends_with_login():
            say(f"! {warning}")
        out(json_format.dumps({"run": found.name, "path": str(found.path)}) if json else found.name)
        return
    sys.exit(watch(found, json=json, ours=True, told=told))


def _child(parent: Run, epochs: int) -> Run:
    """A run that trains `parent` for more epochs, its trainer started. Raises `RunError` unless that is complete."""
    from core.preflight import preflight

    last = parent.newest()
    state = parent.state(last)
    if not isinstance(last, e.RunFinished):
        found = outlook(parent, state, last)
        step = f"Without --epochs it goes on: finetui resume {parent.name}" if found.possible else found.next_step
        raise RunError(f"{parent.name} is not complete", f"More epochs are for a complete run; it is {state}.", step)
    child = again.make(preflight(again.more_epochs(parent, epochs)), parent, again.MORE)
    start(child)
    say(f"run {child.name}  ({child.path}), after {parent.name}")
    return child


def _live(run: Run) -> Run:
    """`run` when it trains. Raises `RunError` with what can be done with it otherwise."""
    last = run.newest()
    state = run.state(last)
    if not state.is_live:
        step = f"It goes on with: finetui resume {run.name}" if outlook(run, state, last).possible else ""
        raise RunError(f"{run.name} is not training", f"It is {state}.", step or "finetui runs lists all of them.")
    return run


def _waiting(root: Path | None) -> Run:
    """The newest run that was left or failed and can go on. Raises `RunError` when none waits."""
    place = find_root(root)
    store = RunStore(place.path)
    for name in store.names():
        run = Run(store.root / name)
        last = run.newest()
        state = run.state(last)
        if again.is_left(state) and outlook(run, state, last).possible:
            return run
    raise RunError(
        "No run waits to go on", f"Looked in {place.path} ({place.reason}).", "finetui runs lists what is there."
    )


def _steps(run: Run) -> int:
    plan = read_history(run).plan
    return plan.steps if plan is not None else 0

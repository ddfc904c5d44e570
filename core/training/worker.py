"""The trainer process: owns a run from its first fact to its last.

Signals and the control file become one answer to the loop's question "what do people ask?". Every fact is recorded
before anything else happens, and the last fact is written whatever goes wrong.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import PAUSED, RunError, WorkbenchError, kind_named
from core.launch.child import child_command, child_environment
from core.runs import epochs
from core.runs.atomic import recover_dir
from core.runs.checkpoints import discard, newest, tidy
from core.runs.lock import is_held, read_owner
from core.runs.log import FULL
from core.runs.resume import STUCK, check_open
from core.runs.run import RESERVE, Run, RunState
from core.secrets import without_secrets
from core.training import events as e
from core.training.listening import Ears, Pulse
from core.training.resume import is_waiting_to_go_on, was_begun

LETTING_GO = 20.0
"""Seconds that a trainer may take between its last fact and its end: a slow disk is synced in between."""

BEFORE = e.STAGES[: e.STAGES.index("train")]
"""Stages in which there is no model yet."""


def work(run: Run) -> int:
    """Train `run` in this process, from the start or on from where it was left, and return the exit code.

    Raises `RunError` when another process owns it, or it is complete.
    """
    _require_alone(run)
    with _locked(run):
        recover_dir(run.model_path)
        tidy(run.path)
        epochs.tidy(run.path)
        _settle(run)
        check_open(run)
        run.reserve()
        code = _train(run, Ears(run))
        run.close()
        _settle(run)
    if code == 0 and run.model_path.is_dir() and run.config().training.onnx:
        _export_in_background(run)
    return code


def _require_alone(run: Run) -> None:
    """Raise `RunError` when a trainer on another host lives: on some shared file systems locks are each host's own."""
    if run.state() is RunState.RUNNING and not is_held(run.path):
        owner = read_owner(run.path)
        raise RunError(f"{run.name} is being trained on {owner.host if owner else 'another host'}")


@contextmanager
def _locked(run: Run) -> Iterator[None]:
    """Hold the run's lock; a trainer that has said its last word is given a while to let go of it."""
    until = time.monotonic() + LETTING_GO
    lock = run.lock()
    while True:
        try:
            lock.__enter__()
            break
        except RunError:
            last_word = isinstance(run.newest(), e.RunPaused | e.RunFailed | e.RunFinished)
            if not last_word or time.monotonic() > until:
                raise
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.__exit__()


def _settle(run: Run) -> None:
    """Give the room of its checkpoints back when the run is complete."""
    if isinstance(run.newest(), e.RunFinished):
        discard(run.path)
        (run.path / RESERVE).unlink(missing_ok=True)


def _train(run: Run, ears: Ears) -> int:
    """Record every fact; the last one is written here, when nothing else is recorded any more."""
    began = time.monotonic()
    last: e.Event | None
    try:
        run.record(e.RunStarted(os.getpid(), socket.gethostname(), shlex.join(sys.argv)))
        run.record(e.StageChanged("start"))
        with Pulse(run, ears):
            last = _facts(run, ears, began)
        code = PAUSED if isinstance(last, e.RunPaused) else 0
    except KeyboardInterrupt:
        last = _left_now(run, ears, began)
        code = 130 if ears.killed else PAUSED
    except WorkbenchError as error:
        print(without_secrets(f"{type(error).__name__}: {error}"), flush=True)
        last, code = _ended_by(run, error), error.exit_code
    except Exception as error:  # noqa: BLE001  # the border of the process: whatever happened must become a fact
        print(without_secrets(traceback.format_exc()), flush=True)
        last = e.RunFailed(*explain(error, run.name))
        code = max(kind_named(last.kind).exit_code, 1) if kind_named(last.kind) is not WorkbenchError else 1
    ears.close()
    if last is not None:
        run.record(last)
    return code


def _ended_by(run: Run, error: WorkbenchError) -> e.Event:
    """The last fact of a run that an error ended; one that could not begin to go on is where it was."""
    found, _ = newest(run.path)
    if is_waiting_to_go_on(run):
        return e.RunPaused(found.step if found else 0, f"{STUCK}{' '.join(map(_sentence, error.args))}".strip())
    return e.RunFailed(type(error).__name__, error.title, error.message, error.next_step)


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1].isalnum() else text


def _facts(run: Run, ears: Ears, began: float) -> e.Event | None:
    """Record what training yields and return its last fact, unrecorded.

    Until the plan is made, and after the last step, every fact is a border at which a request to pause ends the run;
    a request to stop does so before the first step.
    """
    from core.training.session import train

    again, stage = was_begun(run), "start"
    facts = train(run, ears.asked)
    for fact in facts:
        if isinstance(fact, e.RunFinished | e.RunPaused):
            return fact
        run.record(fact)
        if isinstance(fact, e.StageChanged):
            stage = fact.stage
        if stage != "train" and ears.ends() == "pause":
            facts.close()  # it waits for a checkpoint that is being written
            found, _ = newest(run.path)
            return e.RunPaused(found.step if found else 0)
        if stage in BEFORE and not again and ears.ends() == "stop":
            return e.RunFinished("stopped before the first step: there is no model", True, _since(began))
    return None


def _left_now(run: Run, ears: Ears, began: float) -> e.Event:
    """The last fact of a run that was ended in the middle of something."""
    run.close()  # it may have been in the middle of a line: the next fact begins a new one and counts anew
    recover_dir(run.model_path)
    epochs.tidy(run.path)
    found, _ = newest(run.path)
    if not ears.killed or found is not None:
        who = "a person" if ears.killed else "a signal"
        return e.RunPaused(found.step if found else 0, f"ended at once by {who}")
    kept = "the best weights saved so far are kept" if run.model_path.is_dir() else "there is no model"
    return e.RunFinished(f"stopped now by a person; {kept}", True, _since(began))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)


def explain(error: Exception, name: str) -> tuple[str, str, str, str]:
    """(kind, title, message, next step) of an error that is not ours, in the run of that name."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "can't allocate memory" in text:
        step = "Halve the batch and double the accumulation (--batch-size 8 --accumulation 2), or lower --max-length."
        return "MemoryFullError", "Out of memory", text[:300], step
    if (isinstance(error, OSError) and error.errno in FULL) or "No space left on device" in text:
        step = f"Make room, then: finetui resume {name}. The best weights saved so far are kept."
        return "DiskFullError", "The disk is full", text[:300], step
    return kind, "Training failed", f"{kind}: {text}"[:500], "The log has the details: l in the screen, or log.txt."


def _export_in_background(run: Run) -> None:
    """Make the run's ONNX graph in a process of its own: cold answers come from it, and nobody waits for it here."""
    with open(run.log_path, "ab") as log:
        subprocess.Popen(
            child_command("export", str(run.path), "--onnx"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=os.sep,
            env=child_environment(),
            start_new_session=True,
        )

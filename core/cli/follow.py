"""Following a run in the shell: a line that is redrawn on a terminal, plain lines on a pipe, scores at the end."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from types import FrameType

from core.cli.console import Line, out, say
from core.cli.report import run_text
from core.launch import program
from core.runs import Batch, History, Run, RunState, follow
from core.text import safe
from core.training import events as e

STAGE_WORDS = {
    "start": "starting",
    "read": "reading the data",
    "split": "splitting",
    "baselines": "scoring the baselines",
    "load": "loading the model",
    "tokenise": "tokenising",
    "train": "training",
    "evaluate": "evaluating",
    "save": "saving",
}


class _CtrlC:
    """Of a run of ours the first ctrl+c stops and saves, the second ends it now; the next one leaves, heard or not."""

    def __init__(self, run: Run, cancelled: threading.Event, ours: bool) -> None:
        self._run, self._cancelled, self._ours = run, cancelled, ours
        self.count = 0
        self._before = signal.signal(signal.SIGINT, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if not self._ours or self.count > 2:
            self._cancelled.set()
            return
        try:
            self._run.ask("stop" if self.count == 1 else "kill")
        except OSError as broken:
            say(f"\ncannot ask {self._run.name} to stop: {broken.strerror}; ctrl+c again leaves it to itself")
            self.count = 2
            return
        now = "stopping now; ctrl+c again leaves without waiting"
        say("\nstopping after this step and saving; ctrl+c again stops now" if self.count == 1 else f"\n{now}")

    def close(self) -> None:
        signal.signal(signal.SIGINT, self._before)


def watch(run: Run, *, json: bool, ours: bool) -> int:
    """Show a run until it ends; returns the exit code. `ours`: ctrl+c stops the run (twice: now), else it only
    stops watching."""
    cancelled = threading.Event()
    keys = _CtrlC(run, cancelled, ours)
    history, line, state = History(), Line(), RunState.QUEUED
    try:
        for batch in follow(run, cancelled):
            state = batch.state
            history.extend(batch.records)
            _show(history, batch, line)
    finally:
        keys.close()
        line.clear()
    if cancelled.is_set():
        say(f"{run.name} is still training · {program()} attach {run.name}")
        return 130
    code = _end(run, history, state, json=json)
    return 130 if ours and keys.count > 1 else code


def _show(history: History, batch: Batch, line: Line) -> None:
    for record in batch.records:
        match record.event:
            case e.EvalFinished(full=True) | e.Warned() | e.BaselinesScored() | e.DataReady() | e.DeviceChosen():
                line.clear()
                say(_sentence(record.event, history))
            case _:
                pass
    line.draw(progress_text(history))


def _sentence(event: e.Event, history: History) -> str:
    names = history.data.label_names if history.data else ()
    match event:
        case e.DataReady(read=read, kept=kept, train=train, validation=validation, test=test):
            locked = f"locked test {sum(test)}" if sum(test) else "no locked test"
            return f"{kept} of {read} rows: train {sum(train)}, validation {sum(validation)}, {locked}"
        case e.BaselinesScored(majority, tfidf):
            return f"baselines: majority macro F1 {majority.macro_f1:.3f}, TF-IDF {tfidf.macro_f1:.3f}"
        case e.DeviceChosen(device, name, precision, threads, _):
            return f"{device} {safe(name)}, {precision}, {threads} threads"
        case e.EvalFinished(step, epoch, _, scores, _):
            worst = f", worst {safe(names[scores.worst])} {scores.class_f1[scores.worst]:.3f}" if names else ""
            loss = "" if scores.loss is None else f", loss {scores.loss:.3f}"
            return (
                f"epoch {round(epoch, 2):g} (step {step}): macro F1 {scores.macro_f1:.3f}, "
                f"accuracy {scores.accuracy:.3f}{loss}{worst}"
            )
        case e.Warned(title, message):
            return f"! {title} {message}"
    return ""


def progress_text(history: History) -> str:
    """One line about where a run is."""
    plan = history.plan
    if plan is None or history.stage != "train":
        return STAGE_WORDS.get(history.stage, "waiting for the trainer") + " …"
    done = history.step / plan.steps
    filled = round(done * 20)
    speed, left = history.sequences_per_second(), history.seconds_left()
    parts = [f"[{'#' * filled}{'.' * (20 - filled)}] {history.step}/{plan.steps}"]
    if history.losses:
        parts.append(f"loss {history.losses[-1]:.3f}")
    if not math.isnan(speed):
        parts.append(f"{speed:.0f} seq/s")
    if not math.isnan(left):
        parts.append(f"{left:.0f} s left")
    if history.best:
        parts.append(f"best {history.best.scores.macro_f1:.3f}")
    return "  ".join(parts)


def _end(run: Run, history: History, state: RunState, *, json: bool) -> int:
    if json:
        out(json_of(run, state))
    match history.end:
        case e.RunFailed(kind, title, message, next_step):
            say(f"{run.name} failed: {title}")
            for part in (message, next_step):
                if part:
                    say(f"  {part}")
            from core import errors

            return int(getattr(getattr(errors, kind, None), "exit_code", 1))
        case e.RunFinished(reason=reason, stopped=stopped):
            if not json:
                out(run_text(run, history, state))
            if stopped and not run.read_json("metrics.json"):
                say(f"{run.name}: {reason}")
            return 0
    say(f"{run.name} was interrupted: its trainer is gone. finetui show {run.name} · log: {run.log_path}")
    return 1


def json_of(run: Run, state: RunState) -> str:
    """A run as one JSON object for scripts."""
    return json.dumps(
        {
            "run": run.name,
            "path": str(run.path),
            "state": str(state),
            "time": round(time.time(), 3),
            "metrics": run.read_json("metrics.json") or None,
        }
    )

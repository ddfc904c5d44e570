"""Following a run in the shell: a line that is redrawn on a terminal, plain lines on a pipe, scores at the end."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from types import FrameType

from core.cli.console import Line, out, say
from core.cli.ending import ending_lines, warning_text
from core.cli.epochs import epochs_json
from core.cli.report import resumed_text, run_text
from core.errors import PAUSED, RunError, WorkbenchError, kind_named
from core.launch import program
from core.launch.login import in_batch_job
from core.runs import History, Run, RunState, follow
from core.runs.absence import Silence, silence_text
from core.runs.resume import STUCK, outlook
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


class _Signals:
    """Of a run of ours the first ctrl+c stops and saves, the second ends it now; the next one leaves, heard or not.

    A SIGTERM is meant for who watches: it ends that, and the run goes on. But in a batch job it is the scheduler's, as
    SIGUSR2 is everywhere: a run of ours then writes a checkpoint and leaves, and who watches waits for that, for the
    job ends with it.
    """

    def __init__(self, run: Run, cancelled: threading.Event, ours: bool) -> None:
        self._run, self._cancelled, self._ours = run, cancelled, ours
        self.count = 0
        self.terminated = False
        answers = {signal.SIGINT: self._hear, signal.SIGTERM: self._leave}
        if ours:
            answers[signal.SIGUSR2] = self._make_way
            if in_batch_job():
                answers[signal.SIGTERM] = self._make_way
        self._before = {number: signal.signal(number, heard) for number, heard in answers.items()}

    def _make_way(self, number: int, frame: FrameType | None) -> None:
        with suppress(OSError):  # a full disk: the scheduler's next signal ends it
            self._run.ask("pause")

    def _leave(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        self._cancelled.set()

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
        for number, before in self._before.items():
            signal.signal(number, before)


def watch(run: Run, *, json: bool, ours: bool, told: int = 0) -> int:
    """Show a run until it ends; returns the exit code. `ours`: ctrl+c stops the run (twice: now), else it only
    stops watching. `told`: the number of the last fact that is no news, of a run that goes on."""
    cancelled = threading.Event()
    keys = _Signals(run, cancelled, ours)
    history, line, state, silence = History(), Line(), RunState.QUEUED, Silence(run)
    known: set[str] = set()
    try:
        for batch in follow(run, cancelled, idle=1.0):
            state = batch.state
            history.extend(batch.records)
            quiet = silence_text(run, silence.seconds(history, state))
            for record in batch.records:
                sentence = _news(record.event, history, known)
                if sentence and record.number > told:
                    line.clear()
                    say(sentence)
            line.draw(f"{quiet} · {progress_text(history)}" if quiet else progress_text(history), quiet)
    finally:
        keys.close()
        line.clear()
    if cancelled.is_set():
        say(f"{run.name} is still training · {program()} attach {run.name}")
        return 143 if keys.terminated else 130
    if told and history.last_number <= told:
        say(f"The trainer of {run.name} ended before it began · log: {run.log_path}")
        return 1
    code = _end(run, history, state, json=json)
    return 130 if ours and keys.count > 1 else code


def _news(fact: e.Event, history: History, known: set[str]) -> str:
    """The line that a fact is worth, or none; what a trainer that goes on tells again, in the same words, is not."""
    match fact:
        case e.EvalFinished(full=True) | e.Warned() | e.RunResumed():
            return _sentence(fact, history)
        case e.BaselinesScored() | e.DataReady() | e.DeviceChosen() | e.LayersJoined():
            sentence = _sentence(fact, history)
            is_new = sentence not in known
            known.add(sentence)
            return sentence if is_new else ""
    return ""


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
        case e.LayersJoined() as fact:
            return joined_text(fact)
        case e.RunResumed() as fact:
            return f"goes on from {resumed_text(fact, history.plan.steps if history.plan else 0)}"
        case e.Warned():
            return warning_text(event)
    return ""


def joined_text(fact: e.LayersJoined) -> str:
    """What trains from an epoch on: `epoch 2: the top 3 of 6 layers train too, 5.3 M parameters`."""
    if not fact.layers:
        what = "the head alone trains"
    elif fact.layers < fact.depth:
        what = f"the top {fact.layers} of {fact.depth} layers train too"
    else:
        what = "all layers train, the embeddings too" if fact.embeddings else f"all {fact.depth} layers train too"
    return f"epoch {fact.epoch}: {what}, {parameters_text(fact.parameters)} parameters"


def parameters_text(count: int) -> str:
    """`5.3 M`, `66.4 k`, `770`."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return str(count)


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
        out(json_of(run, state, history))
    end = history.end
    if isinstance(end, e.RunFinished) and not json:
        out(run_text(run, history, state))
    for text in ending_lines(run, history, state):
        say(text)
    match end:
        case e.RunFailed(kind=kind):
            return 1 if (found := kind_named(kind)) is WorkbenchError else found.exit_code
        case e.RunFinished():
            return 0
        case e.RunPaused(reason=reason):
            return RunError.exit_code if reason.startswith(STUCK) else PAUSED
    return 1


def json_of(run: Run, state: RunState, history: History) -> str:
    """A run as one JSON object for scripts."""
    found = outlook(run, state, history.end)
    resumed = zip(history.resumed, history.resumed_times, strict=True)
    return json.dumps(
        {
            "run": run.name,
            "path": str(run.path),
            "state": str(state),
            "time": round(time.time(), 3),
            "step": history.step,
            "steps": history.plan.steps if history.plan is not None else None,
            "resumes_from": found.step if found.possible else None,
            "resumed": [{**asdict(fact), "time": round(moment, 3)} for fact, moment in resumed],
            "parent": run.notes().get("parent"),
            "metrics": run.read_json("metrics.json") or None,
            "epochs": epochs_json(run, history),
            "checklist": asdict(history.checklist) if history.checklist is not None else None,
        }
    )

"""A sweep: settings tried one after another, each as an ordinary run from the queue, chosen by what came before.

Optuna proposes (every listed combination in turn, or a tree-structured Parzen estimator over ranges: Bergstra et al.
2011) and keeps its journal in the group's folder, so that a sweep goes on after anything that ends this process. A
member whose validation is among the worst quarter at its epoch is asked to stop (after the median rule of Golovin et
al. 2017). Members are ranked by validation; none of them scores the locked test.
"""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import (
    RunConfig,
    coerce,
    from_dict,
    parse,
    problem_with,
    settings,
    to_dict,
    type_of,
    with_absolute_paths,
)
from core.config.fields import number
from core.errors import ConfigError, RunError
from core.launch.child import child_command, child_environment
from core.launch.queue import ensure_served
from core.runs.follow import follow
from core.runs.groups import Group, Member, add_member, folder_of, group_of, members, read_group
from core.runs.lock import RunLock, is_held
from core.runs.run import Run, RunState
from core.runs.store import RunStore
from core.runs.waiting import cancel, enqueue, place_of
from core.training.events import EvalFinished

JOURNAL = "journal.log"
STOP = "stop"

LOG_SPAN = 10.0
"""A range whose ends differ by this factor is searched by its logarithm."""

FIRST = 4
"""Members before one is ended early: so few say little about the next."""

KEPT = 75.0
"""Per cent of the members that are not ended early: between seeds alone scores differ, so only the worst quarter is."""

MOST_LISTED = 200

FIXED = tuple(
    f"training.{name}" for name in ("metric", "score_test", "device", "precision", "threads", "save_epochs", "onnx")
)
"""What is the same for every member: what they are ranked by and where, and what changes no weight."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting that a sweep varies: listed values, or a range from `low` to `high`."""

    path: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_range(self) -> bool:
        """Whether values are drawn from a range."""
        return not self.values

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"path": self.path, "values": list(self.values), "low": self.low, "high": self.high}

    def suggested(self, trial: Any) -> Any:
        """What Optuna proposes for this setting, as the setting's own type."""
        if self.values:
            return trial.suggest_categorical(self.path, self.values)
        log = self.low > 0 and self.high / self.low >= LOG_SPAN
        if type_of(self.path) is int:
            return trial.suggest_int(self.path, int(self.low), int(self.high), log=log)
        return trial.suggest_float(self.path, self.low, self.high, log=log)


def tried(words: str) -> Tried:
    """What `learning_rate=1e-5..1e-3` or `batch_size=16,32` means. Raises `ConfigError`."""
    name, sign, right = words.partition("=")
    path = _path_of(name.strip())
    if not sign or not right.strip():
        raise ConfigError(f"{words!r} names no values", next_step="NAME=A,B,C or NAME=LOW..HIGH")
    low, dots, high = right.partition("..")
    if not dots:
        values = tuple(dict.fromkeys(parse(path, part) for part in right.split(",")))
        if path == "model.base":  # its trainers run in another folder
            values = tuple(with_absolute_paths(RunConfig().with_value(path, one)).model.base for one in values)
        return Tried(path, values)
    if type_of(path) not in (int, float):
        raise ConfigError(f"{name} has no range", next_step=f"List its values: {name}=A,B,C")
    ends = [float(parse(path, part)) for part in (low, high)]
    if ends[0] >= ends[1]:
        raise ConfigError(f"{words!r} is no range", "The first end must be the lower one.")
    return Tried(path, (), *ends)


def _path_of(name: str) -> str:
    wanted = name.replace("-", "_")
    found = [path for path, one, spec in settings() if name in (path, one.name, spec.flag) or wanted == one.name]
    mine = [path for path in found if path.split(".")[0] in ("model", "training") and path not in FIXED]
    if mine:
        return mine[0]
    if found:
        why = "Its runs are ranked on the same rows, by the same figure, and none looks at the locked test."
        raise ConfigError(f"A sweep cannot try {found[0].split('.')[1]!r}", why)
    raise ConfigError(f"There is no setting {name!r} to try", next_step="docs/options.md lists them.")


def combinations(what: list[Tried]) -> int:
    """How many there are when all values are listed; 0 when one is a range."""
    return 0 if any(one.is_range for one in what) else math.prod(len(one.values) for one in what)


def check(what: list[Tried], trials: int) -> int:
    """How many members a sweep gets. Raises `ConfigError`."""
    if not what:
        raise ConfigError("A sweep tries something", next_step="--try learning_rate=1e-5..3e-4 --try batch_size=16,32")
    if len({one.path for one in what}) < len(what):
        raise ConfigError("A setting is named twice")
    for one in what:
        for value in one.values or (one.low, one.high):
            if message := problem_with(one.path, coerce(one.path, type_of(one.path)(value))):
                raise ConfigError(f"{one.path.split('.')[1]}: {message}")
    count = combinations(what)
    if not count and not trials:
        raise ConfigError("A range has no end by itself", next_step="Say how many to try: --trials 20")
    if count > MOST_LISTED and not trials:
        raise ConfigError(
            f"{count} combinations are many", next_step=f"--trials N tries N of them (at most {MOST_LISTED})"
        )
    return min(trials or count, count or trials)


def ensure_driven(root: Path, name: str) -> bool:
    """Start the process that drives the sweep `name`, unless one does. Returns whether one was started."""
    folder = folder_of(root, name)
    if is_held(folder):
        return False
    with open(folder / "log.txt", "ab") as log:
        subprocess.Popen(
            child_command("work-sweep", str(root), name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=Path(os.sep),
            env=child_environment(),
            start_new_session=True,
        )
    return True


class Sweep:
    """Drives one sweep to its end. `metric` is the members' own, more is better (a loss is negated)."""

    def __init__(self, root: Path, name: str) -> None:
        self.store = RunStore(root)
        self.group: Group = read_group(root, name)
        self.folder = folder_of(root, self.group.name)
        about = self.group.about
        self.what = [Tried(one["path"], tuple(one["values"]), one["low"], one["high"]) for one in about["try"]]
        self.base: RunConfig = from_dict(about["config"])

    def serve(self) -> None:
        """Make members until there are as many as planned; at once when another process does so."""
        lock = RunLock(self.folder)
        try:
            lock.__enter__()
        except RunError:
            return
        try:
            study = self._study()
            self._settle(study)
            while len(self._ended(study)) < self.group.planned and not self._is_stopped():
                trial = study.ask()
                values = {one.path: one.suggested(trial) for one in self.what}
                self._run(study, trial, values)
        finally:
            lock.__exit__()

    def _study(self) -> Any:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(self.folder / JOURNAL)))
        study = optuna.create_study(
            study_name=self.group.name,
            storage=storage,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=self.base.training.seed),
            pruner=optuna.pruners.PercentilePruner(KEPT, n_startup_trials=FIRST, n_warmup_steps=1),
            load_if_exists=True,
        )
        if combinations(self.what) == self.group.planned and not study.get_trials(deepcopy=False):
            for values in itertools.product(*(one.values for one in self.what)):
                study.enqueue_trial({one.path: value for one, value in zip(self.what, values, strict=True)})
        return study

    def _run(self, study: Any, trial: Any, values: dict[str, Any]) -> None:
        index = trial.number + 1
        config = self.base
        for path, value in values.items():
            config = config.with_value(path, value)
        run = self._made(config, f"{self.group.name}-{index}")
        what = ", ".join(f"{path.split('.')[1]} {_written(value)}" for path, value in values.items())
        add_member(run, self.group.name, index, what, values)
        if place_of(run) is None and run.state() not in _OVER:
            enqueue(run)
        ensure_served(self.store.root)
        self._tell(study, trial, run)

    def _made(self, config: RunConfig, name: str) -> Run:
        """A new run, or the one of this name that a driver made before it was killed. Raises `RunError`."""
        try:
            return self.store.create(config, name)
        except RunError:
            run = Run(self.store.root / name)
            if not run.path.is_dir() or group_of(run) not in ("", self.group.name) or run.config() != config:
                raise
            return run

    def _tell(self, study: Any, trial: Any, run: Run) -> None:
        """Follow a member to its end, and tell Optuna what came of it."""
        from optuna.trial import TrialState

        best, pruned = -math.inf, False
        for value, epoch in scores(run, self.group.metric):
            best = max(best, value)
            if trial is not None and hasattr(trial, "report"):
                trial.report(value, epoch)
                if not pruned and trial.should_prune():
                    pruned = True
                    run.ask("stop")
            if self._is_stopped():
                with suppress(RunError):
                    cancel(run)
        if math.isfinite(best):
            study.tell(trial, best)
        else:
            study.tell(trial, state=TrialState.FAIL)

    def _settle(self, study: Any) -> None:
        """Trials that an earlier driver left open: their runs have ended meanwhile, or are waited for."""
        from optuna.trial import TrialState

        left = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        known = {one.index: one for one in members(self.store.root, self.group.name)}
        for trial in left:
            member: Member | None = known.get(trial.number + 1)
            if member is None:
                study.tell(trial.number, state=TrialState.FAIL)
                continue
            if place_of(member.run) is not None:
                ensure_served(self.store.root)
            found = [value for value, _ in scores(member.run, self.group.metric)]
            if found:
                study.tell(trial.number, max(found))
            else:
                study.tell(trial.number, state=TrialState.FAIL)

    def _ended(self, study: Any) -> list[Any]:
        return [one for one in study.get_trials(deepcopy=False) if one.state.is_finished()]

    def _is_stopped(self) -> bool:
        return (self.folder / STOP).exists()


_OVER = (RunState.FINISHED, RunState.STOPPED, RunState.FAILED)


def scores(run: Run, metric: str) -> Iterator[tuple[float, int]]:
    """(value, epoch) of every full validation of `run`, as they come, until it is no longer live; more is better."""
    for batch in follow(run):
        for record in batch.records:
            fact = record.event
            if isinstance(fact, EvalFinished) and fact.full and fact.step > 0:
                value = fact.scores.loss if metric == "loss" else getattr(fact.scores, metric)
                if value is not None and math.isfinite(value):
                    yield (-value if metric == "loss" else value), round(fact.epoch)


def stop_sweep(root: Path, name: str) -> None:
    """Let the sweep end after the member that trains now; what waits is taken out of the line."""
    folder = folder_of(root, name)
    (folder / STOP).touch()
    for member in members(root, name):
        if place_of(member.run) is not None:
            with suppress(RunError):
                cancel(member.run)


def plan(config: RunConfig, what: list[Tried], trials: int, name: str) -> Group:
    """The group that a sweep is; its members come later. Raises `ConfigError`."""
    planned = check(what, trials)
    config = config.with_value("training.score_test", False)
    about = {"config": to_dict(config), "try": [one.plain() for one in what]}
    return Group(name, "sweep", planned, time.time(), config.training.metric, about)


def _written(value: Any) -> str:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)

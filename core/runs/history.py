"""The log of a run folded into what a reader should see: curves, scores, stages, state.

One `History` serves every reader: the Train screen, `attach`, the Runs table and `show`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.training import events as e


@dataclass(frozen=True, slots=True)
class Record:
    """One fact with its number in the log and the unix time at which it was recorded."""

    number: int
    time: float
    event: e.Event


@dataclass(frozen=True, slots=True)
class EvalPoint:
    """A dot on the F1 chart."""

    step: int
    epoch: float
    full: bool
    scores: e.Scores
    seconds: float = 0.0


@dataclass(slots=True)
class History:
    """What a run's facts add up to. `losses` is one value per optimiser step; a NaN is kept as a gap."""

    started: e.RunStarted | None = None
    start_time: float = 0.0
    last_time: float = 0.0
    last_number: int = 0
    stage: str = ""
    stage_detail: str = ""
    stage_times: dict[str, float] = field(default_factory=dict)
    data: e.DataReady | None = None
    baselines: e.BaselinesScored | None = None
    device: e.DeviceChosen | None = None
    plan: e.PlanMade | None = None
    joined: list[e.LayersJoined] = field(default_factory=list)
    """What trained from which epoch on; empty where all of the model trains from the first."""
    step: int = 0
    loss_steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    recent: list[e.StepsFinished] = field(default_factory=list)
    read_backs: list[tuple[int, float]] = field(default_factory=list)
    """(last step, seconds of training until then) of each fact about steps."""
    evals: list[EvalPoint] = field(default_factory=list)
    epochs: list[e.EpochFinished] = field(default_factory=list)
    saves: list[e.ModelSaved] = field(default_factory=list)
    epochs_saved: list[e.EpochSaved] = field(default_factory=list)
    checkpoint: e.CheckpointSaved | None = None
    resumed: list[e.RunResumed] = field(default_factory=list)
    resumed_times: list[float] = field(default_factory=list)
    """When each of those was, as unix time."""
    away: float = 0.0
    """Seconds in which nobody trained: between a trainer's last fact and the next one's first."""
    validation: e.Scores | None = None
    test: e.TestScored | None = None
    checklist: e.ChecklistRun | None = None
    warnings: list[e.Warned] = field(default_factory=list)
    heartbeat: e.Heartbeat | None = None
    end: e.RunFinished | e.RunFailed | e.RunPaused | None = None

    def apply(self, record: Record) -> None:
        """Fold one fact in."""
        before, self.last_time = self.last_time, record.time
        self.last_number = record.number
        match record.event:
            case e.RunStarted() as fact:
                if self.started is None:
                    self.start_time = record.time
                else:
                    self.away += max(record.time - before, 0.0)
                self.started, self.end, self.heartbeat = fact, None, None
            case e.RunResumed(step) as fact:
                self._rewind(step)
                self.resumed.append(fact)
                self.resumed_times.append(record.time)
            case e.StageChanged(stage, detail):
                self.stage, self.stage_detail = stage, detail
                self.stage_times[stage] = record.time
            case e.DataReady() as fact:
                self.data = fact
            case e.BaselinesScored() as fact:
                self.baselines = fact
            case e.DeviceChosen() as fact:
                self.device = fact
            case e.PlanMade() as fact:
                self.plan = fact
            case e.LayersJoined() as fact:
                self.joined = [*(one for one in self.joined if one.step < fact.step), fact]
            case e.StepsFinished() as fact:
                self._add_steps(fact)
            case e.EvalFinished(step, epoch, full, scores, seconds):
                self.evals = [*_others(self.evals, step, full), EvalPoint(step, epoch, full, scores, seconds)]
            case e.EpochFinished() as fact:
                self.epochs = [*(one for one in self.epochs if one.epoch != fact.epoch), fact]
            case e.ModelSaved() as fact:
                self.saves.append(fact)
            case e.EpochSaved() as fact:
                self.epochs_saved = [*(one for one in self.epochs_saved if one.epoch != fact.epoch), fact]
            case e.CheckpointSaved() as fact:
                self.checkpoint = fact
            case e.ValidationScored(scores):
                self.validation = scores
            case e.TestScored() as fact:
                self.test = fact
            case e.ChecklistRun() as fact:
                self.checklist = fact
            case e.Warned() as fact:
                self.warnings.append(fact)
            case e.Heartbeat() as fact:
                self.heartbeat = fact
            case e.RunFinished() | e.RunFailed() | e.RunPaused() as fact:
                self.end = fact

    def extend(self, records: Iterable[Record]) -> None:
        """Fold several facts in, in order."""
        for record in records:
            self.apply(record)

    def _add_steps(self, fact: e.StepsFinished) -> None:
        self.step = fact.last
        self.loss_steps.extend(range(fact.first, fact.last + 1))
        self.losses.extend(fact.losses)
        self.read_backs.append((fact.last, self.train_seconds + fact.seconds))
        self.recent = [*self.recent[-19:], fact]

    def _rewind(self, step: int) -> None:
        """Forget what happened after `step`: the run went on from there."""
        keep = sum(1 for one in self.loss_steps if one <= step)
        del self.loss_steps[keep:], self.losses[keep:]
        self.read_backs = [one for one in self.read_backs if one[0] <= step]
        self.evals = [point for point in self.evals if point.step <= step]
        self.epochs = [epoch for epoch in self.epochs if epoch.step <= step]
        self.recent = [fact for fact in self.recent if fact.last <= step]
        self.joined = [fact for fact in self.joined if fact.step <= step]
        self.saves = [fact for fact in self.saves if fact.step <= step]
        self.epochs_saved = [fact for fact in self.epochs_saved if fact.step <= step]
        self.step, self.validation, self.test, self.checklist, self.end = step, None, None, None, None

    @property
    def saved(self) -> e.ModelSaved | None:
        """What `model/` holds."""
        return self.saves[-1] if self.saves else None

    @property
    def best(self) -> EvalPoint | None:
        """The full validation whose weights `model/` holds."""
        if self.saved is None:
            return None
        at = [point for point in self.evals if point.full and point.step == self.saved.step]
        return at[-1] if at else None

    @property
    def full_evals(self) -> list[EvalPoint]:
        """The validations on every row."""
        return [point for point in self.evals if point.full]

    def sequences_per_second(self) -> float:
        """Training throughput over the last facts, validation not counted; NaN before the first step."""
        seconds = sum(fact.seconds for fact in self.recent)
        return sum(fact.sequences for fact in self.recent) / seconds if seconds > 0 else math.nan

    def tokens_per_second(self) -> float:
        """Real tokens per second over the last facts; NaN before the first step."""
        seconds = sum(fact.seconds for fact in self.recent)
        return sum(fact.tokens for fact in self.recent) / seconds if seconds > 0 else math.nan

    def seconds_left(self) -> float:
        """Estimated seconds until the last step, validations included; NaN while nothing is known."""
        if self.plan is None or self.step == 0 or self.train_seconds <= 0:
            return math.nan
        done, whole = self._work(self.plan, self.step), self._work(self.plan, self.plan.steps)
        return (whole - done) * (self.train_seconds + self.eval_seconds) / done

    def _work(self, plan: e.PlanMade, until: int) -> float:
        """What the steps up to this one amount to, counted in such in which everything trains.

        A step in which less does is less work; that the epochs to come are like the present one nobody knows.
        """
        per_epoch = max(plan.steps_per_epoch, 1)
        ends = [fact.step for fact in self.joined[1:]] + [-(-self.step // per_epoch) * per_epoch]
        found = float(until)
        for fact, end in zip(self.joined, ends, strict=False):
            spared = 2 * (plan.trained_parameters - fact.parameters) / (plan.parameters + 2 * plan.trained_parameters)
            found -= spared * max(min(end, until) - fact.step, 0)
        return found

    @property
    def train_seconds(self) -> float:
        """Spent on steps."""
        return self.read_backs[-1][1] if self.read_backs else 0.0

    @property
    def eval_seconds(self) -> float:
        """Spent on validation after the first step: the one before it is past when time left is asked for."""
        return sum(point.seconds for point in self.evals if point.step)

    def elapsed(self, now: float) -> float:
        """Seconds that trainers spent: until `now`, or until the last fact of a run that has ended."""
        until = self.last_time if self.end is not None else now
        return max(until - self.start_time - self.away, 0.0) if self.start_time else 0.0


def _others(points: list[EvalPoint], step: int, full: bool) -> list[EvalPoint]:
    """All but the point of this step and kind: a trainer that went on from a border may score that once more."""
    if points and (points[-1].step, points[-1].full) == (step, full):
        return points[:-1]
    return points

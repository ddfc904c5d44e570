"""From a run's configuration to its finished folder: prepare, fit, evaluate, save.

`train(run)` yields facts; the caller records each before anyone else sees it. This room knows files; the loop does not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from core.config import RunConfig
from core.errors import NotFiniteError
from core.evaluation.marks import runs_scored_on
from core.evaluation.metrics import Ints, Report, as_dict, log_loss, report, softmax
from core.runs import epochs
from core.runs.atomic import verify_dir, write_file
from core.runs.checkpoints import newest
from core.runs.follow import read_history
from core.runs.run import Run
from core.training import events as e
from core.training.prepare import Prepared, prepare
from core.training.resume import Start, best_on_disk, start_of
from core.training.saving import BestModel, EpochModels, check_room

if TYPE_CHECKING:
    from core.training.checkpoint import Keeper
    from core.training.job import Job, Outcome

Asked = Callable[[], str]

PATIENCE = 60.0
"""Seconds that a run which ends early waits for its last checkpoint."""


def train(run: Run, asked: Asked) -> Generator[e.Event, None, None]:
    """Train `run` from its configuration to the end, or on from where it was left.

    `asked()` returns what a person wants: `stop`, `pause`, `save` or nothing. Raises `WorkbenchError` for what a person
    can mend; what was saved until then stays.
    """
    began = time.time() - read_history(run).elapsed(time.time())
    config = run.config()
    start = start_of(run)
    yield from start.told()
    prepared = yield from prepare(run, config, start)
    done = start.step // _per_epoch(prepared)
    yield from check_room(run, *prepared.sizes, (config.training.epochs - done) * config.training.save_epochs)
    yield e.StageChanged("train")
    from core.training.checkpoint import Keeper
    from core.training.job import Ending

    prepared.job.asked = asked
    best, keeper = BestModel(run, prepared), Keeper(run.path)
    try:
        outcome = yield from _fit(run, prepared, start, best, keeper)
        yield from best.again()
        if outcome.ending is Ending.PAUSED:
            keeper.wait()
            yield from keeper.news()
            found, _ = newest(run.path)
            yield e.RunPaused(found.step if found else 0)
            return
        best.settle()
        for fact in _finish(run, config, prepared, began, outcome, best.step):
            if isinstance(fact, e.RunFinished):  # the last checkpoint is written while the rows are scored
                keeper.wait()
            yield from keeper.news()
            yield fact
    finally:  # however this ends, what was offered is the place to go on from
        keeper.wait(PATIENCE)


def _fit(
    run: Run, prepared: Prepared, start: Start, best: BestModel, keeper: Keeper
) -> Generator[e.Event, None, Outcome]:
    """Run the loop, keeping weights and checkpoints; returns how it ended."""
    from core.training.job import Better, EpochDone
    from core.training.loop import fit
    from core.training.standing import Keep

    if start.snapshot is not None:
        yield from best_on_disk(run, start.snapshot)
    elif start.again:
        yield start.fresh()
    epochs.drop_after(run.path, start.step // _per_epoch(prepared))
    models, facts = EpochModels(run, prepared, best), fit(prepared.job, start.snapshot)
    try:
        while True:
            item = next(facts)
            yield from keeper.news()
            if isinstance(item, Better):
                yield from best.save(item)
            elif isinstance(item, EpochDone):
                yield from models.save(item)
            elif isinstance(item, Keep):
                yield from best.again()
                run.sync()
                keeper.offer(item)
            else:
                yield item
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    except NotFiniteError as diverged:
        raise _with_rows(diverged, prepared) from None


def _per_epoch(prepared: Prepared) -> int:
    from core.training.job import steps_per_epoch

    return steps_per_epoch(len(prepared.job.train), prepared.job.config)


def _with_rows(diverged: NotFiniteError, prepared: Prepared) -> NotFiniteError:
    """The same error with the records of the data that the step learned from."""
    if not diverged.rows:
        return diverged
    records = sorted({int(row) for row in prepared.dataset.rows[diverged.rows]})
    more = f" and {len(records) - 8} more" if len(records) > 8 else ""
    diverged.message += f" It learned from rows {', '.join(map(str, records[:8]))}{more}."
    diverged.args = (diverged.title, diverged.message, diverged.next_step)
    return diverged


def _finish(
    run: Run, config: RunConfig, prepared: Prepared, began: float, outcome: Outcome, saved: int
) -> Iterator[e.Event]:
    """Score and save. `saved`: step of the weights that this process put into `model/`."""
    from core.evaluation.card import model_card
    from core.evaluation.checklist import check_at_end
    from core.evaluation.predictions import write_predictions
    from core.training.job import Ending

    job, split, names = prepared.job, prepared.split, prepared.dataset.label_names
    yield e.StageChanged("evaluate")
    facts = json.loads((run.model_path / "finetui.json").read_text(encoding="utf-8"))
    last = _report(job.labels[split.validation], outcome.logits, len(names))
    logits = {"validation": _best_logits(run, job, outcome, saved)}
    best = _report(job.labels[split.validation], logits["validation"], len(names))
    yield e.ValidationScored(best.scores)
    test: Report | None = None
    scored = 0
    if len(split.test) and config.training.score_test:
        logits["test"] = job.engine.predict(split.test)
        test = _report(job.labels[split.test], logits["test"], len(names))
        scored = runs_scored_on(run, prepared.test_mark) + 1
        yield e.TestScored(test.scores, scored)
    yield from check_at_end(run)

    yield e.StageChanged("save")
    probabilities = {part: softmax(values) for part, values in logits.items()}
    write_predictions(run.path / "predictions.parquet", prepared.dataset, split, probabilities)
    seconds = round(time.time() - began, 2)
    reason = _reason(config, outcome, facts["epoch"])
    metrics = {
        "format": 1,
        "label_names": list(names),
        "metric": config.training.metric,
        "seconds": seconds,
        "best_step": facts["step"],
        "best_epoch": facts["epoch"],
        "reason": reason,
        "base": prepared.base_origin,
        "validation": as_dict(best, names),
        "last_validation": as_dict(last, names),
        "test": {**as_dict(test, names), "runs_scored": scored} if test else None,
        "baselines": {name: {"validation": as_dict(found, names)} for name, found in prepared.baselines.items()},
    }
    write_file(run.path / "README.md", model_card(run.name, config, metrics, prepared.dataset, split))
    write_file(run.path / "metrics.json", json.dumps(metrics, indent=1))
    yield e.RunFinished(reason, outcome.ending is Ending.STOPPED, seconds)


def _best_logits(run: Run, job: Job, outcome: Outcome, saved_step: int) -> Any:
    """The validation logits of the saved weights, which are in `job.model` from here on."""
    from core.modelling.build import read_weights

    if saved_step == outcome.step:  # the last weights are the best ones: they were scored already
        return outcome.logits
    verify_dir(run.model_path)
    job.engine.load(read_weights(run.model_path))
    return job.engine.predict(job.validation)


def _reason(config: RunConfig, outcome: Outcome, best_epoch: float) -> str:
    """Why the run ended, for a person."""
    from core.training.job import Ending

    training = config.training
    best = f"best at epoch {round(best_epoch, 2):g}"
    match outcome.ending:
        case Ending.STOPPED:
            return "stopped by a person; the best weights so far are saved"
        case Ending.PATIENCE:
            waited = f"{training.patience} epoch{'s' * (training.patience != 1)}"
            return f"stopped early: {waited} without a better {training.metric}; {best} of {training.epochs}"
        case _:
            return f"trained; {best} of {training.epochs}"


def _report(gold: Ints, logits: Any, classes: int) -> Report:
    return report(gold, logits.argmax(axis=1), classes, log_loss(gold, logits))

"""A run's history as lines of text: heading, stages, progress, figures, ending. Pure functions, no widget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePath

from core.config import RunConfig
from core.errors import RunError
from core.runs import History, Run, RunState
from core.runs.summary import base_name
from core.text import safe
from core.training.events import STAGES, Scores
from tui import format as fmt
from tui.widgets.canvas import Line, Part, flow, line, spread
from tui.widgets.run_progress import Request, is_at_end, saved


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state looks: a character, the same in ASCII, its tone and its word."""

    glyph: str
    ascii: str
    tone: str
    word: str

    @property
    def shown(self) -> str:
        """The character that this terminal can draw."""
        return self.glyph if fmt.unicode_terminal() else self.ascii


SIGNS = {
    RunState.QUEUED: Sign("…", ".", "muted", "waiting for the trainer"),
    RunState.RUNNING: Sign("●", ">", "good", "training"),
    RunState.PAUSED: Sign("‖", "=", "warn", "paused"),
    RunState.FINISHED: Sign("✓", "+", "good", "finished"),
    RunState.STOPPED: Sign("■", "#", "warn", "stopped"),
    RunState.FAILED: Sign("✗", "x", "bad", "failed"),
    RunState.INTERRUPTED: Sign("!", "!", "bad", "interrupted"),
}

BEFORE_TRAINING = STAGES[: STAGES.index("train")]


@dataclass(frozen=True, slots=True)
class Card:
    """What a run was made with, as the heading names it."""

    name: str
    base: str = ""
    data: str = ""
    patience: int = 0
    config: RunConfig | None = None


def card_of(run: Run) -> Card:
    """The card of a run, from its configuration; the name alone when that cannot be read."""
    try:
        config = run.config()
    except RunError:
        return Card(run.name)
    data = PurePath(config.data.given or config.data.source).name
    return Card(run.name, base_name(config.model.base), data, config.training.patience, config)


def heading(card: Card, history: History, state: RunState, now: float, width: int, is_stopping: bool = False) -> Line:
    """`● brisk-otter · MiniLM-L6 · reviews      epoch 2/4 · step 118/236 · 00:41 · ETA 00:43`."""
    names = [card.name, *(part for part in (card.base, card.data) if part)]
    look = SIGNS[state]
    left = line((look.shown, look.tone), " ", (names[0], "strong"), *((f" · {name}", "muted") for name in names[1:]))
    right: dict[str, str] = {}
    plan = history.plan
    if plan is not None:
        epoch = min(max(math.ceil(history.step / max(plan.steps_per_epoch, 1)), 1), plan.epochs)
        right["epoch"] = f"epoch {epoch}/{plan.epochs}"
        right["step"] = f"step {fmt.count(history.step)}/{fmt.count(plan.steps)}"
    if history.start_time:
        right["elapsed"] = fmt.clock(history.elapsed(now if state.is_live else history.last_time))
    if state is not RunState.RUNNING:
        ago = now - history.last_time
        right["state"] = f"{look.word} {fmt.age(ago)} ago" if history.end is not None and ago > 60 else look.word
    elif history.step and history.stage == "train" and not is_stopping and not is_at_end(history):
        right["left"] = f"ETA {fmt.clock(history.seconds_left())}"
    for dispensable in ("epoch", "elapsed", "step") if state.is_live else ("epoch", "step", "elapsed"):
        if len(left) + fmt.width_of(" · ".join(right.values())) + 1 > width:
            right.pop(dispensable, None)
    return spread(left, line(" · ".join(right.values())), width)


def stages(history: History, now: float) -> list[Line]:
    """One part per stage before the first step: done ones with their seconds, the present one counting."""
    newest = history.stage_times.get("start", 0.0)  # what a trainer did that was here before does not count
    times = {stage: time for stage, time in history.stage_times.items() if time >= newest}
    parts: list[Line] = []
    for stage in BEFORE_TRAINING:
        begun = times.get(stage)
        later = [time for name, time in times.items() if begun is not None and name != stage and time >= begun]
        if begun is None:
            parts.append(line((f"· {stage}", "muted")))
        elif stage == history.stage or not later:
            detail = f" ({fmt.fit(history.stage_detail, 32, keep_end=True)})" if history.stage_detail else ""
            parts.append(line(("▸ ", "accent"), (stage, "strong"), f" {fmt.span(now - begun)}{detail}"))
        else:
            parts.append(line(("✓ ", "good"), f"{stage} ", (fmt.span(min(later) - begun), "muted")))
    return parts


def stage_lines(history: History, now: float, width: int) -> list[Line]:
    """What passes before the first step, and when the charts get something to show."""
    return flow(stages(history, now), width)


def first_score(history: History) -> str:
    """When the charts get their first point: before the first step everything is validated once."""
    return "" if history.evals else "first score after these stages"


def figures(card: Card, history: History, state: RunState, width: int, request: Request | None = None) -> list[Line]:
    """Speed, padding, best so far, machine, rate: as many to a line as fit. What only a live run has goes with it."""
    now = [_joined(history), _machine(history), _optimiser(history), saved(history, request)] if state.is_live else []
    parts = [_speed(history), _best(card, history), *now]
    return flow([part for part in parts if part], width)


def _speed(history: History) -> Line:
    if not history.recent:
        return []
    parts = [f"{fmt.rate(history.sequences_per_second())} seq/s", f"{fmt.rate(history.tokens_per_second())} tok/s"]
    if history.plan is not None:
        parts.append(f"{fmt.share(1 - history.plan.fill)} padding")
    return line(" · ".join(parts))


def _best(card: Card, history: History) -> Line:
    saved = history.saved
    if saved is None:
        return []
    name = saved.metric.replace("_f1", " F1").replace("_", " ")
    value = f"{saved.value:.3f}" if saved.metric == "loss" else fmt.score(saved.value)
    parts: list[Part] = [f"best {name} ", (value, "strong"), f" at epoch {saved.epoch:.3g}"]
    if card.patience:
        since = sum(1 for point in history.full_evals if point.step > saved.step)
        parts.append(f" · patience {since}/{card.patience}")
    return line(*parts)


def _machine(history: History) -> Line:
    parts: list[str] = []
    device = history.device
    if device is not None:
        parts += [device.device, device.precision]
    beat = history.heartbeat
    if beat is not None:
        parts += [f"CPU {beat.cpu:.0f} %", f"RAM {fmt.size(beat.memory)}"]
    return line(" · ".join(parts))


def _joined(history: History) -> Line:
    """What trains now, until all that is to train has joined: gradual unfreezing."""
    found = history.joined[-1] if history.joined else None
    if found is None or history.plan is None or found.parameters == history.plan.trained_parameters:
        return []
    return line(f"training the top {found.layers} of {found.depth} layers" if found.layers else "training the head")


def _optimiser(history: History) -> Line:
    if not history.recent:
        return []
    newest = history.recent[-1]
    return line(f"lr {fmt.small(newest.learning_rate)} · grad norm {fmt.small(newest.grad_norm)}")


def class_scores(history: History, width: int, rows: int = 2, title: str = "") -> list[Line]:
    """F1 of each class at the newest validation, the worst one marked; the worst first when there is no room."""
    if not history.evals or history.data is None:
        return []
    return class_lines(history.evals[-1].scores, history.data.label_names, width, rows, title)


def class_lines(scores: Scores, names: tuple[str, ...], width: int, rows: int, title: str = "") -> list[Line]:
    """`negative .910   neutral .790 ▼   positive .940` in at most `rows` lines, after a `title`."""
    head = [line((title, "muted"))] if title else []
    pairs = list(zip(names, scores.class_f1, strict=False))
    if not pairs:
        return []
    mark = " ▼" if fmt.unicode_terminal() else " <- worst"
    lowest = scores.worst

    def part(at: int) -> Line:
        name, value = pairs[at]
        worst = at == lowest and len(pairs) > 1
        return line(
            f"{fmt.fit(safe(name), 24)} ", (fmt.score(value) + (mark if worst else ""), "warn" if worst else "strong")
        )

    lines = flow([*head, *(part(at) for at in range(len(pairs)))], width)
    if len(lines) <= rows:
        return lines
    order = sorted(range(len(pairs)), key=lambda at: pairs[at][1])
    for shown in range(len(order), 0, -1):
        rest = line((f"and {len(order) - shown} better", "muted"))
        lines = flow([*head, *(part(at) for at in order[:shown]), rest], width)
        if len(lines) <= rows:
            return lines
    return lines[:rows]

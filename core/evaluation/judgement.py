"""What was decided about a run's answers: its temperature, and below which probability it says "unsure".

Kept as `judgement.json` in the run's folder, beside the model and never in it. Reading it loads nothing heavy.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from core.errors import ConfigError, RunError
from core.runs.atomic import write_file
from core.runs.run import Run

FILE = "judgement.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Judgement:
    """`temperature` divides the logits (1: as trained). `unsure_below`: of the likeliest class, after that; 0: never.

    `rows`: validation rows that both were found on.
    """

    temperature: float = 1.0
    unsure_below: float = 0.0
    rows: int = 0


def read_judgement(run: Run) -> Judgement | None:
    """What was decided for `run`, or none. Raises `RunError` when the file is damaged."""
    found = run.read_json(FILE)
    if not found:
        return None
    try:
        kept = Judgement(float(found["temperature"]), float(found["unsure_below"]), int(found.get("rows", 0)))
        if found["format"] != FORMAT or not 0 < kept.temperature < 1000 or not 0 <= kept.unsure_below <= 1:
            raise ValueError("its values cannot be")
    except (KeyError, TypeError, ValueError) as broken:
        raise RunError(
            f"The threshold of {run.name} cannot be read",
            f"{run.path / FILE}: {broken}",
            f"finetui judge {run.name} --unsure-below 0 removes it.",
        ) from None
    return kept


def keep_judgement(run: Run, judgement: Judgement) -> None:
    """Keep it for `run`. Raises `ConfigError` for a threshold that is no probability, `RunError` without room."""
    if not 0 <= judgement.unsure_below <= 1:
        raise ConfigError(
            f"{judgement.unsure_below:g} cannot be a threshold",
            "It is a probability, 0 to 1.",
            f"finetui judge {run.name} shows what each gives.",
        )
    try:
        write_file(run.path / FILE, json.dumps({"format": FORMAT, **asdict(judgement)}))
    except OSError as broken:
        raise RunError(f"Cannot write into {run.name}", broken.strerror or str(broken)) from None


def drop_judgement(run: Run) -> None:
    """Forget what was decided: every answer is given, as trained. Raises `RunError` where that cannot be done."""
    try:
        (run.path / FILE).unlink(missing_ok=True)
    except OSError as broken:
        raise RunError(f"Cannot write into {run.name}", broken.strerror or str(broken)) from None

"""The checklist asked of a run: each saved sentence answered, and held against the answer that is right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.errors import WorkbenchError
from core.runs.atomic import write_file
from core.runs.checklist import FAIL, FILE, MOST, OK, UNKNOWN, Checked, Checklist, Entry, read_checklist, tally
from core.training import events as e

if TYPE_CHECKING:
    from core.inference.predictor import Predictor
    from core.runs.run import Run

KEPT = "The run itself is whole. finetui checklist RUN asks again."


def judge(predictor: Predictor, entries: Sequence[Entry]) -> tuple[Checked, ...]:
    """What the model says to each sentence, in their order. A class that it does not have is `UNKNOWN`, never wrong."""
    if not entries:
        return ()
    names = predictor.label_names
    rows = predictor.predict([one.text for one in entries]).probabilities
    found = []
    for one, row in zip(entries, rows, strict=True):
        best = int(row.argmax())
        outcome = UNKNOWN if one.label not in names else OK if names[best] == one.label else FAIL
        found.append(Checked(one.text, one.label, names[best], round(float(row[best]), 6), outcome))
    return tuple(found)


def check_at_end(run: Run) -> Iterator[e.Event]:
    """Ask the saved weights of `run` the checklist of its data, write `checklist.json` and tell the tally.

    Nothing where there is no checklist. Raises nothing: a run is worth more than this list, so what stands in the way
    is a warning.
    """
    try:
        (run.path / FILE).unlink(missing_ok=True)  # of weights before these, in a run that went on
        found = read_checklist(run)
        for text in problems(found):
            yield e.Warned("The checklist is damaged", text)
        if not found.entries:
            return
        from core.inference.predictor import open_predictor

        results = judge(open_predictor(run.path), found.entries)
        passed, failed, unknown = tally(results)
        tree = {"format": 1, "passed": passed, "failed": failed, "unknown": unknown}
        write_file(run.path / FILE, json.dumps({**tree, "results": [asdict(one) for one in results]}, indent=1))
    except WorkbenchError as broken:
        yield e.Warned("The checklist was not run", " ".join(part for part in broken.args if part))
    except Exception as broken:  # noqa: BLE001  # whatever it is, the trained model must not be lost by it
        yield e.Warned("The checklist was not run", f"{type(broken).__name__}: {broken}"[:300] + f". {KEPT}")
    else:
        yield e.ChecklistRun(passed, failed, unknown)


def problems(found: Checklist) -> list[str]:
    """What of a checklist could not be used, a sentence each."""
    told = []
    if found.damaged:
        several = len(found.damaged) > 1
        lines = ", ".join(map(str, found.damaged[:8])) + (" …" if len(found.damaged) > 8 else "")
        told.append(
            f"{found.path.name}: line{'s' * several} {lines} cannot be read and {'are' if several else 'is'} left out."
        )
    if found.more:
        told.append(f"{found.path.name}: {found.more} sentences beyond the first {MOST} are left out.")
    return told

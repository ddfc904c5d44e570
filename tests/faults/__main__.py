"""The fault bench: `python -m tests.faults [NAME ...] [--short] [--json FILE] [--markdown PAGE]`.

Exit code 1 when anything invalid or lost was found, or a fault could not be tried.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.faults.report import rewrite, table
from tests.faults.score import Score
from tests.faults.table import FAULTS


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Inject faults and count the damage.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which faults; all when not given: {', '.join(FAULTS)}"
    )
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scorecard as JSON, too")
    parser.add_argument("--markdown", type=Path, metavar="PAGE", help="write it between the markers of this page, too")
    found = parser.parse_args(given)
    if unknown := [name for name in found.names if name not in FAULTS]:
        parser.error(f"no fault is called {unknown[0]}; there are {', '.join(FAULTS)}")
    return found


def tried(name: str, *, short: bool) -> Score:
    """One fault in a folder of its own. One that cannot be tried to its end counts as invalid."""
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="finetui-faults-") as folder:
        try:
            score = FAULTS[name].run(Path(folder), short=short)
            score = replace(score, name=name, note=score.note.replace(folder, "FOLDER"))
        except Exception as error:  # noqa: BLE001 - the others are tried all the same
            traceback.print_exc()
            seconds = round(time.monotonic() - began, 1)
            score = Score(name, "could not be tried to its end", 0, 1, 0, repr(error), seconds)
    print(f"{score.tries} tries, {score.invalid} invalid, {score.lost} lost, {score.seconds} s", file=sys.stderr)
    return score


def main(given: Sequence[str] | None = None) -> int:
    """Try the faults that were asked for; the exit code."""
    asked = _arguments(given)
    scores = [tried(name, short=asked.short) for name in asked.names or FAULTS]
    print(table(scores))
    if asked.json:
        record = {
            "date": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "short": asked.short,
            "scores": [asdict(one) for one in scores],
        }
        asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if asked.markdown:
        rewrite(asked.markdown, scores, [*asked.names, *(["--short"] if asked.short else [])])
    return 0 if all(one.is_clean for one in scores) else 1


if __name__ == "__main__":
    sys.exit(main())

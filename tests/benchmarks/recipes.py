"""Every recipe run end to end through the command line, and the measured tables of docs/recipes.md.

python -m tests.benchmarks.recipes --data-folder DIR --out FILE.jsonl                      every recipe, all its seeds
python -m tests.benchmarks.recipes --data-folder DIR --out FILE.jsonl smile --seeds 1      one of them, one seed
python -m tests.benchmarks.recipes --out FILE.jsonl --markdown docs/recipes.md

What the write-ups trained (BERT base) is not on every machine: `--model` names what is trained instead, the starter
unless told otherwise. Each run is a line of the results file, written when it ends; what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config.recipe import AS_WRITTEN, recipe_named, recipes
from core.launch import child_command, child_environment
from core.machine import cpu_name, usable_cores
from tests.benchmarks import standins
from tests.benchmarks.recipes_page import write_page

SMILE = ("smile", "smile-annotations-final.csv")


@dataclass(frozen=True, slots=True)
class Case:
    """One recipe on one file. `options` are those of `finetui train` beside the recipe's."""

    recipe: str
    seeds: int = 1
    options: tuple[str, ...] = ()


def _texts(label: str, text: str) -> tuple[str, ...]:
    return ("--text", text, "--label", label)


CASES: tuple[Case, ...] = (
    Case("smile-as-written", 5),
    Case("smile", 5),
    Case("online-reviews-as-written", 1, _texts("stars", "review")),
    Case("online-reviews", 1, _texts("stars", "review")),
    Case("movie-reviews-as-written"),
    Case("movie-reviews"),
    Case("app-reviews-as-written"),
    Case("app-reviews"),
)


def files(data: Path, out: Path) -> dict[str, Path]:
    """The file of each write-up: real data, or a stand-in made from real data into `out`."""
    return {"smile": data.joinpath(*SMILE), **standins.make(data, out)}


def finetui(*words: str) -> str:
    """What a command prints. Raises `RuntimeError` with what it said when it failed."""
    done = subprocess.run(child_command(*words), capture_output=True, text=True, env=child_environment())
    if done.returncode:
        raise RuntimeError(f"finetui {shlex.join(words)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def run(case: Case, path: Path, seed: int, model: str, keep: Path | None) -> dict[str, Any]:
    """Train once and return what is to be known of it."""
    with tempfile.TemporaryDirectory(prefix="finetui-recipes-") as folder:
        runs = keep or Path(folder)
        name = f"{case.recipe}-{seed}"
        words = [str(path), "--recipe", case.recipe, "--model", model, *case.options, "--seed", str(seed)]
        finetui("train", *words, "--no-onnx", "--name", name, "--runs", str(runs))
        shown = json.loads(finetui("show", name, "--json", "--runs", str(runs)))
        facts = json.loads((runs / name / "data.json").read_text(encoding="utf-8"))
    command = ["finetui", "train", path.name, *words[1:-2]]
    return {
        "recipe": case.recipe,
        "seed": seed,
        "model": model,
        "command": shlex.join(command),
        "data": path.name,
        "rows": facts["rows"],
        "kept": facts["kept"],
        "read": facts["read"],
        "metrics": shown["metrics"],
        "epochs": shown.get("epochs"),
        **made(),
    }


def warned(case: Case, path: Path) -> dict[str, Any]:
    """What the tool says about the data before anything is trained."""
    text = finetui("data", str(path), "--recipe", case.recipe, *case.options, "--model", "starter", "--json")
    found = json.loads(text)
    told = [one["text"] for one in found["findings"] if one["level"] != "ok"]
    return {"recipe": case.recipe, "warned": told, "majority": found["majority"], **made()}


def made() -> dict[str, Any]:
    """When and on what."""
    cores = usable_cores()
    machine = f"{cpu_name()}, {cores} core{'s' * (cores != 1)}, Python {platform.python_version()}"
    return {"date": time.strftime("%Y-%m-%d"), "machine": machine}


def key_of(record: dict[str, Any]) -> tuple[Any, ...]:
    """Records with equal keys are of the same run."""
    return record["recipe"], record.get("seed"), record.get("model"), "warned" in record


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recipes", description=__doc__)
    parser.add_argument(
        "recipes", nargs="*", metavar="RECIPE", help="as written and as we would; all when none is named"
    )
    parser.add_argument("--data-folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, help="at most so many of each")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    known = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    if given.markdown:
        write_page(given.markdown, known)
        return
    if given.data_folder is None:
        parser.error("--data-folder is needed")
    for name in given.recipes:
        recipe_named(name)
    have = {key_of(one) for one in known}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="finetui-standins-") as folder, given.out.open("a") as out:
        places = files(given.data_folder, Path(folder))
        for case in CASES:
            family = case.recipe.removesuffix(AS_WRITTEN)
            if given.recipes and not {case.recipe, family} & set(given.recipes):
                continue
            path = places[family]
            wanted: list[tuple[int | None, tuple[Any, ...]]] = [(None, (case.recipe, None, None, True))]
            wanted += [
                (seed, (case.recipe, seed, given.model, False))
                for seed in range(1, min(case.seeds, given.seeds or case.seeds) + 1)
            ]
            for seed, key in wanted:
                if key in have:
                    continue
                began = time.monotonic()
                record = warned(case, path) if seed is None else run(case, path, seed, given.model, given.runs)
                out.write(json.dumps(record) + "\n")
                out.flush()
                print(f"{case.recipe} {seed or 'findings'} {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    assert set(recipes()) >= {case.recipe for case in CASES}
    main()

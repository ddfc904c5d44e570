"""Measure the training engine beside its peers: `python -m tests.benchmarks.engine CASE ...`.

python -m tests.benchmarks.engine C1 --data-folder FOLDER --json c1.json     FOLDER holds sst2_sentence/, sst2_glue/
python -m tests.benchmarks.engine C1 --minute                                fewer rows, one round: a look, no result
python -m tests.benchmarks.engine G1 G4 --base FOLDER                        needs torch, transformers and numpy alone
python -m tests.benchmarks.engine --markdown docs/performance.md --from c1.json gpu.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.machine import cpu_name, usable_cores
from tests.benchmarks.engine_cases import CASES, Case, with_switches
from tests.benchmarks.engine_report import rewrite, told
from tests.benchmarks.engine_rounds import measure, run_child
from tests.benchmarks.engine_work import load_rows, random_base

REPEAT = 5
PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy")


def options(parser: argparse.ArgumentParser) -> None:
    """What decides the work of engine cases; shared with `python -m tests.benchmarks`."""
    parser.add_argument("--minute", action="store_true", help="fewer rows and one round: about a minute a case")
    parser.add_argument("--rows", type=int, help="training rows; 0 for all of a file")
    parser.add_argument("--data-folder", type=Path, default=os.environ.get("FINETUI_BENCH_DATA") or None)
    parser.add_argument("--data", type=Path, metavar="FILE.tsv", help="training rows of the GPU cases with phrases")
    parser.add_argument("--base", type=Path, metavar="FOLDER", help="base model of the GPU cases, else random weights")


def prepared(case: Case, given: argparse.Namespace, scratch: Path) -> Case:
    """`case` with the files of this machine, and as small as was asked for."""
    rows = given.rows if given.rows is not None else case.minute if given.minute else None
    work = replace(case.work, rows=case.work.rows if rows is None else rows)
    if case.gpu and given.data and work.shape == "short":
        work = replace(work, train=str(given.data.absolute()))
    elif given.data_folder and work.shape == "short" and case.how != "screen":
        part = "sst2_glue" if case.gpu or case.how == "baseline" else "sst2_sentence"
        files = {name: Path(given.data_folder).absolute() / part / f"{name}.tsv" for name in ("train", "dev")}
        if absent := [f"{part}/{file.name}" for file in files.values() if not file.is_file()]:
            raise SystemExit(f"The data folder has no {absent[0]}.")
        work = replace(work, train=str(files["train"]), held=str(files["dev"]))
    if case.gpu:
        work = replace(work, base=str(given.base.absolute()) if given.base else str(base_for(work, scratch)))
    return replace(case, work=work)


def base_for(work: Any, scratch: Path) -> Path:
    """A BERT-base of random weights for the texts of `work`, made once."""
    folder = scratch / f"random-bert-base-{work.shape}"
    if not folder.exists():
        rows = load_rows(work)
        random_base(folder, rows.texts)
    return folder


def impossible(case: Case, given: argparse.Namespace) -> str:
    """Why this case cannot be measured here, or nothing."""
    if case.minute is None and given.minute:
        return "it takes more than a minute"
    if case.name == "C4" and not given.data_folder:
        return "it needs real sentences: --data-folder"
    if case.gpu:
        import torch

        if not torch.cuda.is_available():
            return "no GPU here"
    return ""


def run_case(case: Case, given: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """One case, measured or with the reason why not."""
    if reason := impossible(case, given):
        return {**case.plain(), "not_measured": reason}
    case = prepared(case, given, scratch)
    once = run_child
    if case.how == "screen":
        from tests.benchmarks import engine_screen

        once = engine_screen.once
    if case.how == "ablation":
        from dataclasses import asdict

        from tests.benchmarks.engine_ours import techniques_of

        found = techniques_of()
        if found is None:
            return {**case.plain(), "not_measured": "this engine has no switches"}
        case = with_switches(case, tuple(name for name, value in asdict(found).items() if value is True))
    repeat = given.repeat or (1 if given.minute else REPEAT)
    record = measure(case, repeat, once, lambda text: print(text, flush=True))
    if given.minute or given.rows is not None or repeat < REPEAT:
        record["reduced"] = f"{case.work.rows or 'all'} rows, {repeat} round{'s' * (repeat != 1)}"
        if given.minute:
            record["reduced"] += ": a look, no result"
    if case.how == "train" and not case.work.train:
        record["notes"].append("made-up rows: no --data-folder was given")
    return record


def machine(command: str) -> dict[str, Any]:
    """Command, hardware, date, versions."""
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return {
        "command": command,
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "gpu": gpu,
        "versions": versions,
    }


def command_of(names: list[str], given: argparse.Namespace) -> str:
    """The command that repeats this, without the paths of this machine."""
    words = ["python -m tests.benchmarks.engine", *names]
    words += ["--minute"] if given.minute else []
    words += [f"--rows {given.rows}"] if given.rows is not None else []
    words += [f"--repeat {given.repeat}"] if given.repeat else []
    words += ["--data-folder FOLDER"] if given.data_folder else []
    words += ["--data FILE.tsv"] if given.data else []
    words += ["--base FOLDER"] if given.base else []
    return " ".join(words)


def run_cases(names: list[str], given: argparse.Namespace) -> dict[str, Any]:
    """Measure these cases and print each; returns what `--json` writes."""
    result: dict[str, Any] = {"machine": machine(command_of(names, given)), "cases": {}}
    with tempfile.TemporaryDirectory(prefix="finetui-bench-") as scratch:
        for name in names:
            result["cases"][name] = run_case(CASES[name], given, Path(scratch))
            print(told(name, result["cases"][name]), flush=True)
    return result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine", description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", help=f"any of {', '.join(CASES)}")
    parser.add_argument("--repeat", type=int, default=0, help=f"rounds; {REPEAT} unless told")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="a page to put the figures of --from and of this run into")
    parser.add_argument("--from", dest="files", type=Path, nargs="*", default=[], help="earlier JSON files")
    options(parser)
    given = parser.parse_args()
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"unknown case {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    if not given.cases and not given.markdown:
        parser.error(f"name a case: {', '.join(CASES)}")
    files = [json.loads(file.read_text(encoding="utf-8")) for file in given.files]
    if given.cases:
        files.append(run_cases(given.cases, given))
        if given.json:
            given.json.write_text(json.dumps(files[-1], indent=1), encoding="utf-8")
    if given.markdown:
        rewrite(given.markdown, files)


if __name__ == "__main__":
    main()

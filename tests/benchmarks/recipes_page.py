"""The measured parts of docs/recipes.md, one for each write-up: figures, classes, and what the tool warned of."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from core.config.recipe import AS_WRITTEN, recipe_named
from tests.measured import rewrite

FAMILIES = ("smile", "online-reviews", "movie-reviews", "app-reviews")

Record = dict[str, Any]


def write_page(page: Path, records: list[Record]) -> None:
    """Put the measured part of every write-up that has records into `page`."""
    for family in FAMILIES:
        mine = [one for one in records if one["recipe"].removesuffix(AS_WRITTEN) == family]
        if any("metrics" in one for one in mine):
            end = f"<!-- end of {family} -->"
            rewrite(page, f"<!-- {family}: written by tests/benchmarks/recipes.py -->", end, section(family, mine))


def section(family: str, records: list[Record]) -> str:
    """Everything measured about one write-up."""
    runs = [one for one in records if "metrics" in one]
    by = {name: [one for one in runs if one["recipe"] == name] for name in (family + AS_WRITTEN, family)}
    first = runs[0]
    lines = [f"{first['date']}, {first['machine']}. {first['kept']} of {first['read']} rows of `{first['data']}`:", ""]
    lines += [f"    {of[0]['command']} --seed N" for of in by.values() if of]
    lines += ["", *figures(family, by), "", *classes(by)]
    written = recipe_named(family + AS_WRITTEN)
    lines += ["", "Before training, `finetui data FILE --recipe ...` said:", ""]
    for name in by:
        told = next((one["warned"] for one in records if one["recipe"] == name and "warned" in one), None)
        if told is not None:
            lines.append(f"- *{recipe_named(name).title}*: " + ("; ".join(told) or "nothing to warn of") + ".")
    lines += [
        "",
        "What went wrong in the write-up, and stays visible here:",
        "",
        *(f"- {one}" for one in written.faults),
    ]
    return "\n".join(lines)


def figures(family: str, by: dict[str, list[Record]]) -> list[str]:
    """The write-up beside ours and the floors."""
    written = recipe_named(family + AS_WRITTEN)
    with_test = any(one["metrics"]["test"] for of in by.values() for one in of)
    heads = ["", "rows", "weighted F1, last", "weighted F1, best", "macro F1, last", "macro F1, best"]
    heads += ["accuracy, last", "accuracy, best"] + (["test macro F1", "test accuracy"] if with_test else [])
    rows = [heads]
    for name, of in by.items():
        if of:
            base = of[0]["metrics"]["baselines"]
            count = f"{of[0]['rows']['train']} / {of[0]['rows']['validation']} / {of[0]['rows']['test']}"
            for title, key in (("always the largest class", "majority"), ("TF-IDF + logistic regression", "tfidf")):
                rows.append(_floor(f"{title}, {_short(name)}", count, base[key]["validation"], with_test))
            rows.append(_ours(f"ours, {_short(name)}, {_seeds(of)}", count, of, with_test))
    said = "; ".join(f"{what} {value:.3f}" for what, value in written.reached)
    return [_table(rows), "", f"The write-up ({written.model}) reports: {said}."]


def _short(name: str) -> str:
    return "as written" if name.endswith(AS_WRITTEN) else "as we would"


def _seeds(of: list[Record]) -> str:
    return f"{of[0]['model']}, {len(of)} seed{'s' * (len(of) != 1)}"


def _floor(title: str, count: str, scores: Record, with_test: bool) -> list[str]:
    weighted, macro, accuracy = (f"{scores[key]:.3f}" for key in ("weighted_f1", "macro_f1", "accuracy"))
    return [title, count, weighted, "", macro, "", accuracy, "", *([""] * 2 * with_test)]


def _ours(title: str, count: str, of: list[Record], with_test: bool) -> list[str]:
    cells = [title, count]
    for key in ("weighted_f1", "macro_f1", "accuracy"):
        cells += [spread([one["metrics"][part][key] for one in of]) for part in ("last_validation", "validation")]
    if with_test:
        for key in ("macro_f1", "accuracy"):
            values = [one["metrics"]["test"][key] for one in of if one["metrics"]["test"]]
            cells.append(spread(values) if values else "")
    return cells


def spread(values: list[float]) -> str:
    """The mean, with the standard deviation where there are several."""
    mean = f"**{statistics.mean(values):.3f}**"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def classes(by: dict[str, list[Record]]) -> list[str]:
    """F1 of every class on validation, best epoch, a mean over the seeds."""
    runs = [of for of in by.values() if of]
    names = list(runs[0][0]["metrics"]["label_names"])
    rows = [["F1 on validation, best epoch", *names]]
    rows.append(["rows", *(str(runs[0][0]["metrics"]["validation"]["support"][name]) for name in names)])
    for of in runs:
        values = [
            statistics.mean(one["metrics"]["validation"]["class_f1"].get(name, 0.0) for one in of) for name in names
        ]
        rows.append([_short(of[0]["recipe"]), *(f"{value:.3f}" for value in values)])
    return [_table(rows)]


def _table(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows[1:]])

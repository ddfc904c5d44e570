"""Figures of measured cases: as a table for people, and as the measured part of `docs/performance.md`."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import measured
from tests.benchmarks.engine_cases import CASES, Target
from tests.benchmarks.engine_rounds import figure

BEGIN = "<!-- measured: python -m tests.benchmarks.engine --markdown docs/performance.md --from FILE.json ... -->"
END = "<!-- end measured -->"
PEAK = 989e12
"""Dense bf16 operations per second of an H200 (and an H100 SXM), by its data sheet."""

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """A target beside its figure: the median over the rounds, the smallest and the largest."""

    target: Target
    value: float
    low: float
    high: float

    def words(self) -> str:
        """One line."""
        target, unit = self.target, UNITS[self.target.kind].format(against=self.target.against)
        aim = f", aim {target.aim:g}" if target.aim is not None else ""
        spread = f" ({self.low:.3g} to {self.high:.3g})" if self.low != self.high else ""
        return f"{target.side}: {self.value:.3g}{spread} {unit}; must {target.must:g}{aim}: {self.verdict}"

    @property
    def verdict(self) -> str:
        """As the target says it."""
        return self.target.verdict(self.value)


UNITS = {
    "times": "times as fast as {against}",
    "rate": "rows/s",
    "seconds": "s",
    "mfu": "% of the GPU's dense bf16 peak, by the arithmetic of real tokens",
    "loss of F1": "points of macro F1 less than {against}",
    "slower": "% slower than {against}",
}


def checked(name: str, record: Found) -> list[Checked]:
    """Every target of the case that this record has the figures for. Ratios are taken round by round."""
    found = []
    for target in CASES[name].targets:
        values = [
            value
            for one in record["rounds"]
            if target.side in one
            and (not target.against or target.against in one)
            and (value := _value(target, record["how"], one)) is not None
        ]
        if values:
            found.append(Checked(target, statistics.median(values), min(values), max(values)))
    return found


def _value(target: Target, how: str, one: dict[str, Found]) -> float | None:
    mine = one[target.side]
    if target.kind == "loss of F1":
        return 100 * float(one[target.against]["macro_f1"] - mine["macro_f1"])
    if target.kind == "mfu":
        return 100 * float(mine["flops"] / mine["seconds"] / PEAK)
    own = figure(how, mine)
    if not target.against:
        return own or None
    other = figure(how, one[target.against])
    if not (own and other):
        return None
    if target.kind == "slower":
        return 100 * (1 - own / other)
    return other / own if how in ("saved", "until", "baseline") else own / other


def unit_of(how: str) -> str:
    """Of the figure that a case compares."""
    return "s" if how in ("saved", "until", "baseline") else "rows/s"


HEADS = ("engine", "", "spread", "with eval", "accuracy", "macro F1", "fill", "precision")


def rows_of(record: Found) -> list[tuple[str, ...]]:
    """One row per side: medians over the rounds."""
    how, table = record["how"], []
    names = list(dict.fromkeys(name for one in record["rounds"] for name in one))
    for name in names:
        all_found = [one[name] for one in record["rounds"] if name in one]
        values = [value for one in all_found if (value := figure(how, one))]
        middle = f"{statistics.median(values):.4g}" if values else "not reached"
        spread = f"{min(values):.4g} to {max(values):.4g}" if len(values) > 1 else ""
        whole = ""
        if all("seconds_all" in one and "sequences" in one for one in all_found) and how == "train":
            whole = f"{statistics.median([one['sequences'] / one['seconds_all'] for one in all_found]):.4g}"
        quality = [
            f"{statistics.median([one[what] for one in all_found]):.3f}" if what in all_found[0] else ""
            for what in ("accuracy", "macro_f1")
        ]
        fill = f"{100 * all_found[0]['fill']:.0f} %" if "fill" in all_found[0] else ""
        table.append((name, middle, spread, whole, *quality, fill, all_found[0].get("precision", "")))
    table += [(name, f"not measured: {why}", "", "", "", "", "", "") for name, why in record["missing"].items()]
    return table


def remarks(record: Found) -> list[str]:
    """What stands under the table: the work, what was equal, and what to know."""
    work, lines = record["work"], []
    first = record["rounds"][0] if record["rounds"] else {}
    one: Found = next(iter(first.values()), {})
    if "tokens" in one and "mark" in one:
        text = (
            f"{one['rows']} rows x {one['epochs']} epochs, {work['data'] or 'made-up'} rows, base {work['base']}, "
            f"batch {work['batch_size']}, at most {work['max_length']} tokens, learning rate {work['learning_rate']:g}"
        )
        lines.append(text)
    if "mark" in one and record["how"] != "until" and len(first) > 1:
        lines.append(f"equal work: {one['sequences']} sequences and {one['tokens']} tokens each, ids {one['mark']:08x}")
    cut = [found["truncated"] for found in first.values() if found.get("truncated", -1) >= 0]
    if cut:
        lines.append(f"{cut[0]} rows cut to the maximum length")
    for name, found in first.items():
        if found.get("flops") and record["gpu"]:
            medians = [100 * each[name]["flops"] / each[name]["seconds"] / PEAK for each in record["rounds"]]
            lines.append(f"{name}: {statistics.median(medians):.1f} % of peak, {found['peak_gib']:.1f} GiB at most")
        if found.get("batch_size") not in (None, work["batch_size"]):
            lines.append(f"{name} has its own batch of {found['batch_size']}")
        if found.get("epochs") not in (None, work["epochs"]):
            lines.append(f"{name} plans {found['epochs']} epochs")
        lines += [f"{name}: {note}" for note in found.get("notes", ())]
    return [*lines, *record["notes"]]


def table(record: Found) -> str:
    """The rows of one case, aligned."""
    heads = (HEADS[0], unit_of(record["how"]), *HEADS[2:])
    cells = [heads, *rows_of(record)]
    widths = [max(len(row[at]) for row in cells if at != 1 or len(row[at]) < 20) for at in range(len(heads))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def told(name: str, record: Found) -> str:
    """All about one case, for a terminal."""
    lines = [f"{name}  {record['title']}" + (f"  [{record['reduced']}]" if record.get("reduced") else "")]
    if record.get("not_measured"):
        return f"{lines[0]}\n  not measured: {record['not_measured']}"
    lines.append(table(record))
    lines += [f"  {line}" for line in remarks(record)]
    lines += [f"  > {one.words()}" for one in checked(name, record)]
    return "\n".join(lines)


def merged(files: Iterable[Found]) -> dict[str, tuple[Found, Found]]:
    """Case -> (record, machine) over several JSON files: a later one wins, but never over figures with none."""
    found: dict[str, tuple[Found, Found]] = {}
    for file in files:
        for name, record in file["cases"].items():
            if name in found and record.get("not_measured"):
                continue
            found[name] = (record, file["machine"])
    return found


def machine_words(machine: Found) -> str:
    """Command, hardware, date and versions in two lines of Markdown."""
    gpu = f", {machine['gpu']}" if machine.get("gpu") else ""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return f"`{machine['command']}`  \n{machine['date']}, {machine['cpu']}, {machine['cores']} cores{gpu}; {versions}"


def markdown(files: Iterable[Found]) -> str:
    """The measured part of the page: a summary of targets, then a section per case."""
    found = merged(files)
    summary = ["| case | figure | target | |", "|---|---|---|---|"]
    sections = []
    for name, case in CASES.items():
        record, machine = found.get(name, ({"not_measured": "not run yet"}, {}))
        if record.get("not_measured"):
            summary.append(f"| {name} {case.title} | not measured: {record['not_measured']} | | |")
            continue
        for one in checked(name, record):
            target, unit = one.target, UNITS[one.target.kind].format(against=one.target.against)
            aim = f", aim {target.aim:g}" if target.aim is not None else ""
            reduced = " (reduced)" if record.get("reduced") else ""
            summary.append(
                f"| {name}{reduced} {case.title} | {target.side}: **{one.value:.3g}** {unit} | "
                f"must {target.must:g}{aim} | {one.verdict} |"
            )
        heads = (HEADS[0], unit_of(record["how"]), *HEADS[2:])
        rows = ["| " + " | ".join(row) + " |" for row in (heads, *rows_of(record))]
        rows.insert(1, "|---" * len(heads) + "|")
        title = f"### {name}: {case.title}"
        reduced = [f"\nReduced: {record['reduced']}."] if record.get("reduced") else []
        notes = [f"- {line}" for line in remarks(record)]
        rounds = f"- medians of {len(record['rounds'])} rounds"
        sections.append("\n".join([title, *reduced, "", machine_words(machine), "", *rows, "", *notes, rounds, ""]))
    return "\n".join([*summary, "", *sections]).rstrip()


def rewrite(page: Path, files: Iterable[Found]) -> None:
    """Put the figures between the two markers of `page`. Raises `ValueError` when it has none."""
    measured.rewrite(page, BEGIN, END, markdown(files))

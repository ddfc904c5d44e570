"""The tables of docs/quality.md, from the results of the quality experiment."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from core.evaluation.baseline import TfidfBaseline
from core.evaluation.metrics import Ints, score
from tests.benchmarks.quality import SEEDS, chosen_for_peer
from tests.benchmarks.quality_data import SOURCES, Material
from tests.benchmarks.quality_stats import DRAWS, Paired, mean_of, paired

Record = dict[str, Any]
Load = Callable[[str], Material]

LOSS_ALLOWED = 0.5
"""Points of macro F1 that a set may lose, by the lower end of its interval."""

NEEDED_SETS = 4
"""Sets that the target asks for."""

SMALL, IMBALANCED = 1200, 3.0
"""Training rows below which a set counts as small; largest class to smallest above which it is imbalanced."""


def write(page: Path, records: list[Record], load: Load) -> None:
    """Put the tables between the markers of `page`, and leave the rest as it is."""
    text = page.read_text(encoding="utf-8")
    for name, table in (("test", test_table(records, load)), ("switches", switch_table(records))):
        text = re.sub(
            rf"(<!-- {name}: .*?-->\n).*?(<!-- end of {name} -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    page.write_text(text, encoding="utf-8")


def test_table(records: list[Record], load: Load) -> str:
    """Per set both sides, the baseline and the difference; then what that says of the target."""
    rows, verdicts, all_found, fewest = [], [], [], len(SEEDS)
    for name in SOURCES:
        ours, theirs = _sides(records, name)
        if not ours:
            continue
        fewest = min(fewest, len(ours))
        data = load(name)
        gold = data.labels[data.test]
        found = paired(gold, _said(ours), _said(theirs), data.classes, seed=list(SOURCES).index(name))
        all_found.append(found)
        rows.append(
            (
                data.title,
                f"{len(data.train)} / {len(data.validation)} / {len(data.test)}",
                str(data.classes),
                str(len(ours)),
                _settings(theirs[0]["settings"]),
                _spread(theirs),
                _spread(ours),
                f"{found.difference:+.1f}",
                _interval(found),
                _interval(found, seeds=True),
                " ".join(f"{one:+.1f}" for one in found.per_seed),
                f"{100 * _tfidf(data):.1f}",
            )
        )
        verdicts.append(_verdict(data, found))
    if not rows:
        return "Not run yet."
    whole = mean_of(all_found)
    rows.append(
        (
            "**mean**",
            *("",) * 6,
            f"{whole.difference:+.1f}",
            _interval(whole),
            _interval(whole, seeds=True),
            "",
            "",
        )
    )
    low = whole.interval()[0]
    verdicts.append(f"- the mean of the sets: no loss: {_yes(low > 0)} (interval begins at {low:+.2f})")
    heads = (
        "data set",
        "rows: train / validation / test",
        "classes",
        "seeds",
        "HF Trainer's settings",
        "HF Trainer",
        "finetui",
        "difference",
        "95 % interval",
        "with seeds drawn too",
        "per seed",
        "TF-IDF",
    )
    chosen = _settings(next(r for r in records if r["stage"] == "final")["settings"])
    head = f"finetui's settings, the same for every set: {chosen}. {DRAWS} draws. Macro F1 x 100."
    asked = "Was the target met?"
    if fewest < len(SEEDS) or len(rows) <= NEEDED_SETS:
        asked += f" Not decided: it asks for {len(SEEDS)} seeds and {NEEDED_SETS} sets. By what has been run:"
    return "\n\n".join((head, table(heads, rows), asked, "\n".join(verdicts)))


def switch_table(records: list[Record]) -> str:
    """What each candidate brought on validation, beside the settings it was a change of."""
    parts = []
    tried = [r for r in records if r["stage"] == "rates"]
    if tried:
        parts += ["Learning rate and batch size, validation macro F1 x 100:", _rates_table(tried)]
    changes = defaultdict(list)
    for record in records:
        if record["stage"] == "switches":
            changes[record["engine"], json.dumps(record["base"], sort_keys=True)].append(record)
    final = next((r["settings"] for r in records if r["stage"] == "final"), {})
    for (engine, base), those in changes.items():
        at_base = [r for r in records if r["side"] == "ours" and r["engine"] == engine]
        found = _changes(those, at_base, json.loads(base), final)
        if found:
            parts += [f"Changes of {_settings(json.loads(base))}:", found]
    return "\n\n".join(parts) or "Not run yet."


def _rates_table(tried: list[Record]) -> str:
    names = [name for name in SOURCES if any(r["set"] == name for r in tried)]
    groups = defaultdict(list)
    for record in tried:
        groups[json.dumps(record["settings"], sort_keys=True)].append(record)
    lines = []
    for settings, those in groups.items():
        each = [[r["validation"]["macro_f1"] for r in those if r["set"] == name] for name in names]
        if all(each):
            seeds = {len(one) for one in each}
            lines.append((mean(map(mean, each)), settings, each, f"{min(seeds)}"))
    rows = [
        (_settings(json.loads(settings)), seeds, *(f"{100 * mean(one):.1f}" for one in each), f"{100 * whole:.1f}")
        for whole, settings, each, seeds in sorted(lines, key=lambda line: -line[0])
    ]
    return table(("settings", "seeds", *(SOURCES[name].title for name in names), "mean"), rows)


def _changes(those: list[Record], every: list[Record], base: Record, final: Record) -> str:
    """Differences to the base over the (set, seed) pairs that both have."""
    names = [name for name in SOURCES if any(r["set"] == name for r in those)]
    at_base = {(r["set"], r["seed"]): r["validation"]["macro_f1"] for r in every if r["settings"] == base}
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in those:
        if record["settings"] != base and (record["set"], record["seed"]) in at_base:
            groups[json.dumps(record["settings"], sort_keys=True)].append(record)
    rows = []
    for settings, mine in groups.items():
        change = {key: value for key, value in json.loads(settings).items() if base.get(key) != value}
        gains = {
            name: [100 * (r["validation"]["macro_f1"] - at_base[name, r["seed"]]) for r in mine if r["set"] == name]
            for name in names
        }
        pairs = [gain for those_gains in gains.values() for gain in those_gains]
        error = stdev(pairs) / len(pairs) ** 0.5 if len(pairs) > 1 else float("nan")
        whole = mean(mean(one) for one in gains.values() if one)
        taken = all(final.get(key) == value for key, value in change.items())
        rows.append(
            (
                _settings(change),
                str(len(pairs)),
                *(f"{mean(one):+.1f}" if one else "" for one in gains.values()),
                f"{whole:+.2f}",
                f"{error:.2f}",
                _why(taken, whole, error),
            )
        )
    heads = ("change", "pairs", *(SOURCES[name].title for name in names), "mean", "standard error", "taken")
    return table(heads, rows) if rows else ""


def _why(taken: bool, whole: float, error: float) -> str:
    size = "gains" if whole > error else "loses" if whole < -error else "within noise"
    return f"yes ({size})" if taken else f"no ({size})"


def _sides(records: list[Record], name: str) -> tuple[list[Record], list[Record]]:
    """Runs of both sides with the settings chosen for them, in the order of the seeds both have."""
    ours = {r["seed"]: r for r in records if r["stage"] == "final" and r["set"] == name}
    if not ours:
        return [], []
    best = chosen_for_peer(records, name)
    theirs = {r["seed"]: r for r in records if r["side"] == "peer" and r["set"] == name and r["settings"] == best}
    seeds = sorted(set(ours) & set(theirs))
    return [ours[seed] for seed in seeds], [theirs[seed] for seed in seeds]


def _said(runs: list[Record]) -> Ints:
    return np.array([run["predictions"] for run in runs], dtype=np.int64)


def _verdict(data: Material, found: Paired) -> str:
    low, high = found.interval()
    said = f"- {data.title}: no loss above {LOSS_ALLOWED} point: {_yes(low > -LOSS_ALLOWED)}"
    kinds = [
        *(["small"] if len(data.train) < SMALL else []),
        *([f"imbalanced ({data.imbalance:.0f} to 1)"] if data.imbalance > IMBALANCED else []),
    ]
    kind = " and ".join(kinds) or "neither small nor imbalanced"
    return f"{said}; {kind}: a gain: {_yes(low > 0)} ({low:+.2f} to {high:+.2f})"


def _tfidf(data: Material) -> float:
    baseline = TfidfBaseline([data.texts[row] for row in data.train], data.labels[data.train])
    said = baseline.predict([data.texts[row] for row in data.test])
    return score(data.labels[data.test], said, data.classes).macro_f1


def _spread(runs: list[Record]) -> str:
    values = [100 * run["test"]["macro_f1"] for run in runs]
    return f"{mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _interval(found: Paired, *, seeds: bool = False) -> str:
    low, high = found.interval(seeds=seeds)
    return f"{low:+.1f} to {high:+.1f}"


def _settings(settings: Record) -> str:
    return ", ".join(
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in settings.items()
    )


def _yes(met: bool) -> str:
    return "**yes**" if met else "**no**"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

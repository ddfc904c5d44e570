"""The model card: `README.md` of a run, made from its figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from core.config import RunConfig, command_line
from core.text import safe
from core.text_rules import text_rules_of

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split


def model_card(name: str, config: RunConfig, metrics: dict[str, Any], dataset: Dataset, split: Split) -> str:
    """Markdown with what the model is, what it was trained on, and what it reached, baselines beside it."""
    validation, test = metrics["validation"], metrics["test"]
    labels = ", ".join(_code(label) for label in metrics["label_names"])
    epoch = round(metrics["best_epoch"], 2)
    lines = [
        f"# {safe(name)}",
        "",
        f"A classifier of {labels}, fine-tuned from {safe(metrics['base'])}.",
        "",
        f"Data: {_code(dataset.source)}, {len(dataset.texts)} rows kept of {dataset.read}.",
        f"Split, {split.method}: {safe(split.reason)}.",
        *([f"Recipe: {_code(config.data.recipe)}."] if config.data.recipe else []),
        *_rules(config),
        "",
        "| | accuracy | macro F1 | weighted F1 |",
        "|---|---|---|---|",
        _row("always the largest class (validation)", metrics["baselines"]["majority"]["validation"]),
        _row("TF-IDF + logistic regression (validation)", metrics["baselines"]["tfidf"]["validation"]),
        _row(f"this model, validation ({validation['rows']} rows)", validation),
    ]
    if test:
        lines.append(_row(f"this model, locked test ({test['rows']} rows)", test))
        lines += ["", f"Runs that were scored on this test part, this one too: {test['runs_scored']}."]
    elif len(split.test):
        lines += ["", "The locked test part was not scored."]
    else:
        lines += ["", "No locked test: the validation rows chose the best epoch, so their score flatters."]
    lines += [
        "",
        f"The weights are those of epoch {epoch:g}, chosen by validation {metrics['metric']}.",
        "",
        "| class | precision | recall | F1 | rows |",
        "|---|---|---|---|---|",
        *(_class_row(label, test or validation) for label in metrics["label_names"]),
        "",
        "```python",
        "from transformers import AutoModelForSequenceClassification, AutoTokenizer",
        "",
        'model = AutoModelForSequenceClassification.from_pretrained("model")',
        'tokenizer = AutoTokenizer.from_pretrained("model")',
        "```",
        "",
        "To repeat the training:",
        "",
        "```sh",
        safe(command_line(config)),
        "```",
        "",
    ]
    return "\n".join(lines)


def _rules(config: RunConfig) -> list[str]:
    """The cleaning rules; and what the one who asks the model without us has to do to the texts."""
    found = []
    if config.data.cures:
        found.append(f"Cleaning rules, in order: {', '.join(map(_code, config.data.cures))}.")
    if rules := text_rules_of(config.data.cures):
        found += ["", f"**Texts were stripped of {', '.join(rules)}: strip them before you ask this model too.**"]
    return found


def _code(text: str) -> str:
    """`text` as code, in a fence longer than any row of backticks in it."""
    shown = safe(text)
    longest = max((len(row) for row in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}" if longest else f"{fence}{shown}{fence}"


def _cell(text: str) -> str:
    """`text` as code inside a table: a bare `|` would end the cell even there."""
    return _code(text).replace("|", "\\|")


def _row(title: str, scores: dict[str, Any]) -> str:
    figures = " | ".join(f"{scores[key]:.3f}" for key in ("accuracy", "macro_f1", "weighted_f1"))
    return f"| {title} | {figures} |"


def _class_row(label: str, scores: dict[str, Any]) -> str:
    figures = " | ".join(f"{scores[key][label]:.3f}" for key in ("class_precision", "class_recall", "class_f1"))
    return f"| {_cell(label)} | {figures} | {scores['support'][label]} |"

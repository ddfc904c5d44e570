"""Tokens per text under the base model's own tokenizer, and how many texts a maximum length would cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.config import RunConfig
from core.data.dataset import Dataset, Loaded
from core.data.examine import Examined, evenly
from core.data.health.finding import Finding, many
from core.data.health.words import blocks, texts_of
from core.data.profile import BINS
from core.data.table import Ints
from core.errors import ModelError
from core.modelling.catalogue import STARTER_PACKAGE, STARTER_REPOSITORY, STARTER_REVISION, locate
from core.modelling.lengths import automatic_length, positions_of
from core.paths import expanded
from core.protocol import Progress
from core.text import safe

MOST_ROWS = 50_000
TOLERATED = 0.01
"""Share of cut texts that nobody needs to hear about."""

_BYTES = 1 << 17
"""Of text that are tokenised at a time."""
_CHARACTERS = 50_000
"""Of each text that are tokenised: more than any model has positions for."""


def check(loaded: Loaded, config: RunConfig, progress: Progress) -> Examined:
    """Token lengths, and the share of texts that training would cut; nothing is fetched for it."""
    base = config.model.base
    try:
        progress(0, 0, "loading the tokenizer")
        folder = _folder(base)
        tokenizer, limit = _tokenizer(folder), positions_of(folder, _tokenizer_limit(folder))
    except ModelError as missing:
        reason = missing.title + (f": {missing.message}" if missing.message else "")
        return Examined(facts={"unavailable": reason, "model": base})
    rows = evenly(len(loaded.dataset.texts), MOST_ROWS)
    lengths = _measure(tokenizer, loaded.dataset, rows, progress)
    best = automatic_length(lengths, limit)
    chosen = config.model.max_length or best
    cut = np.flatnonzero(lengths > chosen)
    cut = cut[np.argsort(-lengths[cut], kind="stable")]
    facts = {
        "model": base,
        **_figures(lengths),
        "max_length": chosen,
        "automatic": config.model.max_length == 0,
        "limit": limit,
        "truncated_share": len(cut) / max(len(rows), 1),
        "rows": len(rows),
    }
    return Examined([_finding(config.model.max_length, best, limit, rows[cut], len(rows), loaded)], facts)


def _finding(asked: int, best: int, limit: int, cut: Ints, rows: int, loaded: Loaded) -> Finding:
    """What a person is told: `asked` is the maximum length that was set, 0 for none; `best` the automatic one."""
    chosen, share = asked or best, len(cut) / max(rows, 1)
    where = f" (of {many(rows, 'row')} looked at)" if rows < len(loaded.dataset.texts) else ""
    mend: dict[str, object] = {"model.max_length": best} if asked and best != asked else {}
    if asked > limit:
        text = f"the model has positions for {limit} tokens, not for {asked}"
        return Finding("bad", "lengths", text, len(cut), settings=mend, kept=cut)
    if share <= TOLERATED:
        text = f"{_percent(1 - share)} of the texts fit {chosen} tokens{where}"
        return Finding("ok", "lengths", text, len(cut), kept=cut)
    why = " (the model's limit)" if chosen == limit else ""
    text = f"{_percent(share)} of the texts are cut at {chosen} tokens{why}{where}"
    return Finding("warn", "lengths", text, len(cut), settings=mend if best > chosen else {}, kept=cut)


def _percent(share: float) -> str:
    """A share in per cent, never rounded to all or nothing that it is not."""
    shown = f"{share:.1%}" if 0.1 < share < 0.9 else f"{share:.2%}"
    if share not in (0, 1) and float(shown[:-1]) in (0.0, 100.0):
        return "over 99.99 %" if share > 0.5 else "under 0.01 %"
    return f"{float(shown[:-1]):g} %"


def _folder(base: str) -> Path:
    """The model's folder on this machine. Raises `ModelError` when it would have to be fetched, or cannot be used."""
    if base in ("starter", STARTER_REPOSITORY):
        from importlib.metadata import PackageNotFoundError, distribution

        try:
            distribution(STARTER_PACKAGE)
        except PackageNotFoundError:
            return _cached(STARTER_REPOSITORY, STARTER_REVISION)
        return locate(base).folder
    if base.startswith((".", "/", "~")) or base.count("/") > 1 or expanded(base).exists():
        return locate(base).folder
    return _cached(base, None)


def _cached(name: str, revision: str | None) -> Path:
    """Where the hub's cache holds this model's tokenizer."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, file, revision=revision) for file in ("config.json", "tokenizer.json")]
    except HFValidationError:
        raise ModelError(f"{safe(name)!r} is neither a folder nor a hub name") from None
    if not all(isinstance(one, str) for one in found):
        raise ModelError(f"{safe(name)} is not on this machine yet", "Training will fetch it.")
    return Path(str(found[0])).parent


def _tokenizer(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{safe(folder.name)} has no tokenizer.json")
    try:
        tokenizer = Tokenizer.from_buffer(path.read_bytes())
    except (OSError, ValueError) as broken:
        raise ModelError(f"The tokenizer of {safe(folder.name)} cannot be read", safe(str(broken))[:200]) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _tokenizer_limit(folder: Path) -> int | None:
    """The longest input that the tokenizer's own settings name, or nothing."""
    try:
        found = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("model_max_length")
    except (OSError, ValueError, AttributeError):
        return None
    return int(found) if isinstance(found, int | float) and found > 0 else None


def _measure(tokenizer: Any, dataset: Dataset, rows: Ints, progress: Progress) -> Ints:
    """Tokens of each of these rows, special tokens included, shape `[rows]`."""
    found = np.empty(len(rows), dtype=np.int64)
    column = texts_of(dataset, rows)
    for start, end in blocks(len(rows), progress, "counting tokens", column.nbytes, _BYTES):
        texts = [text[:_CHARACTERS] for text in column.slice(start, end - start).to_pylist()]
        found[start:end] = [len(one.ids) for one in tokenizer.encode_batch_fast(texts)]
    return found


def _figures(lengths: Ints) -> dict[str, Any]:
    """The same figures as a profile has for words."""
    p50, p95, p99 = (int(value) for value in np.percentile(lengths, (50, 95, 99), method="higher"))
    histogram, _ = np.histogram(lengths[lengths <= p99], bins=BINS, range=(0, max(p99, 1)))
    return {"unit": "tokens", "p50": p50, "p95": p95, "max": int(lengths.max()), "histogram": histogram.tolist()}

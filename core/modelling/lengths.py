"""How long an input may be: the rule that training and the data room share, without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.modelling.soundness import read_config, size_in

Ints = NDArray[np.int64]

COVERED = 0.995
"""Share of rows that an automatic maximum length leaves whole."""


def automatic_length(lengths: Ints, limit: int) -> int:
    """The maximum length for texts of these many tokens: long enough for `COVERED` of them, at most `limit`."""
    wanted = int(np.quantile(lengths, COVERED, method="higher")) if len(lengths) else 8
    return min(max(-(-wanted // 8) * 8, 16), limit)


def positions_of(folder: Path, told: int | None) -> int:
    """How many tokens the model in `folder` has positions for, by its configuration and what its tokenizer told.

    Raises `ModelError` when there is no configuration to read.
    """
    config = read_config(folder)
    positions = size_in(config, "max_position_embeddings") or 512
    if config["model_type"] == "mpnet":
        positions -= 2  # it numbers its positions from 2, whatever its padding token is
    elif config["model_type"] in ("roberta", "xlm-roberta", "camembert"):
        pad = config.get("pad_token_id", 1)
        positions -= (pad if isinstance(pad, int) else 0) + 1  # these number their positions from padding_idx + 1
    limit = int(told or positions)
    return max(min(positions, limit) if limit >= 8 else positions, 8)


def tokenizer_limit(folder: Path) -> int | None:
    """The longest input that the tokenizer's own settings name, or nothing."""
    try:
        found = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("model_max_length")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return int(found) if isinstance(found, int | float) and 0 < found < float("inf") else None

"""How long an input may be: the rule that training and the data room share, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.modelling.catalogue import read_config

Ints = NDArray[np.int64]

COVERED = 0.995
"""Share of rows that an automatic maximum length leaves whole."""


def automatic_length(lengths: Ints, limit: int) -> int:
    """The maximum length for texts of these many tokens: long enough for `COVERED` of them, at most `limit`."""
    wanted = int(np.quantile(lengths, COVERED, method="higher")) if len(lengths) else 8
    return min(max(-(-wanted // 8) * 8, 16), limit)


def positions_of(folder: Path, tokenizer_limit: int | None) -> int:
    """How many tokens the model in `folder` has positions for, by its configuration and what its tokenizer says.

    Raises `ModelError` when there is no configuration to read.
    """
    config = read_config(folder)
    positions = int(config.get("max_position_embeddings") or 512)
    if config["model_type"] in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # these number their positions from padding_idx + 1
    limit = int(tokenizer_limit or positions)
    return max(min(positions, limit) if limit >= 8 else positions, 8)

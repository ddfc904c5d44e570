"""What an encoder makes of texts without any training: the mean of its last states, one pass, no gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import ModelConfig
from core.modelling.build import build_model, hush
from core.modelling.catalogue import BaseModel
from core.modelling.encoding import collate, encode, eval_plan, load_tokenizer, longest_input, tokens_at_once
from core.protocol import Progress, no_progress

if TYPE_CHECKING:
    from core.training.device import Device

LONGEST = 256
"""Tokens of a text that are looked at: what a long one is about stands in its beginning, as a rule."""


def mean_states(
    base: BaseModel, texts: Sequence[str], device: Device, max_length: int = 0, progress: Progress = no_progress
) -> NDArray[np.float32]:
    """The mean of the last hidden states over the tokens of each text, `[texts, hidden]`.

    `max_length` 0 picks it from the texts; it is at most `LONGEST`. `progress` is told (texts done, all, what) between
    batches; what it raises ends the work. Raises `ModelError` for a base that cannot be loaded.
    """
    hush()
    tokenizer = load_tokenizer(base.folder)
    limit = min(longest_input(base.folder, tokenizer), LONGEST)
    encoded, _ = encode(tokenizer, texts, min(max_length, limit), limit)
    model: Any = build_model(base, ModelConfig(), ("0", "1"), 0)
    encoder = model.base_model.to(device.device).eval()
    pad, found, done = int(tokenizer.pad_token_id or 0), None, 0
    for rows in eval_plan(encoded.lengths, np.arange(len(texts)), tokens_at_once(device.device)):
        progress(done, len(texts), "reading the texts")
        batch = collate(encoded, rows, pad, device.device)
        mask = torch.ones_like(batch.ids) if batch.mask is None else batch.mask
        with torch.inference_mode(), device.autocast():
            states = encoder(input_ids=batch.ids, attention_mask=mask).last_hidden_state
        weights = mask[..., None].float()
        means = ((states.float() * weights).sum(1) / weights.sum(1).clamp(min=1)).cpu().numpy()
        if found is None:
            found = np.zeros((len(texts), means.shape[1]), dtype=np.float32)
        found[rows] = means
        done += len(rows)
    return np.zeros((0, 1), dtype=np.float32) if found is None else found

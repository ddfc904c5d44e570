"""A forward pass of our own for BERT-shaped encoders, over the parameters of the transformers module itself.

It computes what the module computes (a check on real rows decides that before it is used), with what a general
implementation leaves out: query, key and value in one product, the last layer for the first token only, no mask where
all rows are equally long, weight gradients written in place, cheap dropout. Nothing of transformers is patched.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.modelling.families import Family, LayerParts, family_of
from core.modelling.functions import AddNorm, Attention, Embed, Linear
from core.modelling.noise import Noise
from core.modelling.weights import FlatWeights, View

HIDDEN_PAD = -30_000.0
"""Added to the score of a padded key: its probability is then exactly 0, in bf16 too."""

LONG = 128
"""Rows longer than this go through torch's fused attention on a CPU too, where nothing is dropped out."""

TOLERANCE = 1e-3
"""Largest difference of a logit, in float32, between the module and ours: more means another computation."""


@dataclass(frozen=True, slots=True, eq=False)
class _Affine:
    weight: View
    bias: View


@dataclass(frozen=True, slots=True, eq=False)
class _Norm:
    gain: View
    shift: View
    eps: float


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Views of one encoder layer's weights."""

    joint: _Affine  # query, key and value: [3 hidden, hidden]
    query: _Affine
    key_value: _Affine
    attended: _Affine
    attended_norm: _Norm
    up: _Affine
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: _Affine
    norm: _Norm


class OwnForward:
    """The forward pass. `weights` are laid out already; raises `ValueError` when they cannot be read as ours."""

    def __init__(self, model: Any, family: Family, weights: FlatWeights, *, first_token_only: bool = True) -> None:
        self._family = family
        self._weights = weights
        self._first_only = first_token_only
        self.dtype = weights.working.dtype
        self.fused = weights.master.device.type != "cpu"
        """Whether attention is torch's own fused kernel: on a CPU ours is quicker on short rows."""
        self._anchor = torch.zeros((), device=weights.master.device, requires_grad=True)
        self._word = weights.view(family.word)
        self._position = weights.view(family.position)
        self._segment = weights.view(family.segment) if family.segment is not None else None
        self._embedding_norm = self._norm(family.embedding_norm)
        self._project = self._affine(family.project) if family.project is not None else None
        self._layers = [self._layer(parts) for parts in family.layers]

    def _affine(self, *modules: nn.Linear) -> _Affine:
        weights: Any = [one.weight for one in modules]
        biases: Any = [one.bias for one in modules]
        return _Affine(self._weights.view(*weights), self._weights.view(*biases))

    def _norm(self, module: nn.LayerNorm) -> _Norm:
        return _Norm(self._weights.view(module.weight), self._weights.view(module.bias), module.eps)

    def _layer(self, parts: LayerParts) -> _Layer:
        return _Layer(
            joint=self._affine(parts.query, parts.key, parts.value),
            query=self._affine(parts.query),
            key_value=self._affine(parts.key, parts.value),
            attended=self._affine(parts.attended),
            attended_norm=self._norm(parts.attended_norm),
            up=self._affine(parts.up),
            activation=parts.activation,
            down=self._affine(parts.down),
            norm=self._norm(parts.norm),
        )

    @property
    def hidden(self) -> int:
        """Width of a hidden state."""
        return int(self._layers[0].norm.gain.master.shape[0])

    @property
    def depth(self) -> int:
        """How many encoder layers there are."""
        return len(self._layers)

    def counts_padding(self, ids: torch.Tensor) -> bool:
        """Whether a text holds the padding token in a family that counts its positions around it: not for us."""
        return self._family.offset > 0 and self._family.pad is not None and bool(ids.eq(self._family.pad).any())

    @property
    def longest(self) -> int:
        """Tokens in the longest row that there are positions for."""
        return len(self._family.position) - self._family.offset

    def embed(self, ids: torch.Tensor, noise: Noise | None) -> torch.Tensor:
        """What the first layer reads, `[rows * length, hidden]`, for ids `[rows, length]`."""
        summed = Embed.apply(ids, self._word, self._position, self._segment, self._family.offset, self._anchor)
        norm = self._embedding_norm
        flat = summed.reshape(-1, summed.shape[-1])
        if torch.is_grad_enabled() and norm.gain.grad is not None:
            gained = _trained_norm(flat, norm, self._anchor)
        else:
            gained = functional.layer_norm(flat, flat.shape[-1:], norm.gain.master, norm.shift.master, norm.eps)
        found: torch.Tensor = gained.to(self.dtype)
        if noise:
            found, mask = noise.drop(found, self._family.hidden_dropout)
            found = found if mask is None else found * mask
        if self._project is not None:
            found = self._linear(found, self._project)
        return found

    def run(
        self,
        x: torch.Tensor,
        rows: int,
        pad: torch.Tensor | None,
        noise: Noise | None,
        first: int = 0,
        last: int | None = None,
    ) -> torch.Tensor:
        """Layers `first` to `last` (exclusive) over x `[rows * length, hidden]`; pad as from `padding`.

        Through the uppermost layer it gives the first tokens only: `[rows, hidden]`.
        """
        last = self.depth if last is None else last
        for number in range(first, last):
            top = number == self.depth - 1
            x = self._run_layer(self._layers[number], x, rows, pad, noise, top=top and self._first_only)
            if top and not self._first_only:
                x = x.view(rows, -1, x.shape[-1])[:, 0]
        return x

    def classify(self, first_tokens: torch.Tensor) -> torch.Tensor:
        """Logits `[rows, classes]` in float32 from first tokens `[rows, hidden]`, by the module's own head."""
        logits: torch.Tensor = self._family.head(first_tokens.float())
        return logits

    def logits(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None,
        noise: Noise | None = None,
        frozen: int = 0,
        *,
        embeddings: bool = True,
    ) -> torch.Tensor:
        """Logits `[rows, classes]` for ids and attention mask `[rows, length]`.

        No noise and no gradient in the `frozen` lowest layers, nor without `embeddings` in what lies below them.
        """
        if embeddings and not frozen:
            return self.logits_from(self.embed(ids, noise), len(ids), mask, noise)
        with torch.no_grad():
            x = self.embed(ids, None)
        return self.logits_from(x, len(ids), mask, noise, 0, frozen)

    def logits_from(
        self,
        x: torch.Tensor,
        rows: int,
        mask: torch.Tensor | None,
        noise: Noise | None = None,
        first: int = 0,
        frozen: int = 0,
    ) -> torch.Tensor:
        """The same from x `[rows * length, hidden]`, what layer `first` reads."""
        pad = self.padding(mask)
        if first < frozen:
            with torch.no_grad():
                x = self.run(x, rows, pad, None, first, frozen)
        return self.classify(self.run(x, rows, pad, noise, max(first, frozen)))

    def padding(self, mask: torch.Tensor | None) -> torch.Tensor | None:
        """What is added to attention scores for this attention mask: `[rows, 1, 1, length]`."""
        if mask is None:
            return None
        return ((1 - mask) * HIDDEN_PAD).to(self.dtype)[:, None, None, :]

    def _linear(self, x: torch.Tensor, by: _Affine) -> torch.Tensor:
        found: torch.Tensor = Linear.apply(x, by.weight, by.bias, self._anchor)
        return found

    def _add_norm(
        self, x: torch.Tensor, residual: torch.Tensor, noise: Noise | None, norm: _Norm, share: float
    ) -> torch.Tensor:
        x, mask = noise.drop(x, share) if noise else (x, None)
        found: torch.Tensor = AddNorm.apply(x, residual, mask, norm.gain, norm.shift, norm.eps, self._anchor)
        return found

    def _run_layer(
        self, layer: _Layer, x: torch.Tensor, rows: int, pad: torch.Tensor | None, noise: Noise | None, *, top: bool
    ) -> torch.Tensor:
        hidden = x.shape[-1]
        if top:  # the classifier reads the first token alone: all tokens are looked at, one looks
            residual = x.view(rows, -1, hidden)[:, 0]
            query = self._heads(self._linear(residual, layer.query), rows, 1)[0]
            key, value = self._heads(self._linear(x, layer.key_value), rows, 2)
        else:
            residual = x
            query, key, value = self._heads(self._linear(x, layer.joint), rows, 3)
        attended = self._attend(query, key, value, pad, noise)  # [rows, queries, heads, width]
        mixed = self._linear(attended.reshape(-1, hidden), layer.attended)
        x = self._add_norm(mixed, residual, noise, layer.attended_norm, self._family.attended_dropout)
        inner = layer.activation(self._linear(x, layer.up))
        return self._add_norm(self._linear(inner, layer.down), x, noise, layer.norm, self._family.hidden_dropout)

    def _heads(self, x: torch.Tensor, rows: int, parts: int) -> Sequence[torch.Tensor]:
        """`[rows * length, parts * hidden]` as `parts` times `[rows, heads, length, width]`."""
        heads = self._family.heads
        if self.fused:  # its kernel reads strided views, and their gradients come back in one copy
            split = x.view(rows, -1, x.shape[-1]).chunk(parts, dim=-1)
            return [one.unflatten(-1, (heads, -1)).transpose(1, 2) for one in split]
        return (
            x.view(rows, -1, parts, heads, x.shape[-1] // parts // heads).permute(2, 0, 3, 1, 4).contiguous().unbind()
        )

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, pad: torch.Tensor | None, noise: Noise | None
    ) -> torch.Tensor:
        rows, heads, queries, width = query.shape
        length, share = key.shape[2], self._family.attention_dropout if noise else 0.0
        if self.fused or (noise is None and length > LONG):
            attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=pad, dropout_p=share)
            return attended.transpose(1, 2)
        flat = (one.reshape(rows * heads, -1, width) for one in (query, key, value))
        bias = None if pad is None else pad.expand(rows, heads, 1, length).reshape(rows * heads, 1, length)
        mask = noise.mask((rows * heads, queries, length), share) if noise else None
        found: torch.Tensor = Attention.apply(*flat, bias, mask)
        return found.view(rows, heads, queries, width).transpose(1, 2)


def _trained_norm(x: torch.Tensor, norm: _Norm, anchor: torch.Tensor) -> torch.Tensor:
    """LayerNorm of x `[tokens, width]` whose weights get their gradients in place."""
    zero = torch.zeros((), device=x.device, dtype=x.dtype).expand_as(x)
    found: torch.Tensor = AddNorm.apply(x, zero, None, norm.gain, norm.shift, norm.eps, anchor)
    return found


def own_forward(
    model: nn.Module, weights: FlatWeights, *, first_token_only: bool = True
) -> tuple[OwnForward | None, str]:
    """Our forward pass for `model` where it has the shape for it, else None; with the reason in words."""
    family = family_of(model)
    if isinstance(family, str):
        return None, family
    try:
        ours = OwnForward(model, family, weights, first_token_only=first_token_only)
        exact = OwnForward(model, family, weights.in_float32(), first_token_only=first_token_only)
    except ValueError as unfit:
        return None, str(unfit)
    difference = _difference(model, exact, family)
    if not difference <= TOLERANCE:
        return None, f"our forward pass differs from the module's by {difference:.2g}"
    return ours, f"{family.name}-shaped: our own forward pass"


def _difference(model: Any, ours: OwnForward, family: Family) -> float:
    """Largest difference of a logit between the module and ours, over four rows with padding, without dropout."""
    device, training = ours._anchor.device, model.training
    draw = torch.Generator().manual_seed(0)
    length = min(12, ours.longest)
    ids = torch.randint(0, len(family.word), (4, length), generator=draw)
    mask = (torch.arange(length) < torch.tensor([[length], [length // 2 + 1], [2], [1]])).long()
    if family.pad is not None:
        ids = torch.where((ids == family.pad) & (mask > 0), (family.pad + 1) % len(family.word), ids)
        ids = torch.where(mask > 0, ids, family.pad)
    ids, mask = ids.to(device), mask.to(device)
    model.eval()
    with torch.no_grad():
        wanted = model(input_ids=ids, attention_mask=mask).logits
        found = ours.logits(ids, mask)
    model.train(training)
    return float((wanted - found).abs().max() / wanted.abs().max().clamp(min=1.0))

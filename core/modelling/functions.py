"""The pieces of an encoder as autograd functions that put the gradients of weights straight into the flat buffer.

Autograd by itself would make a tensor per weight and step, cast it to float32, and add it; here a weight's gradient is
written once, where the optimiser reads it. Each function takes an `anchor` that requires a gradient, so that its
backward runs also where the input needs none (the layer above frozen ones).
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import Function
from torch.nn import functional

from core.modelling.weights import View


class Linear(Function):
    """`x W^T + b` for x `[tokens, in]`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: View, bias: View, anchor: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.views = weight, bias
        return functional.linear(x, weight.working, bias.working)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        weight, bias = ctx.views
        if weight.grad is not None:
            weight.grad.add_(grad.t() @ x)
            bias.grad.add_(grad.sum(0))
        return grad @ weight.working if ctx.needs_input_grad[0] else None, None, None, None


class AddNorm(Function):
    """LayerNorm of `residual + x * mask`, all `[tokens, hidden]`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        residual: torch.Tensor,
        mask: torch.Tensor | None,
        gain: View,
        shift: View,
        eps: float,
        anchor: torch.Tensor,
    ) -> torch.Tensor:
        total = residual + x if mask is None else torch.addcmul(residual, x, mask)
        weights = _as_read(gain, total), _as_read(shift, total)
        out, mean, spread = torch.native_layer_norm(total, (total.shape[-1],), *weights, eps)
        ctx.save_for_backward(total, mean, spread, mask)
        ctx.views = gain, shift
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        total, mean, spread, mask = ctx.saved_tensors
        gain, shift = ctx.views
        trained = gain.grad is not None
        weights = _as_read(gain, total), _as_read(shift, total)
        inner, by_gain, by_shift = torch.ops.aten.native_layer_norm_backward(
            grad, total, (total.shape[-1],), mean, spread, *weights, [True, trained, trained]
        )
        if trained:
            gain.grad.add_(by_gain)
            shift.grad.add_(by_shift)
        return inner if mask is None else inner * mask, inner, None, None, None, None, None


class Embed(Function):
    """Sum of word, position and segment rows for ids `[rows, length]`, in float32: `[rows, length, width]`."""

    @staticmethod
    def forward(
        ctx: Any, ids: torch.Tensor, word: View, position: View, segment: View | None, offset: int, anchor: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(ids)
        ctx.views, ctx.offset = (word, position, segment), offset
        places = position.master[offset : offset + ids.shape[1]]
        if segment is not None:
            places = places + segment.master[0]
        return functional.embedding(ids, word.master) + places

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (ids,) = ctx.saved_tensors
        word, position, segment = ctx.views
        if word.grad is not None:
            _add_rows(word.grad, ids.reshape(-1), grad.reshape(-1, grad.shape[-1]))
        by_place = grad.sum(0)
        if position.grad is not None:
            position.grad[ctx.offset : ctx.offset + ids.shape[1]].add_(by_place)
        if segment is not None and segment.grad is not None:
            segment.grad[0].add_(by_place.sum(0))
        return None, None, None, None, None, None


def _as_read(weight: View, x: torch.Tensor) -> torch.Tensor:
    """The weight as LayerNorm of x reads it: only a CPU mixes a bf16 input with float32 weights."""
    return weight.master if x.device.type == "cpu" or x.dtype == torch.float32 else weight.working


def _add_rows(table: torch.Tensor, ids: torch.Tensor, rows: torch.Tensor) -> None:
    """`table[ids[i]] += rows[i]`, in the same order every time.

    On CUDA `index_add_` is atomic, its order and so its rounding change; the sorted kernel of `index_put_` is what
    autograd uses. Without its check of the range, for the forward pass has read these rows already.
    """
    if table.device.type == "cuda":
        torch.ops.aten._index_put_impl_(table, [ids], rows, True, True)
    else:
        table.index_add_(0, ids, rows)


class Attention(Function):
    """Softmax attention written out, for short inputs on a CPU, where the fused kernel knows no dropout and is slower.

    query `[rows * heads, queries, width]`, key and value `[rows * heads, length, width]`; `bias` (padding,
    `[rows * heads, 1, length]`) is added to the scores and `mask` multiplies the probabilities.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        bias: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        scale = query.shape[-1] ** -0.5
        start = query.new_empty(()) if bias is None else bias
        scores = torch.baddbmm(start, query, key.transpose(1, 2), beta=0 if bias is None else 1, alpha=scale)
        # In float32: the bf16 kernel takes three times as long on short rows.
        shares = torch.softmax(scores, -1, dtype=torch.float32).to(scores.dtype)
        kept = shares if mask is None else shares * mask
        ctx.save_for_backward(query, key, value, shares, kept, mask)
        return torch.bmm(kept, value)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        query, key, value, shares, kept, mask = ctx.saved_tensors
        by_value = torch.bmm(kept.transpose(1, 2), grad)
        inner = torch.bmm(grad, value.transpose(1, 2))
        if mask is not None:
            inner = inner.mul_(mask)
        scores = torch.ops.aten._softmax_backward_data(inner, shares, -1, shares.dtype)
        scores = scores.mul_(query.shape[-1] ** -0.5)
        return torch.bmm(scores, key), torch.bmm(scores.transpose(1, 2), query), by_value, None, None

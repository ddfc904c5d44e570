"""Gradual unfreezing (ULMFiT, Howard & Ruder 2018, 3.3): the head learns alone first, layers join it from the top down.

What trains in an epoch follows from its number alone, so a run that is resumed needs to remember nothing. No torch is
loaded here: the arithmetic of the forecast asks too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """What trains in an epoch beside the head: the top `layers`, and with `embeddings` what lies below all layers."""

    layers: int
    embeddings: bool


def stage_at(epoch: int, over: int, layers: int, *, embeddings: bool) -> Stage:
    """The stage of `epoch` (0-based) when `layers` join within `over` epochs; `embeddings`: those are to join too.

    In epoch e below `over` the top `layers * e / over` train, halves rounded up; from `over` on everything does.
    """
    if epoch >= over:
        return Stage(layers, embeddings)
    return Stage((2 * layers * epoch + over) // (2 * over), False)


def joins_at(rank: int, over: int, layers: int) -> int:
    """The epoch (0-based) in which the layer of this rank joins; 1 is the uppermost."""
    return next(one for one in range(over + 1) if stage_at(one, over, layers, embeddings=False).layers >= rank)

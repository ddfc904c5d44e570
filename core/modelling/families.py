"""Which transformers modules have the shape of BERT, and where each of its parts lies in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.modelling.weights import ALIGNED

Head = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class LayerParts:
    """The modules of one encoder layer."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    attended: nn.Linear
    attended_norm: nn.LayerNorm
    up: nn.Linear
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: nn.Linear
    norm: nn.LayerNorm


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """An encoder taken apart. `head` gives logits from first tokens; `offset` is the first token's position."""

    name: str
    word: nn.Parameter
    position: nn.Parameter
    segment: nn.Parameter | None
    offset: int
    pad: int | None
    embedding_norm: nn.LayerNorm
    project: nn.Linear | None
    layers: tuple[LayerParts, ...]
    heads: int
    hidden_dropout: float
    attended_dropout: float
    """Share dropped of what attention gives, before it is added; `attention_dropout` is that of the probabilities."""
    attention_dropout: float
    head: Head


def family_of(model: Any) -> Family | str:
    """`model` taken apart, or the reason why it has not the shape of BERT."""
    name = type(model).__name__.removesuffix("ForSequenceClassification")
    makers = {
        "Bert": _bert,
        "Roberta": _roberta,
        "XLMRoberta": _roberta,
        "Camembert": _roberta,
        "Electra": _electra,
        "DistilBert": _distilbert,
    }
    if name not in makers:
        return f"{name} is not BERT-shaped: the forward pass of transformers"
    config = model.config
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "a decoder is not BERT-shaped: the forward pass of transformers"
    try:
        family = makers[name](model)
    except AttributeError as changed:
        return f"this version of transformers builds {name} differently ({changed})"
    hidden = family.layers[0].query.weight.shape[1]
    if hidden % ALIGNED:
        return f"a hidden size of {hidden} is no multiple of {ALIGNED}: the forward pass of transformers"
    return family


def _bert_layer(layer: Any) -> LayerParts:
    inner, outer = layer.attention.self, layer.attention.output
    return LayerParts(
        inner.query,
        inner.key,
        inner.value,
        outer.dense,
        outer.LayerNorm,
        layer.intermediate.dense,
        layer.intermediate.intermediate_act_fn,
        layer.output.dense,
        layer.output.LayerNorm,
    )


def _bert_like(name: str, model: Any, body: Any, head: Head, *, offset: int, project: nn.Linear | None) -> Family:
    embeddings, layers = body.embeddings, body.encoder.layer
    return Family(
        name,
        embeddings.word_embeddings.weight,
        embeddings.position_embeddings.weight,
        embeddings.token_type_embeddings.weight,
        offset,
        embeddings.word_embeddings.padding_idx,
        embeddings.LayerNorm,
        project,
        tuple(_bert_layer(layer) for layer in layers),
        model.config.num_attention_heads,
        embeddings.dropout.p,
        layers[0].attention.output.dropout.p,
        layers[0].attention.self.dropout.p,
        head,
    )


def _bert(model: Any) -> Family:
    pooler = model.bert.pooler

    def head(first: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model.classifier(model.dropout(pooler.activation(pooler.dense(first))))
        return logits

    return _bert_like("BERT", model, model.bert, head, offset=0, project=None)


def _roberta(model: Any) -> Family:
    offset = model.roberta.embeddings.padding_idx + 1
    return _bert_like("RoBERTa", model, model.roberta, _first_token_head(model), offset=offset, project=None)


def _electra(model: Any) -> Family:
    project = getattr(model.electra, "embeddings_project", None)
    return _bert_like("ELECTRA", model, model.electra, _first_token_head(model), offset=0, project=project)


def _first_token_head(model: Any) -> Head:
    def head(first: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model.classifier(first[:, None, :])
        return logits

    return head


def _distilbert(model: Any) -> Family:
    body = model.distilbert
    embeddings, layers = body.embeddings, body.transformer.layer

    def head(first: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model.classifier(model.dropout(torch.relu(model.pre_classifier(first))))
        return logits

    parts = tuple(
        LayerParts(
            layer.attention.q_lin,
            layer.attention.k_lin,
            layer.attention.v_lin,
            layer.attention.out_lin,
            layer.sa_layer_norm,
            layer.ffn.lin1,
            layer.ffn.activation,
            layer.ffn.lin2,
            layer.output_layer_norm,
        )
        for layer in layers
    )
    return Family(
        "DistilBERT",
        embeddings.word_embeddings.weight,
        embeddings.position_embeddings.weight,
        None,
        0,
        embeddings.word_embeddings.padding_idx,
        embeddings.LayerNorm,
        None,
        parts,
        model.config.n_heads,
        embeddings.dropout.p,
        0.0,
        layers[0].attention.dropout.p,
        head,
    )

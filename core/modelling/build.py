"""From a base model's files to a classifier: encoder and head, freezing, saving in the form that transformers loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.config import ModelConfig
from core.errors import ModelError
from core.modelling.catalogue import BaseModel
from core.modelling.soundness import FAMILIES, check_asked
from core.modelling.unfreezing import joins_at
from core.text import safe

_REFUSALS = (
    ValueError, KeyError, OSError, RuntimeError, TypeError, AttributeError, IndexError, ArithmeticError, ImportError,
)  # fmt: skip
"""What transformers raises for a configuration that makes no sense."""


def hush() -> None:
    """Keep transformers from drawing progress bars and load reports into the trainer's log."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def build_model(base: BaseModel, config: ModelConfig, label_names: tuple[str, ...], seed: int) -> nn.Module:
    """The encoder of `base` in float32 with a classification head for `label_names`, on the CPU.

    The head is drawn from `seed`, whatever was drawn before; a base that was itself fine-tuned for as many classes
    brings its head along. Raises `ModelError` when the architecture cannot
    classify sequences, the weights do not fit their own configuration or are not finite, or `config` asks for more than
    the model has.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForSequenceClassification

    check_asked(base.name, base.folder, config)
    model: Any
    try:
        found: Any = AutoConfig.from_pretrained(base.folder, trust_remote_code=False)
        found.id2label = dict(enumerate(label_names))
        found.label2id = {name: code for code, name in enumerate(label_names)}
        found.problem_type = "single_label_classification"
        _set_dropout(found, config.dropout)
        torch.manual_seed(seed)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            base.folder,
            config=found,
            dtype=torch.float32,  # a half-precision checkpoint would otherwise be trained in half precision
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # a head of another label set gives way to ours
            output_loading_info=True,
        )
    except (*_REFUSALS, SafetensorError, StrictDataclassError) as broken:
        raise ModelError(
            f"{safe(base.name)} cannot be trained as a classifier",
            safe(str(broken))[:300],
            f"Choose an encoder: {FAMILIES}.",
        ) from None
    _check_encoder(base, model, loading)
    freeze(model, config.frozen_layers)
    classifier: nn.Module = model
    return classifier


def _check_encoder(base: BaseModel, model: Any, loading: dict[str, Any]) -> None:
    """Raise `ModelError` when weights of the encoder were not in the files: transformers draws them at random then."""
    absent = {*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])}
    encoder = sorted(name for name in absent if name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name)
    more = f" and {len(encoder) - 1} more" if len(encoder) > 1 else ""
    if encoder:
        raise ModelError(
            f"The weights of {safe(base.name)} do not fit its config.json",
            f"Missing, or of another shape: {safe(encoder[0])}{more}.",
            "Fetch the model again.",
        )
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight.detach().sum()) and not weight.isfinite().all():  # the sum alone may overflow
            raise ModelError(
                f"The weights of {safe(base.name)} are not numbers",
                f"{safe(name)} holds infinities or NaN: every answer would be NaN, whatever the learning rate.",
                "Fetch the model again, or choose another: --model starter.",
            )


def _set_dropout(config: Any, dropout: float) -> None:
    """Dropout before the head, by whichever name the architecture has for it."""
    for name in ("classifier_dropout", "seq_classif_dropout", "cls_dropout"):
        if hasattr(config, name):
            setattr(config, name, dropout)


def encoder_layers(model: nn.Module) -> nn.ModuleList:
    """The stack of encoder layers, lowest first. Raises `ModelError` when the architecture has none that we find."""
    body = getattr(model, "base_model", model)
    stacks = [module for module in body.modules() if isinstance(module, nn.ModuleList) and len(module)]
    if not stacks:
        raise ModelError("This architecture has no stack of layers to freeze", next_step="Use --frozen-layers 0.")
    return max(stacks, key=lambda stack: sum(weight.numel() for weight in stack.parameters()))


def freeze(model: nn.Module, count: int) -> None:
    """Keep the lowest `count` encoder layers, and all that their output depends on, as they are; 0 trains everything.

    Raises `ModelError` when the model has fewer layers.
    """
    if count == 0:
        return
    layers = encoder_layers(model)
    if count > len(layers):
        raise ModelError(
            f"The model has {len(layers)} layers; {count} cannot be frozen",
            next_step=f"Use --frozen-layers {len(layers)} or fewer.",
        )
    (behind,) = _weights_behind(model, [layers[count - 1]])
    for name, weight in model.named_parameters():
        if "embeddings" in name or id(weight) in behind:
            weight.requires_grad_(False)
    for layer in list(layers)[:count]:
        layer.requires_grad_(False)


def joining(model: nn.Module, over: int) -> dict[int, int]:
    """The epoch (0-based) in which each weight begins to train when layers join within `over` epochs, by its id().

    What is not among them is the head's, or frozen for ever. A weight outside the layers joins with the lowest layer
    whose output depends on it, for such a layer would not stay as it is; what lies below all layers joins last. Raises
    `ModelError` for an architecture without a stack of layers, and for one whose layers share their weights.
    """
    try:
        layers = list(encoder_layers(model))
    except ModelError:
        title = "This architecture has no stack of layers that could join one after the other"
        raise ModelError(title, next_step="Use --gradual-unfreezing 0.") from None
    behind = _weights_behind(model, layers)
    kept = len(layers) - frozen_depth(model)
    found: dict[int, int] = {}
    for rank in range(1, kept + 1):  # from the top down: the last word has the lowest layer that depends on a weight
        own = map(id, layers[-rank].parameters())
        found |= dict.fromkeys({*behind[-rank], *own}, joins_at(rank, over, kept))
    inside = {id(weight) for layer in layers for weight in layer.parameters()}
    below = behind[0] | {id(weight) for name, weight in model.named_parameters() if "embeddings" in name}
    return found | dict.fromkeys(below - inside, over)


def _weights_behind(model: nn.Module, layers: Sequence[nn.Module]) -> list[set[int]]:
    """For each of `layers` the id() of every weight that its output depends on, but for those that are frozen.

    Some families keep such weights outside their layers: DeBERTa the norm of its relative positions, MPNet its
    attention bias. Only the graph of one forward pass tells; no gradient is computed. Raises `ModelError` when a layer
    is passed several times.
    """
    outputs: dict[nn.Module, list[Any]] = {layer: [] for layer in layers}
    training = model.training
    model.eval()
    hooks = [layer.register_forward_hook(lambda at, inputs, output: outputs[at].append(output)) for layer in layers]
    try:
        with torch.enable_grad():
            ids = torch.ones((1, 2), dtype=torch.long, device=next(model.parameters()).device)
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    if any(len(passed) != 1 for passed in outputs.values()):
        why = "They are one layer that is passed several times: frozen or trained together."
        step = "Use --frozen-layers 0 and --gradual-unfreezing 0."
        raise ModelError("The layers of this model share their weights", why, step)
    return [_leaves(one[0] if isinstance(one, tuple) else one) for (one,) in outputs.values()]


def _leaves(output: torch.Tensor) -> set[int]:
    """The id() of every weight in the graph behind `output`."""
    waiting, seen, found = [output.grad_fn], set[Any](), set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.add(id(node.variable))
        waiting += [before for before, _ in node.next_functions]
    return found


def frozen_depth(model: nn.Module) -> int:
    """How many of the lowest encoder layers are frozen together with the embeddings; 0 when those are trained."""
    embeddings = [weight for name, weight in model.named_parameters() if "embeddings" in name]
    if not embeddings or any(weight.requires_grad for weight in embeddings):
        return 0
    depth = 0
    for layer in encoder_layers(model):
        if any(weight.requires_grad for weight in layer.parameters()):
            break
        depth += 1
    return depth


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """(all, trained) parameters."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def save_model(
    model: Any, tokenizer: Any, folder: Path, facts: dict[str, Any], state: dict[str, torch.Tensor] | None = None
) -> None:
    """Write what `AutoModelForSequenceClassification.from_pretrained` and `AutoTokenizer.from_pretrained` load.

    `facts` goes to `finetui.json` beside it: max_length, label names, base. `state` stands for the model's own weights
    where it holds only part of them. The caller commits the folder.
    """
    model.save_pretrained(folder, state_dict=state)
    tokenizer.save_pretrained(folder)
    (folder / "finetui.json").write_text(json.dumps({"format": 1, **facts}, indent=1), encoding="utf-8")


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights saved in `folder`, by name, on the CPU. Raises `ModelError` when they cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(folder / "model.safetensors")
    except (OSError, SafetensorError) as broken:
        step = "Somebody changed the folder while this ran: train again."
        raise ModelError(f"The weights in {folder} cannot be read", safe(str(broken))[:300], step) from None

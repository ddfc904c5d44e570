"""A graph that computes for every token only what the answer needs: the last layer works for the first token alone.

A classifier reads the first token's state. The last encoder layer needs keys and values of all tokens, but queries,
attention, output and feed-forward of that one: a seventh of a six-layer encoder's work falls away, the answer stays.
The graph stays standard ONNX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

Wanted = dict[int, int]
"""Of a node that may work for the first token alone: its inputs that are narrowed, and along which axis."""

ALONE = frozenset(("Cast", "Erf", "Gelu", "Identity", "Relu", "Sigmoid", "Sqrt", "Tanh"))
TOGETHER = frozenset(("Add", "Div", "Mul", "Pow", "Sub", "Where"))


def narrow_file(path: Path) -> int:
    """Rewrite the graph in `path` as `narrow_to_first_token` does; the file of its weights is left alone."""
    model = ir.load(path)
    narrowed = narrow_to_first_token(model.graph)
    if narrowed:
        ir.save(model, path)
    return narrowed


def narrow_to_first_token(graph: ir.Graph) -> int:
    """Rewrite `graph` in place so that what only the first token's state needs is computed for that token alone.

    Returns how many nodes do less work now. Nodes of an unknown kind stay as they are: what they give is cut after
    them, so every graph keeps its answers.
    """
    uses: dict[tuple[ir.Node, int], int] = {}
    narrowed: dict[ir.Node, int] = {}
    for node in reversed(graph):
        if _takes_first(node):
            uses[node, 0] = 1
            continue
        axis = _asked_of(node, uses)
        wanted = None if axis is None else _inputs_to_narrow(node, axis)
        if axis is not None and wanted is not None:
            narrowed[node] = axis
            uses.update({(node, place): along for place, along in wanted.items()})
    if not any(node.op_type == "MatMul" for node in narrowed):
        return 0
    _cut(graph, uses, narrowed)
    for node, axis in narrowed.items():
        _shrink(graph, node, axis)
    return len(narrowed)


def _takes_first(node: ir.Node) -> bool:
    """Whether `node` reads the first token of `[batch, length, hidden]`."""
    if node.op_type != "Gather" or node.attributes.get_int("axis", 0) != 1:
        return False
    state, index = node.inputs
    found = _constant(index)
    return _rank(state) == 3 and found is not None and found.size == 1 and not found.any()


def _asked_of(node: ir.Node, uses: dict[tuple[ir.Node, int], int]) -> int | None:
    """The axis along which everybody who reads `node` wants its first entry only, if they agree."""
    out = node.outputs[0]
    if len(node.outputs) != 1 or out.is_graph_output() or not out.uses():
        return None
    asked = {uses.get((use.node, use.idx)) for use in out.uses()}
    return asked.pop() if len(asked) == 1 else None


def _inputs_to_narrow(node: ir.Node, axis: int) -> Wanted | None:
    """Which inputs of `node` to cut instead of its output along `axis`; None where that is not the same."""
    rule = _RULES.get(node.op_type)
    rank = _rank(node.outputs[0])
    if rule is None or rank is None or node.domain not in ("", "ai.onnx") or axis >= rank:
        return None
    return rule(node, axis, rank)


def _alone(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    return {0: axis} if len(node.inputs) == 1 else None


def _together(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    wanted: Wanted = {}
    for place, value in enumerate(node.inputs):
        own = _rank(value)
        if value is None or own is None or value.shape is None:
            return None
        along = axis - (rank - own)  # shapes are aligned at their ends
        if along >= 0 and value.shape[along] != 1:
            wanted[place] = along
    return wanted


def _along_last(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    """Softmax, LayerNormalization: every entry along the other axes is on its own."""
    return {0: axis} if node.attributes.get_int("axis", -1) in (-1, rank - 1) and axis < rank - 1 else None


def _product(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    """Rows of a product are rows of its left factor."""
    return {0: axis} if axis == rank - 2 and _rank(node.inputs[0]) == rank else None


def _transposed(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    order = node.attributes.get_ints("perm")
    return {0: order[axis]} if order else None


def _reshaped(node: ir.Node, axis: int, rank: int) -> Wanted | None:
    """Heads split or joined behind `[batch, length]`, with the length given as one part of the new shape."""
    value, parts = node.inputs[0], _parts(node)
    before, after = value.shape if value is not None else None, node.outputs[0].shape
    if axis != 1 or parts is None or before is None or after is None or len(before) < 2:
        return None
    return {0: 1} if len(parts) == rank and before[0] == after[0] and before[1] == after[1] else None


def _parts(node: ir.Node) -> Sequence[ir.Value | None] | None:
    """The one-element tensors that a Reshape's shape is put together from."""
    maker = node.inputs[1].producer() if node.inputs[1] is not None else None
    if maker is None or maker.op_type != "Concat":
        return None
    one = all(part is not None and part.shape is not None and tuple(part.shape) == (1,) for part in maker.inputs)
    return maker.inputs if one else None


_RULES: dict[str, Callable[[ir.Node, int, int], Wanted | None]] = {
    **dict.fromkeys(ALONE, _alone),
    **dict.fromkeys(TOGETHER, _together),
    "LayerNormalization": _along_last,
    "MatMul": _product,
    "Reshape": _reshaped,
    "Softmax": _along_last,
    "Transpose": _transposed,
}


def _cut(graph: ir.Graph, uses: dict[tuple[ir.Node, int], int], narrowed: dict[ir.Node, int]) -> None:
    """Put a Slice where a narrowed node reads what is computed for every token."""
    made: dict[tuple[ir.Value, int], ir.Value] = {}
    for (node, place), axis in uses.items():
        value = node.inputs[place]
        if value is None or value.producer() in narrowed or node not in narrowed:
            continue
        if (value, axis) not in made:
            made[value, axis] = _sliced(graph, value, axis)
        node.replace_input_with(place, made[value, axis])


def _sliced(graph: ir.Graph, value: ir.Value, axis: int) -> ir.Value:
    """The first entry of `value` along `axis`, which is kept with length 1."""
    name = f"{value.name}_first_{axis}"
    slicing = ir.node("Slice", [value, *(_number(graph, number) for number in (0, 1, axis))], name=name)
    out = slicing.outputs[0]
    out.name, out.type, out.shape = name, value.type, _first(value.shape, axis)
    maker = value.producer()
    if maker is None:
        graph.insert_before(graph[0], slicing)
    else:
        graph.insert_after(maker, slicing)
    return out


def _number(graph: ir.Graph, number: int) -> ir.Value:
    """An initializer that holds `[number]`."""
    name = f"first_token_{number}"
    if name not in graph.initializers:
        held = ir.tensor(np.array([number], dtype=np.int64), name=name)
        kind = ir.TensorType(ir.DataType.INT64)
        graph.register_initializer(ir.Value(name=name, shape=ir.Shape([1]), type=kind, const_value=held))
    return graph.initializers[name]


def _shrink(graph: ir.Graph, node: ir.Node, axis: int) -> None:
    """Make `node` say that it works for one token: its shape, and the one that a Reshape is given."""
    out = node.outputs[0]
    out.shape = _first(out.shape, axis)
    parts = _parts(node) if node.op_type == "Reshape" else None
    if parts is None:
        return
    joined = ir.node("Concat", [parts[0], _number(graph, 1), *parts[2:]], {"axis": 0}, name=f"{out.name}_shape")
    joined.outputs[0].name = f"{out.name}_shape"
    graph.insert_before(node, joined)
    node.replace_input_with(1, joined.outputs[0])


def _first(shape: ir.Shape | None, axis: int) -> ir.Shape | None:
    return None if shape is None else ir.Shape([1 if place == axis else one for place, one in enumerate(shape)])


def _rank(value: ir.Value | None) -> int | None:
    return None if value is None or value.shape is None else len(value.shape)


def _constant(value: ir.Value | None) -> np.ndarray[Any, Any] | None:
    return None if value is None or value.const_value is None else value.const_value.numpy()


__all__ = ["narrow_file", "narrow_to_first_token"]

"""Layers around layers: TimeDistributed, models inside of models, layers of one's own."""

from __future__ import annotations

from tests.random_models.generator import Builder
from tests.random_models.recipes import RECIPES, add_layers, recipe
from tests.random_models.spec import Call
from tests.support import recurrent_layers

STEP_LAYERS = (
    "Dense", *recurrent_layers.KINDS, "Bidirectional", "Activation", "PReLU", "LayerNormalization",
    "BatchNormalization", "Dropout", "Flatten", "Permute", "RepeatVector", "GlobalAveragePooling1D",
    "GlobalMaxPooling1D", "Embedding", "Reshape", "Model", "Softmax",
)  # fmt: skip


def inner(b: Builder, shape: tuple[int, ...], kind: str, vocabulary: int) -> Builder:
    """A builder of a graph inside this one, with one input."""
    nested = Builder(b.random, b.limits, b.names, b.depth + 1, b.large, fixed=b.fixed)
    nested.input(shape, kind, vocabulary)
    return nested


@recipe("TimeDistributed", 1.0)
def _time_distributed(b: Builder) -> bool:
    if b.depth > 1:
        return False
    ids = b.chance(0.15)
    # a mask of three axes would stay what it was, though the step's layer may take an axis away
    value = b.pick((2,), "ids") if ids else b.pick((2, 3), fits=lambda v: not (v.masked and len(v.shape) == 3))
    if value is None:
        return False
    for _ in range(10):
        nested = inner(b, value.shape[1:], value.kind if ids else "real", value.vocabulary)
        nested.stateful = True  # says: no stateful layers in here
        barred = set(recurrent_layers.NOT_IN_KERAS) if b.limits.in_keras else set()
        if value.masked:
            barred.add("Softmax")
        name = b.random.choice([one for one in STEP_LAYERS if one not in barred])
        if not RECIPES[name](nested) or len(nested.nodes) != 1:
            continue
        node = nested.nodes[0]
        result = nested.values[node.outputs[0]]
        if len(node.outputs) != 1 or node.call or node.states or node.uses() != nested.inputs:
            continue
        if node.layer is None and node.graph is None:
            continue
        shape = (value.shape[0], *result.shape)
        if node.graph is not None:
            b.add(
                [value], [shape], Call("layers.TimeDistributed", {"layer": "{model}"}), value.masked, graph=node.graph
            )
        else:
            b.add([value], [shape], Call("layers.TimeDistributed", {"layer": node.layer}), value.masked)
        return True
    return False


@recipe("Model", 0.8)
def _model(b: Builder) -> bool:
    """A model inside the model."""
    value = b.pick((1, 2, 3))
    if value is None or b.depth > 1:
        return False
    nested = inner(b, value.shape, "real", 0)
    nested.values[nested.inputs[0]].masked = value.masked
    nested.stateful = b.stateful
    add_layers(nested, b.random.randint(1, 3))
    outputs = nested.leaves()[: b.random.choice((1, 1, 1, 2))]
    if not outputs:
        return False
    graph = nested.graph([one.name for one in outputs])
    if graph.is_chain() and b.chance(0.4):
        graph.sequential = "input"
    b.stateful = b.stateful or nested.stateful
    b.fixed = b.fixed or nested.fixed
    b.add([value], [one.shape for one in outputs], graph=graph)
    for made, one in zip(b.nodes[-1].outputs, outputs, strict=True):
        b.values[made].masked, b.values[made].kind = one.masked, one.kind
    return True


@recipe("Layer", 0.4)
def _own_layer(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    b.add([value], [value.shape], Call("own.Penalized", {}))
    return True

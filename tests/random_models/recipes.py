"""How each layer comes into a random model: one recipe a layer, which picks its inputs and draws its options.

A recipe returns whether it found inputs that fit. Recurrent layers are in recipes_recurrent.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.random_models import pools
from tests.random_models.generator import Builder
from tests.random_models.spec import Call, Value

Recipe = Callable[[Builder], bool]
RECIPES: dict[str, Recipe] = {}
#: how often a recipe is tried before the others, 1 unless said
SHARES: dict[str, float] = {}

NOT_IN_KERAS = {"AddLoss", "BilinearAttention"}


def recipe(name: str, share: float = 1.0) -> Callable[[Recipe], Recipe]:
    """Enter a recipe under its layer's name."""

    def enter(function: Recipe) -> Recipe:
        RECIPES[name] = function
        SHARES[name] = share
        return function

    return enter


def add_layers(b: Builder, count: int, only: Any = None) -> None:
    """Add up to `count` layers by recipes drawn at random."""
    names = [one for one in (RECIPES if only is None else only) if not (b.limits.in_keras and one in NOT_IN_KERAS)]
    for _ in range(count):
        for _ in range(20):
            name = b.random.choices(names, [SHARES[one] for one in names])[0]
            if RECIPES[name](b):
                if b.chance(0.12):
                    share_layer(b)
                if only is None and b.chance(0.25) and len(b.values[b.nodes[-1].outputs[0]].shape) == 2:
                    RECIPES[b.random.choice(("GlobalAveragePooling1D", "Lambda", "Operation"))](b)
                break


def share_layer(b: Builder) -> None:
    """Call the newest layer once more, on another value of the same shape."""
    node = b.nodes[-1]
    if node.expression is not None or node.shares is not None or len(node.inputs) != 1 or len(node.outputs) != 1:
        return
    if node.states:
        return
    source, result = b.values[node.inputs[0]], b.values[node.outputs[0]]
    others = [v for v in b.values.values() if v.shape == source.shape and v.name != source.name
              and (v.kind == "ids") == (source.kind == "ids") and v.vocabulary <= source.vocabulary
              and v.masked == source.masked]  # fmt: skip
    if others:
        other = b.random.choice(others)
        b.add([other], [result.shape], masked=result.masked, kind=result.kind,
              shares=node.outputs[0], call=dict(node.call))  # fmt: skip


def some(b: Builder, share: float, **options: Any) -> dict[str, Any]:
    """Each of the options with this share; a function is called for its value."""
    found = {}
    for key, value in options.items():
        if b.chance(share):
            found[key] = value() if callable(value) else value
    return found


# --- Dense, activations -------------------------------------------------------------------------------------------


def dense(b: Builder, value: Value, activation: str | None = None, units: int | None = None) -> Value:
    """A Dense layer on the value."""
    units = units or b.size()
    activation = activation or pools.activation(b.random)
    options: dict[str, Any] = {"units": str(units), "activation": repr(activation)}
    options |= some(
        b, 0.08, use_bias="False",
        kernel_regularizer=lambda: pools.regularizer(b.random),
        bias_regularizer=lambda: pools.regularizer(b.random, matrix=False),
        kernel_constraint=lambda: pools.constraint(b.random),
        bias_constraint=lambda: pools.constraint(b.random, matrix=False),
        activity_regularizer=lambda: pools.regularizer(b.random, matrix=False),
    )  # fmt: skip
    kind = pools.KINDS.get(activation, "real")
    return b.add([value], [(*value.shape[:-1], units)], Call("layers.Dense", options), value.masked, kind)[0]


@recipe("Dense", 2.0)
def _dense(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    return value is not None and bool(dense(b, value))


def elementwise(name: str, draw: Callable[[Builder, Value], dict[str, Any]], share: float = 0.4) -> None:
    """A recipe of a layer that keeps shape and mask."""

    @recipe(name, share)
    def _(b: Builder) -> bool:
        value = b.pick((1, 2, 3))
        if value is None:
            return False
        options = draw(b, value)
        kind = pools.KINDS.get(options.get("activation", "").strip("'"), "real") if name == "Activation" else "real"
        b.add([value], [value.shape], Call(f"layers.{name}", options), value.masked, kind)
        return True


elementwise("Activation", lambda b, v: {"activation": repr(pools.activation(b.random))})
elementwise("ReLU", lambda b, v: some(b, 0.5, max_value="0.8", negative_slope="0.1", threshold="0.05"))
elementwise("LeakyReLU", lambda b, v: some(b, 0.5, negative_slope="0.2"))
elementwise("ELU", lambda b, v: some(b, 0.5, alpha="0.7"))
elementwise(
    "PReLU",
    lambda b, v: some(b, 0.4, alpha_regularizer=lambda: pools.regularizer(b.random, matrix=False),
                      alpha_constraint="constraints.NonNeg()", shared_axes="[1]"),
)  # fmt: skip


@recipe("Softmax", 0.4)
def _softmax(b: Builder) -> bool:
    value = b.pick((1, 2, 3), fits=lambda v: not v.masked)
    if value is None:
        return False
    axis = b.random.choice(["-1", "1"] + (["[1, 2]"] if len(value.shape) > 1 else []))
    last = axis == "-1" or (axis == "1" and len(value.shape) == 1)
    b.add([value], [value.shape], Call("layers.Softmax", {"axis": axis}), kind="softmax" if last else "real")
    return True


# --- embeddings and masks -----------------------------------------------------------------------------------------


def _table(b: Builder) -> dict[str, Any]:
    return some(
        b, 0.12, embeddings_regularizer=lambda: pools.regularizer(b.random, matrix=False),
        embeddings_constraint=lambda: pools.constraint(b.random),
    )  # fmt: skip


@recipe("Embedding", 3.0)
def _embedding(b: Builder, name: str = "Embedding", **more: str) -> bool:
    ids = b.pick((1, 2), "ids")
    if ids is None:
        return False
    size, masked = b.size(), b.chance(0.5)
    options: dict[str, Any] = {"input_dim": str(ids.vocabulary), "output_dim": str(size), **_table(b), **more}
    if masked:
        options["mask_zero"] = "True"
    b.add([ids], [(*ids.shape, size)], Call(f"layers.{name}", options), masked and len(ids.shape) == 1)
    return True


@recipe("ReversibleEmbedding", 0.8)
def _reversible(b: Builder) -> bool:
    more = some(b, 0.4, tie_weights="False", logit_soft_cap="1.5")
    if not _embedding(b, "ReversibleEmbedding", **more):
        return False
    node = b.nodes[-1]
    made = b.values[node.outputs[0]]
    add_layers(b, b.random.randint(0, 1), ("LSTM", "GRU", "Dropout", "Dense", "LayerNormalization"))
    source = next((v for v in b.leaves() if v.shape[-1] == made.shape[-1]), made)
    vocabulary = b.values[node.inputs[0]].vocabulary
    b.add([source], [(*source.shape[:-1], vocabulary)], masked=source.masked,
          shares=node.outputs[0], call={"reverse": "True"})  # fmt: skip
    return True


@recipe("Masking", 1.0)
def _masking(b: Builder) -> bool:
    # only what comes from outside holds the value that says "no step"
    value = b.pick((2,), fits=lambda v: v.name in b.inputs)
    if value is None:
        return False
    options = {"mask_value": b.random.choice(("0.0", "-1.0"))}
    b.add([value], [value.shape], Call("layers.Masking", options), True)
    return True


# --- normalization, dropout, noise --------------------------------------------------------------------------------


@recipe("LayerNormalization", 0.8)
def _layer_normalization(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    options = some(
        b, 0.2, epsilon="0.01", center="False", scale="False",
        gamma_regularizer=lambda: pools.regularizer(b.random, matrix=False), gamma_constraint="constraints.NonNeg()",
    )  # fmt: skip
    if b.chance(0.3):
        options["axis"] = b.random.choice(["1"] + (["[1, 2]"] if len(value.shape) > 1 else []))
    b.add([value], [value.shape], Call("layers.LayerNormalization", options), value.masked)
    return True


@recipe("BatchNormalization", 0.8)
def _batch_normalization(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    options = some(
        b, 0.2, momentum="0.7", epsilon="0.01", center="False", scale="False",
        beta_regularizer=lambda: pools.regularizer(b.random, matrix=False),
    )  # fmt: skip
    if b.chance(0.2) and not value.masked:
        options["axis"] = "1"
    b.add([value], [value.shape], Call("layers.BatchNormalization", options), value.masked)
    return True


def noise(name: str, draw: Callable[[Builder, Value], dict[str, Any]], ranks: tuple[int, ...] = (1, 2, 3)) -> None:
    @recipe(name, 0.5)
    def _(b: Builder) -> bool:
        value = b.pick(ranks)
        if value is None:
            return False
        options = {**draw(b, value), "seed": b.seed()}
        if b.limits.in_keras:
            first = next(iter(options))
            options[first] = "0.0"
        b.add([value], [value.shape], Call(f"layers.{name}", options), value.masked)
        return True


def _noise_shape(b: Builder, value: Value) -> dict[str, Any]:
    sizes = ", ".join(b.random.choice(("1", "None")) for _ in value.shape)
    return {"rate": b.rate(), **some(b, 0.3, noise_shape=f"(None, {sizes})")}


noise("Dropout", _noise_shape)
noise("SpatialDropout1D", lambda b, v: {"rate": b.rate()}, (2,))
noise("GaussianDropout", lambda b, v: {"rate": b.rate()})
noise("GaussianNoise", lambda b, v: {"stddev": b.random.choice(("0.1", "0.5"))})


@recipe("AddLoss", 0.4)
def _add_loss(b: Builder) -> bool:
    value = b.pick((1, 2))
    if value is None:
        return False
    b.add([value], [value.shape], Call("layers.AddLoss"), value.masked)
    return True


# --- pooling, attention -------------------------------------------------------------------------------------------


def pooling(name: str) -> None:
    @recipe(name, 1.5)
    def _(b: Builder) -> bool:
        value = b.pick((2,))
        if value is None:
            return False
        options = some(b, 0.2, keepdims="True")
        first = not value.masked and b.chance(0.2)
        if first:
            options["data_format"] = "'channels_first'"
        steps, size = value.shape
        shape = ((steps, 1) if first else (1, size)) if "keepdims" in options else (steps,) if first else (size,)
        b.add([value], [shape], Call(f"layers.{name}", options))
        return True


pooling("GlobalAveragePooling1D")
pooling("GlobalMaxPooling1D")


def attention(name: str, draw: Callable[[Builder], dict[str, Any]]) -> None:
    @recipe(name, 0.8)
    def _(b: Builder) -> bool:
        query, value = b.pick((2,)), b.pick((2,))
        if query is None or value is None:
            return False
        if name != "BilinearAttention" and query.shape[-1] != value.shape[-1]:
            query = dense(b, query, units=value.shape[-1]) if query.shape[-1] else value
            if query.shape[-1] != value.shape[-1]:
                return False
        inputs = [query, value]
        if b.chance(0.25):
            inputs.append(dense(b, value, units=query.shape[-1] if name != "BilinearAttention" else b.size()))
        options, call = draw(b), some(b, 0.25, use_causal_mask="True", return_attention_scores="True")
        if not b.limits.in_keras:
            options |= some(b, 0.2, dropout=b.rate, seed=b.seed)
        shapes = [(query.shape[0], value.shape[-1])]
        if "return_attention_scores" in call:
            shapes.append((query.shape[0], value.shape[0]))
        b.add(inputs, shapes, Call(f"layers.{name}", options), query.masked, call=call)
        return True


attention("Attention", lambda b: some(b, 0.3, use_scale="True", score_mode="'concat'"))
attention("AdditiveAttention", lambda b: some(b, 0.3, use_scale="False"))
attention(
    "BilinearAttention",
    lambda b: some(b, 0.3, kernel_regularizer=lambda: pools.regularizer(b.random),
                   kernel_constraint=lambda: pools.constraint(b.random)),
)  # fmt: skip


# --- merging ------------------------------------------------------------------------------------------------------


def merging(name: str, function: str, counts: tuple[int, ...] = (2, 2, 3)) -> None:
    def merge(b: Builder, make: Callable[[list[Value]], None]) -> bool:
        first = b.pick((1, 2, 3))
        if first is None:
            return False

        def broadcasts(v: Value) -> bool:
            return len(v.shape) == len(first.shape) and all(
                x == y or 1 in (x, y) for x, y in zip(v.shape, first.shape, strict=True)
            )

        values = [first]
        for _ in range(b.random.choice(counts) - 1):
            other = b.pick((len(first.shape),), fits=broadcasts)
            assert other is not None
            values.append(other)
        sizes = [
            {size for size in column if size != 1} or {1} for column in zip(*[v.shape for v in values], strict=True)
        ]
        if any(len(column) > 1 for column in sizes):
            values = [first, values[1]]
        make(values)
        return True

    def shape_of(values: list[Value]) -> tuple[int, ...]:
        return tuple(max(column) if min(column) else 0 for column in zip(*[v.shape for v in values], strict=True))

    def masked(values: list[Value]) -> bool:
        return all(v.masked for v in values)

    @recipe(name, 0.5)
    def _layer(b: Builder) -> bool:
        def make(values: list[Value]) -> None:
            b.add(values, [shape_of(values)], Call(f"layers.{name}"), masked(values))

        return merge(b, make)

    @recipe(function, 0.2)
    def _function(b: Builder) -> bool:
        def make(values: list[Value]) -> None:
            names = ", ".join(value.name for value in values)
            b.add(values, [shape_of(values)], masked=masked(values), expression=f"layers.{function}([{names}])")

        return merge(b, make)


for _name in ("Add", "Average", "Maximum", "Minimum", "Multiply"):
    merging(_name, _name.lower())
merging("Subtract", "subtract", (2,))


def _joined(b: Builder) -> tuple[list[Value], tuple[int, ...], str, bool] | None:
    first = b.pick((1, 2, 3))
    if first is None:
        return None
    rank = len(first.shape)
    axis = b.random.randint(1, rank)
    other = b.pick(
        (rank,), fits=lambda v: v.shape[: axis - 1] == first.shape[: axis - 1] and v.shape[axis:] == first.shape[axis:]
    )
    assert other is not None
    values = [first, other]
    shape = (*first.shape[: axis - 1], first.shape[axis - 1] + other.shape[axis - 1], *first.shape[axis:])
    masked = first.masked or other.masked
    return values, shape, str(axis if b.chance(0.5) else axis - rank - 1), masked


@recipe("Concatenate", 1.0)
def _concatenate(b: Builder) -> bool:
    found = _joined(b)
    if found is None:
        return False
    values, shape, axis, masked = found
    b.add(values, [shape], Call("layers.Concatenate", {"axis": axis}), masked)
    return True


@recipe("concatenate", 0.3)
def _concatenate_function(b: Builder) -> bool:
    found = _joined(b)
    if found is None:
        return False
    values, shape, axis, masked = found
    names = ", ".join(value.name for value in values)
    b.add(values, [shape], masked=masked, expression=f"layers.concatenate([{names}], axis={axis})")
    return True


def _product(b: Builder) -> tuple[list[Value], tuple[int, ...], dict[str, str]] | None:
    first = b.pick((1, 2))
    if first is None:
        return None
    a = b.random.randint(1, len(first.shape))
    other = b.pick((1, 2), fits=lambda v: first.shape[a - 1] in v.shape)
    if other is None:
        return None
    places = [k + 1 for k, size in enumerate(other.shape) if size == first.shape[a - 1]]
    c = b.random.choice(places)
    shape = (*first.shape[: a - 1], *first.shape[a:], *other.shape[: c - 1], *other.shape[c:])
    return [first, other], shape or (1,), {"axes": f"({a}, {c})", **some(b, 0.3, normalize="True")}


@recipe("Dot", 0.6)
def _dot(b: Builder) -> bool:
    found = _product(b)
    if found is None:
        return False
    values, shape, options = found
    b.add(values, [shape], Call("layers.Dot", options))
    return True


@recipe("dot", 0.2)
def _dot_function(b: Builder) -> bool:
    found = _product(b)
    if found is None:
        return False
    values, shape, options = found
    names = ", ".join(value.name for value in values)
    text = ", ".join(f"{key}={value}" for key, value in options.items())
    b.add(values, [shape], expression=f"layers.dot([{names}], {text})")
    return True


# --- shapes -------------------------------------------------------------------------------------------------------


@recipe("Flatten", 0.5)
def _flatten(b: Builder) -> bool:
    value = b.pick((2, 3))
    if value is None:
        return False
    size = 1
    for one in value.shape:
        size *= one
    b.add([value], [(size,)], Call("layers.Flatten", some(b, 0.3, data_format="'channels_first'")))
    return True


@recipe("Reshape", 0.5)
def _reshape(b: Builder) -> bool:
    value = b.pick((1, 2, 3), fits=lambda v: 0 not in v.shape)
    if value is None:
        return False
    size = 1
    for one in value.shape:
        size *= one
    factor = b.random.choice([k for k in range(1, size + 1) if size % k == 0])
    shape = b.random.choice(((size,), (factor, size // factor), (factor, 1, size // factor)))
    target = (-1, *shape[1:]) if b.chance(0.3) else shape
    b.add([value], [shape], Call("layers.Reshape", {"target_shape": str(target)}))
    return True


@recipe("Permute", 0.6)
def _permute(b: Builder) -> bool:
    value = b.pick((2, 3))
    if value is None:
        return False
    dims = list(range(1, len(value.shape) + 1))
    b.random.shuffle(dims)
    shape = tuple(value.shape[k - 1] for k in dims)
    b.add([value], [shape], Call("layers.Permute", {"dims": str(tuple(dims))}))
    return True


@recipe("RepeatVector", 0.8)
def _repeat(b: Builder) -> bool:
    value = b.pick((1,))
    if value is None:
        return False
    n = b.random.choice((1, 2, 3, 5, 7))
    b.add([value], [(n, *value.shape)], Call("layers.RepeatVector", {"n": str(n)}))
    return True


# --- functions ----------------------------------------------------------------------------------------------------


def _function(b: Builder, functions: Any) -> tuple[Value, str, tuple[int, ...]] | None:
    ranks, text, rule = b.random.choice(functions)
    value = b.pick(ranks, fits=lambda v: 0 not in v.shape)
    if value is None:
        return None
    shape: tuple[int, ...] = eval(rule, {"s": value.shape})
    return None if 0 in shape or len(shape) > 3 else (value, text, shape)


@recipe("Lambda", 2.0)
def _lambda(b: Builder) -> bool:
    found = _function(b, pools.FUNCTIONS + pools.LAMBDA_FUNCTIONS)
    if found is None:
        return False
    value, text, shape = found
    options = {"function": f"lambda x: {text}"}
    if b.limits.in_keras or b.chance(0.3):
        options["output_shape"] = str(shape)
    b.add([value], [shape], Call("layers.Lambda", options))
    return True


@recipe("Operation", 1.0)
def _operation(b: Builder) -> bool:
    """A function of symbols: Operation and GetItem layers in the model."""
    found = _function(b, pools.FUNCTIONS)
    if found is None:
        return False
    value, text, shape = found
    b.add([value], [shape], expression=re.sub(r"\bx\b", value.name, text))
    return True


# --- layers around layers -----------------------------------------------------------------------------------------

STEP_LAYERS = (
    "Dense", "LSTM", "GRU", "SimpleRNN", "Bidirectional", "Activation", "PReLU", "LayerNormalization",
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
    value = b.pick((2,), "ids") if ids else b.pick((2, 3))
    if value is None:
        return False
    for _ in range(10):
        nested = inner(b, value.shape[1:], value.kind if ids else "real", value.vocabulary)
        nested.stateful = True  # says: no stateful layers in here
        name = b.random.choice(STEP_LAYERS)
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
            b.add([value], [shape], Call("layers.TimeDistributed", {"layer": "{model}"}), value.masked,
                  graph=node.graph)  # fmt: skip
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


from tests.random_models import recipes_recurrent  # noqa: E402, F401  (enters its recipes)

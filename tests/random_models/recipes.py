"""How each layer comes into a random model: one recipe a layer, which picks its inputs and draws its options.

A recipe returns whether it found inputs that fit. Recurrent layers are in recipes_recurrent.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.random_models import pools
from tests.random_models.generator import Builder
from tests.random_models.spec import Call, Graph, Node, Value

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
    names = [
        one for one in (sorted(RECIPES) if only is None else only) if not (b.limits.in_keras and one in NOT_IN_KERAS)
    ]
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
    if node.states or (b.limits.in_keras and _changes_when_called(node)):
        return
    source, result = b.values[node.inputs[0]], b.values[node.outputs[0]]
    others = [v for v in b.values.values() if v.shape == source.shape and v.name != source.name
              and (v.kind == "ids") == (source.kind == "ids") and v.vocabulary <= source.vocabulary
              and v.masked == source.masked]  # fmt: skip
    if others:
        other = b.random.choice(others)
        b.add([other], [result.shape], masked=result.masked, kind=result.kind,
              shares=node.outputs[0], call=dict(node.call))  # fmt: skip


def _changes_when_called(node: Node) -> bool:
    """Whether a call leaves something behind: Keras runs calls of equal depth in another order."""
    made = Graph([], [node], [], {}).calls()
    return any(call.name == "layers.BatchNormalization" or "stateful" in call.options for call in made)


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
        b,
        0.08,
        use_bias="False",
        kernel_regularizer=lambda: b.regularizer(),
        bias_regularizer=lambda: b.regularizer(matrix=False),
        kernel_constraint=lambda: pools.constraint(b.random),
        bias_constraint=lambda: pools.constraint(b.random, matrix=False),
        activity_regularizer=lambda: b.regularizer(matrix=False),
    )
    kind = pools.KINDS.get(activation, "real")
    return b.add([value], [(*value.shape[:-1], units)], Call("layers.Dense", options), value.masked, kind)[0]


@recipe("Dense", 2.0)
def _dense(b: Builder) -> bool:
    value = b.pick((1, 2, 3), empty=True)
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
    lambda b, v: some(
        b,
        0.4,
        alpha_regularizer=lambda: b.regularizer(matrix=False),
        alpha_constraint="constraints.NonNeg()",
        shared_axes="[1]",
    ),
)


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
        b,
        0.12,
        embeddings_regularizer=lambda: b.regularizer(matrix=False),
        embeddings_constraint=lambda: pools.constraint(b.random),
    )


@recipe("Embedding", 3.0)
def _embedding(b: Builder, name: str = "Embedding", **more: str) -> bool:
    ids = b.pick((1, 2), "ids")
    if ids is None:
        return False
    size, masked = b.size(), b.chance(0.5)
    if b.limits.in_keras and name == "ReversibleEmbedding":
        masked = False  # Keras's logits carry no mask, ours that of their vectors
    options: dict[str, Any] = {"input_dim": str(ids.vocabulary), "output_dim": str(size), **_table(b), **more}
    if masked:
        options["mask_zero"] = "True"
    b.add([ids], [(*ids.shape, size)], Call(f"layers.{name}", options), masked)
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
    b.add(
        [source],
        [(*source.shape[:-1], vocabulary)],
        masked=source.masked,
        shares=node.outputs[0],
        call={"reverse": "True"},
    )
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
    # of one feature nothing but rounding is left, which Keras does to float32
    value = b.pick((1, 2, 3), fits=lambda v: v.shape[-1] > 1 or not b.limits.in_keras)
    if value is None:
        return False
    options = some(
        b,
        0.2,
        epsilon="0.01",
        center="False",
        scale="False",
        gamma_regularizer=lambda: b.regularizer(matrix=False),
        gamma_constraint="constraints.NonNeg()",
    )
    if b.chance(0.3) and not b.limits.in_keras:  # Keras on torch: the last axis alone
        options["axis"] = b.random.choice(["1"] + (["[1, 2]"] if len(value.shape) > 1 else []))
    b.add([value], [value.shape], Call("layers.LayerNormalization", options), value.masked)
    return True


@recipe("RMSNormalization", 0.3)
def _root_mean_square(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    b.add([value], [value.shape], Call("layers.RMSNormalization", some(b, 0.3, epsilon="0.01")), value.masked)
    return True


@recipe("UnitNormalization", 0.3)
def _unit_length(b: Builder) -> bool:
    # of one feature nothing but its sign is left
    value = b.pick((1, 2, 3), fits=lambda v: v.shape[-1] > 1)
    if value is None:
        return False
    b.add([value], [value.shape], Call("layers.UnitNormalization", {}), value.masked)
    return True


@recipe("GroupNormalization", 0.3)
def _group_normalization(b: Builder) -> bool:
    value = b.pick((2, 3), fits=lambda v: v.shape[-1] > 1)
    if value is None:
        return False
    groups = b.random.choice([n for n in range(1, value.shape[-1]) if value.shape[-1] % n == 0])
    options = {"groups": str(groups), **some(b, 0.2, epsilon="0.01", center="False", scale="False")}
    b.add([value], [value.shape], Call("layers.GroupNormalization", options), value.masked)
    return True


@recipe("BatchNormalization", 0.8)
def _batch_normalization(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    options = some(
        b,
        0.2,
        momentum="0.7",
        epsilon="0.01",
        center="False",
        scale="False",
        beta_regularizer=lambda: b.regularizer(matrix=False),
    )
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
noise("SpatialDropout2D", lambda b, v: {"rate": b.rate()}, (3,))
noise("GaussianDropout", lambda b, v: {"rate": b.rate()})
noise("AlphaDropout", lambda b, v: {"rate": b.rate()})
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
    lambda b: some(
        b, 0.3, kernel_regularizer=lambda: b.regularizer(), kernel_constraint=lambda: pools.constraint(b.random)
    ),
)


from tests.random_models import (  # noqa: E402  (they enter their recipes)
    recipes_merging,
    recipes_nesting,
    recipes_recurrent,
    recipes_shapes,
    recipes_windows,
)

__all__ = ["RECIPES", "recipes_merging", "recipes_nesting", "recipes_recurrent", "recipes_shapes", "recipes_windows"]

"""Draw the description of a model from one integer."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.random_models import pools
from tests.random_models.spec import Call, Graph, Node, Spec, Value
from tests.support import recurrent_layers

Shape = tuple[int, ...]


@dataclass
class Limits:
    """What to draw from.

    in_keras : only what Keras has too, and nothing random in training
    dtype : "float32", "float64", or None: one of them
    no_features : inputs without features (I = 0)
    no_rows : empty batches
    """

    in_keras: bool = False
    dtype: str | None = None
    no_features: bool = False
    no_rows: bool = False


@dataclass
class Names:
    """Numbers the values of a model and those nested in it."""

    count: int = 0

    def next(self) -> str:
        self.count += 1
        return f"v{self.count}"


@dataclass
class Builder:
    """A graph under construction. The recipes (see recipes.py) take values from it and add nodes to it."""

    random: Random
    limits: Limits
    names: Names = field(default_factory=Names)
    depth: int = 0
    large: bool = False
    inputs: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    stateful: bool = False
    fixed: bool = False

    # --- drawing -------------------------------------------------------------------------------------------------

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def size(self) -> int:
        """A size of features: mostly small and odd."""
        if self.large:
            return self.random.choice((16, 24, 32, 33, 48))
        return self.random.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 19, 21))

    def rate(self) -> str:
        return self.random.choice(("0.2", "0.5"))

    def seed(self) -> str:
        return str(self.random.randrange(1000))

    def regularizer(self, matrix: bool = True) -> Call:
        # Keras's OrthogonalRegularizer gives NaN for a single row, ours 0
        return pools.regularizer(self.random, matrix and not self.limits.in_keras)

    def pick(self, ranks: tuple[int, ...], kind: str = "", fits: Any = None, empty: bool = False) -> Value | None:
        """A value whose shape has one of these ranks: mostly a new one that nothing uses yet.

        empty : also one without features
        """
        found = [
            value for value in self.values.values()
            if len(value.shape) in ranks and (value.kind == "ids") == (kind == "ids")
            and (fits is None or fits(value))
            and (empty or 0 not in value.shape)
        ]  # fmt: skip
        if not found:
            return None
        unused = [value for value in found if value.name not in self.used]
        if unused and self.chance(0.4):
            return unused[-1]
        return self.random.choice(unused if unused and self.chance(0.8) else found)

    # --- adding --------------------------------------------------------------------------------------------------

    def input(self, shape: Shape, kind: str = "real", vocabulary: int = 0) -> Value:
        value = self._value(shape, False, kind, vocabulary)
        self.inputs.append(value.name)
        return value

    def _value(self, shape: Shape, masked: bool, kind: str = "real", vocabulary: int = 0) -> Value:
        value = Value(self.names.next(), shape, masked, kind, vocabulary)
        self.values[value.name] = value
        return value

    def add(
        self,
        inputs: list[Value],
        shapes: list[Shape],
        layer: Call | None = None,
        masked: bool = False,
        kind: str = "real",
        **parts: Any,
    ) -> list[Value]:
        """A node; its outputs. The first output carries the mask and the kind."""
        outputs = [
            self._value(shape, masked and not place, kind if not place else "real")
            for place, shape in enumerate(shapes)
        ]
        node = Node([value.name for value in outputs], [value.name for value in inputs], layer, **parts)
        self.nodes.append(node)
        self.used.update(node.uses())
        return outputs

    def graph(self, outputs: list[str]) -> Graph:
        graph = Graph(self.inputs, self.nodes, outputs, self.values)
        graph.prune()
        return graph

    def leaves(self) -> list[Value]:
        """The values that nothing uses, the newest first."""
        found = [v for v in self.values.values() if v.name not in self.used and v.kind != "ids"]
        return [v for v in found if v.name not in self.inputs][::-1]


def generate(seed: int, limits: Limits | None = None) -> Spec:
    """The description that belongs to `seed`."""
    from tests.random_models.recipes import add_layers, dense

    limits = limits or Limits()
    random = Random(f"{seed} {'keras' if limits.in_keras else ''}")
    drawn = "float64" if random.random() < 0.75 else "float32"
    b = Builder(random, limits, large=random.random() < 0.06)
    batch = random.choice((8, 32, 48)) if b.large else random.choice((1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 18))
    if limits.no_rows and random.random() < 0.03:
        batch = 0
    for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
        draw_input(b)
    add_layers(b, random.randint(1, 7))
    outputs = b.leaves()[: random.choice((1, 1, 1, 2, 3))]
    if not outputs:
        last = [value for value in b.values.values() if value.kind != "ids"]
        outputs = [dense(b, last[-1])] if last else [_embed(b)]
    outputs = [_head(b, value) for value in outputs]
    if not _uses_weights(b.graph([v.name for v in outputs])):
        outputs[0] = dense(b, outputs[0], "linear")
    graph = b.graph([value.name for value in outputs])
    if graph.is_chain() and random.random() < 0.5:
        graph.sequential = "input" if b.stateful or b.fixed or random.random() < 0.6 else "open"
    fixed = b.stateful or b.fixed or (graph.sequential != "open" and random.random() < 0.3)
    modes = ["batches", "batches", "fit"] + ([] if limits.in_keras else ["tape"])
    mode = random.choice(modes)
    rest = mode == "fit" and not fixed and random.random() < 0.5
    rows = batch + (random.randint(1, batch) if rest and batch else 0)
    losses = [_loss(b, value, (rows, *value.shape), limits.dtype or drawn) for value in outputs]
    weighted = random.random() < 0.25
    return Spec(
        seed=seed,
        dtype=limits.dtype or drawn,
        batch=batch,
        fixed=fixed,
        rows=rows,
        graph=graph,
        data={name: _data(b, b.values[name], rows, limits.dtype or drawn) for name in graph.inputs},
        targets=[target for _, target in losses],
        weights=[_weights(b, value, rows, limits.dtype or drawn) if weighted else None for value in outputs],
        loss=[loss for loss, _ in losses],
        loss_weights=[random.choice((0.5, 1.0, 2.0)) for _ in outputs] if random.random() < 0.2 else None,
        optimizer=pools.optimizer(random, limits.in_keras),
        mode=mode,
    )


def _uses_weights(graph: Graph) -> bool:
    """Whether an output depends on weights. Nodes may be there for the layer alone that a later one calls again."""
    makers = {node.outputs[0]: node for node in graph.nodes}
    needed, found = set(graph.outputs), False
    for node in reversed(graph.nodes):
        if needed & set(node.outputs):
            needed.update(node.uses())
            found = found or _has_weights(node if node.shares is None else makers[node.shares])
    return found


def _has_weights(node: Node) -> bool:
    names = {"Dense", *recurrent_layers.KINDS, "RNN", "Embedding", "Bidirectional"}
    made = node.graph.calls() if node.graph is not None else Graph([], [node], [], {}).calls()
    return any(call.name.removeprefix("layers.") in names for call in made)


def draw_input(b: Builder) -> Value:
    random = b.random
    steps = random.choice((20, 33, 50)) if b.large else random.choice((1, 2, 3, 4, 5, 6, 7, 9, 10))
    if random.random() < 0.3:
        vocabulary = random.choice((2, 5, 11, 40))
        return b.input((steps, random.choice((2, 3))) if b.chance(0.15) else (steps,), "ids", vocabulary)
    features = 0 if b.limits.no_features and random.random() < 0.05 else b.size()
    if random.random() < 0.2:
        return b.input((features,))
    if random.random() < 0.15:
        return b.input((steps, random.choice((2, 3, 4)), features))
    return b.input((steps, features))


def _embed(b: Builder) -> Value:
    from tests.random_models.recipes import RECIPES

    assert RECIPES["Embedding"](b)
    return b.leaves()[0]


def _head(b: Builder, value: Value) -> Value:
    """Sometimes a last Dense layer, whose activation decides which losses fit."""
    from tests.random_models.recipes import dense

    if b.chance(0.6):
        return dense(b, value, b.random.choice(("sigmoid", "softmax", "softmax", "linear", "softplus", "relu")))
    return value


def _loss(b: Builder, value: Value, shape: Shape, dtype: str) -> tuple[str, str]:
    """A loss that fits the value, and the text that draws its target."""
    random, several = b.random, shape[-1] > 1
    choices = []
    for name, (targets, kinds, _) in pools.LOSSES.items():
        logits = name in pools.FROM_LOGITS and value.kind == "real"
        if (not kinds or value.kind in kinds or logits) and (several or "ategorical" not in name):
            choices += [(name, target, logits) for target in targets]
    preferred = [choice for choice in choices if pools.LOSSES[choice[0]][1]]
    name, target, logits = random.choice(preferred if preferred and random.random() < 0.5 else choices)
    options = {key: random.choice(values) for key, values in pools.LOSSES[name][2].items() if random.random() < 0.25}
    if logits:
        options["from_logits"] = "True"
    if random.random() < 0.1:
        options["reduction"] = random.choice(("'sum'", "'mean_with_sample_weight'"))
    seed = random.randrange(10**6)
    if target == "classes":
        drawn = f"drawing.classes({shape[:-1]}, {shape[-1]}, {seed})"
    else:
        drawn = f"drawing.{target}({shape}, {dtype!r}, {seed})"
    return str(Call(f"losses.{name}", options)), drawn


def _weights(b: Builder, value: Value, rows: int, dtype: str) -> str:
    """Sample weights: one for each row, or for each step."""
    steps = len(value.shape) > 1 and b.chance(0.4)
    shape = (rows, value.shape[0]) if steps else (rows,)
    if b.limits.in_keras:  # one for each loss, or an error
        shape = (rows, *value.shape[:-1])
    return f"drawing.uniform({shape}, {dtype!r}, {b.random.randrange(10**6)})"


def _data(b: Builder, value: Value, rows: int, dtype: str) -> str:
    random, shape = b.random, (rows, *value.shape)
    seed = random.randrange(10**6)
    padding = random.choice(("right", "right", "left", "holes"))
    if value.kind == "ids":
        return f"drawing.ids({shape}, {value.vocabulary}, {seed}, {padding!r})"
    if len(shape) == 3 and random.random() < 0.5:
        return f"drawing.padded({shape}, {dtype!r}, {seed}, {padding!r}, {random.choice((0.0, 0.0, -1.0))})"
    return f"drawing.normal({shape}, {dtype!r}, {seed})"

"""Recurrent layers, with every option."""

from __future__ import annotations

from typing import Any

from tests.random_models import pools
from tests.random_models.generator import Builder
from tests.random_models.recipes import NOT_IN_KERAS, dense, recipe, some
from tests.random_models.spec import Call, Value
from tests.support import recurrent_layers

SHARES = {kind: 4.0 if kind in recurrent_layers.IN_KERAS else 1.5 for kind in recurrent_layers.KINDS}
NOT_IN_KERAS.update(recurrent_layers.NOT_IN_KERAS)


def draw_kind(b: Builder) -> str:
    """A recurrent layer."""
    kinds = recurrent_layers.IN_KERAS if b.limits.in_keras else tuple(SHARES)
    return b.random.choices(kinds, [SHARES[kind] for kind in kinds])[0]


def cell_options(b: Builder, kind: str, units: int) -> dict[str, Any]:
    """What a cell and its layer both take."""
    options: dict[str, Any] = {"units": str(units)}
    if b.chance(0.35):
        options["activation"] = repr(pools.activation(b.random, recurrent=True))
    if recurrent_layers.declared(kind).recurrent_activation is not None and b.chance(0.3):
        names = ("sigmoid", "hard_sigmoid", "tanh", "relu", "linear", "softsign", "hard_tanh")
        options["recurrent_activation"] = repr(b.random.choice(names[:3] if b.large else names))
        if not b.limits.in_keras and b.chance(0.1):
            options["recurrent_activation"] = "activations.hard_sigmoid_keras2"
    if kind == "GRU" and b.chance(0.4):
        options["reset_after"] = "False"
    if recurrent_layers.KINDS[kind].cell_class.kernel_cell.biases:
        options |= some(b, 0.12, use_bias="False")
    for prefix in recurrent_layers.KINDS[kind].cell_class.weight_prefixes().values():
        matrix = prefix in ("kernel", "recurrent")
        draws = {
            f"{prefix}_regularizer": lambda matrix=matrix: b.regularizer(matrix=matrix),
            f"{prefix}_constraint": lambda matrix=matrix: pools.constraint(b.random, matrix=matrix),
        }
        options |= some(b, 0.07, **draws)
    if not b.limits.in_keras:
        drops = some(b, 0.12, **{name: b.rate for name in recurrent_layers.dropouts_of(kind)})
        drops |= some(b, 0.06, **{name: b.rate for name in recurrent_layers.zoneouts_of(kind)})
        options |= {**drops, "seed": b.seed()} if drops else {}
    if recurrent_layers.declared(kind).projects:
        options |= some(b, 0.7, projection_units=lambda: str(b.size()))
    return options


def state_sizes(kind: str, options: dict[str, Any]) -> list[int]:
    """The sizes of a layer's states, the first that of its output."""
    units = int(options["units"])
    projected = int(options.get("projection_units", recurrent_layers.output_of(kind, units)))
    return [*recurrent_layers.declared(kind).state_sizes(units, projected)]


def loop_options(b: Builder) -> dict[str, Any]:
    """What the layer takes beside the cell's options."""
    options: dict[str, Any] = some(b, 0.5, return_sequences="True")
    options |= some(b, 0.2, go_backwards="True", return_state="True")
    options |= some(b, 0.1, zero_output_for_mask="True", unroll="True")
    if not b.stateful and b.depth == 0 and b.chance(0.08):
        b.stateful = True
        options["stateful"] = "True"
    return options


def layer_options(b: Builder, kind: str, units: int) -> dict[str, Any]:
    """All options of a recurrent layer."""
    options = {**cell_options(b, kind, units), **loop_options(b)}
    if not (b.limits.in_keras and kind == "SimpleRNN"):  # which takes it and does nothing with it
        options |= some(b, 0.05, activity_regularizer=lambda: b.regularizer(matrix=False))
    if recurrent_layers.KINDS[kind].cell_class.has_forget_bias():
        options |= some(b, 0.05, unit_forget_bias="False")
    if not b.limits.in_keras and "return_sequences" in options and not {"return_state", "unroll"} & set(options):
        options |= some(b, 0.08, time_major="True")
    return options


def states_for(b: Builder, sizes: list[int]) -> list[Value]:
    """Values to start from, one for each size: those there are, or a Dense layer on some vector."""
    found = []
    for size in sizes:
        value = b.pick((1,), fits=lambda v, size=size: v.shape == (size,))
        if value is None:
            vector = b.pick((1,), fits=lambda v: v.shape[0] > 0)
            if vector is None:
                return []
            value = dense(b, vector, b.random.choice(("tanh", "linear")), size)
        found.append(value)
    return found


def add_recurrent(
    b: Builder, value: Value, layer: Call, options: dict[str, Any], size: int, states: list[int],
    start: list[Value], targets: Any = None,
) -> None:  # fmt: skip
    """The node of a recurrent layer: its output and its states."""
    steps = value.shape[0]
    sequences = "return_sequences" in options
    shapes: list[tuple[int, ...]] = [(steps, size) if sequences else (size,)]
    if "return_state" in options:
        shapes += [(one,) for one in states]
    outputs = b.add([value], shapes, layer, value.masked and sequences, states=[one.name for one in start])
    if targets is not None and "return_state" in options:
        b.nodes[-1].targets = targets([one.name for one in outputs])


def _recurrent(kind: str) -> None:
    @recipe(kind, SHARES[kind])
    def _(b: Builder) -> bool:
        value = b.pick((2,), empty=True)
        if value is None:
            return False
        units = b.size()
        options = layer_options(b, kind, units)
        states = state_sizes(kind, options)
        can_start = "time_major" not in options
        start = states_for(b, states) if can_start and b.chance(0.2) else []
        add_recurrent(b, value, Call(f"layers.{kind}", options), options, states[0], states, start)
        return True


for _kind in SHARES:
    _recurrent(_kind)


# --- RNN around cells ---------------------------------------------------------------------------------------------


def draw_cell(b: Builder) -> tuple[Call, int, list[int]]:
    """A cell, the size of its output, the sizes of its states."""
    units = b.size()
    kinds = ["built in"] * 3 + ["Decay", "TwoStates"] + ([] if b.limits.in_keras else ["Dropping"])
    kind = b.random.choice(kinds)
    if kind == "Decay":
        return Call("own.DecayCell", {"units": str(units)}), units, [units]
    if kind == "TwoStates":
        memory = b.size()
        return Call("own.TwoStatesCell", {"units": str(units), "memory": str(memory)}), units, [units, memory]
    if kind == "Dropping":
        options = {"units": str(units), "dropout": b.rate(), "recurrent_dropout": b.rate(), "seed": b.seed()}
        return Call("own.DroppingCell", options), units, [units]
    kind = draw_kind(b)
    options = cell_options(b, kind, units)
    states = state_sizes(kind, options)
    return Call(f"layers.{kind}Cell", options), states[0], states


@recipe("RNN", 2.0)
def _rnn(b: Builder) -> bool:
    value = b.pick((2,), empty=True)
    if value is None:
        return False
    options = loop_options(b)
    if b.chance(0.45):
        drawn = [draw_cell(b) for _ in range(b.random.choice((1, 2, 2, 3)))]
        cells = [cell for cell, _, _ in drawn]
        cell: Any = cells if b.chance(0.5) else Call("layers.StackedRNNCells", {"cells": cells})
        size, sizes = drawn[-1][1], [one for _, _, states in drawn for one in states]

        def targets(names: list[str]) -> str:
            left, rest = [names[0]], names[1:]
            for _, _, states in drawn:
                own, rest = rest[: len(states)], rest[len(states) :]
                left.append(f"({', '.join(own)})" if len(own) > 1 else own[0])
            return ", ".join(left)

        add_recurrent(b, value, Call("layers.RNN", {"cell": cell, **options}), options, size, sizes, [], targets)
        return True
    cell, size, sizes = draw_cell(b)
    start = states_for(b, sizes) if b.chance(0.2) else []
    add_recurrent(b, value, Call("layers.RNN", {"cell": cell, **options}), options, size, sizes, start)
    return True


# --- both directions ----------------------------------------------------------------------------------------------


@recipe("Bidirectional", 3.0)
def _bidirectional(b: Builder) -> bool:
    value = b.pick((2,), empty=True)
    if value is None:
        return False
    kind = "RNN" if b.chance(0.25) else draw_kind(b)
    if kind == "RNN":
        cell, size, states = draw_cell(b)
        options = loop_options(b)
        layer = Call("layers.RNN", {"cell": cell, **options})
    else:
        units = b.size()
        options = layer_options(b, kind, units)
        states = state_sizes(kind, options)
        size = states[0]
        options.pop("time_major", None)
        layer = Call(f"layers.{kind}", options)
    own_backwards = kind != "RNN" and b.chance(0.2)
    if not own_backwards:  # the copy that runs backwards is made of it
        options.pop("go_backwards", None)
        layer.options.pop("go_backwards", None)
    mode = b.random.choice(("concat", "concat", "sum", "mul", "ave", None))
    outer: dict[str, Any] = {"layer": layer, "merge_mode": repr(mode)}
    if own_backwards:
        other = draw_kind(b) if "return_state" not in options else kind
        if recurrent_layers.declared(other).projects != recurrent_layers.declared(kind).projects:
            other = kind
        back = cell_options(b, other, units)
        if recurrent_layers.declared(other).projects:
            back["projection_units"] = str(size)
        for key in ("return_sequences", "return_state", "stateful"):
            if key in options:
                back[key] = options[key]
        if "go_backwards" not in options:
            back["go_backwards"] = "True"
        outer["backward_layer"] = Call(f"layers.{other}", back)
        second = state_sizes(other, back)
    else:
        second = states
    start = states_for(b, [*states, *second]) if len(states) == len(second) and b.chance(0.15) else []
    steps, sequences = value.shape[0], "return_sequences" in options
    size = 2 * size if mode == "concat" else size
    shapes: list[tuple[int, ...]] = [(steps, size) if sequences else (size,)]
    if mode is None:
        shapes *= 2
    if "return_state" in options:
        shapes += [(one,) for one in (*states, *second)]
    outputs = b.add(
        [value],
        shapes,
        Call("layers.Bidirectional", outer),
        value.masked and sequences,
        states=[one.name for one in start],
    )
    if mode is None:
        outputs[1].masked = outputs[0].masked
    return True

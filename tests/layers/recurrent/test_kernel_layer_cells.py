"""What holds for every recurrent layer of the kernels, by the list of cells: a new one is tested here as it is."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, gradcheck, layers, ops
from recurra._core.cells import CELLS
from recurra.layers.lazy_embedding import EmbeddedIds
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.models import Sequential, load_model
from recurra.registry import deserialize_keras_object, serialize_keras_object
from tests.support.recurrent_layers import (
    F64,
    KINDS,
    MASK,
    NOT_IN_KERAS,
    RANDOM,
    B,
    H,
    I,
    T,
    X,
    declared,
    dropouts_of,
    in_steps,
    made,
    output_of,
    same,
    settings_of,
    sizes_of,
    states,
    states_of,
    zoneouts_of,
)

every_kind = pytest.mark.parametrize("kind", KINDS)


def dropping(kind: str) -> dict[str, Any]:
    return {name: 0.4 for name in dropouts_of(kind)}


# --- weights and arguments -----------------------------------------------------------------------------------------


def test_every_layer_is_in_the_list() -> None:
    found = {
        name
        for name in layers.__all__
        if inspect.isclass(kind := getattr(layers, name)) and issubclass(kind, KernelLayer)
    }
    assert found == set(KINDS)
    for cell, name in layers.LAYER_OF_CELL.items():
        assert CELLS[cell] is declared(name) and KINDS[name].__module__ == f"recurra.layers.recurrent.{cell}"
        assert KINDS[name].cell_class is getattr(layers, f"{name}Cell")


@every_kind
def test_weights_are_those_of_the_list(kind: str) -> None:
    layer = made(kind)
    assert [(w.name, w.shape) for w in layer.weights] == list(declared(kind).shapes(I, H, output_of(kind, H)).items())
    plain = made(kind, use_bias=False)
    assert [w.name for w in plain.weights] == [name for name in declared(kind).weights if name != "bias"]
    assert layer.units == layer.cell.units == H and len(layer.state_size) == states_of(kind)


@every_kind
def test_each_weight_has_its_initializer_regularizer_and_constraint(kind: str) -> None:
    for index, prefix in enumerate(KINDS[kind].cell_class.weight_prefixes().values()):
        options = {f"{prefix}_initializer": "ones", f"{prefix}_regularizer": "l2", f"{prefix}_constraint": "non_neg"}
        layer = KINDS[kind](H, **F64, **options)
        layer.build((B, T, I))
        for other, weight in enumerate(layer.weights):
            assert (weight.regularizer is not None) == (weight.constraint is not None) == (other == index)
        value = np.asarray(layer.weights[index].value)
        assert (value == 1.0).all()
        assert float(layer.losses[0]) == pytest.approx(0.01 * value.size)


@pytest.mark.parametrize("kind", NOT_IN_KERAS)
def test_what_a_cell_has_not_is_refused(kind: str) -> None:
    cell = declared(kind)
    absent = {"use_cudnn": "auto", "reset_after": True, "implementation": 1}
    if cell.recurrent_activation is None:
        absent["recurrent_activation"] = "tanh"
    if not cell.has_recurrent_kernel:
        absent["recurrent_dropout"] = 0.5
        if cell.unit_parameters == 0:
            absent["recurrent_initializer"] = "ones"
    if "f" not in cell.gates or "c" not in cell.states:
        absent["unit_forget_bias"] = True
    for name, value in absent.items():
        for made_of in (KINDS[kind], KINDS[kind].cell_class):
            with pytest.raises(TypeError, match=name):
                made_of(H, **{name: value})


@pytest.mark.parametrize("kind", NOT_IN_KERAS)
def test_signatures(kind: str) -> None:
    of_layer = inspect.signature(KINDS[kind].__init__).parameters
    of_cell = inspect.signature(KINDS[kind].cell_class.__init__).parameters
    assert set(of_cell) < set(of_layer) and {"return_sequences", "activity_regularizer", "unroll"} <= set(of_layer)
    assert of_cell["activation"].default == of_layer["activation"].default == declared(kind).activation
    layer = KINDS[kind](H, "relu", return_sequences=True)
    assert layer.activation.__name__ == "relu"
    with pytest.raises(TypeError, match="units"):
        KINDS[kind]()
    with pytest.raises(TypeError, match="positional"):
        KINDS[kind](H, "relu", "sigmoid")


# --- kernel and steps ----------------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("mask", [None, MASK], ids=["", "mask"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True, "go_backwards": True},
        {"return_sequences": True, "zero_output_for_mask": True, "use_bias": False},
        {"return_sequences": True, "activation": "sigmoid"},
        {"activation": "hard_sigmoid", "go_backwards": True},
        {"drop": True, "return_sequences": True},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_the_kernel_equals_the_steps(kind: str, options: dict[str, Any], mask: Any) -> None:
    options = dict(options)
    if options.pop("drop", False):
        options |= {**dropping(kind), "seed": 3}
    layer = made(kind, return_state=True, **options)
    copy = in_steps(layer)
    start = states(kind)
    assert layer.cell.runs_in_kernel and not copy.cell.runs_in_kernel
    results = []
    for one in (layer, copy):
        with GradientTape() as tape:
            inputs = [tape.watch(value) for value in (X, *start)]
            y, *final = one(inputs[0], initial_state=inputs[1:], mask=mask, training=True)
            loss = ops.sum(ops.square(y)) + sum(ops.sum(ops.square(state)) for state in final)
        gradients = tape.gradient(loss, [*inputs, *one.trainable_variables])
        results.append([np.asarray(value) for value in (y, *final, *gradients)])
    same(*results)


@every_kind
def test_recurrent_activations(kind: str) -> None:
    if declared(kind).recurrent_activation is None:
        pytest.skip("the cell has none")
    from recurra.activations import hard_sigmoid_keras2

    for activation in ("hard_sigmoid", "tanh", hard_sigmoid_keras2, "softsign"):
        layer = made(kind, recurrent_activation=activation)
        assert layer.cell.runs_in_kernel or activation not in ("hard_sigmoid", "tanh")
        np.testing.assert_allclose(layer(X), in_steps(layer)(X), rtol=1e-10, atol=1e-12)


@every_kind
@pytest.mark.parametrize("activation", ["tanh", "softsign"])
def test_a_cell_by_itself_in_an_rnn_and_stacked(kind: str, activation: str) -> None:
    layer = made(kind, activation=activation, return_state=True)
    cell, start = layer.cell, states(kind)
    y, *final = layer(X, initial_state=start, mask=MASK)
    same(layers.RNN(cell, return_state=True, **F64)(X, initial_state=start, mask=MASK), [y, *final])
    stacked = layers.RNN([cell, layers.SimpleRNNCell(3, **F64)], **F64)
    after = layers.RNN(stacked.cell.cells[1], **F64)
    sequences = layers.RNN(cell, return_sequences=True, **F64)(X, mask=MASK)
    stacked.build((B, T, I))
    np.testing.assert_allclose(stacked(X, mask=MASK), after(sequences, mask=MASK), rtol=1e-10)
    now = start if states_of(kind) > 1 else start[0]
    for t in range(T):
        out, now = cell(X[:, t], now)
    last = now if states_of(kind) > 1 else [now]
    same([out, *last], layer(X, initial_state=start))


@every_kind
@pytest.mark.parametrize("activation", [None, "softsign"], ids=["kernel", "steps"])
@pytest.mark.parametrize("drop", [False, True], ids=["", "drop"])
def test_gradients(kind: str, activation: str | None, drop: bool) -> None:
    options: dict[str, Any] = {"activation": activation} if activation else {}
    options |= dropping(kind) if drop else {}
    layer = made(kind, return_sequences=True, return_state=True, **options)

    def run(x: Any, *start: Any) -> Any:
        layer.cell.seed_generator.state = (17, 0)
        return list(layer(x, initial_state=list(start), mask=MASK, training=True))

    assert gradcheck(run, [X, *states(kind)], variables=layer.trainable_variables)


@every_kind
def test_dropout_at_the_ends_of_its_range(kind: str) -> None:
    layer = made(kind, dropout=1.0)
    if kind in ("LSTM", "GRU"):  # as in Keras
        np.testing.assert_array_equal(layer(X, training=True), layer(X))
    else:
        np.testing.assert_array_equal(layer(X, training=True), layer(np.zeros_like(X)))
    assert KINDS[kind](H, dropout=-1.0).dropout == 0.0


# --- the loop ------------------------------------------------------------------------------------------------------


@every_kind
def test_states_masks_and_time(kind: str) -> None:
    layer = made(kind, return_sequences=True, return_state=True)
    y, *final = layer(X, initial_state=states(kind))
    assert y.shape == (B, T, output_of(kind, H)) and [state.shape for state in final] == [
        (B, size) for size in sizes_of(kind, H)
    ]
    np.testing.assert_array_equal(y[:, -1], final[0])
    first, *middle = layer(X[:, :2])
    second, *end = layer(X[:, 2:], initial_state=middle)
    same([np.concatenate([first, second], axis=1), *end], layer(X))
    padded = np.tile(np.arange(T) < 3, (B, 1))
    same(layer(X, mask=padded)[1:], layer(X[:, :3])[1:])


@every_kind
def test_stateful_time_major_and_backwards(kind: str) -> None:
    plain = made(kind, return_sequences=True)
    weights, expected = plain.get_weights(), plain(X)
    stateful = KINDS[kind](H, return_sequences=True, stateful=True, weights=weights, **F64)
    pieces = [stateful(X[:, :2]), stateful(X[:, 2:])]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, rtol=1e-10)
    stateful.reset_state()
    np.testing.assert_array_equal(stateful(X[:, :2]), pieces[0])
    turned = KINDS[kind](H, return_sequences=True, time_major=True, weights=weights, **F64)
    np.testing.assert_array_equal(turned(X.swapaxes(0, 1)).swapaxes(0, 1), expected)
    backwards = KINDS[kind](H, return_sequences=True, go_backwards=True, weights=weights, **F64)
    np.testing.assert_allclose(backwards(X[:, ::-1]), expected, rtol=1e-10)


@every_kind
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_both_directions(kind: str, merge_mode: str) -> None:
    layer = made(kind, return_sequences=True)
    both = layers.Bidirectional(layer, merge_mode=merge_mode, **F64)
    y = both(X, mask=MASK)
    one, other = both.forward_layer(X, mask=MASK), both.backward_layer(X, mask=MASK)[:, ::-1]
    expected = np.concatenate([one, other], axis=-1) if merge_mode == "concat" else one + other
    kept = MASK[..., None]
    np.testing.assert_allclose(y * kept, expected * kept, rtol=1e-10, atol=1e-12)


@every_kind
@pytest.mark.parametrize("activation", [None, "softsign"], ids=["kernel", "steps"])
def test_a_lookup_that_waits_gives_the_same(kind: str, activation: str | None) -> None:
    ids = np.array([[1, 2, 2, 0], [5, 1, 4, 4], [3, 0, 0, 2]])
    table = layers.Embedding(7, I, mask_zero=True, **F64)
    table(ids)
    layer = made(kind, return_sequences=True, **({"activation": activation} if activation else {}))
    assert isinstance(table.lookup(ids), EmbeddedIds)
    results = []
    for look in (table, table.lookup):
        with GradientTape() as tape:
            y = layer(look(ids))
            loss = ops.sum(ops.square(y))
        gradients = tape.gradient(loss, [table.embeddings, *layer.trainable_weights])
        results.append([np.asarray(value) for value in (y, *gradients)])
    same(*results)


@every_kind
def test_time_distributed(kind: str) -> None:
    layer = made(kind)
    x = RANDOM.standard_normal((2, 3, T, I))
    expected = np.stack([layer(x[:, t]) for t in range(3)], axis=1)
    np.testing.assert_allclose(layers.TimeDistributed(layer, **F64)(x), expected, rtol=1e-10)


# --- configuration and files ---------------------------------------------------------------------------------------


def everything(kind: str) -> dict[str, Any]:
    """A value unlike the default for each argument of the cell."""
    options: dict[str, Any] = {"activation": "sigmoid", "seed": 5}
    if declared(kind).biases:
        options["use_bias"] = True
    options |= {name: "random_normal" for name in settings_of(kind, "initializer")}
    options |= {name: "l1" for name in settings_of(kind, "regularizer")}
    options |= {name: "max_norm" for name in settings_of(kind, "constraint")}
    options |= {name: 0.25 for name in (*dropouts_of(kind), *zoneouts_of(kind))}
    if declared(kind).recurrent_activation is not None:
        options["recurrent_activation"] = "hard_sigmoid"
    if KINDS[kind].cell_class.has_forget_bias():
        options["unit_forget_bias"] = False
    if declared(kind).projects:
        options["projection_units"] = 5
    return options


@every_kind
def test_configuration(kind: str) -> None:
    options = everything(kind)
    layer = KINDS[kind](3, **options, return_sequences=True, activity_regularizer="l2", name="mine")
    config = layer.get_config()
    for name in (*options, "return_sequences", "activity_regularizer", "name"):
        assert name in config
    again = deserialize_keras_object(serialize_keras_object(layer))
    assert type(again) is KINDS[kind] and again.get_config() == config
    plain = KINDS[kind](3).get_config()
    assert not [name for name in plain if name.startswith("zoneout")]  # the configuration is Keras's
    assert all(plain.get(name) != config[name] for name in options if name != "use_bias")
    cell = deserialize_keras_object(serialize_keras_object(layer.cell))
    assert type(cell) is KINDS[kind].cell_class and cell.get_config() == layer.cell.get_config()


@every_kind
@pytest.mark.parametrize("file", ["model.keras", "model.h5", "model.weights.h5"])
def test_files(kind: str, file: str, tmp_path: Path) -> None:
    def make() -> Any:
        return Sequential(
            [
                layers.Input((T, I)),
                KINDS[kind](3, **everything(kind), return_sequences=True),
                layers.Bidirectional(KINDS[kind](2, return_sequences=True)),
                layers.RNN(KINDS[kind].cell_class(5)),
                layers.Dense(1),
            ]
        )

    model, path = make(), tmp_path / file
    x = X.astype("float32")
    model.compile("adam", "mse")
    model.fit(x, np.ones((B, 1)), epochs=1, verbose=0)
    if "weights" in file:
        model.save_weights(path)
        again = make()
        again.load_weights(path)
    else:
        model.save(path)
        again = load_model(path)
        assert again.get_config() == model.get_config()
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


@every_kind
def test_summary(kind: str) -> None:
    model = Sequential([layers.Input((T, I)), KINDS[kind](H, name="recurrent")])
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    count = sum(int(np.prod(shape)) for shape in declared(kind).shapes(I, H, output_of(kind, H)).values())
    row = next(line for line in "\n".join(lines).split("\n") if "recurrent" in line)
    assert f"({kind})" in row and str(count) in row and f"(None, {output_of(kind, H)})" in row


@pytest.mark.parametrize("activation", ("linear", "relu6"))  # in the kernel, and step by step
def test_min_lstm_with_both_gates_closed(activation: str) -> None:
    """The share of the new value is 1 / (1 + exp(zf - zi)) where sigmoid(zf) and sigmoid(zi) are 0."""
    layer = layers.MinLSTM(3, activation=activation, dtype="float64")
    layer.build((1, 1, 1))
    zf, zi = np.array([-900.0, -902.0, -2000.0]), np.array([-901.0, -900.0, -3000.0])
    layer.set_weights([np.concatenate([zf, zi, [4.0, 5.0, 5.5]])[None], np.zeros(9)])
    h0 = np.array([[1.0, 2.0, 3.0]])
    share = 1 / (1 + np.exp(np.minimum(zf - zi, 700)))
    expected = h0 + share * ([4.0, 5.0, 5.5] - h0)
    np.testing.assert_allclose(layer(np.ones((1, 1, 1)), initial_state=h0), expected, rtol=1e-12)

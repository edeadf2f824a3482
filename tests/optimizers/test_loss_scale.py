"""Dynamic loss scaling: Keras's numbers (3.15), programs of Keras 2, sparse gradients, files, exact resumption."""

from __future__ import annotations

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, layers, ops, optimizers
from recurra.models import Sequential, load_model
from recurra.optimizers import Adam, LossScaleOptimizer

RNG = np.random.RandomState(0)
X, Y = RNG.rand(8, 5, 3).astype("float32"), RNG.rand(8, 2).astype("float32")


def model(optimizer: Any) -> Sequential:
    made = Sequential([layers.Input((5, 3)), layers.LSTM(4), layers.Dense(2)])
    made.set_weights([np.random.RandomState(i).randn(*w.shape) * 0.3 for i, w in enumerate(made.get_weights())])
    made.compile(optimizer, "mse")
    return made


@pytest.mark.filterwarnings("ignore:overflow")
def test_steps_are_those_of_keras() -> None:
    inner = Adam(0.05, clipnorm=0.5, weight_decay=0.01)
    optimizer = LossScaleOptimizer(inner, initial_scale=2.0**8, dynamic_growth_steps=3)
    made = model(optimizer)
    scales, losses, sums = [], [], []
    for step in range(8):
        losses.append(made.train_on_batch(X, Y * np.float32(1e38) if step == 4 else Y))
        scales.append((int(optimizer.iterations), float(optimizer.dynamic_scale), int(optimizer.step_counter)))
        sums.append(float(made.get_weights()[0].sum()))
    assert scales == [
        (1, 256, 1), (2, 256, 2), (3, 512, 0), (4, 512, 1), (4, 256, 0), (5, 256, 1), (6, 256, 2), (7, 512, 0),
    ]  # fmt: skip
    wanted = [0.2257262, 0.1383260, 0.0855713, 0.0645803, np.inf, 0.0612846, 0.0641033, 0.0620525]
    np.testing.assert_allclose(losses, wanted, rtol=2e-5)
    np.testing.assert_allclose(
        sums, [2.55363, 3.07476, 3.99064, 4.72992, 4.72992, 4.89662, 4.48472, 3.77308], rtol=3e-5
    )


def test_as_the_inner_optimizer_alone_where_all_is_finite() -> None:
    made, plain = model(LossScaleOptimizer(Adam(0.01))), model(Adam(0.01))
    for one in (made, plain):
        one.fit(X, Y, batch_size=3, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(made.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("keras2", [False, True])
def test_in_a_loop_of_ones_own(keras2: bool) -> None:
    def train(scaled: bool) -> list[Any]:
        made = model("sgd")
        optimizer: Any = LossScaleOptimizer("sgd", 1024.0) if scaled else optimizers.SGD()
        for _ in range(3):
            with GradientTape() as tape:
                loss = ops.mean(ops.square(made(X) - Y))
                total = (optimizer.get_scaled_loss(loss) if keras2 else optimizer.scale_loss(loss)) if scaled else loss
            grads = tape.gradient(total, made.trainable_variables)
            if scaled and keras2:
                grads = optimizer.get_unscaled_gradients(grads)
            optimizer.apply_gradients(zip(grads, made.trainable_variables, strict=True))
        return made.get_weights()

    for one, other in zip(train(True), train(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_sparse_gradients_and_missing_ones() -> None:
    table, other = Variable(np.ones((5, 2), "float32")), Variable(np.ones(3, "float32"))
    optimizer = LossScaleOptimizer(optimizers.SGD(1.0), 4.0)
    for bad in (np.nan, 8.0):
        with GradientTape() as tape:
            loss = ops.sum(ops.embedding(table, np.array([[3, 1, 3]])) * np.float32(bad))
        optimizer.apply([tape.gradient(loss, [table])[0], np.full(3, 4.0, "float32")], [table, other])
        if np.isnan(bad):
            assert (table.value == 1).all() and (other.value == 1).all() and float(optimizer.dynamic_scale) == 2.0
    np.testing.assert_array_equal(table.value[:, 0], [1, -3, 1, -7, 1])
    np.testing.assert_array_equal(other.value, [-1, -1, -1])
    with pytest.warns(UserWarning, match="has no gradient"):
        optimizer.apply([None, np.zeros(3, "float32")], [table, other])


def test_settings_are_the_inner_ones() -> None:
    optimizer = LossScaleOptimizer(Adam(0.5, use_ema=True, ema_momentum=0.5), 8.0)
    made = model(optimizer)
    optimizer.learning_rate = 0.01
    assert float(optimizer.inner_optimizer.learning_rate) == float(optimizer.lr) == pytest.approx(0.01)
    made.train_on_batch(X, Y)
    before = made.get_weights()
    made.train_on_batch(X, Y)
    after = made.get_weights()
    optimizer.swap_averages()
    for one, first, second in zip(made.get_weights(), before, after, strict=True):
        np.testing.assert_allclose(one, (first + second) / 2, rtol=1e-5, atol=1e-6)


def test_files_and_copies(tmp_path: Path) -> None:
    made = model(LossScaleOptimizer(Adam(0.01), 64.0, 3, name="scaled"))
    made.fit(X, Y, verbose=0, epochs=5)
    made.save(tmp_path / "m.keras")
    made.save(tmp_path / "m.h5")
    state = made.optimizer.state_dict()
    again, older = load_model(tmp_path / "m.keras"), load_model(tmp_path / "m.h5")
    for one in (again, copy.deepcopy(made), older):
        assert isinstance(one.optimizer, LossScaleOptimizer) and one.optimizer.name == "scaled"
        assert [v.name for v in one.optimizer.variables[:6]] == [
            "iteration", "learning_rate", "step_counter", "dynamic_scale", "iteration", "learning_rate",
        ]  # fmt: skip
    assert float(again.optimizer.dynamic_scale) == 128.0 and int(again.optimizer.step_counter) == 2
    again.optimizer.load_state_dict(state)
    for one in (made, again):
        one.fit(X, Y, verbose=0, epochs=2, shuffle=False)
    for one, other in zip(made.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_whose_state_has_a_scale_and_whose_optimizer_has_none(tmp_path: Path) -> None:
    """So Keras writes models of half precision: the optimizer as compile was given it, the state with the scale."""
    made = model(LossScaleOptimizer(Adam(0.01)))
    made.fit(X, Y, verbose=0, epochs=3)
    made.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as source, zipfile.ZipFile(tmp_path / "half.keras", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["compile_config"]["optimizer"] = "adam"
                data = json.dumps(config).encode()
            target.writestr(name, data)
    again = load_model(tmp_path / "half.keras").optimizer
    assert type(again) is Adam and int(again.iterations) == 3 and float(again.learning_rate) == pytest.approx(0.01)
    for one, other in zip(again.variables, made.optimizer.inner_optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.value, other.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LossScaleOptimizer("adam", dynamic=False), "dynamic must be True"),
        (lambda: LossScaleOptimizer("adam", 0), "initial_scale must be a number > 0, got 0"),
        (lambda: LossScaleOptimizer("adam", dynamic_growth_steps=0), "dynamic_growth_steps must be an int >= 1"),
        (lambda: LossScaleOptimizer("adam", clipnorm=1.0), "clipnorm"),
        (lambda: LossScaleOptimizer("nix"), "nix"),
        (
            lambda: setattr(LossScaleOptimizer("adam"), "loss_scale_factor", 2.0),
            "is found by LossScaleOptimizer itself",
        ),
        (lambda: LossScaleOptimizer("adam").apply([np.ones(2)]), "trainable_variables must be given"),
    ],
)
def test_errors(make: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        make()

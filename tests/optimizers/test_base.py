"""Optimizers beyond their arithmetic: arguments, state, configurations, rules of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Variable, optimizers
from recurra.autograd import RowSparse
from recurra.optimizers import SGD, Adam, Optimizer, RMSprop, schedules

ALL = ["SGD", "RMSprop", "Adam", "AdamW", "LazyAdam", "Adagrad", "Adadelta", "Nadam", "Adamax", "Lion"]


def step(optimizer: Any, value: Any = (1.0, 2.0, 3.0), grad: Any = (0.5, -1.0, 2.0), times: int = 1) -> Any:
    variable = Variable(np.array(value))
    for _ in range(times):
        optimizer.apply([np.array(grad)], [variable])
    return variable.value


@pytest.mark.parametrize("name", ALL)
def test_names_classes_and_configurations(name: str) -> None:
    cls = getattr(optimizers, name)
    assert type(optimizers.get(name.lower())) is cls
    assert type(optimizers.get(cls)) is cls
    made = cls(learning_rate=schedules.CosineDecay(0.1, 7), clipnorm=0.5, use_ema=True)
    again = optimizers.deserialize(optimizers.serialize(made))
    assert type(again) is cls and again.get_config() == made.get_config()
    np.testing.assert_array_equal(step(again, times=3), step(made, times=3))
    assert optimizers.get(made) is made


def test_keras_2_names() -> None:
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"):
        assert getattr(optimizers, name.lower()) is getattr(optimizers, name)
    assert float(SGD(lr=0.5).learning_rate) == 0.5
    assert float(SGD(lr=0.5).lr) == 0.5
    optimizer = SGD(lr=1.0, decay=0.5)
    assert step(optimizer, [0.0], [1.0], 3)[0] == pytest.approx(-(1 + 1 / 1.5 + 1 / 2))
    again = optimizers.deserialize({"class_name": "SGD", "config": optimizer.get_config()})
    assert again.decay == 0.5
    saved = {"name": "RMSprop", "learning_rate": 0.01, "decay": 0.0, "rho": 0.8, "is_legacy_optimizer": True}
    assert optimizers.deserialize({"class_name": "RMSprop", "config": saved}).get_config()["rho"] == 0.8


def test_an_unknown_argument_is_an_error() -> None:
    with pytest.raises(TypeError, match="beta1"):
        Adam(beta1=0.5)


def test_learning_rate_may_be_set_and_called() -> None:
    optimizer = SGD(1)
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate.assign(0.5)
    assert step(optimizer, [0.0], [1.0])[0] == -0.5
    assert step(SGD(lambda: 0.5), [0.0], [1.0], 2)[0] == -1.0
    assert step(SGD(lambda step: 1.0 / (step + 1)), [0.0], [1.0], 2)[0] == -1.5
    scheduled = SGD(schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25]))
    assert step(scheduled, [0.0], [1.0], 3)[0] == -1.75
    assert scheduled.learning_rate == 0.25


def test_iterations_can_be_read() -> None:
    optimizer = Adam()
    step(optimizer, times=4)
    assert int(optimizer.iterations) == 4 and optimizer.iterations.numpy() == 4
    optimizer = Adam(gradient_accumulation_steps=2)
    step(optimizer, times=5)
    assert optimizer.iterations == 2


def test_weights_that_do_not_decay() -> None:
    kernel, bias, table = (Variable(np.ones(2), name=name) for name in ("kernel", "bias", "table"))
    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[table], var_names=["bia"])
    optimizer.apply([np.zeros(2)] * 3, [kernel, bias, table])
    assert [v.value[0] for v in (kernel, bias, table)] == [pytest.approx(0.95), 1.0, 1.0]


def test_several_dtypes_at_once() -> None:
    for make in (lambda: Adam(0.1, global_clipnorm=1.0), lambda: RMSprop(0.1), lambda: SGD(0.1, momentum=0.9)):
        one, two = Variable(np.ones(3, "float32")), Variable(np.ones(4, "float64"))
        make().apply([np.full(3, 2.0), np.full(4, 2.0)], [one, two])
        assert one.dtype == np.float32 and two.dtype == np.float64
        assert one.value[0] == pytest.approx(two.value[0], rel=1e-6) and one.value[0] < 1


def test_state_goes_out_and_in() -> None:
    for name in ALL:
        first = getattr(optimizers, name)(0.1)
        value = step(first, times=3)
        store: dict[str, Any] = {}
        first.save_own_variables(store)
        second = getattr(optimizers, name)(0.1)
        variable = Variable(value.copy())
        second.build([variable])
        second.load_own_variables(store)
        second.apply([np.array([0.5, -1.0, 2.0])], [variable])
        np.testing.assert_allclose(variable.value, step(getattr(optimizers, name)(0.1), times=4), rtol=1e-6)
    with pytest.warns(UserWarning, match="its saved state was not loaded"):
        second.load_own_variables({"0": np.zeros(())})
    with pytest.raises(ValueError, match="weights must hold"):
        second.set_weights([np.zeros(())])


def test_state_is_in_keras_order() -> None:
    optimizer = Adam(use_ema=True, amsgrad=True)
    optimizer.build([Variable(np.ones(2), name="a"), Variable(np.ones(3), name="b")])
    assert [v.name for v in optimizer.variables] == [
        "iteration", "learning_rate", "a_average", "b_average",
        "a_momentum", "a_velocity", "b_momentum", "b_velocity", "a_velocity_hat", "b_velocity_hat",
    ]  # fmt: skip


def test_lazy_second_moments_are_settled_when_read() -> None:
    table = Variable(np.ones((5, 2)))
    dense = Variable(np.ones((5, 2)))
    sparse, full = RMSprop(0.1), RMSprop(0.1)
    rng = np.random.default_rng(0)
    for ids in ([0, 3], [1], [0], [4], [3]):
        grad = RowSparse(np.array(ids, np.int32), rng.normal(size=(len(ids), 2)), (5, 2))
        sparse.apply([grad], [table])
        full.apply([np.asarray(grad)], [dense])
    np.testing.assert_allclose(table.value, dense.value, rtol=1e-12)
    for a, b in zip(sparse.get_weights(), full.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    for _ in range(2):  # a dense gradient after sparse ones, and sparse ones after it
        sparse.apply([np.ones((5, 2))], [table])
        full.apply([np.ones((5, 2))], [dense])
        grad = RowSparse(np.array([2], np.int32), np.ones((1, 2)), (5, 2))
        sparse.apply([grad], [table])
        full.apply([np.asarray(grad)], [dense])
    np.testing.assert_allclose(table.value, dense.value, rtol=1e-12)


def test_constraints_hold_after_each_update() -> None:
    variable = Variable(np.array([3.0, 4.0]))
    variable.constraint = lambda w: w / max(1.0, float(np.linalg.norm(np.asarray(w))))
    version = variable.version
    SGD(0.1).apply([np.zeros(2)], [variable])
    np.testing.assert_allclose(variable.value, [0.6, 0.8])
    assert variable.version > version


def test_a_rule_of_ones_own() -> None:
    class Signs(Optimizer):
        def __init__(self, learning_rate: Any = 0.1, **kwargs: Any) -> None:
            super().__init__(learning_rate, **kwargs)

        def slots(self) -> list[tuple[str, ...]]:
            return [("last",)]

        def update_step(self, gradient: Any, variable: Any, learning_rate: float) -> None:
            (last,) = self.slot("last", [self._index[id(variable)]])
            agrees = np.sign(gradient) == np.sign(last)
            variable.assign(variable.value - learning_rate * np.sign(gradient) * np.where(agrees, 2, 1))
            last[...] = gradient

    np.testing.assert_allclose(step(Signs(), times=2), [0.7, 2.3, 2.7])
    np.testing.assert_allclose(step(Signs(weight_decay=1.0)), [0.8, 1.9, 2.6])


@pytest.mark.parametrize("wrong", [lambda v: [(v, np.ones(3))], lambda v: [v], lambda v: [(np.ones(3), np.ones(3))]])
def test_apply_gradients_says_what_pairs_are(wrong: Any) -> None:
    variable = Variable(np.ones(3))
    with pytest.raises(TypeError, match=r"must hold pairs \(gradient, Variable\), as zip\(gradients, variables\)"):
        SGD(0.1).apply_gradients(wrong(variable))
    assert np.array_equal(variable, np.ones(3))


def test_apply_gradients_and_gradients_that_are_none() -> None:
    one, two = Variable(np.ones(2), name="one"), Variable(np.ones(2), name="two")
    optimizer = SGD(1.0)
    with pytest.warns(UserWarning, match="variable 'two' has no gradient"):
        optimizer.apply_gradients([(np.ones(2), one), (None, two)])
    optimizer.apply_gradients([(np.ones(2), one), (None, two)])  # said once
    np.testing.assert_array_equal(one.value, [-1.0, -1.0])
    np.testing.assert_array_equal(two.value, [1.0, 1.0])


def test_swapping_averages_twice_changes_nothing() -> None:
    optimizer = SGD(0.5, use_ema=True, ema_momentum=0.5)
    variable = Variable(np.array([1.0]))
    for _ in range(3):
        optimizer.apply([np.array([1.0])], [variable])
    before = variable.numpy()
    optimizer.swap_averages()
    assert variable.value[0] != before[0]
    optimizer.swap_averages()
    np.testing.assert_array_equal(variable.value, before)
    with pytest.raises(ValueError, match="keeps no moving average"):
        SGD().swap_averages()


@pytest.mark.parametrize("name", ["Adafactor", "Ftrl", "Lamb", "Muon"])
def test_optimizers_out_of_scope(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} is not supported; there are SGD, .*RMSprop$"):
        getattr(optimizers, name)(0.1)


@pytest.mark.parametrize("name", ALL)
def test_one_optimizer_for_two_models(name: str) -> None:
    """Each model's variables have moments of their own; the count of steps is shared, as in Keras 2."""
    values = [np.array([1.0, -2.0]), np.array([[0.5, 1.5, 2.5]])]
    grads = [np.array([0.3, -0.7]), np.array([[0.2, -0.4, 0.9]])]
    shared = getattr(optimizers, name)(learning_rate=0.1)
    first, second = (Variable(value) for value in values)
    shared.apply([grads[0]], [first])
    shared.build([second])
    shared.apply([grads[1]], [second])
    alone = getattr(optimizers, name)(learning_rate=0.1)
    both = [Variable(value) for value in values]
    alone.build(both)
    alone.apply([grads[0]], both[:1])
    alone.apply([grads[1]], both[1:])
    np.testing.assert_array_equal(first.value, both[0].value)
    np.testing.assert_array_equal(second.value, both[1].value)
    assert int(shared.iterations) == 2 and len(shared.variables) == len(alone.variables)


def test_variables_of_a_model_that_changed_are_still_refused() -> None:
    a, b = Variable(np.ones(2)), Variable(np.ones(3))
    optimizer = SGD(0.1)
    optimizer.build([a])
    optimizer.build([a, b])
    with pytest.raises(ValueError, match="is not one that this optimizer was built on"):
        optimizer.apply([np.ones(2), np.ones(3)], [a, b])


def test_the_norm_is_clipped_before_the_values() -> None:
    grad = np.array([3.0, -4.0, 0.0])
    scaled = grad * (2.0 / 5.0)
    assert np.abs(scaled).max() > 1.3
    found = step(SGD(1.0, clipnorm=2.0, clipvalue=1.3), [0.0, 0.0, 0.0], grad)
    np.testing.assert_allclose(found, -np.clip(scaled, -1.3, 1.3), rtol=1e-6)
    config = SGD(1.0, clipnorm=2.0, clipvalue=1.3).get_config()
    assert (config["clipnorm"], config["clipvalue"]) == (2.0, 1.3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Adam(beta_1=1.0), r"beta_1 must be in \[0, 1\), got 1.0"),
        (lambda: optimizers.Nadam(beta_2=2), r"beta_2 must be in \[0, 1\), got 2"),
        (lambda: Adam(beta_1="a"), r"beta_1 must be in \[0, 1\), got 'a'"),
        (lambda: SGD(momentum="a"), r"momentum must be in \[0, 1\], got 'a'"),
        (lambda: SGD(clipnorm="a"), "clipnorm must be a number > 0 or None, got 'a'"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()

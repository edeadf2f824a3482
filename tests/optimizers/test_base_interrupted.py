"""What an optimizer is after an update, or the making of its state, that was broken off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Variable, layers, optimizers
from recurra.models import Sequential
from recurra.optimizers import state as state_module

KINDS = [optimizers.Adam, optimizers.Nadam, optimizers.RMSprop, optimizers.Adagrad, optimizers.Lion]


def variables() -> list[Variable]:
    return [Variable(np.ones(shape), name=f"w{shape[0]}") for shape in ((2, 3), (4,), (5, 1))]


def gradients(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in ((2, 3), (4,), (5, 1))]


@pytest.mark.parametrize("kind", KINDS)
def test_state_that_memory_does_not_suffice_for_can_be_made_later(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, others = variables(), variables()
    optimizer, expected = (kind(0.1, use_ema=True, gradient_accumulation_steps=2) for _ in range(2))
    made = [0]

    def failing(*args: Any, **kwargs: Any) -> Variable:
        made[0] += 1
        if made[0] == 5:
            raise MemoryError("no room")
        return Variable(*args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(state_module, "Variable", failing)
        optimizer.build(mine)
    assert not optimizer.built
    for step in range(4):
        optimizer.apply(gradients(step), mine)
        expected.apply(gradients(step), others)
    for one, other in zip([*mine, *optimizer.variables], [*others, *expected.variables], strict=True):
        np.testing.assert_array_equal(one.value, other.value)


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"use_ema": True}], ids=str)
def test_a_model_predicts_with_the_weights_of_an_update_that_was_broken_off(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed weights are made anew."""
    x = np.random.default_rng(1).normal(size=(4, 5, 3)).astype("float32")
    model = Sequential([layers.Input((5, 3)), layers.LSTM(6)])
    same = Sequential([layers.Input((5, 3)), layers.LSTM(6)])
    model.compile(optimizers.Adam(0.1, **options), "mse")
    model.train_on_batch(x, np.zeros((4, 6)))
    before = model.predict(x, verbose=0)
    original = optimizers.Adam.update

    def update(self: Any, batch: Any) -> None:
        original(self, batch)
        raise KeyboardInterrupt

    monkeypatch.setattr(optimizers.Adam, "update", update)
    with pytest.raises(KeyboardInterrupt):
        model.train_on_batch(x, np.zeros((4, 6)))
    same.set_weights(model.get_weights())
    found = model.predict(x, verbose=0)
    assert not np.array_equal(found, before)
    np.testing.assert_array_equal(found, same.predict(x, verbose=0))

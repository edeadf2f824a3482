"""What cells written in Python return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers


class Step(layers.Layer):
    """A cell that returns what it is told to."""

    state_size = 3

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made

    def call(self, inputs: Any, states: Any) -> Any:
        return self.made(inputs)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        # an array of two rows could be unpacked as output and states
        (lambda x: x[:, :3], r"\(Step\): call must return two things, \(output, new states\), got ndarray"),
        (lambda x: (x, [x[:, :3]], x), r"call must return two things, \(output, new states\), got 3 of them"),
        (lambda x: (x, [x[:, :3], x[:, :3]]), "call must return 1 new states, as state_size says, got 2"),
        (
            lambda x: (x, [x[:, :4]]),
            r"the shapes of the old ones, as state_size says: \(2, 3\) became \(2, 4\)",
        ),
    ],
)
def test_what_a_cell_returns_is_checked(made: Any, said: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
    with pytest.raises(ValueError, match=said):
        layers.RNN(Step(made))(x)


def test_states_may_begin_with_one_row_for_all() -> None:
    class Total(Step):
        def get_initial_state(self, batch_size: int | None = None) -> Any:
            return [np.full((1, 3), 0.5, "float32")]

        def call(self, inputs: Any, states: Any) -> Any:
            total = states[0] + inputs[:, :3]
            return total, [total]

    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
    np.testing.assert_allclose(layers.RNN(Total(None))(x), 0.5 + x[:, :, :3].sum(axis=1), rtol=1e-5)
